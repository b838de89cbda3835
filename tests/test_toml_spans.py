"""Where tables and values begin and end."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.starter import STARTER
from adaptive_scheduler.toml_spans import tables

FORMS = '''top = 1 # [no.table]
[tasks.a] # about it
interval = "10m" # often
"sp ace" = """
[no.table]
"""
env.PATH = [
  "x", # [
  { a = "]" },
]
# after

[[tasks.b]]
x = 1

["quo.ted".'c']
= 5
broken =
'''


def test_a_table_has_its_lines_and_the_spans_of_its_values() -> None:
    top, a, b, quoted = tables(FORMS)
    assert [one.path for one in (top, a, b, quoted)] == [(), ("tasks", "a"), ("tasks", "b"), ("quo.ted", "c")]
    assert [(one.line, one.last, one.array) for one in (top, a, b)] == [(0, 0, False), (1, 9, False), (12, 13, True)]
    values = {path: FORMS[first:after] for path, (first, after) in a.values.items()}
    assert values == {
        ("interval",): '"10m"',
        ("sp ace",): '"""\n[no.table]\n"""',
        ("env", "PATH"): '[\n  "x", # [\n  { a = "]" },\n]',
    }
    assert top.values == {("top",): (6, 7)}


def test_a_text_without_anything_is_one_table() -> None:
    assert [(one.path, one.last) for one in tables("")] == [((), -1)]
    assert [(one.path, one.last) for one in tables("# a\n\n")] == [((), -1)]


def test_the_values_of_the_starter_are_those_that_tomllib_reads() -> None:
    data = tomllib.loads(STARTER)
    for one in tables(STARTER):
        there = data
        for name in one.path:
            there = there[name]
        assert {
            path[0]: tomllib.loads(f"x = {STARTER[first:after]}")["x"] for path, (first, after) in one.values.items()
        } == {key: value for key, value in there.items() if (key,) in one.values}


@given(st.text("[]{}=.\"'#\n\r\\ ab,", max_size=60))
def test_no_text_whatever_raises(text: str) -> None:
    found = tables(text)
    assert all(-1 <= one.last <= text.count("\n") for one in found)
    assert all(0 <= first < after <= len(text) for one in found for first, after in one.values.values())
