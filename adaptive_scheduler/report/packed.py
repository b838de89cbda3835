"""Many numbers -> few letters: little-endian columns in base64, which JavaScript reads as typed arrays. Pure.

lod.js is the other half: what is packed here is unpacked there.
"""

from array import array
from base64 import b64encode
from collections.abc import Iterable
from math import log1p
from sys import byteorder
from typing import Any

HUNDREDTHS = 100
MOST = 0xFFFE
UNKNOWN = 0xFFFF
"""What a percentage is that was not measured; every other cell of two bytes holds MOST at most."""

PER_E = 3000
"""Durations are kept as logarithms, in so many steps for a factor of e: right to 0.02 %, up to 30 years."""


def column(kind: str, values: Iterable[int]) -> str:
    """Return values as a column: "B" and "H" for 1 and 2 bytes without sign."""
    cells = array(kind, values)
    if byteorder == "big":
        cells.byteswap()
    return b64encode(cells.tobytes()).decode()


def percents(values: Iterable[float | None]) -> str:
    """Return percentages in hundredths."""
    return column("H", (UNKNOWN if one is None else _within(one * HUNDREDTHS) for one in values))


def moments(seconds: Iterable[float]) -> dict[str, Any]:
    """Return rising moments as steps from one to the next; what does not fit into a step is a jump beside it."""
    steps, jumps, before = [], [], 0
    for number, moment in enumerate(map(round, seconds)):
        step = max(0, moment - before)
        if step > MOST:
            jumps.append((number, step - MOST))
        steps.append(min(step, MOST))
        before += step
    return {"steps": column("H", steps), "jumps": jumps}


def durations(seconds: Iterable[float]) -> str:
    """Return durations as logarithms."""
    return column("H", (_within(PER_E * log1p(max(0.0, one))) for one in seconds))


def _within(value: float) -> int:
    return round(min(max(value, 0), MOST))
