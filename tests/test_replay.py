"""A recorded signal through the detectors: each event at its row, no later row known, gaps are absences."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adaptive_scheduler.events import Event, Watch
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.replay import Fired, Point, replay, step_of
from adaptive_scheduler.trace import Row
from tests.builders import NOW, minutes
from tests.sights import watches

TICK = minutes(5)
DAY = timedelta(days=1)
START = datetime(2025, 10, 1, tzinfo=UTC)
STORM = 4 * 288
"""The row at which something happens: after four days."""


def load(number: int) -> float:
    return 20 + 5 * math.sin(number / 46) + number % 5


def calm(count: int = STORM + 60) -> list[Point]:
    return [Point(START + n * TICK, load(n), 40.0, 20.0 + n % 5) for n in range(count)]


def spiked(*numbers: int, cpu: float = 95, count: int = STORM + 60) -> list[Point]:
    points = calm(count)
    for number in numbers:
        points[number] = replace(points[number], cpu=cpu)
    return points


def fired(points: Sequence[Point], *own: Watch, **built_in: Any) -> list[Event]:
    return list(replay(points, watches(*own, **built_in), TICK))


def test_a_spike_fires_at_its_row_with_what_is_usual() -> None:
    (event,) = fired(spiked(STORM, STORM + 1))
    assert (event.name, event.at, event.value) == ("cpu_spike", START + STORM * TICK, 95.0)
    assert event.expected == pytest.approx(24, abs=3)
    assert event.since == event.at - TICK


def test_calm_days_fire_nothing() -> None:
    assert fired(calm()) == []


def test_the_first_two_days_fire_nothing() -> None:
    assert fired(spiked(200, 201)) == []


def test_latency_fires_as_the_source_of_a_trace_and_no_calls_are_no_fast_calls() -> None:
    points = calm()
    points[STORM] = replace(points[STORM], ms=900.0)
    for number in range(STORM + 5, STORM + 20):
        points[number] = replace(points[number], ms=0.0 if number % 2 else -1.0)
    (event,) = fired(points)
    assert (event.name, event.source, event.at) == ("high_latency", "trace", START + STORM * TICK)
    assert event.value == pytest.approx(900, rel=1e-3)


def test_days_without_calls_are_no_days_of_fast_calls() -> None:
    assert fired([replace(one, ms=0.0 if number < STORM else one.ms) for number, one in enumerate(calm())]) == []


def test_a_gap_of_a_day_is_an_absence_and_fires_nothing() -> None:
    points = calm(STORM + 600)
    assert fired(points[:STORM] + points[STORM + 288 :]) == []


def test_a_load_that_nobody_measured_fires_nothing() -> None:
    assert fired([replace(one, cpu=None, memory=None, ms=None) for one in calm()]) == []


def test_a_condition_sees_the_load_as_that_of_others() -> None:
    mine = Watch(name="mine", when="foreign_cpu > 90 for 2 cycles")
    assert [one.at for one in fired(spiked(5, 6, 7), mine)] == [START + 6 * TICK]


@pytest.mark.parametrize("cut", [STORM, STORM + 1, STORM + 2, STORM + 45])
def test_what_comes_later_changes_nothing_of_before(cut: int) -> None:
    points = spiked(*range(STORM, STORM + 3), *range(STORM + 40, STORM + 50))
    points[STORM + 44] = replace(points[STORM + 44], ms=900.0)
    all_of_it = fired(points)
    assert len(all_of_it) >= 2
    assert fired(points[:cut]) == [one for one in all_of_it if one.at < START + cut * TICK]


@pytest.mark.parametrize(
    ("minutes_after", "expected"),
    [
        ([], 5),
        ([0], 5),
        ([0, 0], 5),
        ([0, 5, 10], 5),
        ([0, 1, 2, 60], 1),
        ([0, 60, 120], 60),
        ([0, 1440, 2880], 60),
        ([0, 0.1, 0.2], 1),
    ],
    ids=["none", "one", "twice the same", "as told", "with a gap", "hourly", "daily", "every six seconds"],
)
def test_the_step_is_the_usual_distance_of_the_rows(minutes_after: list[float], expected: float) -> None:
    assert step_of((START + minutes(one) for one in minutes_after), TICK) == minutes(expected)


# -- in a simulation -------------------------------------------------------------------------------


def simulated(points: Sequence[Point | None], **more: Any) -> Fired:
    rows = [None if one is None else Row(one.at, one.cpu, one.memory) for one in points]
    return Fired.of(enumerate(rows), watches(**more), START, TICK)


def test_in_a_simulation_an_event_is_known_one_tick_after_its_row() -> None:
    made = simulated(spiked(STORM))
    assert {number: [one.name for one in events] for number, events in made.by_tick.items()} == {
        STORM + 1: ["cpu_spike"]
    }
    (event,) = made.by_tick[STORM + 1]
    assert event.at == START + (STORM + 1) * TICK


def test_a_simulation_is_told_of_each_event_once_and_of_those_of_a_lost_tick_later() -> None:
    happenings = simulated(spiked(STORM)).happenings()
    sample = Sample(NOW, 50, 40)

    def told(number: float) -> int:
        return len(happenings(START + number * TICK, sample))

    assert [told(number) for number in (1, STORM, STORM + 1.9, STORM + 2)] == [0, 0, 1, 0]
    late = simulated(spiked(STORM)).happenings()
    assert len(late(START + (STORM + 9) * TICK, sample)) == 1


def test_absent_rows_are_no_zeros() -> None:
    points: list[Point | None] = [*spiked(STORM + 300, count=STORM + 400)]
    points[STORM : STORM + 288] = [None] * 288
    assert simulated(points).by_tick.keys() <= {STORM + 301}


def test_events_are_counted_from_a_moment_on() -> None:
    made = simulated(spiked(STORM, count=STORM + 400))
    assert made.counts(START) == {"cpu_spike": 1}
    assert made.counts(START + (STORM + 1) * TICK) == {"cpu_spike": 1}
    assert made.counts(START + (STORM + 2) * TICK) == {}
