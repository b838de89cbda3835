"""What a cycle works with and gives back: its edges, the caller's wish, its report. Values and Protocols."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from adaptive_scheduler.almanac import Almanac
from adaptive_scheduler.beats import Beat
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.events import Answer, Event, Process
from adaptive_scheduler.history import History
from adaptive_scheduler.journal import Journal
from adaptive_scheduler.machine import Memory, Reading, Sample
from adaptive_scheduler.model import Decision, Live, Result, State
from adaptive_scheduler.notify import Notice, Ping
from adaptive_scheduler.ownership import OwnLoad
from adaptive_scheduler.runners.base import Runner
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.store import Store


class Meter(Protocol):
    """What measures the machine."""

    def measure(
        self, readings: tuple[Reading, ...], now: datetime, own_cpu_s: float
    ) -> tuple[Sample, tuple[Reading, ...]]:
        """Return a sample, and the counters to keep for the next cycle."""

    def memory(self) -> Memory:
        """Return memory use and what is left, now."""


class Watcher:
    """What is told of starts and ends as they happen; this one does not care."""

    def started(self, decision: Decision) -> None:
        """Hear of a start."""

    def ended(self, task: str, result: Result) -> None:
        """Hear of an end."""


@dataclass(frozen=True)
class Seen:
    """What a cycle knows when it looks whether anything has happened; `own` is a run of ours that may be behind it.

    `before` and `after` are the OS counters that the state had, and will have; `past` are the short cycles that
    came before this one.
    """

    now: datetime
    sample: Sample
    own: OwnLoad | None
    before: Sequence[Reading] = ()
    after: Sequence[Reading] = ()
    past: Sequence[Beat] = ()


@dataclass
class Noted:
    """What a look leaves for the history, and what it has to complain about."""

    events: list[Event] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    latencies: list[tuple[str, Answer]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Lookout(Protocol):
    """What is asked once a cycle whether anything has happened."""

    def look(self, seen: Seen, /) -> None:
        """Look around, before the transaction on the state: this may take its milliseconds."""

    def notice(self, state: State, now: datetime, /) -> tuple[State, Sequence[Event]]:
        """Return the state with what is to be remembered, and the events; within the transaction, so be quick."""

    def close(self, now: datetime, write_s: float | None, /) -> Noted:
        """Return what there is to record; `write_s` is how long the state took to be written durably."""


class Blind:
    """A lookout that sees nothing."""

    def look(self, _seen: Seen, /) -> None:
        """Look nowhere."""

    def notice(self, state: State, _now: datetime, /) -> tuple[State, Sequence[Event]]:
        """Return the state as it is."""
        return state, ()

    def close(self, _now: datetime, _write_s: float | None, /) -> Noted:
        """Return nothing to record."""
        return Noted()


class Outgoing(Protocol):
    """Where notices and pings go; nothing of it may make a cycle wait."""

    def tell(self, notices: Sequence[Notice], /) -> None:
        """Keep notices until they are delivered; raises OSError."""

    def ping(self, one: Ping, /) -> None:
        """Keep a ping until it is delivered; raises OSError."""

    def send(self) -> None:
        """Have what is kept delivered, by somebody else; raises OSError."""


class Silent:
    """Tells nobody."""

    def tell(self, _notices: Sequence[Notice], /) -> None:
        """Drop notices."""

    def ping(self, _one: Ping, /) -> None:
        """Drop a ping."""

    def send(self) -> None:
        """Send nothing."""


@dataclass(frozen=True)
class World:
    """The edges that a cycle works with."""

    config: Config
    clock: Clock
    store: Store
    history: History
    journal: Journal
    runner: Runner
    meter: Meter
    lookout: Lookout = field(default_factory=Blind)
    outbox: Outgoing = field(default_factory=Silent)

    @property
    def almanac(self) -> Almanac:
        """What was learned, kept beside the state."""
        return Almanac(self.store.folder)


@dataclass(frozen=True)
class Wish:
    """What the caller asked of this cycle: some tasks only, at once, how long to wait, what to log first."""

    only: frozenset[str] | None = None
    force: bool = False
    wait: timedelta | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """What a cycle decided, started, collected, and has to complain about."""

    cycle: int
    at: datetime
    sample: Sample
    decisions: list[Decision]
    runs: list[tuple[str, Result]] = field(default_factory=list)
    live: dict[str, Live] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    damaged: bool = False
    logged: bool = True
    interrupted: bool = False
    dry_run: bool = False
    events: list[Event] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    """The rules that it decided by, with what was learned."""

    @property
    def failed(self) -> bool:
        """Whether a run that this cycle collected did not succeed."""
        return any(not result.status.succeeded for _, result in self.runs)
