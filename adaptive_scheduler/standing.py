"""standing.json: until when nothing can become due, and on what that rests, as a whole cycle leaves it for short ones.

It is believed as long as tasks.toml and the state are the very files that it was made of, and it is ours alone. Any
doubt: no note, and a whole cycle. Cheap to load, since every cycle does.
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from adaptive_scheduler import __version__, files

NAME = "standing.json"
STATE = "adaptive_scheduler_state.json"
LOCK = "adaptive_scheduler.lock"
VERSION = 1

SETTLED_NS = 2_000_000_000
"""A file that was changed more lately could be changed again and look the same: some file systems count in 2 s."""

Note = dict[str, Any]


def signature(path: Path) -> list[int] | None:
    """Return what changes when a file does, whoever set its times; None where there is no plain file."""
    try:
        one = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(one.st_mode):
        return None
    return [one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_uid, one.st_mode]


def is_settled(signed: list[int], written_ns: int) -> bool:
    """Whether a file was left alone long enough before a moment that a later change must show in its signature."""
    return written_ns - max(signed[3], signed[4]) > SETTLED_NS


def read(folder: Path) -> Note | None:
    """Return the note in a state folder, None where there is none to be believed."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        one = os.fstat(descriptor)
        if not stat.S_ISREG(one.st_mode) or not _is_ours(one):
            return None
        try:
            note = json.loads(file.read())
        except (OSError, ValueError, RecursionError):
            return None
    known = isinstance(note, dict) and (note.get("version"), note.get("program")) == (VERSION, __version__)
    return note if known else None


def write(folder: Path, note: Note) -> None:
    """Leave a note; raises OSError. A power cut may take it: then a whole cycle makes it again."""
    content = json.dumps({"version": VERSION, "program": __version__, **note})
    files.replace_file(folder / NAME, content.encode(), durable=False)


def _is_ours(one: os.stat_result) -> bool:
    if sys.platform == "win32":  # there a file in a folder has the rights of the folder
        return True
    return one.st_uid == os.geteuid() and not one.st_mode & 0o077
