"""How it stands with each event, and all of them in one line."""

from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler.alarms import happened
from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline
from adaptive_scheduler.detectors.base import PROBATION
from adaptive_scheduler.events import Level, Watch
from adaptive_scheduler.vigilance import Standing, in_short, standings
from tests.builders import NOW, minutes
from tests.sights import sighting, watches
from tests.test_baseline import filled

TICK = minutes(5)
OFF = {"level": Level.OFF}
KNOWN = Baseline({CPU: filled(CPU, *[10] * (3 * 288)).signals[CPU]})


def stands(text: str = "", *own: Watch, baseline: Baseline = KNOWN, **built_in: Any) -> dict[tuple[str, str], Standing]:
    found = standings(watches(*own, **built_in), baseline, text, ["db"])
    return {(one.name, one.source): one for one in found}


def latches(*names: str) -> str:
    return happened("", [sighting(name) for name in names], watches(), NOW, TICK)[0]


def test_every_event_stands_somewhere_in_the_order_of_the_file_and_each_probe_for_itself() -> None:
    mine = Watch(name="mine", when="cpu_load > 1")
    assert {key: one.words for key, one in stands("", mine).items()} == {
        ("cpu_spike", ""): "watching",
        ("memory_leak", ""): "learning, 2 d to go",
        ("high_latency", "disk"): "learning, 2 d to go",
        ("high_latency", "db"): "learning, 2 d to go",
        ("missed_cycles", ""): "watching",
        ("mine", ""): "watching",
    }


def test_what_has_fired_says_so_until_it_is_calm_again() -> None:
    found = stands(latches("cpu_spike"))["cpu_spike", ""]
    assert (found.words, found.fired_at, found.armed) == ("fired, and not calm again yet", NOW, False)
    assert stands(latches("cpu_spike"))["missed_cycles", ""].fired_at is None


def test_what_is_off_is_off() -> None:
    assert stands(latches("cpu_spike"), cpu_spike=OFF)["cpu_spike", ""].words == "off"


def test_half_learned_is_half_to_go() -> None:
    half = Baseline({name: filled(name, *[10] * 288).signals[name] for name in (CPU, MEMORY, LATENCY + "db")})
    found = stands(baseline=half)
    assert found["memory_leak", ""].learning == found["high_latency", "db"].learning == PROBATION / 2
    assert found["high_latency", "disk"].learning == PROBATION


@pytest.mark.parametrize(
    ("found", "line"),
    [
        pytest.param(dict.fromkeys(watches(), OFF), "none is watched for", id="all are off"),
        pytest.param(
            {"memory_leak": OFF, "high_latency": OFF, "missed_cycles": OFF}, "1 watched for", id="one that knows enough"
        ),
        pytest.param({}, "4 watched for, memory_leak is learning, 2 d to go", id="some still learn"),
    ],
)
def test_all_in_one_line(found: dict[str, Any], line: str) -> None:
    assert in_short(list(stands("", **found).values()), NOW) == line


def test_the_line_ends_with_what_fired_last() -> None:
    found = list(stands(latches("cpu_spike"), memory_leak=OFF, high_latency=OFF).values())
    assert in_short(found, NOW + minutes(90)) == "2 watched for; last was cpu_spike, 1 h 30 min ago"
    assert in_short(found, NOW - timedelta(days=1)) == "2 watched for; last was cpu_spike, 0 s ago"
