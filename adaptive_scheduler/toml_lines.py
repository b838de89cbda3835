"""TOML text -> the line of every key, because tomllib tells what a file says but not where.

A lenient reader of tokens that keeps only places: it never raises, so that it can also point into a
text that is no valid TOML. A path is a tuple of keys, and of 0-based numbers in arrays.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''(?P<skip>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<text>"""(?:\\.|[^\\])*?"""(?:"{0,2})
               | \'\'\'.*?\'\'\'(?:\'{0,2})
               | "(?:\\[^\n]|[^"\\\n])*"
               | '[^'\n]*')
      | (?P<word>[^\s"'\[\]{},=.\#]+)
      | (?P<mark>.)''',
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


DEEPEST = 100
"""Nobody nests like this, and the places of what is deeper would take memory with the square of the depth."""


class Token(NamedTuple):
    """A piece of TOML: of what kind, its text, its 1-based line, and the letters before it."""

    kind: str
    text: str
    line: int
    at: int


def lines(text: str) -> dict[Path, int]:
    """Return the 1-based line of each table, array element and key, keyed by its whole path."""
    reader = _Reader()
    for token in tokens(text):
        reader.take(token)
        if reader.is_too_deep:
            break
    return reader.found


def line_of(known: Mapping[Path, int], path: Path) -> int:
    """Return the line of a path, or of its nearest ancestor that stands in the text; 1 for none."""
    for length in range(len(path), 0, -1):
        if path[:length] in known:
            return known[path[:length]]
    return 1


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text; white space and comments are none."""
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind != "skip":
            yield Token(kind, match.group(), line, match.start())
        line += match.group().count("\n")


class _Reader:
    """Where the reading stands: inside a header, a key, or a value with its open brackets."""

    def __init__(self) -> None:
        self.found: dict[Path, int] = {}
        self._explicit: set[Path] = set()
        self._elements: dict[Path, int] = {}
        self._table: Path = ()
        self._open: list[tuple[str, Path]] = []
        self._key: list[Token] = []
        self._path: Path = ()
        self._await = "key"
        self._header = 0

    def take(self, token: Token) -> None:
        """Move one token on."""
        if token.kind == "newline":
            self._end_line()
        elif self._await == "key":
            self._in_key(token)
        elif self._await == "value":
            self._in_value(token)
        else:
            self._after_value(token)

    def _end_line(self) -> None:
        if not self._open:
            self._await, self._key, self._header = "key", [], 0

    def _in_key(self, token: Token) -> None:
        if token.kind in ("word", "text"):
            self._key.append(token)
        elif token.text == "=" and self._key:
            base = self._open[-1][1] if self._open else self._table
            self._path = self._record(base, self._key, resolve=False)
            self._await, self._key = "value", []
        elif token.text == "[" and not self._open:
            self._header += 1
        elif token.text == "]" and self._header and self._key:
            self._begin_table()
        elif token.text in "}]" and self._open:
            self._close()

    def _begin_table(self) -> None:
        """Enter the table of a header: `[a.b]`, or `[[a.b]]` for the next element of an array."""
        path = self._record((), self._key, resolve=True)
        last = self._key[-1].line
        if self._header > 1:
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
            self.found[path] = last
        elif path not in self._explicit:
            self.found[path] = last
            self._explicit.add(path)
        self._table, self._await, self._key = path, "nothing", []

    def _record(self, base: Path, key: list[Token], *, resolve: bool) -> Path:
        """Note the line of each part of a dotted key; a header's part may mean an array's last element."""
        path = base
        for place, part in enumerate(key[:DEEPEST]):
            path = (*path, name_of(part.text))
            self.found.setdefault(path, part.line)
            if resolve and place < len(key) - 1 and path in self._elements:
                path = (*path, self._elements[path])
        return path

    def _in_value(self, token: Token) -> None:
        inside_array = bool(self._open) and self._open[-1][0] == "["
        if token.text == "]" and inside_array:
            self._close()
            return
        if inside_array:
            self.found.setdefault(self._path, token.line)
        if token.text == "[":
            self._open.append(("[", self._path))
            self._path = (*self._path, 0)
        elif token.text == "{":
            self._open.append(("{", self._path))
            self._await = "key"
        else:
            self._await = "nothing"

    def _after_value(self, token: Token) -> None:
        if token.text in ("]", "}") and self._open:
            self._close()
        elif token.text == "," and self._open:
            if self._open[-1][0] == "{":
                self._await, self._key = "key", []
            else:
                *_, number = self._path
                self._path = (*self._path[:-1], int(number) + 1)
                self._await = "value"

    @property
    def is_too_deep(self) -> bool:
        """Whether what comes now is nested too deeply."""
        return len(self._open) > DEEPEST

    def _close(self) -> None:
        """Leave a bracket: the value that it opened is complete."""
        _, self._path = self._open.pop()
        self._await, self._key = "nothing", []


def name_of(text: str) -> str:
    """Return the key that a bare or quoted piece of text stands for."""
    if text.startswith('"'):
        return _ESCAPE.sub(_unescaped, text[1:-1])
    return text[1:-1] if text.startswith("'") else text


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2) or match.group(3)
    if code:
        return chr(min(int(code, 16), 0x10FFFF))
    return _ESCAPED.get(match.group(4), match.group(4))
