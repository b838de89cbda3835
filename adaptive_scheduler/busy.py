"""Samples -> how busy each hour of the week is. Pure.

A sample is the mean over the time before its stamp, so it counts for the hour in which that time had its
middle (and for others that it fills by half, where ticks are long), and for as long as it lasted. Hours are
those of the local clocks of that day, summer time included: the hour that a clock skips stays empty, the one
that it repeats has twice as much.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor

from adaptive_scheduler.machine import Sample

LONGEST_TICKS = 2
"""A sample never stands for more than this: after a longer gap it is a short one, of that moment."""

DAYS_A_WEEK, HOURS_A_DAY = 7, 24
HOUR = timedelta(hours=1)

Local = Callable[[datetime], datetime]
"""From a moment to what local clocks showed then."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that one sample stands for: how long, where local clocks stood in its middle, how busy it was."""

    end: datetime
    seconds: float
    middle: datetime
    cpu: float | None
    foreign: float | None
    memory: float | None

    @property
    def load(self) -> float | None:
        """What others used where it is known, else all that was used.

        Our own tasks are what can be moved: counted in, they would make the hours busy in which they run now.
        """
        return self.cpu if self.foreign is None else self.foreign


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the week: its means, None where nothing was measured, and the days that they rest on."""

    weekday: int
    hour: int
    cpu: float | None
    foreign: float | None
    memory: float | None
    days: int


Part = tuple[Stretch, datetime, float]
"""A stretch, a local moment in it, and how many of its seconds count there."""


def stretches(samples: Sequence[Sample], tick: timedelta, local: Local) -> list[Stretch]:
    """Return the time that each sample stands for; the samples come in the order of time."""
    found = []
    before: datetime | None = None
    for one in samples:
        gap = tick if before is None else one.at - before
        length = gap if timedelta(0) < gap <= LONGEST_TICKS * tick else tick
        middle = local(one.at - length / 2)
        found.append(Stretch(one.at, length.total_seconds(), middle, one.cpu, one.foreign_cpu, one.memory))
        before = one.at
    return found


def mean(values: Iterable[tuple[float | None, float]]) -> float | None:
    """Return the mean of values with weights, None when none of them is known."""
    total = weights = 0.0
    for value, weight in values:
        if value is not None:
            total += value * weight
            weights += weight
    return total / weights if weights else None


def mean_of(known: Iterable[Stretch], what: str) -> float | None:
    """Return the mean of "cpu", "foreign", "memory" or "load" over stretches of time, None when it is unknown."""
    return mean((getattr(one, what), one.seconds) for one in known)


def parts(one: Stretch, slot: timedelta) -> Iterator[tuple[datetime, float]]:
    """Cut a stretch at the slots of the local day: yield a local moment in each, and how many seconds are in it.

    Slots that it only touches are left out.
    """
    size, middle = slot.total_seconds(), one.middle
    middle_s = (middle.hour * 60 + middle.minute) * 60 + middle.second
    begin, end, home = middle_s - one.seconds / 2, middle_s + one.seconds / 2, middle_s // size
    for at in range(floor(begin / size), ceil(end / size)):
        seconds = min(end, (at + 1) * size) - max(begin, at * size)
        if at == home or seconds >= size / 2:
            yield middle + (at - home) * slot, seconds


def week(known: Iterable[Stretch]) -> list[Hour]:
    """Return all hours of the week from Monday 00:00 on, those without samples empty."""
    cells = defaultdict[tuple[int, int], list[Part]](list)
    for one in known:
        for moment, seconds in parts(one, HOUR):
            cells[moment.weekday(), moment.hour].append((one, moment, seconds))
    return [
        _hour(weekday, hour, cells.get((weekday, hour), []))
        for weekday in range(DAYS_A_WEEK)
        for hour in range(HOURS_A_DAY)
    ]


def _hour(weekday: int, hour: int, cell: list[Part]) -> Hour:
    cpu, foreign, memory = (
        mean((getattr(one, what), seconds) for one, _, seconds in cell) for what in ("cpu", "foreign", "memory")
    )
    return Hour(weekday, hour, cpu, foreign, memory, len({moment.date() for _, moment, _ in cell}))
