"""Rises put into recorded hosts: how many of them cpu_spike would have seen within half an hour.

A rise peaks so many points above the 99 % of the day before it, for so many steps, and keeps the host's own wiggle.
There is one about every 33 hours from the fifth day on; where the untouched host is above its limit too, none counts.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from replayed import DAY, GRID, Moment, looked

from adaptive_scheduler.detectors.base import Detector, Plain
from adaptive_scheduler.events import Level
from adaptive_scheduler.series import ABSENT, percent_cell, percent_of

POINTS, STEPS = (5, 10, 20, 40), (1, 3, 12, 36)
EVERY, FIRST_DAY, SEED = 400, 4, 1
PROMPT = 6
"""Steps of half an hour: a rise must be seen by then, or in the step after it where it is shorter."""
LEAST_KNOWN = 200
"""Steps of the day before that must be known."""
LEAST_PEAK, LEAST_RISE = 10.0, 2.0
"""Peaks below this many per cent, and rises that are hardly more than the host itself, are none."""

Tally = dict[tuple[int, int], tuple[int, int]]
"""By points and steps: how many rises were seen, of how many."""


def tallied(detector: Detector, level: Level, number: int, life: Sequence[Moment]) -> Tally:
    """Return how many rises put into one host are seen; `life` is that of the untouched host."""
    dice = np.random.default_rng(SEED + number)
    regular = np.arange(FIRST_DAY * DAY, len(life) - DAY, EVERY)
    places = [int(place) for place in regular + dice.integers(0, DAY, len(regular))]
    tally: Tally = {}
    for points, steps in product(POINTS, STEPS):
        seen = [_seen(detector, level, life, place, points, steps) for place in places]
        told = [one for one in seen if one is not None]
        tally[points, steps] = (sum(told), len(told))
    return tally


def _seen(detector: Detector, level: Level, life: Sequence[Moment], place: int, points: int, steps: int) -> bool | None:
    """Return whether one rise is seen, None where there is none to be seen."""
    if max(moment.excess for moment in life[place - PROMPT : place + PROMPT + 1]) >= 1:
        return None
    cells = np.array(life[place + steps - 1].series.cells)
    before, own = cells[-steps - DAY : -steps], cells[-steps:]
    before = before[before != ABSENT]
    if len(before) < LEAST_KNOWN or (own == ABSENT).any():
        return None
    peak = percent_of(float(np.quantile(before, 0.99))) + points
    rise = peak - percent_of(float(own.max()))
    if not LEAST_PEAK <= peak <= 100 or rise <= LEAST_RISE:
        return None
    risen = [percent_cell(percent_of(float(cell)) + rise) for cell in own]
    after = [moment.series.cells[-1] for moment in life[place + steps : place + PROMPT + 1]]
    shown = [round(cell) for cell in (*risen, *after)][: min(steps, PROMPT) + 1]
    return _told(detector, level, life[place], shown)


def _told(detector: Detector, level: Level, moment: Moment, shown: Sequence[int]) -> bool:
    """Return whether a detector is above its limit when these cells come instead of what really came."""
    series, memory = moment.before, Plain(moment.remembered)
    for cell in shown:
        kept = [*series.cells, cell][-20 * GRID.day :]
        series = replace(series, end=series.end + 1, cells=kept, total=float(cell), count=1)
        verdict, memory, _ = looked(detector, series, memory, level)
        if verdict is not None and verdict.excess >= 1:
            return True
    return False


def added_up(tallies: Sequence[Tally]) -> Tally:
    """Return all tallies as one."""
    return {
        key: (sum(tally[key][0] for tally in tallies), sum(tally[key][1] for tally in tallies))
        for key in product(POINTS, STEPS)
    }


def recall(tally: Tally) -> float:
    """Return the mean of the shares seen, each kind of rise counting the same."""
    return float(np.mean([seen / of for seen, of in tally.values() if of]))
