"""Runs on this machine: one folder and one detached supervisor a run."""

import os
import signal
import sys
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_scheduler.clock import Clock
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.model import State, Task
from adaptive_scheduler.output import read_from
from adaptive_scheduler.runfolder import DamagedError, RunFolder
from adaptive_scheduler.runners import fate, launch, prune
from adaptive_scheduler.runners.base import Finished, Order, Printed, Running, RunState, Unreachable
from adaptive_scheduler.runners.launch import Spawn
from adaptive_scheduler.runners.many import Starter
from adaptive_scheduler.runners.spec import environment, skip, spec_of
from adaptive_scheduler.settings import Config

if TYPE_CHECKING:
    from adaptive_scheduler.runners.spawn import Detached

ID_FORM = "%Y%m%dT%H%M%S"
WAIT_FIRST_S, WAIT_LONGEST_S = 0.005, 0.25


class LocalRunner:
    """The Runner of a single machine; `runs_dir` holds TASK/RUN_ID."""

    def __init__(self, runs_dir: Path, config: Config, *, start: Spawn | None = None) -> None:
        """Touch nothing yet."""
        self.runs_dir, self.config, self.starter = runs_dir.absolute(), config, Starter()
        self.start = start or self.starter
        self.prepared: dict[str, int] = {}
        self.started: list[Detached] = []  # few cycles start anything, so what can do so is loaded where that happens

    def fleet(self) -> Fleet:
        """Return nobody: a single machine has no nodes."""
        return NOBODY

    def node(self, _task: str, _run_id: str) -> str:
        """Return none: all runs are here."""
        return ""

    def remind(self, _state: State) -> None:
        """Write nothing: the folder of a run here is where it all is."""

    def new_id(self, now: datetime) -> str:
        """Return an id for a run that starts now; ids sort by time."""
        moment = now.astimezone(UTC)
        return f"{moment:{ID_FORM}}.{moment.microsecond // 1000:03d}Z-{os.urandom(3).hex()}"

    def started_at(self, run_id: str) -> datetime | None:
        """Return the time that an id was made for, None when it is none of ours."""
        try:
            moment = datetime.strptime(run_id.partition("Z-")[0] + "+0000", f"{ID_FORM}.%f%z")
        except ValueError:
            return None
        return moment.astimezone()

    def first_step(self, task: Task) -> str | None:
        """Return the name of the first step that would run here."""
        platform = self.config.rules.platform
        return next((step.name for step in task.steps if skip(step, platform) is None), None)

    def prepare(self, order: Order) -> None:
        """Make the run's folder and write its spec, locked while we live; raises OSError."""
        folder = self._folder(order.task.name, order.run_id)
        self.prepared[order.run_id] = launch.prepare(folder, spec_of(order, self.config))

    def submit(self, order: Order) -> None:
        """Start the supervisor; when that fails the run ends at once, with the status `error`."""
        folder, fd = self._folder(order.task.name, order.run_id), self.prepared.pop(order.run_id)
        now = self.started_at(order.run_id) or Clock().now()
        supervisor = launch.launch(self.start, folder, fd, environment(order, self.config), now)
        if supervisor is not None and supervisor not in self.started:
            self.started.append(supervisor)

    def states(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the state of runs, given as task -> run id; what was lost is cleaned up."""
        self.reap()
        elsewhere = self._elsewhere(live)
        here = {task: run_id for task, run_id in live.items() if task not in elsewhere}
        return {task: fate.recover(self._folder(task, run_id), run_id) for task, run_id in here.items()} | elsewhere

    def peek(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the same and touch nothing."""
        elsewhere = self._elsewhere(live)
        return {task: fate.look(self._folder(task, run_id), run_id) for task, run_id in live.items()} | elsewhere

    def wait(self, live: Mapping[str, str], timeout_s: float) -> bool:
        """Wait until one of the runs has ended; False when the time is up before."""
        until_s = time.monotonic() + timeout_s
        pause_s = WAIT_FIRST_S
        folders = [self._folder(task, run_id) for task, run_id in live.items()]
        folders = [folder for folder in folders if not folder.is_elsewhere]
        if not folders:
            return False
        while all(_goes_on(folder) for folder in folders):
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, WAIT_LONGEST_S)
            self.reap()
        return True

    def close(self) -> None:
        """Let go of what has started supervisors; they live on."""
        self.starter.close()

    def kill(self, task: str, run_id: str) -> bool:
        """Tell a run to stop; False when it does not run."""
        folder = self._folder(task, run_id)
        state = fate.look(folder, run_id)
        if not isinstance(state, Running) or state.pid is None:
            return False
        if sys.platform == "win32":  # os.kill would end the supervisor and leave the script
            folder.stop.touch()
            return True
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGTERM)
        return True

    def ack(self, task: str, keep: int, max_bytes: int, protect: Collection[str] = ()) -> None:
        """Forget the oldest finished runs of a task, above a count or a size; never the protected."""
        prune.prune(self.runs_dir / task, keep, max_bytes, protect)

    def scan(self, task: str) -> list[str]:
        """Return the ids of a task's runs that are still kept, the oldest first."""
        return prune.run_ids(self.runs_dir / task)

    def outcome(self, task: str, run_id: str) -> Finished | None:
        """Return how a run ended, None when that is not known."""
        try:
            return fate.outcome(self._folder(task, run_id))
        except DamagedError:
            return None

    def output_path(self, task: str, run_id: str) -> Path:
        """Return where the output of a run is."""
        return self._folder(task, run_id).output

    def printed(self, task: str, run_id: str, offset: int) -> Printed:
        """Return what a run has printed from an offset on, a part of it if it is much."""
        try:
            return Printed(*read_from(self.output_path(task, run_id), offset))
        except FileNotFoundError:
            return Printed(b"", offset)

    def usage(self, task: str, run_id: str) -> float | None:
        """Return the CPU seconds that a live run has used so far, None when that is not known."""
        if (pid := self._supervisor(task, run_id)) is None:
            return None
        import psutil

        try:
            supervisor = psutil.Process(pid)
            used = supervisor.cpu_times()
            total = float(used.children_user + used.children_system)
            for process in supervisor.children(recursive=True):
                with suppress(psutil.Error):
                    used = process.cpu_times()
                    total += used.user + used.system + used.children_user + used.children_system
        except psutil.Error:
            return None
        return total

    def memory(self, task: str, run_id: str) -> int | None:
        """Return the resident bytes of a live run's tree, None when that is not known."""
        pid = self._supervisor(task, run_id)
        return None if pid is None else rss_of(pid)

    def _supervisor(self, task: str, run_id: str) -> int | None:
        """Return the process id of a live run's supervisor."""
        state = fate.look(self._folder(task, run_id), run_id)
        return state.pid if isinstance(state, Running) else None

    def _elsewhere(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the state of runs that are on a node: nothing of them is here to be looked for, or ended."""
        found: dict[str, RunState] = {}
        for task, run_id in live.items():
            if self._folder(task, run_id).is_elsewhere:
                cause = "it is on a node, and tasks.toml has no [cluster] any more by which that could be asked"
                found[task] = self.outcome(task, run_id) or Unreachable(run_id, cause)
        return found

    def _folder(self, task: str, run_id: str) -> RunFolder:
        return RunFolder(self.runs_dir / task / run_id)

    def reap(self) -> None:
        """Collect the supervisors of ours that have ended, so that they leave no zombies."""
        self.started = [process for process in self.started if process.poll() is None]


def _goes_on(folder: RunFolder) -> bool:
    """Say whether a run has not ended yet, as far as its folder can be asked."""
    try:
        return folder.is_alive() and not folder.done.exists()
    except OSError:
        return True  # a later cycle may be told


def rss_of(pid: int) -> int | None:
    """Return the resident bytes of all that a supervisor has started, None when it is gone."""
    return rss_of_each([pid])[pid]


def rss_of_each(pids: Collection[int]) -> dict[int, int | None]:
    """Return the same of several supervisors, in one look at all processes: that is what takes the time."""
    import psutil

    children: dict[int, list[psutil.Process]] = {}
    there = set()
    for process in psutil.process_iter(["ppid"]):
        there.add(process.pid)
        children.setdefault(process.info["ppid"] or 0, []).append(process)
    found: dict[int, int | None] = {}
    for pid in pids:
        total, waiting = 0, list(children.get(pid, ()))
        while waiting:
            process = waiting.pop()
            waiting += children.get(process.pid, ())
            with suppress(psutil.Error):
                total += process.memory_info().rss
        found[pid] = total if pid in there else None
    return found
