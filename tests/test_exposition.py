"""From the end of a cycle to the metrics: names, units, and what has no value."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler.codes import Code
from adaptive_scheduler.exposition import COUNTER, GAUGE, METRICS, PREFIX, Scene, families
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Live, State, Status, Task, TaskState
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.tally import Count, Tally
from tests import tables
from tests.builders import NOW, RULES, ago, ended, mine, minutes, task

Labels = tuple[str, ...]


def scene(one: Task | None = None, own: TaskState | None = None, code: Code = Code.NOT_DUE, **more: Any) -> Scene:
    one = one or task("a")
    decision = Decision(one.name, code, "because", NOW + minutes(5), interval=minutes(8))
    given = {
        "sample": Sample(NOW, 40.0, 55.5, 30.0),
        "tasks": {one.name: one},
        "state": State(cycle=7, tasks={one.name: own or mine(4)}),
        "rules": RULES,
        "decisions": {one.name: decision},
        "tally": Tally(),
    }
    return Scene("1.2.3", True, ago(1), NOW, **{**given, **more})


def values(shown: Scene) -> dict[tuple[str, ...], float]:
    """Return every sample by the metric's name without the prefix, and its labels."""
    found = [
        ((one.name.removeprefix(PREFIX), *labels), value) for one in families(shown) for labels, value in one.samples
    ]
    assert len(found) == len(dict(found)), "a series twice"
    return dict(found)


def test_a_cycle_and_its_machine_are_told_in_base_units() -> None:
    found = values(scene())
    assert found["info", "1.2.3"] == found["config_ok",] == 1
    assert found["cycles_total",] == 7
    assert found["last_cycle_timestamp_seconds",] == ago(1).timestamp()
    assert found["last_cycle_duration_seconds",] == 60
    assert found["tick_seconds",] == 300
    usage = [found[f"{name}_usage_ratio",] for name in ("cpu", "foreign_cpu", "memory")]
    assert usage == [0.4, 0.3, 0.555]


def test_a_cycle_that_others_overtook_does_not_turn_the_time_back() -> None:
    found = values(scene(state=State(cycle=8, last_cycle_at=NOW)))
    assert found["last_cycle_timestamp_seconds",] == NOW.timestamp()


def test_a_broken_file_is_told() -> None:
    assert values(replace(scene(), config_ok=False))["config_ok",] == 0


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    assert values(replace(scene(), began=NOW + minutes(1)))["last_cycle_duration_seconds",] == 0


def test_what_is_not_known_has_no_sample() -> None:
    unknown = values(scene(sample=Sample(NOW, None, None)))
    assert [name for name in ("cpu", "foreign_cpu", "memory") if (f"{name}_usage_ratio",) in unknown] == []
    assert [name for name, *_ in unknown if name.startswith("task_last_run")] == []


def test_the_last_run_of_a_task_is_told() -> None:
    last = ended(9, Status.FAILED, duration_s=2.5, exit_code=3)
    found = values(scene(own=mine(4, last=last, failures=2)))
    told = {name: found[f"task_last_run_{name}", "a"] for name in ("duration_seconds", "exit_code", "success")}
    assert told == {"duration_seconds": 2.5, "exit_code": 3, "success": 0}
    assert found["task_last_run_start_timestamp_seconds", "a"] == ago(9).timestamp()
    assert found["task_consecutive_failures", "a"] == 2


def test_a_warning_is_a_success_and_a_signal_no_exit_code() -> None:
    found = values(scene(own=mine(4, last=ended(9, Status.WARNING))))
    assert found["task_last_run_success", "a"] == 1
    assert ("task_last_run_exit_code", "a") not in found


def test_counters_of_the_common_results_begin_at_zero_and_the_others_when_they_come() -> None:
    def counters(shown: Scene) -> dict[tuple[str, ...], float]:
        return {
            key: value for key, value in values(shown).items() if key[0] in ("task_runs_total", "task_deferrals_total")
        }

    nothing = {("task_runs_total", "a", "ok"): 0, ("task_runs_total", "a", "failed"): 0}
    assert counters(scene()) == nothing
    count = Count({Status.OK: 5, Status.LOST: 1}, {Code.NO_SLOT: 4})
    more = {("task_runs_total", "a", "lost"): 1, ("task_deferrals_total", "a", "NO_SLOT"): 4}
    assert counters(scene(tally=Tally({"a": count}))) == nothing | {("task_runs_total", "a", "ok"): 5} | more


@pytest.mark.parametrize(
    ("own", "ceiling"),
    [(mine(4), 0.0), (mine(8), 0.2), (mine(10), 0.7), (mine(15), 1.0), (mine(), 1.0)],
    ids=["too young", "faster", "base", "slower", "never ran"],
)
def test_the_ceiling_is_that_of_the_present_age(own: TaskState, ceiling: float) -> None:
    found = values(scene(own=own))
    assert (found["task_cpu_ceiling_ratio", "a"], found["task_learned", "a"]) == (ceiling, 0)


def test_a_learned_ceiling_is_marked_as_one() -> None:
    found = values(scene(tables.hourly("a"), mine(60), rules=tables.rules(30, a=tables.table(60))))
    assert (found["task_cpu_ceiling_ratio", "a"], found["task_learned", "a"]) == (0.4, 1)


def test_the_intervals_are_the_base_one_and_the_one_that_was_decided_by() -> None:
    found = values(scene())
    assert (found["task_interval_seconds", "a"], found["task_adaptive_interval_seconds", "a"]) == (600, 480)
    assert found["task_max_defer_seconds", "a"] == 2400


@pytest.mark.parametrize(("code", "waited"), [(Code.MEMORY_GATE, 120.0), (Code.NOT_DUE, 0.0), (Code.PAUSED, 0.0)])
def test_only_what_holds_a_due_task_back_counts_as_waiting(code: Code, waited: float) -> None:
    assert values(scene(own=mine(12), code=code))["task_waiting_seconds", "a"] == waited


def test_a_task_that_only_events_start_has_no_rhythm() -> None:
    found = values(scene(task("a", None)))
    told = {name for name, *labels in found if labels == ["a"]}
    assert told == {f"task_{name}" for name in ("consecutive_failures", "overdue", "paused", "running")} | {
        "task_next_look_timestamp_seconds"
    }


def test_what_stands_still_and_what_goes_on_are_told() -> None:
    found = values(scene(own=mine(100, paused=True, live=Live("r1", NOW)), code=Code.PAUSED))
    assert [found[f"task_{name}", "a"] for name in ("paused", "running", "overdue")] == [1, 1, 0]
    still = values(scene(own=mine(100), code=Code.MEMORY_GATE))
    assert [still[f"task_{name}", "a"] for name in ("paused", "running", "overdue")] == [0, 0, 1]


def test_the_next_look_is_a_time_or_nothing() -> None:
    shown = scene()
    assert values(shown)["task_next_look_timestamp_seconds", "a"] == (NOW + timedelta(minutes=5)).timestamp()
    never = replace(shown.decisions["a"], next_look=None)
    assert ("task_next_look_timestamp_seconds", "a") not in values(replace(shown, decisions={"a": never}))


def test_a_task_that_the_state_does_not_know_is_as_one_just_seen() -> None:
    assert values(scene(state=State()))["task_overdue", "a"] == 0


def test_a_limit_beyond_all_loads_stays_a_ratio() -> None:
    rules = Rules(rhythm=Rhythm(high_cpu=100.0))
    assert values(scene(own=mine(10), rules=rules))["task_cpu_ceiling_ratio", "a"] == 1


@pytest.mark.parametrize("name", METRICS)
def test_names_and_kinds_follow_the_conventions_of_prometheus(name: str) -> None:
    metric = METRICS[name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert name.endswith("_total") == (metric.kind == COUNTER)
    assert metric.kind in (COUNTER, GAUGE)
    assert name.startswith("task_") == ("task" in metric.labels)
    assert metric.means.endswith(".")
