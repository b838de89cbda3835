"""The Runner of a machine that has a cluster: each run goes to its own kind, known by the folder it left here."""

import time
from collections.abc import Collection, Mapping
from datetime import datetime

from adaptive_scheduler.cluster.runner import ASK_AGAIN_S, ClusterRunner
from adaptive_scheduler.fleet import Fleet
from adaptive_scheduler.model import State, Task
from adaptive_scheduler.runners.base import Finished, Order, Printed, RunState
from adaptive_scheduler.runners.local import WAIT_FIRST_S, WAIT_LONGEST_S, LocalRunner

Runs = dict[str, str]

TOGETHER_S = 0.02
"""Runs that began together end together: one round takes in all that end within this time."""


class BothRunner:
    """A local runner and one of a cluster, as one."""

    def __init__(self, here: LocalRunner, there: ClusterRunner) -> None:
        """Touch nothing yet."""
        self.here, self.there = here, there

    def fleet(self) -> Fleet:
        """Return the nodes of the cluster."""
        return self.there.fleet()

    def node(self, task: str, run_id: str) -> str:
        """Return the node that a run was given to, empty for this machine."""
        intent = self.there.intent(task, run_id)
        return "" if intent is None else intent.node

    def remind(self, state: State) -> None:
        """Write down once more what the state alone knows of live runs."""
        self.there.remind(state)

    def new_id(self, now: datetime) -> str:
        """Return an id for a run that starts here and now."""
        return self.here.new_id(now)

    def started_at(self, run_id: str) -> datetime | None:
        """Return the time that an id was made for, None when it is none of ours."""
        return self.here.started_at(run_id)

    def first_step(self, task: Task) -> str | None:
        """Return the name of the first step that would run here."""
        return self.here.first_step(task)

    def prepare(self, order: Order) -> None:
        """Make everything ready to start; raises OSError."""
        (self.there if order.node else self.here).prepare(order)

    def submit(self, order: Order) -> None:
        """Start what was prepared."""
        (self.there if order.node else self.here).submit(order)

    def states(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the state of runs."""
        here, there = self._split(live)
        return self.here.states(here) | (self.there.states(there) if there else {})

    def peek(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the same and touch nothing; nodes are not asked."""
        here, there = self._split(live)
        return self.here.peek(here) | self.there.peek(there)

    def wait(self, live: Mapping[str, str], timeout_s: float) -> bool:
        """Wait until one of the runs has ended, or it is time to ask again; False when the time is up before."""
        here, there = self._split(live)
        if not there:
            return self.here.wait(live, timeout_s)
        until_s, pause_s = time.monotonic() + timeout_s, WAIT_FIRST_S
        ask_s = until_s if self.there.hears_of(there.values()) else time.monotonic() + ASK_AGAIN_S
        while not (self.there.has_news(there) or (here and self.here.wait(here, 0.0))):
            left_s = min(until_s, ask_s) - time.monotonic()
            if left_s <= 0:
                return ask_s < until_s
            if self.there.news.wait(min(pause_s if here else left_s, left_s)):
                time.sleep(TOGETHER_S)
            pause_s = min(pause_s * 1.5, WAIT_LONGEST_S)
        return True

    def kill(self, task: str, run_id: str) -> bool:
        """Tell a run to stop; False when it does not run."""
        remote = self.there.is_ours(task, run_id)
        return (self.there if remote else self.here).kill(task, run_id)

    def ack(self, task: str, keep: int, max_bytes: int, protect: Collection[str] = ()) -> None:
        """Forget the oldest finished runs of a task, above a count or a size; never the protected."""
        self.here.ack(task, keep, max_bytes, protect)

    def scan(self, task: str) -> list[str]:
        """Return the ids of a task's runs that are still kept, the oldest first."""
        return self.here.scan(task)

    def outcome(self, task: str, run_id: str) -> Finished | None:
        """Return how a run ended, None when that is not known."""
        return self.here.outcome(task, run_id)

    def printed(self, task: str, run_id: str, offset: int) -> Printed:
        """Return what a run has printed from an offset on: its node is asked until that has come home."""
        mirror = self.there.mirror(task, run_id)
        is_elsewhere = mirror.is_ours and not mirror.folder.output.exists()
        return (self.there if is_elsewhere else self.here).printed(task, run_id, offset)

    def memory(self, task: str, run_id: str) -> int | None:
        """Return the resident bytes of a run of this machine."""
        return self.here.memory(task, run_id)

    def usage(self, task: str, run_id: str) -> float | None:
        """Return the CPU seconds that a run of this machine has used so far."""
        return self.here.usage(task, run_id)

    def close(self) -> None:
        """Hang up."""
        self.here.close()
        self.there.close()

    def _split(self, live: Mapping[str, str]) -> tuple[Runs, Runs]:
        there = {task: run_id for task, run_id in live.items() if self.there.is_ours(task, run_id)}
        return {task: run_id for task, run_id in live.items() if task not in there}, there
