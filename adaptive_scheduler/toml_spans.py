"""TOML text -> where each table and each of its values begins and ends, so that an edit touches nothing else. Pure.

Like toml_lines.py it reads tokens and never raises; what tomllib refuses has no meaning here either.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from adaptive_scheduler.toml_lines import Token, name_of, tokens

_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}


@dataclass(frozen=True, slots=True)
class Table:
    """A header with what stands below it: its path, 0-based lines, and the span of each value, in letters.

    `last` is the last line that holds a key or a value; comments after it are nobody's yet.
    """

    path: tuple[str, ...]
    line: int
    last: int
    array: bool = False
    values: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)


def tables(text: str) -> list[Table]:
    """Return the tables of a text in their order, that of the keys before any header first, with the path ()."""
    found = [Table((), 0, -1)]
    for words in _statements(text):
        first, last = words[0], words[-1]
        end = last.line - 1 + last.text.count("\n")
        sign = next((place for place, word in enumerate(words) if word.text == "="), len(words))
        names = tuple(name_of(word.text) for word in words[:sign] if word.kind in ("word", "text"))
        if first.text == "[":
            found.append(Table(names, first.line - 1, end, array=[word.text for word in words[:2]] == ["[", "["]))
            continue
        if words[sign + 1 :]:
            found[-1].values[names] = (words[sign + 1].at, last.at + len(last.text))
        found[-1] = replace(found[-1], last=end)
    return found


def _statements(text: str) -> Iterator[list[Token]]:
    """Yield the tokens of each header, and of each key with its value, which may take several lines."""
    depth = 0
    words: list[Token] = []
    for token in tokens(text):
        if token.kind != "newline":
            if words and words[0].text != "[":
                depth += _DEEPER.get(token.text, 0)
            words.append(token)
        elif words and depth <= 0:
            yield words
            depth, words = 0, []
    if words:
        yield words
