"""Durations: what is read, what is refused, and the round trip."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.durations import LONGEST, compact, parse, words

whole_seconds = st.integers(1, int(LONGEST.total_seconds()))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h30m", 9_000),
        ("1h 30m", 5_400),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1w1d1h1m1s", 694_861),
        ("  5 m ", 300),
        ("90m30s", 5_430),
        ("0h10m", 600),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: int) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "10",
        "m",
        "ten minutes",
        "10x",
        "1.5h",
        "-5m",
        "+5m",
        "30m2h",
        "5m5m",
        "10M",
        "10min",
        "10ms",
        "1e3s",
        "٣m",
        "5m\n5m",
        "9" * 5_000 + "s",
    ],
)
def test_what_is_no_duration_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration: write a number and a unit .* such as"):
        parse(text)


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'0s' is no time at all"):
        parse("0s")


def test_more_than_a_century_is_refused() -> None:
    assert parse("36500d") == LONGEST
    with pytest.raises(ValueError, match=r"'36501d' is longer than 36500 days"):
        parse("36501d")


@given(whole_seconds)
def test_what_compact_writes_parse_reads_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse(compact(duration)) == duration


@given(st.text())
def test_any_text_is_a_duration_or_a_sentence(text: str) -> None:
    try:
        told = "" if timedelta(0) < parse(text) <= LONGEST else "out of bounds"
    except ValueError as error:
        told = str(error)
    assert told == "" or told.startswith(f"'{text}' is ")


@pytest.mark.parametrize(
    ("seconds", "short", "spoken"),
    [
        (0, "0s", "0 s"),
        (0.04, "0s", "0 s"),
        (-0.04, "0s", "0 s"),
        (0.44, "0s", "0.4 s"),
        (9.96, "10s", "10 s"),
        (45, "45s", "45 s"),
        (59.7, "1m", "1 min"),
        (480, "8m", "8 min"),
        (-480, "-8m", "-8 min"),
        (90, "1m30s", "1 min 30 s"),
        (5_400, "1h30m", "1 h 30 min"),
        (3_599, "59m59s", "59 min 59 s"),
        (5_459, "1h30m59s", "1 h 31 min"),
        (86_399, "23h59m59s", "1 d"),
        (183_600, "2d3h", "2 d 3 h"),
        (187_199, "2d3h59m59s", "2 d 4 h"),
        (34_560_000, "400d", "400 d"),
    ],
)
def test_a_duration_is_said_shortly(seconds: float, short: str, spoken: str) -> None:
    duration = timedelta(seconds=seconds)
    assert (compact(duration), words(duration)) == (short, spoken)


@given(st.integers(0, 10**9))
def test_words_are_at_most_two_units_and_nearly_true(seconds: int) -> None:
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    parts = words(timedelta(seconds=seconds)).split()
    assert len(parts) in (2, 4)
    said = sum(int(number) * units[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))
    assert abs(said - seconds) <= max(1, seconds) * 0.025
