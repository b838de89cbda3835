"""Whole cycles with tasks that run on nodes, in the small language."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.fleet import Cluster, OnLoss, Unreachable, Where
from adaptive_scheduler.preview import look, offers
from adaptive_scheduler.runners.base import ComesBack, Lost
from adaptive_scheduler.runners.base import Unreachable as Silent
from tests.tables import table
from tests.world import TestWorld

ANY = Where()


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    return TestWorld(tmp_path).load(cpu=95, memory=95)


def test_a_hot_machine_sends_its_work_to_a_calm_node(world: TestWorld) -> None:
    cycle = world.node("n1").task("there", where=ANY).task("here").cycle()
    assert cycle.ran == ["there"]
    assert cycle.codes["here"] == "MEMORY_GATE"
    assert world.state.tasks["there"].last is not None
    assert world.state.tasks["there"].last.node == "n1"


def test_nobody_is_asked_while_nothing_that_goes_elsewhere_is_due(world: TestWorld) -> None:
    world.node("n1").task("there", where=ANY).task("here").cycle()
    asked = world.runner.asked
    world.later(minutes=5).cycle()
    assert world.runner.asked == asked
    assert world.later(minutes=4).cycle().ran == ["there"]  # the node is calm: 8 of 10 minutes
    assert world.runner.asked > asked


def test_a_node_that_is_away_holds_back_its_task_alone(world: TestWorld) -> None:
    world.load(cpu=50, memory=40).unreachable("nobody listens").task("there", where=ANY).task("here")
    cycle = world.cycle()
    assert (cycle.ran, cycle.codes["there"], cycle["there"].reason) == (["here"], "NO_NODE", "nobody listens")
    assert world.node("n1").later(minutes=5).cycle().ran == ["there"]


def test_where_tasks_may_fall_back_they_run_here_under_the_rules_of_here(tmp_path: Path) -> None:
    world = TestWorld(tmp_path, when_unreachable=Unreachable.LOCAL).unreachable()
    world.task("any", where=ANY).task("gpu", where=Where(("gpu",)))
    assert world.load(cpu=50, memory=95).cycle().codes == {"any": "MEMORY_GATE", "gpu": "NO_NODE"}
    assert world.load(memory=40).later(minutes=5).cycle().ran == ["any"]
    assert world.state.tasks["any"].last is not None
    assert world.state.tasks["any"].last.node == ""


def test_the_next_start_goes_where_the_load_went_down(world: TestWorld) -> None:
    world.node("a", 10).node("b", 40).task("job", where=ANY).cycle()
    assert world.last_node("job") == "a"
    world.node("a", 60).later(minutes=10).cycle()
    assert world.last_node("job") == "b"


def test_what_a_run_used_elsewhere_is_no_load_of_this_machine(world: TestWorld) -> None:
    world.node("n1").task("there", where=ANY, lasts=2).cycle()
    assert world.state.spent_s == 0.0


def test_a_dependent_here_waits_for_its_dependency_there(world: TestWorld) -> None:
    world.load(cpu=30, memory=30).node("n1")
    cycle = world.task("first", where=ANY, lasts=1).task("then", depends_on=("first",)).cycle()
    assert cycle.ran == ["first", "then"]


# -- what goes astray --------------------------------------------------------------------------------


def astray(world: TestWorld, **more: Any) -> TestWorld:
    """A run that is live on a node, and of which nobody can say anything from now on."""
    world.node("n1").task("job", every=60, where=ANY, lasts=30, **more).cycle(wait=timedelta(0))
    world.runner.strays["job"] = lambda run_id: Silent(run_id, "node 'n1' does not answer")
    return world


def test_a_run_out_of_reach_stays_live_is_said_once_and_is_collected_when_its_node_is_back(world: TestWorld) -> None:
    astray(world).later(minutes=5).cycle()
    assert world.state.tasks["job"].live is not None
    assert world.state.tasks["job"].live.unreachable_since == world.clock.moment
    world.later(minutes=5).cycle()
    assert sum("Out of reach: node 'n1' does not answer" in line for line in world.log) == 1
    del world.runner.strays["job"]
    world.later(minutes=5).cycle()
    assert world.state.tasks["job"].live.unreachable_since is None
    assert world.later(minutes=20).cycle().results == {"job": "ok"}


def test_a_run_that_stays_out_of_reach_is_lost_never_sooner_than_promised(world: TestWorld) -> None:
    world.cluster = Cluster("tls://m", lost_after=timedelta(minutes=30))
    astray(world).later(minutes=5).cycle()
    assert world.later(minutes=29).cycle().results == {}
    cycle = world.later(minutes=1).cycle()
    assert cycle.results == {"job": "lost"}
    assert "out of reach for 30 min: node 'n1' does not answer" in "\n".join(world.log)
    assert cycle.ran == []
    assert world.later(minutes=5).cycle().codes["job"] == "NOT_DUE"


@pytest.mark.parametrize(("lasts", "minutes"), [("10m", 60), ("40m", 120)])
def test_without_a_word_it_is_an_hour_or_three_times_what_it_takes(world: TestWorld, lasts: str, minutes: int) -> None:
    expected = timedelta(minutes=int(lasts[:-1]))
    astray(world, expected_duration=expected, timeout=timedelta(days=1)).later(minutes=5).cycle()
    assert world.later(minutes=minutes - 1).cycle().results == {}
    assert world.later(minutes=1).cycle().results == {"job": "lost"}


@pytest.mark.parametrize(
    ("cluster", "own", "again"),
    [
        (OnLoss.REPORT, None, False),
        (OnLoss.RERUN, None, True),
        (OnLoss.REPORT, OnLoss.RERUN, True),
        (OnLoss.RERUN, OnLoss.REPORT, False),
    ],
)
def test_a_run_that_was_cut_off_on_its_node_runs_again_only_by_the_users_word(
    world: TestWorld, cluster: OnLoss, own: OnLoss | None, again: bool
) -> None:
    world.cluster = Cluster("tls://m", on_loss=cluster)
    astray(world, on_loss=own)
    world.runner.strays["job"] = lambda run_id: Lost(run_id, "its supervisor died on node 'n1'")
    cycle = world.later(minutes=5).cycle(wait=timedelta(0))
    assert cycle.results == {"job": "interrupted"}
    assert world.runner.submitted.count("job") == 1 + again
    if again:  # once more, and then no more
        assert world.later(minutes=5).cycle(wait=timedelta(0)).results == {"job": "interrupted"}
        assert world.runner.submitted.count("job") == 2


def test_a_run_that_never_began_is_no_failure_and_starts_again_under_another_id(world: TestWorld) -> None:
    astray(world)
    first = world.state.tasks["job"].live
    world.runner.strays["job"] = lambda run_id: ComesBack(run_id, "node 'n1' never got to begin it")
    cycle = world.later(minutes=5).cycle(wait=timedelta(0))
    assert cycle.ran == ["job"]
    assert "again, for it never began where it was sent" in cycle["job"].reason
    again = world.state.tasks["job"].live
    assert first is not None
    assert again is not None
    assert again.run_id != first.run_id
    assert world.state.tasks["job"].failures == 0
    assert "Not started: node 'n1' never got to begin it; due again" in "\n".join(world.log)


def test_a_restored_state_gives_the_same_run_the_same_id(world: TestWorld) -> None:
    world.node("n1").task("job", where=ANY).cycle()
    before = world.state
    world.later(minutes=10).cycle()
    first = world.state.tasks["job"].last
    world.restore(before)
    world.later(minutes=1).cycle()
    assert first is not None
    assert world.runner.submitted.count("job") == 3
    assert world.state.tasks["job"].last is not None
    assert world.state.tasks["job"].last.run_id == first.run_id


def test_why_names_every_node_and_what_it_says(world: TestWorld) -> None:
    world.node("calm", 5).node("full", 5, runs={"a": None, "b": None}).node("hot", 80).node("win", os="windows")
    world.task("job", where=Where(os="linux")).cycle()
    look_world = world.later(minutes=10).world
    assert offers(look_world, look(look_world), "job") == {
        "calm": "would take it: CPU 5 %, memory 20 %, 0 of 2 slots taken",
        "full": "2 of 2 slots are taken",
        "hot": "CPU 80 % is above 70 %; starts in 5 min at the latest",
        "win": "runs windows, not linux",
    }


def test_a_task_that_runs_here_has_no_nodes_to_name(world: TestWorld) -> None:
    here = world.node("n1").task("here").task("there", where=ANY).world
    assert offers(here, look(here), "here") == {}


def test_what_was_learned_is_not_for_what_runs_on_nodes(world: TestWorld) -> None:
    world.rhythm(tables={"there": table()}).node("n1").task("there", where=ANY)
    assert "it runs on nodes" in look(world.world).learning.why["there"]
