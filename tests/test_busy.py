"""How busy each hour of the week is: local hours, lengths as weights, empty where nothing was measured."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.busy import Stretch, mean, mean_of, parts, stretches, week
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.times import local_time
from tests.builders import NOW, minutes
from tests.platforms import posix_only

TICK = minutes(5)
MONDAY = datetime(2025, 11, 3, tzinfo=UTC)


def unchanged(moment: datetime) -> datetime:
    return moment


def load(*cpus: float | None, first: datetime = MONDAY, foreign: float | None = None) -> list[Sample]:
    return [Sample(first + at * TICK, cpu, 40.0, foreign) for at, cpu in enumerate(cpus, start=1)]


@pytest.mark.parametrize(
    ("minutes_after", "seconds"),
    [([5], [300]), ([5, 10], [300, 300]), ([5, 6], [300, 60]), ([5, 15], [300, 600]), ([5, 60], [300, 300])],
    ids=["the first", "a tick", "a call by hand", "a tick was missed", "the machine was off"],
)
def test_a_sample_stands_for_the_time_since_the_one_before(minutes_after: list[int], seconds: list[float]) -> None:
    samples = [Sample(MONDAY + minutes(count), 10.0, None) for count in minutes_after]
    assert [one.seconds for one in stretches(samples, TICK, unchanged)] == seconds


def test_a_clock_set_back_makes_no_negative_time() -> None:
    samples = [Sample(MONDAY + minutes(5), 10.0, None), Sample(MONDAY, 20.0, None)]
    assert [one.seconds for one in stretches(samples, TICK, unchanged)] == [300, 300]


def test_a_sample_counts_for_the_hour_in_which_its_time_was() -> None:
    """The one stamped 01:00 is the mean from 00:55 on."""
    hours = week(stretches(load(*[10.0] * 12, 90.0), TICK, unchanged))
    assert [(one.weekday, one.hour, one.cpu) for one in hours if one.days] == [(0, 0, 10.0), (0, 1, 90.0)]


@pytest.mark.parametrize(
    ("after", "length", "hours"),
    [(60, 5, [0]), (62, 5, [0]), (63, 5, [1]), (120, 120, [0, 1]), (150, 120, [0, 1, 2]), (140, 120, [0, 1])],
    ids=["in it", "mostly in it", "mostly in the next", "two", "one and two halves", "the next is only touched"],
)
def test_a_long_sample_counts_for_every_hour_that_it_fills(after: int, length: int, hours: list[int]) -> None:
    known = stretches([Sample(MONDAY + minutes(after), 10.0, None)], minutes(length), unchanged)
    assert [one.hour for one in week(known) if one.days] == hours


@given(st.integers(0, 7 * 24 * 3600), st.integers(1, 7200))
def test_no_part_is_longer_than_its_slot_nor_all_longer_than_the_whole(end_s: int, length_s: int) -> None:
    (one,) = stretches([Sample(MONDAY + timedelta(seconds=end_s), 1.0, None)], timedelta(seconds=length_s), unchanged)
    found = list(parts(one, minutes(15)))
    assert 0 < sum(seconds for _, seconds in found) <= one.seconds + 1
    assert all(0 < seconds <= 15 * 60 for _, seconds in found)
    assert one.middle in [moment for moment, _ in found]


def test_an_hour_without_samples_is_empty_and_not_idle() -> None:
    hours = week(stretches(load(50.0), TICK, unchanged))
    assert len(hours) == 7 * 24
    assert [one.cpu for one in hours] == [50.0] + [None] * 167
    assert week([])[0].memory is None


def test_hours_are_those_of_the_local_clocks() -> None:
    seoul = timezone(timedelta(hours=9))
    hours = week(stretches(load(50.0), TICK, lambda moment: moment.astimezone(seoul)))
    assert [(one.weekday, one.hour) for one in hours if one.days] == [(0, 9)]


def test_days_are_counted_once_each() -> None:
    samples = [one for day in range(15) for one in load(10.0, 20.0, first=MONDAY + timedelta(days=day))]
    assert [one.days for one in week(stretches(samples, TICK, unchanged)) if one.days] == [3, 2, 2, 2, 2, 2, 2]


@posix_only("tzset")
def test_a_day_of_25_hours_fills_its_repeated_hour_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        midnight = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)  # 00:00 in Berlin; at 03:00 its clocks go back to 02:00
        known = stretches(load(*[10.0] * (25 * 12), first=midnight), TICK, local_time(midnight.astimezone()))
        assert {one.middle.date().isoformat() for one in known} == {"2025-10-26"}
        assert [sum(one.middle.hour == hour for one in known) for hour in (1, 2, 3, 23)] == [12, 24, 12, 12]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_pretended_time_keeps_its_own_zone() -> None:
    away = timezone(timedelta(hours=13, minutes=45))
    assert local_time(NOW.astimezone(away))(NOW).utcoffset() == timedelta(hours=13, minutes=45)


def test_what_others_use_is_the_load_where_it_is_known() -> None:
    known = stretches([*load(60.0, foreign=20.0), Sample(MONDAY + 2 * TICK, 40.0, None)], TICK, unchanged)
    assert [one.load for one in known] == [20.0, 40.0]
    assert mean_of(known, "load") == 30.0


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 100)), st.floats(1, 600))))
def test_a_mean_lies_between_the_values_that_are_known(values: list[tuple[float | None, float]]) -> None:
    found = mean(values)
    known = [value for value, _ in values if value is not None]
    if not known:
        assert found is None
    else:
        assert found is not None
        assert min(known) - 1e-9 <= found <= max(known) + 1e-9


def test_a_long_stretch_weighs_more_than_a_short_one() -> None:
    ones = [Stretch(MONDAY, 300, MONDAY, 10.0, None, None), Stretch(MONDAY, 60, MONDAY, 70.0, None, None)]
    assert mean_of(ones, "cpu") == 20.0
