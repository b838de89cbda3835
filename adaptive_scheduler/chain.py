"""Signals and costs of the past -> a Markov chain over the slots of a day; numpy, arrays in and out.

The state is the bin of the signal. What a slot of the day has seen too seldom is shrunk to what its hour
has seen, and that to all hours: 28 days hold 28 occurrences of a slot.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

BINS = 15
HOURS = 24
NEIGHBOUR = 0.5
"""How much an occurrence in a neighbouring hour counts."""

STAY, ANYWHERE = 0.01, 0.001
"""What transitions count that were never seen: to the same bin, to any."""

PRIOR_HOUR, PRIOR_HOUR_COST, PRIOR_SLOT = 40.0, 10.0, 20.0
"""How many occurrences the coarser level counts for, in transitions of an hour, costs of an hour, and slots."""


@dataclass(frozen=True)
class Chain:
    """Edges between the bins (BINS - 1), and for each slot of the day how the bins go on and what a run costs."""

    edges: Floats
    onward: Floats
    """(slots, bins, bins): the probability of each bin one slot later."""
    cost: Floats
    """(slots, bins): the mean cost of a run that starts there, CPU points relative to the level."""
    seen: Floats
    """(slots, bins): how often the hour of the slot saw the bin."""


def chain(signal: Floats, cost: Floats, known: NDArray[np.bool_], slot: Ints, slots: int, stride: int) -> Chain:
    """Return the chain of one stretch of steps.

    `cost` may be NaN where it is not known yet, steps that are not `known` were never measured and teach
    nothing; `slot` is each step's slot of the day, and a slot lasts `stride` steps.
    """
    edges = np.quantile(signal[known], np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(edges, signal, side="right")
    hours = slot * HOURS // slots
    begins = np.flatnonzero(known[:-stride] & known[stride:])
    ends = bins[begins + stride]

    everywhere = _pairs(np.zeros_like(begins), bins[begins], ends, 1)[0] + STAY * np.eye(BINS) + ANYWHERE
    onward = everywhere / everywhere.sum(axis=1, keepdims=True)
    by_hour = _with_neighbours(_pairs(hours[begins], bins[begins], ends, HOURS))
    onward = (by_hour + PRIOR_HOUR * onward) / (by_hour.sum(axis=2, keepdims=True) + PRIOR_HOUR)
    hour_of = np.arange(slots) * HOURS // slots
    by_slot = _pairs(slot[begins], bins[begins], ends, slots)
    onward = (by_slot + PRIOR_SLOT * onward[hour_of]) / (by_slot.sum(axis=2, keepdims=True) + PRIOR_SLOT)

    told = np.flatnonzero(known & ~np.isnan(cost))
    total, count = _sums(np.zeros_like(told), bins[told], cost[told], 1)
    mean = total / np.maximum(count, 1)
    total, count = (_with_neighbours(part) for part in _sums(hours[told], bins[told], cost[told], HOURS))
    mean, seen = (total + PRIOR_HOUR_COST * mean) / (count + PRIOR_HOUR_COST), count[hour_of]
    total, count = _sums(slot[told], bins[told], cost[told], slots)
    mean = (total + PRIOR_SLOT * mean[hour_of]) / (count + PRIOR_SLOT)
    return Chain(edges, onward, mean, seen)


def _pairs(key: Ints, begins: Ints, ends: Ints, keys: int) -> Floats:
    flat = np.bincount((key * BINS + begins) * BINS + ends, minlength=keys * BINS * BINS)
    return flat.reshape(keys, BINS, BINS).astype(np.float64)


def _sums(key: Ints, bins: Ints, values: Floats, keys: int) -> tuple[Floats, Floats]:
    flat = key * BINS + bins
    total = np.bincount(flat, weights=values, minlength=keys * BINS)
    count = np.bincount(flat, minlength=keys * BINS)
    return total.reshape(keys, BINS).astype(np.float64), count.reshape(keys, BINS).astype(np.float64)


def _with_neighbours(by_hour: Floats) -> Floats:
    shared: Floats = by_hour + NEIGHBOUR * np.roll(by_hour, 1, axis=0) + NEIGHBOUR * np.roll(by_hour, -1, axis=0)
    return shared
