"""What is said of one cycle: the numbers of each sighting, and its sentence as people read it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler import sightings
from adaptive_scheduler.absence import ASLEEP, Absence
from adaptive_scheduler.conditions import parse
from adaptive_scheduler.detectors.base import Calm, Verdict
from adaptive_scheduler.events import Answer, Culprit, Watch
from adaptive_scheduler.growth import Grower
from adaptive_scheduler.series import latency_cell, percent_cell
from tests.builders import NOW, ago
from tests.sights import GIB, MIB

CALM = Calm(0.5, timedelta(minutes=30), timedelta(hours=2))
ROGUE = Culprit(name="rogue", pid=7, created=1.0, cpu_percent=62.0)
LEAKER = Culprit(name="leaker", pid=8, created=1.0, rss=6 * GIB, growth_per_hour=512_000_000, run_id="r3")


def percents(value: float, expected: float, excess: float = 1.5) -> Verdict:
    return Verdict(excess, percent_cell(value), percent_cell(expected))


def lasting(value: float, expected: float) -> Verdict:
    return Verdict(2.0, latency_cell(value), latency_cell(expected))


def test_a_spike_has_its_numbers_and_its_culprit() -> None:
    found = sightings.cpu_spike(percents(91.25, 40.04), CALM, ago(30), ROGUE)
    assert (found.key, found.excess, found.value, found.expected) == ("cpu_spike", 1.5, 91.2, 40.0)
    assert (found.unit, found.since, found.culprit, found.caused_by) == ("percent", ago(30), ROGUE, "")
    assert found.reason == "CPU 91.2 % where 40 % is usual at most; rogue (pid 7) uses 62 %"


@pytest.mark.parametrize(
    ("culprit", "told"),
    [
        pytest.param(None, "", id="nobody known"),
        pytest.param(replace(ROGUE, cpu_percent=None), "", id="one whose CPU is not known"),
        pytest.param(replace(ROGUE, cpu_percent=0.0), "", id="one that used none"),
        pytest.param(replace(ROGUE, processes=8), "; rogue (8 processes) uses 62 %", id="several"),
    ],
)
def test_a_spike_names_whom_it_can(culprit: Culprit | None, told: str) -> None:
    reason = sightings.cpu_spike(percents(90, 40), CALM, None, culprit).reason
    assert reason == f"CPU 90 % where 40 % is usual at most{told}"


def test_what_is_usual_is_never_below_nothing() -> None:
    assert sightings.cpu_spike(percents(9, -3), CALM, None, None).expected == 0
    assert sightings.memory_creeps(Verdict(1.0, 500.0, -50.0), CALM, None, None).expected == 0


@pytest.mark.parametrize(
    "found",
    [
        sightings.cpu_spike(None, CALM, None, ROGUE),
        sightings.memory_creeps(None, CALM, None, None),
        sightings.high_latency("db", Answer(NOW, 5.0), None, CALM, "r1"),
    ],
    ids=lambda one: one.key,
)
def test_without_a_verdict_nothing_is_said(found: sightings.Sighting) -> None:
    assert (found.excess, found.reason, found.calm, found.culprit) == (None, "", CALM, None)


def test_memory_that_creeps_up_names_who_grew_most() -> None:
    grower = Grower(LEAKER, 0.4, 6 * GIB, GIB, ago(60))
    found = sightings.memory_creeps(percents(70, 50), CALM, ago(120), grower)
    assert (found.key, found.value, found.expected, found.since) == ("memory_leak", 70.0, 50.0, ago(120))
    assert (found.culprit, found.caused_by) == (LEAKER, "r3")
    assert found.reason == "memory creeps up: 70 %, 50 % is usual; leaker (pid 8) grows by 512 MB an hour"
    alone = sightings.memory_creeps(percents(70, 50), CALM, None, None)
    assert (alone.reason, alone.culprit, alone.caused_by) == ("memory creeps up: 70 %, 50 % is usual", None, "")


def test_a_process_that_grows_is_named_with_its_sizes() -> None:
    found = sightings.process_grows(Grower(LEAKER, 1.2, 6 * GIB, 500 * MIB, ago(60)), CALM)
    assert (found.key, found.source, found.excess) == ("memory_leak:leaker", "leaker", 1.2)
    assert (found.value, found.expected, found.unit, found.since) == (6.0 * GIB, 500.0 * MIB, "bytes", ago(60))
    assert (found.culprit, found.caused_by) == (LEAKER, "r3")
    assert found.reason == "leaker (pid 8) grows by 512 MB an hour: 6.4 GB now, 524 MB before"
    unknown = replace(LEAKER, growth_per_hour=None)
    assert "grows by 0 B an hour" in sightings.process_grows(Grower(unknown, 1.0, 1, 1, NOW), CALM).reason


@pytest.mark.parametrize(
    ("source", "answer", "told"),
    [
        ("disk", Answer(NOW, 1234.5), "a durable write of the state took 1234 ms where 100 ms is usual at most"),
        ("db", Answer(NOW, 250.0), "probe 'db' took 250 ms where 100 ms is usual at most"),
        ("db", Answer(NOW, 250.0, "HTTP 500"), "probe 'db' took 250 ms (HTTP 500) where 100 ms is usual at most"),
        ("db", Answer(NOW, None, "refused"), "probe 'db' had no answer (refused) where 100 ms is usual at most"),
        ("db", Answer(NOW, None), "probe 'db' had no answer where 100 ms is usual at most"),
    ],
    ids=["a write", "a probe", "an answer with a problem", "a silent probe", "a probe silent without a word"],
)
def test_who_answers_late_is_named(source: str, answer: Answer, told: str) -> None:
    found = sightings.high_latency(source, answer, lasting(5000, 100), CALM, "r1")
    assert found.reason == told
    assert (found.key, found.caused_by, found.since, found.unit) == (f"high_latency:{source}", "r1", NOW, "ms")
    assert [found.value, found.expected] == pytest.approx([5000, 100], rel=1e-3)


def test_a_fast_disk_is_not_told_in_whole_milliseconds() -> None:
    found = sightings.high_latency("disk", Answer(NOW, 0.94), lasting(0.94, 0.27), CALM, "")
    assert found.reason == "a durable write of the state took 0.94 ms where 0.27 ms is usual at most"
    assert [found.value, found.expected] == pytest.approx([0.94, 0.27], abs=2e-3)


def test_missed_cycles_are_counted_with_their_cause() -> None:
    found = sightings.missed_cycles(Absence(95, ago(480), ASLEEP))
    assert (found.excess, found.value, found.expected, found.unit) == (1.0, 95.0, 0.0, "cycles")
    assert (found.since, found.reason) == (ago(480), "95 cycles did not come: the machine slept or was suspended")
    assert sightings.missed_cycles(Absence(1, NOW, ASLEEP)).reason.startswith("1 cycle did not come")
    assert sightings.missed_cycles(None).excess == 0.0


@pytest.mark.parametrize(
    ("when", "values", "excess", "told"),
    [
        ("memory_usage > 85", {"memory_usage": 91.26}, 1.0, "memory_usage > 85: memory_usage is 91.3 %"),
        ("memory_usage > 85", {"memory_usage": 40.0}, 0.0, "memory_usage > 85: memory_usage is 40 %"),
        ("memory_usage  >\n 85", {}, None, "memory_usage > 85: memory_usage is unknown"),
        ("available < 500MB", {"available": 3e8}, 1.0, "available < 500MB: available is 300 MB"),
        ("probes.db > 20 for 3 cycles", {"probes.db": 20.4}, 1.0, "probes.db > 20 for 3 cycles: probes.db is 20 ms"),
        ("disk_ms > 0.5", {"disk_ms": 0.66}, 1.0, "disk_ms > 0.5: disk_ms is 0.66 ms"),
    ],
)
def test_a_condition_shows_its_first_field(when: str, values: dict[str, Any], excess: float | None, told: str) -> None:
    condition = parse(when)
    found = sightings.condition(Watch(name="mine", when=when), condition, values, 3, CALM, "r1")
    assert (found.excess, found.reason, found.key, found.cycles) == (excess, told, "mine", 3)
    assert (found.value, found.expected) == (values.get(condition.first.field), condition.first.limit)
    assert (found.unit, found.caused_by, found.since) == (condition.first.unit, "r1", None)
