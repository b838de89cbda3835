"""The latch: an event fires once, and again only after a calm while and its cool-down."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.detectors.base import Calm
from adaptive_scheduler.latches import Latch, counted, decode, encode, fired_with, turned
from tests.builders import NOW, minutes

TICK = minutes(5)
CALM = Calm(0.5, minutes(25), timedelta(hours=2))
EXCESS = st.none() | st.floats(0, 3) | st.sampled_from([0.0, 0.49, 0.5, 1.0, 2.0])


def through(*excesses: float | None, calm: Calm = CALM, latch: Latch | None = None, **more: Any) -> list[int]:
    """At which of these ticks, one each five minutes, it fires."""
    latch, found = latch or Latch(), []
    for number, excess in enumerate(excesses):
        latch, fires = turned(latch, excess, NOW + number * TICK, calm, **more)
        found += [number] * fires
    return found


def test_it_fires_at_the_limit_once_and_not_below_it() -> None:
    assert through(0, 0.99, 1, 2, 3, 1) == [2]


def test_without_a_verdict_nothing_changes() -> None:
    latch = Latch(armed=False, calm_since=NOW - minutes(10), fired=(NOW - minutes(20),))
    assert turned(latch, None, NOW, CALM) == (latch, False)


@pytest.mark.parametrize(
    ("between", "again"),
    [
        pytest.param([0.0] * 24, True, id="calm for the whole cool-down"),
        pytest.param([0.0] * 23, False, id="a tick less than the cool-down"),
        pytest.param([0.9] * 18 + [0.4] * 6, True, id="calm just long enough at its end"),
        pytest.param([0.9] * 19 + [0.4] * 5, False, id="calm a tick too short"),
        pytest.param([0.5] * 40, False, id="never below what counts as calm"),
        pytest.param([0.4] * 20 + [0.9] + [0.4] * 5, False, id="calm broken off"),
        pytest.param([None] * 40, False, id="nobody knows"),
        pytest.param([0.4, *[None] * 22, 0.4], True, id="not known in between"),
    ],
)
def test_it_fires_again_after_a_calm_while_and_the_cool_down(between: list[float | None], again: bool) -> None:
    assert (len(through(1, *between, 1)) == 2) is again


def test_calm_and_excess_in_one_tick_do_not_arm_it() -> None:
    calm = Calm(2.0, timedelta(0), minutes(10))
    assert through(1, 1, 1, 1, 1, calm=calm) == [0, 2, 4]  # below 2 is calm here: only the cool-down holds it back


def test_it_fires_so_often_an_hour_at_most_and_then_as_soon_as_it_may() -> None:
    quick = Calm(0.5, timedelta(0), timedelta(0))
    assert through(*[1, 0] * 12, calm=quick, max_per_hour=3) == [0, 2, 4, 12, 14, 16]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(EXCESS, st.integers(0, 90)), max_size=60), st.integers(0, 5), st.integers(1, 30))
def test_it_never_fires_twice_within_the_cool_down_whatever_comes_when(
    values: list[tuple[float | None, int]], lasting: int, cool_down: int
) -> None:
    calm = Calm(0.5, minutes(lasting), minutes(10 * cool_down))
    latch, now, fired = Latch(), NOW, list[Any]()
    for excess, later in values:
        now += minutes(later)
        latch, fires = turned(latch, excess, now, calm)
        assert not (fires and fired and now - fired[-1] < calm.cool_down)
        assert not (fires and (excess is None or excess < 1))
        fired += [now] * fires
    assert latch.last == (fired[-1] if fired else None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.6, 0.9, 1.0, 1.5]), min_size=288, max_size=288))
def test_a_value_that_flaps_for_a_day_fires_at_most_once_each_cool_down(values: list[float]) -> None:
    assert len(through(*values)) <= 12


def test_a_flapping_value_that_is_never_calm_for_long_is_one_event() -> None:
    assert through(*[1.2, 0.3] * 144) == [0]


# -- clocks ----------------------------------------------------------------------------------------


def test_stamps_from_the_future_are_pulled_to_now() -> None:
    later = NOW + timedelta(days=400)
    latch, fires = turned(Latch(armed=False, calm_since=later, fired=(later,), held_at=later), 0.0, NOW, CALM)
    assert (latch.calm_since, latch.fired, latch.held_at, fires) == (NOW, (NOW,), NOW, False)


def test_a_clock_set_back_delays_the_next_event_by_one_cool_down_at_most() -> None:
    ahead = Latch(armed=False, fired=(NOW + timedelta(days=400),))
    assert through(*[0.0] * 24, 1, *[0.0] * 5, latch=ahead) == []
    assert through(*[0.0] * 25, 1, latch=ahead) == [25]


def test_moments_are_forgotten_after_an_hour_but_for_the_last() -> None:
    old = tuple(NOW - minutes(ago) for ago in (90, 70, 30))
    assert turned(Latch(fired=old), 0.0, NOW, CALM)[0].fired == old[2:]
    assert turned(Latch(fired=old), 0.0, NOW + timedelta(days=1), CALM)[0].fired == old[2:]


# -- conditions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holds", "after_min", "held"),
    [
        (True, 5, 3),
        (True, 12, 3),
        (True, 13, 1),
        (True, 2, 2),
        (True, -5, 1),
        (False, 5, 0),
        (None, 5, 2),
    ],
    ids=["next tick", "one lost", "a gap", "by hand", "clock set back", "no more", "not known"],
)
def test_cycles_in_a_row_are_counted(holds: bool | None, after_min: float, held: int) -> None:
    latch = counted(Latch(held=2, held_at=NOW), holds, NOW + minutes(after_min), TICK)
    assert latch.held == held
    assert (latch.held_at is None) is (held == 0)


def test_another_event_that_told_of_the_same_thing_disarms_it() -> None:
    latch = fired_with(Latch(calm_since=NOW), NOW)
    assert latch == Latch(armed=False, fired=(NOW,))
    assert through(1, latch=latch) == []


# -- as text ---------------------------------------------------------------------------------------

YEARS = timedelta(days=3650)
MOMENTS = st.timedeltas(-YEARS, YEARS).map(lambda since: NOW + since)
LATCHES = st.builds(
    Latch,
    armed=st.booleans(),
    calm_since=st.none() | MOMENTS,
    fired=st.lists(MOMENTS, max_size=3).map(tuple),
    held=st.integers(0, 9),
    held_at=st.none() | MOMENTS,
)


@given(st.dictionaries(st.text(max_size=9), LATCHES, max_size=4))
def test_what_is_written_is_read_again_and_what_is_as_at_the_beginning_is_left_out(latches: dict[str, Latch]) -> None:
    assert decode(encode(latches)) == {name: latch for name, latch in latches.items() if latch != Latch()}


def test_fresh_latches_need_no_text() -> None:
    assert encode({"cpu_spike": Latch()}) == encode({}) == ""
    assert decode("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "null",
        "[" * 10**5,
        '{"a": 1}',
        '{"a": {"fired": 5}}',
        '{"a": {"fired": ["yesterday"]}}',
        '{"a": {"calm_since": "2026-03-01T00:00:00"}}',
        '{"a": {"calm_since": "0001-01-01T00:00:00+12:00"}}',
        '{"a": {"fired": ["9999-12-31T23:59:59-12:00"]}}',
        '{"a": {"held_at": 7}}',
        '{"a": {"held": Infinity}}',
        '{"a": {"held": "often"}}',
        '{"a": {"held": -1}}',
        '{"a": {"calm_since": []}}',
    ],
)
def test_garbage_is_as_at_the_beginning(text: str) -> None:
    assert decode(text) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | MOMENTS.map(str),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["disarmed", "calm_since", "fired", "held", "held_at"]), JSON),
    st.none() | st.floats(0, 2),
    st.booleans(),
)
def test_whatever_can_be_read_can_be_turned_and_written(plain: dict[str, Any], excess: float | None, on: bool) -> None:
    for name, latch in decode(json.dumps({"a": plain})).items():
        after, _ = turned(counted(latch, on, NOW, TICK), excess, NOW, CALM)
        assert decode(encode({name: after})) in ({name: after}, {})
