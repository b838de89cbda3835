"""Would it have helped? A table, or the classic rule, replayed over the past; numpy, arrays in, numbers out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.learn import Past, Subject, signals
from adaptive_scheduler.rhythm import SLACK_SHARE
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.staircases import Table

Floats = NDArray[np.float64]

LEAST_RATE = 0.95
"""Of the runs of the plain interval; a table that saves load by running less often is no better."""

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
    def keeps_the_rate(self) -> bool:
        """Whether it made as many runs as the plain interval, but for what the account may owe at the end."""
        return self.runs + 1 >= LEAST_RATE * self.fixed_runs

    @property
    def better(self) -> bool:
        """Whether it also kept the rate, and met less load than the classic rule, which else holds."""
        return self.holds and self.keeps_the_rate and self.learned < self.classic


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
    # Steps that were never measured tell nothing, nor do runs that have not ended yet.
    cost = np.where(past.known, past.bank.cost(subject.run)[:-1], np.nan)[:until]
    cost[until - subject.run + 1 :] = np.nan
    at = Replay(folds[0] - round(subject.interval))
    for begin in folds:
        replay(past, subject, tables(begin), begin, begin + week, at)
    load = past.values[folds[0] - 1 : until - 1]
    factors = np.where(load < rhythm.low_cpu, rhythm.faster, np.where(load <= rhythm.high_cpu, 1.0, rhythm.slower))
    classic = _by_factors(past, subject, factors, folds[0])
    fixed = _by_factors(past, subject, np.ones(len(load)), folds[0])
    # Where the plain interval begins is chance: it meets what any step that it may take would.
    any_step = folds[0] + np.flatnonzero(subject.open_at(past, folds[0], until))
    return Verdict(
        len(folds) * 7.0,
        *_met(cost, at.starts),
        _met(cost, classic)[0],
        _met(cost, any_step.tolist())[0],
        len(at.starts),
        len(classic),
        len(fixed),
    )


def _met(cost: Floats, starts: list[int]) -> tuple[float, float]:
    """Return the mean cost of these starts, and its standard error."""
    known = cost[starts]
    known = known[~np.isnan(known)]
    if not len(known):
        return float("inf"), 0.0
    return float(known.mean()), float(known.std() / np.sqrt(len(known)))


def _by_factors(past: Past, subject: Subject, factors: Floats, begin: int) -> list[int]:
    """Return where intervals of such factors, one a step from `begin` on, would have started; the law of rhythm.py."""
    base, starts = subject.interval, list[int]()
    anchor = begin - base
    opens = subject.open_at(past, begin, begin + len(factors)).tolist()
    for step, (factor, open_) in enumerate(zip(factors.tolist(), opens, strict=True), start=begin):
        due = anchor + base * factor
        if open_ and step >= due - min(0.5, SLACK_SHARE * base * factor):
            starts.append(step)
            anchor = due if step <= due + 1 else step
    return starts


def replay(past: Past, subject: Subject, table: Table, begin: int, end: int, at: Replay) -> None:
    """Start by a table from step `begin` to before `end`, going on from where the replay stands."""
    ceilings = np.frombuffer(table.ceilings, dtype=np.uint8).reshape(table.slots, table.ages, table.levels)
    bins = np.searchsorted(np.array(table.edges), signals(past, table), side="right")
    slots = past.slots(table.stride)
    opens = subject.open_at(past, 0, end + subject.latest)
    closed = np.concatenate([[0], np.cumsum(~opens)])
    while True:
        steps = np.arange(max(begin, at.last + subject.earliest), at.last + subject.latest)
        ages = np.clip((steps - at.last + table.stride // 2) // table.stride - table.first, 0, table.ages - 1)
        steps, ages = steps[steps < end], ages[: np.count_nonzero(steps < end)]
        goes = opens[steps] & (bins[steps] < ceilings[slots[steps], ages, table.account(at.behind)])
        latest = max(begin, at.last + subject.latest)
        chances = steps[opens[steps]]
        if goes.any():
            start = int(steps[goes.argmax()])
        elif len(chances) and latest < len(opens) and not opens[chances[-1] + 1 : latest + 1].any():
            # The window closes and opens again only after the latest start: its end is the deadline.
            start = int(chances[-1])
        else:
            start = latest + (int(opens[latest:].argmax()) if opens[latest:].any() else end)
        if start >= end:
            return
        age = (start - at.last) / subject.interval
        if age > 1.0:
            # As the account does: what the window held back beyond the interval is excused.
            owed = closed[start] - closed[max(0, at.last + round(subject.interval))]
            age = max(1.0, age - float(owed) / subject.interval)
        at.behind = max(at.behind + age - 1.0, -table.credit)
        at.last = start
        at.starts.append(start)
