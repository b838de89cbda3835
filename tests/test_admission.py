"""What a start needs of the machine: memory to grow into, nobody in its way; as tables, and as promises."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.codes import Code
from adaptive_scheduler.footprints import need
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Priority, TaskState
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import Rules
from tests.builders import NOW, RULES, ago, footprint, live, mine, minutes, sample, state, task, tasks

CRITICAL = Priority.CRITICAL
MB = 1_000_000
EIGHTEEN = footprint(*[(60, 512)] * 18)


def with_room(megabytes: float | None, total: float | None = 16_000, memory: float | None = 40) -> Sample:
    available, whole = (None if one is None else round(one * MB) for one in (megabytes, total))
    return replace(sample(50, memory), available_bytes=available, total_bytes=whole)


@pytest.mark.parametrize(
    ("more", "its", "room", "code"),
    [
        pytest.param({}, mine(12, footprint=EIGHTEEN), with_room(513), Code.RUN, id="there is room"),
        pytest.param({}, mine(12, footprint=EIGHTEEN), with_room(512), Code.MEMORY_NEED, id="exactly what it needs"),
        pytest.param({}, mine(12, footprint=EIGHTEEN), with_room(None), Code.RUN, id="nobody measured"),
        pytest.param({}, mine(12), with_room(1), Code.RUN, id="unknown: observed first"),
        pytest.param({"memory": 2 * MB}, mine(12), with_room(1), Code.MEMORY_NEED, id="declared"),
        pytest.param({"memory": 1}, mine(12, footprint=EIGHTEEN), with_room(300), Code.MEMORY_NEED, id="learned wins"),
        pytest.param({"memory": 900 * MB}, mine(12, footprint=EIGHTEEN), with_room(600), Code.RUN, id="either way"),
        pytest.param({"priority": CRITICAL}, mine(12, footprint=EIGHTEEN), with_room(1), Code.RUN, id="critical"),
        pytest.param({}, mine(49.9, footprint=EIGHTEEN), with_room(1), Code.MEMORY_NEED, id="just before max_defer"),
        pytest.param({}, mine(50, footprint=EIGHTEEN), with_room(1), Code.FORCED, id="waited max_defer"),
        pytest.param({}, mine(50, footprint=EIGHTEEN), with_room(1, 400), Code.FORCED, id="more than there is at all"),
        pytest.param({}, mine(50, footprint=EIGHTEEN), with_room(1, memory=90), Code.MEMORY_GATE, id="the hard limit"),
        pytest.param({}, mine(50, footprint=EIGHTEEN), with_room(1, memory=65), Code.FORCED, id="below the hard limit"),
        pytest.param({}, mine(12, footprint=EIGHTEEN), with_room(1, memory=65), Code.MEMORY_GATE, id="the gate first"),
        pytest.param({}, mine(first_seen=ago(2), footprint=EIGHTEEN), with_room(1), Code.MEMORY_NEED, id="no anchor"),
    ],
)
def test_a_start_needs_memory_to_grow_into(more: dict[str, Any], its: TaskState, room: Sample, code: Code) -> None:
    (found,) = plan(tasks(task(**more)), state(job=its), room, RULES, NOW)
    assert found.code is code


def test_a_start_by_hand_passes_the_memory_it_needs() -> None:
    its = state(job=mine(1, footprint=EIGHTEEN))
    (found,) = plan(tasks(task()), its, with_room(1), RULES, NOW, only={"job"}, force=True)
    assert found.code is Code.FORCED


@pytest.mark.parametrize(
    ("others", "held", "value", "blocker", "reason"),
    [
        pytest.param({}, {}, 400, "", "needs 512 MB (p90 of 18 runs), 400 MB free; forced at 23:08", id="alone"),
        pytest.param(
            {"backup": (60, 300)}, {"backup": 100 * MB}, 200, "backup",
            "needs 512 MB (p90 of 18 runs), 400 MB free, 200 MB promised to 'backup'; forced at", id="still grows",
        ),
        pytest.param({"backup": (60, 300)}, {}, 100, "backup", "300 MB promised to 'backup'", id="use unknown: all"),
        pytest.param({"backup": (60, 300)}, {"backup": 900 * MB}, 400, "", "400 MB free; forced", id="has grown"),
        pytest.param(
            {"a": (60, 50), "backup": (60, 100), "c": (60, 50)}, {}, 200, "backup",
            "200 MB promised to 'backup' and 2 others;", id="several",
        ),
        pytest.param({"a": (60, 50), "backup": (60, 100)}, {}, 250, "backup", "'backup' and 1 other;", id="two"),
        pytest.param({"backup": (60, 900)}, {}, 0, "backup", "900 MB promised to 'backup'", id="more than there is"),
    ],
)  # fmt: skip
def test_what_running_tasks_still_grow_to_is_promised_to_them(
    others: dict[str, tuple[float, float]], held: dict[str, int], value: float, blocker: str, reason: str
) -> None:
    busy = {name: mine(60, live=live(run_id=name), footprint=footprint(*[one] * 9)) for name, one in others.items()}
    known = tasks(task(), *(task(name) for name in others))
    found = plan(known, state(job=mine(12, footprint=EIGHTEEN), **busy), with_room(400), RULES, NOW, held=held)
    (one,) = [one for one in found if one.task == "job"]
    assert (one.code, one.unit, one.limit) == (Code.MEMORY_NEED, "bytes", 512 * MB)
    assert (one.value, one.blocker) == (value * MB, blocker)
    assert reason in one.reason
    assert one.next_look == NOW + minutes(5)


def test_a_live_run_of_a_task_that_left_the_file_keeps_its_promise() -> None:
    gone = mine(60, live=live(), footprint=footprint(*[(60, 300)] * 9))
    (found,) = plan(tasks(task()), state(job=mine(12, footprint=EIGHTEEN), gone=gone), with_room(700), RULES, NOW)
    assert (found.code, found.blocker) == (Code.MEMORY_NEED, "gone")


def test_a_need_beyond_the_whole_machine_is_told_as_such() -> None:
    busy = mine(60, live=live(), footprint=footprint(*[(60, 30)] * 9))
    past = state(job=mine(12, footprint=EIGHTEEN), busy=busy)
    found = {one.task: one for one in plan(tasks(task(), task("busy")), past, with_room(100, 256), RULES, NOW)}
    assert "100 MB free, 30 MB promised to 'busy'; the whole machine has 256 MB; forced at" in found["job"].reason
    assert found["job"].blocker == "", "its end would be of no use"


def test_a_time_on_another_day_is_told_with_its_date() -> None:
    its = state(job=mine(60 * 25, footprint=EIGHTEEN))
    (found,) = plan(tasks(task(every=60 * 24)), its, with_room(1), RULES, NOW)
    assert "forced at 11-06 21:30 if it stays so" in found.reason


def test_past_its_need_a_start_says_what_it_passes() -> None:
    (found,) = plan(tasks(task()), state(job=mine(50, footprint=EIGHTEEN)), with_room(300), RULES, NOW)
    assert found.reason == "has waited 40 min, max_defer is 40 min: starts past its need of 512 MB, with 300 MB free"


def test_what_has_just_started_counts_with_all_that_it_will_grow_to() -> None:
    known = tasks(*(task(name) for name in "abc"))
    its = {name: mine(12, footprint=EIGHTEEN) for name in "abc"}
    found = plan(known, state(**its), with_room(1100), Rules(max_parallel=9), NOW)
    assert [(one.task, one.code) for one in found] == [
        ("a", Code.RUN),
        ("b", Code.RUN),
        ("c", Code.MEMORY_NEED),
    ]
    assert (found[2].value, found[2].blocker) == (76 * MB, "a")


def test_a_critical_start_is_never_refused_for_memory_but_takes_its_share() -> None:
    known = tasks(task("a", priority=CRITICAL), task("b"))
    its = {name: mine(12, footprint=EIGHTEEN) for name in "ab"}
    found = plan(known, state(**its), with_room(600), RULES, NOW)
    assert [(one.code, one.blocker) for one in found] == [(Code.RUN, ""), (Code.MEMORY_NEED, "a")]


PAIR = Rules(max_parallel=9, heavy_pairs=frozenset({frozenset({"a", "b"})}))


@pytest.mark.parametrize(
    ("more", "its", "code"),
    [
        pytest.param({}, mine(10), Code.HEAVY_PAIR, id="due, beside the other"),
        pytest.param({}, mine(14.9), Code.HEAVY_PAIR, id="there is time still"),
        pytest.param({}, mine(15), Code.RUN, id="one and a half intervals old"),
        pytest.param({"max_defer": minutes(2)}, mine(12), Code.RUN, id="its deadline comes before"),
        pytest.param({"priority": CRITICAL}, mine(10), Code.RUN, id="critical"),
        pytest.param({}, mine(), Code.HEAVY_PAIR, id="never ran"),
    ],
)
def test_a_heavy_pair_is_kept_apart_while_there_is_time(more: dict[str, Any], its: TaskState, code: Code) -> None:
    known = tasks(task("a", **more), task("b"), task("c"))
    past = state(a=its, b=mine(5, live=live()), c=mine(10))
    found = {one.task: one for one in plan(known, past, sample(), PAIR, NOW)}
    assert (found["a"].code, found["c"].code) == (code, Code.RUN)
    if code is Code.HEAVY_PAIR:
        assert found["a"].blocker == "b"
        assert found["a"].reason.startswith("'b' runs, and they slow each other down; waits for that until 22:")


def test_a_heavy_pair_that_is_due_at_once_starts_one_after_the_other() -> None:
    known = tasks(task("a"), task("b"))
    found = plan(known, state(a=mine(10), b=mine(11)), sample(), PAIR, NOW)
    assert [(one.task, one.code) for one in found] == [("b", Code.RUN), ("a", Code.HEAVY_PAIR)]
    assert (found[1].value, found[1].limit, found[1].unit) == (600, 900, "seconds")
    alone = plan(known, state(a=mine(10), b=mine(1)), sample(), PAIR, NOW)
    assert [(one.task, one.code) for one in alone] == [("a", Code.RUN), ("b", Code.NOT_DUE)]


def test_a_heavy_pair_may_be_started_by_hand() -> None:
    known = tasks(task("a"), task("b"))
    past = state(a=mine(1), b=mine(5, live=live()))
    (found,) = plan(known, past, sample(), PAIR, NOW, only={"a"}, force=True)
    assert found.code is Code.FORCED


# -- promises ----------------------------------------------------------------------------------------

names = "abcdef"
some = st.dictionaries(
    st.sampled_from(names),
    st.tuples(st.floats(5, 60), st.booleans(), st.none() | st.integers(1, 900), st.sampled_from(Priority)),
    min_size=1,
)
pairs = st.frozensets(st.frozensets(st.sampled_from(names), min_size=2, max_size=2), max_size=4)


@given(some, pairs, st.integers(0, 2000), st.dictionaries(st.sampled_from(names), st.integers(0, 900)))
def test_no_plan_gives_more_than_there_is_or_starts_a_pair_that_has_time(
    wanted: dict[str, tuple[float, bool, int | None, Priority]],
    foes: frozenset[frozenset[str]],
    room: int,
    held: dict[str, int],
) -> None:
    known = tasks(*(task(name, priority=one[3]) for name, one in wanted.items()))
    its = {
        name: mine(
            age,
            live=live(run_id=name) if is_live else None,
            footprint="" if megabytes is None else footprint(*[(60, megabytes)] * 9),
        )
        for name, (age, is_live, megabytes, _) in wanted.items()
    }
    rules = Rules(max_parallel=99, heavy_pairs=foes)
    now_used = {name: count * MB for name, count in held.items()}
    found = plan(known, state(**its), with_room(room), rules, NOW, held=now_used)
    needs = {name: getattr(need(known[name], its[name].footprint), "bytes", 0) for name in known}
    promised = sum(max(0, needs[name] - now_used.get(name, 0)) for name in known if its[name].live)
    busy = {name for name in known if its[name].live}
    for one in [one for one in found if one.code.starts]:
        age = wanted[one.task][0]
        bound = known[one.task].priority is not CRITICAL and age < 50
        if bound and needs[one.task]:
            assert promised + needs[one.task] < room * MB
        if bound and age < 15:
            assert not any(frozenset((one.task, other)) in foes for other in busy)
        promised += needs[one.task]
        busy.add(one.task)
    assert not [one for one in found if one.code is Code.MEMORY_NEED and wanted[one.task][0] >= 50]
