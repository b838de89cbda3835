"""Where keys stand: by hand for each form of TOML, and against tomllib for made-up files."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.toml_lines import line_of, lines

EVERY_FORM = r'''# comment = 1
top = "#no comment" # [no.table]
"quoted.key" = 'it''s'

[tasks.a]
interval = "10m"
"sp ace" = """
interval = "5m"
[no.table]
"""""
env.PATH = '''.removesuffix("\n") + "'''\nx = 1\n'''\n" + r'''"\u00e9\t\x41" = 1
steps = [ # [
  { script = "a", args = ["x",
     "y"] },
  { script = "b]" },
]
when = 2025-01-01 10:00:00
ratio = 1.5

[[tasks.b.steps]]
name = "first"
[tasks.b.steps.env]
X = "1"
[[tasks.b.steps]]
name = "second"
[tasks]
'''  # fmt: skip


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted.key",), 3),
        (("tasks", "a"), 5),
        (("tasks", "a", "interval"), 6),
        (("tasks", "a", "sp ace"), 7),
        (("tasks", "a", "env"), 11),
        (("tasks", "a", "env", "PATH"), 11),
        (("tasks", "a", "é\tA"), 14),
        (("tasks", "a", "steps"), 15),
        (("tasks", "a", "steps", 0), 16),
        (("tasks", "a", "steps", 0, "script"), 16),
        (("tasks", "a", "steps", 0, "args"), 16),
        (("tasks", "a", "steps", 0, "args", 1), 17),
        (("tasks", "a", "steps", 1, "script"), 18),
        (("tasks", "a", "when"), 20),
        (("tasks", "a", "ratio"), 21),
        (("tasks", "b", "steps"), 23),
        (("tasks", "b", "steps", 0), 23),
        (("tasks", "b", "steps", 0, "env", "X"), 26),
        (("tasks", "b", "steps", 1), 27),
        (("tasks", "b", "steps", 1, "name"), 28),
        (("tasks",), 29),
    ],
    ids=str,
)
def test_each_form_of_a_key_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert lines(EVERY_FORM).get(path) == line


def test_nothing_in_texts_and_comments_is_taken_for_a_key() -> None:
    assert not [path for path in lines(EVERY_FORM) if "no" in path or "comment" in path or "x" in path]


def test_empty_brackets_end_where_they_begin() -> None:
    assert lines("a = {}\nb = { }\nc = []\nd = [ {}, [] ]\n") == {
        ("a",): 1,
        ("b",): 2,
        ("c",): 3,
        ("d",): 4,
        ("d", 0): 4,
        ("d", 1): 4,
    }


def test_a_text_may_end_in_a_quote_of_its_own() -> None:
    assert lines('a = ["""x"""", "b"]\n') == {("a",): 1, ("a", 0): 1, ("a", 1): 1}


def test_windows_line_ends_count_once() -> None:
    assert lines("a = 1\r\n\r\nb = 2\r\n") == {("a",): 1, ("b",): 3}


def test_a_path_that_stands_nowhere_has_the_line_of_its_nearest_ancestor() -> None:
    known = lines("\n[tasks.a]\nsteps = [\n]\n")
    assert line_of(known, ("tasks", "a", "interval")) == 2
    assert line_of(known, ("tasks", "a", "steps", 7, "script")) == 3
    assert line_of(known, ("rhythm", "low_cpu")) == 1


def test_a_table_defined_twice_keeps_its_first_line() -> None:
    assert lines("[a]\n[b]\n[a]\n")[("a",)] == 1


@given(st.text(alphabet="[]{}=,.#'\"\\ \n\tab1é", max_size=60))
def test_no_text_is_too_broken_for_it(text: str) -> None:
    known = lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in known.values())


scalars = st.sampled_from(["1", "1.5", "true", '"a # b"', "'[x]'", "2025-01-01 10:00:00", '"""\n[t]\nk = 1\n"""'])
trees: Any = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


class Writer:
    """Writes a tree as TOML in forms that it draws, each key a word of its own, and notes where they stand."""

    def __init__(self, data: st.DataObject) -> None:
        self.data, self.text = data, ""
        self.expected: dict[tuple[str | int, ...], int] = {}

    def key(self, path: tuple[str | int, ...], name: str) -> str:
        unique = f"{name}{len(self.expected)}"
        self.expected[(*path, unique)] = self.text.count("\n") + 1
        quote = self.data.draw(st.sampled_from(["", '"', "'"]))
        self.text += f"{quote}{unique}{quote}"
        return unique

    def table(self, path: tuple[str | int, ...], tree: dict[str, Any]) -> None:
        below: list[tuple[str, Any]] = []
        for name, value in tree.items():
            if isinstance(value, dict) and self.data.draw(st.booleans()):
                below.append((name, value))
                continue
            own = self.key(path, name)
            self.text += " = "
            self.value((*path, own), value)
            self.text += self.data.draw(st.sampled_from(["\n", " # [c]\n", "\n\n"]))
        for name, value in below:
            self.text += "[" + "".join(f'"{part}".' for part in path)
            own = self.key(path, name)
            self.text += "]\n"
            self.table((*path, own), value)

    def value(self, path: tuple[str | int, ...], value: Any) -> None:
        if isinstance(value, str):
            self.text += value
        elif isinstance(value, list):
            self.text += "["
            for place, item in enumerate(value):
                self.text += self.data.draw(st.sampled_from(["", "\n ", " # ]\n"]))
                self.expected[(*path, place)] = self.text.count("\n") + 1
                self.value((*path, place), item)
                self.text += ","
            self.text += "]"
        else:
            self.text += "{"
            for place, (name, item) in enumerate(value.items()):
                self.text += ", " if place else " "
                own = self.key(path, name)
                self.text += " = "
                self.value((*path, own), item)
            self.text += " }"


def paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Return the path of every key and element in what tomllib returned."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path} - {()} | {below for key, child in children for below in paths(child, (*path, key))}


@given(st.dictionaries(st.sampled_from("abcd"), trees, max_size=4), st.data())
def test_every_path_that_tomllib_reads_has_the_line_on_which_it_stands(tree: dict[str, Any], data: Any) -> None:
    writer = Writer(data)
    writer.table((), tree)
    assert paths(tomllib.loads(writer.text)) == set(writer.expected)
    assert lines(writer.text) == writer.expected


@pytest.mark.parametrize("deep", ["[" * 5000, "{a=" * 5000, "[{b=" * 5000])
def test_what_is_nested_too_deeply_is_left_out_and_costs_no_memory(deep: str) -> None:
    known = lines(f"x = 1\ny = {deep}")
    assert (known["x",], known["y",]) == (1, 2)
    assert max(map(len, known)) < 250


def test_a_key_of_too_many_parts_is_cut_and_costs_no_memory() -> None:
    known = lines(".".join("a" * 5000) + " = 1\nb = 2\n[" + ".".join("a" * 5000) + "]\nb = 3")
    assert known["b",] == 2
    assert max(map(len, known)) < 250
