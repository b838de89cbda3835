"""The readers of the history: past samples, runs, decisions and events; they never create or change a file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import archive_rows, beatfile, codec
from adaptive_scheduler.beats import Beat, decoded
from adaptive_scheduler.codes import Code
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.events import Answer, Event, Process
from adaptive_scheduler.history_tables import version_of
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result
from adaptive_scheduler.times import from_iso, iso

NAME = "history.sqlite3"
EVENTS_SINCE = 3
"""The version of the tables that knows of events; readers never upgrade an older one."""

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

    def _rows(self, question: str, values: Mapping[str, Any], since_version: int = 1) -> list[sqlite3.Row]:
        """Return what the database answers, nothing while its tables are older than the question."""
        with self._reading() as database:
            if database is None or version_of(database) < since_version:
                return []
            return database.execute(question, values).fetchall()

    def runs(self, task: str | None = None, limit: int = 50) -> list[tuple[str, Result]]:
        """Return finished runs, the newest first."""
        rows = self._rows(
            "select * from runs where :task is null or task = :task order by started_at desc, run_id desc limit :limit",
            {"task": task, "limit": limit},
        )
        return [(row["task"], codec.decode_result(dict(row))) for row in rows]

    def runs_between(self, since: datetime, until: datetime, *, elsewhere: bool = False) -> list[tuple[str, Result]]:
        """Return the runs that started in a stretch of time, the oldest first: of this machine, or of nodes too."""
        rows = self._rows(
            "select * from runs where started_at between :since and :until order by started_at, run_id",
            _stretch(since, until),
        )
        runs = [(row["task"], codec.decode_result(dict(row))) for row in rows]
        return [(task, run) for task, run in runs if elsewhere or not run.node]

    def runs_by_event(self, ids: Iterable[str]) -> dict[str, list[tuple[str, Result]]]:
        """Return the runs that these events started, the oldest first; an event that started none has no entry."""
        rows = self._rows(
            "select * from runs where event in (select value from json_each(:ids)) order by started_at, run_id",
            {"ids": json.dumps(list(ids))},
            EVENTS_SINCE,
        )
        found: dict[str, list[tuple[str, Result]]] = {}
        for row in rows:
            found.setdefault(row["event"], []).append((row["task"], codec.decode_result(dict(row))))
        return found

    def events(self, limit: int = 50, since: datetime | None = None, name: str | None = None) -> list[Event]:
        """Return what happened, the newest first; rows that make no sense are left out."""
        rows = self._rows(
            "select * from events where (:since is null or at >= :since) and (:name is null or name = :name) "
            "order by at desc, id limit :limit",
            {"since": since and iso(since), "name": name, "limit": limit},
            EVENTS_SINCE,
        )
        return list(archive_rows.sound(rows, archive_rows.event))

    def held(self, since: datetime, until: datetime) -> list[tuple[str, str, int, int]]:
        """Return what was decided in a stretch of time as (task, code, rows of the ledger, cycles in all of them)."""
        rows = self._rows(
            "select task, code, count(*) as times, sum(cycles) as cycles from decisions "
            "where last_at between :since and :until group by task, code order by task, code",
            _stretch(since, until),
        )
        last = self._rows(
            "select task, code, last_at from decisions where last_at = (select max(last_at) from decisions)", {}
        )
        newest = from_iso(last[0]["last_at"]) if last else since
        beats = sum(max(since, newest) < one.at <= until for one in self._beats())
        more = {(row["task"], row["code"]): beats for row in last}
        return [
            (row["task"], row["code"], int(row["times"]), int(row["cycles"]) + more.get((row["task"], row["code"]), 0))
            for row in rows
        ]

    def latencies(self, since: datetime, until: datetime) -> dict[str, list[Answer]]:
        """Return what was measured in a stretch of time by source, the oldest first; nonsense is left out."""
        rows = self._rows(
            "select * from latencies where at between :since and :until order by at",
            _stretch(since, until),
            EVENTS_SINCE,
        )
        found: dict[str, list[Answer]] = {}
        for source, answer in archive_rows.sound(rows, archive_rows.latency):
            found.setdefault(source, []).append(answer)
        return found

    def processes(self, since: datetime, until: datetime) -> list[tuple[datetime, list[Process]]]:
        """Return the largest processes of each cycle, the oldest cycle and the largest process first.

        Their seconds of CPU are not kept, so these are 0. Rows that make no sense are left out.
        """
        rows = self._rows(
            "select * from processes where at between :since and :until order by at, rss_bytes desc, pid",
            _stretch(since, until),
            EVENTS_SINCE,
        )
        found: list[tuple[datetime, list[Process]]] = []
        for at, process in archive_rows.sound(rows, archive_rows.process):
            if not found or found[-1][0] != at:
                found.append((at, []))
            found[-1][1].append(process)
        return found

    def samples(self, since: datetime, until: datetime) -> list[Sample]:
        """Return the samples of a stretch of time, the oldest first; a row without a time is left out."""
        rows = self._rows(
            "select * from samples where at between :since and :until order by at", _stretch(since, until)
        )
        found = list(archive_rows.sound(rows, archive_rows.sample))
        last = found[-1].at if found else since
        return found + [one.sample for one in self._beats() if last < one.at <= until]

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
            newest = database.execute("select max(last_at) from decisions").fetchone()[0]
        entry = None if row is None else _entry(row)
        measured = None if sample is None else archive_rows.sample(sample)
        if entry is not None and row["last_at"] == newest:
            # What short cycles saw since then is not in the tables yet: the decision was the same in all of them.
            beats = [one for one in self._beats() if one.at > entry.last_at]
            if beats:
                entry = replace(entry, last_at=beats[-1].at)
            measured = next((one.sample for one in reversed(beats) if one.at <= moment), measured)
        return entry, measured

    def _beats(self) -> tuple[Beat, ...]:
        return decoded(beatfile.lines(self.folder))


def _stretch(since: datetime, until: datetime) -> dict[str, str]:
    return {"since": iso(since), "until": iso(until)}


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
