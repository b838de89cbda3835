"""short_cycles.jsonl: what short cycles saw since the last whole one, a line each; beats.py says what a line means.

A short cycle adds a line, the next whole one takes all of them in and removes the file. Cheap to load.
"""

import json
import os
from pathlib import Path
from typing import Any

from adaptive_scheduler import files

NAME = "short_cycles.jsonl"

Line = dict[str, Any]


def lines(folder: Path) -> list[Line]:
    """Return the lines of a state folder, the oldest first; what is torn or makes no sense ends them."""
    found: list[Line] = []
    try:
        content = files.read_bytes(folder / NAME)
    except OSError:
        return found
    for text in content.splitlines(keepends=True):
        try:
            line = json.loads(text) if text.endswith(b"\n") else None
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict):
            break
        found.append(line)
    return found


def add(folder: Path, line: Line) -> None:
    """Add a line that a power cut leaves; raises OSError."""
    path = folder / NAME
    files.append(path, json.dumps(line, separators=(",", ":")).encode() + b"\n", durable=True)


def remove(folder: Path) -> None:
    """Remove the lines, which have been taken in; raises OSError."""
    files.remove(folder / NAME)


def is_whole(folder: Path, count: int) -> bool:
    """Whether the file holds this many lines and nothing else, so that another one can be added."""
    path = folder / NAME
    if not count:
        return not os.path.lexists(path)
    content = files.read_bytes(path)
    return content.endswith(b"\n") and content.count(b"\n") == count
