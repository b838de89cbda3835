"""Whole cycles in which something happens: what it starts, when, and what is written of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler.events import Culprit
from adaptive_scheduler.model import Priority, Status
from tests.builders import NOW, event
from tests.world import TestWorld

ON = ("cpu_spike",)


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path)


def test_an_event_starts_its_task_in_the_same_cycle_and_once(world: TestWorld) -> None:
    world.task("a", 60, on=ON).task("b", 60).cycle()
    done = world.later(minutes=5).event("cpu_spike").cycle()
    assert (done.ran, done.codes) == (["a"], {"a": "EVENT", "b": "NOT_DUE"})
    assert [world.later(minutes=5).cycle().ran for _ in range(3)] == [[], [], []]


def test_an_event_that_nobody_waits_for_starts_nothing(world: TestWorld) -> None:
    world.task("a", 60, on=ON).cycle()
    assert world.later(minutes=5).event("memory_leak").cycle().ran == []
    assert world.state.tasks["a"].event is None


def test_the_beat_comes_as_if_the_event_had_not_been(world: TestWorld) -> None:
    world.task("a", 60, on=ON).cycle()
    assert world.later(minutes=30).event("cpu_spike").cycle()["a"].code == "EVENT"
    assert world.later(minutes=25).cycle().ran == []
    assert world.later(minutes=5).cycle()["a"].code == "RUN"


def test_an_event_on_the_beat_is_one_run(world: TestWorld) -> None:
    world.task("a", 60, on=ON).cycle()
    assert world.later(minutes=60).event("cpu_spike").cycle()["a"].code == "EVENT"
    assert world.later(minutes=5).cycle().ran == []
    assert world.later(minutes=55).cycle()["a"].code == "RUN"


def test_two_events_at_once_start_a_task_once(world: TestWorld) -> None:
    world.task("a", None, on=("cpu_spike", "memory_leak"))
    assert world.event("cpu_spike").event("memory_leak").cycle().ran == ["a"]
    assert world.later(minutes=5).cycle().ran == []


def test_a_task_without_an_interval_runs_on_events_alone(world: TestWorld) -> None:
    world.task("a", None)
    first = world.cycle()
    assert (first.ran, first["a"].reason) == ([], "waits for cpu_spike")
    assert world.later(days=30).cycle().ran == []
    assert world.event("cpu_spike").cycle().ran == ["a"]
    assert world.later(days=300).cycle()["a"].reason == "waits for cpu_spike"
    assert world.cycle("a", force=True).ran == ["a"]


def test_an_event_waits_for_memory_and_starts_its_task_when_there_is_some(world: TestWorld) -> None:
    world.task("a", 60, on=ON).cycle()
    held = world.load(memory=75).later(minutes=5).event("cpu_spike").cycle()
    assert (held.ran, held["a"].code) == ([], "MEMORY_GATE")
    assert "event 'cpu_spike' waits until 23:35" in held["a"].reason
    assert world.why("a").code == "MEMORY_GATE"
    assert world.load(memory=40).why("a").code == "EVENT"
    assert world.dry_run().codes == {"a": "EVENT"}
    assert world.later(minutes=5).cycle()["a"].code == "EVENT"
    assert world.why("a").code == "NOT_DUE"


def test_an_event_that_waited_too_long_is_dropped_and_that_is_said(world: TestWorld) -> None:
    world.task("a", 600, on=ON).cycle()
    world.load(memory=75).later(minutes=5).event("cpu_spike").cycle()
    assert world.later(minutes=60).cycle()["a"].code == "MEMORY_GATE"
    assert world.load(memory=40).later(minutes=5).why("a").code == "NOT_DUE"
    assert world.cycle().ran == []
    dropped = "[WARNING] [a] Dropped: event 'cpu_spike' of 1 h 5 min ago did not start it"
    assert f"[2025-11-02 23:40:00] {dropped}" in world.log


def test_an_event_during_a_run_starts_the_next_one(world: TestWorld) -> None:
    world.task("a", 600, on=ON, lasts=7).cycle()
    busy = world.later(minutes=5).event("cpu_spike").cycle(wait=timedelta(0))
    assert (busy.ran, busy["a"].code) == ([], "RUNNING")
    assert "event 'cpu_spike' waits until 23:35" in busy["a"].reason
    then = world.later(minutes=5).cycle(wait=timedelta(0))
    assert (then.results, then.ran, then["a"].code) == ({"a": "ok"}, ["a"], "EVENT")
    assert then.report.runs[0][1].event == ""


def test_a_run_knows_its_event_from_the_order_to_the_result(world: TestWorld) -> None:
    culprit = Culprit(name="rogue", pid=7, created=1.0, cpu_percent=80.0)
    done = world.task("a", None).event("cpu_spike", culprit=culprit).cycle()
    (order,) = world.runner.prepared.values()
    assert order.event == event(at=NOW, culprit=culprit)
    assert [result.event for _, result in done.report.runs] == ["cpu_spike:2025-11-02T22:30:00+00:00"]
    world.task("b", 10).later(minutes=5).cycle()
    assert [order.event for order in world.runner.prepared.values() if order.task.name == "b"] == [None]


def test_a_run_that_was_lost_keeps_its_event(world: TestWorld) -> None:
    world.task("a", None, lasts=7).event("cpu_spike").cycle(wait=timedelta(0))
    live = world.state.tasks["a"].live
    world.runner.lost.add(live.run_id)
    (result,) = [one for _, one in world.later(minutes=5).cycle(wait=timedelta(0)).report.runs]
    assert (result.status, result.event) == (Status.INTERRUPTED, live.event)


def test_an_event_of_our_own_doing_is_told_and_starts_nothing(world: TestWorld) -> None:
    world.task("a", None)
    assert world.event("cpu_spike", caused_by="r7").cycle().ran == []
    assert any(
        line.endswith("[WARNING] [cpu_spike] CPU 91 %, usually 40 %; run r7 of ours is behind it: it starts nothing")
        for line in world.log
    )


def test_the_log_tells_of_the_event_and_of_the_start_that_it_is_the_cause_of(world: TestWorld) -> None:
    world.task("a", None).event("cpu_spike").cycle()
    assert world.log[:4] == [
        "[2025-11-02 22:30:00] [INFO] [SCHEDULER] Adaptive Scheduler Started",
        "[2025-11-02 22:30:00] [WARNING] [cpu_spike] CPU 91 %, usually 40 %",
        "[2025-11-02 22:30:00] [INFO] [a] === Starting Task: a ===",
        "[2025-11-02 22:30:00] [INFO] [a] Because of event 'cpu_spike': CPU 91 %, usually 40 %",
    ]


def test_only_what_was_asked_for_starts_and_other_events_wait(world: TestWorld) -> None:
    world.task("a", 60, on=ON).task("b", 60, on=ON).cycle()
    assert world.later(minutes=5).event("cpu_spike").cycle("b").ran == ["b"]
    assert world.later(minutes=5).cycle().ran == ["a"]


def test_events_start_by_priority_as_far_as_slots_go(world: TestWorld) -> None:
    for name, priority in (("low", Priority.LOW), ("high", Priority.HIGH), ("critical", Priority.CRITICAL)):
        world.task(name, None, lasts=7, priority=priority)
    done = world.event("cpu_spike").cycle(wait=timedelta(0))
    assert (done.ran, done["low"].code) == (["critical", "high"], "NO_SLOT")
    assert world.later(minutes=10).cycle().ran == ["low"]


def test_an_event_passes_a_back_off_and_uses_the_retry_up(world: TestWorld) -> None:
    world.task("a", 600, on=ON, retries=1, retry_delay=timedelta(minutes=30), ends=Status.FAILED).cycle()
    assert world.later(minutes=5).cycle()["a"].code == "BACKOFF"
    assert world.event("cpu_spike").cycle()["a"].code == "EVENT"
    assert world.later(minutes=60).cycle()["a"].code == "NOT_DUE"


def test_a_start_that_cannot_be_set_up_leaves_its_event_waiting(world: TestWorld) -> None:
    world.runner.full_disk.add("a")
    failed = world.task("a", None).event("cpu_spike").cycle()
    assert (failed.ran, failed["a"].code) == ([], "ERROR")
    world.runner.full_disk.clear()
    assert world.later(minutes=5).cycle().ran == ["a"]


def test_what_the_lookout_remembers_is_kept(world: TestWorld) -> None:
    world.task("a", 60).event("cpu_spike").cycle()
    assert world.state.latches == "saw 1"


def test_a_clock_that_was_set_back_starts_nothing_of_before(world: TestWorld) -> None:
    world.task("a", 600, on=ON).cycle()
    world.load(memory=75).later(minutes=5).event("cpu_spike").cycle()
    assert world.load(memory=40).later(days=-1).cycle().ran == []


def test_a_heavy_run_of_ours_is_told_to_the_lookout(world: TestWorld) -> None:
    world.task("a", None, lasts=7).event("cpu_spike").cycle(wait=timedelta(0))
    assert world.lookout.own is None
    world.later(minutes=5).cycle(wait=timedelta(0))
    own = world.lookout.own
    assert own is not None
    assert (own.task, own.by_event) == ("a", True)
    world.later(minutes=5).cycle(wait=timedelta(0))
    assert world.lookout.own is not None
    world.later(minutes=15).cycle(wait=timedelta(0))
    assert world.lookout.own is None
