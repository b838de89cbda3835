"""Durable small files: write a temporary file beside the target, fsync, replace, fsync the folder.

After a crash or a power cut the target holds the old or the new content, never a mixture; a rename
alone is not enough, because the new name may reach the disk before the content does.
"""

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

PRIVATE = 0o600
FOR_ALL_TO_READ = 0o644

KEPT_ASIDE = 3
"""How many damaged copies of a file are kept for a look: a bad disk makes one after the other."""

TEMPORARY = ".tmp"
if sys.platform == "win32":
    AS_IT_IS = os.O_BINARY
else:
    AS_IT_IS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""How we open what lies in our folders: no link is followed, and no pipe that was put there is waited for."""

PATIENCE_S = 5.0
PAUSE_FIRST_S, PAUSE_LONGEST_S = 0.002, 0.05
"""On Windows a file cannot be replaced while somebody reads it, nor read while it is replaced: milliseconds both."""


def private_folder(path: Path, *, durable: bool = False) -> None:
    """Make a folder that only its owner may enter, and its parents likewise; OSError when that cannot be.

    `durable` is for one that must not be gone after a power cut, whatever was made durable inside it.
    """
    if not path.parent.exists():
        private_folder(path.parent, durable=durable)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        if durable:
            sync_folder(path.parent)


def replace_file(
    path: Path, content: bytes, *, durable: bool = True, mode: int = PRIVATE, like: os.stat_result | None = None
) -> None:
    """Replace the file's content atomically, whatever the umask; `durable` also survives a power cut.

    It gets the mode and the owner of `like`, where given. Raises OSError, with the temporary file removed, when
    anything fails.
    """
    # A name that nobody can foresee, and a file that was not there: others may write the folder of a textfile.
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}{TEMPORARY}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | AS_IT_IS, PRIVATE)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            if like is not None:
                _owned(descriptor, like)
            elif sys.platform != "win32" and mode != PRIVATE:
                os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(path: Path) -> bool:
    """Say whether a name is one that `replace_file` gives to what it writes."""
    return path.name.startswith(".") and path.name.endswith(TEMPORARY)


def sweep(folder: Path, before_s: float) -> None:
    """Remove what writers that were killed left in a folder, changed before a time; OSError when that cannot be."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # its writer has come to its end meanwhile
            if is_temporary(path) and path.stat().st_mtime < before_s:
                path.unlink()


def _owned(descriptor: int, like: os.stat_result) -> None:
    """Give an open file the owner, where that is ours to give, and the mode of another one."""
    if sys.platform == "win32":  # there a file in a folder has the rights of the folder
        return
    with suppress(PermissionError):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, like.st_mode & 0o7777)


def replace(source: Path, target: Path) -> None:
    """Rename over the target, waiting out readers on Windows; OSError when it stays impossible."""
    _patiently(lambda: source.replace(target), target)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file for a look, the oldest of earlier ones giving way; returns the new name, raises OSError."""
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%S}")
    replace(path, aside)
    # After the clock was set back the latest has not the latest name.
    earlier = sorted(one for one in path.parent.glob(f"{path.name}.corrupt-*") if one != aside)
    for one in earlier[: 1 - KEPT_ASIDE]:
        with suppress(OSError):
            remove(one)
    return aside


def read_bytes(path: Path) -> bytes:
    """Return the content of a file of ours that others replace, waiting that out on Windows; raises OSError."""
    return _patiently(lambda: _content(path, AS_IT_IS), path)


def read_named(path: Path) -> bytes:
    """Return the content of a file that a user has named: it may be a link, but no pipe or device; raises OSError."""
    return _content(path, AS_IT_IS & ~getattr(os, "O_NOFOLLOW", 0))


def _content(path: Path, flags: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | flags)
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a path would follow what is behind it once more
        _demand_file(descriptor, path)
        return file.read()


def _demand_file(descriptor: int, path: Path) -> os.stat_result:
    """Return what an open file is; OSError where it is something else."""
    there = os.fstat(descriptor)
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", str(path))
    return there


def open_to_write(path: Path, flags: int) -> int:
    """Open a file of ours, made when missing (mode 0600) and of one name; raises OSError."""
    descriptor = os.open(path, os.O_CREAT | flags | AS_IT_IS, PRIVATE)
    try:
        if _demand_file(descriptor, path).st_nlink > 1 and sys.platform != "win32":
            raise OSError(errno.EMLINK, "it has a second name, by which it may be somebody else's", str(path))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_json(path: Path) -> Any:
    """Return what the JSON in such a file says; raises OSError, or ValueError where it is none."""
    try:
        return json.loads(read_bytes(path))
    except RecursionError as error:
        raise ValueError(f"'{path}' is nested too deeply") from error


def remove(path: Path) -> None:
    """Remove a file if it is there, waiting out readers on Windows; raises OSError."""
    _patiently(lambda: path.unlink(missing_ok=True), path)


def _patiently(act: Callable[[], Result], path: Path) -> Result:
    """Act again and again as long as Windows says that somebody else has the file; elsewhere act once."""
    give_up_at_s, pause_s = time.monotonic() + PATIENCE_S, PAUSE_FIRST_S
    while True:
        try:
            return act()
        except PermissionError:
            # A folder in the place of a file is refused with the same words, and stays.
            if sys.platform != "win32" or time.monotonic() > give_up_at_s or path.is_dir():
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_LONGEST_S)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows has no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Make a file that was written before durable, with its name; raises OSError."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Make a file that was not there, for others to read at most, whatever the umask; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | AS_IT_IS, FOR_ALL_TO_READ)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def append(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Append to a file, mode 0600 when it is new; OSError when not everything could be written.

    `durable` survives a power cut, but for the name of a file that is new.
    """
    descriptor = open_to_write(path, os.O_WRONLY | os.O_APPEND)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
