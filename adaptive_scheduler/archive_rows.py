"""One row of the history -> the value that it was written from."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from math import isfinite
from typing import TypeVar

from adaptive_scheduler.events import Answer, Event, Process, decode
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.times import from_iso

Value = TypeVar("Value")


def sound(rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], Value]) -> Iterator[Value]:
    """Yield what can be understood: one broken line must not hide all the others."""
    for row in rows:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            yield read(row)


def event(row: sqlite3.Row) -> Event:
    """Return an event with its culprit."""
    plain = {**dict(row), "kind": row["name"], "culprit": row["culprit"] and json.loads(row["culprit"])}
    return decode(plain)


def latency(row: sqlite3.Row) -> tuple[str, Answer]:
    """Return what answered, and how."""
    return str(row["source"]), Answer(from_iso(row["at"]), _finite(row["ms"]), str(row["problem"]))


def process(row: sqlite3.Row) -> tuple[datetime, Process]:
    """Return when a process was among the largest, and the process; its CPU is not kept."""
    pid, rss, created = (_finite(row[column]) or 0.0 for column in ("pid", "rss_bytes", "created"))
    name = str(row["name"])
    return from_iso(row["at"]), Process(pid=int(pid), name=name, created=created, rss=int(rss), cpu_s=0.0)


def sample(row: sqlite3.Row) -> Sample:
    """Return what was measured."""
    pressure = {kind: row[f"pressure_{kind}"] for kind in ("cpu", "memory", "io")}
    known = {kind: value for kind, value in pressure.items() if value is not None}
    return Sample(from_iso(row["at"]), row["cpu"], row["memory"], row["foreign_cpu"], known, row["source"])


def _finite(value: object) -> float | None:
    if value is not None and not (isinstance(value, int | float) and isfinite(value)):
        raise TypeError(f"{value!r} is not a number")
    return None if value is None else float(value)
