"""CPU above the busy end of what is usual: in one step, or on the mean of half an hour. Pure.

The excess of a step is what it is above both the busy end of the last three hours and what is usual at this
clock time. The limit follows the host: twice the second-largest excess that one of the last 14 days would
have had, had the other 13 been known then. That is `shared/research/events.md`, section 3, with three
changes, each measured in benchmarks/README.md: days are looked at with today's knowledge, the second-largest
stands for the tail, and a mean of 30 minutes sees what stays.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

from adaptive_scheduler.detectors.base import WEEKS, Calm, Plain, Verdict, around_of, known, part, quantile, second
from adaptive_scheduler.events import CPU_SPIKE, Level
from adaptive_scheduler.series import ABSENT, HUNDREDTHS, Series

SCALES_MIN = (5, 30)
"""Minutes of the means that are looked at."""

FLOORS = {Level.CALM: (8.0, 7.0), Level.KEEN: (8.0, 6.0)}
"""The least limit of each mean, in points."""

TAILS = {Level.CALM: 2.0, Level.KEEN: 1.7}
"""How many times the largest usual excess is the limit."""

BUSY_END = 0.95
LEVEL_H = 3
LEAST_LEVEL = 6
"""How many steps of these hours must be known; two thirds of them where they are that few."""

DAYS = 14
TEACHES = 4
"""A day counts when one in so many of its steps had a verdict."""

UNNOTICED = min(floor / TAILS[level] for level in FLOORS for floor in FLOORS[level]) * HUNDREDTHS
"""Smaller excesses raise no limit above its floor: nobody needs to know how small they are."""

HALF_AN_HOUR = timedelta(minutes=30)

LONGEST_H = 12
"""An event is not said to have begun longer ago."""


class CpuSpike:
    """CPU use far above what is usual, in cells of hundredths of a per cent."""

    kind = CPU_SPIKE

    def look(self, series: Series, memory: Plain, level: Level) -> tuple[Verdict | None, Plain]:
        """Return the verdict on the latest step: the mean that is furthest beyond its limit decides."""
        verdicts, kept = [], {}
        for minutes, floor in zip(SCALES_MIN, FLOORS[level], strict=True):
            scale = _Scale(series, max(1, minutes // series.grid.minutes))
            tops, complete = _looked_at(scale, _tops(memory.get(str(minutes))))
            kept[str(minutes)] = [[day, *top] for day, top in tops.items()]
            tail = second([value for _, value in tops.values() if value is not None]) or 0.0
            verdict = scale.verdict(max(floor * HUNDREDTHS, TAILS[level] * tail)) if complete else None
            if verdict is not None:
                verdicts.append(verdict)
        return max(verdicts, key=lambda one: one.excess, default=None), kept

    def calm(self, step: timedelta) -> Calm:
        """Return when it is armed again: half an hour below half the limit, and two hours after it fired."""
        return Calm(0.5, max(timedelta(0), HALF_AN_HOUR - step), timedelta(hours=2))


@dataclass(frozen=True, slots=True)
class _Scale:
    """The means over `width` steps of a series."""

    series: Series
    width: int

    @property
    def first_step(self) -> int:
        return self.series.end - len(self.series.cells) + 1

    @property
    def least(self) -> int:
        """How many steps of the last hours must be known."""
        return min(LEAST_LEVEL, self.series.grid.steps(LEVEL_H) * 2 // 3)

    def means(self, begin: int, end: int) -> Sequence[int]:
        """Return the means at these places, ABSENT where a third of one is not known, or its last step."""
        cells, width = self.series.cells, self.width
        if width == 1:
            return part(cells, begin, end)
        begin, end = max(0, begin), min(len(cells), end)
        behind = [*[ABSENT] * max(0, width - 1 - begin), *part(cells, begin - width + 1, end)]
        total = sum(behind[: width - 1])
        measured = len(known(behind[: width - 1]))
        found = []
        for comes, goes in zip(behind[width - 1 :], behind, strict=False):
            total += comes
            measured += comes != ABSENT
            found.append(round(total / measured) if comes != ABSENT and measured >= width * 2 // 3 else ABSENT)
            total -= goes
            measured -= goes != ABSENT
        return found

    def top(self, place: int) -> int:
        """Return the largest mean around a place."""
        around = around_of(self.series.grid.minutes)
        return max(self.means(place - around, place + around + 1), default=ABSENT)

    def verdict(self, limit: float) -> Verdict | None:
        """Return how far beyond its limit the mean at the end is."""
        grid, last = self.series.grid, len(self.series.cells) - 1
        value = self.means(last, last + 1)[0]
        end = last - self.width + 1
        before = sorted(known(self.means(end - grid.steps(LEVEL_H), end)))
        if value == ABSENT or len(before) < self.least:
            return None
        tops = [self.top(last - back * grid.day) for back in range(1, DAYS + 1)]
        expected = max(quantile(before, BUSY_END), second(known(tops)) or ABSENT, *(tops[back - 1] for back in WEEKS))
        recent = reversed(part(self.series.cells, last - grid.steps(LONGEST_H), last + 1))
        steps = sum(1 for _ in takewhile(lambda cell: cell > expected, recent))
        return Verdict((value - expected) / limit, value, expected, max(1, steps))

    def top_excess(self, day: int, days: Sequence[int]) -> float | None:
        """Return the largest excess of a day, had the other days been known then; None where it teaches nothing."""
        grid, above, looked = self.series.grid, [], 0
        begin, hours = day * grid.day - self.first_step, grid.steps(LEVEL_H)
        reach, least = hours + self.width - 1, self.least
        means = list(self.means(begin - reach, begin + grid.day))
        means = [ABSENT] * (reach + grid.day - len(means)) + means
        before = sorted(known(means[:hours]))
        for place, (mean, comes, goes) in enumerate(zip(means[reach:], means[hours:], means, strict=False), begin):
            if mean != ABSENT and len(before) >= least:
                looked += 1
                if (most := mean - quantile(before, BUSY_END)) > UNNOTICED:
                    above.append((most, mean, place))
            if comes != ABSENT:
                insort(before, comes)
            if goes != ABSENT:
                del before[bisect_left(before, goes)]
        if looked < grid.day // TEACHES:
            return None
        best = UNNOTICED
        for most, mean, place in sorted(above, reverse=True):
            # What is usual at that time can only lower it, and the rest begins lower: mostly a few are looked at.
            if most <= best:
                break
            others: list[int] = []
            for other in days:
                if other != day:
                    others.append(self.top(place + (other - day) * grid.day))
                if sum(top >= mean - best for top in others) > 1:
                    break
            expected = second(known(others))
            best = max(best, most if expected is None else min(most, mean - expected))
        return best


Tops = dict[int, tuple[int, float | None]]
"""The largest excess of each of the last days, and the day on which that was found."""


def _looked_at(scale: _Scale, tops: Tops) -> tuple[Tops, bool]:
    """Return the tops of the last whole days, and whether that is all of them.

    A look finds one that is missing, and looks at one of the older ones anew: so none pays for all of them, and
    each is at most a few steps of today behind. Days that teach nothing cost nothing, and are found at once.
    """
    today = scale.series.end // scale.series.grid.day
    begin = scale.first_step // scale.series.grid.day + 1
    days = range(max(begin, today - DAYS), today)
    found = {day: tops[day] for day in days if day in tops}
    stale = [day for day in found if found[day][0] != today]
    for day in reversed([day for day in days if day not in found]):
        found[day] = (today, scale.top_excess(day, days))
        if found[day][1] is not None:
            break
    for day in stale[-1:]:
        found[day] = (today, scale.top_excess(day, days))
    return found, len(found) == len(days)


def _tops(plain: object) -> Tops:
    """Return what was remembered, nothing where that makes no sense."""
    tops: Tops = {}
    for one in plain if isinstance(plain, list) else ():
        match one:
            case [int(day), int(found), int() | float() | None as value] if value is None or abs(value) < 1e6:
                tops[day] = (found, value)
    return tops
