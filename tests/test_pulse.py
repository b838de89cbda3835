"""The dead-man's switch of the cycles: pinged around each, whatever becomes of it."""

from pathlib import Path

import pytest

from adaptive_scheduler.commands import pulse
from adaptive_scheduler.edges import Wish
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.notify import Notify
from tests.world import TestWorld


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    world = TestWorld(tmp_path)
    world.notify = Notify(ping="CYCLE")
    return world


def test_a_cycle_begins_and_succeeds(world: TestWorld) -> None:
    with pulse.of(world.world, Wish()):
        assert world.pings() == ["CYCLE start"]
        assert world.outbox.sent == 0
    assert world.pings() == ["CYCLE success"]
    assert world.outbox.sent == 1


def test_with_faults_it_has_failed_and_says_which(world: TestWorld) -> None:
    with pulse.of(world.world, Wish()) as beat:
        beat.faults = ["tasks.toml is broken", "so is the state"]
    assert world.outbox.pings[-1].reason == "tasks.toml is broken\nso is the state"
    assert world.pings() == ["CYCLE start", "CYCLE fail"]


def test_what_ends_it_is_told_and_goes_on(world: TestWorld) -> None:
    with pytest.raises(StateError), pulse.of(world.world, Wish()):
        raise StateError("newer")
    assert world.outbox.pings[-1].reason == "StateError: newer"
    assert world.pings() == ["CYCLE start", "CYCLE fail"]
    assert world.outbox.sent == 1


def test_a_cycle_of_some_tasks_says_nothing_but_sends_what_waits(world: TestWorld) -> None:
    with pulse.of(world.world, Wish(frozenset({"a"}))):
        pass
    assert (world.pings(), world.outbox.sent) == ([], 1)


def test_without_a_switch_nothing_is_pinged(tmp_path: Path) -> None:
    world = TestWorld(tmp_path)
    with pulse.of(world.world, Wish()):
        pass
    assert world.pings() == []


def test_an_outbox_that_takes_nothing_leaves_lines_in_the_log_and_no_more(world: TestWorld) -> None:
    world.outbox.full = True
    with pulse.of(world.world, Wish()):
        pass
    assert len(world.log) == 2
    assert all("nobody can be told: [Errno 28] No space left on device" in line for line in world.log)


def test_a_log_that_takes_nothing_either_is_survived(world: TestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise OSError(11, "no process to be had")

    monkeypatch.setattr(world.outbox, "send", fails)
    (world.folder / "adaptive_scheduler.log").mkdir(parents=True)
    with pulse.of(world.world, Wish()):
        pass
    assert world.pings() == ["CYCLE start", "CYCLE success"]
