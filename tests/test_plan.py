"""Decisions as tables: which code, and with which numbers."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Decision, Priority, State, Status, Task, TaskState, Window
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import MemoryGate, Rules
from tests.builders import NOW, RULES, ago, ended, footprint, live, mine, minutes, sample, state, task, tasks

LOW = Priority.LOW
CRITICAL = Priority.CRITICAL


def decide(one: Task, its: TaskState, cpu: float | None = 50, memory: float | None = 40, **more: object) -> Decision:
    (decision,) = plan(tasks(one), state(**{one.name: its}), sample(cpu, memory), RULES, NOW, **more)  # type: ignore[arg-type]
    return decision


@pytest.mark.parametrize(
    ("one", "its", "cpu", "memory", "code"),
    [
        pytest.param(task(), mine(), 99, 40, Code.RUN, id="never ran: due at any CPU"),
        pytest.param(task(), mine(8), 18, 40, Code.RUN, id="8 of 10 min at low CPU"),
        pytest.param(task(), mine(7.1), 18, 40, Code.NOT_DUE, id="outside the slack"),
        pytest.param(task(), mine(7.2), 18, 40, Code.RUN, id="inside the slack"),
        pytest.param(task(), mine(8), 20, 40, Code.NOT_DUE, id="8 of 10 min at exactly 20"),
        pytest.param(task(), mine(10), 70, 40, Code.RUN, id="10 of 10 min at exactly 70"),
        pytest.param(task(), mine(10), 70.1, 40, Code.CPU_CEILING, id="10 of 10 min above 70"),
        pytest.param(task(), mine(8.9), 75, 40, Code.NOT_DUE, id="below its base interval at high CPU"),
        pytest.param(task(), mine(9), 75, 40, Code.CPU_CEILING, id="at its base interval, less the slack"),
        pytest.param(task(), mine(15), 75, 40, Code.RUN, id="15 of 10 min at high CPU"),
        pytest.param(task(adaptive=False), mine(8), 1, 40, Code.NOT_DUE, id="not adaptive: not earlier"),
        pytest.param(task(adaptive=False), mine(10), 99, 40, Code.RUN, id="not adaptive: not later"),
        pytest.param(task(enabled=False), mine(), 1, 1, Code.DISABLED, id="switched off"),
        pytest.param(task(os="windows"), mine(), 1, 1, Code.DISABLED, id="another system's"),
        pytest.param(task(os="linux"), mine(), 1, 1, Code.RUN, id="this system's"),
        pytest.param(task(), mine(paused=True), 1, 1, Code.PAUSED, id="paused"),
        pytest.param(task(), mine(paused=True, paused_until=NOW + minutes(1)), 1, 1, Code.PAUSED, id="paused a while"),
        pytest.param(task(), mine(paused=True, paused_until=NOW), 1, 1, Code.RUN, id="pause is over"),
        pytest.param(task(), mine(60, live=live()), 1, 1, Code.RUNNING, id="live"),
        pytest.param(task(retries=1), mine(60, retry_at=NOW + minutes(2)), 1, 1, Code.BACKOFF, id="backing off"),
        pytest.param(task(retries=1), mine(2, retry_at=NOW), 99, 1, Code.RUN, id="a retry passes the rhythm"),
        pytest.param(task(), mine(60), 50, 60, Code.RUN, id="exactly at the memory limit"),
        pytest.param(task(), mine(12), 50, 60.1, Code.MEMORY_GATE, id="above the memory limit"),
        pytest.param(task(priority=CRITICAL), mine(12), 50, 99, Code.RUN, id="critical knows no memory gate"),
        pytest.param(task(memory_limit=80.0), mine(12), 50, 75, Code.RUN, id="its own memory limit"),
        pytest.param(task(memory_limit=30.0), mine(12), 50, 40, Code.MEMORY_GATE, id="its own lower memory limit"),
        pytest.param(task(), mine(12), 50, None, Code.RUN, id="unknown memory holds nothing back"),
        pytest.param(task(), mine(12), None, 40, Code.RUN, id="unknown CPU is ordinary"),
        pytest.param(task(), mine(49.9), 50, 65, Code.MEMORY_GATE, id="just before max_defer"),
        pytest.param(task(), mine(50), 50, 65, Code.FORCED, id="waited max_defer: past the memory limit"),
        pytest.param(task(), mine(50), 50, 90, Code.MEMORY_GATE, id="never past the hard limit"),
        pytest.param(task(), mine(50), 50, 89.9, Code.FORCED, id="just below the hard limit"),
        pytest.param(task(), mine(50), 50, 40, Code.RUN, id="late, but nothing to force"),
        pytest.param(task(max_defer=minutes(2)), mine(12), 80, 40, Code.FORCED, id="past the ceiling"),
        pytest.param(task(max_defer=minutes(2)), mine(11.9), 80, 40, Code.CPU_CEILING, id="not yet past the ceiling"),
        pytest.param(task(), mine(first_seen=ago(40)), 50, 65, Code.FORCED, id="never ran: waits from first sight"),
        pytest.param(task(), mine(first_seen=ago(39)), 50, 65, Code.MEMORY_GATE, id="never ran: not long enough"),
        pytest.param(task(), mine(300, last=ended(5)), 50, 65, Code.MEMORY_GATE, id="a long run is no waiting"),
        pytest.param(task(windows=(Window(0, 60),)), mine(), 1, 1, Code.WINDOW, id="outside its window"),
        pytest.param(task(windows=(Window(22 * 60, 23 * 60),)), mine(), 1, 1, Code.RUN, id="inside its window"),
        pytest.param(task(windows=(Window(22 * 60, 60),)), mine(), 1, 1, Code.RUN, id="a window past midnight"),
        pytest.param(
            task(windows=(Window(0, 60), Window(1350, 1351))), mine(), 1, 1, Code.RUN, id="one of two windows"
        ),
        pytest.param(task(windows=(Window(0, 1350),)), mine(), 1, 1, Code.WINDOW, id="a window ends on its end"),
        pytest.param(task(windows=(Window(5, 5),)), mine(), 1, 1, Code.RUN, id="from and to the same: all day"),
        pytest.param(task(windows=(Window(0, 60),)), mine(500), 50, 65, Code.WINDOW, id="a window is never forced"),
    ],
)
def test_one_task_alone(one: Task, its: TaskState, cpu: float, memory: float, code: Code) -> None:
    assert decide(one, its, cpu, memory).code is code


@pytest.mark.parametrize(
    ("one", "its", "cpu", "memory", "expected"),
    [
        (task(), mine(5), 18, 40, (300, 480, "seconds", minutes(5), "due in 3 min: runs every 8 min at 18 % CPU")),
        (task(), mine(11), 75, 40, (75, 70, "percent", minutes(5), "CPU 75 % is above 70 %; starts in 4 min")),
        (task(), mine(12), 50, 65, (65, 60, "percent", minutes(5), "memory 65 % is above 60 %; forced in 38 min")),
        (task(), mine(60), 50, 91, (91, 90, "percent", minutes(5), "memory 91 % is above 90 %; even what")),
        (
            task(retries=2),
            mine(60, retry_at=NOW + minutes(7), retries_used=1),
            *(1, 1, (1, 2, "runs", minutes(10), "retry 1 of 2 in 7 min")),
        ),
        (task(windows=(Window(0, 60),)), mine(), 1, 1, (None, None, "", minutes(90), "it opens at 00:00")),
        (task(), mine(60, live=live(3)), 1, 1, (180, 3600, "seconds", minutes(5), "going for 3 min")),
        (task(), mine(paused=True, paused_until=NOW + minutes(9)), 1, 1, (None, None, "", minutes(9), "22:39")),
        (task(), mine(paused=True), 1, 1, (None, None, "", None, "resume job")),
        (task(enabled=False), mine(), 1, 1, (None, None, "", None, "enabled = false")),
        (task(os="macos"), mine(), 1, 1, (None, None, "", None, "only for macos")),
        (task(), mine(9), 18, 40, (540, 480, "seconds", timedelta(0), "9 min since its beat; runs every 8 min")),
        (task(), mine(), 18, 40, (None, None, "", timedelta(0), "it has never run")),
        (task(), mine(50), 50, 65, (2400, 2400, "seconds", timedelta(0), "has waited 40 min")),
        (
            task(retries=2),
            mine(3, retry_at=NOW, retries_used=1),
            *(1, 1, (180, 480, "seconds", timedelta(0), "retry 1 of 2")),
        ),
        (task(), mine(3, retry_at=NOW), 1, 1, (180, 480, "seconds", timedelta(0), "after an interruption")),
    ],
)  # fmt: skip
def test_a_decision_carries_its_numbers_its_next_look_and_a_sentence(
    one: Task, its: TaskState, cpu: float, memory: float, expected: tuple[object, ...]
) -> None:
    found = decide(one, its, cpu, memory)
    value, limit, unit, look, words = expected
    assert (found.value, found.limit, found.unit) == (value, limit, unit)
    assert found.next_look == (None if look is None else NOW + look)  # type: ignore[operator]
    assert str(words) in found.reason


@pytest.mark.parametrize(
    ("its", "memory", "code"),
    [
        pytest.param(mine(1), 99, Code.FORCED, id="past age and memory"),
        pytest.param(mine(1, paused=True), 1, Code.FORCED, id="past a pause"),
        pytest.param(mine(1, retry_at=NOW + minutes(9)), 1, Code.FORCED, id="past back-off"),
        pytest.param(mine(1, live=live()), 1, Code.RUNNING, id="never beside a live run"),
    ],
)
def test_force_starts_what_would_wait(its: TaskState, memory: float, code: Code) -> None:
    windowed = task(windows=(Window(0, 60),))
    assert decide(windowed, its, 99, memory, only={"job"}, force=True).code is code


def test_force_never_passes_a_failed_dependency() -> None:
    known = tasks(task("a"), task("b", depends_on=("a",)))
    past = state(a=mine(5, last=ended(5, Status.FAILED)), b=mine(5))
    (decision,) = plan(known, past, sample(), RULES, NOW, only={"b"}, force=True)
    assert decision.code is Code.DEP_FAILED


@pytest.mark.parametrize(
    ("needed", "code", "words"),
    [
        pytest.param(mine(5, last=ended(5)), Code.RUN, "", id="fresh success"),
        pytest.param(mine(5, last=ended(5, Status.WARNING)), Code.RUN, "", id="a warning is no failure"),
        pytest.param(mine(5, last=ended(30)), Code.RUN, "", id="exactly twice its slowest interval old"),
        pytest.param(mine(5, last=ended(30.1)), Code.DEP_WAIT, "30 min 6 s old", id="too old"),
        pytest.param(mine(5), Code.DEP_WAIT, "not finished a run yet", id="never finished"),
        pytest.param(mine(5, last=ended(5, Status.FAILED)), Code.DEP_FAILED, "ended as failed", id="failed"),
        pytest.param(mine(5, last=ended(5, Status.TIMEOUT)), Code.DEP_FAILED, "ended as timeout", id="timed out"),
        pytest.param(mine(60, last=ended(5)), Code.DEP_WAIT, "runs first", id="due in this cycle"),
        pytest.param(mine(60, last=ended(5, Status.FAILED)), Code.DEP_WAIT, "runs first", id="failed, but due now"),
        pytest.param(mine(5, last=ended(5), live=live()), Code.RUN, "", id="running since before, but fresh"),
        pytest.param(mine(5, live=live()), Code.DEP_WAIT, "not finished a run yet", id="running for the first time"),
    ],
)
def test_a_dependency(needed: TaskState, code: Code, words: str) -> None:
    known = tasks(task("b", depends_on=("a",)), task("a"))
    found = {d.task: d for d in plan(known, state(a=needed, b=mine(60)), sample(), RULES, NOW)}
    assert found["b"].code is code
    assert words in found["b"].reason
    if code is not Code.RUN:
        assert found["b"].blocker == "a"


def test_a_dependency_that_this_cycle_started_is_awaited() -> None:
    known = tasks(task("b", depends_on=("a",)), task("a"))
    past = state(a=mine(0, last=ended(5), live=live(0)), b=mine(60))
    found = {d.task: d for d in plan(known, past, sample(), RULES, NOW, started={"a"})}
    assert (found["b"].code, found["b"].blocker) == (Code.DEP_WAIT, "a")


def test_a_failed_dependency_is_named_before_one_that_is_only_awaited() -> None:
    known = tasks(task("a"), task("b"), task("c", depends_on=("a", "b")))
    past = state(a=mine(5), b=mine(5, last=ended(5, Status.ERROR)), c=mine(60))
    found = plan(known, past, sample(), RULES, NOW)
    assert [(d.code, d.blocker) for d in found if d.task == "c"] == [(Code.DEP_FAILED, "b")]


def test_a_dependency_outside_the_cycle_counts_by_its_latest_result() -> None:
    known = tasks(task("a"), task("b", depends_on=("a",)))
    past = state(a=mine(60, last=ended(5)), b=mine(60))
    (decision,) = plan(known, past, sample(), RULES, NOW, only={"b"})
    assert decision.code is Code.RUN


def test_a_dependency_that_never_ran_and_has_no_state_is_awaited() -> None:
    known = tasks(task("a"), task("b", depends_on=("a",)))
    (decision,) = plan(known, state(b=mine(60)), sample(), RULES, NOW, only={"b"})
    assert decision.code is Code.DEP_WAIT


def test_a_long_chain_of_dependencies_is_decided_without_deep_recursion() -> None:
    chain = [task(f"t{n}", depends_on=(f"t{n - 1}",) if n else ()) for n in range(1500)]
    found = plan(tasks(*reversed(chain)), State(), sample(), RULES, NOW)
    assert [d.task for d in found if d.code.starts] == ["t0"]


def test_due_tasks_start_by_priority_as_far_as_slots_go() -> None:
    known = tasks(*(task(p.value, priority=p) for p in reversed(Priority)))
    found = plan(known, state(**{p.value: mine() for p in Priority}), sample(), RULES, NOW)
    assert [(d.task, d.code) for d in found] == [
        ("critical", Code.RUN),
        ("high", Code.RUN),
        ("low", Code.NO_SLOT),
        ("medium", Code.NO_SLOT),
    ]


def test_live_runs_of_other_cycles_take_slots_and_critical_tasks_need_none() -> None:
    known = tasks(task("a"), task("b"), task("c"), task("d", priority=CRITICAL))
    past = state(a=mine(60, live=live()), b=mine(60, live=live(run_id="r2")), c=mine(12), d=mine(12))
    found = {d.task: d for d in plan(known, past, sample(), RULES, NOW)}
    assert (found["c"].code, found["c"].value, found["c"].limit) == (Code.NO_SLOT, 3, 2)
    assert found["d"].code is Code.RUN


def test_priority_ages_with_lateness() -> None:
    known = tasks(task("high", priority=Priority.HIGH), task("low", priority=LOW))
    late = plan(known, state(high=mine(10), low=mine(45)), sample(), RULES, NOW)
    fresh = plan(known, state(high=mine(10), low=mine(12)), sample(), RULES, NOW)
    assert [d.task for d in late] == ["low", "high"]
    assert [d.task for d in fresh] == ["high", "low"]


def test_what_waited_too_long_is_first_in_line() -> None:
    known = tasks(task("critical", priority=CRITICAL), task("low", priority=LOW))
    found = plan(known, state(critical=mine(12), low=mine(60)), sample(50, 65), RULES, NOW)
    assert [(d.task, d.code) for d in found] == [("low", Code.FORCED), ("critical", Code.RUN)]


def test_a_task_with_no_patience_is_forced_at_once() -> None:
    assert decide(task(max_defer=timedelta(0)), mine(10), 50, 80).code is Code.FORCED


# -- the order of starts -----------------------------------------------------------------------------

QUICK, SLOW = footprint(*[(1, 1)] * 9), footprint(*[(90, 1)] * 9)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((task("z"), mine(10, footprint=QUICK)), (task("a"), mine(10, footprint=SLOW)), id="shortest"),
        pytest.param((task("z"), mine(10, footprint=SLOW)), (task("a"), mine(10)), id="known before unknown"),
        pytest.param(
            (task("z", expected_duration=minutes(1)), mine(10)), (task("a"), mine(10, footprint=SLOW)), id="declared"
        ),
        pytest.param((task("z"), mine(12, footprint=SLOW)), (task("a"), mine(11, footprint=QUICK)), id="slack first"),
        pytest.param((task("z", 10), mine(10)), (task("a", 20), mine(21)), id="slack in time, not in intervals"),
        pytest.param(
            (task("z", 600, windows=(Window(0, 22 * 60 + 45),)), mine(600)), (task("a"), mine(10)), id="window closes"
        ),
        pytest.param(
            (task("z", priority=Priority.HIGH), mine(10)), (task("a", max_defer=minutes(5)), mine(11)), id="priority"
        ),
        pytest.param((task("z", priority=LOW), mine(50)), (task("a", priority=CRITICAL), mine(10)), id="starving"),
        pytest.param(
            (task("a"), mine(10)),
            (task("z", 600, windows=(Window(0, 1365), Window(1320, 60))), mine(600)),
            id="the later end of two windows counts",
        ),
    ],
)
def test_due_tasks_start_by_priority_then_slack_then_duration(
    first: tuple[Task, TaskState], second: tuple[Task, TaskState]
) -> None:
    for one, other in ((first, second), (second, first)):
        known = tasks(one[0], other[0])
        past = state(**{wanted.name: its for wanted, its in (one, other)})
        found = plan(known, past, sample(), RULES, NOW)
        assert [found[0].task, found[1].task] == [first[0].name, second[0].name]


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_window_of_all_day_does_not_close_and_equals_start_in_the_order_of_the_file(names: str) -> None:
    open_always = {"a": (Window(0, 0), Window(0, 1365)), "b": ()}
    known = tasks(*(task(name, 600, windows=open_always[name]) for name in names))
    found = plan(known, state(a=mine(600), b=mine(600)), sample(), RULES, NOW)
    assert [one.task for one in found] == list(names)


def test_memory_limits_per_priority() -> None:
    rules = Rules(memory_gate=MemoryGate(by_priority={Priority.HIGH: 80.0}))
    known = tasks(task("high", priority=Priority.HIGH), task("medium"))
    found = {d.task: d.code for d in plan(known, state(high=mine(12), medium=mine(12)), sample(50, 75), rules, NOW)}
    assert found == {"high": Code.RUN, "medium": Code.MEMORY_GATE}


def test_a_task_that_ran_in_this_cycle_does_not_start_again() -> None:
    found = decide(task(every=1), mine(60, last=ended(0)), started={"job"})
    assert (found.code, found.reason) == (Code.NOT_DUE, "it has run in this cycle")


def test_a_task_that_started_in_this_cycle_and_is_live_says_running() -> None:
    assert decide(task(every=1), mine(0, live=live(0)), started={"job"}).code is Code.RUNNING


def test_an_anchor_a_little_in_the_future_is_no_negative_waiting() -> None:
    found = decide(task(), mine(-2), 18)
    assert (found.code, found.value) == (Code.NOT_DUE, 0.0)


names = st.sampled_from("abcdef")
states = st.builds(
    lambda age, is_live, failed, paused: mine(
        age,
        live=live() if is_live else None,
        last=None if failed is None else ended(5, Status.FAILED if failed else Status.OK),
        paused=paused,
    ),
    st.none() | st.floats(0, 5000),
    st.booleans(),
    st.none() | st.booleans(),
    st.booleans(),
)
some_tasks = st.lists(
    st.builds(
        lambda name, every, priority, deps, defer: task(
            name, every, priority=priority, depends_on=tuple(d for d in deps if d < name), max_defer=defer
        ),
        names,
        st.integers(1, 600),
        st.sampled_from(Priority),
        st.sets(names, max_size=2),
        st.none() | st.just(timedelta(0)) | st.just(minutes(30)),
    ),
    unique_by=lambda one: one.name,
    min_size=1,
)


@given(some_tasks, st.dictionaries(names, states), st.floats(0, 100), st.floats(0, 100), st.integers(1, 4))
def test_every_plan_keeps_the_promises(
    wanted: list[Task], its: dict[str, TaskState], cpu: float, memory: float, slots: int
) -> None:
    known = {one.name: one for one in wanted}
    known = {
        name: task(name, one.interval / minutes(1), priority=one.priority, max_defer=one.max_defer,
                   depends_on=tuple(d for d in one.depends_on if d in known))
        for name, one in known.items()
    }  # fmt: skip
    past = State(tasks=its)
    found = plan(known, past, sample(cpu, memory), Rules(max_parallel=slots), NOW)
    starts = [d for d in found if d.code.starts]
    assert sorted(d.task for d in found) == sorted(known)
    assert found[: len(starts)] == starts
    ordinary = [d for d in starts if known[d.task].priority is not CRITICAL]
    assert len(ordinary) <= max(0, slots - sum(one.live is not None for one in past.tasks.values()))
    for one in starts:
        theirs = its.get(one.task)
        assert theirs is None or (theirs.live is None and not theirs.paused)
        assert not any(d in {s.task for s in starts} for d in known[one.task].depends_on)
    assert not ordinary or memory < 90
    assert all(one.reason for one in found)
