"""Memory that creeps up and does not come back: the quiet side of twelve blocks in a row, each above the last. Pure.

Blocks of 10 minutes to 6 hours; the quiet side of a block is its lower quartile, which bursts leave alone. Of
twelve such floors the rise must be steady: large enough, without a step that is most of it (a new process),
with a Theil-Sen slope and a Mann-Kendall trend to match, and above the height that is usual at this clock
time. This is `shared/research/events.md`, section 3, with two changes, measured in benchmarks/README.md: rises
that came and went before are remembered, and one of the kind is no news; and as long as it goes on it is
one event. (Sen 1968, J. Am. Stat. Assoc. 63; Mann 1945, Econometrica 13.)
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations, pairwise
from math import ceil

from adaptive_scheduler.detectors.base import Calm, Plain, Verdict, median, part, second
from adaptive_scheduler.events import MEMORY_LEAK, Level
from adaptive_scheduler.series import ABSENT, HUNDREDTHS, Series

BLOCKS = 12
BLOCKS_MIN = (10, 30, 120, 360)
"""Minutes that a block may last."""

RISE = 3.0
"""The least rise, and the least slope over all blocks, in points."""

ABOVE = 4.0
"""The least height above the usual, in points."""

STEPS = {Level.CALM: 0.35, Level.KEEN: 0.4}
"""The largest share of the rise that one step may be."""

TREND = 0.6
"""The least Mann-Kendall tau."""

HEIGHT_AGAIN, RISE_AGAIN = 1.25, 0.6
"""How many times the height and the rise of earlier ones, the second-largest of a day, it must reach."""

DAYS = 14
LEAST_DAYS, ENOUGH_DAYS = 2, 3
PAIRS = tuple(combinations(range(BLOCKS), 2))

Tops = dict[int, tuple[float, float]]
"""The largest height above the usual, and the largest rise, of the steady rises of a day."""


class MemoryLeak:
    """Memory use that creeps up, in cells of hundredths of a per cent."""

    kind = MEMORY_LEAK

    def look(self, series: Series, memory: Plain, level: Level) -> tuple[Verdict | None, Plain]:
        """Return the verdict on the latest step: the shortest block that shows a leak, else the nearest to one."""
        today = series.end // series.grid.day
        verdicts, kept = [], {}
        for minutes in BLOCKS_MIN:
            if minutes < 2 * series.grid.minutes:
                continue
            tops = _tops(memory.get(str(minutes)), today)
            rise = _rise(series, minutes // series.grid.minutes, STEPS[level])
            if rise is not None:
                height, net, expected, value = rise
                past = [top for day, top in tops.items() if day != today]
                over = max(ABOVE * HUNDREDTHS, HEIGHT_AGAIN * (second([top[0] for top in past]) or 0.0))
                least = max(RISE * HUNDREDTHS, RISE_AGAIN * (second([top[1] for top in past]) or 0.0))
                excess = min(height / over, net / least)
                verdicts.append(Verdict(excess, value, expected, BLOCKS * minutes // series.grid.minutes))
                best = tops.get(today, (height, net))
                tops[today] = (max(best[0], height), max(best[1], net))
            kept[str(minutes)] = [[day, *top] for day, top in tops.items()]
        none = Verdict(0.0, series.cells[-1], series.cells[-1])
        fired = [verdict for verdict in verdicts if verdict.excess >= 1]
        found = fired[0] if fired else max(verdicts, key=lambda one: one.excess, default=none)
        return (found if series.cells[-1] != ABSENT else None), kept

    def calm(self, step: timedelta) -> Calm:
        """Return when it is armed again: a day without a sign of it, and a day after it fired."""
        day = timedelta(days=1)
        return Calm(1.0, max(step, day), day)


def _rise(series: Series, block: int, step: float) -> tuple[float, float, float, float] | None:
    """Return (height above the usual, net rise, the usual, the present floor) of a steady rise, None without one."""
    cells, last = series.cells, len(series.cells) - 1
    top, bottom = (_floor(cells, last - number * block, block) for number in (0, BLOCKS - 1))
    if top is None or bottom is None or top - bottom < RISE * HUNDREDTHS:
        return None
    between = [_floor(cells, last - number * block, block) for number in range(BLOCKS - 2, 0, -1)]
    levels = [float(floor) for floor in (bottom, *between, top) if floor is not None]
    net = levels[-1] - levels[0]
    if len(levels) < BLOCKS or max(b - a for a, b in pairwise(levels)) > step * net:
        return None
    slope = (BLOCKS - 1) * median((levels[b] - levels[a]) / (b - a) for a, b in PAIRS)
    trend = sum((levels[b] > levels[a]) - (levels[b] < levels[a]) for a, b in PAIRS) / len(PAIRS)
    if slope < RISE * HUNDREDTHS or trend < TREND:
        return None
    usual = _usual(cells, last, block, series.grid.day)
    return None if usual is None else (levels[-1] - usual, net, usual, levels[-1])


def _floor(cells: Sequence[int], place: int, block: int) -> int | None:
    """Return the lower quartile of the block that ends at a place, None where less than a third of it is known."""
    ordered = sorted(part(cells, place - block + 1, place + 1))
    absent = bisect_right(ordered, ABSENT)
    measured = len(ordered) - absent
    return ordered[absent + round((measured - 1) / 4)] if measured >= max(1.0, block / 3) else None


def _usual(cells: Sequence[int], last: int, block: int, day: int) -> float | None:
    """Return the second-highest floor at this clock time, of 14 days before the rise; None where too few are known."""
    around, stride = max(BLOCKS, block // 2), max(1, block // 6)
    begin = ceil((BLOCKS * block + around) / day)
    tops = []
    for back in range(begin, begin + DAYS):
        at = last - back * day
        floors = [_floor(cells, at + off, block) for off in range(-around, around + 1, stride)]
        if found := [floor for floor in floors if floor is not None]:
            tops.append(max(found))
    if len(tops) < LEAST_DAYS:
        return None
    return sorted(tops)[-2] if len(tops) >= ENOUGH_DAYS else max(tops)


def _tops(plain: object, today: int) -> Tops:
    """Return what was remembered of the last days, nothing where that makes no sense."""
    tops: Tops = {}
    for one in plain if isinstance(plain, list) else ():
        match one:
            case [int(day), int() | float() as height, int() | float() as rise] if (
                today - DAYS <= day <= today and abs(height) < 1e6 and abs(rise) < 1e6
            ):
                tops[day] = (float(height), float(rise))
    return tops
