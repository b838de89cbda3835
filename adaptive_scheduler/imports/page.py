"""Pieces -> named tasks, and the text of a tasks.toml in which no line of the input is missing. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from adaptive_scheduler.imports.base import Piece
from adaptive_scheduler.names import LONGEST_NAME, impossible
from adaptive_scheduler.printable import one_line
from adaptive_scheduler.toml_write import table

_ROOM = 4
"""Letters that are kept free at the end of a name, for a number."""


@dataclass(frozen=True, slots=True)
class Named:
    """A piece with the name that its task has; `there` is it when that very task stands in tasks.toml already."""

    piece: Piece
    name: str = ""
    there: bool = False

    @property
    def new(self) -> bool:
        """Whether it is a task that tasks.toml does not have."""
        return self.piece.values is not None and not self.there

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what to know of it, its name included where it is not the one that was wished for."""
        if self.there:
            return (f"'{self.name}' stands in tasks.toml already, just so: left as it is", *self.piece.remarks)
        wish = _name(self.piece.name)
        other = self.piece.values is not None and self.name != wish
        return (*self.piece.remarks, *((f"'{wish}' was taken, so it is '{self.name}'",) if other else ()))


def named(pieces: Iterable[Piece], existing: Mapping[str, Any]) -> list[Named]:
    """Return the pieces, each task with a name of its own beside those that exist."""
    taken = {_folded(name) for name in existing}
    new: set[str] = set()
    found = []
    for piece in pieces:
        if piece.values is None:
            found.append(Named(piece))
            continue
        same = {name for name in existing if existing[name] == piece.values} - new
        wish = _name(piece.name)
        wishes = (wish if number == 1 else f"{wish}-{number}" for number in count(1))
        name = next(one for one in wishes if one in same or _folded(one) not in taken)
        new.add(name)
        taken.add(_folded(name))
        found.append(Named(piece, name, name in same))
    return found


def block(one: Named) -> list[str]:
    """Return the lines that a piece becomes: a table with where it comes from, or comments alone."""
    source = one_line(one.piece.source.strip())
    if one.piece.values is None and one.piece.kind == "comment" and not one.remarks:
        return [source]
    kind = "from" if one.piece.values is not None else f"{one.piece.kind}, from"
    lines = [f"# {kind} line {one.piece.line}: {source}", *(f"#   note: {one_line(remark)}" for remark in one.remarks)]
    if one.piece.values is not None and one.new:
        lines += table(("tasks", one.name), one.piece.values)
    return lines


def text(found: Sequence[Named], heading: Sequence[str]) -> str:
    """Return a tasks.toml with everything in it; a comment stays beside what it stood above."""
    lines = [f"# {one_line(line)}" for line in heading]
    after = -1
    kind = ""
    for one in found:
        if one.piece.kind != kind or kind != "comment" or one.piece.line != after + 1:
            lines.append("")
        lines += block(one)
        after, kind = one.piece.line, one.piece.kind
    return "\n".join(lines) + "\n"


def _name(wish: str) -> str:
    """Return the name that comes closest to a wish."""
    name = re.sub(r"[^\w.-]+", "-", wish).strip(".-")[: LONGEST_NAME - _ROOM].rstrip(".-")
    return name if name and impossible(name, "a task") is None else "task"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
