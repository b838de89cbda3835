"""Whole cycles that tell people, and dead-man's switches."""

from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler.model import Status
from adaptive_scheduler.notify import About
from tests.world import TestWorld


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path).told()


def test_a_failure_is_told_in_the_cycle_that_sees_it_once_and_so_is_its_end(world: TestWorld) -> None:
    world.task("a", ends=Status.FAILED).cycle()
    assert world.news() == ["failure a"]
    assert world.outbox.sent == 1
    world.later(minutes=10).cycle()
    world.later(minutes=10).ends("a", Status.OK).cycle()
    assert world.news() == ["recovery a"]
    world.later(minutes=10).cycle()
    assert world.news() == []
    assert world.outbox.sent == 2


def test_what_nobody_is_to_be_told_of_is_not_even_remembered(tmp_path: Path) -> None:
    world = TestWorld(tmp_path).task("a", ends=Status.FAILED)
    world.cycle()
    assert (world.news(), world.state.tasks["a"].told, world.outbox.sent) == ([], "", 0)


def test_a_full_disk_is_no_reason_to_forget_somebody(world: TestWorld) -> None:
    world.outbox.full = True
    report = world.task("a", ends=Status.FAILED, ping="SWITCH").cycle().report
    assert "nobody can be told: [Errno 28] No space left on device, continuing" in report.notes
    assert report.runs
    world.outbox.full = False
    world.later(minutes=5).cycle()
    assert world.news() == ["failure a"]


def test_on_a_machine_that_is_always_full_starvation_is_told_once(world: TestWorld) -> None:
    world.task("a", every=10).cycle()
    world.load(memory=80)
    news = []
    for _ in range(60):
        world.later(minutes=5).cycle()
        news += world.news()
    # In five hours it was started by force some six times.
    assert news == ["overdue a", "starving a"]
    world.load(memory=40)
    for _ in range(4):
        world.later(minutes=5).cycle()
    assert world.news() == ["recovery a"]
    world.load(memory=95)
    for _ in range(12):
        world.later(minutes=5).cycle()
    assert world.news() == ["overdue a", "starving a"]


def test_after_a_night_asleep_the_missed_cycles_are_told_and_not_every_late_task(world: TestWorld) -> None:
    for name in "abcd":
        world.task(name, lasts=1)
    world.cycle()
    world.later(hours=9).event("missed_cycles", reason="108 cycles are missing").cycle()
    assert world.news() == ["missed_cycles"]


def test_an_event_is_told_in_the_first_round_alone(world: TestWorld) -> None:
    world.task("a", lasts=1).task("b", lasts=2).event("cpu_spike").cycle()
    assert world.news() == ["event"]


def test_the_second_of_two_cycles_does_not_repeat_what_the_first_has_told(world: TestWorld) -> None:
    world.task("a", ends=Status.FAILED).cycle()
    world.cycle()
    world.cycle("a")
    assert world.news() == ["failure a"]


def test_a_switch_hears_of_start_and_end_in_order_and_of_one_run(world: TestWorld) -> None:
    world.task("a", ping="SWITCH").task("b").cycle()
    start, end = world.outbox.pings
    assert start.run_id == end.run_id
    assert world.pings() == ["SWITCH start", "SWITCH success"]
    world.later(minutes=10).ends("a", Status.TIMEOUT).cycle()
    assert world.outbox.pings[-1].reason == "timeout exit code 3"
    assert world.pings() == ["SWITCH start", "SWITCH fail"]


def test_a_switch_hears_of_the_end_in_the_cycle_that_collects_it(world: TestWorld) -> None:
    world.task("a", lasts=7, ping="SWITCH").cycle()
    assert world.pings() == ["SWITCH start"]
    world.later(minutes=8).cycle()
    assert world.pings() == ["SWITCH success"]


def test_a_dry_run_tells_nobody(world: TestWorld) -> None:
    world.task("a", ends=Status.FAILED, ping="SWITCH").dry_run()
    assert (world.news(), world.pings(), world.outbox.sent) == ([], [], 0)


def test_failures_are_counted_before_they_are_told(tmp_path: Path) -> None:
    world = TestWorld(tmp_path).told(failures=3, on=frozenset({About.FAILURE})).task("a", ends=Status.FAILED)
    counted = []
    for _ in range(4):
        world.cycle()
        counted.append(world.news())
        world.clock.moment += timedelta(minutes=10)
    assert counted == [[], [], ["failure a"], []]
