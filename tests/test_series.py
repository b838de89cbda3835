"""A signal on the grid of the local day: one cell a step, gaps absent and no zero, damage noticed."""

import json
import sys
from base64 import b64decode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import series
from adaptive_scheduler.rolling import STEPS, step_of
from adaptive_scheduler.series import (
    ABSENT,
    KEPT_DAYS,
    MOST,
    Series,
    added,
    decode,
    encode,
    latency_cell,
    latency_of,
    percent_cell,
    percent_of,
)
from adaptive_scheduler.signals import Grid
from tests.builders import minutes

TICK = minutes(5)
DAWN = datetime(2026, 3, 2, tzinfo=UTC)
BERLIN_WINTER, BERLIN_SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))
DAMAGED = (ValueError, KeyError, TypeError)


def at(count: float) -> datetime:
    """The tick that ends step `count` of the first day."""
    return DAWN + (count + 1) * TICK


def kept(cells: Iterable[tuple[datetime, float | None]], tick: timedelta = TICK, minutes: int = 5) -> Series:
    found = Series(Grid(minutes))
    for moment, cell in cells:
        found = added(found, moment, tick, cell)
    return found


# -- cells -----------------------------------------------------------------------------------------


@given(st.floats(0, 100))
def test_a_percentage_comes_back_from_its_cell_to_a_hundredth(percent: float) -> None:
    assert percent_of(round(percent_cell(percent))) == pytest.approx(percent, abs=0.00501)


@given(st.floats(1e-3, 1e9))
def test_a_latency_comes_back_from_its_cell_to_a_tenth_of_a_per_cent(ms: float) -> None:
    assert latency_of(round(latency_cell(ms))) == pytest.approx(ms, rel=1e-3)


@given(st.floats() | st.just(float("nan")))
def test_no_value_has_a_cell_that_means_absent_or_does_not_fit(value: float) -> None:
    assert all(ABSENT < round(cell) <= MOST for cell in (percent_cell(value), latency_cell(value)))


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_what_is_larger_has_no_smaller_cell(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert percent_cell(low) <= percent_cell(high)
    assert latency_cell(low) <= latency_cell(high)


# -- steps -----------------------------------------------------------------------------------------


def test_each_tick_fills_the_step_that_it_ends() -> None:
    found = kept([(at(0), 10), (at(1), 20), (at(2), 30)])
    assert list(found.cells) == [10, 20, 30]
    assert found.end == step_of(DAWN, found.grid) + 2


def test_ticks_of_a_minute_share_a_step_and_those_not_measured_do_not_count() -> None:
    ticks = [(DAWN + minutes(count), None if count == 3 else float(10 * count)) for count in range(1, 8)]
    assert list(kept(ticks, minutes(1)).cells) == [30, 65]


def test_a_step_first_not_measured_and_then_measured_is_measured() -> None:
    assert list(kept([(at(0), None), (at(0), 40), (at(0), 60)]).cells) == [50]


@pytest.mark.parametrize("missing", [1, 12, 288])
def test_a_gap_stays_absent_however_long(missing: int) -> None:
    found = kept([(at(0), 10), (at(1 + missing), 50)])
    assert list(found.cells) == [10, *[ABSENT] * missing, 50]
    assert found.measured == 2 * TICK
    assert found.span == (missing + 2) * TICK


def test_what_was_not_measured_is_as_absent_as_a_gap() -> None:
    assert kept([(at(0), 10), (at(1), None), (at(2), 50)]) == kept([(at(0), 10), (at(2), 50)])


def test_nothing_is_measured_of_an_empty_series() -> None:
    assert (Series(Grid(5)).measured, Series(Grid(5)).span) == (timedelta(0), timedelta(0))


@pytest.mark.parametrize(("days", "length"), [(19.9, KEPT_DAYS * 24), (20.1, 1)])
def test_it_is_never_longer_than_what_is_kept_and_after_a_longer_gap_begins_anew(days: float, length: int) -> None:
    whole = kept([(DAWN + timedelta(hours=hour), 10) for hour in range(24 * 22)], minutes(60), 60)
    assert len(whole.cells) == KEPT_DAYS * 24
    later = added(whole, DAWN + timedelta(days=22 + days), minutes(60), 70)
    assert (len(later.cells), later.cells[-1]) == (length, 70)


def test_a_clock_set_back_measures_those_steps_anew() -> None:
    whole = kept([(at(step), 10) for step in range(10)])
    back = added(whole, at(6), TICK, 90)
    assert list(back.cells) == [10] * 6 + [90]
    assert list(added(back, at(7), TICK, 80).cells)[-2:] == [90, 80]


@pytest.mark.parametrize(("step", "length"), [(1, 2), (0, 1), (-1, 1), (-9000, 1)])
def test_a_clock_set_back_to_the_first_step_or_before_it_begins_anew(step: int, length: int) -> None:
    whole = kept([(at(step), 10) for step in range(10)])
    assert list(added(whole, at(step), TICK, 90).cells) == [10] * (length - 1) + [90]


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
    hours = [(change + timedelta(hours=n)).astimezone(before if n <= 0 else after) for n in range(-48, 48)]
    found = kept([(moment, 1.0 + (moment - minutes(30)).hour) for moment in hours], minutes(60), 60)
    first = found.end - len(found.cells) + 1
    assert all((first + place) % 24 == cell - 1 for place, cell in enumerate(found.cells) if cell != ABSENT)
    assert list(found.cells).count(ABSENT) == lost
    assert len(found.cells) == 95 + 2 * lost


MOVES = st.lists(st.tuples(st.integers(-400, 400), st.none() | st.floats(1, MOST)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(MOVES, st.sampled_from(STEPS))
def test_any_order_of_moments_leaves_the_last_word_of_each_step_and_absence_between(
    moves: list[tuple[int, float | None]], step_min: int
) -> None:
    """A clock set forward and back, told in a dictionary: what lies after the present is unsaid."""
    found, said, step = Series(Grid(step_min)), dict[int, list[float]](), 0
    for move, cell in moves:
        step += move
        found = added(found, DAWN + (step + 1) * minutes(step_min), minutes(step_min), cell)
        said = {place: told for place, told in said.items() if place <= step and (place < step or move == 0)}
        said.setdefault(step, []).extend([] if cell is None else [cell])
        first = step - len(found.cells) + 1
        assert found.end == step_of(DAWN, found.grid) + step
        for place, kept_cell in enumerate(found.cells, first):
            told = said.get(place)
            assert kept_cell == (pytest.approx(sum(told) / len(told), abs=0.51) if told else ABSENT)
        said = {place: told for place, told in said.items() if place >= first}


# -- as JSON ---------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(MOVES, st.sampled_from(STEPS))
def test_what_is_written_is_read_again(moves: list[tuple[int, float | None]], step_min: int) -> None:
    found, moment, tick = Series(Grid(step_min)), DAWN, minutes(step_min)
    for move, cell in moves:
        moment += move * tick
        found = added(found, moment, tick, cell)
    again = decode(json.loads(json.dumps(encode(found))))
    assert (again.grid, again.end, again.cells, again.count) == (found.grid, found.end, found.cells, found.count)
    assert again.total == pytest.approx(found.total, abs=1e-3)
    assert decode(encode(again)) == again


def test_the_cells_are_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept([(at(0), 0x201)])
    assert b64decode(encode(found)["cells"]) == b"\x01\x02"
    monkeypatch.setattr(series, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert b64decode(encode(found)["cells"]) == b"\x02\x01"  # where the other order is the machine's own: swapped
    assert decode(encode(found)) == found


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
        ("count", -1),
        ("count", 0),
        ("count", 10**400),
        ("count", "1"),
        ("total", float("nan")),
        ("total", float("inf")),
        ("total", 10**400),
        ("total", -1),
        ("total", 70000),
        ("total", None),
        ("cells", ""),
        ("cells", "AA=="),
        ("cells", "no base64"),
        ("cells", "AA" * 2 * 30_000),
        ("cells", None),
    ],
)
def test_a_number_that_no_series_can_have_is_damage(key: str, value: Any) -> None:
    with pytest.raises(DAMAGED):
        decode({**GOOD, key: value})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON, st.booleans(), st.integers(-3, 7000))
def test_damage_is_told_as_damage_or_does_no_harm(key: str, value: Any, drop: bool, later: int) -> None:
    plain = {name: one for name, one in GOOD.items() if name != key} if drop else {**GOOD, key: value}
    try:
        found = decode(plain)
    except DAMAGED:
        return
    assert decode(encode(added(found, at(later), TICK, 50.0))).cells[-1] > ABSENT
