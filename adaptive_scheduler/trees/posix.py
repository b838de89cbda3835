"""POSIX without Linux's subreaper (macOS, the BSDs): descendants, and the process groups they were seen in.

A process that leaves its session and its parent between two looks cannot be found again here: this is
the documented limit of this sibling. Looking means one call of `ps`.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from adaptive_scheduler.trees.base import BACKGROUND_NICE, end_all, nothing
from adaptive_scheduler.trees.rusage import children_cpu_s, children_peak_bytes

PS = ("ps", "-A", "-o", "pid=,ppid=,pgid=,rss=,stat=,time=")
PS_TIMEOUT_S = 10.0
KIB = 1024


class Line(NamedTuple):
    """What `ps` says of a living process."""

    parent: int
    group: int
    memory_bytes: int
    cpu_s: float


class PosixTree:
    """The processes below this one, and those in groups that its descendants made."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.me = os.getpid()
        self.groups: set[int] = set()
        self.took: bool | None = None
        self.background = False

    def prepare(self, *, background: bool) -> None:
        """Become as nice as the steps shall be, so that they are it from birth."""
        self.background = background
        if background:
            with suppress(OSError):
                nice = max(os.getpriority(os.PRIO_PROCESS, 0), BACKGROUND_NICE)
                os.setpriority(os.PRIO_PROCESS, 0, nice)

    def popen_options(self) -> dict[str, Any]:
        """Start each step in a session of its own, as cron does."""
        return {"start_new_session": True}

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        """Remember the step's process group, and read its niceness back."""
        self.groups.add(process.pid)
        if self.background:
            with suppress(ProcessLookupError):
                took = os.getpriority(os.PRIO_PROCESS, process.pid) >= BACKGROUND_NICE
                self.took = took and self.took is not False

    def background_took(self) -> bool | None:
        """Say whether the niceness was read back as asked."""
        return self.took

    def descendants(self) -> set[int]:
        """Return the ids of all living processes of the tree."""
        return set(self._look())

    def measure(self) -> tuple[int, float]:
        """Return resident bytes of what lives, and CPU seconds of all that has run so far."""
        found = self._look().values()
        return sum(one.memory_bytes for one in found), children_cpu_s() + sum(one.cpu_s for one in found)

    def peak_bytes(self) -> int:
        """Return the most resident bytes of any one process that ended, as far as the system tells."""
        return children_peak_bytes()

    def reap(self, but: int) -> None:
        """Nothing is inherited here: orphans go to the first process of the system."""

    def kill(self, grace_s: float, meanwhile: Callable[[], object] = nothing) -> tuple[int, int]:
        """Ask every process of the tree to end, then kill, until none is left."""
        return end_all(self.descendants, _terminate, _kill, grace_s, meanwhile)

    def _look(self) -> dict[int, Line]:
        """Return the tree; a group of the tree stays one, even when its first process has gone."""
        lines = everybody()
        found: dict[int, Line] = {}
        frontier = {self.me}
        while frontier:
            fresh = {
                pid: line
                for pid, line in lines.items()
                if pid != self.me and pid not in found and (line.parent in frontier or line.group in self.groups)
            }
            found.update(fresh)
            frontier = set(fresh)
            self.groups |= {line.group for line in fresh.values()} - {os.getpgid(0)}
        return found


def everybody(ps: Sequence[str] = PS) -> dict[int, Line]:
    """Return all living processes but the `ps` itself; nobody when it cannot be asked."""
    try:
        with subprocess.Popen(ps, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as asked:
            text, _ = asked.communicate(timeout=PS_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = {}
    for row in text.decode(errors="replace").splitlines():
        fields = row.split()
        if len(fields) == 6 and not fields[4].startswith("Z"):
            pid, parent, group, rss = (int(field) for field in fields[:4])
            lines[pid] = Line(parent, group, rss * KIB, seconds(fields[5]))
    lines.pop(asked.pid, None)
    return lines


def seconds(text: str) -> float:
    """Return the seconds of '1-02:03:04', '02:03:04' or '3:04.05'."""
    days, _, clock = text.rpartition("-")
    count = 0.0
    for part in clock.split(":"):
        count = count * 60 + float(part.replace(",", "."))
    return count + 86_400 * int(days or 0)


def _terminate(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
