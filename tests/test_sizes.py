"""Sizes: what is read and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.sizes import LARGEST, UNITS, parse_size, spoken


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


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (949, "949 B"),
        (960, "1 kB"),
        (30_000, "30 kB"),
        (9_960_000, "10 MB"),
        (512_300_000, "512 MB"),
        (999_990_000, "1 GB"),
        (1_500_000_000, "1.5 GB"),
        (10**12, "1000 GB"),
    ],
)
def test_sizes_are_said_in_few_digits(count: float, words: str) -> None:
    assert spoken(count) == words


@given(st.integers(1_000, LARGEST))
def test_what_is_said_is_nearly_what_is_meant(count: int) -> None:
    assert parse_size(spoken(count)) == pytest.approx(count, rel=0.06)
