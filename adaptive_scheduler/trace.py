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
from math import isfinite
from pathlib import Path

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.machine import Sample

COLUMNS = ("timestamp", "cpu_percent", "memory_percent")


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
    pairs = [(at, _number(fields["value"], where)) for at, fields, where in _lines(path, columns, columns)]
    if not any(value is not None for _, value in pairs):
        raise UsageError(f"the trace '{path}' has no value at all")
    return pairs


def _lines(
    path: Path, needed: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[datetime, dict[str, str | None], str]]:
    """Yield moment, fields and place of each line, which must come in the order of time."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"cannot read the trace '{path}': {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    try:
        missing = [column for column in needed if column not in (reader.fieldnames or [])]
        if missing:
            raise UsageError(f"the trace '{path}' has no column '{missing[0]}'; it needs {', '.join(columns)}")
        before = None
        for fields in reader:
            where = f"'{path}' line {reader.line_num}"
            at = _moment(fields["timestamp"], where)
            if before is not None and at < before:
                raise UsageError(f"{where}: '{fields['timestamp']}' is earlier than the line before; sort the trace")
            before = at
            yield at, fields, where
    except csv.Error as error:
        raise UsageError(f"'{path}' line {reader.line_num}: {error}") from error


def slots(rows: Iterable[Row], tick: timedelta) -> tuple[datetime, list[Row | None]]:
    """Return the first moment and one averaged row a tick from it on, None where nothing is known."""
    ordered = list(rows)
    start = ordered[0].at
    gathered: list[list[Row]] = [[] for _ in range((ordered[-1].at - start) // tick + 1)]
    for row in ordered:
        gathered[(row.at - start) // tick].append(row)
    return start, [_mean(start + number * tick, group) for number, group in enumerate(gathered)]


def samples(start: datetime, known: list[Row | None], tick: timedelta) -> Iterator[Sample]:
    """Yield the sample of every tick at which some CPU is known, from rows before that tick alone."""
    cpu = memory = None
    for number, row in enumerate(known):
        if cpu is not None:
            yield Sample((start + number * tick).astimezone(), cpu, memory, source="trace")
        if row is not None:
            cpu = row.cpu if row.cpu is not None else cpu
            memory = row.memory if row.memory is not None else memory


def _mean(at: datetime, group: list[Row]) -> Row | None:
    if not group:
        return None
    cpu = [row.cpu for row in group if row.cpu is not None]
    memory = [row.memory for row in group if row.memory is not None]
    return Row(at, sum(cpu) / len(cpu) if cpu else None, sum(memory) / len(memory) if memory else None)


def _moment(text: str | None, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat((text or "").strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"{where}: '{text}' is no ISO 8601 time") from error
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
