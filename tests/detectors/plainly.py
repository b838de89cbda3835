"""What cpu_spike says of itself, done plainly and slowly: every mean and every day from scratch, nothing remembered."""

from collections.abc import Sequence

from adaptive_scheduler.detectors.cpu_spike import BUSY_END, FLOORS, SCALES_MIN, TAILS, UNNOTICED
from adaptive_scheduler.events import Level
from adaptive_scheduler.series import HUNDREDTHS


def excess(cells: Sequence[int], first_step: int, minutes: int, level: Level) -> float | None:
    """Return how far beyond its limit the last cell is, None where too little is known."""
    found = []
    for scale_min, floor in zip(SCALES_MIN, FLOORS[level], strict=True):
        scale = _Plain(cells, first_step, minutes, max(1, scale_min // minutes))
        above = scale.above(len(cells) - 1, range(1, 15), (7, 14))
        if above is not None:
            found.append(above / max(floor * HUNDREDTHS, TAILS[level] * scale.tail()))
    return max(found, default=None)


class _Plain:
    def __init__(self, cells: Sequence[int], first_step: int, minutes: int, width: int) -> None:
        self.minutes, self.width, self.day, self.first_step = minutes, width, 1440 // minutes, first_step
        self.means = [self._mean(cells, place) for place in range(len(cells))]

    def tail(self) -> float:
        """The second-largest of the largest excesses of the last 14 whole days, each known beside the others."""
        first, today = self.first_step // self.day + 1, (self.first_step + len(self.means) - 1) // self.day
        days = range(max(first, today - 14), today)
        tops = []
        for day in days:
            begin = day * self.day - self.first_step
            backs = [day - other for other in days if other != day]
            above = [self.above(place, backs) for place in range(begin, begin + self.day)]
            told = [one for one in above if one is not None]
            if len(told) >= self.day // 4:
                tops.append(max(UNNOTICED, *told))
        return _second(tops) or 0.0

    def above(self, place: int, backs: Sequence[int], always: Sequence[int] = ()) -> float | None:
        """How far a mean is above the busy end of three hours and what is usual so many days back."""
        steps = 180 // self.minutes
        end = place - self.width + 1
        before = [one for one in self.means[max(0, end - steps) : max(0, end)] if one]
        mean = self.means[place]
        if not mean or len(before) < min(6, steps * 2 // 3):
            return None
        level = sorted(before)[int(BUSY_END * (len(before) - 1)) :][:2]
        share = BUSY_END * (len(before) - 1) % 1
        tops = {back: self._top(place - back * self.day) for back in backs}
        usual = [_second([top for top in tops.values() if top]) or 0, *(tops[back] for back in always)]
        return mean - max(level[0] + share * (level[-1] - level[0]), *usual)

    def _mean(self, cells: Sequence[int], place: int) -> int:
        measured = [cell for cell in cells[max(0, place - self.width + 1) : place + 1] if cell]
        fit = cells[place] and len(measured) >= self.width * 2 // 3
        return round(sum(measured) / len(measured)) if fit else 0

    def _top(self, place: int) -> int:
        around = 15 // self.minutes
        return max(self.means[max(0, place - around) : max(0, place + around + 1)], default=0)


def _second(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return None if not ordered else ordered[-2] if len(ordered) >= 4 else ordered[-1]
