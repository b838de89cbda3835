"""Short ways to say tasks, states and samples in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adaptive_scheduler import footprints
from adaptive_scheduler.durations import NEVER
from adaptive_scheduler.events import Event
from adaptive_scheduler.fleet import Fleet, Node
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, Result, State, Status, Step, Task, TaskState
from adaptive_scheduler.settings import Rules

NOW = datetime(2025, 11, 2, 22, 30, tzinfo=UTC)
RULES = Rules()


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def task(name: str = "job", every: float | None = 10, **more: Any) -> Task:
    """A task; `every` None is one that only events start."""
    steps = (Step(f"{name}.py", f"{name}.py"),)
    if every is None:
        return Task(name=name, interval=NEVER, steps=steps, **{"adaptive": False, "on": ("cpu_spike",), **more})
    return Task(name=name, interval=minutes(every), steps=steps, **more)


def node(name: str = "n1", cpu: float | None = 10.0, memory: float | None = 20.0, **more: Any) -> Node:
    """A node that could run what `task` makes."""
    return Node(name, more.pop("slots", 2), cpu=cpu, memory=memory, suffixes=frozenset({".py"}), **more)


def fleet(*nodes: Node, problem: str = "") -> Fleet:
    return Fleet(nodes, problem, asked=True)


def event(name: str = "cpu_spike", minutes_ago: float = 0, **more: Any) -> Event:
    at = more.pop("at", None) or ago(minutes_ago)
    given = {"value": 91.0, "expected": 40.0, "unit": "percent", "since": at, "reason": "CPU 91 %, usually 40 %"}
    return Event(name=name, at=at, **{**given, **more})


def tasks(*wanted: Task) -> dict[str, Task]:
    return {one.name: one for one in wanted}


def sample(cpu: float | None = 50.0, memory: float | None = 40.0, at: datetime = NOW) -> Sample:
    return Sample(at, cpu, memory)


def ago(count: float) -> datetime:
    return NOW - minutes(count)


def ended(minutes_ago: float = 5, status: Status = Status.OK, run_id: str = "r0", **more: Any) -> Result:
    moment = ago(minutes_ago)
    return Result(run_id, status, moment, moment, cause=more.pop("cause", ""), **more)


def mine(age: float | None = None, **more: Any) -> TaskState:
    """The state of a task whose anchor is `age` minutes ago, or that never ran."""
    first_seen = more.pop("first_seen", ago(age or 0))
    return TaskState(first_seen=first_seen, anchor=None if age is None else ago(age), **more)


def state(**by_name: TaskState) -> State:
    return State(cycle=1, tasks=by_name)


def live(minutes_ago: float = 1, run_id: str = "r1") -> Live:
    return Live(run_id, ago(minutes_ago))


def footprint(*runs: tuple[float, float | None]) -> str:
    """What (seconds, megabytes) of past runs leave in the state; negative seconds: it ran out of time then."""
    mine = ""
    for seconds, megabytes in runs:
        status = Status.OK if seconds >= 0 else Status.TIMEOUT
        peak = None if megabytes is None else round(megabytes * 1e6)
        result = Result("r", status, NOW, NOW, abs(seconds), cpu_s=1.0, peak_memory_bytes=peak)
        mine = footprints.with_run(mine, result)
    return mine
