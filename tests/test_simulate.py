"""The cycle's story over a recorded load: rates, order, and what the summary says."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import simulate, trace
from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Event
from adaptive_scheduler.horizon import UNKNOWN_DURATION
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Priority, Task
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.simulate import Made, Policy, Tally
from adaptive_scheduler.trace import Row
from tests.builders import NOW, event, minutes, task, tasks

TICK = minutes(5)
TICKS_A_DAY = 288


def config(*wanted: Task, max_parallel: int = 2) -> Config:
    return Config(path="tasks.toml", state_dir="outputs", rules=Rules(max_parallel=max_parallel), tasks=tasks(*wanted))


def steady(days: float, cpu: float, memory: float | None = 40) -> list[Row | None]:
    return [Row(NOW + n * TICK, cpu, memory) for n in range(int(days * TICKS_A_DAY) + 1)]


def replay(
    wanted: Config, known: list[Row | None], *, jitter_s: float = 0, drop: float = 0, seed: int = 1
) -> list[Made]:
    ticks = simulate.late_and_lossy(trace.samples(NOW, known, TICK), timedelta(seconds=jitter_s), drop, seed)
    return list(simulate.simulate(wanted, ticks))


def counted(wanted: Config, known: list[Row | None], made: Iterable[Made]) -> dict[str, Tally]:
    return simulate.tally(made, wanted, NOW, known, NOW)


@pytest.mark.parametrize(
    ("cpu", "base", "a_day"),
    [(18, 10, 180), (50, 10, 144), (75, 10, 96), (50, 5, 288), (18, 30, 60), (75, 60, 16), (18, 5, 288)],
)
@pytest.mark.parametrize(("jitter_s", "drop", "tolerance"), [(0, 0, 0.005), (20, 0, 0.005), (20, 0.01, 0.02)])
def test_the_daily_rate_is_the_adaptive_rate(
    cpu: float, base: float, a_day: float, jitter_s: float, drop: float, tolerance: float
) -> None:
    wanted, known = config(task(every=base)), steady(6, cpu)
    made = replay(wanted, known, jitter_s=jitter_s, drop=drop)
    runs = len(counted(wanted, known, made)["job"].starts)
    assert runs / 6 == pytest.approx(a_day, rel=tolerance, abs=0.34)


@pytest.mark.parametrize("cpu", [5, 50, 95])
def test_the_fixed_policy_runs_at_the_base_interval_at_any_load(cpu: float) -> None:
    wanted = simulate.under(Policy.FIXED, config(task()))
    known = steady(2, cpu)
    assert len(counted(wanted, known, replay(wanted, known))["job"].starts) == 288


def test_the_seed_policy_changes_nothing() -> None:
    wanted = config(task(adaptive=False), task("other"))
    assert simulate.under(Policy.SEED, wanted) is wanted


def test_at_constant_65_per_cent_memory_no_task_starves() -> None:
    wanted = config(task("a"), task("critical", priority=Priority.CRITICAL), task("big", 60))
    known = steady(2, 50, 65)
    found = counted(wanted, known, replay(wanted, known))
    assert len(found["critical"].starts) == 288
    assert found["a"].codes["FORCED"] == len(found["a"].starts) > 0
    assert max(found["a"].gaps()) == minutes(50)
    assert max(found["big"].gaps()) == minutes(300)


def test_a_dependent_starts_after_its_dependency_in_the_same_cycle() -> None:
    wanted = config(task("b", depends_on=("a",)), task("a"))
    known = steady(0.1, 50)
    starts = [(one.decision.task, one.at) for one in replay(wanted, known) if one.decision.code.starts]
    first = dict(reversed(starts))
    assert first["b"] - first["a"] == UNKNOWN_DURATION


def test_a_long_run_is_running_and_takes_its_slot_until_it_ends() -> None:
    wanted = config(
        task("long", 60, expected_duration=minutes(12), priority=Priority.HIGH), task("short"), max_parallel=1
    )
    known = steady(0.05, 50)
    found = [
        (one.decision.task, one.decision.code.value, (one.at - NOW) // minutes(1)) for one in replay(wanted, known)
    ]
    assert found[:8] == [
        ("long", "RUN", 5),
        ("short", "NO_SLOT", 5),
        ("long", "RUNNING", 10),
        ("short", "NO_SLOT", 10),
        ("long", "NOT_DUE", 17),
        ("short", "RUN", 17),
        ("long", "NOT_DUE", 20),
        ("short", "NOT_DUE", 20),
    ]


def test_the_same_seed_gives_the_same_simulation_and_another_one_does_not() -> None:
    wanted, known = config(task()), steady(1, 18)
    first = replay(wanted, known, jitter_s=20, drop=0.1, seed=1)
    assert first == replay(wanted, known, jitter_s=20, drop=0.1, seed=1)
    assert first != replay(wanted, known, jitter_s=20, drop=0.1, seed=2)


def test_cpu_met_is_the_mean_of_the_ticks_that_a_run_occupies() -> None:
    wanted = config(task(every=60, expected_duration=minutes(10)))
    known: list[Row | None] = [Row(NOW + n * TICK, cpu, None) for n, cpu in enumerate([1, 10, 30, 99, 99])]
    found = counted(wanted, known, replay(wanted, known))["job"]
    assert found.mean_cpu == 20
    assert Tally().mean_cpu is None


def test_what_happens_before_the_warm_up_ends_is_not_counted() -> None:
    wanted, known = config(task()), steady(1, 50)
    found = simulate.tally(replay(wanted, known), wanted, NOW, known, NOW + timedelta(hours=12))
    assert len(found["job"].starts) == 72


def test_a_simulated_cycle_leaves_as_long_before_the_next_tick_as_a_real_one() -> None:
    wanted = config(
        task("a", 60, expected_duration=timedelta(seconds=290), priority=Priority.HIGH), task("b"), max_parallel=1
    )
    known = steady(0.02, 50)
    found = {one.decision.task: one for one in replay(wanted, known)[:2]}
    assert (found["b"].decision.code, found["b"].at) == (Code.NO_SLOT, NOW + TICK)


def test_a_late_last_tick_is_still_inside_the_trace() -> None:
    wanted, known = config(task(every=5)), steady(0.02, 50)
    made = replay(wanted, known, jitter_s=299)
    assert counted(wanted, known, made)["job"].mean_cpu == 50


# -- events --------------------------------------------------------------------------------------------


def with_events(wanted: Config, *after: float, hours: float = 8, cpu: float = 50, memory: float = 40) -> list[Made]:
    """Replay a steady load in which a spike comes so many minutes after the beginning."""
    known = steady(hours / 24, cpu, memory)
    asked: list[datetime] = []

    def happenings(at: datetime, seen: Sample) -> list[Event]:
        assert seen.cpu == cpu
        asked.append(at)
        return [event(at=at) for one in after if NOW + minutes(one) == at]

    ticks = simulate.late_and_lossy(trace.samples(NOW, known, TICK), timedelta(0), 0, 1)
    made = list(simulate.simulate(wanted, ticks, happenings=happenings))
    assert len(asked) == len(set(asked)) == len(known) - 1
    return made


def test_events_start_their_tasks_and_leave_the_beat_alone() -> None:
    made = with_events(config(task("a", 60, on=("cpu_spike",)), task("b", None)), 30, 100)
    starts = [(one.decision.task, one.decision.code.value, (one.at - NOW) // minutes(1)) for one in made
              if one.decision.code.starts]  # fmt: skip
    assert [one for one in starts if one[0] == "b"] == [("b", "EVENT", 30), ("b", "EVENT", 100)]
    assert [one[1:] for one in starts if one[0] == "a"][:5] == [
        *[("RUN", 5), ("EVENT", 30), ("RUN", 65), ("EVENT", 100), ("RUN", 125)],
    ]


def test_an_event_that_no_gate_lets_pass_goes_stale() -> None:
    made = with_events(config(task("a", None)), 30, hours=3, memory=75)
    codes = [(one.decision.code.value, "event" in one.decision.reason) for one in made]
    assert codes[5] == ("MEMORY_GATE", True)
    assert codes[17] == ("MEMORY_GATE", True)
    assert codes[18] == ("NOT_DUE", False)


def test_without_happenings_a_task_that_only_events_start_never_runs() -> None:
    wanted, known = config(task("a", None), task("b")), steady(1, 50)
    found = counted(wanted, known, replay(wanted, known))
    assert found["a"].starts == []
    assert len(found["b"].starts) == 144


@settings(deadline=None)
@given(st.sets(st.integers(1, 90).map(lambda tick: 5.0 * tick), max_size=30), st.sampled_from([10.0, 50.0, 90.0]))
def test_events_take_no_beat_and_add_none(after: set[float], cpu: float) -> None:
    wanted = config(task("a", 60, on=("cpu_spike",)))
    with_none = [one.at for one in with_events(wanted, cpu=cpu) if one.decision.code.starts]
    starts = {one.at: one.decision.code for one in with_events(wanted, *after, cpu=cpu) if one.decision.code.starts}
    assert {at for at, code in starts.items() if code is Code.RUN} <= set(with_none) <= set(starts)
    fired = {NOW + minutes(one) for one in after}
    assert {at for at, code in starts.items() if code is Code.EVENT} == fired
