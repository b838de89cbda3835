"""A learned staircase as rhythm.json holds it, believed only where it can be one. Pure."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from sys import byteorder
from typing import Any
from zlib import compress, decompressobj
from zlib import error as zlib_error

from adaptive_scheduler.staircases import Table

Plain = dict[str, Any]

MOST_BYTES = 1_000_000
"""No table is larger; what unpacks to more is none."""

MOST = 1e6
"""No number in a table is larger, be it CPU points, runs or a weight: all are finite sums then."""

SHARED = 32
"""So many texts of ceilings stay unpacked: tasks of one interval, run length and window have the same."""


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
        edges=_edges(plain["edges"]),
        weights=_numbers(plain["weights"]),
        low=_numbers(plain["low"]),
        high=_numbers(plain["high"]),
        usual=_usual(b64decode(plain["usual"], validate=True)),
        ceilings=_ceilings(plain["ceilings"], len(plain["edges"]) + 2),
    )
    if len(table.low) != len(table.weights) or len(table.high) != len(table.weights):
        raise ValueError("its weights and bounds do not belong together")
    if 86_400 % (table.step_s * table.stride) or len(table.usual) != table.slots:
        raise ValueError("its slots do not fill a day")
    if table.first * table.stride * table.step_s > 2 * table.interval_s:
        raise ValueError("its ages begin after its interval")
    if len(table.ceilings) != table.slots * table.ages * table.levels:
        raise ValueError("its ceilings do not fit its slots, ages and levels")
    return table


def _usual(packed: bytes) -> Sequence[int]:
    cells = array("h")
    cells.frombytes(packed)
    return _little(cells)


def _little(cells: "array[int]") -> "array[int]":
    if byteorder == "big":
        cells.byteswap()
    return cells


@lru_cache(SHARED)
def _ceilings(text: str, bins: int) -> bytes:
    packed = b64decode(text, validate=True)
    try:
        found = decompressobj().decompress(packed, MOST_BYTES)
    except zlib_error as error:
        raise ValueError(f"its ceilings cannot be unpacked: {error}") from error
    if found.translate(None, bytes(range(bins))):
        raise ValueError("its ceilings do not fit its edges")
    return found


def _edges(values: list[Any]) -> tuple[float, ...]:
    edges = _numbers(values)
    if not edges or list(edges) != sorted(edges):
        raise ValueError("its edges do not rise")
    return edges


def _numbers(values: list[Any]) -> tuple[float, ...]:
    """Return many numbers at once: every cycle reads them."""
    if not set(map(type, values)) <= {int, float} or not (
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
