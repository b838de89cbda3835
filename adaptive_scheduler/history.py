"""All samples, runs and decisions in SQLite, with retention; scheduling never depends on it.

Rollback journal, not WAL: readers must never create or change a file. A locked, full or lost database
costs a note and nothing else; the results it missed stay in the state until they are taken in.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import codec, files
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Code, Decision, Result, Sample
from adaptive_scheduler.times import from_iso, iso

NAME = "history.sqlite3"
BUSY_S = 3.0
"""How long a cycle waits for another writer before it goes on without the history."""

SCHEMA_VERSION = 1
SCHEMA = """
create table samples(
    at text primary key, cycle integer, cpu real, memory real, foreign_cpu real,
    pressure_cpu real, pressure_memory real, pressure_io real, source text) without rowid;
create table runs(
    run_id text primary key, task text not null, status text not null, started_at text not null,
    ended_at text not null, duration_s real, exit_code integer, signal text, cause text, cpu_s real,
    peak_memory_bytes integer, output_bytes integer, reason text);
create index runs_by_task on runs(task, started_at);
create index runs_by_time on runs(started_at);
create table decisions(
    id integer primary key, task text not null, code text not null, blocker text not null, limit_value real,
    unit text not null, value real, reason text not null, next_look text, first_at text not null,
    last_at text not null, cycles integer not null);
create index decisions_by_task on decisions(task, first_at);
create index decisions_by_time on decisions(last_at);
create table heads(task text primary key, id integer not null) without rowid;
create table upkeep(last_pruned text);
insert into upkeep values('');
"""
QUESTIONS = (
    "select * from samples limit 1",
    "select * from runs limit 1",
    "select * from decisions limit 1",
    "select * from heads limit 1",
    "select last_pruned from upkeep limit 1",
)
"""One for each table: a broken one cannot answer."""

RUN_COLUMNS = (
    "run_id, task, status, started_at, ended_at, duration_s, exit_code, signal, cause, cpu_s, "
    "peak_memory_bytes, output_bytes, reason"
)


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
class History:
    """The database of one state folder."""

    folder: Path
    keep: timedelta = timedelta(days=400)

    @property
    def path(self) -> Path:
        """Where the database is kept."""
        return self.folder / NAME

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction of its own; HistoryError when it cannot be had or kept."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as database:
                if not database.execute("pragma user_version").fetchone()[0]:
                    _create(database, self.path)
                database.execute("pragma synchronous = normal")
                database.execute("begin immediate")
                yield database
                database.execute("commit")
        except (sqlite3.Error, OSError, ValueError) as error:
            raise HistoryError(f"history '{self.path}' is not usable now: {error}", error) from error

    def mend(self, now: datetime, *, thorough: bool = False) -> str | None:
        """Set aside a database that is damaged, so that the next write makes a new one; returns what was done.

        One question a table finds most damage; `thorough` reads everything, for when a write met some.
        """
        if not self.path.exists():
            return None
        problem = ""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S)) as database:
                version = database.execute("pragma user_version").fetchone()[0]
                for question in QUESTIONS if version else ():
                    database.execute(question).fetchone()
                if thorough and (told := database.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
                    problem = f"is damaged ({told})"
            if version > SCHEMA_VERSION:
                problem = f"has version {version}, this program knows {SCHEMA_VERSION}"
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (*DAMAGE, sqlite3.SQLITE_ERROR):
                problem = f"is damaged ({error})"
        if not problem:
            return None
        aside = self.path.with_name(f"{NAME}.corrupt-{now:%Y%m%dT%H%M%S}")
        files.replace(self.path, aside)
        return f"history '{self.path}' {problem}; kept as '{aside.name}', a new one is begun"

    def record(
        self,
        now: datetime,
        cycle: int,
        sample: Sample,
        decisions: Sequence[Decision],
        tick: timedelta,
    ) -> None:
        """Take in one cycle's sample and decisions; once a day also drop what is older than `keep`."""
        with self.writing() as database:
            pressure = sample.pressure
            database.execute(
                "insert or replace into samples values(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(iso(now), cycle, sample.cpu, sample.memory, sample.foreign_cpu),
                    *(pressure.get("cpu"), pressure.get("memory"), pressure.get("io"), sample.source),
                ),
            )
            _record_decisions(database, now, decisions, tick)
            _prune(database, now, self.keep)

    def take_in(self, results: Iterable[tuple[str, Result]]) -> list[str]:
        """Upsert finished runs by their id; returns the ids that are safely there."""
        pairs = list(results)
        if pairs:
            with self.writing() as database:
                database.executemany(
                    f"insert or replace into runs({RUN_COLUMNS}) values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [_run_row(task, result) for task, result in pairs],
                )
        return [result.run_id for _, result in pairs]

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


def _create(database: sqlite3.Connection, path: Path) -> None:
    files.private_folder(path.parent)
    path.chmod(0o600)
    database.execute("begin immediate")
    # Another cycle may have made the tables while this one waited for the lock.
    if not database.execute("pragma user_version").fetchone()[0]:
        for statement in SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"pragma user_version = {SCHEMA_VERSION}")
    database.execute("commit")


def _record_decisions(
    database: sqlite3.Connection, now: datetime, decisions: Sequence[Decision], tick: timedelta
) -> None:
    """Lengthen each task's row where (code, blocker, limit) is the same and no cycle is missing, else add one."""
    heads = {
        row[0]: row[1:]
        for row in database.execute(
            "select h.task, d.id, d.code, d.blocker, d.limit_value, d.last_at from heads h join decisions d using(id)"
        )
    }
    longer = []
    for one in decisions:
        head = heads.get(one.task)
        same = head is not None and head[1:4] == (one.code.value, one.blocker, one.limit)
        if head is not None and same and not one.code.starts and timedelta(0) <= now - from_iso(head[4]) <= 2 * tick:
            longer.append((iso(now), head[0]))
            continue
        row = (one.task, one.code.value, one.blocker, one.limit, one.unit, one.value, one.reason)
        times = (one.next_look and iso(one.next_look), iso(now), iso(now))
        added = database.execute(
            "insert into decisions(task, code, blocker, limit_value, unit, value, reason, next_look, first_at, "
            "last_at, cycles) values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            row + times,
        )
        database.execute("insert or replace into heads values(?, ?)", (one.task, added.lastrowid))
    database.executemany("update decisions set last_at = ?, cycles = cycles + 1 where id = ?", longer)


def _prune(database: sqlite3.Connection, now: datetime, keep: timedelta) -> None:
    today = f"{now:%Y-%m-%d}"
    if database.execute("select last_pruned from upkeep").fetchone()[0] == today:
        return
    oldest = iso(now - keep)
    database.execute("delete from samples where at < ?", (oldest,))
    database.execute("delete from runs where ended_at < ?", (oldest,))
    database.execute("delete from decisions where last_at < ?", (oldest,))
    database.execute("delete from heads where id not in (select id from decisions)")
    database.execute("update upkeep set last_pruned = ?", (today,))


def _run_row(task: str, result: Result) -> tuple[Any, ...]:
    plain = {"task": task, **codec.encode_result(result)}
    return tuple(plain[column] for column in RUN_COLUMNS.split(", "))


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
