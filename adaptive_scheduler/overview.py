"""What `status` shows, as values: is everything fine, and where does each task stand.

Pure: the configuration, the state, the present decisions, the sample and `now` come in as arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adaptive_scheduler import footprints
from adaptive_scheduler.backends.base import Standing
from adaptive_scheduler.case import percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.footprints import Band
from adaptive_scheduler.lateness import MISSING_TICKS, is_overdue, last_start
from adaptive_scheduler.lessons import Knowledge, Learning, in_short, rhythm_of
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Live, Priority, Result, State, Task, TaskState
from adaptive_scheduler.norms import TimeLimit, time_limit
from adaptive_scheduler.rhythm import effective_interval
from adaptive_scheduler.settings import Config
from adaptive_scheduler.vigilance import Standing as Watched

TIGHT_SHARE = 0.5
"""A memory limit does not fit a machine that was above it for more than this share of the samples."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task in the overview."""

    name: str
    priority: Priority
    interval: timedelta | None
    adaptive_interval: timedelta | None
    effective_interval: timedelta | None
    """The intervals; None for a task that only events start."""
    decision: Decision
    last: Result | None
    live: Live | None
    last_started_at: datetime | None
    failures: int
    overdue: bool
    limit: TimeLimit
    durations: Band | None
    cpu_seconds: Band | None
    memory: Band | None
    rhythm: tuple[str, str] = ("classic", "")
    """Which rhythm it follows, and why."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything `status` shows."""

    at: datetime
    cycle: int
    last_cycle_at: datetime | None
    sample: Sample
    recent: Sequence[Sample]
    tasks: Sequence[TaskView]
    problems: Sequence[str]
    config: str
    notes: Sequence[str] = field(default_factory=list)
    standing: Standing | None = None
    rhythm: str = ""
    watched: Sequence[Watched] = ()
    """How it stands with the events."""
    ahead: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    """When tasks will probably start in the hours to come, by name; empty where nobody looked."""
    ahead_by: str = ""
    """What that rests on, in words."""

    @property
    def ok(self) -> bool:
        """Whether nothing is overdue or failing."""
        return not self.problems


def overview(
    config: Config,
    state: State,
    decisions: Mapping[str, Decision],
    sample: Sample,
    recent: Sequence[Sample],
    now: datetime,
    notes: Sequence[str] = (),
    standing: Standing | None = None,
    learning: Learning | None = None,
    watched: Sequence[Watched] = (),
    fleet: Fleet = NOBODY,
) -> Overview:
    """Return the overview; its problems are sentences, the scheduler's own first.

    `standing` is how the project stands with the system's scheduler, where `install` registered it;
    `learning` is what holds now of what was learned, `watched` how it stands with the events, `fleet` what
    nodes were asked.
    """
    holds = learning or Learning(config.rules, Knowledge(), {})
    tasks = [
        _task(task, state.tasks.get(name) or TaskState(first_seen=now), decisions[name], now, holds)
        for name, task in config.tasks.items()
    ]
    unreachable = [f"tasks with where wait: {fleet.problem}"] if fleet.problem else []
    problems = [
        *_scheduler_problems(config, state, now),
        *unreachable,
        *(text for task in tasks for text in _problems(task, now)),
    ]
    notes = [*notes, *_tight_limit(config, recent)]
    rhythm = "" if learning is None else in_short(config.tasks, holds, now)
    return Overview(
        *(now, state.cycle, state.last_cycle_at, sample, recent, tasks, problems, config.path, notes, standing, rhythm),
        watched,
    )


def _task(task: Task, mine: TaskState, decision: Decision, now: datetime, holds: Learning) -> TaskView:
    tick = holds.rules.tick
    return TaskView(
        task.name,
        task.priority,
        task.interval if task.beats else None,
        decision.interval if task.beats else None,
        effective_interval(decision.interval, tick) if task.beats else None,
        decision,
        mine.last,
        mine.live,
        last_start(mine),
        mine.failures,
        is_overdue(task, mine, decision.code, now, holds.rules),
        time_limit(task, mine.footprint),
        footprints.durations(mine.footprint),
        footprints.cpu_seconds(mine.footprint),
        footprints.memory(mine.footprint),
        rhythm_of(task, holds),
    )


def _scheduler_problems(config: Config, state: State, now: datetime) -> list[str]:
    tick = config.rules.tick
    if state.last_cycle_at is None:
        return [f"no cycle has run yet; 'adaptive-scheduler install' has the system call one every {words(tick)}"]
    gap = now - state.last_cycle_at
    if gap <= MISSING_TICKS * tick:
        return []
    return [f"the last cycle was {words(gap)} ago, {gap // tick} are missing: is it still registered and enabled?"]


def _problems(task: TaskView, now: datetime) -> list[str]:
    problems = []
    if task.live is not None and task.live.unreachable_since is not None:
        since = words(now - task.live.unreachable_since)
        problems.append(f"the run of '{task.name}' on node '{task.live.node}' has been out of reach for {since}")
    if task.overdue:
        since = f"{words(now - task.last_started_at)} ago" if task.last_started_at else "never"
        problems.append(f"'{task.name}' is overdue (last start: {since}): {task.decision.reason}")
    if task.last is not None and not task.last.status.succeeded and task.decision.code is not Code.DISABLED:
        times = f", {task.failures} in a row" if task.failures > 1 else ""
        problems.append(f"'{task.name}' is failing ({task.last.status}: {task.last.cause}{times})")
    return problems


def _tight_limit(config: Config, recent: Sequence[Sample]) -> list[str]:
    limit = config.rules.memory_gate.limit
    known = [sample.memory for sample in recent if sample.memory is not None]
    above = sum(memory > limit for memory in known)
    if len(known) < MISSING_TICKS or above <= TIGHT_SHARE * len(known):
        return []
    return [
        f"memory was above {percent(limit)} in {above} of the last {len(known)} samples: "
        "memory_gate.limit does not fit this machine, only critical tasks start on time"
    ]
