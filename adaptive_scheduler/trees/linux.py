"""Linux: the supervisor is a child subreaper, so whatever a step forks stays below it.

A double fork or a setsid changes the parent of a process to its nearest subreaper, never past it.
Background is niceness and I/O priority, inherited from birth, and the niceness of the autogroup: each
session has its own CPU share, and inside a session of its own a nice process competes with nobody.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from adaptive_scheduler.trees import procfs
from adaptive_scheduler.trees.base import BACKGROUND_NICE, end_all, nothing
from adaptive_scheduler.trees.rusage import children_cpu_s, children_peak_bytes

PR_SET_CHILD_SUBREAPER = 36

IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "loongarch64": 30, "ppc64le": 273, "s390x": 282}
"""The system call has no libc wrapper; its number by machine (ioprio_get is the next one)."""

IOPRIO_WHO_PROCESS = 1
IOPRIO_BEST_EFFORT_LOWEST = 2 << 13 | 7


class LinuxTree:
    """The processes below this one."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.me = os.getpid()
        self.background = False
        self.sessions: list[int] = []
        self.took: bool | None = None

    def prepare(self, *, background: bool) -> None:
        """Become the subreaper, and as nice as the steps shall be, so that they are it from birth."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.background = background
        if not background:
            return
        with suppress(OSError):
            nice = max(os.getpriority(os.PRIO_PROCESS, 0), BACKGROUND_NICE)
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        number = IOPRIO_SET.get(os.uname().machine)
        if number is not None and ctypes.sizeof(ctypes.c_void_p) == 8:
            libc.syscall(number, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT_LOWEST)

    def popen_options(self) -> dict[str, Any]:
        """Start each step in a session of its own, as cron does."""
        return {"start_new_session": True}

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        """Lower the step's session, or note that this is still to be done."""
        if self.background:
            self.sessions.append(process.pid)
            self._lower()

    def background_took(self) -> bool | None:
        """Say whether niceness and autogroup were read back as asked."""
        return self.took

    def descendants(self) -> set[int]:
        """Return the ids of all living processes below this one; an empty answer is a sure one.

        A process that forks and ends during a look hides its child from it. But that child is ours by then:
        when all our children are dead and no other has come meanwhile, nothing lives below us. Nor does anything
        below who has no children at all: the orphans of their descendants would be theirs.
        """
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return set()
        while not (found := procfs.below(self.me, procfs.everybody())):
            ours = set(procfs.children(self.me))
            looks = [procfs.look(pid) for pid in ours]
            if all(one is None or one.state in procfs.DEAD for one in looks) and ours.issuperset(
                procfs.children(self.me)
            ):
                break
        return found

    def measure(self) -> tuple[int, float]:
        """Return resident bytes of what lives, and CPU seconds of all that has run so far."""
        self._lower()
        found = procfs.family(self.me).values()
        return sum(one.memory_bytes for one in found), children_cpu_s() + sum(one.cpu_s for one in found)

    def peak_bytes(self) -> int:
        """Return the most resident bytes of any one process that ended, as far as the system tells."""
        return children_peak_bytes()

    def reap(self, but: int) -> None:
        """Collect the dead that were inherited, so that no zombie keeps a process id."""
        with suppress(ChildProcessError):
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and dead.si_pid != but:
                os.waitpid(dead.si_pid, os.WNOHANG)

    def kill(self, grace_s: float, meanwhile: Callable[[], object] = nothing) -> tuple[int, int]:
        """Ask every descendant to end, then kill, until none is left."""
        return end_all(self.descendants, terminate, kill, grace_s, meanwhile)

    def _lower(self) -> None:
        """Write and read back the autogroup's niceness; the kernel lets a user do so ten times a second."""
        for pid in list(self.sessions):
            group = Path(f"/proc/{pid}/autogroup")
            try:
                nice = os.getpriority(os.PRIO_PROCESS, pid)
                took = nice >= BACKGROUND_NICE
                if group.exists():
                    group.write_text(str(BACKGROUND_NICE))
                    took = took and int(group.read_text().split()[-1]) >= BACKGROUND_NICE
            except BlockingIOError:
                continue
            except ProcessLookupError:
                self.sessions.remove(pid)
                continue
            except (OSError, ValueError, IndexError):
                took = False
            self.sessions.remove(pid)
            self.took = took and self.took is not False


def terminate(pid: int) -> None:
    """Ask a process to end; one that is stopped has to be woken to hear it."""
    _send(pid, signal.SIGTERM)
    _send(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    """End a process that did not listen."""
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    # A process that is gone, or that belongs to somebody else by now, is none of ours.
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def end_leftovers(run_id: str, grace_s: float = 2.0) -> int:
    """End every process that was started with this run's ADAPTIVE_RUN_ID, and what descends from it."""
    wanted = f"ADAPTIVE_RUN_ID={run_id}".encode()

    def alive() -> set[int]:
        processes = procfs.everybody()
        marked = {pid for pid in processes if wanted in procfs.environment(pid)}
        found = marked.union(*(procfs.below(pid, processes) for pid in marked))
        pid = os.getpid()
        while pid in processes:  # neither ourselves nor who started us
            found.discard(pid)
            pid = processes[pid].parent
        return {pid for pid in found if processes[pid].state not in procfs.DEAD}

    return end_all(alive, terminate, kill, grace_s)[0]
