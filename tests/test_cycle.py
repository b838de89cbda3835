"""Whole cycles: dependencies, gates, slots, overlap, bad days. Everything but machine and scripts is real."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Priority, State, Status
from adaptive_scheduler.store import Store
from tests.builders import NOW
from tests.world import TestWorld

CRITICAL, HIGH, LOW = Priority.CRITICAL, Priority.HIGH, Priority.LOW


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path)


def test_a_new_task_runs_in_the_first_cycle_and_again_when_its_interval_has_passed(world: TestWorld) -> None:
    assert world.task("a").cycle().ran == ["a"]
    assert world.later(minutes=5).cycle().ran == []
    assert world.later(minutes=5).cycle().ran == ["a"]


def test_the_tempo_follows_the_load(world: TestWorld) -> None:
    world.task("a").load(cpu=18).cycle()
    first = [bool(world.later(minutes=5).cycle().ran) for _ in range(8)]
    assert first == [False, True, False, True, True, False, True, True]
    assert sum(bool(world.later(minutes=5).cycle().ran) for _ in range(288)) == 180


def test_a_dependent_runs_in_the_same_cycle_after_its_dependency(world: TestWorld) -> None:
    world.task("b", depends_on=("a",), priority=CRITICAL).task("a", priority=LOW, lasts=1)
    assert world.cycle().ran == ["a", "b"]


def test_a_dependent_waits_when_its_dependency_failed(world: TestWorld) -> None:
    world.task("a", ends=Status.FAILED).task("b", depends_on=("a",))
    done = world.cycle()
    assert (done.ran, done["b"].code, done["b"].blocker) == (["a"], "DEP_FAILED", "a")
    assert done.report.failed


def test_slots_limit_what_runs_at_once_and_all_run_in_the_end(world: TestWorld) -> None:
    for name in "abcde":
        world.task(name, lasts=0.5)
    done = world.cycle()
    assert sorted(done.ran) == list("abcde")
    assert world.took == timedelta(minutes=1.5)
    assert set(done.codes.values()) == {"RUN"}


def test_a_cycle_leaves_before_the_next_tick_and_a_later_one_collects(world: TestWorld) -> None:
    world.task("long", 60, lasts=17).task("critical", 5, priority=CRITICAL)
    first = world.cycle()
    assert first.ran == ["critical", "long"]
    assert world.took == timedelta(seconds=285)
    assert [world.later(minutes=5).cycle().codes for _ in range(3)] == [{"long": "RUNNING", "critical": "RUN"}] * 3
    fifth = world.later(minutes=5).cycle()
    assert fifth.results == {"long": "ok", "critical": "ok"}
    (result,) = [result for name, result in fifth.report.runs if name == "long"]
    assert (result.started_at, result.duration_s) == (NOW, 17 * 60)


def test_a_cycle_waits_no_longer_than_asked(world: TestWorld) -> None:
    world.task("a", lasts=4)
    done = world.cycle(wait=timedelta(seconds=30))
    assert world.took == timedelta(seconds=30)
    assert list(done.report.live) == ["a"]
    world.task("b", lasts=4).later(minutes=1).cycle(wait=timedelta(0))
    assert world.took == timedelta(0)


def test_a_cycle_by_hand_between_two_ticks_leaves_before_the_same_tick(world: TestWorld) -> None:
    world.task("a").cycle()
    world.task("b", lasts=60).later(minutes=2).cycle()
    assert world.took == timedelta(seconds=165)


def test_a_cycle_does_not_wait_for_the_runs_of_others_that_hold_nobody_up(world: TestWorld) -> None:
    world.task("long", 60, lasts=17).cycle()
    world.later(minutes=5).cycle()
    assert world.took == timedelta(0)


def test_a_slot_that_frees_while_a_cycle_waits_is_used_at_once(world: TestWorld) -> None:
    world.task("x", 60, lasts=6).task("y", 60, lasts=9).cycle()
    done = world.task("z").later(minutes=5).cycle()
    assert done.ran == ["z"]
    assert world.took == timedelta(minutes=1)


def test_memory_is_read_afresh_in_every_round(world: TestWorld) -> None:
    world.task("first", lasts=1, priority=CRITICAL).task("second").load(memory=65)
    world.meter.later = [50]
    done = world.cycle()
    assert done.ran == ["first", "second"]


def test_full_memory_lets_only_critical_tasks_run_and_the_rest_says_both_numbers(world: TestWorld) -> None:
    world.task("c", priority=CRITICAL).task("h", priority=HIGH).load(memory=65)
    done = world.cycle()
    assert done.ran == ["c"]
    assert (done["h"].code, done["h"].value, done["h"].limit) == ("MEMORY_GATE", 65, 60)


def test_no_task_starves_in_full_memory(world: TestWorld) -> None:
    world.task("a").load(memory=65)
    codes = [world.cycle()["a"].code]
    codes += [world.later(minutes=5).cycle()["a"].code for _ in range(8)]
    assert codes == ["MEMORY_GATE"] * 8 + ["FORCED"]


def test_a_task_runs_at_most_once_in_a_cycle_even_when_it_is_slower_than_its_interval(world: TestWorld) -> None:
    assert world.task("a", every=0.5, lasts=2).cycle().ran == ["a"]


def test_a_failure_is_tried_again_later_and_the_reason_says_so(world: TestWorld) -> None:
    world.task("a", 60, ends=Status.FAILED, retries=1, retry_delay=timedelta(minutes=7)).cycle()
    waiting = world.later(minutes=5).cycle()
    assert (waiting.ran, waiting["a"].code) == ([], "BACKOFF")
    again = world.ends("a", Status.OK).later(minutes=5).cycle()
    assert (again.ran, again["a"].reason) == (["a"], "retry 1 of 1 after a failure")


def test_a_run_whose_supervisor_died_is_interrupted_and_tried_again_once(world: TestWorld) -> None:
    world.task("a", 60, lasts=30).cycle(wait=timedelta(0))
    world.runner.lost.add(world.state.tasks["a"].live.run_id)
    again = world.later(minutes=5).cycle(wait=timedelta(0))
    assert (again.results, again.ran) == ({"a": "interrupted"}, ["a"])
    world.runner.lost.add(world.state.tasks["a"].live.run_id)
    third = world.later(minutes=5).cycle(wait=timedelta(0))
    assert (third.results, third.ran) == ({"a": "interrupted"}, [])


def test_a_pause_that_comes_while_a_cycle_runs_is_kept(world: TestWorld) -> None:
    from adaptive_scheduler import state as folds

    world.task("a", lasts=1).task("b", 30)
    wait = world.runner.wait

    def pause_meanwhile(live: dict[str, str], timeout_s: float) -> bool:
        with world.world.store.transaction(NOW) as transaction:
            transaction.state = folds.paused(transaction.state, "b", None)
        return wait(live, timeout_s)

    world.runner.wait = pause_meanwhile  # type: ignore[method-assign, assignment]  # a user acts while the cycle waits
    world.cycle()
    assert world.state.tasks["b"].paused


def test_force_starts_one_task_past_its_age_and_memory(world: TestWorld) -> None:
    world.task("a").task("b").cycle()
    done = world.load(memory=80).later(minutes=1).cycle("a", force=True)
    assert (done.ran, done.codes) == (["a"], {"a": "FORCED"})


def test_a_removed_task_s_live_run_is_still_collected(world: TestWorld) -> None:
    world.task("a", lasts=3).task("b").cycle(wait=timedelta(0))
    done = world.without("a").later(minutes=5).cycle()
    assert done.results["a"] == "ok"
    assert "a" not in done.codes


def test_a_night_asleep_is_one_catch_up(world: TestWorld) -> None:
    world.task("a").cycle()
    assert world.later(hours=9).cycle().ran == ["a"]
    assert world.later(minutes=5).cycle().ran == []
    assert world.later(minutes=5).cycle().ran == ["a"]


def test_a_clock_set_back_a_day_counts_the_task_as_just_run_and_says_so(world: TestWorld) -> None:
    world.task("a").cycle()
    back = world.later(days=-1).cycle()
    assert (back.ran, back["a"].code) == ([], "NOT_DUE")
    assert "the clock was set back" in back.report.notes[0]
    assert world.later(minutes=5).cycle().ran == []
    assert world.later(minutes=5).cycle().ran == ["a"]


def test_a_run_that_cannot_be_set_up_is_an_error_of_that_task_alone(world: TestWorld) -> None:
    world.task("a").task("b").runner.full_disk.add("a")
    done = world.cycle()
    assert (done.ran, done["a"].code, done["b"].code) == (["b"], "ERROR", "RUN")
    assert "No space left on device" in done["a"].reason


def test_a_damaged_state_does_not_fire_everything(world: TestWorld) -> None:
    world.task("a").task("b", 60).cycle()
    for path in (world.world.store.path, world.world.store.backup):
        path.write_bytes(b"\0" * 100)
    done = world.later(minutes=1).cycle()
    assert (done.ran, done.report.damaged) == ([], True)
    assert world.later(minutes=9).cycle().ran == ["a"]


def test_a_run_that_only_the_lost_state_knew_is_found_on_disk_and_never_doubled(world: TestWorld) -> None:
    world.task("a", lasts=8).cycle(wait=timedelta(0))
    run_id = world.state.tasks["a"].live.run_id
    world.world.store.path.write_bytes(b"")
    world.world.store.backup.unlink(missing_ok=True)
    lost = world.later(minutes=5).cycle(wait=timedelta(0))
    assert (lost.ran, lost["a"].code) == ([], "RUNNING")
    done = world.later(minutes=5).cycle(wait=timedelta(0))
    assert [result.run_id for _, result in done.report.runs] == [run_id]


@pytest.mark.parametrize("outcome", ["known", "lost"])
def test_a_run_that_followed_the_one_the_copy_holds_for_live_is_found_and_never_doubled(
    world: TestWorld, outcome: str
) -> None:
    world.task("a", 5, lasts=3).cycle(wait=timedelta(0))
    first = world.state.tasks["a"].live.run_id
    world.later(minutes=5).cycle(wait=timedelta(0))
    second = world.state.tasks["a"].live.run_id
    world.world.store.path.write_bytes(b"{")
    if outcome == "lost":
        world.runner.lost.add(first)
    lost = world.later(minutes=1).cycle(wait=timedelta(0))
    assert (lost.ran, lost["a"].code, lost.report.live["a"].run_id) == ([], "RUNNING", second)
    world.later(minutes=4).cycle()
    ended = {run.run_id: run.status for _, run in world.world.history.runs("a")}
    assert ended[first] is (Status.OK if outcome == "known" else Status.INTERRUPTED)
    assert ended[second] is Status.OK
    assert world.runner.submitted == ["a"] * 3


def test_a_state_of_a_newer_version_stops_the_cycle_before_anything_starts(world: TestWorld) -> None:
    world.task("a").cycle()
    world.world.store.path.write_text('{"version": 99}')
    with pytest.raises(StateError, match="newer"):
        world.later(minutes=10).cycle()
    assert world.runner.submitted == ["a"]


def test_a_lost_history_is_begun_anew_from_the_runs_still_kept(world: TestWorld) -> None:
    world.task("a").cycle()
    history = world.world.history
    history.path.write_bytes(b"no database" * 1000)
    done = world.later(minutes=10).cycle()
    assert any("is damaged" in note for note in done.report.notes)
    assert len(history.runs("a")) == 2


def test_a_locked_history_costs_a_note_and_its_results_come_later(
    world: TestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptive_scheduler.history.BUSY_S", 0.05)
    world.task("a").cycle()
    blocker = sqlite3.connect(world.world.history.path, isolation_level=None)
    blocker.execute("begin exclusive")
    done = world.later(minutes=10).cycle()
    assert done.ran == ["a"]
    assert any("locked" in note for note in done.report.notes)
    blocker.close()
    world.later(minutes=5).cycle()
    assert len(world.world.history.runs("a")) == 2
    assert world.state.unrecorded == ()


def test_a_log_that_cannot_be_written_costs_a_note(world: TestWorld) -> None:
    world.folder.mkdir()
    world.task("a").world.journal.path.mkdir()
    done = world.cycle()
    assert done.ran == ["a"]
    assert any("cannot write the log" in note for note in done.report.notes)


def test_twenty_four_samples_are_kept_for_people(world: TestWorld) -> None:
    world.task("a").load(cpu=18.0, memory=45.9)
    for _ in range(30):
        world.later(minutes=5).cycle()
    kept = json.loads((world.folder / "scheduler_metrics.json").read_text())
    assert len(kept) == 24
    assert (kept[-1]["cpu_load"], kept[-1]["memory_usage"]) == (18.0, 45.9)
    assert kept[-1]["timestamp"] == "2025-11-03T01:00:00+00:00"


def test_what_our_own_runs_used_is_told_to_the_meter(world: TestWorld) -> None:
    world.task("a").task("b", 60, lasts=30).cycle()
    world.later(minutes=5).cycle()
    assert world.meter.own_cpu_s == 2.0 + 1.0


def test_an_idle_cycle_takes_one_transaction(world: TestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("a").cycle()
    saved = []
    save = Store._save

    def counted(store: Store, state: State) -> None:
        saved.append(state.cycle)
        save(store, state)

    monkeypatch.setattr(Store, "_save", counted)
    world.later(minutes=5).cycle()
    world.later(minutes=1).cycle()
    assert saved == [2, 3]


def test_ctrl_c_ends_the_cycle_and_the_runs_live_on(world: TestWorld) -> None:
    def interrupted(live: dict[str, str], timeout_s: float) -> bool:
        raise KeyboardInterrupt

    world.task("a", lasts=3)
    world.runner.wait = interrupted  # type: ignore[method-assign, assignment]  # the user presses Ctrl-C meanwhile
    done = world.cycle()
    assert done.report.interrupted
    assert list(done.report.live) == ["a"]


def test_a_task_that_cannot_be_set_up_takes_no_slot_and_holds_up_nobody(tmp_path: Path) -> None:
    world = TestWorld(tmp_path, max_parallel=1)
    world.task("bad", priority=HIGH).task("child", depends_on=("bad",)).task("good", priority=LOW).cycle()
    world.runner.full_disk.add("bad")
    done = world.later(minutes=10).cycle()
    assert done.codes == {"bad": "ERROR", "child": "RUN", "good": "RUN"}


def test_a_dependent_of_a_task_that_always_runs_does_not_starve(world: TestWorld) -> None:
    world.task("slow", lasts=12).task("child", depends_on=("slow",))
    ran = [name for _ in range(48) for name in world.later(minutes=5).cycle(wait=timedelta(0)).ran]
    assert ran.count("child") >= 12


def test_a_cycle_does_not_wait_for_a_dependency_that_no_live_run_can_meet(world: TestWorld) -> None:
    world.task("long", 60, lasts=17).task("off", enabled=False).task("child", depends_on=("off",)).cycle()
    world.later(minutes=5).cycle()
    assert world.took == timedelta(0)


def test_old_runs_are_removed_but_never_those_that_the_history_lacks(
    world: TestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptive_scheduler.history.BUSY_S", 0.05)
    protected: list[set[str]] = []
    monkeypatch.setattr(world.runner, "ack", lambda task, keep, size, protect: protected.append(set(protect)))
    world.task("a").cycle()
    first = world.runner.scan("a")[0]
    blocker = sqlite3.connect(world.world.history.path, isolation_level=None)
    blocker.execute("begin exclusive")
    world.later(minutes=10).cycle()
    blocker.close()
    world.task("b", 60).later(minutes=5).cycle()
    assert first in protected[0]
    assert set(world.runner.scan("a")) >= protected[1] >= {world.runner.scan("a")[1]}


def test_a_folder_that_cannot_be_cleaned_costs_a_note(world: TestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(world.runner, "ack", refused)
    done = world.task("a").cycle()
    assert done.ran == ["a"]
    assert any("old runs cannot be removed" in note for note in done.report.notes)


def test_a_state_that_is_missing_beside_runs_is_a_lost_one(world: TestWorld) -> None:
    world.task("a", 60).cycle()
    claim = world.folder / "runs" / "a" / "r1" / "claim"
    claim.parent.mkdir(parents=True)
    claim.touch()
    world.world.store.path.unlink()
    done = world.later(minutes=5).cycle()
    assert (done.ran, done.report.damaged) == ([], True)


def test_after_a_set_aside_that_was_cut_off_nothing_fires_all_at_once(world: TestWorld) -> None:
    world.task("a", 60).cycle()
    path = world.world.store.path
    path.rename(path.with_name(f"{path.name}.corrupt-20251102T223000"))
    world.world.store.backup.unlink(missing_ok=True)
    assert world.later(minutes=5).cycle().ran == []


def test_a_lost_state_takes_up_only_runs_that_its_copy_does_not_know(world: TestWorld) -> None:
    world.task("a").cycle()
    world.later(minutes=5).cycle()
    world.world.store.path.write_bytes(b"")
    done = world.later(minutes=1).cycle()
    assert done.report.damaged
    assert (done.report.live, done.report.runs) == ({}, [])


def test_a_missing_history_is_begun_anew_from_the_runs_still_kept(world: TestWorld) -> None:
    world.task("a").cycle()
    world.world.history.path.unlink()
    done = world.later(minutes=10).cycle()
    assert "is missing; a new one is begun" in done.report.notes[0]
    assert len(world.world.history.runs("a")) == 2


@pytest.mark.parametrize("broken", ["runs", "runs_by_task", "decisions", "samples"])
def test_a_history_with_one_broken_page_is_mended(world: TestWorld, broken: str) -> None:
    world.task("a").cycle()
    path = world.world.history.path
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("select rootpage from sqlite_master where name = ?", (broken,)).fetchone()
        (size,) = database.execute("pragma page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    notes = world.later(minutes=10).cycle().report.notes
    assert any("is damaged" in note for note in notes)
    world.later(minutes=10).cycle()
    assert len(world.world.history.runs("a")) == 3


# -- the dry run and why -----------------------------------------------------------------------------


def test_a_dry_run_says_what_the_next_run_does_and_changes_nothing(world: TestWorld) -> None:
    world.task("b", depends_on=("a",)).task("a").task("c").task("d", 60).cycle()
    world.later(minutes=10)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in world.folder.rglob("*") if path.is_file()}
    dry = world.dry_run()
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in world.folder.rglob("*") if path.is_file()}
    assert after == before
    assert dry.codes == world.cycle().codes
    assert dry.codes == {"b": "RUN", "a": "RUN", "c": "RUN", "d": "NOT_DUE"}
    assert "once 'a' succeeds" in dry["b"].reason


def test_a_dry_run_of_a_new_folder_creates_nothing(world: TestWorld) -> None:
    assert world.task("a").dry_run().ran == ["a"]
    assert not world.folder.exists()


def test_a_dry_run_folds_in_what_ended_meanwhile(world: TestWorld) -> None:
    world.task("a", lasts=7).task("b", depends_on=("a",)).cycle(wait=timedelta(0))
    world.later(minutes=10)
    dry = world.dry_run()
    assert dry.report.runs[0][0] == "a"
    assert dry["b"].reason == "it has never run; once 'a' succeeds"


def test_why_answers_with_the_present_decision(world: TestWorld) -> None:
    world.task("a").cycle()
    found = world.later(minutes=3).why("a")
    assert (found.code, found.value, found.limit) == ("NOT_DUE", 180, 600)


# -- the log -----------------------------------------------------------------------------------------


def test_the_log_of_a_cycle_reads_as_people_expect(world: TestWorld) -> None:
    world.task("health_check").load(cpu=50, memory=45.9).cycle()
    world.world.journal.path.unlink()
    world.task("performance_analysis", 30, adaptive=False, depends_on=("health_check",))
    world.load(cpu=18).later(minutes=5).cycle()
    assert world.log == [
        "[2025-11-02 22:35:00] [INFO] [SCHEDULER] Adaptive Scheduler Started",
        "[2025-11-02 22:35:00] [INFO] [health_check] Low CPU (18%) detected - increasing frequency",
        "[2025-11-02 22:35:00] [INFO] [performance_analysis] === Starting Task: performance_analysis ===",
        "[2025-11-02 22:35:00] [INFO] [performance_analysis] Executing: performance_analysis.py",
        "[2025-11-02 22:35:00] [INFO] [performance_analysis] Completed: performance_analysis.py",
        "[2025-11-02 22:35:00] [INFO] [performance_analysis] === Task Complete: performance_analysis ===",
        "[2025-11-02 22:35:00] [INFO] [SCHEDULER] "
        "[Cycle 2 @ 22:35:00] CPU: 18% | Memory: 45.9% | Tasks: performance_analysis",
    ]


def test_the_log_says_when_something_begins_to_hold_a_task_back_and_not_again(world: TestWorld) -> None:
    world.task("a").load(memory=65).cycle()
    world.later(minutes=5).cycle()
    waiting = [line for line in world.log if "Waiting" in line]
    assert waiting == [
        "[2025-11-02 22:30:00] [INFO] [a] Waiting [MEMORY_GATE]: "
        "memory 65 % is above 60 %; forced in 40 min if it stays so"
    ]
