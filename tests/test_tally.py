"""What is counted for the metrics: every run once, whoever collected it, and nothing that is gone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import HELD_BACK, Code
from adaptive_scheduler.model import Decision, Result, State, Status
from adaptive_scheduler.tally import IDS_KEPT, Count, Tally, added, decode, encode
from tests.builders import ended, mine, state

NOTHING = State()


def decision(code: Code, name: str = "a") -> Decision:
    return Decision(name, code, "because", None)


def ran(number: int, status: Status = Status.OK) -> Result:
    return ended(run_id=f"r{number}", status=status)


def began(*names: str) -> Tally:
    """A tally that knows these tasks and has counted nothing."""
    return added(Tally(), names, NOTHING, [], [])


def test_a_run_is_counted_by_what_became_of_it() -> None:
    runs = [("a", ran(1)), ("a", ran(2, Status.TIMEOUT)), ("b", ran(3))]
    counts = added(began("a", "b"), ["a", "b"], NOTHING, runs, []).tasks
    assert (counts["a"].runs, counts["b"].runs) == ({Status.OK: 1, Status.TIMEOUT: 1}, {Status.OK: 1})


def test_a_run_that_two_cycles_tell_of_is_counted_once() -> None:
    first = added(began("a"), ["a"], state(a=mine(last=ran(1))), [("a", ran(1))], [])
    again = added(first, ["a"], state(a=mine(last=ran(1))), [("a", ran(1))], [])
    assert again == first


def test_a_run_whose_cycle_was_killed_is_counted_by_the_next_one() -> None:
    later = added(began("a"), ["a"], state(a=mine(last=ran(1))), [], [])
    assert later.tasks["a"].runs == {Status.OK: 1}
    late = added(later, ["a"], state(a=mine(last=ran(2))), [("a", ran(1)), ("a", ran(2))], [])
    assert late.tasks["a"].runs == {Status.OK: 2}


def test_what_a_task_did_before_anybody_counted_is_not_counted() -> None:
    first = added(Tally(), ["a"], state(a=mine(last=ran(1))), [], [])
    assert first.tasks["a"] == Count(counted=("r1",))
    assert added(first, ["a"], state(a=mine(last=ran(1))), [], []) == first


def test_the_first_run_of_a_new_task_is_counted() -> None:
    first = added(Tally(), ["a"], state(a=mine(last=ran(1))), [("a", ran(1))], [])
    assert first.tasks["a"] == Count(runs={Status.OK: 1}, counted=("r1",))


@pytest.mark.parametrize("code", list(Code))
def test_only_cycles_that_held_a_due_task_back_count_as_deferrals(code: Code) -> None:
    found = added(began("a"), ["a"], NOTHING, [], [decision(code)]).tasks["a"].deferrals
    assert found == ({code: 1} if code in HELD_BACK else {})


def test_deferrals_add_up_by_reason() -> None:
    tally = began("a")
    for code in (Code.NO_SLOT, Code.MEMORY_GATE, Code.NO_SLOT):
        tally = added(tally, ["a"], NOTHING, [], [decision(code)])
    assert tally.tasks["a"].deferrals == {Code.NO_SLOT: 2, Code.MEMORY_GATE: 1}


def test_a_task_that_is_gone_is_forgotten_and_begins_again_at_nothing() -> None:
    tally = added(began("a", "b"), ["a", "b"], NOTHING, [("a", ran(1))], [])
    without = added(tally, ["b"], state(a=mine(last=ran(1))), [("a", ran(2))], [])
    assert list(without.tasks) == ["b"]
    back = added(without, ["a", "b"], state(a=mine(last=ran(2))), [], [])
    assert back.tasks["a"].runs == {}


def test_the_ids_that_are_kept_are_few() -> None:
    tally = began("a")
    for number in range(3 * IDS_KEPT):
        tally = added(tally, ["a"], NOTHING, [("a", ran(number))], [])
    assert tally.tasks["a"].runs == {Status.OK: 3 * IDS_KEPT}
    assert len(tally.tasks["a"].counted) == IDS_KEPT


CYCLES = st.lists(st.tuples(st.lists(st.integers(0, 12), max_size=3, unique=True), st.booleans()), max_size=12)


@given(CYCLES)
def test_a_counter_never_goes_back_and_counts_each_run_once(cycles: list[tuple[list[int], bool]]) -> None:
    """Whatever subset of 13 runs each cycle tells of, in whatever order, and whether it is one again."""
    tally, told = began("a"), set()
    for numbers, held in cycles:
        before = tally.tasks["a"]
        runs = [("a", ran(number)) for number in numbers]
        tally = added(tally, ["a"], NOTHING, runs, [decision(Code.NO_SLOT)] if held else [])
        after = tally.tasks["a"]
        told |= set(numbers)
        assert after.runs.get(Status.OK, 0) == len(told)
        assert after.deferrals.get(Code.NO_SLOT, 0) == before.deferrals.get(Code.NO_SLOT, 0) + held


COUNTS = st.builds(
    Count,
    st.dictionaries(st.sampled_from(Status), st.integers(0, 10**12)),
    st.dictionaries(st.sampled_from(HELD_BACK), st.integers(0, 10**12)),
    st.lists(st.text()).map(tuple),
)


@given(st.builds(Tally, st.dictionaries(st.text(), COUNTS), st.text()))
def test_what_is_written_is_read_again(tally: Tally) -> None:
    assert decode(json.loads(json.dumps(encode(tally)))) == tally


GOOD: dict[str, Any] = {"runs": {}, "deferrals": {}, "counted": []}


@pytest.mark.parametrize(
    "plain",
    [
        {},
        [],
        {"version": 2, "problem": "", "tasks": {}},
        {"version": 1, "problem": "", "tasks": []},
        {"version": 1, "problem": "", "tasks": {"a": {}}},
        {"version": 1, "problem": "", "tasks": {"a": GOOD | {"runs": {"ok": -1}}}},
        {"version": 1, "problem": "", "tasks": {"a": GOOD | {"runs": {"ok": True}}}},
        {"version": 1, "problem": "", "tasks": {"a": GOOD | {"runs": {"fine": 1}}}},
        {"version": 1, "problem": "", "tasks": {"a": GOOD | {"deferrals": {"NO_SLOT": 1.5}}}},
    ],
)
def test_what_makes_no_sense_is_refused(plain: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        decode(plain)
