"""Pages of the manual: marks -> lines that fit every terminal and lose no word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.manpage import NARROWEST, UNBROKEN, WIDEST, Section, commands, layout, parse, terms

PAGE = """before the first heading

DESCRIPTION

A paragraph that is written
on two lines.

- an item
  that goes on
- another one

    kept   as it is
$ program --option

EXIT STATUS
0 :: Fine.
a term that is longer than others :: It stands on a line of its own,
  and its meaning goes on.

SEE ALSO
"""


def test_a_page_is_its_sections_without_what_stands_before_them() -> None:
    found = parse(PAGE)
    assert [one.title for one in found] == ["DESCRIPTION", "EXIT STATUS", "SEE ALSO"]
    assert found[0].lines[0] == "A paragraph that is written"
    assert found[2].lines == ()
    assert terms(found[1]) == ["0", "a term that is longer than others"]
    assert commands(found) == ["program --option"]


def test_marks_become_indents() -> None:
    assert layout(parse(PAGE), 40).splitlines() == [
        "DESCRIPTION",
        "    A paragraph that is written on two",
        "    lines.",
        "",
        "    - an item that goes on",
        "    - another one",
        "",
        "        kept   as it is",
        "    $ program --option",
        "",
        "EXIT STATUS",
        "    0  Fine.",
        "    a term that is longer than others",
        "        It stands on a line of its own,",
        "        and its meaning goes on.",
        "",
        "SEE ALSO",
    ]


def test_terms_stand_above_their_meanings_where_there_is_no_room_beside_them() -> None:
    page = [Section("OPTIONS", ("--a-term-of-some-length :: What it means.",))]
    assert layout(page, 80) == "OPTIONS\n    --a-term-of-some-length  What it means.\n"
    assert layout(page, 40) == "OPTIONS\n    --a-term-of-some-length\n        What it means.\n"


def test_no_line_is_broken_at_an_unbroken_space() -> None:
    text = layout([Section("SYNOPSIS", (" ".join([f"[--name{UNBROKEN}NAME]"] * 9),))], 40)
    assert text.count("[--name NAME]") == 9
    assert UNBROKEN not in text


@pytest.mark.parametrize(("asked", "columns"), [(1, NARROWEST), (80, 80), (500, WIDEST)])
def test_a_page_is_as_wide_as_the_terminal_within_reason(asked: int, columns: int) -> None:
    lines = layout([Section("A", ("word " * 200,))], asked).splitlines()
    assert columns - 5 < max(map(len, lines)) <= columns


@given(st.lists(st.text("abc-:$ ", min_size=1, max_size=40), max_size=8), st.integers(10, 120))
def test_no_word_is_lost_and_no_line_too_long(lines: list[str], width: int) -> None:
    text = layout([Section("A", tuple(line.strip() for line in lines))], width)
    shown = [word for line in text.splitlines()[1:] for word in line.split()]
    kept = [word for line in lines for word in line.replace(" :: ", "  ").split()]
    assert [word for word in shown if word != "::"] == [word for word in kept if word != "::"]
