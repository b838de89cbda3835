"""A page of the manual: plain text with a few marks -> sections -> lines of a width. Pure.

The marks: a line of CAPITALS begins a section; an empty line ends a paragraph; `- ` begins an item and `TERM :: ` a
definition, which go on in lines that begin with two spaces; what begins with `$ ` or four spaces stays as it is.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

INDENT = 4
WIDEST, NARROWEST = 100, 30
"""Columns: longer lines are hard to read, shorter ones hold no word."""

UNBROKEN = "\xa0"
"""A space at which no line is broken; it is printed as a plain one."""

_TERM_AT_MOST = 24
"""A longer term stands on a line of its own."""

_HEADING = re.compile(r"[A-Z][A-Z .,\[\]-]*")
SEPARATOR = " :: "
"""Between a term and its meaning."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and below it lines with marks."""

    title: str
    lines: tuple[str, ...]


def parse(text: str) -> list[Section]:
    """Return the sections of a page; what stands before the first heading belongs to none, and is left out."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if _HEADING.fullmatch(line):
            found.append((line, []))
        elif found:
            found[-1][1].append(line.rstrip())
    return [Section(title, tuple(_stripped(lines))) for title, lines in found]


def definition(term: str, meaning: str) -> str:
    """Return the line that defines a term."""
    return f"{term}{SEPARATOR}{meaning}"


def terms(section: Section) -> list[str]:
    """Return what a section defines, in its order."""
    return [line.partition(SEPARATOR)[0] for line in section.lines if SEPARATOR in line]


def commands(sections: Iterable[Section]) -> list[str]:
    """Return the command lines that stand in sections, without their `$`."""
    return [line.removeprefix("$ ") for one in sections for line in one.lines if line.startswith("$ ")]


def layout(sections: Sequence[Section], width: int) -> str:
    """Return the page, no line wider than the terminal where its words allow that."""
    columns = min(max(width, NARROWEST), WIDEST)
    text = "\n\n".join("\n".join([one.title, *_body(one, columns)]) for one in sections) + "\n"
    return text.replace(UNBROKEN, " ")


def _body(section: Section, columns: int) -> Iterator[str]:
    """Yield the lines below a heading."""
    short = [len(term) for term in terms(section) if len(term) <= _TERM_AT_MOST]
    column = INDENT + max(short, default=0) + 2
    for block in blocks(section.lines):
        first = block[0]
        if stands_as_it_is(first) or not first:
            yield f"{' ' * INDENT}{first}".rstrip()
        elif SEPARATOR in first:
            yield from _defined(" ".join(block), column, columns)
        else:
            yield from _wrapped(" ".join(block), INDENT, INDENT + 2 * first.startswith("- "), columns)


def _defined(text: str, column: int, columns: int) -> Iterator[str]:
    term, _, meaning = text.partition(SEPARATOR)
    if len(term) <= _TERM_AT_MOST and column <= columns // 2:
        yield from _wrapped(f"{term:<{column - INDENT}}{meaning}", INDENT, column, columns)
    else:
        yield from _wrapped(term, INDENT, INDENT, columns)
        yield from _wrapped(meaning, INDENT + 4, INDENT + 4, columns)


def _wrapped(text: str, first: int, other: int, columns: int) -> list[str]:
    return textwrap.wrap(
        text,
        columns,
        initial_indent=" " * first,
        subsequent_indent=" " * other,
        break_long_words=False,
        break_on_hyphens=False,
    )


def blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines that flow together, an empty line as a block of its own."""
    block: list[str] = []
    for line in lines:
        alone = not line or stands_as_it_is(line)
        begins = alone or line.startswith("- ") or SEPARATOR in line
        if begins and block:
            yield block
            block = []
        if alone:
            yield [line]
        else:
            block.append(line if begins else line.strip())
    if block:
        yield block


def stands_as_it_is(line: str) -> bool:
    """Say whether a line is a command or a piece of a file, which no width breaks."""
    return line.startswith(("$ ", "    "))


def _stripped(lines: Sequence[str]) -> Sequence[str]:
    filled = [number for number, line in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else ()
