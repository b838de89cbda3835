"""A learned staircase as a value: a ceiling for each slot of the local day, age and account. Pure.

It is data: learn.py makes it, rhythm.py applies it, notation.py writes it down. Ceilings are bin numbers, a
byte each; bin m means the m-th edge, in CPU points relative to the level of the last seven days.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

HUNDREDTHS = 100
"""The usual signal is kept in hundredths of a per cent, two bytes a slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The learned ceilings of one task; times are in steps of `step_s` seconds."""

    interval_s: float
    step_s: int
    run: int
    """Steps that a run is taken to last."""
    stride: int
    """Steps that a slot of the day, and of age, lasts."""
    first: int
    """The first age that has ceilings, in slots; the ages go on from there by one."""
    ages: int
    levels: int
    credit: float
    cap: float
    edges: tuple[float, ...]
    weights: tuple[float, ...]
    """What the signal is made of: a weight for each feature; empty where it is the last step's load."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Between which each feature is believed."""
    usual: Sequence[int]
    """The mean signal of each slot of the day, in hundredths of a per cent."""
    ceilings: bytes

    @property
    def slots(self) -> int:
        """How many slots a day has."""
        return 86_400 // (self.step_s * self.stride)

    def signal(self, features: tuple[float, ...]) -> float:
        """Return the cost expected of a run that starts now, in CPU points relative to the level."""
        if not self.weights:
            return features[0]
        parts = []
        for value, low, high, weight in zip(features, self.low, self.high, self.weights, strict=True):
            # Not min() and max(): a cycle does this for each feature of each task.
            believed = low if value < low else value
            parts.append((high if high < believed else believed) * weight)
        return sum(parts)

    def account(self, behind: float) -> int:
        """Return the number of the level nearest to so many runs behind."""
        place = (behind + self.credit) / (self.credit + self.cap) * (self.levels - 1)
        return min(max(round(place), 0), self.levels - 1)

    def ceiling(self, slot: int, age: int, level: int) -> float:
        """Return the ceiling relative to the load's level; -inf is never, inf is always."""
        return self.edge(self.ceilings[(slot * self.ages + age) * self.levels + level])

    def column(self, slot: int, level: int) -> bytes:
        """Return the numbers of the ceilings of all ages in a slot."""
        begin = slot * self.ages * self.levels
        return self.ceilings[begin + level : begin + self.ages * self.levels : self.levels]

    def edge(self, number: int) -> float:
        """Return the ceiling that has this number."""
        if number == 0:
            return -inf
        return self.edges[number - 1] if number <= len(self.edges) else inf


@dataclass(frozen=True, slots=True)
class Learned:
    """A learned staircase as it stands at one moment.

    `slot` is that of the local day; `level` and `expected` are CPU in per cent: the mean of the last seven
    days, and what a run that starts now will probably meet.
    """

    table: Table
    slot: int
    level: float
    expected: float

    @property
    def shown(self) -> float:
        """The expected CPU as people may be told it: a prediction may be below 0 or above 100 %."""
        return min(100.0, max(0.0, self.expected))


def hundredths(values: Iterable[float]) -> Sequence[int]:
    """Return a usual signal as a table holds it."""
    return array("h", (round(min(100.0, max(-100.0, value)) * HUNDREDTHS) for value in values))
