"""Text <-> timedelta: `parse` reads what people write, `compact` writes it back, `words` says it in prose.

The law: parse(compact(x)) == x for every positive whole number of seconds up to LONGEST.
"""

import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)
"""A century; four of these after today still fit into a datetime."""

NEVER = LONGEST
"""The interval of what has none: longer than any that tasks.toml may name, and still safe to calculate with."""

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Seconds of each unit, in the falling order in which the parts of a duration must stand."""

PATTERN = r"^\s*(?=[0-9])" + "".join(rf"(?:([0-9]{{1,10}})\s*{unit}\s*)?" for unit in UNITS) + "$"
"""A duration as a regular expression; the JSON Schema uses it too."""

_HELP = 'write a number and a unit (s, m, h, d or w), such as "90s", "10m" or "2h30m"'
_SPOKEN = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_FINE_BELOW_S = 10.0


def parse(text: str) -> timedelta:
    """Return the duration that a text such as "90s", "10m", "2h30m" or "1h 30m" means.

    Raises ValueError with a sentence when it is none, is zero, or is longer than LONGEST.
    """
    found = re.fullmatch(PATTERN, text, re.ASCII)
    if found is None:
        raise ValueError(f"'{text}' is not a duration: {_HELP}")
    parts = zip(found.groups(default="0"), UNITS.values(), strict=True)
    seconds = sum(int(number) * size for number, size in parts)
    if seconds == 0:
        raise ValueError(f"'{text}' is no time at all: {_HELP}")
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"'{text}' is longer than {LONGEST.days} days")
    return timedelta(seconds=seconds)


def compact(duration: timedelta) -> str:
    """Return the duration as tasks.toml writes it, such as "2h30m", to the whole second."""
    seconds = round(abs(duration.total_seconds()))
    text = "-" if duration < timedelta(0) and seconds else ""
    for unit, size in list(UNITS.items())[1:]:
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def words(duration: timedelta) -> str:
    """Return the duration for people, such as "1 h 30 min", rounded to at most two units."""
    exact = abs(duration.total_seconds())
    sign = "-" if duration < timedelta(0) else ""
    if round(exact, 1) < _FINE_BELOW_S:
        fine = f"{exact:.1f}".removesuffix(".0")
        return "0 s" if fine == "0" else f"{sign}{fine} s"
    seconds = _rounded(round(exact))
    parts = []
    for name, size in _SPOKEN:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return sign + " ".join(parts)


def _rounded(seconds: int) -> int:
    """Round to the second of the two units that will be shown, so that 59 min 59 s is not cut off."""
    sizes = [size for _, size in _SPOKEN]
    largest = next(size for size in sizes if seconds >= size)
    second = sizes[min(sizes.index(largest) + 1, len(sizes) - 1)]
    return (seconds + second // 2) // second * second
