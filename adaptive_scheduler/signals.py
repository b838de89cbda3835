"""The present load -> the features that a learned ceiling looks at; no numpy, for every cycle pays for it.

The same numbers as features.py gives for its last row, which a test holds. The recipe is that of
`shared/research/rhythm_policy.md`: the last steps, means of some hours, and echoes, decayed means over
the same slot of earlier hours, days and weeks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import mul

DAY_H = 24
KEPT_DAYS = 28
"""How much of the past is kept and learned from."""

LEVEL = 7 * DAY_H
"""Hours whose mean is the level: what is learned rides with it."""

CLOSEST = 36
"""How many of the last steps are features of their own."""

MEANS = (1, 2, 4, 12, 24, 72)
"""Hours of the means that are features."""

SMOOTHED = 13
"""How many slots around each the smoothed daily echo is a mean of: half an hour to either side."""

LONGEST_RUN_H = 12
"""Longer runs count as this long: what comes later is known too badly to matter."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A decayed mean over the same slot of earlier periods."""

    period_h: int
    half_life_h: int
    reach_h: int

    def weights(self) -> tuple[float, ...]:
        """Return the weight of each earlier period, the latest first."""
        decay: float = 0.5 ** (self.period_h / self.half_life_h)
        return tuple(decay**number for number in range(self.reach_h // self.period_h))


ECHOES = (
    Echo(DAY_H, 3 * DAY_H, 27 * DAY_H),
    Echo(DAY_H, 10 * DAY_H, 27 * DAY_H),
    Echo(7 * DAY_H, 21 * DAY_H, 21 * DAY_H),
    Echo(1, DAY_H, 5 * DAY_H),
    Echo(1, 5 * DAY_H, 16 * DAY_H),
)
SMOOTH_OF = 1
"""Which of the echoes is also a feature when smoothed."""

FEATURES = CLOSEST + len(MEANS) + len(ECHOES) + 1


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps of `minutes`, a divisor of an hour: what is learned counts time in them."""

    minutes: int

    def steps(self, hours: int) -> int:
        """Return how many steps these hours are."""
        return hours * 60 // self.minutes

    @property
    def day(self) -> int:
        """Steps of a day."""
        return self.steps(DAY_H)

    @property
    def kept(self) -> int:
        """Steps of all that is kept."""
        return self.steps(KEPT_DAYS * DAY_H)

    def run(self, seconds: float) -> int:
        """Return how many steps a run of this length occupies, at least one."""
        return min(max(1, round(seconds / 60 / self.minutes)), self.steps(LONGEST_RUN_H))


class Present:
    """The features at the present, of the values that the last steps had; what is asked twice is kept."""

    def __init__(self, values: Sequence[float], grid: Grid) -> None:
        if not values:
            raise ValueError("no load is known yet")
        self._values, self._grid = values, grid
        self._recent = values[-grid.steps(LEVEL) :]
        self._slots: dict[tuple[int, int], float] = {}
        self._features: dict[int, tuple[float, ...]] = {}
        self.level = self._mean(grid.steps(LEVEL))

    def features(self, run: int) -> tuple[float, ...]:
        """Return the features for a run of this many steps, each relative to the level."""
        if run not in self._features:
            closest = [self._values[-min(number, len(self._values))] for number in range(1, CLOSEST + 1)]
            means = [self._mean(self._grid.steps(hours)) for hours in MEANS]
            echoes = [self._over(number, min(run, self._grid.steps(e.period_h))) for number, e in enumerate(ECHOES)]
            raw = [*closest, *means, *echoes, self._smoothed(run)]
            self._features[run] = tuple(value - self.level for value in raw)
        return self._features[run]

    def echo(self, number: int, ahead: int) -> float:
        """Return an echo at so many steps from now, the running mean where no earlier period is known."""
        if (number, ahead) not in self._slots:
            self._slots[number, ahead] = self._echo(number, ahead)
        return self._slots[number, ahead]

    def _mean(self, width: int) -> float:
        part = self._recent[-width:]
        return sum(part) / len(part)

    def _over(self, number: int, run: int) -> float:
        return sum(self.echo(number, ahead) for ahead in range(run)) / run

    def _smoothed(self, run: int) -> float:
        """Return the mean over a run of the echo smoothed over its neighbours: each counts as often as it is one."""
        half, total = SMOOTHED // 2, 0.0
        for ahead in range(-half, run + half):
            times = min(ahead + half, run - 1) - max(ahead - half, 0) + 1
            total += times * self.echo(SMOOTH_OF, max(ahead, -len(self._values)))
        return total / (run * SMOOTHED)

    def _echo(self, number: int, ahead: int) -> float:
        echo, known = ECHOES[number], len(self._values)
        period, weights = self._grid.steps(echo.period_h), _weights(echo)
        newest = known + ahead - period
        # A slot behind the present was predicted from what was known before it.
        past = self._values[newest::-period] if newest >= 0 else ()
        past = past[: len(weights)]
        if not past:
            return self._running(known + min(ahead, 0))
        total = sum(map(mul, past, weights))
        return float(total / sum(weights[: len(past)]))

    def _running(self, until: int) -> float:
        part = self._values[:until][-self._grid.kept :] or self._values[:1]
        return sum(part) / len(part)


@cache
def _weights(echo: Echo) -> tuple[float, ...]:
    return echo.weights()
