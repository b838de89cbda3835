"""Text -> HTML, in one place: whatever is no `Html` already is shown as text, never obeyed. Pure."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from adaptive_scheduler.printable import one_line

LONGEST = 600
"""So many characters of a text are shown: scripts and processes may have anything to say."""

LONGEST_NAME = 80

LONG = 24
"""A cell of more characters wants room for a sentence."""

VOID = ("link", "meta")
"""The elements that have no end."""


class Html(str):
    """HTML that was made here, of texts that are safe by now."""

    __slots__ = ()


def plain(text: str, most: int = LONGEST) -> str:
    """Return a text as one line without anything that controls a terminal, a line or a direction, cut where long."""
    shown = one_line(text[: 4 * most])
    return shown if len(shown) <= most and len(text) <= 4 * most else shown[:most].rstrip() + "..."


def named(text: str) -> str:
    """Return a name, cut where it is longer than any name should be."""
    return plain(text, LONGEST_NAME)


def tag(element: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """Return an element; children that are no Html are text. `class_` is class, `aria_label` aria-label.

    An attribute that is True has no value, one that is None or False is left out.
    """
    given = ((key, value) for key, value in attributes.items() if value is not None and value is not False)
    written = "".join(_attribute(key, value) for key, value in given)
    if element in VOID:
        return Html(f"<{element}{written}>")
    return Html(f"<{element}{written}>{joined(children)}</{element}>")


def joined(parts: Iterable[str]) -> Html:
    """Return the parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(plain(part)) for part in parts))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> Html:
    """Return a table that scrolls by itself where it is too wide; `numbers` are the columns that stand right.

    The first cell of each row is its heading.
    """
    looks = ["number" if place in numbers else None for place in range(len(head))]
    headings = joined(tag("th", text, scope="col", class_=look) for text, look in zip(head, looks, strict=True))
    lines = []
    for first, *others in rows:
        cells = (tag("td", cell, class_=look or _long(cell)) for cell, look in zip(others, looks[1:], strict=True))
        lines.append(tag("tr", tag("th", first, scope="row"), *cells))
    body = tag("table", tag("caption", caption), tag("thead", tag("tr", headings)), tag("tbody", *lines))
    return tag("div", body, class_="scrolled", role="region", aria_label=caption, tabindex=0)


def figure(ident: str, label: str, caption: str, alternative: Html | None = None) -> Html:
    """Return the place of a chart, with what it shows in words, and as a table where none follows anyway."""
    return tag(
        "figure",
        tag("div", class_="chart", id=ident, role="img", aria_label=label),
        tag("figcaption", caption),
        Html() if alternative is None else folded("The same as a table", alternative),
    )


def folded(summary: str, content: Html) -> Html:
    """Return what is shown only when it is asked for."""
    return tag("details", tag("summary", summary), content)


def data(value: Any) -> str:
    """Return a value as JSON that can end no script: it holds neither `<`, `>`, `&` nor any letter beyond ASCII."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _long(cell: str) -> str | None:
    return "long" if len(cell) > LONG and not isinstance(cell, Html) else None


def _attribute(key: str, value: str | int | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(one_line(str(value)))}"'
