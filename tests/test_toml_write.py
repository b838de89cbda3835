"""What is written is what tomllib reads."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.toml_write import key, table, value

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SIMPLE = st.one_of(
    TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        ("a", '"a"'),
        ("C:\\x\\y", r"'C:\x\y'"),
        ("it's \\", r'"it\'s \\"'.replace("\\'", "'")),
        ('say "x"\n', r'"say \"x\"\n"'),
        ("\x7f", r'"\u007f"'),
        (True, "true"),
        (5, "5"),
        (0.5, "0.5"),
        (["a", 1], '["a", 1]'),
        ([], "[]"),
        ({"A": "b", "c d": 1}, '{ A = "b", "c d" = 1 }'),
        ({}, "{}"),
    ],
)
def test_a_value_is_written_as_people_write_it(one: Any, text: str) -> None:
    assert value(one) == text


@given(VALUES)
def test_a_value_is_read_as_it_was(one: Any) -> None:
    assert tomllib.loads(f"x = {value(one)}") == {"x": one}


@given(TEXT, TEXT)
def test_a_key_is_read_as_it_was(outer: str, inner: str) -> None:
    text = "\n".join(table(("tasks", outer), {inner: 1}))
    assert tomllib.loads(text) == {"tasks": {outer: {inner: 1}}}
    assert tomllib.loads(f"{key(inner)} = 1") == {inner: 1}


def test_a_list_of_tables_takes_a_line_for_each() -> None:
    assert table(("tasks", "a"), {"steps": [{"script": "x"}, {"script": "y"}], "args": []}) == [
        "[tasks.a]",
        "steps = [",
        '    { script = "x" },',
        '    { script = "y" },',
        "]",
        "args = []",
    ]


def test_half_a_character_is_an_error() -> None:
    with pytest.raises(ValueError, match="half a character"):
        value("\udc80")
