"""The past, explained: a row of equal decisions becomes the one of a moment inside it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adaptive_scheduler.archive import Entry
from adaptive_scheduler.codes import Code
from adaptive_scheduler.ledger import in_force
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision
from tests.builders import NOW, minutes, sample

TICK = minutes(5)
LATER = NOW + minutes(10)


def entry(
    code: Code, value: float | None = None, limit: float | None = None, next_look: datetime | None = None
) -> Entry:
    return Entry(Decision("job", code, "as written", next_look, value, limit), NOW, NOW + minutes(20))


def then(one: Entry, seen: Sample | None = None, moment: datetime = LATER) -> Decision:
    found = in_force(one, seen, moment, TICK)
    assert found is not None
    return found


def test_a_moment_two_ticks_after_the_last_look_has_no_decision() -> None:
    one = entry(Code.NO_SLOT)
    assert in_force(one, None, NOW + minutes(30), TICK) is not None
    assert in_force(one, None, NOW + minutes(30) + timedelta(seconds=1), TICK) is None


@pytest.mark.parametrize(
    ("one", "value", "reason", "look"),
    [
        pytest.param(
            entry(Code.NOT_DUE, 60, 1800),
            660,
            "due in 19 min: runs every 30 min at 50 % CPU",
            minutes(30),
            id="not due",
        ),
        pytest.param(
            entry(Code.RUNNING, 60, 3600), 660, "a run of it has been going for 11 min", minutes(15), id="running"
        ),
        pytest.param(entry(Code.CPU_CEILING, 90, 20), 50, "CPU 50 % is above 20 %", minutes(15), id="CPU"),
        pytest.param(entry(Code.MEMORY_GATE, 90, 20), 40, "memory 40 % is above 20 %", minutes(15), id="memory"),
        pytest.param(
            entry(Code.MEMORY_NEED, 3e8, 5e8), 3e8, "as written (as it was at 22:30)", minutes(15), id="memory to grow"
        ),
        pytest.param(entry(Code.NO_SLOT, 2, 2), 2, "as written", minutes(15), id="slots"),
        pytest.param(entry(Code.PAUSED, next_look=NOW + minutes(99)), None, "as written", minutes(99), id="paused"),
        pytest.param(entry(Code.DISABLED), None, "as written", None, id="disabled"),
        pytest.param(entry(Code.NOT_DUE), None, "as written", minutes(15), id="not due, without numbers"),
        pytest.param(entry(Code.RUNNING), None, "as written", minutes(15), id="running, without numbers"),
    ],
)
def test_the_values_are_those_of_the_moment(
    one: Entry, value: float | None, reason: str, look: timedelta | None
) -> None:
    found = then(one, replace(sample(50, 40), at=LATER))
    assert (found.value, found.reason) == (value, reason)
    assert found.next_look == (None if look is None else NOW + look)


def test_what_was_free_at_the_first_look_needs_no_time_of_its_own() -> None:
    found = in_force(entry(Code.MEMORY_NEED, 3e8, 5e8), replace(sample(), at=NOW), NOW, TICK)
    assert found is not None
    assert found.reason == "as written"


def test_without_a_sample_the_row_is_told_as_it_was_written() -> None:
    assert then(entry(Code.CPU_CEILING, 90, 20)).value == 90
    assert then(entry(Code.NOT_DUE, 60, 1800)).reason == "due in 29 min: runs every 30 min at unknown CPU"


def test_what_became_due_between_two_looks_is_due_in_no_time() -> None:
    found = then(entry(Code.NOT_DUE, 60, 300), replace(sample(), at=LATER))
    assert found.reason.startswith("due in 0 s")
