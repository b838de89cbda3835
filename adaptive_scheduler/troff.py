r"""A page of the manual -> a page for man, in troff with the macros of man(7). Pure.

What troff would obey is written so that it does not: `\e` for a backslash, `\-` for a hyphen (a plain one may become
another character), `\&` in front of a line that begins like a request.
"""

import re
from collections.abc import Iterator, Sequence

from adaptive_scheduler.manpage import SEPARATOR, UNBROKEN, Section, blocks, stands_as_it_is


def troff(sections: Sequence[Section], name: str, chapter: int, source: str) -> str:
    """Return the page in troff; `chapter` is that of the manual (1 for commands), `source` program and version."""
    lines = [f'.TH "{_text(name.upper())}" {chapter} "" "{_text(source)}"', ".nh"]
    for one in sections:
        lines.append(f'.SH "{_text(one.title)}"')
        lines.extend(_summary(one.lines, name) if one.title == "NAME" else _body(one.lines))
    return "\n".join(lines) + "\n"


def _summary(lines: Sequence[str], name: str) -> Iterator[str]:
    """Yield NAME in the form that apropos reads: the page's own name, and what it is."""
    yield f"{_text(name)} \\- {_text(' '.join(lines).partition(' - ')[2])}"


def _body(lines: Sequence[str]) -> Iterator[str]:
    for block in blocks(lines):
        first = block[0]
        if not first:
            yield ".PP"
        elif stands_as_it_is(first):
            yield from (".RS 4", ".nf", _line(first.strip()), ".fi", ".RE")
        elif SEPARATOR in first:
            term, _, meaning = " ".join(block).partition(SEPARATOR)
            yield from (".TP", f'.B "{_text(term)}"', _line(meaning))
        elif first.startswith("- "):
            yield from (".IP \\(bu 2", _line(" ".join(block)[2:]))
        else:
            yield _line(" ".join(block))


def _line(text: str) -> str:
    escaped = _text(text)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _text(text: str) -> str:
    special = {"\\": "\\e", "-": "\\-", '"': "\\(dq", "'": "\\(aq", UNBROKEN: "\\ "}
    return re.sub(rf"[\\\"'{UNBROKEN}-]", lambda found: special[found[0]], text)
