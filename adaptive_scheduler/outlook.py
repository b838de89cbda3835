"""The load of the last weeks -> the CPU that is expected of the hours to come, with a band. Pure, and no numpy.

What is expected of a step is what its slot of the day usually has, plus how far the present is from usual:

- usual is the decayed mean of the same slot of earlier days (half-life 3 days), moved towards that of earlier weeks
  by a share which least squares finds in the kept weeks: 0 where weekdays are all alike, up to 1;
- a part of the last day's mean deviation from that lasts (a level that moved), the rest of the last hour's deviation
  fades with the autocorrelation that such rests have from one hour to the next.

The band is empirical: it leaves out the lowest and the highest 8 % of the errors that the same forecast would have
made, so many hours ahead, in the later part of what is kept. On recorded loads it then holds 80 % of the hours to
come (with 10 %, the share that it should leave out, 76 %).

The settings were chosen on those loads too, the same ones for every machine; benchmarks/README.md has the figures, and
what becomes of them without each part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from operator import mul

from adaptive_scheduler.rolling import FILLED, Rolling
from adaptive_scheduler.signals import DAY_H, ECHOES

WEEK_H = 7 * DAY_H
DAYS, WEEKS = ECHOES[0].weights(), ECHOES[2].weights()
"""The weights of earlier days and of earlier weeks, the latest first: half-lives of 3 and of 21 days."""

LASTING = 0.6
"""How much of the last day's mean deviation is a new level."""

WEEKDAYS_FROM_H = 14 * DAY_H
"""With less load than this nothing is said about weekdays: each was seen twice at most."""

TESTED_SHARE = 0.25
"""What it is tried on begins after this part of what is kept, which is for it to know."""

LEAST_ERRORS = 24
"""Fewer errors than these make no band."""

LOW, HIGH = 0.08, 0.92
"""The quantiles of the past errors that make the band: four of five hours to come fall into it."""

HABIT_DAYS = 14
"""With less load than this, a forecast is a glimpse."""


@dataclass(frozen=True, slots=True)
class Expected:
    """CPU in per cent that is expected, and the band around it; None where too little is known for one."""

    cpu: float
    low: float | None
    high: float | None


class Outlook:
    """What a load lets one expect; ValueError where there is none. Steps are numbered as `rolling` does."""

    def __init__(self, load: Rolling) -> None:
        if not load.cells:
            raise ValueError("no load is known yet")
        self._values, self._end, self._hour = [min(100.0, one) for one in load.values()], load.end, load.grid.steps(1)
        self.grid = load.grid
        self.days = sum(not cell & FILLED for cell in load.cells) / load.grid.day
        hours = max(1, len(self._values) // self._hour)
        means, known = [], []
        for number in range(-hours, 0):
            cut = slice(number * self._hour, (number + 1) * self._hour or None)
            means.append(_mean(self._values[cut]))
            known.append(2 * sum(not cell & FILLED for cell in load.cells[cut]) > len(load.cells[cut]))
        self._past = _Past(means, known)
        self._errors: dict[int, tuple[float, float] | None] = {}
        self._steps: dict[int, float] = {}

    def cpu(self, step: int) -> float:
        """Return the CPU expected of a step; of one that has been, what it was."""
        ahead = step - self._end
        if ahead <= 0:
            return self._values[max(0, len(self._values) - 1 + ahead)]
        if ahead not in self._steps:
            self._steps[ahead] = _within(self._usual(ahead) + self._past.away(0.5 + (ahead - 0.5) / self._hour))
        return self._steps[ahead]

    def edges(self, step: int) -> tuple[float, float] | None:
        """Return how far below and above the expectation the band of a step lies, None where it is unknown."""
        hours = max(1, ceil((step - self._end) / self._hour))
        if hours not in self._errors:
            errors = sorted(self._past.errors(hours))
            found = (min(0.0, quantile(errors, LOW)), max(0.0, quantile(errors, HIGH)))
            self._errors[hours] = found if len(errors) >= LEAST_ERRORS else None
        return self._errors[hours]

    def over(self, steps: Sequence[int]) -> Expected:
        """Return what is expected of the mean of some steps."""
        cpu = _mean([self.cpu(step) for step in steps])
        edges = self.edges(steps[len(steps) // 2])
        if edges is None:
            return Expected(cpu, None, None)
        return Expected(cpu, _within(cpu + edges[0]), _within(cpu + edges[1]))

    def _usual(self, ahead: int) -> float:
        slot = len(self._values) - 1 + ahead
        day = _echo(self._values, slot, DAYS, DAY_H * self._hour, ahead)
        if day is None:
            return _mean(self._values)
        week = _echo(self._values, slot, WEEKS, WEEK_H * self._hour, ahead)
        return day if week is None else day + self._past.weekly * (week - day)


class _Past:
    """The kept hours: how far each was from usual, and what that says of the next ones."""

    def __init__(self, means: Sequence[float], known: Sequence[bool]) -> None:
        self._means, self._known = means, known
        self._first = DAY_H if len(means) > DAY_H else 0
        self._gaps: dict[int, list[float]] = {}
        self.weekly = self._share_of_weeks()
        self._rest = [mean - usual for mean, usual in zip(means, self._usual(1), strict=True)]
        self._level = [
            LASTING * sum(self._rest[max(self._first, hour - DAY_H) : hour]) / DAY_H for hour in range(len(means) + 1)
        ]
        self._fading = self._autocorrelation()

    def away(self, hours: float, origin: int | None = None) -> float:
        """Return how far from usual an hour will be that is so many hours after an origin, the present by default."""
        origin = len(self._means) if origin is None else origin
        level = self._level[origin]
        left: float = self._fading**hours
        return level + left * (self._rest[origin - 1] - level)

    def errors(self, hours: int) -> list[float]:
        """Return what the same forecast missed so many hours ahead: the truth less what was expected."""
        usual = self._usual(ceil(hours / DAY_H))
        first = max(DAY_H, int(TESTED_SHARE * len(self._means)))
        found = []
        for origin in range(first, len(self._means) - hours + 1):
            hour = origin + hours - 1
            if self._known[hour] and self._known[origin - 1]:
                found.append(self._means[hour] - _within(usual[hour] + self.away(hours, origin)))
        return found

    def _usual(self, gap: int) -> list[float]:
        """Return what was usual for each hour, as it was known `gap` days before; the mean so far on the first days."""
        if gap not in self._gaps:
            found, so_far = [], 0.0
            for hour, mean in enumerate(self._means):
                day = _echo(self._means, hour, DAYS, DAY_H, gap * DAY_H)
                week = _echo(self._means, hour, WEEKS, WEEK_H, gap * DAY_H)
                if day is None:
                    found.append(so_far / hour if hour else mean)
                else:
                    found.append(day if week is None else day + self.weekly * (week - day))
                so_far += mean
            self._gaps[gap] = found
        return self._gaps[gap]

    def _share_of_weeks(self) -> float:
        """Return how far usual lies from the days' mean towards the weeks': least squares, between 0 and 1."""
        if len(self._means) < WEEKDAYS_FROM_H:
            return 0.0
        both, square = 0.0, 0.0
        for hour in range(WEEK_H, len(self._means)):
            day = _echo(self._means, hour, DAYS, DAY_H, DAY_H)
            week = _echo(self._means, hour, WEEKS, WEEK_H, DAY_H)
            assert day is not None
            assert week is not None
            if self._known[hour]:
                both += (week - day) * (self._means[hour] - day)
                square += (week - day) ** 2
        return min(1.0, max(0.0, both / square)) if square else 0.0

    def _autocorrelation(self) -> float:
        """Return how much of a deviation is left an hour later, of what the level does not explain."""
        parts = [rest - level for rest, level in zip(self._rest, self._level, strict=False)][self._first :]
        square = sum(part * part for part in parts)
        both = sum(one * other for one, other in pairwise(parts))
        return min(1.0, max(0.0, both / square)) if square else 0.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between the two nearest ones; 0 of none."""
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _echo(values: Sequence[float], slot: int, weights: Sequence[float], period: int, ahead: int) -> float | None:
    """Return the weighted mean of a slot in the earlier periods that lie at least `ahead` slots before it."""
    latest = ceil(ahead / period)
    first = slot - latest * period
    # A slice that begins below zero would begin at the other end.
    past = values[first::-period] if first >= 0 else ()
    weights = weights[latest - 1 : latest - 1 + len(past)]
    return float(sum(map(mul, past, weights)) / sum(weights)) if weights else None


def _within(cpu: float) -> float:
    return min(100.0, max(0.0, cpu))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
