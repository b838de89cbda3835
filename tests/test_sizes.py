"""Sizes: what is read and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.sizes import LARGEST, UNITS, parse_size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1MB", 10**6),
        ("1mb", 10**6),
        ("1 MiB", 2**20),
        ("1.5GB", 1_500_000_000),
        (" 20 kB ", 20_000),
        ("7B", 7),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, count: int) -> None:
    assert parse_size(text) == count


@given(st.integers(1, 10**6), st.sampled_from(sorted(UNITS)))
def test_any_number_and_unit_multiply(number: int, unit: str) -> None:
    if number * UNITS[unit] <= LARGEST:
        assert parse_size(f"{number}{unit}") == number * UNITS[unit]


@pytest.mark.parametrize("text", ["", "1", "MB", "1TB", "-1MB", "1e3kB", "1 M", "1.MB", "٣MB", "1MBB"])
def test_what_is_no_size_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size: write a number and a unit, such as"):
        parse_size(text)


@pytest.mark.parametrize(("text", "told"), [("0MB", "no bytes at all"), ("1001GB", "more than a terabyte")])
def test_a_size_out_of_bounds_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_size(text)


@given(st.text(alphabet="0123456789. kKMGiB\n", max_size=8))
def test_any_text_is_a_size_or_a_sentence(text: str) -> None:
    try:
        told = "" if 1 <= parse_size(text) <= LARGEST else "out of bounds"
    except ValueError as error:
        told = str(error)
    assert told == "" or told.startswith(f"'{text}' is ")
