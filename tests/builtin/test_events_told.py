"""What every script for events makes of ADAPTIVE_EVENT: facts where there are some, a sentence where there are none."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.builtin import leak_report as script
from adaptive_scheduler.events import Culprit, as_text
from tests.builders import NOW, event
from tests.builtin.scripts import TOLD_OF_EVENTS, run

PARTS = ("told", "shown", "number", "facts", "amount", "moment")


@pytest.mark.parametrize("name", TOLD_OF_EVENTS)
def test_each_script_stands_alone_and_all_read_an_event_alike(name: str) -> None:
    other = importlib.import_module(f"adaptive_scheduler.builtin.{name}")
    common = [part for part in PARTS if hasattr(other, part)]
    assert {"told", "shown", "number"} <= set(common)
    for part in common:
        assert inspect.getsource(getattr(other, part)) == inspect.getsource(getattr(script, part))


def test_an_event_of_the_scheduler_is_told_as_it_stands() -> None:
    culprit = Culprit(name="make", pid=123, created=1.5, processes=8, cpu_percent=80.0)
    fields, trouble = script.told(as_text(event(culprit=culprit, source="db")))
    assert trouble == ""
    since = f"{NOW.astimezone():%Y-%m-%d %H:%M:%S}"
    assert list(script.facts(fields)) == [
        "cpu_spike: CPU 91 %, usually 40 %",
        f"  91 %, expected 40 %, since {since}; of 'db'",
        "  blamed: make (pid 123) and 7 more of that name",
    ]


def test_an_event_that_blames_nobody_says_so() -> None:
    fields, _ = script.told(as_text(event(value=None, expected=None)))
    assert list(script.facts(fields))[1].startswith("  unknown, expected unknown, since 20")
    assert list(script.facts(fields))[2] == "  nobody is blamed"


NONE_OF_OURS = [
    pytest.param("{", "is damaged", id="truncated"),
    pytest.param("[" * 100_000, "is damaged", id="too deep"),
    pytest.param('{"kind": "x", "value": ' + "9" * 5000 + "}", "is damaged", id="a number without end"),
    pytest.param("7", "tells of no event", id="no object"),
    pytest.param('["kind"]', "tells of no event", id="a list"),
    pytest.param("{}", "tells of no event", id="empty"),
    pytest.param('{"kind": 5}', "tells of no event", id="a kind that is no text"),
    pytest.param('{"kind": "\\u0000"}', "tells of no event", id="a kind without a letter"),
]


@pytest.mark.parametrize(("text", "trouble"), [*NONE_OF_OURS, (None, "no event started this"), ("", "no event")])
def test_what_is_no_event_is_said_to_be_none(text: str | None, trouble: str) -> None:
    fields, said = script.told(text)
    assert fields == {}
    assert trouble in said


FOREIGN: list[dict[str, Any]] = [
    {"kind": "memory_leak"},
    {"kind": "memory_leak", "culprit": 5, "value": "much", "since": 7, "reason": []},
    {"kind": "memory_leak", "culprit": {}, "value": True, "expected": {}, "unit": None, "since": "then"},
    {"kind": "memory_leak", "culprit": {"pid": 10**400, "created": -1}, "value": 10**400, "since": "0001-01-01T00:00"},
    {"kind": "memory_leak", "culprit": {"pid": 1.5, "created": float("inf"), "processes": "all"}, "unit": "bytes"},
    {"kind": "memory_leak", "culprit": {"pid": 2**33, "created": 1, "name": "\x1b[31m\n"}, "source": "\ud800"},
    {"kind": "high_latency", "since": "9999-12-31T23:59:59-14:00", "culprit": {"pid": -1, "created": 0}},
    {"kind": "high_latency", "since": "0001-01-01T00:00:00+14:00", "source": "disk", "tasks": 5},
]


@pytest.mark.parametrize("name", TOLD_OF_EVENTS)
@pytest.mark.parametrize("fields", FOREIGN, ids=range(len(FOREIGN)))
def test_an_event_of_another_shape_stops_no_script(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    args = ["--seconds", "0.1"] if name == "top_consumers" else []
    ran = run(name, *args, cwd=tmp_path, env={"ADAPTIVE_EVENT": json.dumps(fields)})
    assert (ran.code, ran.err) == (0, "")
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("name", TOLD_OF_EVENTS)
def test_a_damaged_event_stops_no_script(name: str, tmp_path: Path) -> None:
    args = ["--seconds", "0.1"] if name == "top_consumers" else []
    ran = run(name, *args, cwd=tmp_path, env={"ADAPTIVE_EVENT": '{"kind": "memory_le'})
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("ADAPTIVE_EVENT is damaged")


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (91, "percent", "91 %"),
        (91.25, "percent", "91.25 %"),
        (5.1e9, "bytes", "5.1 GB"),
        (12_345_678, "bytes", "12 MB"),
        (12, "ms", "12 ms"),
        (123_456_789, "", "123456789"),
        (None, "ms", "unknown"),
        (float("nan"), "ms", "unknown"),
        (True, "ms", "unknown"),
        ("12", "ms", "unknown"),
        (10**400, "ms", "unknown"),
    ],
)
def test_amounts_are_written_for_people(value: object, unit: str, told: str) -> None:
    assert script.amount(value, unit) == told


@pytest.mark.parametrize(("value", "text"), [("a\nb\x1b[0m", "a b [0m"), (" a ", "a"), (None, ""), (5, ""), ("é", "é")])
def test_foreign_text_becomes_one_printable_line(value: object, text: str) -> None:
    assert script.shown(value) == text


def test_foreign_text_is_cut() -> None:
    assert len(script.shown("x" * 1000)) == 300
