"""The past load of this machine -> the learned staircase of a task; numpy, arrays in, a table out.

The method is that of `shared/research/rhythm_policy.md`, with one change: the runs behind are a state of
the optimal stopping (stopping.py) instead of a choice between tables of different rates.

1. Level: all is relative to the mean of the last seven days (features.py).
2. Signal: for intervals up to half a day the expected cost of a run that starts now, by weighted ridge
   regression on the features; for longer ones the load of the last step.
3. Chain: how the signal goes on through the day, and what a run costs (chain.py).
4. Table: optimal stopping on that chain (stopping.py).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.chain import chain
from adaptive_scheduler.features import Bank
from adaptive_scheduler.model import Task
from adaptive_scheduler.rhythm import SLOWEST_LEARNED
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.signals import KEPT_DAYS, Grid
from adaptive_scheduler.staircases import Table, hundredths
from adaptive_scheduler.stopping import LEVELS, PRICE, Limits, solve

Floats = NDArray[np.float64]

RIDGE = 0.02
"""Of the features, each scaled to unit weighted norm."""

HALF_LIFE_DAYS = 10
"""How old a sample is when it counts half in the regression."""

BELIEVED = (0.01, 0.99)
"""Quantiles of the past between which a feature is believed: a spike is no reason to extrapolate."""

EDGE_PATIENCE = timedelta(hours=12)
"""Up to this interval the signal is the expected cost of the run; beyond, runs are too few to tell."""

SHORTEST_STEPS, LONGEST = 4, timedelta(days=7)
"""Intervals of fewer steps leave no choice, longer ones have too few runs in four weeks."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How finely a table looks, and what its account allows, up to an interval."""

    up_to: timedelta
    slot_minutes: int
    cap: float
    credit: float


PACES = (
    Pace(timedelta(hours=2), 5, 9.0, 20.0),
    Pace(timedelta(hours=12), 15, 2.0, 4.0),
    Pace(timedelta(days=2), 30, 1.2, 0.8),
    Pace(LONGEST, 60, 1.2, 0.8),
)


@dataclass(frozen=True)
class Past:
    """A stretch of load on the grid: CPU per cent a step, gaps filled, and which were really measured."""

    values: Floats
    known: NDArray[np.bool_]
    grid: Grid
    first: int
    """The number of its first step in its local day."""

    @cached_property
    def bank(self) -> Bank:
        """The features of this past."""
        return Bank(self.values, self.grid)

    def slots(self, stride: int) -> NDArray[np.intp]:
        """Return the slot of the day of every step, and of the present."""
        steps: NDArray[np.intp] = (self.first + np.arange(len(self.values) + 1)) % self.grid.day // stride
        return steps

    @property
    def days(self) -> float:
        """How many days of it were measured."""
        return float(self.known.sum()) / self.grid.day

    def features(self, run: int) -> Floats:
        """Return the features for a run of so many steps, worked out once."""
        if run not in self._features:
            self._features[run] = self.bank.row_of(run)
        return self._features[run]

    _features: dict[int, Floats] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Subject:
    """What learning has to know of a task; ages and the run are in steps."""

    interval_s: float
    run: int
    earliest: int
    latest: int
    pace: Pace
    opens: NDArray[np.bool_]
    """One for each step of the day: whether its window is open."""

    @property
    def interval(self) -> float:
        """The interval in steps."""
        return self.interval_s / 60 / (1440 / len(self.opens))

    def open_at(self, past: "Past", begin: int, end: int) -> NDArray[np.bool_]:
        """Return of each step from `begin` to before `end` whether the window is open in it."""
        steps = (past.first + np.arange(begin, end)) % len(self.opens)
        return self.opens[steps]


def subject(task: Task, rhythm: Rhythm, grid: Grid, run_s: float) -> Subject | str:
    """Return what learning has to know of a task, or why it keeps the classic rule."""
    step = timedelta(minutes=grid.minutes)
    if not task.adaptive:
        return "adaptive = false: it keeps its plain interval"
    if task.interval > LONGEST:
        return f"its interval is longer than {LONGEST.days} days: too few runs to learn from"
    earliest = ceil(rhythm.faster * (task.interval / step) - 1e-9)
    latest = floor(min(rhythm.slower, SLOWEST_LEARNED) * (task.interval / step) + 1e-9)
    if task.interval < SHORTEST_STEPS * step or latest <= earliest:
        return f"its interval leaves no choice between faster and slower in steps of {grid.minutes} min"
    pace = next(pace for pace in PACES if task.interval <= pace.up_to)
    minutes = np.arange(grid.day) * grid.minutes
    opens = np.array([not task.windows or any(one.holds(int(minute)) for one in task.windows) for minute in minutes])
    return Subject(task.interval.total_seconds(), grid.run(run_s), earliest, latest, pace, opens)


def fit(past: Past, subject: Subject, until: int) -> Table:
    """Return the table learned from the four weeks before step `until`; it knows nothing of what came later."""
    stride = max(1, subject.pace.slot_minutes // past.grid.minutes)
    begin = max(0, until - KEPT_DAYS * past.grid.day)
    features, level = past.features(subject.run)[begin:until], past.bank.level[begin:until]
    cost = past.bank.cost(subject.run)[begin:until] - level
    cost[max(0, len(cost) - subject.run + 1) :] = np.nan
    known = past.known[begin:until]
    weights, low, high = np.empty(0), np.empty(0), np.empty(0)
    signal = features[:, 0]
    if subject.interval_s <= EDGE_PATIENCE.total_seconds():
        # Rounded as they will be written down: what is tested is what will be used.
        low, high = np.round(np.quantile(features[known], BELIEVED, axis=0), 2)
        believed = np.clip(features, low, high)
        told = known & ~np.isnan(cost)
        age_days = (until - begin - np.arange(until - begin)) / past.grid.day
        weights = np.round(_ridge(believed[told], cost[told], 0.5 ** (age_days[told] / HALF_LIFE_DAYS)), 6)
        signal = believed @ weights
    slot = past.slots(stride)[begin:until]
    slots = past.grid.day // stride
    found = chain(signal, cost, known, slot, slots, stride)
    limits = Limits(
        subject.interval / stride,
        ceil(subject.earliest / stride),
        max(ceil(subject.earliest / stride) + 1, subject.latest // stride),
        subject.pace.credit,
        subject.pace.cap,
    )
    worth = float(np.nanquantile(cost[known], PRICE))
    ceilings = solve(found, worth, limits, _any_of(subject.opens, stride))
    return Table(
        interval_s=subject.interval_s,
        step_s=past.grid.minutes * 60,
        run=subject.run,
        stride=stride,
        first=limits.first,
        ages=limits.last - limits.first,
        levels=LEVELS,
        credit=limits.credit,
        cap=limits.cap,
        edges=tuple(np.round(found.edges, 3).tolist()),
        weights=tuple(weights.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        usual=hundredths(_usual(signal, known, slot, slots).tolist()),
        ceilings=ceilings.tobytes(),
    )


def signals(past: Past, table: Table) -> Floats:
    """Return a table's signal at every step and the present: what Table.signal says of each row."""
    features = past.features(table.run)
    if not table.weights:
        return features[:, 0]
    believed: Floats = np.clip(features, table.low, table.high) @ np.array(table.weights)
    return believed


def _any_of(opens: NDArray[np.bool_], stride: int) -> NDArray[np.bool_]:
    """Return of each slot whether the window is open in any of its steps."""
    return np.asarray(opens.reshape(-1, stride).any(axis=1), dtype=np.bool_)


def _usual(signal: Floats, known: NDArray[np.bool_], slot: NDArray[np.intp], slots: int) -> Floats:
    """Return the mean signal of each slot, the overall mean where a slot was never measured."""
    total = np.bincount(slot[known], weights=signal[known], minlength=slots)
    count = np.bincount(slot[known], minlength=slots)
    return np.where(count > 0, total / np.maximum(count, 1), signal[known].mean())


def _ridge(features: Floats, cost: Floats, weight: Floats) -> Floats:
    """Return the coefficients of weighted ridge regression without intercept (Hoerl and Kennard 1970)."""
    weight = weight / weight.sum()
    scale = np.sqrt((weight[:, None] * features**2).sum(axis=0)) + 1e-9
    scaled = features / scale
    weighted = scaled * weight[:, None]
    solved: Floats = np.linalg.solve(weighted.T @ scaled + RIDGE * np.eye(features.shape[1]), weighted.T @ cost)
    return np.asarray(solved / scale, dtype=np.float64)
