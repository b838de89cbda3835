"""A recorded load: CSV or history rows -> one sample a tick, each knowing only the past.

A row stamped T is the mean over [T, T + tick). The tick at T may know only the rows before T; an absent
row is an unknown sample, for which the last known one is held. Rows closer than a tick are averaged.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, islice
from math import isfinite
from pathlib import Path

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.machine import Sample

COLUMNS = ("timestamp", "cpu_percent", "memory_percent")

YEARS = range(1971, 3000)
"""What every system can show as local time."""

PIECE = 1_000_000
LARGEST = 200 * PIECE
"""Bytes of a trace once it is unpacked: thirty years of a row every five minutes take less."""

MOST_TICKS = 2_000_000
"""Nearly four years of ticks of a minute, 19 of five: rows that are further apart are more likely a wrong date."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a trace; per cent, None where unknown."""

    at: datetime
    cpu: float | None
    memory: float | None


def read(path: Path, needed: str = "cpu_percent") -> list[Row]:
    """Return the rows of a CSV file, plain or .gz, in the order of time; UsageError names what is wrong.

    At least one row must know the column that is `needed`.
    """
    rows = [
        Row(at, _percent(fields.get("cpu_percent"), where), _percent(fields.get("memory_percent"), where))
        for at, fields, where in _lines(path, ("timestamp", needed), COLUMNS)
    ]
    if not any((row.cpu if needed == "cpu_percent" else row.memory) is not None for row in rows):
        raise UsageError(f"the trace '{path}' has no {'CPU' if needed == 'cpu_percent' else 'memory'} value at all")
    return rows


def is_trace(path: Path) -> bool:
    """Whether the first line of a CSV file has the columns of a trace; what cannot be read may be: `read` says why."""
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig") as file
        ):
            columns = next(csv.reader([file.readline()]), [])
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error):
        return True
    return {"timestamp", "cpu_percent"} <= set(columns)


def read_values(path: Path) -> list[tuple[datetime, float | None]]:
    """Return moment and value of each row of a CSV file with the columns timestamp and value, as `read` does."""
    columns = ("timestamp", "value")
    pairs = [(at, _number(fields.get("value"), where)) for at, fields, where in _lines(path, columns, columns)]
    if not any(value is not None for _, value in pairs):
        raise UsageError(f"the trace '{path}' has no value at all")
    return pairs


def _lines(path: Path, needed: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[datetime, dict[str, str], str]]:
    """Yield moment, fields and place of each line, which must come in the order of time."""
    try:
        with path.open("rb") as plain:
            is_packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as file:
            # In pieces: asked for so much at once, it would make room for all of it first.
            raw = b"".join(islice(iter(partial(file.read, PIECE), b""), LARGEST // PIECE + 1))
        text = raw.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"cannot read the trace '{path}': {error}") from error
    if len(raw) > LARGEST:
        raise UsageError(f"the trace '{path}' is larger than {LARGEST // PIECE} MB; cut it into several")
    reader = csv.reader(io.StringIO(text))
    try:
        names = next(reader, [])
        missing = [column for column in needed if column not in names]
        if missing:
            raise UsageError(f"the trace '{path}' has no column '{missing[0]}'; it needs {', '.join(columns)}")
        before = None
        for row in reader:
            if not row:
                continue
            fields = dict(zip(names, row, strict=False))  # what is missing in a short line is unknown
            where = f"'{path}' line {reader.line_num}"
            at = _moment(fields.get("timestamp"), where)
            if before is not None and at < before:
                raise UsageError(f"{where}: '{fields['timestamp']}' is earlier than the line before; sort the trace")
            before = at
            yield at, fields, where
    except csv.Error as error:
        raise UsageError(f"'{path}' line {reader.line_num}: {error}") from error


def slots(rows: Iterable[Row], tick: timedelta) -> tuple[datetime, list[Row | None]]:
    """Return the first moment and one averaged row a tick from it on, None where nothing is known.

    Raises UsageError when the rows are so far apart that one of their dates must be wrong.
    """
    ordered = list(rows)
    start, end = ordered[0].at, ordered[-1].at
    count = (end - start) // tick + 1
    if count > MOST_TICKS:
        raise UsageError(
            f"the trace goes from {start:%Y-%m-%d} to {end:%Y-%m-%d}, which is {count} ticks, and more than "
            f"{MOST_TICKS}: is one of its dates wrong?"
        )
    known: list[Row | None] = [None] * count
    for number, group in groupby(ordered, lambda row: (row.at - start) // tick):
        known[number] = _mean(start + number * tick, list(group))
    return start, known


def samples(start: datetime, known: list[Row | None], tick: timedelta) -> Iterator[Sample]:
    """Yield the sample of every tick at which some CPU is known, from rows before that tick alone."""
    cpu = memory = None
    for number, row in enumerate(known):
        if cpu is not None:
            yield Sample((start + number * tick).astimezone(), cpu, memory, source="trace")
        if row is not None:
            cpu = row.cpu if row.cpu is not None else cpu
            memory = row.memory if row.memory is not None else memory


def _mean(at: datetime, group: list[Row]) -> Row:
    cpu = [row.cpu for row in group if row.cpu is not None]
    memory = [row.memory for row in group if row.memory is not None]
    return Row(at, sum(cpu) / len(cpu) if cpu else None, sum(memory) / len(memory) if memory else None)


def _moment(text: str | None, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat((text or "").strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"{where}: '{text}' is no ISO 8601 time") from error
    if moment.year not in YEARS:
        raise UsageError(f"{where}: '{text}' is not of the years {YEARS[0]} to {YEARS[-1]}")
    return moment if moment.tzinfo is not None else moment.astimezone()


def _percent(text: str | None, where: str) -> float | None:
    value = _number(text, where)
    if value is not None and not 0.0 <= value <= 100.0:
        raise UsageError(f"{where}: '{text}' is not between 0 and 100")
    return value


def _number(text: str | None, where: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{where}: '{text}' is no number") from error
    if not isfinite(value):
        raise UsageError(f"{where}: '{text}' is no number that can be measured")
    return value
