"""Days and times become the interval and the windows that come closest."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.durations import compact
from adaptive_scheduler.imports.beat import MINUTES_A_DAY, MOST_WINDOWS, Beat, beat, window
from adaptive_scheduler.imports.firings import firings

DAYS = [date(2001, 1, 1) + timedelta(days=number) for number in range(1000)]


def of(expression: str) -> Beat:
    found = firings(expression)
    return beat(found.days, found.minutes)


@pytest.mark.parametrize(
    ("expression", "interval", "windows"),
    [
        ("*/10 * * * *", "10m", []),
        ("5-55/10 * * * *", "10m", []),
        ("09,39 * * * *", "30m", []),
        ("0 * * * *", "1h", []),
        ("0 */6 * * *", "6h", []),
        ("0 3 * * *", "22h", ["03:00-05:00"]),
        ("30 22 * * *", "22h", ["22:30-00:30"]),
        ("*/15 9-17 * * *", "15m", ["09:00-18:00"]),
        ("0 9-17 * * *", "1h", ["09:00-18:00"]),
        ("30 7-23 * * *", "1h", ["07:30-00:30"]),
        ("0 9-12,14-17 * * *", "1h", ["09:00-13:00", "14:00-18:00"]),
        ("0 22,23,0,1 * * *", "1h", ["22:00-02:00"]),
        ("0 6,22 * * *", "6h", ["06:00-08:00", "22:00-00:00"]),
        ("0 8,9,17 * * *", "1h", ["08:00-10:00", "17:00-18:00"]),
        ("0,1 3 * * *", "1m", ["03:00-03:30"]),
        ("*/7 * * * *", "7m", []),
        ("*/7 9-17 * * *", "7m", ["09:00-18:03"]),
        ("0 */5 * * *", "5h", []),
        ("0,7,50 * * * *", "20m", []),
        ("*/45 * * * *", "30m", []),
    ],
)
def test_what_comes_every_day_is_an_interval_with_windows(expression: str, interval: str, windows: list[str]) -> None:
    found = of(expression)
    assert (compact(found.interval), list(found.windows)) == (interval, windows)
    assert found.enabled
    assert found.adaptive


@pytest.mark.parametrize(
    ("expression", "interval", "says"),
    [
        ("0 0 * * 0", "7d", "on each Sunday"),
        ("0 0 1 * *", "30d", "on certain days of the month or the year"),
        ("0 0 1 1 *", "365d", "from its first run on"),
        ("0 0 1 */3 *", "92d", "every 92 d"),
        ("0 2 * * 1-5", "2d", "on each Monday, Tuesday, Wednesday, Thursday, Friday"),
        ("0 2 * * sat,sun", "4d", "on each Saturday, Sunday"),
        ("0 0 */2 * *", "2d", "a script that must keep to its days asks for the date itself"),
        ("0 0 13 * 5", "6d", "every 6 d"),
    ],
)
def test_days_are_counted_no_more_often_than_before_and_told(expression: str, interval: str, says: str) -> None:
    found = of(expression)
    assert (compact(found.interval), found.adaptive, found.enabled) == (interval, False, True)
    assert len(found.windows) == 1
    assert says in found.remarks[0]


@pytest.mark.parametrize(
    ("expression", "interval", "enabled", "says"),
    [
        ("*/15 9-17 * * 1-5", "21m", True, "every 21 min on all days makes no more runs than every 15 min on those"),
        ("0 9,10 * * 1", "1h", False, "far too often: it is switched off"),
        ("*/5 * 1 * *", "5m", False, "far too often: it is switched off"),
        ("0 0 29 2 *", "366d", False, "less than once a year"),
    ],
)
def test_what_comes_on_some_days_is_stretched_or_switched_off(
    expression: str, interval: str, enabled: bool, says: str
) -> None:
    found = of(expression)
    assert (compact(found.interval), found.enabled) == (interval, enabled)
    assert says in " ".join(found.remarks)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0,7,50 * * * *", "uneven (7 min, 10 min, 43 min); the nearest is every 20 min"),
        ("0 */12 * * *", "it came at 00:00, 12:00; here it counts from its first run"),
        ("0 */4 * * *", "it came at 00:00, 04:00, 08:00, 12:00, ...; here"),
        ("0 6,22 * * *", "once in each window"),
        ("0,1 3 * * *", "its window is 30 min"),
    ],
)
def test_what_is_not_kept_is_told(expression: str, says: str) -> None:
    assert says in " ".join(of(expression).remarks)


def test_what_is_kept_needs_no_remark() -> None:
    kept = ["*/10 * * * *", "0 3 * * *", "*/15 9-17 * * *", "0 9-12,14-17 * * *"]
    assert [of(one).remarks for one in kept] == [()] * len(kept)


def test_a_single_day_is_less_than_once_a_year() -> None:
    assert not beat(DAYS[:1], [0]).enabled
    assert not beat(DAYS[:1], [0, 60, 300]).enabled


def test_no_day_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="never comes"):
        beat([], [0])
    with pytest.raises(ValueError, match="never comes"):
        beat(DAYS, [])


@given(st.lists(st.integers(0, MINUTES_A_DAY - 1), min_size=1, max_size=60, unique=True).map(sorted))
def test_every_time_of_the_day_has_a_beat_that_reaches_it(minutes: Sequence[int]) -> None:
    found = beat(DAYS, minutes)
    assert timedelta(minutes=1) <= found.interval <= timedelta(days=1)
    assert len(found.windows) <= MOST_WINDOWS
    if found.windows:
        inside = {
            (start + offset) % MINUTES_A_DAY
            for start, length in map(_minutes, found.windows)
            for offset in range(length)
        }
        assert inside >= set(minutes)


@given(st.integers(0, 2 * MINUTES_A_DAY), st.integers(1, MINUTES_A_DAY - 1))
def test_a_window_is_as_long_as_it_was_asked_for(start: int, length: int) -> None:
    assert _minutes(window(start, length)) == (start % MINUTES_A_DAY, length)


@given(st.sets(st.integers(0, 999), min_size=2, max_size=400).map(sorted))
def test_a_single_time_on_some_days_comes_no_more_often_than_before(numbers: Sequence[int]) -> None:
    days = [DAYS[number] for number in numbers]
    found = beat(days, [180])
    mean = (days[-1] - days[0]) / (len(days) - 1)
    # Its window opens once a day: 22 h are no more often than that.
    apart = max(found.interval, timedelta(days=1))
    assert apart >= mean or not found.enabled or apart in (timedelta(days=30), timedelta(days=365))


def _minutes(text: str) -> tuple[int, int]:
    first, last = (60 * int(clock[:2]) + int(clock[3:]) for clock in text.split("-"))
    return first, (last - first) % MINUTES_A_DAY or MINUTES_A_DAY
