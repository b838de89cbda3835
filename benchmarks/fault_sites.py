"""Where a process touches the files of a project, and the faults that may meet it there."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

WRITES = ("write", "pwrite64", "ftruncate", "fsync", "fdatasync")
NAMES = ("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir")
RIGHTS = ("chmod", "fchmod", "fchown")
READS = ("read", "pread64", "getdents64", "newfstatat", "statx", "close")
CHANGES = {*WRITES, *NAMES, *RIGHTS}
CALLS = ",".join(f"?{call}" for call in ("openat", "flock", *WRITES, *NAMES, *RIGHTS, *READS))
"""A question mark: not every machine has each of them."""

ERRORS = {
    **dict.fromkeys(WRITES, ("ENOSPC", "EIO", "EDQUOT")),
    **dict.fromkeys(NAMES, ("ENOSPC", "EIO", "EACCES", "EROFS")),
    **dict.fromkeys(RIGHTS, ("EIO", "EACCES", "EROFS")),
    **dict.fromkeys(READS, ("EIO",)),
    "openat": ("ENOSPC", "EIO", "EACCES", "EROFS"),
    "newfstatat": ("EIO", "EACCES"),
    "statx": ("EIO", "EACCES"),
    "flock": ("EIO", "EINTR"),
}
KILL = "SIGKILL"

_LINE = re.compile(r"^(\w+)\((.*)\) += (.*)$")
_RUN = re.compile(r"runs/[^/]+/[^/]+(?=/|$)")
_PID = re.compile(r"(?<=\.)\d+(?=\.tmp$)")


class Call(NamedTuple):
    """One call of a kind at one path, `{pid}` for the process id in it; `opens` says that it may make the file."""

    name: str
    path: str
    count: int
    makes: bool = False

    def role(self, folder: Path) -> str:
        """Return what the file is to the program, the same in every run."""
        return role(self.path, folder)


class Fault(NamedTuple):
    """A fault that meets the `when`th call of a kind at a path, and with `ever` all after it too."""

    who: str
    call: str
    path: str
    what: str
    when: int
    ever: bool = False

    def options(self) -> list[str]:
        """Return how a strace is told."""
        what = "signal=KILL" if self.what == KILL else f"error={self.what}"
        # A supervisor waits a minute for a disk to get room; a shorter trouble is as good for the end of it.
        ever = "..3" if self.who == "supervisor" else "+"
        inject = f"--inject={self.call}:{what}:when={self.when}{ever if self.ever else ''}"
        return ["-P", self.path, "-e", f"trace={self.call}", inject]

    def met(self, log: str) -> bool:
        """Whether the trace of the process shows that the fault has met it."""
        return "killed by SIGKILL" in log if self.what == KILL else "(INJECTED)" in log


def calls_of(log: str, folder: Path) -> list[Call]:
    """Return the calls in a trace that touch the files of a project, in their order."""
    path_in = re.compile(rf'[<"]({re.escape(str(folder))}/[^">]*)[">]')
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for line in log.splitlines():
        told = _LINE.match(line)
        touched = path_in.search(line) if told else None
        if told is None or touched is None:
            continue
        path = _PID.sub("{pid}", touched[1].removesuffix(" (deleted)"))
        seen[told[1], path] += 1
        found.append(Call(told[1], path, seen[told[1], path], "O_CREAT" in line))
    return found


def role(path: str, folder: Path) -> str:
    """Return what a file is to the program, the same in every run."""
    short = _RUN.sub("RUN", path.removeprefix(f"{folder}/").removeprefix("outputs/"))
    return short.replace("adaptive_scheduler_state", "state").replace(".{pid}", "")


def faults_for(who: str, calls: Sequence[Call], *, dense: bool) -> Iterator[Fault]:
    """Yield the faults for what a process did: killed at each call, each error once and for ever.

    Of calls that change nothing, and of errors that come once, the first and the last at a file are taken; all
    with `dense`.
    """
    last = Counter((one.name, one.path) for one in calls)
    for one in calls:
        edge = dense or one.count in (1, last[one.name, one.path])
        changes = one.name in CHANGES or one.makes
        if edge or changes:
            yield Fault(who, one.name, one.path, KILL, one.count)
        if not edge:
            continue
        for what in ERRORS[one.name]:
            if what in ("ENOSPC", "EROFS") and not changes:
                continue
            yield Fault(who, one.name, one.path, what, one.count)
            if one.count == 1 and what != "EINTR":
                yield Fault(who, one.name, one.path, what, 1, ever=True)
