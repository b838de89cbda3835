"""What `status` says: what is late, what fails, what is missing; and what is none of these."""

from dataclasses import replace
from typing import Any

import pytest

from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Decision, Priority, Status, Task, TaskState, Window
from adaptive_scheduler.overview import Overview, overview
from adaptive_scheduler.settings import Config, MemoryGate, Rules
from tests.builders import NOW, ago, ended, live, mine, minutes, sample, state, task, tasks


def decision(code: Code = Code.NOT_DUE, every: float = 10) -> Decision:
    return Decision("job", code, "its reason", NOW + minutes(5), interval=minutes(every))


def view(
    wanted: Task | None = None,
    my: TaskState | None = None,
    code: Code = Code.NOT_DUE,
    *,
    last_cycle: float | None = 5,
    memory: tuple[float | None, ...] = (),
    **more: Any,
) -> Overview:
    one = wanted or task()
    config = Config(path="tasks.toml", state_dir="outputs", rules=more.pop("rules", Rules()), tasks=tasks(one))
    known = {} if my is None else {one.name: my}
    now_state = replace(state(**known), last_cycle_at=None if last_cycle is None else ago(last_cycle))
    recent = [sample(50, value) for value in memory]
    return overview(config, now_state, {one.name: decision(code)}, sample(), recent, NOW, **more)


def started(minutes_ago: float, **more: Any) -> TaskState:
    return mine(minutes_ago, last=ended(minutes_ago), **more)


def test_a_task_that_ran_lately_is_fine_and_every_number_is_there() -> None:
    found = view(task(priority=Priority.HIGH), started(5))
    (one,) = found.tasks
    assert found.ok
    assert found.problems == []
    assert (found.cycle, found.last_cycle_at, found.config) == (1, ago(5), "tasks.toml")
    assert (one.name, one.priority, one.interval, one.adaptive_interval) == ("job", "high", minutes(10), minutes(10))
    assert (one.last_started_at, one.overdue, one.failures) == (ago(5), False, 0)


@pytest.mark.parametrize(
    ("age", "late"),
    [(24.9, False), (25, False), (25.1, True)],
    ids=["before 1.5 B + 2 ticks", "exactly then", "after it"],
)
def test_a_task_is_overdue_without_a_start_for_one_and_a_half_intervals_and_two_ticks(age: float, late: bool) -> None:
    found = view(my=started(age))
    assert found.tasks[0].overdue is late
    assert found.ok is not late
    if late:
        assert found.problems == ["'job' is overdue (last start: 25 min 6 s ago): its reason"]


def test_a_task_that_never_ran_is_overdue_from_when_it_was_first_seen() -> None:
    found = view(my=TaskState(first_seen=ago(30)))
    assert found.problems == ["'job' is overdue (last start: never): its reason"]
    assert view(my=TaskState(first_seen=ago(20))).ok
    assert view(my=None).ok


@pytest.mark.parametrize("code", list(Code))
def test_only_what_is_held_on_purpose_is_never_overdue(code: Code) -> None:
    held = code in (Code.DISABLED, Code.PAUSED, Code.WINDOW, Code.RUNNING)
    assert view(my=started(600), code=code).tasks[0].overdue is not held


def test_a_task_with_a_window_may_rest_for_a_day_more() -> None:
    nightly = task(windows=(Window(60, 300),))
    assert view(nightly, started(24 * 60 + 25)).ok
    assert not view(nightly, started(24 * 60 + 26)).ok


def test_a_live_run_counts_as_the_last_start() -> None:
    found = view(my=mine(600, live=live(2), last=ended(600)))
    assert found.ok
    assert found.tasks[0].last_started_at == ago(2)


@pytest.mark.parametrize(
    ("status", "failures", "words"),
    [
        (Status.OK, 0, None),
        (Status.WARNING, 0, None),
        (Status.FAILED, 1, "'job' is failing (failed: exit code 3)"),
        (Status.TIMEOUT, 4, "'job' is failing (timeout: exit code 3, 4 in a row)"),
        (Status.INTERRUPTED, 1, "'job' is failing (interrupted: exit code 3)"),
        (Status.ERROR, 1, "'job' is failing (error: exit code 3)"),
    ],
)
def test_a_last_run_without_success_is_failing_and_a_warning_is_not(
    status: Status, failures: int, words: str | None
) -> None:
    found = view(my=mine(5, last=ended(5, status, cause="exit code 3"), failures=failures))
    assert found.problems == ([words] if words else [])


def test_a_failed_task_that_was_disabled_troubles_nobody_any_more() -> None:
    failed = mine(5, last=ended(5, Status.FAILED, cause="exit code 3"), failures=1)
    assert view(my=failed, code=Code.DISABLED).ok
    assert not view(my=failed, code=Code.PAUSED).ok


@pytest.mark.parametrize(
    ("last_cycle", "words"),
    [
        (None, "no cycle has run yet; 'adaptive-scheduler install' has the system call one every 5 min"),
        (15, None),
        (21, "the last cycle was 21 min ago, 4 are missing: is it still registered and enabled?"),
        (-60, None),
    ],
    ids=["never", "three ticks ago", "longer ago", "in the future"],
)
def test_missing_cycles_are_the_first_problem(last_cycle: float | None, words: str | None) -> None:
    problems = view(my=started(600), last_cycle=last_cycle).problems
    assert len(problems) == (2 if words else 1)
    assert problems[0] == words or words is None


@pytest.mark.parametrize(
    ("memory", "tight"),
    [
        ((), False),
        ((61, 61), False),
        ((61, 61, 59), True),
        ((61, 59, 59), False),
        ((61, 61, 59, 59), False),
        ((60, 60, 60), False),
        ((None, None, 61), False),
    ],
    ids=["no sample", "two", "most above", "few above", "half above", "exactly at it", "unknown"],
)
def test_a_memory_limit_that_does_not_fit_the_machine_is_noted(memory: tuple[float | None, ...], tight: bool) -> None:
    found = view(my=started(5), memory=memory, notes=["before"])
    assert found.ok
    assert len(found.notes) == (2 if tight else 1)
    if tight:
        assert found.notes[1].startswith("memory was above 60 % in 2 of the last 3 samples: memory_gate.limit does")


def test_a_higher_limit_fits_the_same_machine() -> None:
    rules = Rules(memory_gate=MemoryGate(limit=80))
    assert view(my=started(5), memory=(70, 70, 70), rules=rules).notes == []


def test_an_interval_that_the_tick_cannot_keep_has_an_effective_one() -> None:
    config = Config(path="", state_dir="", rules=Rules(), tasks=tasks(task(every=2)))
    found = overview(config, state(job=started(1)), {"job": decision(every=2)}, sample(), [], NOW)
    assert (found.tasks[0].adaptive_interval, found.tasks[0].effective_interval) == (minutes(2), minutes(5))


def test_a_task_that_only_events_start_has_no_interval_and_is_never_overdue() -> None:
    found = view(task(every=None), started(60 * 24 * 365), Code.NOT_DUE)
    (one,) = found.tasks
    assert (one.interval, one.adaptive_interval, one.effective_interval) == (None, None, None)
    assert (one.overdue, one.rhythm[0]) == (False, "events")
    assert found.ok
