"""The history: runs by upsert, decisions run-length coded, damage set aside, readers that leave no trace."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import history_tables, ledger
from adaptive_scheduler.archive import HistoryError
from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Answer, Culprit, Event, Process
from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Status
from tests.builders import NOW, ended, minutes, sample
from tests.platforms import is_private

TICK = minutes(5)


def not_due(value: float, limit: float = 600) -> Decision:
    return Decision("a", Code.NOT_DUE, "due soon", NOW, value, limit, "seconds")


def gated(value: float = 65, limit: float = 60) -> Decision:
    return Decision("a", Code.MEMORY_GATE, "memory", NOW, value, limit, "percent")


def cycles(history: History, *decisions: Decision, first: int = 0, memory: float = 40) -> None:
    for number, decision in enumerate(decisions, start=first):
        at = NOW + number * TICK
        history.record(at, number, replace(sample(50 + number, memory + number), at=at), [decision], TICK)


def rows(history: History, what: str = "code, first_at, last_at, cycles") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(history.path)) as database:
        return database.execute(f"select {what} from decisions order by id").fetchall()


def record(history: History, at: datetime = NOW, **more: Any) -> None:
    history.record(at, 1, replace(sample(), at=at), [], TICK, **more)


LARGE = Process(pid=7, name="leaker", created=1.5, rss=5_000_000_000, cpu_s=0.0)
EVENT = Event(
    name="memory_leak",
    at=NOW,
    value=81.5,
    expected=40.0,
    unit="percent",
    since=NOW - minutes(360),
    reason="memory grew by 3 points in 6 h",
    culprit=Culprit(name="leaker", pid=7, created=1.5, rss=LARGE.rss, growth_per_hour=720_000_000, processes=3),
    caused_by="r0",
)
LATE = Event(
    name="high_latency",
    at=NOW + TICK,
    value=None,
    expected=2.0,
    unit="ms",
    since=NOW,
    reason="no answer",
    source="probe:db",
)


def test_runs_are_taken_in_once_however_often_they_come(tmp_path: Path) -> None:
    history = History(tmp_path)
    result = ended(5, Status.FAILED, "r1", exit_code=3, cause="exit code 3", cpu_s=0.5, output_bytes=9)
    assert history.take_in([("a", result)]) == ["r1"]
    assert history.take_in([("a", result), ("b", ended(1, run_id="r2"))]) == ["r1", "r2"]
    assert history.runs() == [("b", ended(1, run_id="r2")), ("a", result)]
    assert history.runs("a") == [("a", result)]
    assert history.runs(limit=1) == [("b", ended(1, run_id="r2"))]
    assert is_private(history.path)


def test_a_name_that_is_no_text_stops_neither_its_run_nor_those_that_wait_with_it(tmp_path: Path) -> None:
    history = History(tmp_path)
    odd = ended(run_id="r1", cause="cannot open '\udcff'")
    assert history.take_in([("a", odd), ("a", ended(run_id="r2"))]) == ["r1", "r2"]
    cycles(history, replace(gated(), reason="'\udcff' is not there"))
    assert {run.cause for _, run in history.runs()} == {"cannot open '\\udcff'", ""}
    assert rows(history, "reason") == [("'\\udcff' is not there",)]


def test_equal_neighbouring_decisions_are_one_row(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, not_due(60), not_due(360), gated(65), gated(66), not_due(0))
    assert [(code, count) for code, _, _, count in rows(history)] == [
        ("NOT_DUE", 2),
        ("MEMORY_GATE", 2),
        ("NOT_DUE", 1),
    ]


def test_starts_other_limits_and_missing_cycles_begin_a_new_row(tmp_path: Path) -> None:
    history = History(tmp_path)
    start = replace(not_due(600), code=Code.RUN)
    cycles(history, start, start, not_due(60), not_due(360, limit=480))
    cycles(history, not_due(60, limit=480), first=9)
    assert [row[3] for row in rows(history)] == [1, 1, 1, 1, 1]


def test_the_ledger_works_out_the_numbers_of_any_moment(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, not_due(60), not_due(360), gated(65), gated(66), memory=63)

    def at(count: float) -> Decision | None:
        moment = NOW + minutes(count)
        entry, known = history.entry_at("a", moment)
        return None if entry is None else ledger.in_force(entry, known, moment, TICK)

    then = at(7)
    assert then is not None
    assert (then.code, then.value, then.limit) == (Code.NOT_DUE, 360, 600)
    assert then.reason == "due in 4 min: runs every 10 min at 51 % CPU"
    assert then.next_look == NOW + minutes(10)
    later = at(16)
    assert later is not None
    assert (later.code, later.value, later.reason) == (Code.MEMORY_GATE, 66, "memory 66 % is above 60 %")
    assert later.next_look == NOW + minutes(20)
    assert at(-1) is None
    assert at(60) is None


@pytest.mark.parametrize(
    ("one", "value", "reason"),
    [
        (Decision("a", Code.CPU_CEILING, "", NOW, 75, 70, "percent"), 51, "CPU 51 % is above 70 %"),
        (Decision("a", Code.RUNNING, "", NOW, 60, 3600, "seconds"), 360, "a run of it has been going for 6 min"),
        (Decision("a", Code.PAUSED, "paused until 'resume a'", None), None, "paused until 'resume a'"),
        (Decision("a", Code.WINDOW, "outside", NOW + minutes(90)), None, "outside"),
    ],
)
def test_each_kind_of_number_is_worked_out_in_its_own_way(
    tmp_path: Path, one: Decision, value: float | None, reason: str
) -> None:
    history = History(tmp_path)
    cycles(history, one, one)
    moment = NOW + minutes(5)
    entry, known = history.entry_at("a", moment)
    assert entry is not None
    found = ledger.in_force(entry, known, moment, TICK)
    assert found is not None
    assert (found.value, found.reason) == (value, reason)
    waits = one.code in (Code.PAUSED, Code.WINDOW)
    assert found.next_look == (one.next_look if waits else moment + TICK)


def test_a_lost_sample_leaves_the_row_s_own_numbers(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, gated(65))
    with closing(sqlite3.connect(history.path, isolation_level=None)) as database:
        database.execute("delete from samples")
    entry, known = history.entry_at("a", NOW)
    assert entry is not None
    found = ledger.in_force(entry, known, NOW, TICK)
    assert found is not None
    assert found.value == 65


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    history = History(tmp_path)
    full = Sample(NOW, 18.5, 45.9, 10.0, {"cpu": 1.5, "io": 0.0}, "counters")
    history.record(NOW, 1, full, [], TICK)
    assert history.samples(NOW - TICK, NOW + TICK) == [full]
    assert history.samples(NOW + TICK, NOW + 2 * TICK) == []


def test_what_is_older_than_its_keep_is_dropped_once_a_day(tmp_path: Path) -> None:
    history = History(tmp_path, keep=timedelta(days=2))
    history.take_in([("a", ended(0, run_id="old"))])
    cycles(history, not_due(1))
    cycles(history, gated(), first=288 * 3)
    assert history.runs() == []
    assert len(rows(history)) == 1
    assert len(history.samples(NOW - TICK, NOW + timedelta(days=9))) == 1


def test_readers_of_an_absent_history_find_nothing_and_create_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert (history.runs(), history.samples(NOW, NOW), history.entry_at("a", NOW)) == ([], [], (None, None))
    history.path.touch()
    assert history.runs() == []
    assert [path.name for path in tmp_path.iterdir()] == [history.path.name]
    assert history.path.stat().st_size == 0


def test_readers_leave_no_trace_beside_the_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, not_due(1))
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    history.runs()
    history.entry_at("a", NOW)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("content", [b"no database at all" * 99, b"SQLite format 3\0" + b"\0" * 5000])
def test_a_damaged_history_is_set_aside_and_a_new_one_begun(tmp_path: Path, content: bytes) -> None:
    history = History(tmp_path)
    history.path.write_bytes(content)
    with pytest.raises(HistoryError):
        history.runs()
    said = history.mend(NOW)
    assert said is not None
    assert "is damaged" in said
    assert (tmp_path / "history.sqlite3.corrupt-20251102T223000").read_bytes() == content
    cycles(history, not_due(1))
    assert history.mend(NOW) is None


def test_a_history_of_a_newer_version_is_set_aside(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, not_due(1))
    with closing(sqlite3.connect(history.path)) as database:
        database.execute("pragma user_version = 99")
    said = history.mend(NOW)
    assert said is not None
    assert "has version 99" in said


VERSION_1 = """
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
insert into runs values('r1', 'a', 'failed', '2025-11-02T22:00:00+00:00', '2025-11-02T22:01:00+00:00',
    60.0, 3, null, 'exit code 3', 0.5, 1000000, 9, 'it has never run');
insert into samples values('2025-11-02T22:00:00+00:00', 1, 50.0, 40.0, null, null, null, null, 'counters');
insert into decisions values(1, 'a', 'RUN', '', null, '', null, 'it has never run', null,
    '2025-11-02T22:00:00+00:00', '2025-11-02T22:00:00+00:00', 1);
insert into heads values('a', 1);
pragma user_version = 1;
"""
"""What the first version made, and one row of everything."""


def test_a_history_of_version_1_is_read_as_it_is_and_upgraded_by_the_next_write_with_all_its_rows(
    tmp_path: Path,
) -> None:
    history = History(tmp_path)
    with closing(sqlite3.connect(history.path)) as database:
        database.executescript(VERSION_1)
    old = history.runs()
    assert [(name, run.run_id, run.cause, run.unusual) for name, run in old] == [("a", "r1", "exit code 3", "")]
    assert history.mend(NOW) is None
    with closing(sqlite3.connect(history.path)) as database:
        assert database.execute("pragma user_version").fetchone() == (1,), "readers change nothing"
    odd = ended(1, run_id="r2", unusual="took 3 min, usually 30 s")
    history.take_in([("a", odd)])
    assert history.runs() == [("a", odd), *old]
    cycles(history, not_due(60))
    assert [row[0] for row in rows(history)] == ["RUN", "NOT_DUE"]
    assert len(history.samples(NOW - timedelta(days=1), NOW)) == 2
    with closing(sqlite3.connect(history.path)) as database:
        assert database.execute("pragma user_version").fetchone() == (history_tables.VERSION,)


VERSION_2 = f"""
{VERSION_1}
alter table runs add column unusual text;
update runs set unusual = 'took 3 min, usually 30 s';
pragma user_version = 2;
"""


def as_of(folder: Path, script: str) -> History:
    """A history as an older program left it."""
    folder.mkdir(exist_ok=True)
    history = History(folder)
    with closing(sqlite3.connect(history.path)) as database:
        database.executescript(script)
    return history


def test_a_history_of_version_2_is_read_as_it_is_and_upgraded_by_the_next_write_with_all_its_rows(
    tmp_path: Path,
) -> None:
    history = as_of(tmp_path, VERSION_2)
    before = history.path.read_bytes()
    assert [(run.run_id, run.unusual, run.event) for _, run in history.runs()] == [
        ("r1", "took 3 min, usually 30 s", "")
    ]
    assert history.events() == []
    assert history.runs_by_event([EVENT.id]) == {}
    assert history.latencies(NOW - TICK, NOW) == {}
    assert history.processes(NOW - TICK, NOW) == []
    assert history.mend(NOW) is None
    assert history.path.read_bytes() == before, "readers change nothing"
    record(history, events=[EVENT], processes=[LARGE], latencies=[("disk", Answer(NOW, 2.5))])
    assert history.events() == [EVENT]
    assert [run.run_id for _, run in history.runs()] == ["r1"]
    assert [row[0] for row in rows(history)] == ["RUN"]
    assert len(history.samples(NOW - timedelta(days=1), NOW)) == 2
    with closing(sqlite3.connect(history.path)) as database:
        assert database.execute("pragma user_version").fetchone() == (history_tables.VERSION,)


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    # A table of that name stands in the way of the last step.
    history = as_of(tmp_path, f"{VERSION_2} create table latencies(x);")
    with pytest.raises(HistoryError):
        history.take_in([("a", ended(1))])
    with closing(sqlite3.connect(history.path)) as database:
        assert database.execute("pragma user_version").fetchone() == (2,)
        assert "event" not in [row[1] for row in database.execute("pragma table_info(runs)")]
    assert len(history.runs()) == 1


def test_an_upgraded_history_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    made = []
    for name, script in (("older", VERSION_1), ("old", VERSION_2), ("new", "")):
        history = as_of(tmp_path / name, script)
        history.take_in([("a", ended(1))])
        with closing(sqlite3.connect(history.path)) as database:
            parts = database.execute("select type, name, sql from sqlite_master order by type, name").fetchall()
            columns = {name: database.execute(f"pragma table_info({name})").fetchall() for _, name, _ in parts}
            indexes = [row for row in parts if row[0] == "index"]
            made.append((columns, indexes))
    assert made[0] == made[1] == made[2]


def test_an_absent_or_empty_history_needs_no_mending(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.mend(NOW) is None
    history.path.touch()
    assert history.mend(NOW) is None


def test_a_locked_history_is_an_error_that_names_it_and_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptive_scheduler.history.BUSY_S", 0.05)
    history = History(tmp_path)
    cycles(history, not_due(1))
    other = sqlite3.connect(history.path, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(HistoryError, match="locked"):
        history.take_in([("a", ended(1))])
    assert history.mend(NOW) is None
    other.close()
    assert history.take_in([("a", ended(1))]) == ["r0"]


def test_a_clock_set_back_begins_a_new_row(tmp_path: Path) -> None:
    history = History(tmp_path)
    cycles(history, not_due(60), first=100)
    cycles(history, not_due(60), first=0)
    assert [row[3] for row in rows(history)] == [1, 1]
    entry, _ = history.entry_at("a", NOW)
    assert entry is not None
    assert entry.first_at == entry.last_at == NOW


# -- events and what they are seen by --------------------------------------------------------------------


def test_events_come_back_as_they_were_the_newest_first(tmp_path: Path) -> None:
    history = History(tmp_path)
    record(history, events=[EVENT, LATE])
    record(history, events=[EVENT])
    assert history.events() == [LATE, EVENT]
    assert history.events(limit=1) == [LATE]
    assert history.events(since=NOW + minutes(1)) == [LATE]
    assert history.events(name="memory_leak") == [EVENT]
    assert history.events(name="cpu_spike") == []


def test_the_runs_that_events_started_are_found_by_the_events(tmp_path: Path) -> None:
    history = History(tmp_path)
    late, soon = ended(1, run_id="r3", event=EVENT.id), ended(4, run_id="r2", event=EVENT.id)
    history.take_in([("a", ended(9, run_id="r1")), ("a", late), ("b", soon), ("a", ended(2, run_id="r4", event="x"))])
    assert history.runs_by_event([EVENT.id, LATE.id]) == {EVENT.id: [("b", soon), ("a", late)]}
    assert history.runs_by_event([]) == {}
    assert len(history.runs_by_event([f"e{number}" for number in range(5000)] + ["x"])) == 1
    assert history.runs("b") == [("b", soon)]


def test_latencies_come_back_by_their_source_the_oldest_first(tmp_path: Path) -> None:
    history = History(tmp_path)
    refused, slow = Answer(NOW + TICK, None, "refused"), Answer(NOW, 312.5)
    failing = Answer(NOW, 3.0, "HTTP 500")
    record(history, latencies=[("probe:db", refused), ("probe:db", slow), ("disk", failing)])
    assert history.latencies(NOW, NOW + TICK) == {"probe:db": [slow, refused], "disk": [failing]}
    assert history.latencies(NOW + minutes(1), NOW + TICK) == {"probe:db": [refused]}


def test_the_largest_processes_come_back_cycle_by_cycle(tmp_path: Path) -> None:
    history = History(tmp_path)
    small = replace(LARGE, pid=3, name="작업", rss=10)
    record(history, processes=[small, LARGE])
    record(history, NOW + TICK, processes=[LARGE])
    assert history.processes(NOW, NOW + TICK) == [(NOW, [LARGE, small]), (NOW + TICK, [LARGE])]
    assert history.processes(NOW + minutes(1), NOW + TICK) == [(NOW + TICK, [LARGE])]


@pytest.mark.parametrize("keep", [timedelta(days=2), timedelta(days=400)], ids=["short", "long"])
def test_processes_are_kept_14_days_and_the_rest_as_the_history(tmp_path: Path, keep: timedelta) -> None:
    history = History(tmp_path, keep=keep)
    for days in (0, 100, 387, 400):
        at = NOW + timedelta(days=days)
        event = replace(EVENT, at=at)
        record(history, at, events=[event], processes=[LARGE], latencies=[("disk", Answer(at, 1.0))])
    until = NOW + timedelta(days=500)
    assert [at for at, _ in history.processes(NOW, until)] == [NOW + timedelta(days=days) for days in (387, 400)]
    left = 4 if keep.days == 400 else 1
    assert len(history.events()) == left
    assert len(history.latencies(NOW, until)["disk"]) == left


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("events", "culprit = '{'"),
        ("events", "culprit = '[1]'"),
        ("events", "culprit = '7'"),
        ("events", """culprit = '{"name": "x", "pid": Infinity, "created": 1}'"""),
        ("events", """culprit = '{"name": "x", "pid": null, "created": 1}'"""),
        ("events", "culprit = '" + "[" * 100_000 + "'"),
        ("events", "at = '2099-99-99'"),
        ("events", "at = '2099-01-01'"),
        ("events", "value = 9e999"),
        ("events", "value = 'much'"),
        ("events", "reason = 7, since = x'ff'"),
        ("latencies", "ms = 'fast'"),
        ("latencies", "ms = 9e999"),
        ("latencies", "at = '2025-11-02T22:31'"),
        ("processes", "rss_bytes = 'much'"),
        ("processes", "created = 9e999"),
        ("processes", "at = '2025-11-02T22:31'"),
    ],
)
def test_a_row_that_makes_no_sense_hides_no_other(tmp_path: Path, table: str, change: str) -> None:
    history = History(tmp_path)
    bad = replace(EVENT, name="bad", at=NOW + minutes(1))
    answers = [("disk", Answer(NOW, 1.0)), ("bad", Answer(NOW, 2.0))]
    record(history, events=[EVENT, bad], processes=[LARGE, replace(LARGE, pid=9, name="bad")], latencies=answers)
    where = "source" if table == "latencies" else "name"
    with closing(sqlite3.connect(history.path, isolation_level=None)) as database:
        database.execute(f"update {table} set {change} where {where} = 'bad'")
    whole = {
        "events": [EVENT] if table == "events" else [bad, EVENT],
        "processes": [LARGE] if table == "processes" else [LARGE, replace(LARGE, pid=9, name="bad")],
        "latencies": ["disk"] if table == "latencies" else ["bad", "disk"],
    }
    assert history.events() == whole["events"]
    assert [one for _, found in history.processes(NOW, NOW + TICK) for one in found] == whole["processes"]
    assert sorted(history.latencies(NOW, NOW + TICK)) == whole["latencies"]


def test_a_lost_table_of_events_is_damage(tmp_path: Path) -> None:
    history = History(tmp_path)
    record(history)
    with closing(sqlite3.connect(history.path)) as database:
        database.execute("drop table events")
    with pytest.raises(HistoryError):
        history.events()
    said = history.mend(NOW)
    assert said is not None
    assert "is damaged" in said


def test_readers_of_an_absent_history_find_no_events(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert (history.events(), history.runs_by_event(["x"]), history.latencies(NOW, NOW)) == ([], {}, {})
    assert history.processes(NOW, NOW) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_decided_is_counted_by_task_and_code(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.held(NOW, NOW + minutes(60)) == []
    cycles(history, not_due(1), gated(), gated(), not_due(1), gated())
    assert history.held(NOW, NOW + minutes(60)) == [("a", "MEMORY_GATE", 2, 3), ("a", "NOT_DUE", 2, 2)]
    assert history.held(NOW + minutes(16), NOW + minutes(60)) == [("a", "MEMORY_GATE", 1, 1)]


def test_runs_of_nodes_are_told_apart_from_those_of_this_machine(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.take_in([("a", ended(9, run_id="here")), ("b", ended(8, run_id="there", node="n1"))])
    stretch = (NOW - minutes(60), NOW)
    assert [name for name, _ in history.runs_between(*stretch)] == ["a"]
    assert [name for name, _ in history.runs_between(*stretch, elsewhere=True)] == ["a", "b"]
