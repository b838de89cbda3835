"""Who is told what: each matter once when it begins, two of them when they are over."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import kinds
from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Decision, State, Status, Task, TaskState
from adaptive_scheduler.notices import Facts, noticed
from adaptive_scheduler.notify import About, Notice, Notify
from adaptive_scheduler.settings import Config
from tests.builders import NOW, RULES, ended, event, footprint, live, mine, minutes, sample, state, task

EVERYTHING = Notify(("OPS",))


def facts(*decisions: Decision, **more: Any) -> Facts:
    return Facts(**{"now": NOW, "sample": sample(), "decisions": decisions, "rules": RULES, **more})


def decided(code: Code, name: str = "job", reason: str = "said so") -> Decision:
    return Decision(name, code, reason, None)


def config(*tasks: Task, wish: Notify = EVERYTHING) -> Config:
    return Config(path="t", state_dir="s", rules=RULES, tasks={one.name: one for one in tasks}, notify=wish)


def told(
    mine: TaskState, code: Code = Code.NOT_DUE, wish: Notify = EVERYTHING, **more: Any
) -> tuple[str, list[Notice]]:
    """What is remembered as told of one task, and the notices."""
    made = more.pop("task", task(every=10))
    after, notices = noticed(config(made, wish=wish), state(job=mine), facts(decided(code), **more))
    return after.tasks["job"].told, list(notices)


FAILED = mine(5, last=ended(5, Status.FAILED, cause="exit code 3"), failures=1)
WELL = mine(5, last=ended(5))
SLOW = footprint(*[(30.0, 100.0)] * 12)


@pytest.mark.parametrize(
    ("mine", "code", "abouts", "remembered"),
    [
        pytest.param(WELL, Code.NOT_DUE, [], "", id="nothing is the matter"),
        pytest.param(FAILED, Code.NOT_DUE, [About.FAILURE], "failure", id="a failure"),
        pytest.param(replace(FAILED, told="failure"), Code.NOT_DUE, [], "failure", id="told before"),
        pytest.param(replace(WELL, told="failure"), Code.NOT_DUE, [About.RECOVERY], "", id="well again"),
        pytest.param(replace(WELL, last=None, told="failure"), Code.NOT_DUE, [], "", id="its last run is forgotten"),
        pytest.param(mine(60), Code.MEMORY_GATE, [About.OVERDUE, About.STARVING], "overdue,starving", id="overdue"),
        pytest.param(mine(60), Code.RUN, [], "", id="overdue, and it starts"),
        pytest.param(mine(60), Code.FORCED, [About.STARVING], "starving", id="it starts by force"),
        pytest.param(mine(60), Code.PAUSED, [], "", id="overdue on purpose"),
        pytest.param(mine(5, told="starving"), Code.NOT_DUE, [], "starving", id="started by force, not at rest yet"),
        pytest.param(mine(5, told="starving"), Code.RUN, [], "", id="starts as it should"),
        pytest.param(mine(5, told="starving"), Code.PAUSED, [], "", id="starving until it was paused"),
        pytest.param(mine(5, told="overdue"), Code.NOT_DUE, [], "overdue", id="late, and started by force"),
        pytest.param(mine(9, told="overdue"), Code.RUN, [About.RECOVERY], "", id="on time again"),
        pytest.param(mine(5, told="overdue"), Code.PAUSED, [], "", id="overdue until it was paused"),
        pytest.param(
            mine(5, last=ended(5, unusual="took 2 min, usually 30 s", duration_s=120.0), footprint=SLOW),
            *(Code.NOT_DUE, [About.LONG_RUN], "long_run"),
            id="unusually long",
        ),
        pytest.param(
            mine(5, last=ended(5, unusual="took 1 s, usually 30 s", duration_s=1.0), footprint=SLOW),
            *(Code.NOT_DUE, [About.SHORT_RUN], "short_run"),
            id="unusually short",
        ),
        pytest.param(
            mine(5, last=ended(5, unusual="used 1 GB of memory, usually 100 MB"), footprint=SLOW),
            *(Code.NOT_DUE, [About.HEAVY_RUN], "heavy_run"),
            id="unusually much memory",
        ),
        pytest.param(mine(5, told="from a newer version"), Code.NOT_DUE, [], "", id="what is not understood"),
    ],
)
def test_one_task(mine: TaskState, code: Code, abouts: list[About], remembered: str) -> None:
    now_told, notices = told(mine, code)
    assert [one.about for one in notices] == abouts
    assert now_told == remembered
    assert all(one.task == "job" and one.at == NOW for one in notices)


def test_a_notice_says_why_and_of_which_run() -> None:
    _, [failure] = told(replace(FAILED, failures=3))
    assert (failure.reason, failure.run_id) == ("failed: exit code 3 (3 in a row)", "r0")
    _, [overdue, starving] = told(mine(60, last=ended(60)), Code.NO_SLOT)
    assert (overdue.reason, overdue.run_id) == ("last start: 1 h ago, interval 10 min; said so", "")
    assert starving.reason == "has waited 50 min, which is its max_defer or more; said so"
    _, [never, _starving] = told(mine(first_seen=NOW - timedelta(hours=2)), Code.NO_SLOT)
    assert never.reason.startswith("last start: never")


def test_a_task_that_runs_is_neither_overdue_nor_starving() -> None:
    assert told(mine(60, live=live(55)), Code.RUNNING) == ("", [])


def test_failures_are_told_from_the_wished_number_on() -> None:
    patient = replace(EVERYTHING, failures=3)
    assert told(replace(FAILED, failures=2), wish=patient) == ("", [])
    assert [one.about for one in told(replace(FAILED, failures=3), wish=patient)[1]] == [About.FAILURE]
    # It was told while the number was lower, and is no failure any more: that is no recovery.
    assert told(replace(FAILED, failures=2, told="failure"), wish=patient) == ("", [])


def test_only_what_is_wished_is_told() -> None:
    only = replace(EVERYTHING, on=frozenset({About.OVERDUE}))
    assert told(FAILED, wish=only) == ("", [])
    assert told(replace(WELL, told="failure"), wish=only) == ("", [])
    assert told(mine(60), Code.MEMORY_GATE, wish=only)[0] == "overdue"
    assert told(WELL, wish=only, events=[event()]) == ("", [])


def test_of_a_muted_task_nothing_is_told_nor_remembered() -> None:
    muted = task(every=10, notify=False)
    assert told(replace(FAILED, told="failure"), task=muted) == ("", [])
    assert told(replace(WELL, told="failure"), task=muted) == ("", [])


def test_after_a_gap_lateness_is_no_news_but_what_was_told_stays_told() -> None:
    assert told(mine(60), Code.NO_SLOT, awake=False) == ("", [])
    assert told(mine(60, told="overdue,starving"), Code.NO_SLOT, awake=False) == ("overdue,starving", [])
    assert [one.about for one in told(FAILED, awake=False)[1]] == [About.FAILURE]


def test_who_starts_a_task_by_hand_is_not_told_that_it_has_waited() -> None:
    assert told(mine(60), Code.FORCED, forced=True) == ("", [])


def test_events_are_told_but_for_those_that_our_own_runs_made() -> None:
    seen = [event("cpu_spike"), event("missed_cycles", reason="9 are missing"), event("cpu_spike", caused_by="r7")]
    _, notices = told(WELL, events=seen)
    assert [(one.about, one.reason) for one in notices] == [
        (About.EVENT, "cpu_spike: CPU 91 %, usually 40 %"),
        (About.MISSED_CYCLES, "missed_cycles: 9 are missing"),
    ]


def test_of_tasks_that_no_decision_is_about_nothing_is_told() -> None:
    after, notices = noticed(config(task()), state(job=FAILED), facts())
    assert (after, notices) == (state(job=FAILED), ())


CODES = st.sampled_from([Code.NOT_DUE, Code.RUN, Code.FORCED, Code.MEMORY_GATE, Code.PAUSED, Code.RUNNING])
ENDS = st.sampled_from([None, Status.OK, Status.FAILED])
CYCLES = st.lists(st.tuples(CODES, ENDS, st.integers(1, 90)), max_size=30)


@given(CYCLES)
def test_no_matter_is_told_twice_without_having_been_over(cycles: list[tuple[Code, Status | None, int]]) -> None:
    """A failure is told when a failed run follows a good one or none, and then not before a good one."""
    known: State = state(job=mine(5))
    failing = False
    for code, end, age in cycles:
        one = replace(known.tasks["job"], anchor=NOW - minutes(age))
        if end is not None:
            one = replace(one, last=ended(5, end), failures=0 if end is Status.OK else one.failures + 1)
        known, notices = noticed(config(task(every=10)), state(job=one), facts(decided(code)))
        said = [note.about for note in notices]
        assert said.count(About.FAILURE) == (end is Status.FAILED and not failing)
        failing = failing if end is None else end is Status.FAILED


def test_the_words_of_tasks_toml_are_those_of_the_program() -> None:
    assert get_args(kinds.Matter) == tuple(about.value for about in About)
