"""All samples, runs and decisions in SQLite, with retention; scheduling never depends on it.

Rollback journal, not WAL: readers must never create or change a file. A locked, full or lost database
costs a note and nothing else; the results it missed stay in the state until they are taken in.
What reads only is in archive.py.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import codec, files
from adaptive_scheduler.archive import BUSY_S, DAMAGE, NAME, Archive, HistoryError
from adaptive_scheduler.model import Decision, Result, Sample
from adaptive_scheduler.times import from_iso, iso

SCHEMA_VERSION = 2
SCHEMA = """
create table samples(
    at text primary key, cycle integer, cpu real, memory real, foreign_cpu real,
    pressure_cpu real, pressure_memory real, pressure_io real, source text) without rowid;
create table runs(
    run_id text primary key, task text not null, status text not null, started_at text not null,
    ended_at text not null, duration_s real, exit_code integer, signal text, cause text, cpu_s real,
    peak_memory_bytes integer, output_bytes integer, reason text, unusual text);
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
UPGRADES = {1: "alter table runs add column unusual text"}
"""From each older version to the next one; the rows that are there stay."""

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
    "peak_memory_bytes, output_bytes, reason, unusual"
)


@dataclass(frozen=True)
class History(Archive):
    """The database of one state folder, to be read and written."""

    keep: timedelta = timedelta(days=400)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction of its own; HistoryError when it cannot be had or kept."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as database:
                version = database.execute("pragma user_version").fetchone()[0]
                if not version:
                    _create(database, self.path)
                database.execute("pragma synchronous = normal")
                database.execute("begin immediate")
                if version in UPGRADES:
                    _upgrade(database)
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
        marks = ", ".join("?" for _ in RUN_COLUMNS.split(", "))
        if pairs:
            with self.writing() as database:
                database.executemany(
                    f"insert or replace into runs({RUN_COLUMNS}) values({marks})",
                    [_run_row(task, result) for task, result in pairs],
                )
        return [result.run_id for _, result in pairs]


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


def _upgrade(database: sqlite3.Connection) -> None:
    """Bring the tables up to date, in the caller's transaction; another cycle may have done so meanwhile."""
    while (version := database.execute("pragma user_version").fetchone()[0]) in UPGRADES:
        database.execute(UPGRADES[version])
        database.execute(f"pragma user_version = {version + 1}")


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
