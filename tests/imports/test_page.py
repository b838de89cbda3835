"""Names and text: what is imported reads as a tasks.toml, and names are nobody else's."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.imports.base import Piece
from adaptive_scheduler.imports.page import block, named, text
from adaptive_scheduler.names import faults, impossible

VALUES = {"interval": "10m", "script": "x.py"}


def piece(name: str = "a", values: Any = VALUES, **more: Any) -> Piece:
    return Piece(1, "* * * * * x", "task", **({"name": name, "values": values} | more))


@pytest.mark.parametrize(
    ("wishes", "existing", "names"),
    [
        (["a", "a", "a"], {}, ["a", "a-2", "a-3"]),
        (["a", "A"], {}, ["a", "A-2"]),
        (["a"], {"a": {"script": "other"}}, ["a-2"]),
        (["a"], {"A": VALUES}, ["a-2"]),
        (["a"], {"a": VALUES}, ["a"]),
        (["a", "a"], {"a": VALUES}, ["a", "a-2"]),
        (
            ["my job.v1", "x/y", "..", "con", "", "x" * 80],
            {},
            ["my-job.v1", "x-y", "task", "task-2", "task-3", "x" * 60],
        ),
    ],
)
def test_a_name_is_free_or_has_a_number(wishes: list[str], existing: dict[str, Any], names: list[str]) -> None:
    assert [one.name for one in named([piece(wish) for wish in wishes], existing)] == names


def test_the_very_same_task_is_left_as_it_is_and_told() -> None:
    (one,) = named([piece()], {"a": dict(VALUES)})
    assert not one.new
    assert one.remarks == ("'a' stands in tasks.toml already, just so: left as it is",)
    assert block(one)[0] == "# from line 1: * * * * * x"
    assert not any(line.startswith("[") for line in block(one))


def test_a_name_that_was_taken_is_told() -> None:
    assert named([piece(), piece()], {})[1].remarks == ("'a' was taken, so it is 'a-2'",)


@given(st.lists(st.text(max_size=80), max_size=8))
def test_every_name_is_possible_and_none_is_hard_to_tell_from_another(wishes: list[str]) -> None:
    names = [one.name for one in named([piece(wish) for wish in wishes], {"task": {}})]
    assert all(impossible(name, "a task") is None for name in names)
    assert list(faults([*names, "task"], "a task")) == []


def test_a_task_stands_below_where_it_comes_from_and_what_is_to_know() -> None:
    (one,) = named([piece(remarks=("it is not kept",))], {})
    assert block(one) == [
        "# from line 1: * * * * * x",
        "#   note: it is not kept",
        "[tasks.a]",
        'interval = "10m"',
        'script = "x.py"',
    ]


def test_what_becomes_no_task_is_a_comment() -> None:
    found = named(
        [
            Piece(1, "# One", "comment"),
            Piece(2, "#Two", "comment"),
            Piece(4, "A=b", "setting"),
            Piece(5, "# Three", "comment"),
            Piece(6, "@reboot x", "left out", ("no",)),
        ],
        {},
    )
    assert text(found, ["Made"]).split("\n\n") == [
        "# Made",
        "# One\n#Two",
        "# setting, from line 4: A=b",
        "# Three",
        "# left out, from line 6: @reboot x\n#   note: no\n",
    ]


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=4))
def test_the_text_is_toml_whatever_stands_in_it(found: list[tuple[str, str, str]]) -> None:
    pieces = [Piece(1, source, kind, (source,), name="a", values=VALUES if kind else None) for source, kind, _ in found]
    told = tomllib.loads(text(named(pieces, {}), [heading for _, _, heading in found]))
    assert len(told.get("tasks", {})) == sum(bool(kind) for _, kind, _ in found)
