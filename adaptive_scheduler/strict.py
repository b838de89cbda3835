"""Values of JSON that files of ours may hold, taken for what they should be or refused with a TypeError. Pure."""

from collections.abc import Mapping
from sys import float_info
from typing import Any

from adaptive_scheduler.reading import Reading

MOST = float_info.max


def text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def number(value: object) -> float:
    """Return a number that every float can be."""
    # A whole number may be too large for any float; `isfinite` raises OverflowError then.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST <= value <= MOST:
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def whole(value: object) -> int:
    """Return a whole number that the history has room for."""
    # It has 64 bits, and what is counted may go on.
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**62) <= value < 2**62:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def reading(plain: Mapping[str, Any]) -> Reading:
    """Return the OS counters of a cycle."""
    for key in ("busy_s", "total_s", "cpus", "own_s", "uptime_s"):
        number(plain.get(key, 0.0))
    for key in ("at", "boot", "source"):
        text(plain.get(key, ""))
    return dict(plain)
