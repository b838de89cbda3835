"""The law of the rhythm: intervals, anchors and the rate they keep."""

from datetime import timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import rhythm
from adaptive_scheduler.settings import Rhythm, Rules
from tests.builders import NOW, minutes, task

CLASSIC = rhythm.classic(Rhythm())
TICK = minutes(5)


@pytest.mark.parametrize(
    ("cpu", "intervals"),
    [
        pytest.param(0, (8, 24, 48), id="idle"),
        pytest.param(18, (8, 24, 48), id="low"),
        pytest.param(19.999, (8, 24, 48), id="just below low"),
        pytest.param(20, (10, 30, 60), id="exactly low is ordinary"),
        pytest.param(50, (10, 30, 60), id="ordinary"),
        pytest.param(70, (10, 30, 60), id="exactly high is ordinary"),
        pytest.param(70.001, (15, 45, 90), id="just above high"),
        pytest.param(75, (15, 45, 90), id="high"),
        pytest.param(100, (15, 45, 90), id="full"),
        pytest.param(None, (10, 30, 60), id="unknown is ordinary"),
    ],
)
def test_the_classic_intervals(cpu: float | None, intervals: tuple[int, ...]) -> None:
    found = tuple(rhythm.adaptive_interval(minutes(base), CLASSIC, cpu) for base in (10, 30, 60))
    assert found == tuple(minutes(one) for one in intervals)


def test_a_task_that_is_not_adaptive_keeps_its_interval_at_any_load() -> None:
    stairs = rhythm.staircase(task(adaptive=False), Rules())
    assert {rhythm.adaptive_interval(minutes(10), stairs, cpu) for cpu in (0, 50, 100, None)} == {minutes(10)}


@pytest.mark.parametrize(
    ("age", "ceiling"),
    [(0.79, 0.0), (0.8, 20.0), (0.99, 20.0), (1.0, 70.0), (1.49, 70.0), (1.5, float("inf")), (9.0, float("inf"))],
)
def test_the_ceiling_rises_with_age(age: float, ceiling: float) -> None:
    assert rhythm.ceiling_at(age, CLASSIC) == ceiling


@given(
    low=st.floats(0, 99),
    gap=st.floats(0.1, 100),
    faster=st.floats(0.1, 1),
    slower=st.floats(1, 5),
    cpu=st.floats(0, 100),
    more=st.floats(0, 100),
)
def test_more_load_never_means_a_shorter_interval(
    low: float, gap: float, faster: float, slower: float, cpu: float, more: float
) -> None:
    stairs = rhythm.classic(Rhythm(low, min(100.0, low + gap), faster, slower))
    base = minutes(30)
    shorter = rhythm.adaptive_interval(base, stairs, cpu)
    longer = rhythm.adaptive_interval(base, stairs, min(100.0, cpu + more))
    assert base * faster <= shorter <= longer <= rhythm.slowest_interval(base, stairs)


@pytest.mark.parametrize(
    ("started_after", "anchor_after"),
    [
        pytest.param(10, 10, id="on time"),
        pytest.param(9, 10, id="within the slack before"),
        pytest.param(8.9, 8.9, id="by hand, before it was due"),
        pytest.param(14, 10, id="late by less than a tick"),
        pytest.param(15, 10, id="late by exactly a tick"),
        pytest.param(15.1, 15.1, id="late by more than a tick"),
        pytest.param(600, 600, id="a night asleep: one catch-up"),
    ],
)
def test_the_anchor_is_the_due_moment_unless_the_start_was_far_from_it(
    started_after: float, anchor_after: float
) -> None:
    start = NOW + minutes(started_after)
    assert rhythm.next_anchor(NOW, minutes(10), start, TICK) == NOW + minutes(anchor_after)


def test_a_first_start_is_the_anchor() -> None:
    assert rhythm.next_anchor(None, minutes(10), NOW, TICK) == NOW


def test_slack_is_a_tenth_of_the_interval_and_half_a_tick_at_most() -> None:
    assert rhythm.slack(minutes(8), TICK) == timedelta(seconds=48)
    assert rhythm.slack(minutes(600), TICK) == timedelta(seconds=150)


def test_the_effective_interval_is_never_shorter_than_a_tick() -> None:
    assert rhythm.effective_interval(minutes(4), TICK) == TICK
    assert rhythm.effective_interval(minutes(8), TICK) == minutes(8)


@given(st.integers(-10_000, 10_000), st.integers(1, 3600))
def test_the_next_tick_is_the_first_one_not_before_the_moment(offset_s: int, tick_s: int) -> None:
    moment, tick = NOW + timedelta(seconds=offset_s), timedelta(seconds=tick_s)
    found = rhythm.tick_at_or_after(moment, NOW, tick)
    assert found >= moment
    assert found > NOW
    assert found == NOW + tick or found - tick < moment


@given(
    base=st.sampled_from([5, 10, 15, 30, 60, 90]),
    cpu=st.sampled_from([18.0, 50.0, 75.0]),
    lateness=st.lists(st.floats(0, 20), min_size=288, max_size=288),
)
def test_the_mean_rate_over_a_day_is_the_adaptive_rate_under_any_tick_jitter(
    base: int, cpu: float, lateness: list[float]
) -> None:
    interval = rhythm.adaptive_interval(minutes(base), CLASSIC, cpu)
    anchor, starts = NOW, 0
    for number, late in enumerate(lateness, start=1):
        now = NOW + number * TICK + timedelta(seconds=late)
        if rhythm.is_due(anchor, interval, now, TICK):
            anchor = rhythm.next_anchor(anchor, interval, now, TICK)
            starts += 1
    wanted = timedelta(days=1) / rhythm.effective_interval(interval, TICK)
    assert abs(starts - wanted) <= max(1, ceil(wanted * 0.02))
