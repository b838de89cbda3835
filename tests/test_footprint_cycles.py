"""Whole cycles of tasks whose footprint is known: admission, reservation, heavy pairs, time limits, what is unusual."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from adaptive_scheduler import footprints
from adaptive_scheduler.model import Priority, Status
from adaptive_scheduler.norms import time_limit
from tests.builders import NOW, minutes
from tests.world import TestWorld


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path, max_parallel=9)


def test_a_start_that_finds_no_memory_to_grow_into_waits_and_starts_when_there_is_some(world: TestWorld) -> None:
    world.task("big").learned("big", 60, 512).room(300)
    done = world.cycle()
    assert (done.ran, done["big"].code, done["big"].value, done["big"].limit) == ([], "MEMORY_NEED", 300e6, 512e6)
    assert "Waiting [MEMORY_NEED]: needs 512 MB (p90 of 10 runs), 300 MB free; forced at 23:10" in "".join(world.log)
    assert world.room(600).later(minutes=5).cycle().ran == ["big"]


def test_a_start_that_never_finds_memory_is_forced_in_the_end(world: TestWorld) -> None:
    world.task("big", memory=10**12).room(300)
    codes = [world.cycle()["big"].code]
    codes += [world.later(minutes=5).cycle()["big"].code for _ in range(8)]
    assert codes == ["MEMORY_NEED"] * 8 + ["FORCED"]


def test_one_cycle_never_gives_the_same_memory_twice(world: TestWorld) -> None:
    for name in "abc":
        world.task(name, lasts=1).learned(name, 60, 400)
    world.room(1000)
    done = world.cycle()
    assert done.ran == ["a", "b", "c"]
    began = [world.runner.began[run_id][1] for run_id in sorted(world.runner.began)]
    assert began == [NOW, NOW, NOW + minutes(1)], "the third waits for the memory of the first"
    assert done["c"].code == "RUN"


def test_memory_is_looked_at_afresh_in_every_round_and_so_is_what_runs_hold(world: TestWorld) -> None:
    world.task("a", 60, lasts=4).task("short", 60, lasts=1).task("big", 60, priority=Priority.LOW)
    world.learned("a", 240, 400).learned("big", 60, 500).room(800, 650, 850)
    done = world.cycle(wait=minutes(2))
    assert (done.ran, done["big"].code, done["big"].value) == (["a", "short"], "MEMORY_NEED", 250e6)
    world.runner.uses["a"] = 100_000_000
    assert world.later(minutes=1).cycle(wait=timedelta(0))["big"].blocker == "a"
    world.runner.uses["a"] = 380_000_000
    assert world.later(minutes=1).cycle(wait=timedelta(0)).ran == ["big"]


def test_a_cycle_waits_for_a_run_of_another_cycle_that_holds_the_memory(world: TestWorld) -> None:
    world.task("a", 60, lasts=7).learned("a", 420, 400).room(900).cycle(wait=timedelta(0))
    done = world.task("big").learned("big", 60, 600).later(minutes=5).cycle()
    assert done.ran == ["big"]
    assert world.took == minutes(2)


def test_a_dry_run_says_what_waits_for_whose_memory(world: TestWorld) -> None:
    for name in "ab":
        world.task(name).learned(name, 60, 400)
    dry = world.room(700).dry_run()
    assert dry["b"].reason == "it has never run; once 'a' has ended"
    assert world.room(300).dry_run().codes == {"a": "MEMORY_NEED", "b": "MEMORY_NEED"}
    assert world.why("a").blocker == ""


def test_a_dry_run_and_why_know_what_running_tasks_use_already(world: TestWorld) -> None:
    world.task("a", 60, lasts=9).learned("a", 540, 400).room(550).cycle(wait=timedelta(0))
    world.task("big").learned("big", 60, 500).later(minutes=1)
    assert (world.dry_run()["big"].code, world.why("big").code) == ("MEMORY_NEED", "MEMORY_NEED")
    world.runner.uses["a"] = 380_000_000
    assert (world.dry_run()["big"].code, world.why("big").code) == ("RUN", "RUN")


def test_without_a_reading_of_memory_nothing_is_held_back(world: TestWorld) -> None:
    assert world.task("big", memory=10**12).cycle().ran == ["big"]


def test_runs_teach_what_the_next_one_needs(world: TestWorld) -> None:
    world.task("job", lasts=1).room(10_000)
    world.scripts["job"] = replace(world.scripts["job"], peak=512_000_000)
    for _ in range(footprints.ENOUGH):
        world.cycle()
        world.later(minutes=10)
    assert world.room(500).cycle()["job"].reason.startswith("needs 512 MB (p90 of 5 runs), 500 MB free")


# -- heavy pairs -------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path, max_parallel=9, heavy_pairs=frozenset({frozenset({"backup", "reindex"})}))


def test_a_heavy_pair_runs_one_after_the_other_in_the_same_cycle(pair: TestWorld) -> None:
    pair.task("backup", lasts=1).task("reindex", lasts=1).task("other", lasts=3)
    done = pair.cycle()
    began = {name: at - NOW for name, at in pair.runner.began.values()}
    assert began == {"backup": timedelta(0), "other": timedelta(0), "reindex": minutes(1)}
    assert set(done.codes.values()) == {"RUN"}


def test_a_heavy_pair_meets_when_there_is_no_time_left(pair: TestWorld) -> None:
    pair.task("backup", 60, lasts=50).task("reindex", adaptive=False)
    pair.cycle("reindex")
    pair.cycle("backup", wait=timedelta(0))
    codes = [pair.later(minutes=5).cycle(wait=timedelta(0))["reindex"].code for _ in range(3)]
    assert codes == ["NOT_DUE", "HEAVY_PAIR", "RUN"]


def test_neither_of_a_heavy_pair_ever_starves(pair: TestWorld) -> None:
    """Long runs, always due, for half a day: no gap is longer than one and a half intervals and two ticks."""
    pair.task("backup", lasts=8, adaptive=False).task("reindex", lasts=8, adaptive=False)
    for _ in range(144):
        pair.cycle()
        pair.later(minutes=5)
    for name in ("backup", "reindex"):
        starts = sorted(at for task, at in pair.runner.began.values() if task == name)
        assert len(starts) > 40
        assert max(b - a for a, b in pairwise(starts)) <= minutes(25)


def test_a_dry_run_says_what_waits_for_its_other_half(pair: TestWorld) -> None:
    dry = pair.task("backup").task("reindex").dry_run()
    assert dry["reindex"].reason == "it has never run; once 'backup' has ended"


# -- time limits and what is unusual -----------------------------------------------------------------


def test_ten_runs_make_a_time_limit_and_one_out_of_time_makes_it_longer(world: TestWorld) -> None:
    world.task("job", lasts=4, adaptive=False)

    def limit() -> timedelta:
        return time_limit(world.tasks["job"], world.state.tasks["job"].footprint).most

    limits = []
    for _ in range(10):
        world.cycle()
        limits.append(limit() / minutes(1))
        world.later(minutes=10)
    assert limits == [60] * 9 + [12]
    world.ends("job", Status.TIMEOUT, lasts=12).cycle()
    world.later(minutes=15).cycle()
    assert limit() == minutes(24)
    last = list(world.runner.prepared.values())[-2]
    assert time_limit(last.task, last.footprint).source == "learned from 10 runs"


def test_an_unusual_run_is_told_in_the_log_the_state_and_the_history_and_is_no_failure(world: TestWorld) -> None:
    world.task("job", lasts=3).learned("job", 30, 100)
    done = world.cycle()
    assert not done.report.failed
    text = "took 3 min, usually 30 s"
    assert world.state.tasks["job"].last.unusual == text
    assert [result.unusual for _, result in world.world.history.runs("job")] == [text]
    assert any(line.endswith(f"[INFO] [job] Unusual: {text}") for line in world.log)
    world.ends("job", Status.OK, lasts=0.5).later(minutes=10).cycle()
    assert world.state.tasks["job"].last.unusual == ""


def test_a_lost_state_learns_again_from_the_runs_that_are_kept(world: TestWorld) -> None:
    world.task("job", lasts=2, adaptive=False).cycle()
    for _ in range(6):
        world.later(minutes=10).cycle()
    before = world.state.tasks["job"].footprint
    for path in (world.world.store.path, world.world.store.backup):
        path.write_bytes(b"")
    world.later(minutes=1).cycle()
    world.later(minutes=1).cycle()
    assert world.state.tasks["job"].footprint == before == " ".join(["120,2,"] * 7)


def test_a_state_of_before_footprints_knows_none(world: TestWorld) -> None:
    world.task("job").cycle()
    path = world.world.store.path
    text = path.read_text()
    assert '"footprint":"0,2,"' in text
    path.write_text(text.replace(',"footprint":"0,2,"', ""))
    assert world.state.tasks["job"].footprint == ""
    world.later(minutes=10).cycle()
    assert world.state.tasks["job"].footprint == "0,2,"
