"""Days of a service's load, made up from a seed: a calm night, a busy day, noise, and a few bursts.

One share of all CPUs for each tick of 5 minutes. Every day begins at six in the morning.
"""

import math
import random
from datetime import UTC, datetime, timedelta

TICK = timedelta(minutes=5)
DAY = timedelta(days=1) // TICK

BEGIN = datetime(2025, 11, 10, 6, tzinfo=UTC).astimezone()
"""Far from the days on which clocks change."""

NIGHT, NOON, EVENING = 0.08, 0.50, 0.25
"""The load at night, and what late morning and early evening add to it."""

NOISE, REMEMBERED = 0.18, 0.8
"""How far a tick strays, as a share of the load, and how much of that the next tick keeps."""

BURST_EVERY, BURST_TICKS, BURST = 40, (2, 8), (0.15, 0.35)
"""Once in so many ticks the load jumps for some ticks by some share of the CPUs."""

MOST = 0.85
"""A service that is asked for more than this has other problems than its neighbours."""


def loads(days: int, dice: random.Random) -> list[float]:
    """Return the load of so many days."""
    found: list[float] = []
    stray = burst = 0.0
    left = 0
    level = 1.0
    for number in range(days * DAY):
        if number % DAY == 0:
            level = dice.gauss(1.0, 0.07)
        stray = REMEMBERED * stray + dice.gauss(0.0, NOISE * math.sqrt(1 - REMEMBERED**2))
        left -= 1
        if left <= 0:
            burst = 0.0
            if dice.random() < 1 / BURST_EVERY:
                burst, left = dice.uniform(*BURST), dice.randint(*BURST_TICKS)
        hour = (BEGIN.astimezone(UTC).hour + number * TICK / timedelta(hours=1)) % 24
        usual = NIGHT + NOON * _hump(hour, 11, 3.0) + EVENING * _hump(hour, 17.5, 2.5)
        found.append(min(MOST, max(0.01, usual * level * (1 + stray) + burst)))
    return found


def arrivals(rates: list[float], tick_s: float, dice: random.Random) -> list[float]:
    """Return when requests come, in seconds: by chance, as independent people send them (Poisson), at a rate a tick."""
    found = []
    for number, rate in enumerate(rates):
        at = number * tick_s + dice.expovariate(rate)
        while at < (number + 1) * tick_s:
            found.append(at)
            at += dice.expovariate(rate)
    return found


def _hump(hour: float, middle: float, width: float) -> float:
    """Return a bell over the hours of the day, 1 in its middle."""
    away = min(abs(hour - middle), 24 - abs(hour - middle))
    return math.exp(-((away / width) ** 2) / 2)
