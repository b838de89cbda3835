"""The quick ways to place and to rest decide as the plain ones: the plain ones are written out here."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import admission, gates, placement
from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.fleet import Fleet, Node, Where
from adaptive_scheduler.model import Decision, Live, Priority, State, Task, TaskState
from adaptive_scheduler.placement import NEAREST, Rooms, Yard
from adaptive_scheduler.plan import plan
from adaptive_scheduler.ranking import Ranking, load, sample_of
from adaptive_scheduler.resting import Resting
from adaptive_scheduler.settings import MemoryGate, Rules
from adaptive_scheduler.staircases import Learned
from tests.builders import NOW, event, footprint, mine, minutes, sample, task, tasks
from tests.tables import table

RESTS = (Code.NOT_DUE, Code.RUNNING, Code.WINDOW, Code.PAUSED, Code.DISABLED)

GIGABYTE = 10**9


def every_node_is_asked(
    case: Case, yard: Yard, left: Rooms, start: Callable[[Case], Decision], *, brief: bool = False
) -> Decision:
    """Place a task by asking one node after the other, each by all its gates."""
    refusals, due = [], case
    if case.mine.anchor is None and case.task.beats:
        just_due = replace(case, mine=replace(case.mine, anchor=case.mine.first_seen - case.task.interval))
        on_each = [replace(just_due, sample=sample_of(node, case.now)) for node in yard.suitable(case.task)]
        due = case if all(map(gates.rhythm, on_each)) else just_due
    for node in sorted(yard.suitable(case.task), key=lambda node: (load(node, left[node.name].live), node.name)):
        room = left[node.name]
        there = replace(case, sample=sample_of(node, case.now))
        early = gates.rhythm(replace(due, sample=there.sample))
        verdict = early or admission.memory_gate(there) or admission.admit(there, start(there), room)
        if verdict.code.starts:
            told = f"{verdict.reason}; on '{node.name}' ({room.live} of {node.slots} slots)"
            return replace(verdict, reason=told, node=node.name)
        refusals.append((node.name, verdict))
    name, nearest = min(refusals, key=lambda one: NEAREST.index(one[1].code))
    if len(refusals) == 1:
        return replace(nearest, reason=f"'{name}': {nearest.reason}")
    told = placement._summed_up([(name, one.reason.partition(";")[0]) for name, one in refusals])
    return replace(nearest, reason=told)


@st.composite
def nodes(draw: st.DrawFn) -> list[Node]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        total = draw(st.sampled_from([None, 2 * GIGABYTE]))
        found.append(
            Node(
                f"n{number}",
                draw(st.integers(0, 3)),
                labels=frozenset(draw(st.sampled_from([(), ("gpu",)]))),
                cpu=draw(st.sampled_from([None, 0.0, 10.0, 19.9, 20.0, 50.0, 70.0, 70.1, 95.0])),
                memory=draw(st.sampled_from([None, 30.0, 60.0, 75.0, 95.0])),
                available_bytes=None if total is None else draw(st.integers(0, 20)) * 100_000_000,
                total_bytes=total,
                runs=dict.fromkeys(f"strange{n}" for n in range(draw(st.integers(0, 2)))),
                suffixes=frozenset({".py"}),
                unusable=draw(st.sampled_from(["", "", "", "broken"])),
            )
        )
    return found


@st.composite
def task_states(draw: st.DrawFn, fleet: list[Node]) -> TaskState:
    age = draw(st.sampled_from([None, 0, 5, 7, 8, 9, 10, 12, 15, 30, 60]))
    live = draw(st.sampled_from([None, None, None, *(node.name for node in fleet)]))
    return mine(
        age,
        live=None if live is None else Live(f"r{draw(st.integers(0, 10**9))}", NOW - minutes(1), node=live),
        event=draw(st.sampled_from([None, None, None, event()])),
        retry_at=draw(st.sampled_from([None, None, None, NOW, NOW + minutes(60)])),
        paused=draw(st.sampled_from([False, False, False, True])),
        footprint=draw(st.sampled_from(["", footprint(*[(30.0, 400.0)] * 5)])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, Task], State, Fleet, Rules, set[str]]:
    fleet = draw(nodes())
    wanted: list[Task] = []
    for number in range(draw(st.integers(1, 8))):
        name = f"t{number}"
        earlier = [one.name for one in wanted]
        wanted.append(
            task(
                name,
                draw(st.sampled_from([10, 10, 10, 30, None])),
                where=draw(st.sampled_from([Where(), Where(), Where(("gpu",)), Where(("none",)), None])),
                priority=draw(st.sampled_from(list(Priority))),
                memory=draw(st.sampled_from([None, 300_000_000, 3 * GIGABYTE])),
                depends_on=tuple(draw(st.sets(st.sampled_from(earlier), max_size=1))) if earlier else (),
                on=("cpu_spike",),
            )
        )
    learned = {"t0": Learned(table(every=10), 0, 30.0, 30.0)} if draw(st.booleans()) else {}
    rules = Rules(memory_gate=MemoryGate(60.0, 90.0), learned=learned)
    state = State(cycle=1, tasks={one.name: draw(task_states(fleet)) for one in wanted})
    started = {name for name in state.tasks if draw(st.integers(0, 5)) == 0}
    return tasks(*wanted), state, Fleet(tuple(fleet), asked=True), rules, started


@settings(deadline=None, max_examples=300)
@given(worlds(), st.booleans())
def test_the_quick_way_to_place_decides_as_asking_every_node(
    world: tuple[dict[str, Task], State, Fleet, Rules, set[str]], force: bool
) -> None:
    wanted, state, fleet, rules, started = world
    for one in wanted.values():
        assert not one.depends_on or one.depends_on[0] in wanted
    with_quick = plan(wanted, state, sample(), rules, NOW, force=force, started=started, fleet=fleet)
    quick, placement.place = placement.place, every_node_is_asked
    try:
        assert with_quick == plan(wanted, state, sample(), rules, NOW, force=force, started=started, fleet=fleet)
    finally:
        placement.place = quick


@settings(deadline=None, max_examples=300)
@given(worlds())
def test_a_brief_plan_without_what_rests_decides_as_the_whole_one(
    world: tuple[dict[str, Task], State, Fleet, Rules, set[str]],
) -> None:
    wanted, state, fleet, rules, started = world
    resting = Resting(wanted)
    for now in (NOW, NOW + minutes(1)):
        whole = {one.task: one for one in plan(wanted, state, sample(), rules, now, started=started, fleet=fleet)}
        awake = resting.awake(state, Yard(fleet, rules), sample(), now, started)
        brief = plan(wanted, state, sample(), rules, now, only=awake, started=started, fleet=fleet, brief=True)
        assert {one.task for one in brief} == awake
        for one in brief:
            as_whole = whole.pop(one.task)
            assert (one.code, one.node) == (as_whole.code, as_whole.node)
            told = replace(one, reason=as_whole.reason, value=as_whole.value, limit=as_whole.limit, unit=as_whole.unit)
            assert not one.code.starts or told == as_whole
        assert [one for one in whole.values() if one.code not in RESTS] == []


def test_the_order_stays_right_while_starts_are_given_out() -> None:
    here = [Node(name, 2, cpu=cpu) for name, cpu in (("a", 50.0), ("b", 10.0), ("c", 30.0))]
    left = {node.name: admission.Room(2, node.name) for node in here}
    ranking = Ranking(here, left)
    assert [node.name for node in ranking] == ["b", "c", "a"]
    left["b"].live += 1
    ranking.taken(here[1])
    assert [node.name for node in ranking] == ["c", "a", "b"]
    ranking.taken(Node("elsewhere", 1))
    assert [node.name for node in ranking] == ["c", "a", "b"]


def test_a_task_is_asleep_until_no_load_at_all_could_hold_it_back_no_longer() -> None:
    wanted = tasks(task("a", 60, where=Where()), task("left", 60, where=Where()))
    resting = Resting({"a": wanted["a"]})
    state = State(tasks={"a": mine(40), "left": mine(600)})
    calm = Yard(Fleet((Node("n", 1, cpu=5.0, suffixes=frozenset({".py"})),), asked=True), Rules())
    found = [resting.awake(state, calm, sample(), NOW + minutes(one)) for one in (0, 5, 5, 6, 8)]
    assert found == [set(), set(), set(), {"a"}, {"a"}]


def test_a_sleeping_task_is_looked_at_again_as_soon_as_its_state_is_another_one() -> None:
    wanted = tasks(task("a", 60, where=Where()), task("never", None, where=Where()))
    resting = Resting(wanted)
    calm = Yard(Fleet((Node("n", 1, cpu=5.0, suffixes=frozenset({".py"})),), asked=True), Rules())
    asleep = State(tasks={"a": mine(10), "never": mine()})
    roused = State(tasks={name: replace(one, event=event()) for name, one in asleep.tasks.items()})
    running = State(tasks={"a": mine(10, live=Live("r1", NOW)), "never": mine()})
    told = (asleep, roused, asleep, running, asleep, roused)
    assert [resting.awake(one, calm, sample(), NOW) for one in told] == [
        *(set(), {"a", "never"}, set()),
        *(set(), set(), {"a", "never"}),
    ]
