"""What detectors are given as remembered, whatever it is: nothing in it stops them, and nonsense is forgotten."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.detectors.base import Detector
from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.events import Level
from adaptive_scheduler.series import Series, percent_cell
from adaptive_scheduler.signals import Grid
from tests.detectors import plainly
from tests.detectors.lives import Life, host, lived

HOURLY = 60
DETECTORS: list[Detector] = [CpuSpike(), MemoryLeak(), HighLatency()]
RISING = [value and value + number / 20 for number, value in enumerate(host(6.2, HOURLY))]
LIVES = {detector.kind: lived(detector, RISING, HOURLY) for detector in DETECTORS}
TODAY = LIVES["cpu_spike"].series.end // 24

NUMBERS = st.integers() | st.floats() | st.just(10**400) | st.integers(TODAY - 20, TODAY + 20)
ATOMS = st.none() | st.booleans() | st.text(max_size=5) | NUMBERS
ROWS = st.lists(st.lists(ATOMS, min_size=1, max_size=4), max_size=4)
KEYS = st.sampled_from(["5", "30", "10", "120", "360", "tops"]) | st.text(max_size=3)
ANY = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner), max_leaves=6
)
MEMORIES = st.dictionaries(KEYS, ROWS | ANY, max_size=6)


def days(memory: dict[str, Any]) -> list[int]:
    return [row[0] for rows in memory.values() for row in rows]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.kind)
@settings(max_examples=100, deadline=None)
@given(memory=MEMORIES)
def test_garbage_stops_nothing_and_only_what_can_be_is_kept(detector: Detector, memory: dict[str, Any]) -> None:
    series = LIVES[detector.kind].series
    for _ in range(2):
        _, memory = detector.look(series, memory, Level.CALM)
        assert json.loads(json.dumps(memory, allow_nan=False)) == memory
        assert all(TODAY - 14 <= day <= TODAY for day in days(memory))


FOREIGN = [
    pytest.param({}, id="nothing"),
    pytest.param({"cpu": [1, 2], "tops": {"7": 8}, "5": "x", "30": None, "10": 3}, id="foreign"),
    pytest.param({key: [[TODAY + 3, TODAY + 3, 9e5]] for key in ("5", "30", "10", "tops")}, id="future"),
    pytest.param({key: [[TODAY - 300, TODAY - 300, 9e5]] for key in ("5", "30", "10", "tops")}, id="long ago"),
    pytest.param(
        {key: [[TODAY - 1, float("nan"), float("inf")]] for key in ("5", "30", "120", "tops")}, id="no number"
    ),
    pytest.param({"tops": [[TODAY - 1, float("nan")], [TODAY - 1, 1e9], [TODAY - 1]]}, id="no latency"),
]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.kind)
@pytest.mark.parametrize("memory", FOREIGN)
def test_what_makes_no_sense_is_forgotten(detector: Detector, memory: dict[str, Any]) -> None:
    series = LIVES[detector.kind].series
    assert detector.look(series, memory, Level.CALM) == detector.look(series, {}, Level.CALM)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.kind)
def test_a_clock_set_back_for_days_forgets_what_has_not_been_yet(detector: Detector) -> None:
    life = LIVES[detector.kind]
    back = Series(life.series.grid, life.series.end - 48, life.series.cells[:-48])
    _, memory = detector.look(back, life.memory, Level.CALM)
    assert all(day <= TODAY - 2 for day in days(memory))


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.kind)
def test_the_first_step_of_a_signal_says_nothing(detector: Detector) -> None:
    for value in (50.0, None):
        assert lived(detector, [value]).excesses == [0]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    minutes=st.sampled_from([10, 15, 30, 60]),
    level=st.sampled_from([Level.CALM, Level.KEEN]),
    first=st.integers(0, 143),
)
def test_cpu_spike_says_what_it_would_say_if_it_counted_everything_anew(
    seed: int, minutes: int, level: Level, first: int
) -> None:
    """All its short cuts, running sums and remembered days, against the plain way; a host of spikes, holes and jobs."""
    random, day = Random(seed), 1440 // minutes
    cells = [0] * round(day * random.choice((0.5, 3.5, 5.2)))
    for place in range(len(cells)):
        job = 30 if place % day < 4 else 0
        if random.random() > 0.1:
            spike = random.uniform(0, 60) * (random.random() < 0.05)
            cells[place] = round(percent_cell(random.uniform(5, 20) + job + spike))
    series = Series(Grid(minutes), 20000 * day + first + len(cells) - 1, cells)
    life = Life(series)
    memory: dict[str, Any] = life.memory
    for _ in range(7):
        verdict, memory = CpuSpike().look(series, memory, level)
    expected = plainly.excess(cells, 20000 * day + first, minutes, level)
    assert (None if verdict is None else verdict.excess) == (None if expected is None else pytest.approx(expected))
