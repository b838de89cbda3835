"""What is known of the load at a moment -> numbers to predict a run's cost from; numpy, arrays in and out.

Row t of every array knows `values[:t]` alone, so the last row, t = len(values), is the present. All
features are CPU points above or below the level, the mean of the last seven days: what is learned rides
with slow shifts. signals.py works out the last row without numpy; a test holds the two together.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.signals import CLOSEST, ECHOES, LEVEL, MEANS, SMOOTH_OF, SMOOTHED, Echo, Grid

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bank:
    """The features of one series of CPU values, one a step; what runs of every length share is kept."""

    values: Floats
    grid: Grid

    @cached_property
    def level(self) -> Floats:
        """Mean of the last seven days, one a step and one for the present."""
        return self._mean(self.grid.steps(LEVEL))

    def row_of(self, run: int) -> Floats:
        """Return the features for a run of this many steps: (len(values) + 1, features)."""
        columns = [self._lag(number) for number in range(1, CLOSEST + 1)]
        columns += [self._mean(self.grid.steps(hours)) for hours in MEANS]
        for echo, kind in zip(self._echoes, ECHOES, strict=True):
            # Within one period every slot has an earlier occurrence that is past.
            columns.append(self._over(echo, min(run, self.grid.steps(kind.period_h))))
        columns.append(self._smoothed(run))
        return np.stack(columns, axis=1) - self.level[:, None]

    def cost(self, run: int) -> Floats:
        """Return the mean CPU that a run of this many steps meets from each step on; NaN where not known yet."""
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        cost = np.full(len(self.values) + 1, np.nan)
        if len(self.values) >= run:
            cost[: len(sums) - run] = (sums[run:] - sums[:-run]) / run
        return cost

    @cached_property
    def _sums(self) -> Floats:
        return np.concatenate([[0.0], np.cumsum(self.values)])

    def _mean(self, width: int) -> Floats:
        now = np.arange(len(self.values) + 1)
        first = np.maximum(now - width, 0)
        mean = (self._sums[now] - self._sums[first]) / np.maximum(now - first, 1)
        mean[0] = self.values[0]
        return mean

    def _lag(self, number: int) -> Floats:
        lag = np.empty(len(self.values) + 1)
        lag[:number] = self.values[0]
        lag[number:] = self.values[: max(0, len(lag) - number)]
        return lag

    @cached_property
    def _running(self) -> Floats:
        """The mean of all that the series may hold: it stands in where no earlier period is known."""
        return self._mean(self.grid.kept)

    @cached_property
    def _echoes(self) -> list[Floats]:
        return [self._echo(echo) for echo in ECHOES]

    def _smoothed(self, run: int) -> Floats:
        """Return the mean over a run of the echo smoothed over its neighbours, as signals.py says it."""
        half, echo = SMOOTHED // 2, self._echoes[SMOOTH_OF]
        offsets = np.arange(-half, run + half)
        times = np.minimum(offsets + half, run - 1) - np.maximum(offsets - half, 0) + 1.0
        # A slot behind the present was predicted from what was known before it.
        behind = np.where(np.isnan(echo[: len(self._running)]), self._running, echo[: len(self._running)])
        padded = np.pad(behind, (half, 0), mode="edge")
        total = np.convolve(padded, times[:half][::-1], "valid")[: len(self._running)]
        length, ahead = len(self._running) + len(times) - half - 1, times[half:][::-1]
        total += np.convolve(np.nan_to_num(echo)[:length], ahead, "valid")
        total += self._running * np.convolve(np.isnan(echo)[:length], ahead, "valid")
        smoothed: Floats = total / (run * SMOOTHED)
        return smoothed

    def _echo(self, echo: Echo) -> Floats:
        """Return, for each step up to a day ahead, the decayed mean over the same slot of earlier periods."""
        period, weights = self.grid.steps(echo.period_h), echo.weights()
        ahead = len(self.values) + self.grid.day
        total, known = np.zeros(ahead), np.zeros(ahead)
        for number, weight in enumerate(weights, start=1):
            offset = number * period
            length = min(ahead - offset, len(self.values))
            if length <= 0:
                break
            total[offset : offset + length] += weight * self.values[:length]
            known[offset : offset + length] += weight
        # A slot ahead whose last occurrence is ahead too has older ones only.
        mean: Floats = np.divide(total, known, out=np.full(ahead, np.nan), where=known > 0)
        return mean

    def _over(self, echo: Floats, run: int) -> Floats:
        """Return the mean of an echo over a run that starts at each step, the running mean where it is unknown."""
        now = np.arange(len(self.values) + 1)
        known, unknown = (np.concatenate([[0.0], np.cumsum(part)]) for part in (np.nan_to_num(echo), np.isnan(echo)))
        total = known[now + run] - known[now] + (unknown[now + run] - unknown[now]) * self._running
        over: Floats = total / run
        return over
