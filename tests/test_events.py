"""Events as values: they read back from their JSON, and what is none is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.events import Culprit, Event, as_text, decode, encode
from tests.builders import event

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=20)
CULPRITS = st.builds(
    Culprit,
    name=TEXTS,
    pid=st.integers(0, 1 << 22),
    created=NUMBERS,
    rss=st.none() | st.integers(0, 1 << 40),
    growth_per_hour=st.none() | st.integers(-(1 << 40), 1 << 40),
    cpu_percent=st.none() | NUMBERS,
    run_id=TEXTS,
    processes=st.integers(1, 1000),
)
BROKEN = [
    {"kind": 7},
    {"at": "yesterday"},
    {"at": "2026-01-01T00:00:00"},
    {"value": "much"},
    {"value": True},
    {"expected": float("inf")},
    {"reason": ["a", "list"]},
    {"source": 1},
    {"culprit": "leaker"},
    {"culprit": []},
    {"culprit": {"name": None, "pid": 1, "created": 0.0}},
    {"culprit": {"name": "a", "pid": None, "created": 0.0}},
    {"culprit": {"name": "a", "pid": 1, "created": float("inf")}},
]


@given(
    st.builds(event, st.sampled_from(["cpu_spike", "mine"]), culprit=st.none() | CULPRITS, value=st.none() | NUMBERS)
)
def test_an_event_reads_back_from_what_a_script_finds(one: Event) -> None:
    assert decode(json.loads(as_text(one))) == one


@pytest.mark.parametrize("wrong", BROKEN, ids=str)
def test_what_is_no_event_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(encode(event("cpu_spike")) | wrong)


@pytest.mark.parametrize("key", ["kind", "at", "unit", "since", "reason"])
def test_an_event_without_one_of_its_parts_is_refused(key: str) -> None:
    plain = encode(event("cpu_spike"))
    del plain[key]
    with pytest.raises(KeyError):
        decode(plain)


def test_it_is_one_line_whatever_the_names_are() -> None:
    text = as_text(event("cpu_spike", culprit=Culprit(name="a\nb 백업 \x1b[31m", pid=1, created=0.0)))
    assert text.isascii()
    assert text.isprintable()


def test_its_id_tells_kind_source_and_time() -> None:
    assert event("high_latency", source="db").id.startswith("high_latency:db:20")
    assert event("cpu_spike").id.startswith("cpu_spike:20")
