"""A task more, a task less, another value: whatever is not meant stays to the letter."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.starter import STARTER
from adaptive_scheduler.toml_edit import added, with_value, without
from adaptive_scheduler.toml_write import table

SHIPPED = (Path(__file__).parents[1] / "tasks.toml").read_text(encoding="utf-8")
NEW = ["# from somewhere", *table(("tasks", "new"), {"interval": "1h", "args": ["a\nb"], "env": {"A": "b"}})]
SEVERAL = """\
# The file

# About a
[tasks.a] # here
script = "a" # why
args = [
  "x", # first
]
# window = ["22:00-05:00"]

# About b
# and more
[tasks.b]
script = "b"
# Right above c
[tasks.c]
script = "c"

[tasks.c.env]
A = "b"

# Nobody's

[log]
keep = 5
"""
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "# c",
            '  # "',
            "[scheduler]",
            "[tasks.a]",
            'x = """\n[tasks.new]\n"""',
            "[[tasks.b]]",
            " ",
            "y = [\n# [\n]",
        ]
    ),
    max_size=12,
)


@pytest.mark.parametrize("text", [STARTER, SHIPPED, SEVERAL, "", "\n", "a = 1", "a = 1\n\n\n", "# c", "a = 1\n  "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_was_added_can_be_taken_out_again_to_the_letter(text: str, end: str) -> None:
    text = text.replace("\n", end)
    longer = added(text, NEW)
    assert longer.startswith(text)
    assert without(longer, "new") == text


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_adding_and_removing_gives_back_any_file_to_the_letter(lines: list[str], end: str, ended: bool) -> None:
    text = "\n".join(lines).replace("\n", end) + (end if ended else "")
    assert without(added(text, NEW), "new") == text


@pytest.mark.parametrize(("text", "end"), [("a = 1\r\nb = 2\r\n", "\r\n"), ("a = 1\n", "\n"), ("", "\n")])
def test_new_lines_end_as_the_others_do(text: str, end: str) -> None:
    assert added(text, ["[tasks.a]", "x = 1"]).endswith(f"[tasks.a]{end}x = 1{end}")
    assert with_value(added(text, ["[tasks.a]", "x = 1"]), "a", "y", 2).endswith(f"x = 1{end}y = 2{end}")


def test_a_task_takes_the_comments_that_are_its_own_along() -> None:
    assert without(SEVERAL, "a") == SEVERAL.replace(
        SEVERAL[SEVERAL.index("# About a") : SEVERAL.index("# About b")], ""
    )
    rest = without(SEVERAL, "b")
    assert "About b" not in rest
    assert "# Right above c\n[tasks.c]" in rest
    rest = without(SEVERAL, "c")
    assert rest.endswith('[tasks.b]\nscript = "b"\n\n# Nobody\'s\n\n[log]\nkeep = 5\n')
    assert without('[tasks.a]\nscript = "a"\n\n[log]\nkeep = 5\n', "a") == "[log]\nkeep = 5\n"


@pytest.mark.parametrize("name", ["health_check", "performance_analysis", "system_maintenance", "event_analysis"])
def test_what_a_removal_leaves_of_the_shipped_file_is_all_the_rest(name: str) -> None:
    before = tomllib.loads(SHIPPED)
    del before["tasks"][name]
    after = without(SHIPPED, name)
    assert tomllib.loads(after) == before
    assert set(after.split("\n")) <= set(SHIPPED.split("\n"))
    assert "\n\n\n" not in after


@pytest.mark.parametrize(
    ("key", "wanted", "before", "after"),
    [
        ("script", "z", '"a" # why', '"z" # why'),
        ("args", ["y"], 'args = [\n  "x", # first\n]', 'args = ["y"]'),
        ("enabled", False, "]\n# window", "]\nenabled = false\n# window"),
    ],
)
def test_a_key_is_set_in_its_place_or_below_the_last_one(key: str, wanted: object, before: str, after: str) -> None:
    assert with_value(SEVERAL, "a", key, wanted) == SEVERAL.replace(before, after, 1)


def test_a_key_is_set_where_the_file_ends_without_a_line_end() -> None:
    assert with_value("[tasks.a]\r\nx = 1\r\n[tasks.b]\r\ny = 1", "b", "z", 2).endswith("y = 1\r\nz = 2")
    assert with_value("[tasks.a]", "a", "z", 2) == "[tasks.a]\nz = 2"


@pytest.mark.parametrize(
    "text", ["[tasks]\na = { x = 1 }\n", "[tasks]\na.x = 1\n", "tasks.a.x = 1\n", "[tasks.b]\nx = 1\n"]
)
def test_a_task_without_a_table_of_its_own_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(UsageError, match=r"'a' has no table \[tasks.a\] of its own"):
        without(text, "a")
    with pytest.raises(UsageError, match="edit tasks.toml by hand"):
        with_value(text, "a", "x", 2)


@pytest.mark.parametrize("text", ['[tasks.a]\nenv.A = "b"\n', '[tasks.a]\nx = 1\n[tasks.a.env]\nA = "b"\n'])
def test_a_key_that_is_written_in_several_lines_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(UsageError, match="'env' of 'a' is written in several lines"):
        with_value(text, "a", "env", {})


def test_a_task_that_has_inner_tables_alone_has_no_place_for_a_key() -> None:
    with pytest.raises(UsageError, match="has no table"):
        with_value('[tasks.a.env]\nA = "b"\n', "a", "x", 1)
