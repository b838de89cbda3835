"""A runner without processes: its runs last and end as a test says. A sibling of the local runner."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.model import Result, State, Status, Task
from adaptive_scheduler.runners.base import Finished, Lost, Order, Printed, Running, RunState, StepResult


class MovableClock(Protocol):
    moment: datetime


@dataclass(frozen=True)
class Script:
    """How long the runs of a task last, and how they end."""

    lasts: timedelta
    status: Status
    peak: int | None = None


@dataclass
class ScriptedRunner:
    """Keeps its runs in memory; waiting moves the clock to the next end."""

    clock: MovableClock
    scripts: Mapping[str, Script]

    def __post_init__(self) -> None:
        self.prepared: dict[str, Order] = {}
        self.submitted: list[str] = []
        self.began: dict[str, tuple[str, datetime]] = {}
        self.lost: set[str] = set()
        self.acked: list[str] = []
        self.full_disk: set[str] = set()
        self.uses: dict[str, int] = {}
        self.burns: dict[str, float] = {}
        """How many CPUs the runs of a task keep busy."""
        self.machines = NOBODY
        self.asked = 0
        self.strays: dict[str, Callable[[str], RunState]] = {}
        """What is said of the runs of a task instead of the truth."""

    def fleet(self) -> Fleet:
        self.asked += 1
        return self.machines

    def close(self) -> None:
        pass

    def node(self, task: str, run_id: str) -> str:
        return self.prepared[run_id].node

    def remind(self, state: State) -> None:
        pass

    def new_id(self, now: datetime) -> str:
        return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{len(self.prepared):04}"

    def started_at(self, run_id: str) -> datetime | None:
        return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    def first_step(self, task: Task) -> str | None:
        return task.steps[0].name

    def prepare(self, order: Order) -> None:
        if order.task.name in self.full_disk:
            raise OSError(28, "No space left on device")
        self.prepared[order.run_id] = order

    def submit(self, order: Order) -> None:
        assert order.run_id in self.prepared
        self.submitted.append(order.task.name)
        self.began[order.run_id] = (order.task.name, self.clock.moment)

    def states(self, live: Mapping[str, str]) -> dict[str, RunState]:
        return {
            name: self.strays[name](run_id) if name in self.strays else self._state(name, run_id)
            for name, run_id in live.items()
        }

    def peek(self, live: Mapping[str, str]) -> dict[str, RunState]:
        return self.states(live)

    def wait(self, live: Mapping[str, str], timeout_s: float) -> bool:
        ends = [self._end(run_id) for run_id in live.values() if run_id in self.began]
        until = self.clock.moment + timedelta(seconds=timeout_s)
        soonest = min(ends, default=until)
        self.clock.moment = max(self.clock.moment, min(soonest, until))
        return soonest <= until

    def kill(self, task: str, run_id: str) -> bool:
        raise AssertionError("cycles do not kill")

    def ack(self, task: str, keep: int, max_bytes: int, protect: Collection[str] = ()) -> None:
        self.acked.append(task)

    def scan(self, task: str) -> list[str]:
        return sorted(run_id for run_id, (name, _) in self.began.items() if name == task)

    def outcome(self, task: str, run_id: str) -> Finished | None:
        state = self._state(task, run_id)
        return state if isinstance(state, Finished) else None

    def printed(self, task: str, run_id: str, offset: int) -> Printed:
        raise AssertionError("nothing is printed here")

    def memory(self, task: str, run_id: str) -> int | None:
        return self.uses.get(task)

    def usage(self, task: str, run_id: str) -> float | None:
        if run_id not in self.began or task not in self.burns:
            return 1.0 if run_id in self.began else None
        return self.burns[task] * (self.clock.moment - self.began[run_id][1]).total_seconds()

    def _end(self, run_id: str) -> datetime:
        name, began = self.began[run_id]
        return began + self.scripts[name].lasts

    def _state(self, name: str, run_id: str) -> RunState:
        if run_id in self.lost or run_id not in self.began:
            return Lost(run_id, "its supervisor died")
        if self._end(run_id) > self.clock.moment:
            return Running(run_id, 1)
        began, script = self.began[run_id][1], self.scripts[name]
        took = script.lasts.total_seconds()
        code = 0 if script.status is Status.OK else 3
        result = Result(
            *(run_id, script.status, began, self._end(run_id), took, code),
            cause=f"exit code {code}",
            cpu_s=self.burns[name] * took if name in self.burns else 2.0,
            peak_memory_bytes=script.peak,
        )
        step = StepResult(f"{name}.py", script.status.value, result.cause, code, None, 0.0, took)
        return Finished(run_id, result, [step])
