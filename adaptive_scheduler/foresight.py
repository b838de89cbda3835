"""What perfect foresight would have found: the cheapest starts at the plain rate; numpy, arrays in and out.

The measure of every policy: 0 % of the way from the plain interval to this is cron, 100 % cannot be had.
"""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.rhythm import SLOWEST_LEARNED
from adaptive_scheduler.settings import Rhythm

Floats = NDArray[np.float64]

HALVINGS = 14
"""Of the range of prices: to a hundredth of a per cent of CPU."""


def cheapest(cost: Floats, interval: float, earliest: int, latest: int) -> float:
    """Return the mean cost of the cheapest starts that are as many as the interval asks for.

    `cost` is what a start at each step meets; starts are `earliest` to `latest` steps apart. Dynamic
    programming for a price that each start is worth, and a search for the price that gives the number.
    """
    if len(cost) <= latest:
        return float(cost.min())
    wanted = int(len(cost) / interval)
    low, high = float(cost.min() - cost.max()) - 1.0, float(2 * cost.max()) + 1.0
    for _ in range(HALVINGS):
        price = (low + high) / 2
        low, high = (price, high) if len(_starts(cost - price, interval, earliest, latest)) < wanted else (low, price)
    return float(cost[_starts(cost - high, interval, earliest, latest)].mean())


def _starts(worth: Floats, interval: float, earliest: int, latest: int) -> list[int]:
    """Return the chain of starts with the least sum of `worth`."""
    steps = len(worth)
    best, before = np.full(steps, np.inf), np.full(steps, -1)
    first = int(interval)
    best[:first] = worth[:first]
    for step in range(earliest, steps):
        begin = max(0, step - latest)
        nearest = begin + int(best[begin : step - earliest + 1].argmin())
        through = best[nearest] + worth[step]
        if through < best[step]:
            best[step], before[step] = through, nearest
    step = steps - latest + int(best[steps - latest :].argmin())
    starts = []
    while step >= 0:
        starts.append(step)
        step = int(before[step])
    return starts[::-1]


def reachable(cpu: list[float], interval: float, run: int, rhythm: Rhythm) -> tuple[float, float | None]:
    """Return the mean CPU that runs of so many steps meet at any time, and at the best times; None for no choice."""
    values = np.array(cpu)
    cost = np.convolve(values, np.full(run, 1.0 / run), "valid") if len(values) >= run else values
    earliest, latest = (
        ceil(rhythm.faster * interval - 1e-9),
        floor(min(rhythm.slower, SLOWEST_LEARNED) * interval + 1e-9),
    )
    if earliest < 1 or latest <= earliest or len(cost) < 2 * interval:
        return float(cost.mean()), None
    return float(cost.mean()), cheapest(cost, interval, earliest, latest)
