"""Which tasks ran at the same time, and what that cost each of them. Pure.

Three things are compared, each with the time in which one of the two ran without the other:

* durations. A long run meets another one more easily than a short one does, so "runs that overlapped" would be
  slower by selection alone. Counted as together are the runs that *began* while the other was at work, which has
  nothing to do with how long they went on; as apart those that began without it. The ratio of the medians must
  also be no accident (Mann and Whitney, Ann. Math. Statist. 18 (1947) 50-60).
* pressure (Linux): the share of the time in which somebody had to wait for CPU, memory or the disk.
* foreign load: what else the machine did then. It is told, and decides nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import fsum, sqrt
from statistics import median

from adaptive_scheduler.beside import Company, covered, meetings
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result

MIN_OVERLAPS = 5
"""Fewer runs together, or apart, or fewer samples of either, and nothing is said."""

SLOWER = 1.2
"""A pair is heavy when one of the two takes a fifth longer: less is within what schedules shift anyway."""

PRESSURE_POINTS = 10.0
"""Or when somebody has to wait in a tenth more of the time than with either of them alone."""

CERTAIN_Z = 3.0
"""Of four hundred pairs that do each other nothing, one is found slower: there are many pairs."""

PRESSURE_S = 60.0
"""A sample's pressure is the mean over the minute before its stamp."""

KINDS = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Slowdown:
    """Durations of one task that began beside another one, against those that began without it."""

    together: int
    apart: int
    factor: float | None = None
    z: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tasks whose runs overlapped: how often, for how long, and what it cost."""

    first: str
    second: str
    overlaps: int
    together_s: float
    slowdowns: tuple[Slowdown, Slowdown]
    pressure: float | None = None
    pressure_of: str = ""
    foreign: float | None = None

    @property
    def slowdown(self) -> float | None:
        """How much longer the runs took: the factor of the one that suffers more; None where too few are known."""
        factors = [one.factor for one in self.slowdowns if one.factor is not None]
        return max(factors, default=None)

    @property
    def heavy(self) -> bool:
        """Whether they are better not started together."""
        slower = any(one.factor is not None and one.factor >= SLOWER and one.z >= CERTAIN_Z for one in self.slowdowns)
        strained = self.pressure is not None and self.pressure >= PRESSURE_POINTS
        return self.overlaps >= MIN_OVERLAPS and (slower or strained)


def heavy_pairs(
    samples: Sequence[Sample], runs: Iterable[tuple[str, Result]], tick: timedelta = timedelta(minutes=5)
) -> list[Pair]:
    """Return the pairs of tasks that are better not started together, those that spent most time so first."""
    return [pair for pair in pairs(samples, runs, tick) if pair.heavy]


def pairs(
    samples: Sequence[Sample], runs: Iterable[tuple[str, Result]], tick: timedelta = timedelta(minutes=5)
) -> list[Pair]:
    """Return every two tasks whose runs overlapped, heavy ones first, then by the time they spent together.

    The samples come in the order of time; each stands for the tick before its stamp.
    """
    company = meetings(runs)
    stamps = [one.at.timestamp() for one in samples]
    under_pressure = _Readings(
        stamps, PRESSURE_S, {kind: [one.pressure.get(kind) for one in samples] for kind in KINDS}, company
    )
    foreign = _Readings(stamps, tick.total_seconds(), {"": [one.foreign_cpu for one in samples]}, company)
    found = []
    for first, second in company.met:
        spans = company.met[first, second]
        together_s = sum(end - start for start, end in spans)
        slowdowns = (_slowdown(company, first, second), _slowdown(company, second, first))
        pressure, kind = under_pressure.more(first, second)
        found.append(
            Pair(first, second, len(spans), together_s, slowdowns, pressure, kind, foreign.more(first, second)[0])
        )
    return sorted(found, key=lambda pair: (not pair.heavy, -pair.together_s, pair.first, pair.second))


def _slowdown(company: Company, task: str, other: str) -> Slowdown:
    began = company.began.get(task, [])
    together = [one.duration_s for one in began if other in one.beside]
    apart = [one.duration_s for one in began if other not in one.beside]
    if min(len(together), len(apart)) < MIN_OVERLAPS or not median(apart):
        return Slowdown(len(together), len(apart))
    return Slowdown(len(together), len(apart), median(together) / median(apart), longer(together, apart))


def longer(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return how many standard deviations the ranks of some values lie above those of others by more than chance."""
    below = sorted(others)
    wins = sum((bisect_left(below, value) + bisect_right(below, value)) / 2 for value in ones)
    product = len(ones) * len(others)
    return (wins - product / 2) / sqrt(product * (len(ones) + len(others) + 1) / 12)


class _Readings:
    """What was measured in the stretches before some stamps, and in which of them a task was at work."""

    def __init__(
        self, stamps: Sequence[float], length_s: float, values: dict[str, list[float | None]], company: Company
    ) -> None:
        self._spans = [(stamp - length_s, stamp) for stamp in stamps]
        self._values, self._met = values, company.met
        self._filled = {task: covered(self._spans, spans) for task, spans in company.at_work.items()}
        self._touched = {task: covered(self._spans, spans, 0.0) for task, spans in company.at_work.items()}
        self._sums = {
            (task, kind): _sum(of_kind, filled)
            for task, filled in self._filled.items()
            for kind, of_kind in values.items()
        }

    def more(self, first: str, second: str) -> tuple[float | None, str]:
        """Return how much more there is with both tasks at work than with either alone, of the kind that rises most."""
        both = covered(self._spans, self._met[first, second])
        if len(both) < MIN_OVERLAPS:
            return None, ""
        shared = {task: self._filled[task] & self._touched[other] for task, other in ((first, second), (second, first))}
        best: tuple[float | None, str] = (None, "")
        for kind, values in self._values.items():
            together = _mean(*_sum(values, both))
            apart = [self._apart(task, kind, without) for task, without in shared.items()]
            known = [points for points in apart if points is not None]
            if together is not None and known:
                points = together - max(known)
                if best[0] is None or points > best[0]:
                    best = (points, kind)
        return best

    def _apart(self, task: str, kind: str, shared: Iterable[int]) -> float | None:
        """Return the mean while a task was at work without the other: taking out the few is quicker than summing up."""
        total, count = self._sums[task, kind]
        out, out_count = _sum(self._values[kind], shared)
        return _mean(total - out, count - out_count)


def _sum(values: Sequence[float | None], where: Iterable[int]) -> tuple[float, int]:
    known = [value for at in where if (value := values[at]) is not None]
    return fsum(known), len(known)


def _mean(total: float, count: int) -> float | None:
    return total / count if count >= MIN_OVERLAPS else None
