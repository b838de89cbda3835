"""Cron's expressions: what Debian's cron makes of them, and what it refuses."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.imports.firings import FIELDS, NICKNAMES, firings


def test_minutes_are_those_of_a_day_and_days_those_of_some_years() -> None:
    found = firings("*/30 8,20 * * *")
    assert found.minutes == (480, 510, 1200, 1230)
    assert found.days[:2] == (date(2001, 1, 1), date(2001, 1, 2))
    assert len(found.days) == 12 * 365 + 3


@pytest.mark.parametrize("name", NICKNAMES)
def test_a_nickname_is_its_five_fields(name: str) -> None:
    assert firings(name.upper()) == firings(NICKNAMES[name])


def test_days_of_month_and_week_are_joined_by_or_unless_one_is_a_star() -> None:
    either = firings("0 0 13 * 5").days
    assert all(day.day == 13 or day.weekday() == 4 for day in either)
    assert any(day.day != 13 for day in either)
    both = firings("0 0 */13 * 5").days
    assert all(day.day in (1, 14, 27) and day.weekday() == 4 for day in both)


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6 *"])
def test_a_day_that_no_month_has_gives_no_days(expression: str) -> None:
    assert firings(expression).days == ()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0~30 3 * * *", "a random choice"),
        ("~ 3 * * *", "a random choice"),
        ("0 0 L * *", "'L' is no field of Debian's cron"),
        ("0 0 * * 5#2", "'5#2' is no field"),
        ("5/15 * * * *", "up to the end of the range"),
    ],
)
def test_what_other_crons_know_is_read_and_told(expression: str, says: str) -> None:
    found = firings(expression)
    assert found.days
    assert says in found.remarks[0]


def test_the_first_of_a_random_range_is_taken() -> None:
    assert firings("10~30 * * * *").minutes[0] == 10
    assert firings("0 0 ~5 * *").days[0].day == 1


def test_names_of_days_and_months_are_no_letters_of_other_crons() -> None:
    assert firings("0 0 * jul wed").remarks == ()
    assert firings("0 0 * jan-jul *").remarks == ()


@pytest.mark.parametrize(
    "expression",
    ["H * * * *", "61 * * * *", "0 22-2 * * *", "0 0 15W * *", "0 0 ? * *", "*/0 * * * *", "0 0 1", "@often"],
)
def test_what_cron_refuses_is_an_error_that_quotes_it(expression: str) -> None:
    with pytest.raises(ValueError, match="'") as error:
        firings(expression)
    assert f"'{expression}'" in str(error.value)


@settings(deadline=None)  # some years of days take a moment
@given(st.lists(st.text("0123456789*/,-~LW#?afrimonsu", min_size=1, max_size=8), min_size=FIELDS, max_size=FIELDS))
def test_any_five_words_are_firings_or_an_error(fields: list[str]) -> None:
    try:
        found = firings(" ".join(fields))
    except ValueError:
        return
    assert list(found.minutes) == sorted(set(found.minutes))
    assert list(found.days) == sorted(set(found.days))
