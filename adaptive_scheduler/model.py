"""Frozen values that every room speaks; no behaviour beyond small derived facts.

Times are timezone-aware datetimes whose offset is the user's local one, durations are timedeltas,
CPU and memory are per cent of all that this machine (or its container) may use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import NEVER
from adaptive_scheduler.events import Event
from adaptive_scheduler.fleet import Deploy, OnLoss, Where
from adaptive_scheduler.machine import Reading

MINUTES_A_DAY = 24 * 60


class Priority(StrEnum):
    """How urgent a task is, from the one that always runs when due to the one that waits first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical, up to 3 for low: the order in which due tasks start."""
        return RANKS[self]


RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class Status(StrEnum):
    """What became of a run."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    RUNNING = "running"
    ERROR = "error"

    @property
    def succeeded(self) -> bool:
        """Whether dependents may build on it: a warning is loud, but no failure."""
        return self in (Status.OK, Status.WARNING)


@dataclass(frozen=True, slots=True)
class Step:
    """One script of a task: its name for people, its file, and what it needs to run."""

    name: str
    script: str
    args: tuple[str, ...] = ()
    interpreter: tuple[str, ...] = ()
    os: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local time in minutes after midnight; `end` at or before `start` passes midnight."""

    start: int
    end: int

    def holds(self, minute: int) -> bool:
        """Whether a minute after midnight is inside."""
        return (minute - self.start) % MINUTES_A_DAY < ((self.end - self.start) % MINUTES_A_DAY or MINUTES_A_DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the user wants done: one table of tasks.toml, valid from birth."""

    name: str
    interval: timedelta
    steps: tuple[Step, ...]
    description: str = ""
    priority: Priority = Priority.MEDIUM
    enabled: bool = True
    adaptive: bool = True
    depends_on: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    max_defer: timedelta | None = None
    timeout: timedelta | None = None
    retries: int = 0
    retry_delay: timedelta = timedelta(minutes=1)
    success_codes: tuple[int, ...] = (0,)
    warning_codes: tuple[int, ...] = ()
    os: str | None = None
    memory_limit: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    background: bool | None = None
    expected_duration: timedelta | None = None
    memory: int | None = None
    keep_going: bool = False
    on: tuple[str, ...] = ()
    """The events that make it due, by name."""
    where: Where | None = None
    """What it wants of the node that runs it; None runs here."""
    deploy: Deploy = Deploy.CONTENT
    on_loss: OnLoss | None = None
    notify: bool = True
    ping: str = ""
    """The variable with the address of its dead-man's switch."""

    @property
    def beats(self) -> bool:
        """Whether it has a rhythm of its own; without an interval only events start it."""
        return self.interval < NEVER

    @property
    def patience(self) -> timedelta:
        """How long it may be held back after it became due: `max_defer`, 4 intervals by default."""
        return self.max_defer if self.max_defer is not None else 4 * self.interval

    @property
    def in_background(self) -> bool:
        """Whether it runs at lower CPU and I/O priority: all but critical tasks, unless set."""
        return self.priority is not Priority.CRITICAL if self.background is None else self.background


@dataclass(frozen=True, slots=True)
class Decision:
    """What a cycle says about one task: the verdict, its numbers and a sentence.

    `value` and `limit` are in `unit` ("percent", "seconds", "runs", "bytes" or ""); `interval` is the adaptive
    interval at the present CPU; `age` is the time since the anchor in base intervals.
    """

    task: str
    code: Code
    reason: str
    next_look: datetime | None
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    blocker: str = ""
    interval: timedelta = timedelta(0)
    age: float | None = None
    node: str = ""
    """The node that a start is for, empty for this machine."""


@dataclass(frozen=True, slots=True)
class Live:
    """A run that has been started and not been collected yet."""

    run_id: str
    started_at: datetime
    code: Code = Code.RUN
    reason: str = ""
    cpu_seen_s: float = 0.0
    event: str = ""
    """The id of the event that started it."""
    node: str = ""
    """The node that it was given to, empty for this machine."""
    ledger: str = ""
    """The identity of that node's ledger: whom to ask, whatever becomes of the folder of the run here."""
    unreachable_since: datetime | None = None
    """Since when nobody can say what became of it."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run, as the state remembers the latest one and the history all of them."""

    run_id: str
    status: Status
    started_at: datetime
    ended_at: datetime
    duration_s: float = 0.0
    exit_code: int | None = None
    signal: str | None = None
    cause: str = ""
    cpu_s: float | None = None
    peak_memory_bytes: int | None = None
    output_bytes: int | None = None
    reason: str = ""
    unusual: str = ""
    event: str = ""
    node: str = ""
    """Where it ran, empty for this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """The scheduling truth about one task; folds in state.py are its only writers.

    `footprint` is what its last runs took, as footprints.py writes it; nobody else looks inside. `behind`
    and `excused_s` are its rate account (account.py): zero while the classic rule holds.
    """

    first_seen: datetime
    anchor: datetime | None = None
    live: Live | None = None
    last: Result | None = None
    failures: int = 0
    retry_at: datetime | None = None
    retries_used: int = 0
    retried_interruption: bool = False
    paused: bool = False
    paused_until: datetime | None = None
    tempo: str = "base"
    code: str = ""
    missing_since: datetime | None = None
    footprint: str = ""
    behind: float = 0.0
    excused_s: float = 0.0
    event: Event | None = None
    """What happened and has made it due: kept until it starts, or until that is too long ago."""
    told: str = ""
    """What people have been told is the matter with it, as notices.py writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All the scheduler remembers between two cycles."""

    cycle: int = 0
    last_cycle_at: datetime | None = None
    nominal_at: datetime | None = None
    readings: tuple[Reading, ...] = ()
    spent_s: float = 0.0
    tasks: Mapping[str, TaskState] = field(default_factory=dict)
    unrecorded: tuple[tuple[str, Result], ...] = ()
    latches: str = ""
    """Which events are armed, as latches.py writes it; nobody else looks inside."""
