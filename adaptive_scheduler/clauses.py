"""What a `when` of [events.NAME] means, as values: comparisons, what joins them, and for how long. Pure.

What is unknown makes a comparison unknown, and unknown is neither yes nor no (Kleene's logic): it decides
nothing where the other side decides, and leaves everything open where it does not.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from adaptive_scheduler import durations

Values = Mapping[str, float | None]

PROBES = "probes."
"""What the name of a field begins with that is the milliseconds in which a probe was answered."""

UNITS: Mapping[str, str] = {
    **dict.fromkeys(("cpu_load", "memory_usage", "foreign_cpu"), "percent"),
    **dict.fromkeys(("pressure_cpu", "pressure_memory", "pressure_io"), "percent"),
    "available": "bytes",
    "disk_ms": "ms",
}
"""The fields that are always there, and what they are in."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def unit_of(field: str) -> str:
    """Return what a field is in: "percent", "bytes" or "ms"."""
    return UNITS.get(field, "ms")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against a number."""

    field: str
    sign: str
    limit: float

    @property
    def unit(self) -> str:
        """What value and limit are in: "percent", "bytes" or "ms"."""
        return unit_of(self.field)

    def holds(self, values: Values) -> bool | None:
        """Say whether it is so, None where the field is unknown."""
        value = values.get(self.field)
        return None if value is None else OPERATORS[self.sign](value, self.limit)

    def comparisons(self) -> Iterator["Comparison"]:
        """Yield itself."""
        yield self

    def __str__(self) -> str:
        number = f"{self.limit:.6f}".rstrip("0").rstrip(".")
        return f"{self.field} {self.sign} {number}{'B' if self.unit == 'bytes' else ''}"


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    inner: "Clause"

    def holds(self, values: Values) -> bool | None:
        """Say whether the contrary is so; of what is unknown the contrary is unknown too."""
        found = self.inner.holds(values)
        return None if found is None else not found

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons in it, in the order of the text."""
        return self.inner.comparisons()

    def __str__(self) -> str:
        return f"not {_grouped(self.inner)}"


@dataclass(frozen=True, slots=True)
class Several:
    """Two clauses or more, joined by one word: "and" or "or"."""

    word: str
    parts: tuple["Clause", ...]

    def holds(self, values: Values) -> bool | None:
        """Say whether all or any of them are so; one that decides makes the unknown ones not matter."""
        decides = self.word == "or"
        found = [part.holds(values) for part in self.parts]
        if decides in found:
            return decides
        return None if None in found else not decides

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons in it, in the order of the text."""
        for part in self.parts:
            yield from part.comparisons()

    def __str__(self) -> str:
        return f" {self.word} ".join(_grouped(part) for part in self.parts)


Clause = Comparison | Not | Several


@dataclass(frozen=True, slots=True)
class Condition:
    """A whole `when`: what must be so, and for how long; neither `count` nor `span` means one cycle."""

    clause: Clause
    count: int | None = None
    span: timedelta | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it looks at, in the order of the text, each once."""
        return tuple(dict.fromkeys(one.field for one in self.clause.comparisons()))

    @property
    def first(self) -> Comparison:
        """The first comparison: its field and its limit are what people are shown."""
        return next(self.clause.comparisons())

    def holds(self, values: Values) -> bool | None:
        """Say whether it is so at these values, None where too little is known."""
        return self.clause.holds(values)

    def cycles(self, tick: timedelta) -> int:
        """Return in how many cycles in a row it must be so."""
        if self.span is not None:
            return max(1, ceil(self.span / tick))
        return self.count or 1

    def __str__(self) -> str:
        if self.span is not None:
            return f"{self.clause} for {durations.compact(self.span)}"
        return str(self.clause) + (f" for {self.count} cycle{'s' * (self.count != 1)}" if self.count else "")


def _grouped(clause: Clause) -> str:
    return f"({clause})" if isinstance(clause, Several) else str(clause)
