"""What a cycle works with and gives back: its edges, the caller's wish, its report. Values and Protocols."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from adaptive_scheduler.almanac import Almanac
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.history import History
from adaptive_scheduler.journal import Journal
from adaptive_scheduler.model import Config, Decision, Live, Memory, Reading, Result, Sample
from adaptive_scheduler.runners.base import Runner
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
class World:
    """The edges that a cycle works with."""

    config: Config
    clock: Clock
    store: Store
    history: History
    journal: Journal
    runner: Runner
    meter: Meter

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

    @property
    def failed(self) -> bool:
        """Whether a run that this cycle collected did not succeed."""
        return any(not result.status.succeeded for _, result in self.runs)
