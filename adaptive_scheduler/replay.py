"""A recorded signal through the very same detectors and latches: what would have fired when. Pure.

A row stamped T is the mean over [T, T + tick); in a replay an event bears the stamp of the row it fires at, in
life it comes with the cycle at the end of that row.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Protocol

from adaptive_scheduler import alarms, watching
from adaptive_scheduler.baseline import Baseline
from adaptive_scheduler.events import TRACE, Answer, Event, Watch
from adaptive_scheduler.machine import Sample

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)


class Load(Protocol):
    """A row of a recorded load, in per cent; None where unknown."""

    @property
    def at(self) -> datetime:
        """When it begins."""

    @property
    def cpu(self) -> float | None:
        """CPU use."""

    @property
    def memory(self) -> float | None:
        """Memory use."""


@dataclass(frozen=True, slots=True)
class Point:
    """One row: CPU and memory in per cent, or a latency in milliseconds; None where unknown."""

    at: datetime
    cpu: float | None = None
    memory: float | None = None
    ms: float | None = None


def step_of(moments: Iterable[datetime], least: timedelta) -> timedelta:
    """Return the usual distance of rows, of one minute to an hour; `least` where there is but one."""
    ordered = list(moments)
    distances = [(b - a).total_seconds() for a, b in pairwise(ordered) if b > a]
    usual = timedelta(seconds=median(distances)) if distances else least
    return min(LONGEST, max(SHORTEST, usual))


class Replay:
    """Detectors that are shown one row after the other; all of its load is that of others."""

    def __init__(self, watches: Mapping[str, Watch], tick: timedelta) -> None:
        self.watches, self.tick = watches, tick
        self._baseline, self._latches = Baseline(), ""

    def see(self, point: Point) -> list[Event]:
        """Return the events that fire at a row, stamped with the moment at which it is known: a tick later."""
        known_at = point.at + self.tick
        # No calls are no fast calls: such a row is not there.
        spoke = point.ms is not None and point.ms > 0
        facts = watching.Facts(
            at=known_at,
            sample=Sample(known_at, point.cpu, point.memory, point.cpu, source=TRACE),
            latencies={TRACE: Answer(known_at, point.ms)} if spoke else {},
        )
        self._baseline, found = watching.look(self._baseline, facts, self.watches, self.tick)
        self._latches, events = alarms.happened(self._latches, found, self.watches, known_at, self.tick)
        return events


def replay(points: Iterable[Point], watches: Mapping[str, Watch], tick: timedelta) -> Iterator[Event]:
    """Yield every event that would have fired, stamped with its row; the rows come in the order of time."""
    looker = Replay(watches, tick)
    for point in points:
        for event in looker.see(point):
            yield replace(event, at=event.at - tick, since=event.since - tick)


@dataclass(frozen=True, slots=True)
class Fired:
    """The events of a recorded load, by the number of the tick that knows of them: one after their row."""

    start: datetime
    tick: timedelta
    by_tick: Mapping[int, Sequence[Event]]

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[int, Load | None]],
        watches: Mapping[str, Watch],
        start: datetime,
        tick: timedelta,
    ) -> "Fired":
        """Return what fires in numbered rows; an absent one is an absence, and no zero."""
        looker, by_tick = Replay(watches, tick), {}
        for number, row in rows:
            if row is not None and (events := looker.see(Point(row.at.astimezone(), row.cpu, row.memory))):
                by_tick[number + 1] = events
        return cls(start, tick, by_tick)

    def happenings(self) -> Callable[[datetime, Sample], Sequence[Event]]:
        """Return what a simulation asks at each of its ticks: what has fired since it asked last."""
        last = 0

        def since(at: datetime, _sample: Sample) -> Sequence[Event]:
            nonlocal last
            number = (at - self.start) // self.tick
            events = [one for tick in range(last + 1, number + 1) for one in self.by_tick.get(tick, ())]
            last = number
            return events

        return since

    def counts(self, since: datetime) -> dict[str, int]:
        """Return how often each event fired from a moment on."""
        return dict(Counter(one.name for events in self.by_tick.values() for one in events if one.at >= since))
