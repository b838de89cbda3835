"""Which runs were at work at the same time: one sweep over the runs of all tasks. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from operator import itemgetter

from adaptive_scheduler.model import Result

TOGETHER_S = 5.0
"""What one cycle starts, it starts within this: as good as at the same moment."""

FILLED = 0.5
"""A measurement speaks for what was at work for this share of its time."""

Span = tuple[float, float]
"""From and to, in seconds of the epoch."""


@dataclass(frozen=True, slots=True)
class Began:
    """A run that did its work: how long it took, and which tasks were at work when it began."""

    duration_s: float
    beside: Set[str]


@dataclass(frozen=True, slots=True)
class Company:
    """Who ran beside whom.

    `met`: when both of two tasks (in the order of their names) were at work; `at_work`: when a task was;
    `began`: the successful runs of each task.
    """

    met: Mapping[tuple[str, str], Sequence[Span]]
    at_work: Mapping[str, Sequence[Span]]
    began: Mapping[str, Sequence[Began]]


@dataclass(slots=True)
class _Run:
    task: str
    start: float
    end: float
    beside: set[str]


def meetings(runs: Iterable[tuple[str, Result]]) -> Company:
    """Return who ran beside whom; runs that ended before they began (a clock set back) are left out."""
    known = []
    at_work = defaultdict[str, list[Span]](list)
    began = defaultdict[str, list[Began]](list)
    for name, one in runs:
        if one.ended_at > one.started_at:
            run = _Run(name, one.started_at.timestamp(), one.ended_at.timestamp(), set())
            known.append(run)
            at_work[name].append((run.start, run.end))
            if one.status.succeeded:
                began[name].append(Began(one.duration_s, run.beside))
    return Company(_meet(known), at_work, began)


def _meet(known: Iterable[_Run]) -> dict[tuple[str, str], list[Span]]:
    """Return when each two tasks were both at work, and note beside whom each run began."""
    met = defaultdict[tuple[str, str], list[Span]](list)
    at_work: list[_Run] = []
    for run in sorted(known, key=lambda run: run.start):
        at_work = [other for other in at_work if other.end > run.start]
        for other in at_work:
            if other.task != run.task:
                first, second = sorted((run.task, other.task))
                met[first, second].append((run.start, min(run.end, other.end)))
                run.beside.add(other.task)
                if run.start - other.start <= TOGETHER_S:
                    other.beside.add(run.task)
        at_work.append(run)
    return met


def covered(measured: Sequence[Span], spans: Iterable[Span], share: float = FILLED) -> set[int]:
    """Return which measurements, given by their spans in the order of time, are filled that much by these spans."""
    seconds = defaultdict[int, float](float)
    for start, end in spans:
        at = bisect_right(measured, start, key=itemgetter(1))
        while at < len(measured) and measured[at][0] < end:
            seconds[at] += min(end, measured[at][1]) - max(start, measured[at][0])
            at += 1
    return {at for at, filled in seconds.items() if filled >= share * (measured[at][1] - measured[at][0])}
