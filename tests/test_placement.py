"""Which node takes a start, and what each of the others says."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import Code
from adaptive_scheduler.fleet import NOBODY, Fleet, Node, Unreachable, Where
from adaptive_scheduler.model import Decision, Live, Priority, State, Step, Task, TaskState
from adaptive_scheduler.placement import is_wanted, suffixes
from adaptive_scheduler.plan import plan
from adaptive_scheduler.ranking import load
from tests.builders import NOW, RULES, ago, fleet, footprint, live, mine, node, sample, state, task, tasks

ANY = Where()


def decide(one: Task, its: TaskState, there: Fleet, rules: Any = RULES, **more: Any) -> Decision:
    (decision,) = plan(tasks(one), state(**{one.name: its}), sample(99, 99), rules, NOW, fleet=there, **more)
    return decision


@pytest.mark.parametrize(
    ("its", "nodes", "code", "where", "told"),
    [
        pytest.param(mine(10), [node()], Code.RUN, "n1", "at 10 % CPU; on 'n1' (1 of 2 slots)", id="one calm node"),
        pytest.param(mine(8), [node(cpu=10)], Code.RUN, "n1", "every 8 min at 10 %", id="its CPU bends the interval"),
        pytest.param(mine(8), [node(cpu=30)], Code.NOT_DUE, "", "due in 2 min", id="and not that of this machine"),
        pytest.param(mine(10), [node(cpu=80)], Code.CPU_CEILING, "", "CPU 80 % is above 70 %", id="hot"),
        pytest.param(mine(15), [node(cpu=80)], Code.RUN, "n1", "every 15 min", id="hot, and old enough"),
        pytest.param(mine(10), [node("hot", 80), node("calm", 5)], Code.RUN, "calm", "", id="one hot, one calm"),
        pytest.param(mine(10), [node("a", 40), node("b", 20)], Code.RUN, "b", "", id="the calmer of two"),
        pytest.param(mine(10), [node("b", 20), node("a", 20)], Code.RUN, "a", "", id="equal: by name"),
        pytest.param(mine(10), [node(memory=70)], Code.MEMORY_GATE, "", "'n1': memory 70 % is above", id="memory"),
        pytest.param(
            mine(10), [node(runs={"x": None, "y": None})], Code.NO_SLOT, "", "'n1': 2 of 2 slots are taken", id="full"
        ),
        pytest.param(
            mine(10),
            [node("a", memory=70), node("b", runs={"x": 1, "y": 1}), node("c", memory=70)],
            *(Code.NO_SLOT, "", "'a', 'c': memory 70 % is above 60 %; 'b': 2 of 2 slots are taken"),
            id="each says its own, the nearest to a start is the code",
        ),
        pytest.param(mine(10), [], Code.NO_NODE, "", "no node: none has joined", id="nobody there"),
        pytest.param(
            mine(10),
            [node(unusable="has been silent for 40 s")],
            *(Code.NO_NODE, "", "no node: 'n1': has been silent for 40 s"),
            id="nobody usable",
        ),
        pytest.param(mine(5), [], Code.NOT_DUE, "", "due in 5 min", id="not due is told first"),
        pytest.param(mine(5, live=live()), [], Code.RUNNING, "", "", id="running is told first"),
    ],
)  # fmt: skip
def test_a_task_that_may_go_anywhere(its: TaskState, nodes: list[Node], code: Code, where: str, told: str) -> None:
    decision = decide(task(where=ANY), its, fleet(*nodes))
    assert (decision.code, decision.node) == (code, where)
    assert told in decision.reason


FULL = {"x": None, "y": None}


@pytest.mark.parametrize(
    ("one", "its", "nodes", "code", "where", "told"),
    [
        pytest.param(task(), mine(), [node("hot", 95), node("calm", 5)], Code.RUN, "calm", "", id="the calm one"),
        pytest.param(
            task(), mine(), [node("hot", 95), node("calm", 5, runs=FULL)],
            Code.NO_SLOT, "", "'hot': CPU 95 % is above 70 %; 'calm': 2 of 2 slots are taken", id="waits for its slot",
        ),
        pytest.param(task(), mine(), [node("a", 95), node("b", 80)], Code.RUN, "b", "never run", id="all are hot"),
        pytest.param(
            task(), mine(first_seen=ago(5)), [node("hot", 95), node("calm", 5, runs=FULL)],
            Code.RUN, "hot", "never run", id="no longer than the rhythm would",
        ),
        pytest.param(
            task(adaptive=False), mine(), [node("hot", 95), node("calm", 5, runs=FULL)],
            Code.RUN, "hot", "never run", id="a plain interval looks at no load",
        ),
        pytest.param(
            task(), mine(retry_at=ago(1)), [node("hot", 95), node("calm", 5, runs=FULL)],
            Code.RUN, "hot", "", id="a retry is due",
        ),
    ],
)  # fmt: skip
def test_what_never_ran_rather_waits_for_a_calm_node_than_starts_on_a_busy_one(
    one: Task, its: TaskState, nodes: list[Node], code: Code, where: str, told: str
) -> None:
    decision = decide(replace(one, where=ANY), its, fleet(*nodes))
    assert (decision.code, decision.node) == (code, where)
    assert told in decision.reason


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (Where(("gpu",)), "no node with label 'gpu': 'n1': has no label 'gpu'"),
        (Where(os="windows"), "no node under windows: 'n1': runs linux, not windows"),
        (Where(node="box"), "no node named 'box': 'n1': it is not 'box'"),
    ],
)
def test_what_nobody_has_is_said_and_runs_as_soon_as_somebody_has_it(where: Where, why: str) -> None:
    one = task(where=where)
    assert decide(one, mine(10), fleet(node())).reason == why
    there = fleet(node(), node("box", labels=frozenset({"gpu"}), os="windows"))
    assert decide(one, mine(10), there).node == "box"


def test_a_script_needs_something_that_runs_it() -> None:
    one = replace(task(where=ANY), steps=(Step("a", "sub.dir/a.RB"), Step("b", "b.ps1", os="windows")))
    assert decide(one, mine(10), fleet(node())).reason == "no node: 'n1': has nothing that runs .rb"
    own = replace(one, steps=(Step("a", "a.rb", interpreter=("ruby",)),))
    assert decide(own, mine(10), fleet(node())).node == "n1"


@pytest.mark.parametrize(
    ("script", "found"), [("a.PY", ".py"), ("c:\\x.d\\run", ""), ("dir.d/run", ""), ("x/.profile", ".profile")]
)
def test_the_type_of_a_script_is_its_last_suffix(script: str, found: str) -> None:
    assert suffixes((Step("s", script),), "linux") == {found}


def test_starts_of_one_plan_take_turns_and_slots_are_never_passed() -> None:
    many = tasks(*(task(f"t{number}", where=ANY) for number in range(6)))
    there = fleet(node("a", 10), node("b", 30))
    decisions = plan(many, State(), sample(), RULES, NOW, fleet=there)
    assert sorted(one.node for one in decisions if one.code.starts) == ["a", "a", "b", "b"]
    assert [one.code for one in decisions if not one.code.starts] == [Code.NO_SLOT] * 2


def test_critical_tasks_that_pass_the_slots_are_spread_over_the_nodes() -> None:
    many = tasks(*(task(f"t{number}", where=ANY, priority=Priority.CRITICAL) for number in range(12)))
    decisions = plan(many, State(), sample(), RULES, NOW, fleet=fleet(node("a", 10), node("b", 15)))
    assert Counter(one.node for one in decisions) == {"a": 6, "b": 6}


def test_slots_of_nodes_and_of_this_machine_are_counted_apart() -> None:
    here, there = task("here"), task("there", where=ANY)
    busy = state(
        here=mine(60),
        there=mine(60),
        x=mine(1, live=Live("r1", ago(1), node="n1")),
        y=mine(1, live=Live("r2", ago(1), node="n1")),
    )
    rules = replace(RULES, max_parallel=1)
    by_task = {one.task: one for one in plan(tasks(here, there), busy, sample(), rules, NOW, fleet=fleet(node()))}
    assert by_task["here"].code is Code.RUN
    assert by_task["there"].reason == "'n1': 2 of 2 slots are taken"
    full = state(here=mine(60), there=mine(60), x=mine(1, live=live()))
    by_task = {one.task: one for one in plan(tasks(here, there), full, sample(), rules, NOW, fleet=fleet(node()))}
    assert by_task["here"].code is Code.NO_SLOT
    assert by_task["there"].node == "n1"


def test_critical_tasks_know_neither_slots_nor_the_memory_gate_of_a_node() -> None:
    one = task(where=ANY, priority=Priority.CRITICAL)
    assert decide(one, mine(10), fleet(node(memory=99, runs={"x": 1, "y": 1}))).node == "n1"


def test_what_waits_too_long_is_forced_on_a_node_too() -> None:
    decision = decide(task(where=ANY), mine(60), fleet(node(memory=70)))
    assert (decision.code, decision.node) == (Code.FORCED, "n1")
    assert decide(task(where=ANY), mine(60), fleet(node(memory=95))).code is Code.MEMORY_GATE


def test_memory_is_promised_on_the_node_that_will_need_it() -> None:
    mega, past = 1_000_000, footprint(*[(60, 400)] * 5)
    big: dict[str, Any] = {"available_bytes": 500 * mega, "total_bytes": 1000 * mega, "slots": 9}
    two = tasks(task("one", where=ANY), task("two", where=ANY))
    its = state(one=mine(60, footprint=past), two=mine(60, footprint=past))
    first, second = plan(two, its, sample(), RULES, NOW, fleet=fleet(node(**big)))
    assert (first.code, second.code) == (Code.RUN, Code.FORCED)
    assert "its need of 400 MB, with 500 MB free, 400 MB promised to 'one'" in second.reason
    its = state(one=mine(12, footprint=past), two=mine(12, footprint=past))
    first, second = plan(two, its, sample(), RULES, NOW, fleet=fleet(node(**big)))
    assert (first.node, second.code) == ("n1", Code.MEMORY_NEED)
    assert "needs 400 MB" in second.reason


def test_a_live_run_is_promised_what_it_has_not_grown_to_yet() -> None:
    mega, past = 1_000_000, footprint(*[(60, 400)] * 5)
    there = Live("r1", ago(1), node="n1")
    its = state(old=mine(1, live=there, footprint=past), new=mine(12, footprint=past))
    two = tasks(task("old", where=ANY), task("new", where=ANY))

    def code(used: int | None) -> Code:
        seen = node(available_bytes=500 * mega, runs={"r1": used})
        return {one.task: one for one in plan(two, its, sample(), RULES, NOW, fleet=fleet(seen))}["new"].code

    assert code(None) is Code.MEMORY_NEED
    assert code(200 * mega) is Code.MEMORY_NEED
    assert code(390 * mega) is Code.RUN


def test_what_runs_took_on_a_node_counts_there_and_what_they_took_anywhere_counts_elsewhere() -> None:
    rows = " ".join(["10,1,100@small"] * 5 + ["10,1,900@big"] * 6)
    one = task(where=ANY)
    room = {"available_bytes": 500_000_000}
    assert decide(one, mine(12, footprint=rows), fleet(node("small", **room))).node == "small"
    assert decide(one, mine(12, footprint=rows), fleet(node("big", **room))).code is Code.MEMORY_NEED
    assert decide(one, mine(12, footprint=rows), fleet(node("new", **room))).code is Code.MEMORY_NEED


@pytest.mark.parametrize(
    ("where", "runs_here"),
    [
        (Where(), True),
        (Where(os="linux"), True),
        (Where(os="windows"), False),
        (Where(("gpu",)), False),
        (Where(node="n1"), False),
    ],
)
def test_a_task_falls_back_on_this_machine_only_where_it_asks_for_nothing_more(where: Where, runs_here: bool) -> None:
    nobody = fleet(problem="nobody listens at 'tls://m:8786'")
    rules = replace(RULES, when_unreachable=Unreachable.LOCAL)
    one = task(where=where)
    (decision,) = plan(tasks(one), state(job=mine(10)), sample(50, 40), rules, NOW, fleet=nobody)
    assert (decision.code is Code.RUN, decision.node) == (runs_here, "")
    deferred = decide(one, mine(10), nobody)
    assert (deferred.code, deferred.reason) == (Code.NO_NODE, "nobody listens at 'tls://m:8786'")


def test_who_was_not_asked_is_not_said_to_be_away() -> None:
    decision = decide(task(where=ANY), mine(10), NOBODY, replace(RULES, when_unreachable=Unreachable.LOCAL))
    assert decision.code is Code.NO_NODE
    assert "the next one asks" in decision.reason


@pytest.mark.parametrize(
    ("its", "wanted"),
    [
        (mine(), True),
        (mine(8), True),
        (mine(7), False),
        (mine(60, live=live()), False),
        (mine(60, paused=True), False),
        (mine(1, retry_at=NOW), True),
    ],
)
def test_nodes_are_asked_only_when_something_could_start_there(its: TaskState, wanted: bool) -> None:
    assert is_wanted(tasks(task(where=ANY), task("here")), state(job=its), RULES, NOW) is wanted
    assert not is_wanted(tasks(task(where=ANY)), state(job=its), RULES, NOW, started=["job"])


def test_force_asks_for_what_is_not_due() -> None:
    assert is_wanted(tasks(task(where=ANY)), state(job=mine(1)), RULES, NOW, force=True)


def test_many_nodes_of_one_mind_are_said_in_a_few_words() -> None:
    crowd = [node(f"n{number:02}", memory=70) for number in range(50)]
    crowd += [node(f"m{number}", memory=71 + number) for number in range(5)]
    reason = decide(task(where=ANY), mine(10), fleet(*crowd)).reason
    assert "'n00', 'n01', 'n02' and 47 more: memory 70 % is above 60 %" in reason
    assert reason.endswith("2 more say otherwise")  # the commonest first
    assert len(reason) < 400


@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 9), st.integers(0, 9), st.integers(1, 9))
def test_load_never_falls_with_more_cpu_or_more_runs(a: float, b: float, few: int, more: int, slots: int) -> None:
    low, high = sorted((a, b))
    fewer, many = sorted((few, more))
    calmer, busier = load(node(cpu=low, slots=slots), fewer), load(node(cpu=high, slots=slots), many)
    assert 0 <= calmer <= busier
    assert busier <= 100 or many > slots


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.integers(1, 4), st.integers(0, 4)), max_size=6),
    st.integers(1, 12),
)
def test_no_plan_passes_a_slot_or_starts_on_a_node_that_refuses(nodes: Any, count: int) -> None:
    there = [
        node(f"n{place}", cpu, memory, slots=slots, runs=dict.fromkeys(map(str, range(taken))))
        for place, (cpu, memory, slots, taken) in enumerate(nodes)
    ]
    many = tasks(*(task(f"t{number}", where=ANY) for number in range(count)))
    its = State(tasks={name: mine(10) for name in many})
    starts = [one.node for one in plan(many, its, sample(), RULES, NOW, fleet=fleet(*there)) if one.code.starts]
    for one in there:
        given_out = starts.count(one.name)
        assert given_out <= max(0, one.slots - len(one.runs))
        assert not given_out or ((one.cpu or 0) <= 70 and (one.memory or 0) <= 60)
    fits = [one for one in there if (one.cpu or 0) <= 70 and (one.memory or 0) <= 60]
    assert len(starts) == min(count, sum(max(0, one.slots - len(one.runs)) for one in fits))
