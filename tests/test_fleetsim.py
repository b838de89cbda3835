"""The cycle's story over many recorded machines: who runs where, what is never exceeded, and what the figures say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from math import inf
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import hosts, multiplied, simulate, trace
from adaptive_scheduler.fleet import Fleet, Where
from adaptive_scheduler.fleetbook import Book, Figures
from adaptive_scheduler.hosts import DAY, Herd, Host, Machines
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, Priority, State, Task
from adaptive_scheduler.resting import Resting
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.simulate import Made
from adaptive_scheduler.trace import Row
from tests.builders import NOW, mine, minutes, task, tasks

TICK = minutes(5)
ANY = Where()
UNTOLD: Mapping[str, Any] = {"reason": "", "value": None, "limit": None, "unit": ""}
"""What a plan leaves out that only decides."""


def host(name: str, cpu: float | Sequence[float | None], *, memory: float | None = 40, days: float = 1) -> Host:
    values = [cpu] * round(days * DAY / TICK) if isinstance(cpu, int | float) else list(cpu)
    return Host(name, NOW, values, [memory] * len(values))


def config(wanted: Mapping[str, Task], max_parallel: int = 2) -> Config:
    return Config(path="tasks.toml", state_dir="outputs", rules=Rules(max_parallel=max_parallel), tasks=wanted)


def played(
    herd: Sequence[Host],
    wanted: Mapping[str, Task],
    machines: Machines | None = None,
    *,
    state: State | None = None,
    rests: bool = True,
) -> tuple[list[Made], Figures, list[Fleet]]:
    """Play the story: the decisions, the figures, and the fleets that were planned with."""
    machines = machines or Machines()
    nodes, seen = Herd(herd, machines, wanted, TICK), list[Fleet]()

    def looked_at(now: object, state: State) -> Fleet:
        seen.append(nodes(now, state))  # type: ignore[arg-type]  # it is a moment
        return seen[-1]

    book = Book(herd, machines, wanted, TICK, simulate.lasts, fresh=() if state else wanted, seed=1)
    ticks = [(NOW + number * TICK, Sample(NOW, None, None)) for number in range(1, len(herd[0].cpu))]
    resting = Resting(wanted) if rests else None
    made = list(simulate.simulate(config(wanted), ticks, state=state, fleet=looked_at, resting=resting))
    for _, of_cycle in groupby(made, key=lambda one: (one.at - NOW) // TICK):
        book.cycle([(one.at, one.decision) for one in of_cycle])
    return made, book.close(), seen


def anywhere(*wanted: Task) -> dict[str, Task]:
    return multiplied.anywhere(tasks(*wanted))


MANY = anywhere(*(task(f"t{n}", 30, expected_duration=minutes(1 + 3 * (n % 4))) for n in range(12)))


# -- the same as the plain one -------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(0, 100) | st.none(), min_size=2, max_size=150),
    st.lists(
        st.tuples(
            st.sampled_from([10.0, 25.0, 60.0]),
            st.sampled_from([0.5, 4.0, 12.0]),
            st.sampled_from(list(Priority)),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_one_node_that_our_runs_do_not_heat_decides_as_this_machine_would(
    cpu: list[float | None], kinds: list[tuple[float, float, Priority]], slots: int, rests: bool
) -> None:
    wanted = tasks(
        *(
            task(f"t{n}", every, expected_duration=minutes(lasts), priority=priority)
            for n, (every, lasts, priority) in enumerate(kinds)
        )
    )
    known: list[Row | None] = [
        None if one is None else Row(NOW + n * TICK, one, 50) for n, one in enumerate([30.0, *cpu])
    ]
    ticks = simulate.late_and_lossy(trace.samples(NOW, known, TICK), timedelta(0), 0, 1)
    here = list(simulate.simulate(config(wanted, slots), ticks))
    there, _, _ = played(
        [host("a", hosts.held([None if row is None else row.cpu for row in known]), memory=50)],
        multiplied.anywhere(wanted),
        Machines(slots, cores=inf),
        rests=rests,
    )
    plain = [(one.at, one.decision.task, one.decision.code, one.cpu) for one in here]
    found = [(one.at, one.decision.task, one.decision.code, one.cpu) for one in there]
    assert found == (plain if not rests else [one for one in plain if one in found])
    assert [one for one in plain if one[2].starts] == [one for one in found if one[2].starts]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3))
def test_what_rests_changes_no_start_and_no_figure(seed: int, count: int, slots: int) -> None:
    herd = [host(f"n{n}", 10.0 + 25 * n, days=0.25) for n in range(count)]
    state = multiplied.spread(MANY, NOW, seed)
    resting, figures, _ = played(herd, MANY, Machines(slots), state=state)
    whole, same, _ = played(herd, MANY, Machines(slots), state=state, rests=False)
    assert figures == same
    starts, told = ([one for one in made if one.decision.code.starts] for made in (resting, whole))
    assert starts == [replace(one, decision=replace(one.decision, **UNTOLD)) for one in told]


# -- who runs where ------------------------------------------------------------------------------------


def test_a_hot_node_gets_fewer_runs() -> None:
    _, figures, _ = played([host("calm", 5.0), host("warm", 45.0), host("hot", 90.0)], MANY)
    runs = {one.node: one.runs for one in figures.nodes}
    assert runs["calm"] > runs["warm"] > runs["hot"]
    assert figures.cpu_met["placed"] < figures.cpu_met["by_dice"]  # type: ignore[operator]  # there were runs


def test_nodes_alike_share_the_runs_about_equally() -> None:
    _, figures, _ = played([host(f"n{n}", 30.0) for n in range(4)], MANY)
    assert figures.balance["misplaced_share"] < 0.1
    assert figures.balance["cpu_range_without"] == 0


def test_our_runs_heat_the_node_that_they_are_on() -> None:
    wanted = anywhere(task("a", 60, expected_duration=minutes(30)))
    _, figures, seen = played([host("n", 10.0)], wanted, Machines(cores=2.0, busy={"a": 1.0}))
    assert {round(node.cpu or 0) for fleet in seen for node in fleet.nodes} == {10, 60}
    (node,) = figures.nodes
    assert node.cpu_mean == pytest.approx(10 + 50 * node.runs * 30 / 1440, abs=1)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.sampled_from([5.0, 30.0, 65.0, 90.0]), min_size=1, max_size=4),
    st.integers(1, 3),
    st.sampled_from([None, 2, 4]),
    st.integers(0, 10**6),
)
def test_no_slot_and_no_memory_is_ever_promised_twice(
    cpu: list[float], slots: int, gigabytes: int | None, seed: int
) -> None:
    wanted = {
        name: replace(one, memory=700_000_000 if number % 2 else 300_000_000, max_defer=timedelta(days=30))
        for number, (name, one) in enumerate(MANY.items())
    }
    memory = None if gigabytes is None else gigabytes * 10**9
    herd = [host(f"n{n}", one, days=0.25) for n, one in enumerate(cpu)]
    made, figures, _ = played(herd, wanted, Machines(slots, memory=memory), state=multiplied.spread(wanted, NOW, seed))
    spans = [(one.at, one.at + simulate.lasts(wanted[one.decision.task]), one.decision.node, one.decision.task)
             for one in made if one.decision.code.starts]  # fmt: skip
    for at, _, _, _ in spans:
        live = [one for one in spans if one[0] <= at < one[1]]
        assert max(Counter(one[2] for one in live).values()) <= slots
        if memory is not None:
            promised = Counter[str]()
            for one in live:
                promised[one[2]] += wanted[one[3]].memory or 0
            assert max(promised.values()) <= 0.6 * memory
    assert max(one.peak_runs for one in figures.nodes) <= slots


# -- the figures ---------------------------------------------------------------------------------------


def test_the_figures_of_a_story_that_can_be_told_by_hand() -> None:
    wanted = anywhere(
        task("long", 60, adaptive=False, expected_duration=minutes(60), priority=Priority.HIGH),
        task("short", 60, adaptive=False, expected_duration=minutes(5)),
    )
    herd = [host("n", [50.0] * 13)]
    made, figures, _ = played(herd, wanted, Machines(1, cores=4.0))
    starts = [(one.decision.task, (one.at - NOW) // minutes(1)) for one in made if one.decision.code.starts]
    assert starts == [("long", 5)]
    assert figures.deferrals == {"NO_SLOT": {"task_ticks": 12, "waits": 1}}
    assert (figures.runs, figures.forced, figures.least_rate_kept) == (1, 0, 0.0)
    assert figures.rate_kept == pytest.approx(1 / (2 * 65 / 60))
    (node,) = figures.nodes
    assert (node.peak_runs, node.cpu_mean_without) == (1, 50.0)
    assert node.full_share == pytest.approx(60 / 65)
    assert node.cpu_mean == pytest.approx(50 + 25 * 60 / 65)
    assert node.cpu_p95 == 75.0
    assert figures.cpu_met == {"placed": 50.0, "by_dice": 50.0, "in_turn": 50.0}
    assert figures.wait_s == {"p50": 0.0, "p95": 0.0, "max": 0.0}


def test_a_run_that_goes_on_behind_the_end_counts_until_the_end() -> None:
    wanted = anywhere(task("long", 600, expected_duration=minutes(600)))
    _, figures, _ = played([host("n", [50.0] * 13)], wanted, Machines(1))
    assert figures.nodes[0].full_share == pytest.approx(60 / 65)


def test_a_wait_is_counted_from_when_it_came_due_and_once_however_long_it_lasts() -> None:
    wanted = anywhere(
        task("first", 600, adaptive=False, expected_duration=minutes(22), priority=Priority.HIGH),
        task("second", 600, adaptive=False, expected_duration=minutes(1)),
    )
    _, figures, _ = played([host("n", [50.0] * 20)], wanted, Machines(1))
    assert figures.deferrals == {"NO_SLOT": {"task_ticks": 4, "waits": 1}}
    # It was first seen with the first tick, and starts when the run ends.
    assert figures.wait_s["max"] == 22 * 60


def test_where_nothing_ran_the_figures_say_so() -> None:
    wanted = anywhere(task("off", enabled=False), task("event", None))
    _, figures, _ = played([host("n", 50.0, days=0.1)], wanted)
    assert (figures.runs, figures.rate_kept, figures.least_rate_kept) == (0, None, None)
    assert figures.cpu_met == {"placed": None, "by_dice": None, "in_turn": None}
    assert figures.wait_s["max"] == 0


def test_the_same_seed_tells_the_same_story_and_another_one_another() -> None:
    herd = [host("a", 20.0, days=0.5), host("b", 60.0, days=0.5)]
    first, again, other = (played(herd, MANY, state=multiplied.spread(MANY, NOW, seed))[1] for seed in (1, 1, 2))
    assert first == again
    assert first != other


# -- hosts ---------------------------------------------------------------------------------------------


def test_loads_of_other_dates_begin_together_and_keep_their_time_of_day() -> None:
    late = replace(host("late", [float(n) for n in range(288)]), begins=NOW - timedelta(days=40, hours=1))
    first, second = hosts.side_by_side([host("a", 1.0), late], TICK)
    assert (first.begins, second.begins) == (NOW, NOW)
    assert (len(first.cpu), len(second.cpu), second.cpu[0]) == (276, 276, 12.0)


def test_what_is_too_short_is_wrapped_round_by_whole_days() -> None:
    one = host("a", [float(n) for n in range(300)])
    (found,) = hosts.side_by_side([one], TICK, timedelta(days=2, minutes=10))
    assert found.cpu == [*range(288), *range(288), 0, 1]
    (cut,) = hosts.side_by_side([one], TICK, timedelta(minutes=15))
    assert cut.cpu == [0, 1, 2]


def test_what_lasts_no_day_cannot_be_wrapped_round() -> None:
    with pytest.raises(ValueError, match="'a' lasts less than a day from 22:30 UTC"):
        hosts.side_by_side([host("a", [1.0] * 287)], TICK, DAY)


def test_copies_are_shifted_by_days_and_less_than_an_hour() -> None:
    one = host("a", [float(n) for n in range(3 * 288 + 7)])
    found = hosts.drawn([one], 20, TICK, 7)
    assert [each.name for each in found][:3] == ["a", "a-2", "a-3"]
    assert found[0] is one
    assert len({each.cpu[0] for each in found}) > 5
    for copy in found[1:]:
        assert sorted(copy.cpu) == list(range(3 * 288))  # type: ignore[type-var]  # all are known
        assert 1 <= (copy.cpu[0] or 0) % 288 <= 6
    assert found == hosts.drawn([one], 20, TICK, 7)
    assert [each.name for each in hosts.drawn([host("a", 1.0), host("b", 1.0)], 1, TICK, 7)] == ["a"]
    (_, short) = hosts.drawn([host("a", [1.0, 2.0, 3.0])], 2, TICK, 7)
    assert len(short.cpu) == 3


def test_memory_is_what_the_trace_and_our_runs_use() -> None:
    wanted = anywhere(task("a", 60, memory=1_000, expected_duration=minutes(20)), task("b", 600))
    _, _, seen = played([host("n", 10.0, memory=20, days=0.1)], wanted, Machines(memory=10_000))
    rooms = {(node.available_bytes, round(node.memory or 0.0)) for fleet in seen for node in fleet.nodes}
    assert rooms == {(8_000, 20), (7_000, 30)}


def test_a_node_is_made_anew_when_a_tick_or_a_run_has_come() -> None:
    wanted = anywhere(task("a", 60), task("b", 60))
    herd = Herd([host("n", [10.0, 20.0, 30.0]), host("m", 40.0)], Machines(cores=1.0), wanted, TICK)
    idle = State(tasks={name: mine(10) for name in wanted})
    busy = State(tasks={**idle.tasks, "a": mine(0, live=Live("r1", NOW, node="m"))})
    first, same, ran, later = (
        herd(at, of).nodes
        for at, of in ((NOW + TICK, idle), (NOW + TICK + minutes(1), idle), (NOW + TICK, busy), (NOW + 2 * TICK, busy))
    )
    assert all(one is other for one, other in zip(first, same, strict=True))
    assert ran[0] is first[0]
    assert (dict(ran[1].runs), ran[1].cpu) == ({"r1": 0}, 100.0)
    assert (later[0].cpu, later[1].cpu) == (20.0, 100.0)


def test_an_unknown_load_stays_unknown() -> None:
    _, _, seen = played([host("n", [None, None, 5.0, 5.0], memory=None)], MANY)
    assert [fleet.nodes[0].cpu for fleet in seen[:2]] == [None, None]


# -- many tasks ----------------------------------------------------------------------------------------


def test_copies_of_tasks_depend_on_their_own_kind() -> None:
    wanted = multiplied.repeated(
        tasks(task("a"), task("b", depends_on=("a",)), task("c", depends_on=("d",)), task("d")), 7
    )
    assert list(wanted) == ["a-001", "b-001", "c-001", "d-001", "a-002", "b-002", "c-002"]
    assert [one.depends_on for one in wanted.values()] == [(), ("a-001",), ("d-001",), (), (), ("a-002",), ()]


def test_first_beats_are_spread_over_one_interval() -> None:
    wanted = multiplied.repeated(tasks(task("a", 60), task("b", None)), 400)
    state = multiplied.spread(wanted, NOW, 3)
    ages = [(NOW - mine.anchor) / minutes(60) for mine in state.tasks.values() if mine.anchor is not None]
    assert len(ages) == 200
    assert 0 <= min(ages) < 0.1 < 0.45 < fmean(ages) < 0.55 < 0.9 < max(ages) < 1
    assert state == multiplied.spread(wanted, NOW, 3)
