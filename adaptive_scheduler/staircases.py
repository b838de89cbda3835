"""A learned staircase as a value: a ceiling for each slot of the local day, age and account. Pure.

It is data: learn.py makes it, rhythm.py applies it, rhythm.json holds it. Ceilings are bin numbers, a byte
each; bin m means the m-th edge, in CPU points relative to the level of the last seven days.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from sys import byteorder
from typing import Any
from zlib import compress, decompressobj
from zlib import error as zlib_error

Plain = dict[str, Any]

HUNDREDTHS = 100
"""The usual signal is kept in hundredths of a per cent, two bytes a slot."""

MOST_BYTES = 1_000_000
"""No table is larger; what unpacks to more is none."""

MOST = 1e6
"""No number in a table is larger, be it CPU points, runs or a weight: all are finite sums then."""


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
        parts = zip(features, self.low, self.high, self.weights, strict=True)
        return sum(min(max(value, low), high) * weight for value, low, high, weight in parts)

    def account(self, behind: float) -> int:
        """Return the number of the level nearest to so many runs behind."""
        place = (behind + self.credit) / (self.credit + self.cap) * (self.levels - 1)
        return min(max(round(place), 0), self.levels - 1)

    def ceiling(self, slot: int, age: int, level: int) -> float:
        """Return the ceiling relative to the load's level; -inf is never, inf is always."""
        number = self.ceilings[(slot * self.ages + age) * self.levels + level]
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


def encode(table: Table) -> Plain:
    """Return the table as JSON-able values."""
    return {
        "interval_s": table.interval_s,
        "step_s": table.step_s,
        "run_steps": table.run,
        "slot_steps": table.stride,
        "first_age": table.first,
        "ages": table.ages,
        "levels": table.levels,
        "credit_runs": table.credit,
        "cap_runs": table.cap,
        "edges": [round(edge, 3) for edge in table.edges],
        "weights": [round(weight, 6) for weight in table.weights],
        "low": [round(value, 2) for value in table.low],
        "high": [round(value, 2) for value in table.high],
        "usual": b64encode(_little(array("h", table.usual)).tobytes()).decode(),
        "ceilings": b64encode(compress(table.ceilings, 9)).decode(),
    }


def decode(plain: Plain) -> Table:
    """Return the table that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    table = Table(
        interval_s=_number(plain["interval_s"], 1.0, 1e9),
        step_s=_whole(plain["step_s"]),
        run=_whole(plain["run_steps"]),
        stride=_whole(plain["slot_steps"]),
        first=_whole(plain["first_age"]),
        ages=_whole(plain["ages"]),
        levels=_whole(plain["levels"], 2),
        credit=_number(plain["credit_runs"], 0.0),
        cap=_number(plain["cap_runs"], 0.01),
        edges=_numbers(plain["edges"]),
        weights=_numbers(plain["weights"]),
        low=_numbers(plain["low"]),
        high=_numbers(plain["high"]),
        usual=_usual(b64decode(plain["usual"], validate=True)),
        ceilings=_unpacked(b64decode(plain["ceilings"], validate=True)),
    )
    if not table.edges or list(table.edges) != sorted(table.edges):
        raise ValueError("its edges do not rise")
    if len(table.low) != len(table.weights) or len(table.high) != len(table.weights):
        raise ValueError("its weights and bounds do not belong together")
    if 86_400 % (table.step_s * table.stride) or len(table.usual) != table.slots:
        raise ValueError("its slots do not fill a day")
    if table.first * table.stride * table.step_s > 2 * table.interval_s:
        raise ValueError("its ages begin after its interval")
    known = bytes(range(len(table.edges) + 2))
    if len(table.ceilings) != table.slots * table.ages * table.levels or table.ceilings.translate(None, known):
        raise ValueError("its ceilings do not fit its slots, ages and levels")
    return table


def hundredths(values: Iterable[float]) -> Sequence[int]:
    """Return a usual signal as a table holds it."""
    return array("h", (round(min(100.0, max(-100.0, value)) * HUNDREDTHS) for value in values))


def _usual(packed: bytes) -> Sequence[int]:
    cells = array("h")
    cells.frombytes(packed)
    return _little(cells)


def _little(cells: "array[int]") -> "array[int]":
    if byteorder == "big":
        cells.byteswap()
    return cells


def _unpacked(packed: bytes) -> bytes:
    try:
        return decompressobj().decompress(packed, MOST_BYTES)
    except zlib_error as error:
        raise ValueError(f"its ceilings cannot be unpacked: {error}") from error


def _numbers(values: list[Any]) -> tuple[float, ...]:
    """Return many numbers at once: every cycle reads them."""
    if not {type(value) for value in values} <= {int, float} or not (
        max(map(abs, values), default=0) <= MOST and isfinite(sum(values))
    ):
        raise ValueError("not all of them are numbers")
    return tuple(map(float, values))


def _number(value: object, least: float = -MOST, most: float = MOST) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{value!r} is no number that fits there")
    return float(value)


def _whole(value: object, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
        raise ValueError(f"{value!r} is no whole number that fits there")
    return value
