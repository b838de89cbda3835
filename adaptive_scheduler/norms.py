"""What is normal for a task, by its footprint: how long a run may last, and which runs are out of the ordinary.

A learned time limit must not kill what legitimately grows: a run that was out of time doubles it, up to
four times what the successful runs ask for (an hour, where that is more). A `timeout` of the task's own
is kept to the letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from adaptive_scheduler.durations import words
from adaptive_scheduler.footprints import percentile, rows, usual
from adaptive_scheduler.model import Result, Task
from adaptive_scheduler.sizes import spoken

UNTIL_LEARNED = timedelta(hours=1)
"""The time limit of a task that neither sets one nor has run often enough."""

RUNS_NEEDED = 10
"""Successful runs from which on time limits are learned and runs can be unusual."""

SHORTEST_LIMIT = timedelta(minutes=10)
LIMIT_FACTOR = 3
"""The learned limit: three times the p90 of durations, ten minutes at least."""

LONGEST_FACTOR = 2
"""Of the longest run that is remembered the limit is twice as much at least: one of twenty is beyond the p90."""

MOST_GROWTH = 4
"""How many times the learned limit runs that are out of time can make it; what hangs for ever is ended for ever."""

MAD_FACTOR = 3.5
MAD_TO_SIGMA = 1.4826
"""Iglewicz & Hoaglin, "How to Detect and Handle Outliers" (ASQC, 1993): a value is one when it is more than
3.5 deviations from the median, the deviation being 1.4826 times the median absolute deviation (MAD)."""

LEAST_S = 5.0
LEAST_BYTES = 50e6
"""Differences below these interest nobody, however steady a task is."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long a run may last, and who says so."""

    most: timedelta
    source: str


def time_limit(task: Task, footprint: str) -> TimeLimit:
    """Return how long the next run may last: `timeout` where it is set, else what past runs teach."""
    if task.timeout is not None:
        return TimeLimit(task.timeout, "timeout")
    declared = LIMIT_FACTOR * (task.expected_duration or timedelta(0))
    good = [past.duration_s for past in usual(footprint)]
    if len(good) < RUNS_NEEDED:
        base, source = max(UNTIL_LEARNED, declared), "the default"
        source = f"{LIMIT_FACTOR} x expected_duration" if base > UNTIL_LEARNED else source
    else:
        p90 = timedelta(seconds=percentile(good, 0.9))
        longest = timedelta(seconds=max(good))
        base = max(SHORTEST_LIMIT, LIMIT_FACTOR * p90, LONGEST_FACTOR * longest, declared)
        source = f"learned from {len(good)} runs"
    outlasted = max((past.duration_s for past in rows(footprint) if past.timed_out), default=0.0)
    grown = min(2 * timedelta(seconds=outlasted), max(UNTIL_LEARNED, MOST_GROWTH * base))
    if grown <= base:
        return TimeLimit(base, source)
    return TimeLimit(grown, f"{source}, more after a run that was out of time")


def unusual(result: Result, footprint: str) -> str:
    """Return what about a successful run is out of the ordinary, as a sentence; empty when nothing is."""
    if not result.status.succeeded:
        return ""
    past = usual(footprint)
    found = []
    span = _odd(result.duration_s, [one.duration_s for one in past], LEAST_S)
    if span is not None:
        low, high = (words(timedelta(seconds=value)) for value in span)
        found.append(f"took {words(timedelta(seconds=result.duration_s))}, usually {_span(low, high)}")
    peak = result.peak_memory_bytes
    known = [float(one.peak_bytes) for one in past if one.peak_bytes is not None]
    span = None if peak is None else _odd(float(peak), known, LEAST_BYTES)
    if span is not None and peak is not None and peak > span[1]:
        found.append(f"used {spoken(peak)} of memory, usually {_span(spoken(span[0]), spoken(span[1]))}")
    return "; ".join(found)


def _odd(value: float, past: Sequence[float], least: float) -> tuple[float, float] | None:
    """Return the usual span, p10 to p90, when the value is far outside of it; None when it is not.

    Far is beyond what the robust deviation allows, more than twice or less than half the median, and no
    little thing in itself.
    """
    if len(past) < RUNS_NEEDED:
        return None
    median = percentile(past, 0.5)
    spread = MAD_FACTOR * MAD_TO_SIGMA * percentile([abs(one - median) for one in past], 0.5)
    low, high = percentile(past, 0.1), percentile(past, 0.9)
    too_much = value > max(median + max(spread, least), 2 * median, high)
    too_little = value < min(median - max(spread, least), median / 2, low)
    return (low, high) if too_much or too_little else None


def _span(low: str, high: str) -> str:
    if low == high:
        return low
    same_unit = low.count(" ") == high.count(" ") == 1 and low.split()[1] == high.split()[1]
    return f"{low.split()[0] if same_unit else low} to {high}"
