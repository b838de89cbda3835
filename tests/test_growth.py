"""Which process grows: a table of curves, the names that had been that large before, and what is kept of it."""

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.events import Culprit, Process
from adaptive_scheduler.growth import KEPT, NAMES, PEAK_DAYS, Growth, decode, encode, growers, grown, grown_most
from tests.builders import minutes
from tests.sights import BORN, GIB, MIB, process

TICK = minutes(5)
NOON = datetime(2025, 11, 2, 12, 0, tzinfo=UTC)
TOTAL = 10 * GIB
POINT = TOTAL / MIB / 100
"""MiB in one per cent of all memory."""


BACK_AND_FORTH = (0, 3, 0, 3, 0, 3, 0, 3.4, 6.8, 3.4, 6.8, 10)


def followed(
    *curves: Callable[[int], Sequence[Process]], count: int, tick: timedelta = TICK, end: datetime = NOON
) -> Growth:
    """The growth after so many cycles, each with the processes that the curves give for its number."""
    found = Growth()
    for number in range(count):
        processes = [one for curve in curves for one in curve(number)]
        found = grown(found, processes, end - (count - 1 - number) * tick, tick)
    return found


def curve(percent: Callable[[int], float], **more: Any) -> Callable[[int], list[Process]]:
    """A process whose size, in per cent of all memory, is a function of the number of the cycle."""
    return lambda number: [process(mib=percent(number) * POINT, **more)]


def steady(an_hour: float, start: float = 5.0, tick: timedelta = TICK) -> Callable[[int], float]:
    return lambda number: start + an_hour * number * (tick / timedelta(hours=1))


def most_of(growth: Growth) -> float:
    """The largest excess, 0 where nothing grows."""
    return max((one.excess for one in growers(growth, TOTAL, NOON)), default=0.0)


def test_a_process_that_leaks_is_named_with_its_growth_per_hour() -> None:
    (found,) = growers(followed(curve(steady(6)), count=12), TOTAL, NOON)
    assert (found.culprit.name, found.culprit.pid, found.culprit.created) == ("leaker", 7, BORN)
    assert found.culprit.growth_per_hour == pytest.approx(0.06 * TOTAL, rel=0.02)
    assert found.culprit.rss == found.value == pytest.approx(0.105 * TOTAL, rel=0.01)
    assert found.expected == pytest.approx(0.05 * TOTAL, rel=0.01)
    assert found.since == NOON - minutes(55)
    assert found.excess == pytest.approx(5.5 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("percent", "count", "leaks"),
    [
        pytest.param(steady(6), 11, False, id="eleven sizes are too few"),
        pytest.param(steady(6), 12, True, id="an hour"),
        pytest.param(steady(3), 12, False, id="2.75 points in an hour"),
        pytest.param(steady(3), 36, True, id="nearly 9 points in three hours"),
        pytest.param(steady(0.2), 144, False, id="2.2 points in twelve hours"),
        pytest.param(steady(0.4), 144, True, id="4.4 points in twelve hours"),
        pytest.param(lambda n: 5.0 if n < 6 else 30.0, 12, False, id="one step"),
        pytest.param(lambda n: 5.0, 144, False, id="nothing"),
        pytest.param(steady(-6, 30), 36, False, id="it shrinks"),
        pytest.param(lambda n: 5 + 6 * (n % 5), 144, False, id="saw teeth"),
        pytest.param(lambda n: 20 + 10 * math.sin(n / 6), 144, False, id="waves"),
        pytest.param(lambda n: min(40, 5 + 5 * n), 144, False, id="it filled up and stays"),
        pytest.param(lambda n: 5 + BACK_AND_FORTH[n], 12, False, id="back and forth"),
        pytest.param(lambda n: 5 + n / 2 + 3 * (n % 3 == 0), 144, True, id="it leaks with bursts"),
    ],
)
def test_what_is_a_leak(percent: Callable[[int], float], count: int, leaks: bool) -> None:
    assert (most_of(followed(curve(percent), count=count)) >= 1) is leaks


def test_a_program_that_loads_its_data_in_ten_minutes_is_no_leak_at_a_tick_of_a_minute() -> None:
    tick = minutes(1)
    growth = followed(curve(steady(60, tick=tick)), count=15, tick=tick)
    assert most_of(growth) == 0
    assert [len(one.mib) for one in growth.processes.values()] == [3]
    assert most_of(followed(curve(steady(6, tick=tick)), count=60, tick=tick)) > 1


def test_at_a_tick_of_an_hour_every_cycle_counts() -> None:
    tick = minutes(60)
    growth = followed(curve(steady(1, tick=tick)), count=12, tick=tick)
    (found,) = growers(growth, TOTAL, NOON)
    assert found.culprit.growth_per_hour == pytest.approx(0.01 * TOTAL, rel=0.02)


def test_a_restart_begins_anew() -> None:
    growth = followed(curve(steady(6)), count=12)
    for again in ({"created": BORN + 60}, {"pid": 8}, {"name": "other"}):
        later = grown(growth, [process(mib=10 * POINT, **again)], NOON + TICK, TICK)
        assert [one.mib for one in later.processes.values()] == [(round(10 * POINT),)]
        assert growers(later, TOTAL, NOON + TICK) == []


def test_a_birth_that_is_told_a_little_differently_is_the_same_and_the_latest_is_kept() -> None:
    growth = followed(curve(steady(6)), count=3)
    for number in (1, 2, 3):
        growth = grown(growth, [process(mib=800, created=BORN + number)], NOON + number * TICK, TICK)
    (one,) = growth.processes.values()
    assert (one.created, len(one.mib)) == (BORN + 3, 6)


def test_a_cycle_by_hand_in_between_adds_nothing() -> None:
    growth = followed(curve(steady(6)), count=3)
    assert grown(growth, [process(mib=9999)], NOON + minutes(2), TICK).processes == growth.processes
    assert len(grown(growth, [process(mib=9999)], NOON + minutes(3), TICK).processes[7].mib) == 4


def test_a_clock_that_was_set_back_begins_anew() -> None:
    growth = followed(curve(steady(6)), count=12)
    later = grown(growth, [process(mib=1)], NOON - timedelta(hours=1), TICK)
    assert [one.mib for one in later.processes.values()] == [(1,)]


def test_a_process_that_is_not_among_the_largest_any_more_is_forgotten() -> None:
    assert grown(followed(curve(steady(6)), count=12), [], NOON + TICK, TICK).processes == {}


def test_what_its_name_had_been_on_an_earlier_day_is_no_news() -> None:
    yesterday = grown(Growth(), [process(mib=40 * POINT, created=1.0)], NOON - timedelta(days=1), TICK)
    again = yesterday
    for number in range(12):
        again = grown(again, curve(steady(6))(number), NOON - (11 - number) * TICK, TICK)
    assert most_of(again) < 0
    higher = yesterday
    for number in range(12):
        higher = grown(higher, curve(steady(6, start=38))(number), NOON - (11 - number) * TICK, TICK)
    (found,) = growers(higher, TOTAL, NOON)
    assert found.excess == pytest.approx(3.5 / 2, rel=0.01)
    assert found.expected == pytest.approx(0.40 * TOTAL, rel=0.01)


def test_a_height_is_remembered_for_two_weeks_and_that_of_a_future_day_not_at_all() -> None:
    growth = grown(Growth(), [process(mib=500)], NOON, TICK)
    assert list(grown(growth, [], NOON + timedelta(days=PEAK_DAYS), TICK).peaks) == ["leaker"]
    assert grown(growth, [], NOON + timedelta(days=PEAK_DAYS + 1), TICK).peaks == {}
    assert grown(growth, [], NOON - timedelta(days=1), TICK).peaks == {}


def test_the_names_of_the_largest_are_remembered_and_not_more_than_some() -> None:
    many = [process(f"p{number}", pid=number + 1, mib=number + 1) for number in range(NAMES + 10)]
    peaks = grown(Growth(), many, NOON, TICK).peaks
    assert len(peaks) == NAMES
    assert f"p{NAMES + 9}" in peaks
    assert "p0" not in peaks


def test_the_one_that_is_furthest_beyond_comes_first() -> None:
    growth = followed(
        curve(steady(4), name="slow", pid=1), curve(steady(12), name="fast", pid=2), curve(lambda n: 3, pid=3), count=12
    )
    assert [one.culprit.name for one in growers(growth, TOTAL, NOON)] == ["fast", "slow"]


def test_without_knowing_how_much_memory_there_is_nothing_is_a_leak() -> None:
    growth = followed(curve(steady(6)), count=12)
    assert growers(growth, 0, NOON) == []


def test_who_grew_most_is_named_though_it_was_no_steady_rise() -> None:
    growth = followed(
        curve(lambda n: 5 if n < 6 else 9, pid=1, name="jumper"), curve(lambda n: 20, pid=2, name="big"), count=12
    )
    found = grown_most(growth, TOTAL, NOON)
    assert found is not None
    assert found.culprit == Culprit(
        name="jumper",
        pid=1,
        created=BORN,
        rss=int(9 * POINT) * MIB,
        growth_per_hour=(int(9 * POINT) - int(5 * POINT)) * MIB * 2,
    )
    assert (found.excess, found.since) == (0.0, NOON - minutes(30))


def test_nobody_is_named_who_hardly_grew() -> None:
    assert grown_most(Growth(), TOTAL, NOON) is None
    assert grown_most(followed(curve(lambda n: 5), count=1), TOTAL, NOON) is None
    assert grown_most(followed(curve(steady(0.5)), count=12), TOTAL, NOON) is None


def test_only_so_many_sizes_are_kept() -> None:
    growth = followed(curve(steady(0)), count=KEPT + 5)
    assert len(growth.processes[7].mib) == len(growth.processes[7].at) == KEPT


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 1 << 44), max_size=4), max_size=20))
def test_what_is_written_is_read_again(cycles: list[list[int]]) -> None:
    growth = Growth()
    for number, sizes in enumerate(cycles):
        processes = [process(f"p{pid}", pid, rss) for pid, rss in enumerate(sizes)]
        growth = grown(growth, processes, NOON + number * TICK, TICK)
    assert decode(json.loads(json.dumps(encode(growth)))) == growth


WRITTEN = encode(followed(curve(steady(6)), count=3))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"processes": [[7, "a", 1.0, []]]}, id="without a size"),
        pytest.param({"processes": [[7, 8, 1.0, [[1, 2]]]]}, id="a name that is a number"),
        pytest.param({"processes": [[-7, "a", 1.0, [[1, 2]]]]}, id="a negative pid"),
        pytest.param({"processes": [[True, "a", 1.0, [[1, 2]]]]}, id="a pid that is true"),
        pytest.param({"processes": [["7", "a", 1.0, [[1, 2]]]]}, id="a pid that is a text"),
        pytest.param({"processes": [[7, "a", math.nan, [[1, 2]]]]}, id="a birth that is no number"),
        pytest.param({"processes": [[7, "a", 1.0, [[2, 2], [1, 2]]]]}, id="times that go back"),
        pytest.param({"processes": [[7, "a", 1.0, [[2, 2], [2, 2]]]]}, id="times that stand still"),
        pytest.param({"processes": [[7, "a", 1.0, [[2, 1 << 60]]]]}, id="a size that nobody has"),
        pytest.param({"processes": [[7, "a", 1.0, [[2, 2, 2]]]]}, id="three numbers"),
        pytest.param({"processes": [[7, "a"]]}, id="half a process"),
        pytest.param({"processes": 5}, id="no list"),
        pytest.param({"peaks": {"a": [[1]]}}, id="half a height"),
        pytest.param({"peaks": []}, id="heights without names"),
    ],
)
def test_nonsense_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        decode({**WRITTEN, **damage})
