"""Remove old files from the folders named on the command line; without `--delete` only say which.

What it never does: follow a symbolic link or junction, leave the named folder, cross into another file
system, touch anything but regular files, or work in a folder whose loss would hurt (`refusal` has the list).
A file is as old as its last change of content *or* of owner, name or place: what was unpacked today is new.
Exit code 0: done. 2: a folder was refused, and nothing at all was removed. 10: some files could not be removed.
"""

import argparse
import io
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import NamedTuple

REFUSED = 2
LEFT_SOME = 10
SHOWN_FILES = 20
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# The scheduler's own folder: old locks and histories there are not rubbish.
OWN_FILE = "adaptive_scheduler_state.json"
WHOLE_FOLDERS = (
    "/Applications", "/Library", "/Users", "/home", "/media", "/mnt", "/opt", "/private", "/private/var",
    "/root", "/run", "/srv", "/var",
)  # fmt: skip
SYSTEM_FOLDERS = (
    "/System", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr",
)  # fmt: skip
WINDOWS_WHOLE = ("SystemRoot", "ProgramData", "PUBLIC", "APPDATA", "LOCALAPPDATA")
WINDOWS_SYSTEM = ("ProgramFiles", "ProgramFiles(x86)", "ProgramW6432")

Identity = tuple[int, int]


class Found(NamedTuple):
    """One name in a folder, and how to remove exactly it."""

    path: Path
    status: os.stat_result
    remove: Callable[[], None]


@dataclass
class Tally:
    """What happened in one folder."""

    seen: int = 0
    old: int = 0
    old_bytes: int = 0
    trouble: int = 0

    def note(self, error: OSError) -> None:
        """Say what could not be done; what vanished meanwhile is what we wanted."""
        if not isinstance(error, FileNotFoundError):
            self.trouble += 1
            print(f"  left as it is: {str(error.filename)!r}: {error.strerror}")


def identity(path: Path) -> Identity | None:
    """Name the folder independently of how its path is written; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def homes() -> Iterator[Path]:
    """Name every home folder of a person on this machine."""
    yield Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    if sys.platform != "win32":
        import pwd

        for user in pwd.getpwall():
            if user.pw_uid == 0 or 500 <= user.pw_uid < 65_000:
                yield Path(user.pw_dir)
    else:
        yield from Path(os.path.expanduser("~")).parent.glob("*")  # noqa: PTH111 - as above


def mount_points() -> set[Path]:
    """Name every mount point, bind mounts included, which `os.path.ismount` cannot see."""
    import psutil

    return {Path(part.mountpoint) for part in psutil.disk_partitions(all=True)}


def refusal(folder: Path, mounts: set[Path]) -> str | None:
    """Say why this resolved folder must not be cleaned; None when it may be."""

    def one_of(paths: Iterable[Path]) -> bool:
        return identity(folder) in {identity(path) for path in paths}

    def within(paths: Iterable[Path]) -> bool:
        return bool({identity(one) for one in (folder, *folder.parents)} & {identity(path) for path in paths} - {None})

    def from_environment(names: Iterable[str]) -> list[Path]:
        return [Path(os.environ[name]) for name in names if os.environ.get(name)]

    root = Path(folder.anchor)
    if folder == root:
        return "is the root of a drive; name a folder inside it"
    if folder in mounts or os.path.ismount(folder):
        return "is a mount point; name a folder inside it"
    if one_of(homes()):
        return "is a home folder; name a folder inside it"
    if one_of(above for home in homes() for above in home.parents):
        return "holds home folders; name the folder inside that may be cleaned"
    if one_of([*map(Path, WHOLE_FOLDERS), *from_environment(WINDOWS_WHOLE)]):
        return "belongs to the system; name a folder inside it"
    if within([*map(Path, SYSTEM_FOLDERS), *from_environment(WINDOWS_SYSTEM)]):
        return "belongs to the system; nothing is cleaned in there"
    here = Path.cwd()
    if one_of([here, *here.parents]):
        return "holds the folder that the tasks run in; name a folder inside it"
    python = Path(sys.prefix).resolve()
    if one_of([python, *python.parents]) or within([python]):
        return "holds the Python that runs this; name another folder"
    if any((one / OWN_FILE).exists() for one in (folder, *folder.parents)):
        return "belongs to the scheduler, which cleans up after itself; name another folder"
    return None


def leads_away(status: os.stat_result) -> bool:
    """Whether it is a link of any kind; Windows marks junctions, mount folders and cloud files alike."""
    attributes = getattr(status, "st_file_attributes", 0)
    return stat.S_ISLNK(status.st_mode) or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def opened(
    folder: Path, by_descriptor: bool, trouble: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str], list[str], int | None]]:
    """Walk the folder, with an open handle of each folder where the system can remove relative to one.

    So a folder that is swapped for a link meanwhile cannot lead the removal away.
    """
    if sys.platform != "win32" and by_descriptor:
        yield from os.fwalk(folder, follow_symlinks=False, onerror=trouble)
    else:
        for top, folders, names in os.walk(folder, followlinks=False, onerror=trouble):
            yield top, folders, names, None


def walk(folder: Path, mounts: set[Path], trouble: Callable[[OSError], None], by_descriptor: bool) -> Iterator[Found]:
    """Find every name below the folder that is no folder; do not enter what leads out of it."""
    device = folder.lstat().st_dev
    for top, folders, names, handle in opened(folder, by_descriptor, trouble):
        if OWN_FILE in names:
            folders.clear()
            continue

        def look(name: str, top: str = top, handle: int | None = handle) -> Found:
            where = str(Path(top, name)) if handle is None else name
            status = os.stat(where, dir_fd=handle, follow_symlinks=False)
            return Found(Path(top, name), status, partial(os.unlink, where, dir_fd=handle))

        subfolders = frozenset(folders)
        for name in [*folders, *names]:
            try:
                found = look(name)
            except OSError as error:
                trouble(error)
                if name in subfolders:
                    folders.remove(name)
                continue
            if name not in subfolders:
                yield found
            elif leads_away(found.status) or found.status.st_dev != device or found.path in mounts:
                folders.remove(name)


def clean(names: Iterable[Found], options: argparse.Namespace, now: float, tally: Tally) -> None:
    """Remove the old files among the names, or list them; trouble with one does not spare the others."""
    for found in names:
        status = found.status
        if not stat.S_ISREG(status.st_mode) or leads_away(status):
            continue
        tally.seen += 1
        age = now - max(status.st_mtime, status.st_ctime)
        wanted = not options.only or any(fnmatch(found.path.name, pattern) for pattern in options.only)
        if age < options.older_than or not wanted:
            continue
        if options.delete:
            try:
                found.remove()
            except OSError as error:
                tally.note(error)
                continue
        tally.old += 1
        tally.old_bytes += status.st_size
        if tally.old <= SHOWN_FILES:
            print(f"  {age / UNIT_S['d']:6.1f} d  {size(status.st_size):>9}  {str(found.path)!r}")
        elif tally.old == SHOWN_FILES + 1:
            print("  ... and more")


def accepted(typed: str, mounts: set[Path]) -> Path | str | None:
    """Return the real folder, the sentence that refuses it, or None when there is no such folder."""
    path = Path(os.path.expanduser(typed))  # noqa: PTH111 - Path.expanduser raises for an unknown '~name'
    if not typed.strip():
        return "names no folder at all"
    try:
        if leads_away(path.lstat()):
            return "is a link; name the folder that it leads to"
        if not path.is_dir():
            return "is not a folder"
        real = path.resolve(strict=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"cannot be looked at: {error}"
    return refusal(real, mounts) or real


def main(
    argv: list[str] | None = None,
    *,
    now: float | None = None,
    by_descriptor: bool = os.unlink in os.supports_dir_fd,
) -> int:
    """Check every folder before touching any, then clean them; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    if not options.folder:
        print("no folder named: nothing to do; name those to clean with --folder DIR")
        return 0
    now = time.time() if now is None else now
    mounts = mount_points()
    folders = {typed: accepted(typed, mounts) for typed in options.folder}
    refused = {typed: reason for typed, reason in folders.items() if isinstance(reason, str)}
    for typed, reason in refused.items():
        print(f"refused: '{typed}' {reason}")
    if refused:
        print("nothing was removed anywhere")
        return REFUSED
    trouble = 0
    for typed, folder in folders.items():
        if not isinstance(folder, Path):
            print(f"'{typed}' is not there: skipped")
            continue
        tally = Tally()
        clean(walk(folder, mounts, tally.note, by_descriptor), options, now, tally)
        trouble += tally.trouble
        verb = "removed" if options.delete else "would remove"
        print(f"{verb} {tally.old} of {tally.seen} files, {size(tally.old_bytes)}, in {str(folder)!r}")
    if not options.delete:
        print("dry: nothing was removed; add --delete to do it")
    return LEFT_SOME if trouble else 0


def size(count: float) -> str:
    """Write bytes for people: 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(text: str) -> float:
    """Read `30d`, `12h` or `90m` as seconds. Raises ArgumentTypeError."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write it as 30d, 12h or 90m")
    return int(match[1]) * UNIT_S[match[2]]


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        description="Remove old regular files from the folders you name. Dry unless --delete is given.",
        epilog="Exit: 0 done, 2 a folder was refused and nothing removed, 10 some files could not be removed.",
    )
    add = parser.add_argument
    add("--folder", action="append", default=[], metavar="DIR", help="a folder to clean; repeatable")
    add("--older-than", type=duration, default="30d", metavar="AGE", help="age from which a file is old (30d)")
    add("--only", action="append", default=[], metavar="PATTERN", help="only such names, as '*.log'; repeatable")
    add("--delete", action="store_true", help="really remove; without it the files are only listed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
