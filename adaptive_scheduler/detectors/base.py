"""What detectors share: one small Protocol, and what is usual at a step. Pure, plain Python, no numpy.

The recipe is that of `shared/research/events.md`, section 3: compare with the busy end of the last hours and of
this clock time on other days, so that nightly jobs are no news without a list of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from adaptive_scheduler.events import Level
from adaptive_scheduler.series import ABSENT, Series

Plain = dict[str, Any]

PROBATION = timedelta(days=2)
"""Nothing fires before a signal is known for this long, and measured for half of it."""

AROUND_MIN = 15
"""How many minutes to either side count as the same clock time."""

ENOUGH = 4
"""Of so many values on the second-largest stands for them: one odd day does not deafen."""

WEEKS = (7, 14)
"""Days back whose largest always counts: a weekly job is no news even when it was one of one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far beyond the usual the present is: `excess` 1 is at the limit; it began `steps` steps ago.

    `value` and `expected` are cells of the series.
    """

    excess: float
    value: float
    expected: float
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Calm:
    """When a detector is armed again: `excess` below `below` for `lasting`, and `cool_down` since it fired."""

    below: float
    lasting: timedelta
    cool_down: timedelta


class Detector(Protocol):
    """One kind of event, seen in one signal."""

    @property
    def kind(self) -> str:
        """Its name in tasks.toml."""

    def look(self, series: Series, memory: Plain, level: Level) -> tuple[Verdict | None, Plain]:
        """Return the verdict on the latest step, None where there is none, and what to remember until the next.

        `memory` is what the last call returned, empty at first; what makes no sense in it is forgotten.
        """

    def calm(self, step: timedelta) -> Calm:
        """Return when it is armed again after it fired, on steps of this length."""


def learning(series: Series) -> timedelta:
    """Return how long nothing fires yet because too little is known."""
    return max(timedelta(0), PROBATION - series.span, PROBATION / 2 - series.measured)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of at least one value, in ascending order, by linear interpolation."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def median(values: Iterable[float]) -> float:
    """Return the median of at least one value; the standard library's is dear to load in every cycle."""
    return quantile(sorted(values), 0.5)


def part(cells: Sequence[int], begin: int, end: int) -> Sequence[int]:
    """Return the cells from `begin` up to, not with, `end`; places before the first hold none."""
    return cells[max(0, begin) : max(0, end)]


def known(cells: Sequence[int]) -> list[int]:
    """Return the measured ones of these cells."""
    return [cell for cell in cells if cell != ABSENT]


def second(values: Sequence[float]) -> float | None:
    """Return the second-largest value, the largest of a few, None of none."""
    ordered = sorted(values, reverse=True)
    if not ordered:
        return None
    return ordered[1] if len(ordered) >= ENOUGH else ordered[0]


def around_of(minutes: int) -> int:
    """Return the steps to either side that count as the same clock time, none for steps of half an hour or more."""
    return AROUND_MIN // minutes
