"""The quietest times for a task: inside its window, long enough for it, from habits and not from accidents."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.busy import Stretch
from adaptive_scheduler.model import Window
from adaptive_scheduler.quiet import MIN_DAYS, SLOTS, profile, quietest
from tests.builders import minutes

MONDAY = datetime(2025, 11, 3, tzinfo=UTC)
FLAT: list[float | None] = [50.0] * SLOTS
DAY_MINUTES = 24 * 60


def but(**slots: float | None) -> list[float | None]:
    """Return a flat day but for some slots, each named by its beginning, such as `at0315`."""
    day = list(FLAT)
    for name, load in slots.items():
        day[(int(name[2:4]) * 60 + int(name[4:])) // 15] = load
    return day


def at(day: list[float | None], takes: float, *windows: Window) -> list[tuple[str, float]]:
    found = quietest(day, minutes(takes), windows)
    return [(f"{one.start // 60:02}:{one.start % 60:02}", one.load) for one in found]


def window(start: str, end: str) -> Window:
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    return Window(first, last)


@pytest.mark.parametrize(
    ("day", "takes", "windows", "best"),
    [
        (but(at0315=5), 1, [], ("03:15", 5)),
        (but(at0315=5, at1200=8), 20, [], ("03:00", 27.5)),
        (but(at2345=10, at0000=10), 30, [], ("23:45", 10)),
        (but(at0315=5, at1200=8), 1, [window("10:00", "14:00")], ("12:00", 8)),
        (but(at0315=5, at2300=8), 1, [window("22:00", "02:00")], ("23:00", 8)),
        (but(at2345=5, at0000=5), 30, [window("22:00", "00:00")], ("23:30", 27.5)),
        (but(at0600=5), 60, [window("06:00", "06:15")], ("06:00", 38.75)),
        (but(at0315=5), 1, [window("00:00", "00:00")], ("03:15", 5)),
        (but(at0315=5), 3000, [], ("00:00", pytest.approx(50 - 45 / 96))),
    ],
    ids=[
        "a slot",
        "a longer task",
        "over midnight",
        "a window",
        "a window over midnight",
        "it fits into its window",
        "longer than its window",
        "a window of all day",
        "longer than a day",
    ],
)
def test_the_quietest_time_of_a_day(
    day: list[float | None], takes: float, windows: list[Window], best: tuple[str, float]
) -> None:
    assert at(day, takes, *windows)[0] == best


def test_three_are_told_and_none_overlaps_another() -> None:
    assert at(but(at0300=1, at0315=2, at0330=3, at1200=4), 30) == [("03:00", 1.5), ("03:30", 26.5), ("11:45", 27.0)]
    assert at(FLAT, 24 * 60) == [("00:00", 50)]


def test_no_stretch_leads_through_a_time_that_was_not_seen() -> None:
    assert at(but(at0315=1, at0330=None), 30)[0] == ("03:00", 25.5)
    assert at([None] * SLOTS, 1) == []


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=SLOTS, max_size=SLOTS),
    st.integers(1, 2000),
    st.lists(st.builds(Window, st.integers(0, DAY_MINUTES - 1), st.integers(0, DAY_MINUTES - 1)), max_size=2),
)
def test_what_is_told_is_in_order_apart_and_begins_in_a_window(
    day: list[float | None], takes: int, windows: list[Window]
) -> None:
    found = quietest(day, minutes(takes), windows)
    assert [one.load for one in found] == sorted(one.load for one in found)
    busy = [minute % DAY_MINUTES for one in found for minute in range(one.start, one.end)]
    assert len(busy) == len(set(busy))
    for one in found:
        inside = [
            (one.start - span.start) % DAY_MINUTES < ((span.end - span.start) % DAY_MINUTES or DAY_MINUTES)
            for span in windows
        ]
        assert not windows or any(inside)


def stretch(day: int, minute: int, load: float | None) -> Stretch:
    middle = MONDAY + timedelta(days=day, minutes=minute)
    return Stretch(middle, 300, middle, load, None, None)


def test_a_time_seen_on_too_few_days_is_an_accident() -> None:
    known = [stretch(day, 15, 10.0 * day) for day in range(MIN_DAYS)]
    known += [stretch(day, 30, 1.0) for day in range(MIN_DAYS - 1)] + [stretch(0, 31, 1.0)]
    known += [stretch(MIN_DAYS, 30, None)]
    assert [(slot, load) for slot, load in enumerate(profile(known)) if load is not None] == [(1, 10.0)]
