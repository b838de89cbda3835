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

ONCE, EVER = False, True
ERRORS: dict[str, tuple[tuple[str, bool], ...]] = {
    **dict.fromkeys(WRITES, (("ENOSPC", EVER), ("EIO", ONCE), ("EDQUOT", ONCE))),
    **dict.fromkeys(NAMES, (("ENOSPC", EVER), ("EIO", ONCE), ("EACCES", EVER), ("EROFS", EVER))),
    **dict.fromkeys(RIGHTS, (("EIO", ONCE), ("EACCES", EVER), ("EROFS", EVER))),
    **dict.fromkeys(READS, (("EIO", ONCE),)),
    **dict.fromkeys(("newfstatat", "statx"), (("EIO", ONCE), ("EACCES", EVER))),
    "openat": (("ENOSPC", EVER), ("EIO", ONCE), ("EACCES", EVER), ("EROFS", EVER)),
    "read": (("EIO", ONCE), ("EIO", EVER)),
    "flock": (("EIO", ONCE), ("EINTR", ONCE)),
}
KILL = "SIGKILL"

_LINE = re.compile(r"^(\w+)\((.*)\) += (.*)$")
_CUT = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_REST = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_RUN = re.compile(r"runs/[^/]+/[^/]+(?=/|$)")
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp$")


class Call(NamedTuple):
    """One call of a kind at one path; `opens` says that it may make the file."""

    name: str
    path: str
    nth: int
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
        path = touched[1].removesuffix(" (deleted)")
        seen[told[1], path] += 1
        found.append(Call(told[1], path, seen[told[1], path], "O_CREAT" in line))
    return found


def lines_of(log: str) -> Iterator[str]:
    """Yield the calls of a trace of several processes, each whole and at its end."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        if cut := _CUT.match(line):
            begun[cut[1]] = cut[2]
        elif rest := _REST.match(line):
            yield f"{rest[1]} {begun.pop(rest[1], '')}{rest[2]}"
        else:
            yield line


def calls_of_threads(log: str, folder: Path) -> list[Call]:
    """Return the same of a process with threads, as far as a fault can be aimed at them.

    That is the first of a kind at a path, for each thread counts its own; names of temporary files are not foreseen.
    A `close` that is made to fail is none, and would leave what it locks locked as long as the process lives.
    """
    whole = "\n".join(line.partition(" ")[2].lstrip() for line in lines_of(log))
    calls = calls_of(whole, folder)
    return [one for one in calls if one.nth == 1 and one.name != "close" and not _TEMPORARY.search(one.path)]


def role(path: str, folder: Path) -> str:
    """Return what a file is to the program, the same in every run."""
    short = _RUN.sub("RUN", path.removeprefix(f"{folder}/").removeprefix("outputs/"))
    return _TEMPORARY.sub(".tmp", short.replace("adaptive_scheduler_state", "state"))


def faults_for(who: str, calls: Sequence[Call], *, dense: bool) -> Iterator[Fault]:
    """Yield the faults for what a process did: killed at its calls, and each error once or for ever.

    Killed is it at each call that changes something, of the many of a database at every fourth, and at the first call
    of a kind at a file that only reads; errors come from the first call of a kind at a file on. With `dense`: at all.
    """
    last = Counter((one.name, one.path) for one in calls)
    for one in calls:
        changes = one.name in CHANGES or one.makes
        edge = one.nth in (1, last[one.name, one.path])
        often = 4 if one.name == "pwrite64" else 1
        if dense or (changes and (edge or one.nth % often == 0)) or (one.nth == 1 and one.name != "close"):
            yield Fault(who, one.name, one.path, KILL, one.nth)
        for what, ever in ERRORS[one.name] if dense or one.nth == 1 else ():
            if not dense and who == "first cycle" and what != "ENOSPC":
                continue
            if changes or what not in ("ENOSPC", "EROFS"):
                yield Fault(who, one.name, one.path, what, one.nth, ever)
