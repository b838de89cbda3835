"""All samples, runs, decisions and events in SQLite, with retention; scheduling never depends on it.

Rollback journal, not WAL: readers must never create or change a file. A locked, full or lost database
costs a note and nothing else; the results it missed stay in the state until they are taken in.
What reads only is in archive.py, the tables are in history_tables.py.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import codec, files, history_tables
from adaptive_scheduler.archive import BUSY_S, DAMAGE, Archive, HistoryError
from adaptive_scheduler.beats import Beat
from adaptive_scheduler.events import Answer, Event, Process, encode_culprit
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result
from adaptive_scheduler.times import from_iso, iso

RUN_COLUMNS = (
    "run_id, task, status, started_at, ended_at, duration_s, exit_code, signal, cause, cpu_s, "
    "peak_memory_bytes, output_bytes, reason, unusual, event, node"
)

PROCESSES_KEEP = timedelta(days=14)
"""However long the rest is kept: ten lines a cycle are many, and a leak is younger."""


@dataclass(frozen=True)
class History(Archive):
    """The database of one state folder, to be read and written."""

    keep: timedelta = timedelta(days=400)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction of its own; HistoryError when it cannot be had or kept."""
        try:
            if not self.path.exists():
                # Not left to SQLite: its file would be anybody's to read until its mode is changed.
                files.private_folder(self.path.parent)
                os.close(files.open_to_write(self.path, os.O_RDWR))
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as database:
                if not (version := history_tables.version_of(database)):
                    history_tables.create(database)
                database.execute("pragma synchronous = normal")
                database.execute("begin immediate")
                if version in history_tables.UPGRADES:
                    history_tables.upgrade(database)
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
                version = history_tables.ask(database)
                if thorough and (told := database.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
                    problem = f"is damaged ({told})"
            if version > history_tables.VERSION:
                problem = f"has version {version}, this program knows {history_tables.VERSION}"
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (*DAMAGE, sqlite3.SQLITE_ERROR):
                problem = f"is damaged ({error})"
        if not problem:
            return None
        aside = files.set_aside(self.path, now)
        return f"history '{self.path}' {problem}; kept as '{aside.name}', a new one is begun"

    def record(
        self,
        now: datetime,
        cycle: int,
        sample: Sample,
        decisions: Sequence[Decision],
        tick: timedelta,
        *,
        events: Iterable[Event] = (),
        processes: Iterable[Process] = (),
        latencies: Iterable[tuple[str, Answer]] = (),
        past: Sequence[Beat] = (),
    ) -> None:
        """Take in what one cycle saw and decided; once a day also drop what is older than `keep`.

        `processes` are the largest at `now`, `latencies` what was measured, by source, `past` the short cycles before
        it; to meet one of them twice does no harm. Raises HistoryError.
        """
        with self.writing() as database:
            for one in past:
                _record_sample(database, one.at, one.cycle, one.sample)
                _record_signals(database, one.at, one.processes, ())
            _lengthen_decisions(database, past)
            _record_sample(database, now, cycle, sample)
            _record_decisions(database, now, decisions, tick)
            _record_events(database, events)
            _record_signals(database, now, processes, latencies)
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


def _record_sample(database: sqlite3.Connection, at: datetime, cycle: int, sample: Sample) -> None:
    pressure = sample.pressure
    database.execute(
        "insert or replace into samples values(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(iso(at), cycle, sample.cpu, sample.memory, sample.foreign_cpu),
            *(pressure.get("cpu"), pressure.get("memory"), pressure.get("io"), sample.source),
        ),
    )


def _lengthen_decisions(database: sqlite3.Connection, past: Sequence[Beat]) -> None:
    """Have the decisions of the last whole cycle last until the last short one: they were the same in all of them."""
    found = database.execute("select max(last_at) from decisions where id in (select id from heads)").fetchone()[0]
    new = [one for one in past if found is not None and iso(one.at) > found]
    if new:
        database.execute(
            "update decisions set last_at = ?, cycles = cycles + ? where last_at = ? and id in (select id from heads)",
            (iso(new[-1].at), len(new), found),
        )


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
            _writable(row + times),
        )
        database.execute("insert or replace into heads values(?, ?)", (one.task, added.lastrowid))
    database.executemany("update decisions set last_at = ?, cycles = cycles + 1 where id = ?", longer)


def _record_events(database: sqlite3.Connection, events: Iterable[Event]) -> None:
    database.executemany(
        "insert or replace into events values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            _writable(
                (
                    *(one.id, iso(one.at), one.name, one.source, one.value, one.expected, one.unit, iso(one.since)),
                    *(one.reason, one.culprit and json.dumps(encode_culprit(one.culprit)), one.caused_by),
                )
            )
            for one in events
        ],
    )


def _record_signals(
    database: sqlite3.Connection,
    now: datetime,
    processes: Iterable[Process],
    latencies: Iterable[tuple[str, Answer]],
) -> None:
    database.executemany(
        "insert or replace into processes values(?, ?, ?, ?, ?)",
        [_writable((iso(now), one.pid, one.name, one.created, one.rss)) for one in processes],
    )
    database.executemany(
        "insert or replace into latencies values(?, ?, ?, ?)",
        [_writable((iso(answer.at), source, answer.ms, answer.problem)) for source, answer in latencies],
    )


def _prune(database: sqlite3.Connection, now: datetime, keep: timedelta) -> None:
    today = f"{now:%Y-%m-%d}"
    if database.execute("select last_pruned from upkeep").fetchone()[0] == today:
        return
    oldest = iso(now - keep)
    database.execute("delete from samples where at < ?", (oldest,))
    database.execute("delete from runs where ended_at < ?", (oldest,))
    database.execute("delete from decisions where last_at < ?", (oldest,))
    database.execute("delete from events where at < ?", (oldest,))
    database.execute("delete from latencies where at < ?", (oldest,))
    database.execute("delete from processes where at < ?", (iso(now - PROCESSES_KEEP),))
    database.execute("delete from heads where id not in (select id from decisions)")
    database.execute("update upkeep set last_pruned = ?", (today,))


def _run_row(task: str, result: Result) -> tuple[Any, ...]:
    plain = {"task": task, **codec.encode_result(result)}
    return _writable(tuple(plain.get(column) for column in RUN_COLUMNS.split(", ")))


def _writable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row that SQLite takes: halves of characters, as names of files may hold, become visible."""
    return tuple(one.encode(errors="backslashreplace").decode() if isinstance(one, str) else one for one in row)
