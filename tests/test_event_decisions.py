"""What a pending event lets pass and what it does not, and tasks that only events start, as tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import Code
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Priority, Status, Task, TaskState, Window
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import MemoryGate, Rules
from tests import tables as tables_of
from tests.builders import NOW, RULES, ago, ended, event, footprint, live, mine, minutes, sample, state, task, tasks

CRITICAL, HIGH, LOW = Priority.CRITICAL, Priority.HIGH, Priority.LOW
ON = ("cpu_spike",)
SPIKE = event()


def decide(one: Task, its: TaskState, cpu: float | None = 50, memory: float | None = 40, **more: Any) -> Decision:
    rules = more.pop("rules", RULES)
    (decision,) = plan(tasks(one), state(**{one.name: its}), sample(cpu, memory), rules, NOW, **more)
    return decision


@pytest.mark.parametrize(
    ("one", "its", "cpu", "memory", "code"),
    [
        pytest.param(task(), mine(1), 50, 40, Code.EVENT, id="past the interval"),
        pytest.param(task(), mine(12), 99, 40, Code.EVENT, id="past the ceiling"),
        pytest.param(task(), mine(12), 50, 40, Code.EVENT, id="due anyway: the event's run"),
        pytest.param(task(), mine(), 50, 40, Code.EVENT, id="never ran"),
        pytest.param(task(), mine(12), 50, 40, Code.EVENT, id="EVENT wins over RUN"),
        pytest.param(task(retries=1), mine(2, retry_at=NOW + minutes(9)), 50, 40, Code.EVENT, id="past a back-off"),
        pytest.param(task(retries=1), mine(2, retry_at=NOW), 50, 40, Code.EVENT, id="EVENT wins over a retry"),
        pytest.param(task(enabled=False), mine(12), 50, 40, Code.DISABLED, id="not past enabled = false"),
        pytest.param(task(os="macos"), mine(12), 50, 40, Code.DISABLED, id="not on another system"),
        pytest.param(task(), mine(12, paused=True), 50, 40, Code.PAUSED, id="not past a pause"),
        pytest.param(task(), mine(12, live=live()), 50, 40, Code.RUNNING, id="not beside a live run"),
        pytest.param(task(windows=(Window(0, 60),)), mine(12), 50, 40, Code.WINDOW, id="not outside its window"),
        pytest.param(task(), mine(1), 50, 61, Code.MEMORY_GATE, id="not past the memory gate"),
        pytest.param(task(priority=CRITICAL), mine(1), 99, 95, Code.EVENT, id="critical: past the memory gate"),
        pytest.param(task(), mine(50), 50, 61, Code.FORCED, id="starving by its own beat: past the gate, FORCED"),
        pytest.param(task(max_defer=minutes(2)), mine(12), 99, 40, Code.EVENT, id="starving, but the event passes it"),
    ],
)
def test_what_an_event_passes(one: Task, its: TaskState, cpu: float, memory: float, code: Code) -> None:
    pending = replace(its, event=SPIKE)
    assert decide(one, pending, cpu, memory).code is code


def test_an_event_passes_a_learned_staircase() -> None:
    hourly = tables_of.hourly()
    rules = tables_of.rules(90, job=tables_of.table(60, 0))
    assert decide(hourly, mine(50), rules=rules).code is Code.NOT_DUE
    assert decide(hourly, mine(50, event=SPIKE), rules=rules).code is Code.EVENT


def test_an_event_start_carries_the_event_s_sentence_and_numbers() -> None:
    found = decide(task(), mine(1, event=SPIKE))
    assert (found.reason, found.value, found.limit, found.unit) == ("CPU 91 %, usually 40 %", 91.0, 40.0, "percent")
    assert found.next_look == NOW


def test_an_event_does_not_pass_a_dependency_that_failed() -> None:
    known = tasks(task("a"), task("b", depends_on=("a",)))
    past = state(a=mine(5, last=ended(5, Status.FAILED)), b=mine(1, event=SPIKE))
    found = {one.task: one for one in plan(known, past, sample(), RULES, NOW)}
    assert (found["b"].code, found["b"].reason) == (
        Code.DEP_FAILED,
        "the latest run of 'a' ended as failed (no cause given); event 'cpu_spike' waits until 23:30",
    )


def test_a_dependent_waits_for_the_run_that_an_event_starts() -> None:
    known = tasks(task("a"), task("b", depends_on=("a",)))
    past = state(a=mine(5, last=ended(5), event=SPIKE), b=mine(60))
    found = {one.task: one.code for one in plan(known, past, sample(), RULES, NOW)}
    assert found == {"a": Code.EVENT, "b": Code.DEP_WAIT}


@pytest.mark.parametrize(
    ("one", "its", "memory", "told"),
    [
        (task(), mine(1), 61, "memory 61 % is above 60 %; forced in 49 min if it stays so; event 'cpu_spike' waits"),
        (task(every=None), mine(1), 61, "memory 61 % is above 60 %; event 'cpu_spike' waits until 23:30"),
        (task(), mine(1, live=live(3)), 40, "a run of it has been going for 3 min; event 'cpu_spike' waits until"),
        (task(), mine(1, paused=True), 40, "paused until 'resume job'; event 'cpu_spike' waits until 23:30"),
        (task(enabled=False), mine(1), 40, "enabled = false in tasks.toml"),
    ],
)  # fmt: skip
def test_a_refusal_tells_of_the_event_that_waits(one: Task, its: TaskState, memory: float, told: str) -> None:
    pending = replace(its, event=SPIKE)
    found = decide(one, pending, 50, memory).reason
    assert found.startswith(told)
    assert ("event" in found) is one.enabled
    assert "event" not in decide(one, its, 50, memory).reason


def test_an_event_waits_longer_where_ticks_are_long() -> None:
    rules = Rules(tick=minutes(30))
    found = decide(task(), mine(1, event=SPIKE, paused=True), rules=rules)
    assert found.reason.endswith("event 'cpu_spike' waits until 11-03 04:30")


def test_an_event_needs_a_slot_unless_its_task_is_critical() -> None:
    rules = Rules(max_parallel=1)
    known = tasks(task("a"), task("b"), task("c", priority=CRITICAL))
    past = state(a=mine(1, live=live()), b=mine(1, event=SPIKE), c=mine(1, event=SPIKE))
    found = {one.task: one.code for one in plan(known, past, sample(), rules, NOW)}
    assert found == {"a": Code.RUNNING, "b": Code.NO_SLOT, "c": Code.EVENT}


@pytest.mark.parametrize("every", [10, None])
def test_an_event_needs_memory_to_grow_into(every: float | None) -> None:
    big = mine(1, event=SPIKE, footprint=footprint(*[(9, 600)] * 6))
    room = Sample(NOW, 50, 40, available_bytes=500_000_000)
    (found,) = plan(tasks(task(every=every)), state(job=big), room, RULES, NOW)
    assert found.code is Code.MEMORY_NEED
    assert ("forced at" in found.reason) is (every is not None)
    assert found.reason.endswith("; event 'cpu_spike' waits until 23:30")


@pytest.mark.parametrize("every", [10, None])
def test_an_event_does_not_start_beside_a_heavy_partner(every: float | None) -> None:
    rules = Rules(heavy_pairs=frozenset({frozenset({"a", "job"})}))
    known = tasks(task("a"), task("job", every))
    past = state(a=mine(1, live=live()), job=mine(1, event=SPIKE))
    found = {one.task: one for one in plan(known, past, sample(), rules, NOW)}["job"]
    assert (found.code, found.blocker) == (Code.HEAVY_PAIR, "a")
    assert ("at the latest" in found.reason) is (every is not None)
    assert (found.limit is None) is (every is None)


# -- the order of starts -----------------------------------------------------------------------------


def order(**past: TaskState) -> list[str]:
    known = tasks(task("low", priority=LOW), task("a"), task("b"), task("high", priority=HIGH))
    return [one.task for one in plan(known, state(**past), sample(), Rules(max_parallel=9), NOW)]


def test_an_event_start_comes_before_its_equals_and_after_what_is_more_urgent() -> None:
    assert order(low=mine(10), a=mine(13), b=mine(1, event=SPIKE), high=mine(10)) == ["high", "b", "a", "low"]
    assert order(low=mine(1, event=SPIKE), a=mine(13), b=mine(12), high=mine(10)) == ["high", "a", "b", "low"]


def test_a_task_without_an_interval_does_not_climb_while_it_waits_for_events() -> None:
    known = tasks(task("a", None, priority=LOW, max_defer=minutes(1)), task("b"))
    past = state(a=mine(first_seen=ago(5000), event=SPIKE), b=mine(12))
    assert [one.task for one in plan(known, past, sample(), RULES, NOW)] == ["b", "a"]


def test_what_waited_too_long_comes_before_an_event_start() -> None:
    assert order(low=mine(60), a=mine(1, event=SPIKE), b=mine(12), high=mine(12))[0] == "low"


# -- tasks that only events start --------------------------------------------------------------------

ONLY = task(every=None, on=("cpu_spike", "my_event"))
CENTURIES = ago(60 * 24 * 365 * 90)


@pytest.mark.parametrize(
    ("its", "code", "told"),
    [
        pytest.param(mine(), Code.NOT_DUE, "waits for cpu_spike or my_event", id="not even the first time"),
        pytest.param(mine(5000), Code.NOT_DUE, "waits for cpu_spike or my_event", id="however long ago"),
        pytest.param(mine(first_seen=CENTURIES), Code.NOT_DUE, "waits for", id="never starving"),
        pytest.param(mine(5, event=SPIKE), Code.EVENT, "CPU 91 %, usually 40 %", id="an event"),
        pytest.param(mine(event=SPIKE), Code.EVENT, "CPU 91 %, usually 40 %", id="an event the first time"),
        pytest.param(mine(5, retry_at=NOW, retries_used=1), Code.RUN, "retry 1 of 0 after a failure", id="a retry"),
        pytest.param(mine(5, retry_at=NOW), Code.RUN, "once more after an interruption", id="after an interruption"),
        pytest.param(mine(5, retry_at=NOW + minutes(9)), Code.BACKOFF, "it failed; retry 0 of 0 in 9", id="back-off"),
    ],
)
def test_a_task_without_an_interval(its: TaskState, code: Code, told: str) -> None:
    found = decide(ONLY, its)
    assert found.code is code
    assert found.reason.startswith(told)
    if code is Code.NOT_DUE:
        assert (found.value, found.limit, found.next_look) == (None, None, NOW + minutes(5))


def test_a_task_without_an_interval_starts_by_hand() -> None:
    found = decide(ONLY, mine(5), 99, 99, only={"job"}, force=True)
    assert (found.code, found.reason, found.value, found.limit) == (Code.FORCED, "started by --force", None, None)


@pytest.mark.parametrize("defer", [timedelta(0), minutes(1)])
def test_max_defer_does_not_count_from_an_event(defer: timedelta) -> None:
    one = task(every=None, max_defer=defer)
    assert decide(one, mine(5000, event=event(minutes_ago=59)), 50, 61).code is Code.MEMORY_GATE


@pytest.mark.parametrize(
    ("needed", "code"),
    [
        pytest.param(mine(9, last=ended(60 * 24 * 400)), Code.RUN, id="any success, however old"),
        pytest.param(mine(9, last=ended(5, Status.FAILED)), Code.DEP_FAILED, id="failed"),
        pytest.param(mine(9), Code.DEP_WAIT, id="never ran"),
        pytest.param(mine(9, last=ended(5), event=SPIKE), Code.DEP_WAIT, id="an event starts it now"),
    ],
)
def test_a_dependency_on_a_task_without_an_interval(needed: TaskState, code: Code) -> None:
    known = tasks(task("a", None), task("b", depends_on=("a",)))
    found = {one.task: one.code for one in plan(known, state(a=needed, b=mine(12)), sample(), RULES, NOW)}
    assert found["b"] is code


@given(
    st.sampled_from([10.0, 600.0, None]),
    st.none() | st.floats(0, 5000),
    st.floats(0, 100),
    st.floats(0, 100),
    st.sampled_from(Priority),
    st.floats(0, 50),
)
def test_an_event_never_delays_a_task(
    every: float | None, age: float | None, cpu: float, memory: float, priority: Priority, waited: float
) -> None:
    one = task(every=every, priority=priority, on=ON)
    without = decide(one, mine(age), cpu, memory)
    found = decide(one, mine(age, event=event(minutes_ago=waited)), cpu, memory)
    assert found.code.starts or not without.code.starts
    assert found.code in (Code.EVENT, Code.FORCED, Code.MEMORY_GATE)
    assert found.code is Code.MEMORY_GATE or memory <= 60 or priority is CRITICAL or found.code is Code.FORCED


def test_the_gate_of_a_priority_holds_for_events_too() -> None:
    rules = Rules(memory_gate=MemoryGate(by_priority={HIGH: 80.0}))
    assert decide(task(priority=HIGH), mine(1, event=SPIKE), 50, 75, rules=rules).code is Code.EVENT
