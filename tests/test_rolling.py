"""The rolling load: one cell a step of the local day, gaps marked, damage noticed."""

import json
import sys
from base64 import b64decode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import rolling
from adaptive_scheduler.rolling import FILLED, Rolling, added, decode, encode, grid_for, step_of
from adaptive_scheduler.signals import Grid
from tests.builders import minutes

TICK = minutes(5)
DAWN = datetime(2026, 3, 2, tzinfo=UTC)
BERLIN_WINTER, BERLIN_SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))
DAMAGED = (ValueError, KeyError, TypeError)


def at(count: float) -> datetime:
    """The tick that ends step `count` of the first day."""
    return DAWN + (count + 1) * TICK


def kept(samples: Iterable[tuple[datetime, float]], tick: timedelta = TICK, start: Rolling | None = None) -> Rolling:
    found = start or Rolling(grid_for(tick))
    for moment, cpu in samples:
        found = added(found, moment, tick, cpu)
    return found


def told(load: Rolling) -> list[tuple[float, bool]]:
    """Each step's load, and whether it was measured."""
    return [(value, not cell & FILLED) for value, cell in zip(load.values(), load.cells, strict=True)]


@pytest.mark.parametrize(
    ("tick_min", "step_min"), [(1, 5), (5, 5), (5.5, 10), (7, 10), (10, 10), (15, 15), (20, 20), (45, 60), (90, 60)]
)
def test_the_step_is_the_shortest_that_a_tick_fits_in(tick_min: float, step_min: int) -> None:
    assert grid_for(minutes(tick_min)) == Grid(step_min)


def test_each_tick_fills_the_step_that_it_ends() -> None:
    load = kept([(at(0), 10), (at(1), 20.5), (at(2), 30.254)])
    assert load.values() == [10, 20.5, 30.25]
    assert load.end == step_of(DAWN, load.grid) + 2
    assert load.first == step_of(DAWN, load.grid)


def test_a_tick_a_little_late_or_early_fills_the_same_step() -> None:
    late = kept([(at(0) + timedelta(seconds=20), 10), (at(1) - timedelta(seconds=20), 20)])
    assert late == kept([(at(0), 10), (at(1), 20)])


def test_samples_of_one_step_are_averaged() -> None:
    assert kept([(at(0), 10), (at(0), 20), (at(0.2), 60)]).values() == [30]


def test_ticks_of_a_minute_share_a_step_of_five() -> None:
    ticks = [(DAWN + minutes(count), float(count)) for count in range(1, 11)]
    assert kept(ticks, minutes(1)).values() == [3, 8]


def test_a_load_out_of_range_counts_as_the_nearest_possible_one() -> None:
    load = kept([(at(0), -5), (at(1), 250), (at(1), 100)])
    assert load.values() == [0, 100]
    assert decode(encode(load)) == load


@pytest.mark.parametrize("missing", [1, 12])
def test_a_gap_of_up_to_an_hour_holds_the_value_before_it(missing: int) -> None:
    load = kept([(at(0), 10), (at(1 + missing), 50)])
    assert told(load) == [(10, True), *[(10, False)] * missing, (50, True)]


def test_a_longer_gap_repeats_the_day_before() -> None:
    day = [(at(step), float(step % 100)) for step in range(288)]
    load = kept([*day, (at(288 + 100), 99)])
    assert told(load)[288:-1] == [(float(step % 100), False) for step in range(100)]
    assert told(load)[-1] == (99, True)


def test_a_longer_gap_in_the_first_day_holds_the_value_too() -> None:
    load = kept([(at(0), 10), (at(20), 50)])
    assert told(load)[1:-1] == [(10, False)] * 19


def test_it_is_never_longer_than_28_days() -> None:
    load = Rolling(Grid(60))
    for hour in range(24 * 29):
        load = added(load, DAWN + timedelta(hours=hour), minutes(60), hour % 100)
    assert len(load.cells) == 24 * 28
    assert load.values()[-1] == (24 * 29 - 1) % 100
    longer = added(load, DAWN + timedelta(days=40), minutes(60), 5)
    assert len(longer.cells) == 24 * 28


@pytest.mark.parametrize(("days", "length"), [(27.9, 28 * 24), (28.1, 1)])
def test_after_a_gap_longer_than_that_it_begins_anew(days: float, length: int) -> None:
    load = kept([(DAWN + timedelta(hours=hour), 10) for hour in range(48)], minutes(60))
    found = added(load, DAWN + timedelta(days=2 + days), minutes(60), 70)
    assert len(found.cells) == length
    assert found.values()[-1] == 70


def test_a_clock_set_back_measures_those_steps_anew() -> None:
    load = kept([(at(step), 10) for step in range(10)])
    back = added(load, at(6), TICK, 90)
    assert told(back) == [(10, True)] * 6 + [(90, True)]
    assert added(back, at(7), TICK, 80).values()[-2:] == [90, 80]


@pytest.mark.parametrize(("step", "length"), [(1, 2), (0, 1), (-1, 1), (-5000, 1)])
def test_a_clock_set_back_to_the_first_step_or_before_it_begins_anew(step: int, length: int) -> None:
    load = kept([(at(step), 10) for step in range(10)])
    assert told(added(load, at(step), TICK, 90)) == [(10, True)] * (length - 1) + [(90, True)]


def days_around(change: datetime, before: timezone, after: timezone) -> list[tuple[datetime, float]]:
    """Hourly ticks of two days before and two after a change of the clocks, in local time; the load is the hour."""
    found = []
    for hour in range(-48, 48):
        moment = change + timedelta(hours=hour)
        local = moment.astimezone(before if hour <= 0 else after)
        found.append((local, float((local - minutes(30)).hour)))
    return found


@pytest.mark.parametrize(
    ("change", "before", "after", "lost"),
    [
        pytest.param(datetime(2026, 3, 29, 1, tzinfo=UTC), BERLIN_WINTER, BERLIN_SUMMER, 1, id="spring"),
        pytest.param(datetime(2026, 10, 25, 1, tzinfo=UTC), BERLIN_SUMMER, BERLIN_WINTER, 0, id="autumn"),
    ],
)
def test_the_same_time_of_day_stays_whole_days_apart_when_the_clocks_change(
    change: datetime, before: timezone, after: timezone, lost: int
) -> None:
    load = kept(days_around(change, before, after), minutes(60))
    measured = [(load.first + place, value) for place, (value, known) in enumerate(told(load)) if known]
    assert all(step % 24 == value for step, value in measured)
    assert len(load.cells) - len(measured) == lost
    assert len(measured) == 96 - (1 - lost)


# -- as JSON ---------------------------------------------------------------------------------------

GAPS = st.lists(st.tuples(st.integers(-3, 400), st.floats(0, 100)), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(GAPS, st.sampled_from(rolling.STEPS))
def test_what_is_written_is_read_again(gaps: list[tuple[int, float]], step_min: int) -> None:
    load, moment, tick = Rolling(Grid(step_min)), DAWN, minutes(step_min)
    for gap, cpu in gaps:
        moment += gap * tick
        load = added(load, moment, tick, cpu)
    again = decode(json.loads(json.dumps(encode(load))))
    assert again.cells == load.cells
    assert (again.end, again.count) == (load.end, load.count)
    assert again.total == pytest.approx(load.total, abs=1e-3)
    assert decode(encode(again)) == again


def test_the_cells_are_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    load = kept([(at(0), 5.13)])
    assert b64decode(encode(load)["cells"]) == b"\x01\x02"
    monkeypatch.setattr(rolling, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert b64decode(encode(load)["cells"]) == b"\x02\x01"  # where the other order is the machine's own: swapped
    assert decode(encode(load)) == load


GOOD = encode(kept([(at(step), step) for step in range(20)]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step_minutes", 7),
        ("step_minutes", 5.0),
        ("step_minutes", True),
        ("last_step", -1),
        ("last_step", 10**30),
        ("last_step", 1.5),
        ("count", 0),
        ("count", 10**400),
        ("count", "1"),
        ("total", float("nan")),
        ("total", float("inf")),
        ("total", 10**400),
        ("total", -1),
        ("total", 5000),
        ("cells", ""),
        ("cells", "AAAA"),
        ("cells", "no base64"),
        ("cells", "//8="),
        ("cells", "AA" * 2 * 30_000),
        ("cells", None),
    ],
)
def test_a_number_that_no_load_can_have_is_damage(key: str, value: Any) -> None:
    with pytest.raises(DAMAGED):
        decode({**GOOD, key: value})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON, st.booleans(), st.integers(-3, 5000))
def test_damage_is_told_as_damage_or_does_no_harm(key: str, value: Any, drop: bool, later: int) -> None:
    plain = {name: one for name, one in GOOD.items() if name != key} if drop else {**GOOD, key: value}
    try:
        load = decode(plain)
    except DAMAGED:
        return
    encode(added(load, at(later), TICK, 50.0))
