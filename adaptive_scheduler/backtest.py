"""Would it have helped? A table, or the classic rule, replayed over the past; numpy, arrays in, numbers out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.learn import Past, Subject, signals
from adaptive_scheduler.model import Rhythm
from adaptive_scheduler.rhythm import SLACK_SHARE
from adaptive_scheduler.staircases import Table

Floats = NDArray[np.float64]

WEEKS = 4
"""How far back the back-test goes."""


@dataclass
class Replay:
    """Where a replay stands: the step of the last start, the runs behind, and all starts."""

    last: int
    behind: float = 0.0

    def __post_init__(self) -> None:
        self.starts: list[int] = []


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a back-test ended: the mean CPU in per cent that the runs of each policy met, and how many there were.

    `error` is the standard error of the learned one.
    """

    days: float
    learned: float
    error: float
    classic: float
    fixed: float
    runs: int
    classic_runs: int
    fixed_runs: int

    @property
    def holds(self) -> bool:
        """Whether it did not meet more load than the plain interval, give or take its standard error."""
        return self.learned <= self.fixed + self.error

    @property
    def better(self) -> bool:
        """Whether it also met less load than the classic rule, which else holds."""
        return self.holds and self.learned < self.classic


def walk_forward(
    past: Past, subject: Subject, rhythm: Rhythm, until: int, tables: Callable[[int], Table]
) -> Verdict | None:
    """Return how the last four weeks before step `until` would have gone, each week by what was known before it.

    `tables` gives the table learned at a step. None where not even one week can be tested.
    """
    week = 7 * past.grid.day
    folds = [begin for begin in range(until - WEEKS * week, until - week + 1, week) if begin >= week]
    if not folds:
        return None
    cost = past.bank.cost(subject.run)[:until]
    cost[until - subject.run + 1 :] = np.nan
    at = Replay(folds[0] - round(subject.interval))
    for begin in folds:
        replay(past, subject, tables(begin), begin, begin + week, at)
    classic = _classic(past, subject, rhythm, folds[0], until)
    return Verdict(
        len(folds) * 7.0,
        *_met(cost, at.starts),
        _met(cost, classic)[0],
        float(np.nanmean(cost[folds[0] : until])),
        len(at.starts),
        len(classic),
        int((until - folds[0]) / subject.interval),
    )


def _met(cost: Floats, starts: list[int]) -> tuple[float, float]:
    """Return the mean cost of these starts, and its standard error."""
    known = cost[starts]
    known = known[~np.isnan(known)]
    if not len(known):
        return float("inf"), 0.0
    return float(known.mean()), float(known.std() / np.sqrt(len(known)))


def _classic(past: Past, subject: Subject, rhythm: Rhythm, begin: int, end: int) -> list[int]:
    """Return where the classic rule would have started, from step `begin` to before `end`; the law of rhythm.py."""
    base, starts = subject.interval, list[int]()
    anchor = begin - base
    for step in range(begin, end):
        cpu = past.values[step - 1]
        factor = rhythm.faster if cpu < rhythm.low_cpu else 1.0 if cpu <= rhythm.high_cpu else rhythm.slower
        due = anchor + base * factor
        if step >= due - min(0.5, SLACK_SHARE * base * factor):
            starts.append(step)
            anchor = due if step <= due + 1 else step
    return starts


def replay(past: Past, subject: Subject, table: Table, begin: int, end: int, at: Replay) -> None:
    """Start by a table from step `begin` to before `end`, going on from where the replay stands."""
    ceilings = np.frombuffer(table.ceilings, dtype=np.uint8).reshape(table.slots, table.ages, table.levels)
    bins = np.searchsorted(np.array(table.edges), signals(past, table), side="right")
    slots = past.slots(table.stride)
    while True:
        steps = np.arange(max(begin, at.last + subject.earliest), at.last + subject.latest)
        ages = np.clip((steps - at.last + table.stride // 2) // table.stride - table.first, 0, table.ages - 1)
        steps, ages = steps[steps < end], ages[: np.count_nonzero(steps < end)]
        goes = bins[steps] < ceilings[slots[steps], ages, table.account(at.behind)]
        start = int(steps[goes.argmax()]) if goes.any() else max(begin, at.last + subject.latest)
        if start >= end:
            return
        at.behind = max(at.behind + (start - at.last) / subject.interval - 1.0, -table.credit)
        at.last = start
        at.starts.append(start)
