"""Latency far above what is usual, by its logarithm. Pure.

It compares with the busy end of two days and of this clock time on seven others. On steps of half an hour or
more a plain ratio is the limit, as `shared/research/events.md` found: records full of incidents must not teach
it to be deaf. On finer steps, where single slow answers are common, the limit also follows the host: twice
the second-largest excess of a day, of 14.
"""

from datetime import timedelta
from math import log

from adaptive_scheduler.detectors.base import (
    WEEKS,
    Calm,
    Plain,
    Verdict,
    around_of,
    known,
    median,
    part,
    quantile,
    second,
)
from adaptive_scheduler.events import HIGH_LATENCY, Level
from adaptive_scheduler.series import ABSENT, LOG_STEP, Series

RATIOS = {Level.CALM: 1.4, Level.KEEN: 1.3}
"""How many times the usual is too much, at least."""

BUSY_END = 0.9
LEVEL_H = 48
LEAST_SHARE = 4
"""One in so many of the steps before must be known."""

DAYS = 7
TAIL_DAYS, LEAST_TAIL_DAYS = 14, 3
TAIL = 2.0
COARSE_MIN = 30
"""Steps of so many minutes or more are means of much; finer ones need the host's own tail."""

LEAST_CALM = timedelta(minutes=30)


class HighLatency:
    """Latency far above what is usual, in cells of its logarithm."""

    kind = HIGH_LATENCY

    def look(self, series: Series, memory: Plain, level: Level) -> tuple[Verdict | None, Plain]:
        """Return the verdict on the latest step, and the largest excess of each of the last days."""
        grid, last, cells = series.grid, len(series.cells) - 1, series.cells
        today = series.end // grid.day
        tops = _tops(memory, today)
        before = known(part(cells, last - grid.steps(LEVEL_H), last))
        if cells[last] == ABSENT or len(before) < grid.steps(LEVEL_H) // LEAST_SHARE:
            return None, {"tops": [list(top) for top in tops.items()]}
        around = around_of(grid.minutes)
        places = [last - back * grid.day for back in range(1, max(WEEKS) + 1)]
        highest = [max(part(cells, place - around, place + around + 1), default=ABSENT) for place in places]
        usual = second(known(highest[:DAYS])) or ABSENT
        expected = max(quantile(sorted(before), BUSY_END), usual, *(highest[back - 1] for back in WEEKS))
        excess = cells[last] - expected
        past = [value for day, value in tops.items() if day != today]
        limit = max(log(RATIOS[level]) * LOG_STEP, _tail(past, grid.minutes))
        tops[today] = max(excess, tops.get(today, excess))
        return Verdict(excess / limit, cells[last], expected), {"tops": [list(top) for top in tops.items()]}

    def calm(self, step: timedelta) -> Calm:
        """Return when it is armed again: for a while below half the limit, and six hours after it fired."""
        return Calm(0.5, max(step, LEAST_CALM - step), timedelta(hours=6))


def _tail(past: list[float], minutes: int) -> float:
    """Return the excess that is nothing special on this host, 0 where too few days are known."""
    if len(past) < LEAST_TAIL_DAYS:
        return 0.0
    return median(past) if minutes >= COARSE_MIN else TAIL * (second(past) or 0.0)


def _tops(memory: Plain, today: int) -> dict[int, float]:
    """Return what was remembered of the last days, nothing where that makes no sense."""
    tops = {}
    plain = memory.get("tops")
    for one in plain if isinstance(plain, list) else ():
        match one:
            case [int(day), int() | float() as value] if today - TAIL_DAYS <= day <= today and abs(value) < 1e6:
                tops[day] = float(value)
    return tops
