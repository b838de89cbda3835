"""The tables of the history, and how those of an older version become them.

The version history:
1  samples, runs, decisions.
2  what was unusual about a run.
3  events, the run that one started, the largest processes, latencies.
4  the node of a run.
"""

import sqlite3

VERSION = 4
SCHEMA = """
create table samples(
    at text primary key, cycle integer, cpu real, memory real, foreign_cpu real,
    pressure_cpu real, pressure_memory real, pressure_io real, source text) without rowid;
create table runs(
    run_id text primary key, task text not null, status text not null, started_at text not null,
    ended_at text not null, duration_s real, exit_code integer, signal text, cause text, cpu_s real,
    peak_memory_bytes integer, output_bytes integer, reason text, unusual text, event text, node text);
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
EVENTS = """
create index runs_by_event on runs(event) where event is not null;
create table events(
    id text primary key, at text not null, name text not null, source text not null, value real, expected real,
    unit text not null, since text not null, reason text not null, culprit text, caused_by text not null);
create index events_by_time on events(at);
create table processes(
    at text not null, pid integer not null, name text not null, created real not null, rss_bytes integer not null,
    primary key(at, pid)) without rowid;
create table latencies(
    at text not null, source text not null, ms real, problem text not null, primary key(at, source)) without rowid;
"""
UPGRADES = {
    1: "alter table runs add column unusual text",
    2: f"alter table runs add column event text; {EVENTS}",
    3: "alter table runs add column node text",
}
"""From each older version to the next one; the rows that are there stay."""

QUESTIONS = (
    (1, "select * from samples limit 1"),
    (1, "select * from runs limit 1"),
    (1, "select * from decisions limit 1"),
    (1, "select * from heads limit 1"),
    (1, "select last_pruned from upkeep limit 1"),
    (3, "select * from events limit 1"),
    (3, "select * from processes limit 1"),
    (3, "select * from latencies limit 1"),
)
"""One for each table and the version it came with: a broken one cannot answer."""


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of the tables in a database, 0 when there are none; raises sqlite3.Error."""
    version: int = database.execute("pragma user_version").fetchone()[0]
    return version


def create(database: sqlite3.Connection) -> None:
    """Make the tables, in a transaction of its own; another cycle may have made them meanwhile."""
    database.execute("begin immediate")
    if not version_of(database):
        _execute(database, SCHEMA + EVENTS)
        database.execute(f"pragma user_version = {VERSION}")
    database.execute("commit")


def upgrade(database: sqlite3.Connection) -> None:
    """Bring the tables up to date, in the caller's transaction; another cycle may have done so meanwhile."""
    while (version := version_of(database)) in UPGRADES:
        _execute(database, UPGRADES[version])
        database.execute(f"pragma user_version = {version + 1}")


def ask(database: sqlite3.Connection) -> int:
    """Ask each table a question and return the version; raises sqlite3.Error where one cannot answer."""
    version = version_of(database)
    for since, question in QUESTIONS:
        if version >= since:
            database.execute(question).fetchone()
    return version


def _execute(database: sqlite3.Connection, script: str) -> None:
    # Not executescript, which ends the transaction that it is called in.
    for statement in script.split(";"):
        database.execute(statement)
