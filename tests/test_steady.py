"""Until when every decision stays what it is: a table, and the promise itself against the plan."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.events import Probe
from adaptive_scheduler.fleet import NOBODY, Fleet, Where
from adaptive_scheduler.model import Priority, Task, TaskState, Window
from adaptive_scheduler.notify import About, Notify
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import Config
from adaptive_scheduler.state import decided
from adaptive_scheduler.steady import LONGEST, until
from adaptive_scheduler.textfile import Textfile
from tests.builders import NOW, RULES, ended, event, fleet, live, mine, minutes, node, sample, state, task, tasks

ANY = Where()
TEMPOS = {"faster": (0.0, 19.9), "base": (20.0, 70.0), "slower": (70.1, 100.0)}


def config(*wanted: Task, **more: Any) -> Config:
    return Config(path="/x/tasks.toml", state_dir="/x/outputs", rules=RULES, tasks=tasks(*wanted), **more)


def asked(one: Task, its: TaskState, cpu: float = 50.0, *, taught: bool = False, **more: Any) -> datetime:
    """Ask about one task whose state knows the decision of this moment."""
    before = state(**{one.name: its})
    known = decided(before, plan(tasks(one), before, sample(cpu), RULES, NOW))
    return until(config(one, **more), known, sample(cpu), RULES, NOW, taught=taught)


@pytest.mark.parametrize(
    ("one", "its", "cpu", "after"),
    [
        pytest.param(task(every=60), mine(10), 50, minutes(50 - 2.5), id="due, half a tick before"),
        pytest.param(task(every=10), mine(1), 50, minutes(9 - 1), id="due, a tenth of a short interval before"),
        pytest.param(task(every=60), mine(10), 10, minutes(38 - 2.5), id="a calm machine makes it due earlier"),
        pytest.param(task(every=60), mine(10), 90, minutes(50 - 2.5), id="a busy one has it wait for the ceiling"),
        pytest.param(task(every=60, adaptive=False), mine(10), 10, minutes(50 - 2.5), id="not adaptive"),
        pytest.param(task(every=60, where=ANY), mine(10), 90, minutes(38 - 2.5), id="a node may be calm"),
        pytest.param(task(every=60, where=ANY, adaptive=False), mine(10), 90, minutes(50 - 2.5), id="and not adaptive"),
        pytest.param(task(enabled=False), mine(100), 50, LONGEST, id="disabled"),
        pytest.param(task(os="windows"), mine(100), 50, LONGEST, id="for another system"),
        pytest.param(task(), mine(100, paused=True), 50, LONGEST, id="paused for good"),
        pytest.param(task(), mine(100, paused=True, paused_until=NOW + minutes(7)), 50, minutes(7), id="paused"),
        pytest.param(
            task(every=60, windows=(Window(23 * 60, 60),)), mine(100), 50, minutes(30), id="until its window opens"
        ),
        pytest.param(
            task(every=600, windows=(Window(20 * 60, 22 * 60 + 40),)), mine(10), 50, minutes(10), id="until it closes"
        ),
        pytest.param(
            task(every=60, retries=3, retry_delay=minutes(20)),
            mine(5, retry_at=NOW + minutes(20), last=ended(5), failures=1),
            50,
            minutes(18),
            id="until the next try",
        ),
    ],
)
def test_until_when_a_decision_stands(one: Task, its: TaskState, cpu: float, after: timedelta) -> None:
    assert asked(one, its, cpu) == NOW + after


@pytest.mark.parametrize(
    ("one", "its"),
    [
        pytest.param(task(), mine(), id="it has never run"),
        pytest.param(task(every=10), mine(10), id="it is due"),
        pytest.param(task(every=60), mine(70), id="it was due, and something holds it back"),
        pytest.param(task(every=60), mine(10, live=live()), id="it is running"),
        pytest.param(task(every=60), mine(10, event=event()), id="an event waits for it"),
        pytest.param(task(), mine(100, paused=True, event=event()), id="an event waits for it, and lapses"),
    ],
)
def test_a_task_with_something_to_wait_for_gives_no_rest(one: Task, its: TaskState) -> None:
    assert asked(one, its) == NOW


def test_a_high_load_holds_a_task_back_and_gives_no_rest() -> None:
    assert asked(task(every=60), mine(70), cpu=90) == NOW


def test_a_decision_of_another_kind_than_the_last_one_gives_no_rest() -> None:
    known = state(job=mine(10, code="RUN"))
    assert until(config(task(every=60)), known, sample(), RULES, NOW, taught=False) == NOW


def test_where_tables_were_learned_the_earliest_start_of_any_rule_counts() -> None:
    assert asked(task(every=60), mine(10), 50, taught=True) == NOW + minutes(38 - 2.5)


def test_a_task_that_the_state_does_not_know_gives_no_rest() -> None:
    assert until(config(task()), state(), sample(), RULES, NOW, taught=False) == NOW


def test_results_that_the_history_lacks_give_no_rest() -> None:
    known = replace(state(job=mine(10, code="NOT_DUE")), unrecorded=(("job", ended()),))
    assert until(config(task(every=60)), known, sample(), RULES, NOW, taught=False) == NOW


WAITING = [
    pytest.param({"metrics": Textfile("/x/a.prom")}, id="metrics"),
    pytest.param({"probes": {"a": Probe(name="a", way="tcp", target=("a:1",))}}, id="probes"),
    pytest.param({"notify": Notify(ping="A")}, id="a ping for each cycle"),
    pytest.param({"notify": Notify(to=("A",))}, id="events are told"),
]


@pytest.mark.parametrize("more", WAITING)
def test_what_every_cycle_does_for_somebody_gives_no_rest(more: dict[str, Any]) -> None:
    assert asked(task(every=60), mine(10), **more) == NOW


def test_a_task_that_events_start_gives_no_rest() -> None:
    assert asked(task(every=60, on=("cpu_spike",)), mine(10)) == NOW


def test_notices_of_other_things_than_events_let_rest_but_for_a_task_that_failed() -> None:
    others = Notify(to=("A",), on=frozenset({About.FAILURE}))
    assert asked(task(every=60), mine(10), notify=others) > NOW
    failed = mine(5, retry_at=NOW + minutes(20), last=ended(5), failures=1)
    assert asked(task(every=60, retries=3), failed, notify=others) == NOW


# -- the promise -----------------------------------------------------------------------------------

AGES = st.floats(0, 200).map(lambda age: round(age, 1))
TASKS = st.builds(
    lambda every, priority, adaptive, spans, enabled, where: task(
        every=every, priority=priority, adaptive=adaptive, windows=spans, enabled=enabled, where=where
    ),
    st.sampled_from([1, 4, 5, 10, 33, 60, 240]),
    st.sampled_from(Priority),
    st.booleans(),
    st.sampled_from([(), (Window(22 * 60, 23 * 60),), (Window(23 * 60, 120),), (Window(60, 60),)]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([None, ANY, Where(labels=("gpu",))]),
)
FLEETS = st.one_of(
    st.just(NOBODY),
    st.just(Fleet(problem="nobody listens there", asked=True)),
    st.builds(
        lambda cpu, taken: fleet(node("n1", cpu, runs=dict.fromkeys(map(str, range(taken))))),
        st.sampled_from([5.0, 50.0, 95.0]),
        st.integers(0, 2),
    ),
)
STATES = st.builds(
    lambda age, pause, retry: mine(
        age,
        paused=pause is not None,
        paused_until=None if not pause else NOW + minutes(pause),
        retry_at=None if retry is None else NOW + minutes(retry),
        failures=0 if retry is None else 1,
        last=None if retry is None else ended(1),
    ),
    AGES,
    st.sampled_from([None, None, None, 0, 3, 50]),
    st.sampled_from([None, None, 1, 30]),
)


@given(
    one=TASKS,
    its=STATES,
    tempo=st.sampled_from(sorted(TEMPOS)),
    share=st.sampled_from([0.5, 0.9, 0.999]) | st.floats(0, 0.999),
    data=st.data(),
)
def test_before_that_moment_no_load_of_the_same_tempo_no_memory_and_no_node_changes_a_decision(
    one: Task, its: TaskState, tempo: str, share: float, data: st.DataObject
) -> None:
    cpus = st.floats(*TEMPOS[tempo])
    before = state(job=its)
    first = plan(tasks(one), before, sample(data.draw(cpus)), RULES, NOW, fleet=data.draw(FLEETS))
    known = decided(before, first)
    until_then = until(config(one), known, sample(data.draw(cpus)), RULES, NOW, taught=False)
    if until_then <= NOW:
        return
    later = NOW + share * (until_then - NOW)
    load = sample(data.draw(cpus), data.draw(st.floats(0, 100)), later)
    then = plan(tasks(one), known, load, RULES, later, fleet=data.draw(FLEETS))
    assert [decision.code for decision in then] == [decision.code for decision in first]
