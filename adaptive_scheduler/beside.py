"""Which runs were at work at the same time: one sweep over the runs of all tasks. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adaptive_scheduler.model import Result

TOGETHER_S = 5.0
"""What one cycle starts, it starts within this: as good as at the same moment."""

FILLED = 0.5
"""A measurement speaks for what was at work for this share of its time."""

Span = tuple[float, float]
"""From and to, in seconds of the epoch."""


@dataclass(frozen=True, slots=True)
class Company:
    """Who ran beside whom.

    `met`: for each two tasks (in the order of their names) when both were at work; `alone`: when a task was the
    only one; `began`: durations of a task's successful runs that began beside another one, or beside none ("").
    """

    met: Mapping[tuple[str, str], Sequence[Span]]
    alone: Mapping[str, Sequence[Span]]
    began: Mapping[tuple[str, str], Sequence[float]]


@dataclass(slots=True)
class _Run:
    task: str
    start: float
    end: float
    duration_s: float | None
    beside: set[str]


def meetings(runs: Iterable[tuple[str, Result]]) -> Company:
    """Return who ran beside whom; runs that ended before they began (a clock set back) are left out."""
    known = [
        _Run(
            name,
            one.started_at.timestamp(),
            one.ended_at.timestamp(),
            one.duration_s if one.status.succeeded else None,
            set(),
        )
        for name, one in runs
        if one.ended_at > one.started_at
    ]
    known.sort(key=lambda run: run.start)
    began = defaultdict[tuple[str, str], list[float]](list)
    met = _meet(known)
    for run in known:
        if run.duration_s is not None:
            for other in run.beside or {""}:
                began[run.task, other].append(run.duration_s)
    return Company(met, _alone(known), began)


def _meet(known: Iterable[_Run]) -> dict[tuple[str, str], list[Span]]:
    """Return when each two tasks were both at work, and note beside whom each run began."""
    met = defaultdict[tuple[str, str], list[Span]](list)
    at_work: list[_Run] = []
    for run in known:
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


def _alone(known: Sequence[_Run]) -> dict[str, list[Span]]:
    """Return when each task was the only one at work."""
    edges = sorted(
        [(run.start, 1, at) for at, run in enumerate(known)] + [(run.end, 0, at) for at, run in enumerate(known)]
    )
    found = defaultdict[str, list[Span]](list)
    at_work: set[int] = set()
    since = 0.0
    for moment, begins, at in edges:
        if len(at_work) == 1 and moment > since:
            (only,) = at_work
            found[known[only].task].append((since, moment))
        if begins:
            at_work.add(at)
        else:
            at_work.remove(at)
        since = moment
    return found


def covered(measured: Sequence[Span], spans: Iterable[Span]) -> list[int]:
    """Return which measurements, given by their spans in the order of time, are filled enough by these spans."""
    ends = [end for _, end in measured]
    seconds = defaultdict[int, float](float)
    for start, end in spans:
        at = bisect_right(ends, start)
        while at < len(measured) and measured[at][0] < end:
            seconds[at] += min(end, measured[at][1]) - max(start, measured[at][0])
            at += 1
    return sorted(at for at, filled in seconds.items() if filled >= FILLED * (measured[at][1] - measured[at][0]))
