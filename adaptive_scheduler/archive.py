"""The readers of the history: past samples, runs and decisions; they never create or change a file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adaptive_scheduler import codec
from adaptive_scheduler.codes import Code
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Decision, Result, Sample
from adaptive_scheduler.times import from_iso, iso

NAME = "history.sqlite3"
BUSY_S = 3.0
"""How long to wait for another writer before going on without the history."""

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite says of a file that is broken; a busy, full or unreachable one is none."""


class HistoryError(StateError):
    """The history cannot be read or written now; nothing but the history is lost."""

    def __init__(self, text: str, cause: Exception | None = None) -> None:
        """Know whether the file itself is broken."""
        super().__init__(text)
        self.damaged = getattr(cause, "sqlite_errorcode", 0) & 0xFF in DAMAGE


@dataclass(frozen=True)
class Entry:
    """One row of the ledger: equal neighbouring decisions about a task, with first and last time."""

    decision: Decision
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Archive:
    """The database of one state folder, to be read."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where the database is kept."""
        return self.folder / NAME

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a read-only connection that creates nothing, None when there is no history yet."""
        if not self.path.exists() or not self.path.stat().st_size:
            yield None
            return
        try:
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S)) as database:
                database.row_factory = sqlite3.Row
                yield database
        except sqlite3.Error as error:
            raise HistoryError(
                f"history '{self.path}' cannot be read: {error}; the next 'run' mends or replaces it"
            ) from error

    def runs(self, task: str | None = None, limit: int = 50) -> list[tuple[str, Result]]:
        """Return finished runs, the newest first."""
        with self._reading() as database:
            if database is None:
                return []
            rows = database.execute(
                "select * from runs where :task is null or task = :task "
                "order by started_at desc, run_id desc limit :limit",
                {"task": task, "limit": limit},
            ).fetchall()
        return [(row["task"], codec.decode_result(dict(row))) for row in rows]

    def runs_between(self, since: datetime, until: datetime) -> list[tuple[str, Result]]:
        """Return the runs that started in a stretch of time, the oldest first."""
        with self._reading() as database:
            if database is None:
                return []
            rows = database.execute(
                "select * from runs where started_at between ? and ? order by started_at, run_id",
                (iso(since), iso(until)),
            ).fetchall()
        return [(row["task"], codec.decode_result(dict(row))) for row in rows]

    def samples(self, since: datetime, until: datetime) -> list[Sample]:
        """Return the samples of a stretch of time, the oldest first."""
        with self._reading() as database:
            if database is None:
                return []
            rows = database.execute(
                "select * from samples where at between ? and ? order by at", (iso(since), iso(until))
            ).fetchall()
        return [_sample(row) for row in rows]

    def entry_at(self, task: str, moment: datetime) -> tuple[Entry | None, Sample | None]:
        """Return the ledger row in force at that moment and the sample it rested on."""
        with self._reading() as database:
            if database is None:
                return None, None
            row = database.execute(
                "select * from decisions where task = ? and first_at <= ? order by first_at desc, id desc limit 1",
                (task, iso(moment)),
            ).fetchone()
            sample = None
            if row is not None:
                sample = database.execute(
                    "select * from samples where at between ? and ? order by at desc limit 1",
                    (row["first_at"], min(iso(moment), row["last_at"])),
                ).fetchone()
        return (None if row is None else _entry(row)), (None if sample is None else _sample(sample))


def _sample(row: sqlite3.Row) -> Sample:
    pressure = {kind: row[f"pressure_{kind}"] for kind in ("cpu", "memory", "io")}
    known = {kind: value for kind, value in pressure.items() if value is not None}
    return Sample(from_iso(row["at"]), row["cpu"], row["memory"], row["foreign_cpu"], known, row["source"])


def _entry(row: sqlite3.Row) -> Entry:
    decision = Decision(
        row["task"],
        Code(row["code"]),
        row["reason"],
        row["next_look"] and from_iso(row["next_look"]),
        row["value"],
        row["limit_value"],
        row["unit"],
        row["blocker"],
    )
    return Entry(decision, from_iso(row["first_at"]), from_iso(row["last_at"]))
