"""What short cycles saw, as lines tell it: strict, in order, and taken into a state once."""

from dataclasses import replace
from typing import Any

import pytest

from adaptive_scheduler import state as folds
from adaptive_scheduler.beats import decoded, localised
from adaptive_scheduler.model import State
from adaptive_scheduler.times import iso
from tests.builders import NOW, minutes

TICK = minutes(5)


def line(number: int, **more: Any) -> dict[str, Any]:
    """What the short cycle of that number saw, so many ticks after NOW."""
    seen = {"cpu": 12.5, "memory": 40.0, "available": 2**32, "total": 2**33, "pressure": {"cpu": 0.5}}
    processes = [[7, "x", 1.5, 2**20]]
    at = iso(NOW + number * TICK)
    return {"cycle": number, "at": at, "reading": {"boot": "b"}, **seen, "processes": processes, **more}


def test_lines_are_what_was_seen() -> None:
    (one,) = decoded([line(3)])
    assert (one.cycle, one.at, one.reading) == (3, NOW + 3 * TICK, {"boot": "b", "at": iso(NOW + 3 * TICK)})
    assert (one.sample.cpu, one.sample.foreign_cpu, one.sample.source) == (12.5, 12.5, "counters")
    assert [(each.pid, each.name, each.rss) for each in one.processes] == [(7, "x", 2**20)]
    assert localised([one], NOW)[0].at == one.at


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(line(2), id="the same cycle once more"),
        pytest.param(line(1), id="an earlier cycle"),
        pytest.param(line(3, at=iso(NOW + 2 * TICK)), id="no later time"),
        pytest.param(line(3, at="2025-11-02T22:40:00"), id="a time without a zone"),
        pytest.param(line(3, cycle=3.0), id="a cycle that is no whole number"),
        pytest.param(line(3, cycle=2**70), id="a cycle that no history can hold"),
        pytest.param(line(3, cpu=float("inf")), id="a load without end"),
        pytest.param(line(3, reading={"boot": 7}), id="counters that are none"),
        pytest.param(line(3, processes=[[7]]), id="half a process"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_makes_no_sense_ends_the_lines(odd: dict[str, Any]) -> None:
    assert [one.cycle for one in decoded([line(2), odd, line(9)])] == [2]


def test_a_state_takes_in_what_it_does_not_know_and_nothing_twice() -> None:
    before = State(cycle=2, last_cycle_at=NOW + 2 * TICK, readings=({"boot": "a"},), spent_s=3.0)
    after = folds.rested(before, decoded([line(2), line(3), line(4)]))
    assert (after.cycle, after.last_cycle_at, after.nominal_at, after.spent_s) == (4, *2 * [NOW + 4 * TICK], 0.0)
    assert [reading["at"] for reading in after.readings] == [iso(NOW + 3 * TICK), iso(NOW + 4 * TICK)]
    assert folds.rested(after, decoded([line(3), line(4)])) == after
    assert folds.rested(replace(before, last_cycle_at=NOW + 9 * TICK), decoded([line(3)])).cycle == 2
