"""Tables from a past: what they rest on, what they may not know, the back-test, and the command that writes them."""

import json
from array import array
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy", reason="learning needs numpy")

import numpy as np

from adaptive_scheduler import lessons, notation, rolling, simulate, study, trace
from adaptive_scheduler.almanac import LOAD_NAME, NAME
from adaptive_scheduler.backtest import Replay, Verdict, replay, walk_forward
from adaptive_scheduler.history import History
from adaptive_scheduler.learn import Past, Subject, fit, signals, subject
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State, Task, Window
from adaptive_scheduler.rolling import FILLED, Rolling
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.simulate import Policy
from adaptive_scheduler.tutor import past_of
from tests.builders import minutes, task, tasks
from tests.console import Inside
from tests.hosts import START, Host, calm_nights, wave
from tests.platforms import modes
from tests.program import Program
from tests.world import TestWorld

RHYTHM = Rhythm()
QUARTER = minutes(15)


def past(days: float = 28, of: Any = wave, tick: timedelta = QUARTER, noise: float = 5.0) -> Past:
    host = Host(of, days, tick, noise=noise)
    return past_of(simulate.load_of(host.rows(), tick))


def hourly(of: Past, every: float = 120, lasts: timedelta = QUARTER, **more: Any) -> Subject:
    found = subject(task(every=every, **more), RHYTHM, of.grid, lasts.total_seconds())
    assert isinstance(found, Subject)
    return found


# -- a table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [60, 120, 125, 360, 720, 1440, 2880, 10_080])
def test_a_table_fits_its_interval_and_can_be_written_and_read_again(every: float) -> None:
    known = past()
    mine = hourly(known, every)
    table = fit(known, mine, len(known.values))
    assert notation.decode(json.loads(json.dumps(notation.encode(table)))) == table
    assert table.interval_s == every * 60
    assert table.first * table.stride >= mine.earliest
    assert (table.first + table.ages) * table.stride <= mine.latest + table.stride
    assert bool(table.weights) == (every <= 720)
    assert len(json.dumps(notation.encode(table))) < 50_000


def test_a_table_asks_for_less_where_the_day_is_calm() -> None:
    known = past(of=calm_nights)
    table = fit(known, hourly(known, 1440), len(known.values))
    usual = np.array(table.usual)
    assert usual[6] < -1000 < 0 < 1000 < usual[24]


def test_a_table_knows_nothing_of_what_came_after() -> None:
    known = past(42)
    until = 28 * 96
    cut = Past(known.values[:until], known.known[:until], known.grid, known.first)
    other = Past(np.where(np.arange(len(known.values)) < until, known.values, 99.0), known.known, known.grid, 0)
    tables = [fit(one, hourly(known, 360, minutes(180)), until) for one in (known, cut, other)]
    assert tables[0] == tables[1] == tables[2]


def test_a_table_forgets_what_is_older_than_four_weeks() -> None:
    known = past(60)
    old = known.values.copy()
    old[: 20 * 96] = 100.0 - old[: 20 * 96]
    other = Past(old, known.known, known.grid, known.first)
    assert fit(known, hourly(known, 1440), 60 * 96).ceilings == fit(other, hourly(known, 1440), 60 * 96).ceilings


@pytest.mark.parametrize("every", [120, 1440])
def test_the_signals_of_a_table_are_what_the_table_says_of_each_row(every: float) -> None:
    known = past(14)
    table = fit(known, hourly(known, every), len(known.values))
    rows = known.bank.row_of(table.run)
    assert signals(known, table)[-5:] == pytest.approx([table.signal(tuple(row)) for row in rows[-5:]])


@pytest.mark.parametrize("cpu", [0.0, 37.0, 100.0])
def test_a_load_that_never_changes_is_no_accident(cpu: float) -> None:
    known = past(of=lambda day, hour: cpu, noise=0.0)
    table = fit(known, hourly(known), len(known.values))
    verdict = back_test(known, hourly(known))
    assert all(np.isfinite(signals(known, table)))
    assert verdict is not None
    assert verdict.runs == pytest.approx(verdict.fixed_runs, abs=2)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"adaptive": False}, "adaptive = false"),
        ({"every": 7 * 1440 + 1}, "longer than 7 days"),
        ({"every": 59}, "leaves no choice between faster and slower in steps of 15 min"),
        ({"rhythm": Rhythm(faster=1.0, slower=1.0)}, "leaves no choice"),
    ],
)
def test_tasks_that_keep_the_classic_rule_say_why(more: dict[str, Any], says: str) -> None:
    grid, rhythm = past(1).grid, more.pop("rhythm", RHYTHM)
    found = subject(task(**{"every": 120, **more}), rhythm, grid, 300)
    assert isinstance(found, str)
    assert says in found


# -- the back-test ---------------------------------------------------------------------------------------


def back_test(of: Past, mine: Subject) -> Verdict | None:
    return walk_forward(of, mine, RHYTHM, len(of.values), lambda step: fit(of, mine, step))


def test_a_calm_night_is_worth_it() -> None:
    known = past(42)
    verdict = back_test(known, hourly(known, 360))
    assert verdict is not None
    assert verdict.better
    assert verdict.days == 28
    assert verdict.learned < verdict.classic
    assert verdict.learned < verdict.fixed == pytest.approx(45, abs=1)
    assert verdict.runs == pytest.approx(verdict.fixed_runs, abs=4) == pytest.approx(112, abs=4)


def test_what_does_not_spare_anything_is_not_used() -> None:
    known = past(of=lambda day, hour: 50.0)
    verdict = back_test(known, hourly(known))
    assert verdict is not None
    assert verdict.learned == pytest.approx(verdict.fixed, abs=2)


@pytest.mark.parametrize(("days", "tested_days"), [(13.9, None), (14, 7.0), (21, 14.0), (34.9, 21.0), (50, 28.0)])
def test_it_needs_a_week_to_learn_from_and_one_to_test(days: float, tested_days: float | None) -> None:
    known = past(days)
    verdict = back_test(known, hourly(known, 360))
    assert (verdict and verdict.days) == tested_days


def test_the_classic_rule_and_the_plain_interval_run_as_often_as_they_would() -> None:
    busy, idle, plain = (past(21, lambda day, hour, cpu=cpu: cpu, noise=0.0) for cpu in (90.0, 10.0, 50.0))
    verdicts = [back_test(known, hourly(known)) for known in (busy, idle, plain)]
    assert all(one is not None and one.fixed_runs == 168 for one in verdicts)
    assert [one.classic_runs for one in verdicts if one] == pytest.approx([112, 210, 168], abs=1)


def test_a_back_test_keeps_to_the_window() -> None:
    known = past(42)
    night = hourly(known, 1440, windows=(Window(20 * 60, 6 * 60),))
    at, table = Replay(14 * 96 - 96), fit(known, night, 14 * 96)
    replay(known, night, table, 14 * 96, 42 * 96, at)
    assert len(at.starts) >= 26
    assert all(not 24 <= start % 96 < 80 for start in at.starts)
    assert at.behind <= night.pace.cap + 0.5
    verdict = back_test(known, night)
    assert verdict is not None
    assert verdict.fixed_runs == pytest.approx(28, abs=1)
    # Not the mean of all day, 45: the night's alone.
    assert verdict.fixed < 40


def test_what_a_table_allows_outside_the_window_is_not_taken() -> None:
    known = past(28)
    night, greedy = hourly(known, 1440, windows=(Window(20 * 60, 6 * 60 + 15),)), fit(known, hourly(known, 1440), 1344)
    greedy = replace(greedy, ceilings=bytes([len(greedy.edges) + 1]) * len(greedy.ceilings))
    at = Replay(14 * 96 - 96)
    replay(known, night, greedy, 14 * 96, 28 * 96, at)
    assert len(at.starts) >= 13
    assert all(not 25 <= start % 96 < 80 for start in at.starts)


def test_the_last_step_before_a_window_closes_for_good_is_the_deadline() -> None:
    known = past(28)
    night = hourly(known, 1440, windows=(Window(20 * 60, 22 * 60),))
    table = fit(known, night, 1344)
    never = replace(table, ceilings=bytes(len(table.ceilings)))
    at = Replay(14 * 96 - 96 + 86)
    replay(known, night, never, 1344, 2688, at)
    assert {start % 96 for start in at.starts} == {87}
    assert len(at.starts) >= 13


def test_an_interval_far_shorter_than_the_gap_between_windows_is_not_owed_that_gap() -> None:
    known = past(28)
    nightly = hourly(known, 120, windows=(Window(0, 6 * 60),))
    verdict = back_test(known, nightly)
    assert verdict is not None
    assert verdict.fixed_runs == pytest.approx(21 * 4, abs=21)
    # Three or four starts fit into a night, and no debt from the day makes it more.
    assert 21 * 3 <= verdict.runs <= 21 * 4 + 1


def test_a_window_that_never_comes_in_the_past_has_no_runs() -> None:
    known = past(14.2)
    never = replace(hourly(known), opens=np.zeros(96, dtype=bool))
    at = Replay(0)
    replay(known, never, fit(known, hourly(known), 7 * 96), 7 * 96, 14 * 96, at)
    assert at.starts == []


def test_steps_that_were_never_measured_are_not_counted() -> None:
    night_off = Host(lambda day, hour: None if hour < 6 else 60.0 if hour < 16 else 20.0, 42, noise=0.0)
    known = past_of(simulate.load_of(night_off.rows(), QUARTER))
    verdict = back_test(known, hourly(known))
    assert verdict is not None
    # 10 hours of 60 and 8 of 20; the nights repeat an evening and would pull that down.
    assert verdict.fixed == pytest.approx((10 * 60 + 8 * 20) / 18, abs=0.5)


def test_where_nothing_that_was_met_is_known_there_is_no_success() -> None:
    known = past(28)
    measured = known.known & (np.arange(len(known.known)) < 100)
    verdict = back_test(replace(known, known=measured), hourly(known, 1440))
    assert verdict is not None
    assert verdict.learned == verdict.fixed == float("inf")
    assert not verdict.better


def test_no_run_at_all_is_no_success() -> None:
    verdict = Verdict(7.0, float("inf"), 0.0, 10.0, 10.0, 0, 5, 5)
    assert not verdict.holds


# -- the whole lesson ------------------------------------------------------------------------------------


def load_of(days: float = 28, of: Any = wave) -> Rolling:
    return simulate.load_of(Host(of, days).rows(), QUARTER)


def lesson(load: Rolling, *wanted: Task, **more: Any) -> tuple[list[study.Finding], Any]:
    host = Host(wave, 1, wanted=tasks(*wanted))
    told: list[int] = []
    findings = list(study.study(load, host.config, State(), lambda: told.append(1)))
    assert len(told) == len(wanted), "the bar comes to its end"
    return findings, study.encode(findings, [], load, more.get("now", START), 2.0)


def test_a_lesson_names_each_task_and_why_it_is_not_used() -> None:
    wanted = task("job", 360), task("plain", adaptive=False), task("short", 15), task("only events", None)
    findings, plain = lesson(load_of(35), *wanted)
    assert [bool(one.refused) for one in findings] == [False, True, True]
    assert set(plain["tasks"]) == {"job", "plain", "short"}
    assert plain["tasks"]["job"]["table"]
    assert plain["tasks"]["plain"]["table"] is None
    assert plain["tasks"]["job"]["backtest"]["days"] == 28
    knowledge = lessons.decode({"version": 1, **json.loads(json.dumps(plain))})
    assert knowledge.lessons["job"].table == findings[0].table
    assert knowledge.days == pytest.approx(28)


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (Verdict(28, 50.0, 1.0, 60.0, 40.0, 9, 9, 9), "no better than the plain interval (50.0 % CPU against 40.0 %)"),
        (Verdict(28, 40.0, 1.0, 30.0, 40.0, 9, 9, 9), "no better than the classic rule (40.0 % CPU against 30.0 %)"),
        (Verdict(28, float("inf"), 0.0, 30.0, 40.0, 0, 9, 9), "its back-test had 0 runs only"),
        (
            Verdict(28, 20.0, 1.0, 30.0, 40.0, 14, 28, 28),
            "ran less often than its interval asks for (14 runs against 28)",
        ),
        (None, "too little is known to test it"),
    ],
)
def test_a_back_test_that_speaks_against_it_is_told(
    verdict: Verdict | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "walk_forward", lambda *words: verdict)
    (finding,), plain = lesson(load_of(14), task("job", 360))
    assert says in finding.refused
    assert plain["tasks"]["job"]["table"] is None
    json.dumps(plain, allow_nan=False)
    assert study.told(finding)["task"] == "job"


def test_the_hash_changes_with_the_data() -> None:
    one, same, other = load_of(14), load_of(14), load_of(14)
    cells = array("H", other.cells)
    cells[5] += 1
    other = replace(other, cells=cells)
    later = replace(one, end=one.end + 1)
    hashes = [lesson(load, task("job", 360))[1]["rests_on"]["sha256"] for load in (one, same, other, later)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_samples_are_gathered_foreign_where_known_and_in_local_time() -> None:
    given = [
        Sample(START + QUARTER, 50.0, 40.0, 20.0),
        Sample(START + 2 * QUARTER, 50.0, 40.0),
        Sample(START + 3 * QUARTER, None, 40.0),
        Sample(START + 4 * QUARTER, 70.0, None),
    ]
    load = rolling.gathered(given, QUARTER, lambda moment: moment)
    assert load.values() == [20, 50, 50, 70]
    assert load.cells[2] & FILLED
    assert load.first % 96 == 0


def test_what_is_kept_between_cycles_is_four_weeks() -> None:
    load = rolling.gathered([Sample(START + n * minutes(60), 50.0, 40.0) for n in range(24 * 40)], minutes(60))
    assert len(load.cells) == 24 * 40
    assert len(rolling.latest(load).cells) == 24 * 28
    assert rolling.latest(load).end == load.end


# -- the command -------------------------------------------------------------------------------------------

TOML = """
[scheduler]
tick = "15m"
[tasks.job]
interval = "6h"
script = "job.py"
[tasks.often]
interval = "30m"
script = "job.py"
"""
NOW = START + timedelta(days=30)


@pytest.fixture
def inside(tmp_path: Path) -> Program:
    program = Inside(tmp_path).config(TOML).script("job.py", "").at(NOW)
    (tmp_path / "outputs").mkdir()
    return program


def remembered(program: Program, days: float = 30, of: Any = wave) -> Program:
    """Let the history hold the samples of some days before now."""
    history, count = History(program.outputs), int(days * 96)
    history.record(NOW - timedelta(days=days), 1, Sample(NOW, 50.0, 40.0), [], QUARTER)
    rows = Host(of, days, start=NOW - timedelta(days=days)).rows()
    assert len(rows) == count
    with history.writing() as database:
        database.executemany(
            "insert or replace into samples(at, cycle, cpu, memory, source) values(?, ?, ?, 40.0, 'test')",
            [((row.at + QUARTER).isoformat(), n, row.cpu) for n, row in enumerate(rows) if row is not None],
        )
    return program


def test_learn_writes_and_tells_what_it_found(inside: Program) -> None:
    answer = remembered(inside)("learn", "--json")
    assert answer.code == 0, answer.err
    assert answer.json.keys() == {"at", "days", "written", "problem", "in_force", "tasks"}
    assert answer.json["days"] == pytest.approx(30, abs=0.1)
    assert answer.json["in_force"]
    job, often = answer.json["tasks"]
    assert (job["task"], often["task"]) == ("job", "often")
    assert job["refused"] == ""
    assert job["backtest"]["learned"] < job["backtest"]["classic"]
    assert "leaves no choice" in often["refused"]
    written = json.loads((inside.outputs / NAME).read_text())
    assert written["version"] == lessons.VERSION
    assert datetime.fromisoformat(written["made_at"]) == NOW
    assert (inside.outputs / LOAD_NAME).exists()


def test_learn_tells_people_too(inside: Program) -> None:
    answer = remembered(inside)("learn")
    assert answer.code == 0
    assert "job" in answer.out
    assert "days of load" in answer.out


def test_with_less_than_two_weeks_it_says_so_and_writes_nothing(inside: Program) -> None:
    before = remembered(inside, 13).files()
    answer = inside("learn", "--json")
    assert answer.code == 0
    assert "learning takes 14" in answer.json["problem"]
    assert (answer.json["written"], answer.json["in_force"], answer.json["tasks"]) == (None, False, [])
    assert "learning takes" in inside("learn").out
    assert {name: inside.files()[name] for name in before if "sqlite" not in name} == {
        name: one for name, one in before.items() if "sqlite" not in name
    }
    assert not (inside.outputs / NAME).exists()


def test_without_any_history_it_says_so(inside: Program) -> None:
    answer = inside("learn", "--json")
    assert answer.code == 0
    assert answer.json["problem"].startswith("the history knows 0.0 days of load")


def test_switched_off_it_learns_and_says_that_nothing_follows(inside: Program) -> None:
    inside.config(TOML + '[rhythm]\nlearned = "off"\n')
    answer = remembered(inside)("learn", "--json")
    assert answer.code == 0
    assert answer.json["in_force"] is False
    assert answer.json["written"]
    assert "off" in inside("learn").out


@modes
def test_a_folder_that_cannot_be_written_is_a_sentence_and_exit_code_3(inside: Program) -> None:
    remembered(inside)
    (inside.outputs / NAME).mkdir()
    (inside.outputs / NAME / "in the way").touch()
    answer = inside("learn")
    assert answer.code == 3
    assert "rhythm.json'" in answer.err
    assert "Traceback" not in answer.err


def test_a_cycle_follows_what_was_learned(inside: Program) -> None:
    assert remembered(inside)("learn").code == 0
    inside.load(cpu=75)
    assert inside("run", "--wait", "20s").code == 0
    inside.at(NOW + timedelta(hours=5, minutes=30))
    answer = inside("run", "--dry-run", "--json")
    job = next(one for one in answer.json["decisions"] if one["task"] == "job")
    assert "expected" in job["reason"]
    assert inside("status", "--json").json["tasks"][0]["rhythm"] == "learned"


# -- the simulation and the cycle are one function --------------------------------------------------------------


def test_a_simulation_starts_when_real_cycles_with_the_same_table_do(tmp_path: Path) -> None:
    host = Host(wave, 29.5, wanted=tasks(task("job", 120), task("daily", 360)))
    rows, day, days = host.rows(), 96, 28
    begin, config = days * day, simulate.under(Policy.LEARNED, host.config)
    tutor = host.tutor(rows, refit=timedelta(days=400))
    tutor._next = begin  # one lesson, at the begin of the stretch
    ticks = [(one.at, one) for one in trace.samples(START, rows, host.tick)][begin - 1 :]
    made = [
        (one.at, one.decision.task, one.decision.code)
        for one in simulate.simulate(config, ticks, tutor.learned)
        if one.decision.code.starts
    ]

    known = simulate.load_of(rows[: begin - 1], host.tick)
    tables = {
        name: fit(past_of(simulate.load_of(rows[:begin], host.tick)), pupil.subject, begin)
        for name, pupil in tutor.pupils.items()
    }
    world = TestWorld(tmp_path, now=ticks[0][0], tick=host.tick, rhythm=config.rules.rhythm)
    for name, one in host.wanted.items():
        world.task(name, one.interval / minutes(1), lasts=0.5)
    world.rhythm(tables=tables)
    world.world.almanac.keep(known)
    found = []
    for at, sample in ticks:
        world.clock.moment = at
        cycle = world.load(sample.cpu).cycle()
        found += [(at, one.task, one.code) for one in cycle.report.decisions if one.code.starts]
    assert len(found) > 20
    assert {one[2].value for one in found} == {"RUN"}
    assert sorted(found, key=str) == sorted(made, key=str)
