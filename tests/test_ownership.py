"""Whose load it is: a heavy run of ours, one that an event started, or nobody's that we know."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.model import Live, Result, State, TaskState
from adaptive_scheduler.ownership import HEAVY, OwnLoad, own_load
from tests.builders import NOW, RULES, ago, ended, mine, sample, state

TICK = RULES.tick
TWO_CPUS_S = 2 * 300.0
"""CPU seconds that two CPUs have in a tick."""


def asked(usage: dict[str, float] | None = None, cpus: float | None = 2, **by_name: TaskState) -> OwnLoad | None:
    past = replace(state(**by_name), last_cycle_at=ago(5), spent_s=TWO_CPUS_S)
    return own_load(past, sample(90), usage or {}, cpus, NOW, TICK)


def going(run_id: str = "r1", minutes_ago: float = 5, seen_s: float = 0.0, event: str = "") -> TaskState:
    return mine(minutes_ago, live=Live(run_id, ago(minutes_ago), cpu_seen_s=seen_s, event=event))


def gone(run_id: str = "r1", minutes_ago: float = 3, cpu_s: float | None = 0.0, event: str = "") -> TaskState:
    return mine(minutes_ago, last=ended(minutes_ago, run_id=run_id, cpu_s=cpu_s, event=event))


@pytest.mark.parametrize(
    ("a", "usage", "percent"),
    [
        pytest.param(going(), {"r1": 60.0}, 10.0, id="a tenth of all CPUs"),
        pytest.param(going(), {"r1": 59.0}, None, id="less"),
        pytest.param(going(seen_s=500.0), {"r1": 590.0}, 15.0, id="since the last cycle, not in all"),
        pytest.param(going(seen_s=500.0), {"r1": 550.0}, None, id="calm since the last cycle"),
        pytest.param(going(), {}, None, id="not measured"),
        pytest.param(gone(cpu_s=120.0), {}, 20.0, id="ended within the tick"),
        pytest.param(gone(cpu_s=120.0, minutes_ago=5.5), {}, 20.0, id="ended within a tick that came late"),
        pytest.param(gone(cpu_s=120.0, minutes_ago=5.6), {}, None, id="ended before"),
        pytest.param(gone(cpu_s=None), {}, None, id="ended, not measured"),
        pytest.param(gone(cpu_s=99_999.0), {}, 90.0, id="a long run: no more than could be used, nor than was"),
    ],
)
def test_a_run_of_ours_that_weighs_is_named(a: TaskState, usage: dict[str, float], percent: float | None) -> None:
    assert asked(usage, a=a) == (None if percent is None else OwnLoad("r1", "a", percent, by_event=False))


def test_of_a_run_that_ended_no_more_counts_than_what_ours_used_since_the_counters() -> None:
    past = replace(state(a=gone(cpu_s=99_999.0)), last_cycle_at=ago(5), spent_s=90.0)
    assert own_load(past, sample(90), {}, 2, NOW, TICK) == OwnLoad("r1", "a", 15.0, by_event=False)


def test_the_heaviest_is_named() -> None:
    found = asked({"r1": 70.0, "r2": 90.0}, a=going("r1", event="cpu_spike:x"), b=going("r2"))
    assert found == OwnLoad("r2", "b", 15.0, by_event=False)


def test_a_live_run_and_the_one_before_it_both_count() -> None:
    both = replace(gone("r1", cpu_s=300.0), live=Live("r2", ago(1)))
    assert asked({"r2": 1.0}, a=both) == OwnLoad("r1", "a", 50.0, by_event=False)


def test_a_light_run_that_an_event_started_is_named_the_latest_of_them() -> None:
    early, late = going("r1", 4, event="cpu_spike:x"), going("r2", 1, event="cpu_spike:x")
    assert asked(a=early, b=late, c=going("r3", 0.5)) == OwnLoad("r2", "b", 0.0, by_event=True)
    assert asked(a=late, b=early) == OwnLoad("r2", "a", 0.0, by_event=True)
    assert asked(a=gone(event="cpu_spike:x")) == OwnLoad("r1", "a", 0.0, by_event=True)


def test_without_runs_or_cpus_nothing_is_ours() -> None:
    assert asked() is None
    assert asked({"r1": 600.0}, None, a=going()) is None


@pytest.mark.parametrize(
    ("since", "percent"), [(None, 50.0), (5, 50.0), (2.5, 100.0), (0.1, 100.0), (10, 25.0), (999, 25.0)]
)
def test_the_slot_is_the_time_between_the_counters(since: float | None, percent: float) -> None:
    past = replace(state(a=going()), last_cycle_at=None if since is None else ago(since))
    found = own_load(past, sample(None), {"r1": TWO_CPUS_S / 2}, 2, NOW, TICK)
    assert found is not None
    assert found.cpu_percent == percent


@pytest.mark.parametrize(
    ("cpu", "foreign", "percent"),
    [(90.0, 60.0, 30.0), (90.0, None, 50.0), (None, None, 50.0), (50.0, 45.0, None), (40.0, 45.0, None)],
    ids=["no more than is ours", "foreign unknown", "all unknown", "the system says it was light", "noise"],
)
def test_the_share_is_no_more_than_the_system_says_is_ours(
    cpu: float | None, foreign: float | None, percent: float | None
) -> None:
    past = replace(state(a=going()), last_cycle_at=ago(5))
    found = own_load(past, replace(sample(cpu), foreign_cpu=foreign), {"r1": 300.0}, 2, NOW, TICK)
    assert found == (None if percent is None else OwnLoad("r1", "a", percent, by_event=False))


seconds = st.floats(0, 1e5)
runs = st.builds(
    lambda begun, used, event: Live("r", ago(begun), cpu_seen_s=used, event=event),
    st.floats(-5, 100),
    seconds,
    st.sampled_from(["", "e"]),
)
results = st.builds(
    lambda over, used, event: Result("o", ended().status, ago(over), ago(over), cpu_s=used, event=event),
    st.floats(-5, 100),
    st.none() | seconds,
    st.sampled_from(["", "e"]),
)


@given(st.none() | runs, st.none() | results, seconds, st.none() | st.floats(0.1, 64), st.floats(-10, 9999))
def test_whatever_the_state_says_the_share_is_one(
    live: Live | None, last: Result | None, used: float, cpus: float | None, gap: float
) -> None:
    past = State(tasks={"a": mine(5, live=live, last=last)}, last_cycle_at=ago(gap), spent_s=used)
    found = own_load(past, sample(50), {"r": used}, cpus, NOW, TICK)
    assert found is None or (0 <= found.cpu_percent <= 100 and (found.by_event or found.cpu_percent >= HEAVY))
