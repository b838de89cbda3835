"""The language of `when` in [events.NAME]: "memory_usage > 85 and not probes.db < 20 for 3 cycles". Pure.

    condition   any [ "for" ( N "cycles" | DURATION ) ]
    any         all { "or" all }
    all         one { "and" one }
    one         "not" one | "(" any ")" | FIELD ( > | >= | < | <= | == | != ) NUMBER

`fields_of` gives the values that a condition is asked about; what holds of them is in clauses.py.
"""

import re
from datetime import timedelta
from typing import NoReturn

from adaptive_scheduler import durations, sizes
from adaptive_scheduler.clauses import (
    OPERATORS,
    PROBES,
    UNITS,
    Clause,
    Comparison,
    Condition,
    Not,
    Several,
    Values,
    unit_of,
)
from adaptive_scheduler.machine import Sample

LONGEST_TEXT = 1000
DEEPEST = 20
"""How far parentheses and `not` may nest."""

MOST_CYCLES = 10_000
LONGEST_HOLD = timedelta(days=30)
"""How long something may have to be so: after that nobody would call it an event."""

_KEYWORDS = ("and", "or", "not", "for")
_INSTEAD = {"=": "==", "=>": ">=", "=<": "<=", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "<>": "!="}
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<size>[0-9]{1,15}(?:\.[0-9]{1,6})?\s*[kKmMgG]?[iI]?[bB](?![\w.]))
    |(?P<number>[+-]?[0-9]{1,15}(?:\.[0-9]{1,6})?(?![\w.])\s*%?)
    |(?P<word>[^\W\d]\w*(?:\.[\w.-]*[\w-])?)
    |(?P<sign><>|=[<>]|[<>=!]=?|&&?|\|\|?)
    |(?P<parenthesis>[()])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_SPELT_OUT = re.compile(r"\b(weeks?|days?|hours?|min(?:ute)?s?|sec(?:ond)?s?)\b")
_CYCLES = re.compile(r"([0-9]{1,9})\s*cycles?")


def parse(text: str) -> Condition:
    """Return the condition that a text means; ValueError is a sentence that names the place."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"the condition is longer than {LONGEST_TEXT} characters")
    return _Parser(text).condition()


def fields_of(sample: Sample, disk_ms: float | None, probes: Values) -> dict[str, float | None]:
    """Return the value of every field; None for what is not known, an unanswered probe among them."""
    return {
        "cpu_load": sample.cpu,
        "memory_usage": sample.memory,
        "foreign_cpu": sample.foreign_cpu,
        **{f"pressure_{kind}": sample.pressure.get(kind) for kind in ("cpu", "memory", "io")},
        "available": None if sample.available_bytes is None else float(sample.available_bytes),
        "disk_ms": disk_ms,
        **{PROBES + name: answered for name, answered in probes.items()},
    }


class _Parser:
    """Reads one text from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.after, self.depth = text, 0, 0, 0
        self.kind, self.said = "", ""
        self.advance()

    def advance(self) -> None:
        """Go on to the next token."""
        found = _TOKEN.match(self.text, self.after)
        if found is None:
            self.at = self.after + len(self.text[self.after :]) - len(self.text[self.after :].lstrip())
            self.fail("cannot be read", self.text[self.at : self.at + 1])
        self.kind = str(found.lastgroup)
        self.said, self.at, self.after = found[self.kind], found.start(self.kind), found.end()

    def fail(self, problem: str, culprit: str, way_out: str = "") -> NoReturn:
        """Raise the error about a culprit at the present token."""
        place = self.text[self.at : self.at + 30].strip()
        where = f" at '{place}'" if place else " at the end"
        raise ValueError(f"{problem} '{culprit}'{where}{way_out}" if culprit else f"{problem}{where}{way_out}")

    def is_word(self, word: str) -> bool:
        """Whether the present token is this keyword, in whatever case."""
        return self.kind == "word" and self.said.casefold() == word

    def condition(self) -> Condition:
        """Read a whole text."""
        clause = self.several("or")
        count, span = None, None
        if self.is_word("for"):
            count, span = self.duration()
        elif self.kind != "end":
            way_out = f"; write {_INSTEAD[self.said]}" if self.said in _INSTEAD else "; join with and, or"
            self.fail("does not belong there:", self.said, way_out)
        return Condition(clause, count, span)

    def several(self, word: str) -> Clause:
        """Read clauses joined by a word, those joined by "and" first."""
        parts = [self.several("and") if word == "or" else self.one()]
        while self.is_word(word):
            self.advance()
            parts.append(self.several("and") if word == "or" else self.one())
        return parts[0] if len(parts) == 1 else Several(word, tuple(parts))

    def one(self) -> Clause:
        """Read one clause."""
        contrary, opened = self.is_word("not"), self.said == "("
        if not contrary and not opened:
            return self.comparison()
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"nests deeper than {DEEPEST}", "")
        self.advance()
        inner = self.one() if contrary else self.several("or")
        if opened:
            if self.said != ")":
                self.fail("lacks a ')'", "")
            self.advance()
        self.depth -= 1
        return Not(inner) if contrary else inner

    def comparison(self) -> Comparison:
        """Read a comparison."""
        field = self.field()
        if self.said not in OPERATORS:
            way_out = f"; write {_INSTEAD[self.said]}" if self.said in _INSTEAD else ", such as > or <="
            self.fail("lacks a comparison", "", way_out)
        sign = self.said
        self.advance()
        limit = self.limit(field)
        self.advance()
        return Comparison(field, sign, limit)

    def field(self) -> str:
        """Read the name of a field."""
        field = self.said
        if self.kind != "word" or field.casefold() in _KEYWORDS:
            way_out = f"; write {_INSTEAD[field]}" if field in _INSTEAD else ", such as memory_usage"
            self.fail("lacks a field", "", way_out)
        if field not in UNITS and not (field.startswith(PROBES) and field != PROBES):
            begun = [name for name in UNITS if name.startswith(field.casefold())]
            from difflib import get_close_matches  # only a mistake pays for it, not every cycle

            close = [*begun, *get_close_matches(field.casefold(), UNITS, n=1)]
            known = f"did you mean '{close[0]}'?" if close else f"the fields are: {', '.join(UNITS)}, {PROBES}NAME"
            self.fail("unknown field", field, f"; {known}")
        self.advance()
        return field

    def limit(self, field: str) -> float:
        """Return the number that the present token is for this field."""
        unit, said = unit_of(field), self.said
        if unit == "bytes":
            if self.kind != "size":
                self.fail("lacks a size", "", ", such as 500MB")
            return float(sizes.parse_size(said))
        if self.kind != "number":
            self.fail("lacks a number", "", ", such as 85")
        if said.endswith("%") and unit != "percent":
            self.fail(f"'{field}' is in {unit}, not in", "%")
        return float(said.removesuffix("%"))

    def duration(self) -> tuple[int | None, timedelta | None]:
        """Read what comes after "for", which is the last thing in a text."""
        rest = self.text[self.after :].strip()
        counted = _CYCLES.fullmatch(rest)
        if counted is None:
            try:
                span = durations.parse(_SPELT_OUT.sub(lambda unit: unit[0][0], rest))
            except ValueError as error:
                raise ValueError(f"{error}, or a number of cycles such as 'for 3 cycles'") from error
            if span > LONGEST_HOLD:
                raise ValueError(f"'for {rest}' is longer than {LONGEST_HOLD.days} days")
            return None, span
        if not 1 <= int(counted[1]) <= MOST_CYCLES:
            raise ValueError(f"'for {rest}' must be from 1 to {MOST_CYCLES} cycles")
        return int(counted[1]), None
