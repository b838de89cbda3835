"""Whole cycles under learned ceilings: when they hold, what is written, and that switching off means off."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.almanac import LOAD_NAME, NAME
from adaptive_scheduler.model import Status, Window
from adaptive_scheduler.rolling import FILLED
from adaptive_scheduler.settings import Rhythm
from tests.builders import NOW, minutes
from tests.tables import ALWAYS, NEVER, table
from tests.world import TestWorld

BELOW_THE_LEVEL = 2
"""The number of the edge 10 points below the level of 50 %."""


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path)


def taught(world: TestWorld, number: int = BELOW_THE_LEVEL, **more: Any) -> TestWorld:
    """An hourly task that has just run, and ceilings for it."""
    world.task("job", 60, **more).rhythm(tables={"job": table(60, number)})
    assert world.cycle().ran == ["job"]
    return world


def files_of(world: TestWorld) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in world.folder.iterdir() if path.is_file()}


def walk(world: TestWorld, cycles: int, load: Callable[[int], float]) -> list[int]:
    """Cycle every five minutes; return in which cycles the task ran."""
    ran = []
    for number in range(1, cycles + 1):
        if world.later(minutes=5).load(load(number)).cycle().ran:
            ran.append(number)
    return ran


def test_a_task_waits_for_the_learned_ceiling_and_starts_when_the_load_falls_below(world: TestWorld) -> None:
    taught(world)
    assert walk(world, 12, lambda number: 45) == []
    late = world.later(minutes=5).load(45).cycle()
    assert late.codes == {"job": "CPU_CEILING"}
    assert late["job"].unit == "percent expected"
    assert late["job"].value == 45.0
    assert late["job"].limit == pytest.approx(40, abs=0.2)
    assert world.later(minutes=5).load(38).cycle().ran == ["job"]


def test_it_starts_before_its_interval_is_over_where_the_load_is_low_but_never_before_08(world: TestWorld) -> None:
    taught(world)
    assert walk(world, 10, lambda number: 5) == [10]


def test_it_starts_at_one_and_a_half_intervals_whatever_the_load(world: TestWorld) -> None:
    taught(world, NEVER)
    assert walk(world, 18, lambda number: 99) == [18]


def test_the_account_is_in_the_state_and_calls_what_is_behind_to_start_soon(world: TestWorld) -> None:
    world.task("job", 60).rhythm(tables={"job": table(60, NEVER, credit=0.8, cap=1.2)}).cycle()
    assert walk(world, 3 * 18 + 10, lambda number: 99) == [18, 36, 54, 64]
    assert world.state.tasks["job"].behind == pytest.approx(3 * 0.5 + 10 / 12 - 1)


def test_a_lesson_on_one_task_leaves_the_others_to_the_classic_rule(world: TestWorld) -> None:
    taught(world, NEVER).task("new", 60).cycle()
    assert world.later(minutes=60).load(50).cycle().codes == {"job": "CPU_CEILING", "new": "RUN"}


# -- what is excused -----------------------------------------------------------------------------------


def test_time_off_is_no_debt(world: TestWorld) -> None:
    taught(world, ALWAYS).later(hours=20).cycle()
    assert 0 <= world.state.tasks["job"].behind <= 0.1


def test_a_pause_is_no_debt(world: TestWorld) -> None:
    taught(world, ALWAYS)
    with world.world.store.transaction(world.clock.moment) as transaction:
        mine = replace(transaction.state.tasks["job"], paused=True, paused_until=NOW + timedelta(hours=5))
        transaction.state = replace(transaction.state, tasks={"job": mine})
    assert walk(world, 60, lambda number: 20) == [60]
    assert 0 <= world.state.tasks["job"].behind <= 0.1


def test_a_closed_window_is_no_debt(world: TestWorld) -> None:
    minute = NOW.hour * 60 + NOW.minute
    windows = (Window(minute, minute + 30), Window((minute + 240) % 1440, (minute + 300) % 1440))
    world.task("job", 60, windows=windows)
    lesson = {"windows": [[one.start, one.end] for one in windows]}
    plain_table = table(60, ALWAYS)
    world.rhythm(tables={"job": plain_table})
    path = world.folder / NAME
    content = json.loads(path.read_text())
    content["tasks"]["job"] |= lesson
    path.write_text(json.dumps(content))
    world.cycle()
    assert walk(world, 48, lambda number: 20) == [48]
    assert 0 <= world.state.tasks["job"].behind <= 0.1


def test_the_memory_gate_is_no_debt(world: TestWorld) -> None:
    taught(world, ALWAYS).load(memory=80)
    walk(world, 30, lambda number: 20)
    assert world.load(memory=30).later(minutes=5).cycle().ran == ["job"]
    assert 0 <= world.state.tasks["job"].behind <= 0.1


def test_a_retry_belongs_to_its_beat(world: TestWorld) -> None:
    taught(world, ALWAYS, retries=2, retry_delay=minutes(5))
    world.ends("job", Status.FAILED)
    failed = walk(world, 13, lambda number: 20)
    assert failed == [10, 11, 13]
    anchor = world.state.tasks["job"].anchor
    assert anchor == NOW + minutes(50)
    assert world.state.tasks["job"].behind == pytest.approx(50 / 60 - 1)
    world.ends("job", Status.OK)
    assert walk(world, 8, lambda number: 20) == [7]


# -- the rolling load ----------------------------------------------------------------------------------


def test_every_cycle_keeps_the_load(world: TestWorld) -> None:
    taught(world)
    walk(world, 3, lambda number: 10 * number)
    kept = world.world.almanac.load()
    assert kept is not None
    assert kept.values()[-4:] == [50, 10, 20, 30]
    assert not any(cell & FILLED for cell in kept.cells)


def test_a_load_that_cannot_be_written_is_survived_and_said(world: TestWorld) -> None:
    taught(world)
    (world.folder / LOAD_NAME).unlink()
    path = world.folder / LOAD_NAME
    world.rhythm(tables={"job": table(60, ALWAYS)})
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "in the way").write_bytes(kept)
    cycle = world.later(minutes=60).cycle()
    assert cycle.ran == ["job"]  # by the classic rule: there is no load
    assert (
        "not at hand"
        in world.world.almanac.learning(world.world.config, cycle.report.sample, world.clock.moment, None).why["job"]
    )


# -- off, and nothing learned ----------------------------------------------------------------------------


def story(folder: Path, before: Callable[[TestWorld], None], **rules: Any) -> tuple[list[Any], bytes, list[str]]:
    """Some hours of two tasks; the decisions, the state file, and what other files there are."""
    world = TestWorld(folder, **rules)
    world.task("job", 60, retries=1).task("other", 30)
    before(world)
    said = []
    for number in range(45):
        world.load([5, 50, 90, 45][number // 7 % 4], [40, 70][number // 17 % 2])
        world.ends("job", [Status.OK, Status.FAILED][number // 20 % 2])
        report = world.later(minutes=5).cycle().report
        said.append((report.decisions, report.live, [(name, one.status) for name, one in report.runs]))
    state = (world.folder / "adaptive_scheduler_state.json").read_bytes()
    return said, state, sorted(path.name for path in world.folder.iterdir())


def valid(world: TestWorld) -> None:
    world.rhythm(tables={"job": table(60, ALWAYS), "other": table(30, ALWAYS)}, heavy_pairs=[["job", "other"]])


def nothing(world: TestWorld) -> None:
    pass


def test_off_is_the_classic_rule_byte_for_byte_and_leaves_the_files_alone(tmp_path: Path) -> None:
    said, state, names = story(tmp_path / "classic", nothing)
    off, off_state, off_names = story(tmp_path / "off", valid, rhythm=Rhythm(learned="off"))
    assert off == said
    assert off_state == state
    assert set(off_names) - set(names) == {NAME, LOAD_NAME}
    learned, learned_state, _ = story(tmp_path / "auto", valid)
    assert learned != said
    assert learned_state != state


def test_without_rhythm_json_nothing_is_kept(tmp_path: Path) -> None:
    said, state, names = story(tmp_path / "classic", nothing, rhythm=Rhythm(learned="off"))
    assert (said, state, names) == story(tmp_path / "auto", nothing)
    assert LOAD_NAME not in names


@pytest.mark.parametrize("content", [b"{", b'{"version": 99}', b"[]"])
def test_a_rhythm_json_that_cannot_be_used_changes_no_decision(tmp_path: Path, content: bytes) -> None:
    def spoil(world: TestWorld) -> None:
        valid(world)
        (world.folder / NAME).write_bytes(content)

    assert story(tmp_path / "spoilt", spoil)[:2] == story(tmp_path / "classic", nothing)[:2]


def test_off_does_not_touch_the_rolling_load(world: TestWorld) -> None:
    world.rules = replace(world.rules, rhythm=Rhythm(learned="off"))
    world.task("job", 60).rhythm(tables={"job": table(60)})
    before = files_of(world)
    walk(world, 3, lambda number: 20)
    after = files_of(world)
    assert {name: after[name] for name in before} == before


# -- dry run and why -------------------------------------------------------------------------------------


def test_dry_run_and_why_say_what_the_next_run_does_and_change_nothing(world: TestWorld) -> None:
    taught(world)
    for number in range(1, 30):
        world.later(minutes=5).load([45, 70, 41, 38, 5][number // 3 % 5])
        before = files_of(world)
        dry, why = world.dry_run(), world.why("job")
        assert files_of(world) == before
        real = world.cycle()
        assert dry["job"] == real["job"]
        assert why == real["job"]
        assert dry.ran == real.ran


@pytest.mark.parametrize("off", ["hours", "pause"])
def test_they_agree_after_time_that_is_excused_too(world: TestWorld, off: str) -> None:
    world.task("job", 60).rhythm(tables={"job": table(60, lambda slot, age, level: level // 2, credit=0.8, cap=1.2)})
    world.cycle()
    for number in range(12):
        world.later(hours=[0, 7][off == "hours" and number % 3 == 0], minutes=30).load([45, 20][number % 2])
        assert world.dry_run()["job"] == world.cycle()["job"]
