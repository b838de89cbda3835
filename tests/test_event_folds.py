"""Events in the state: who gets one, how long it waits, which run is its own, what it does to the beat."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import codec
from adaptive_scheduler import state as folds
from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.model import Live, State, Status, TaskState
from adaptive_scheduler.runners.base import Finished, Lost
from tests import tables as tables_of
from tests.builders import NOW, RULES, ago, ended, event, live, mine, minutes, sample, state, task, tasks

TICK = RULES.tick
JOB = task(on=("cpu_spike", "my_event"))
SPIKE = event()


def pending(*events: Any, **more: Any) -> Any:
    off, elsewhere = task("off", on=JOB.on, enabled=False), task("elsewhere", on=JOB.on, os="windows")
    known = tasks(replace(JOB, **more), task("other"), off, elsewhere)
    after = folds.alerted(state(**dict.fromkeys(known, mine(5))), events, known, RULES, NOW)
    assert [name for name, its in after.tasks.items() if its.event] in ([], ["job"])
    return after.tasks["job"].event


def test_an_event_is_pending_for_the_enabled_tasks_that_wait_for_it() -> None:
    assert pending(SPIKE) == pending(SPIKE, os="linux") == SPIKE
    assert pending(event("memory_leak")) is None
    assert pending() is None


def test_the_newest_event_is_the_one_that_is_told() -> None:
    older, newer = event("my_event", minutes_ago=1), SPIKE
    assert pending(older, newer) == pending(newer, older) == newer
    same = event("my_event")
    assert pending(newer, same) == same


def test_an_event_that_our_own_run_caused_starts_nothing() -> None:
    assert pending(event(caused_by="r1")) is None
    assert pending(SPIKE, event("my_event", caused_by="r1")) == SPIKE


def test_an_event_comes_to_a_task_that_the_state_does_not_know_yet() -> None:
    after = folds.alerted(State(), [SPIKE], tasks(JOB), RULES, NOW)
    assert after.tasks["job"] == TaskState(first_seen=NOW, event=SPIKE)


def test_no_event_changes_nothing() -> None:
    before = state(job=mine(5))
    assert folds.alerted(before, [], tasks(JOB), RULES, NOW) is before
    assert folds.lapsed(before, tasks(JOB), NOW, TICK) == (before, [])


@pytest.mark.parametrize(
    ("minutes_ago", "tick", "kept"),
    [(0, 5, True), (60, 5, True), (60.1, 5, False), (120, 10, True), (120.1, 10, False), (60, 1, True)],
)
def test_an_event_waits_an_hour_and_twelve_ticks_at_least(minutes_ago: float, tick: float, kept: bool) -> None:
    one = event(minutes_ago=minutes_ago)
    after, gone = folds.lapsed(state(job=mine(5, event=one)), tasks(JOB), NOW, minutes(tick))
    assert (after.tasks["job"].event == one) is kept
    assert gone == ([] if kept else [("job", one)])


@pytest.mark.parametrize(
    ("known", "minutes_ago"),
    [
        pytest.param({}, 1, id="the task left tasks.toml"),
        pytest.param(tasks(task()), 1, id="it no longer waits for that"),
        pytest.param(tasks(JOB), -5.1, id="from before the clock was set back"),
    ],
)
def test_an_event_that_nobody_waits_for_any_more_is_dropped(known: Any, minutes_ago: float) -> None:
    after, gone = folds.lapsed(state(job=mine(5, event=event(minutes_ago=minutes_ago))), known, NOW, TICK)
    assert after.tasks["job"].event is None
    assert [name for name, _ in gone] == ["job"]


def test_an_event_of_a_clock_a_little_ahead_is_kept() -> None:
    before = state(job=mine(5, event=event(minutes_ago=-5)))
    assert folds.lapsed(before, tasks(JOB), NOW, TICK) == (before, [])


# -- the run of an event -----------------------------------------------------------------------------


def run_of(its: TaskState, code: Code = Code.EVENT, **more: Any) -> TaskState:
    rules = more.pop("rules", RULES)
    one = more.pop("one", JOB)
    return folds.claimed(state(job=its), one, Live("new", NOW, code), sample(), rules).tasks["job"]


@pytest.mark.parametrize("code", [Code.EVENT, Code.RUN, Code.FORCED])
def test_a_start_takes_the_pending_event_whatever_started_it(code: Code) -> None:
    after = run_of(mine(12, event=SPIKE), code)
    assert after.event is None
    assert after.live == Live("new", NOW, code, event=SPIKE.id)


def test_a_start_without_an_event_has_none() -> None:
    assert run_of(mine(12), Code.RUN).live == Live("new", NOW, Code.RUN)


@pytest.mark.parametrize(
    ("age", "code", "anchor"),
    [
        pytest.param(3, Code.EVENT, ago(3), id="between two beats: the next one comes as it would have"),
        pytest.param(12, Code.EVENT, ago(2), id="due anyway: a beat"),
        pytest.param(30, Code.EVENT, NOW, id="late anyway: one catch-up"),
        pytest.param(None, Code.EVENT, NOW, id="the first run"),
        pytest.param(3, Code.FORCED, NOW, id="by hand: as always by hand"),
    ],
)
def test_an_event_start_leaves_the_beat_alone(age: float | None, code: Code, anchor: Any) -> None:
    assert run_of(mine(age, event=SPIKE), code).anchor == anchor


def test_an_event_start_leaves_the_account_of_a_learned_task_alone() -> None:
    hourly, rules = tables_of.hourly(on=("cpu_spike",)), tables_of.rules(90, job=tables_of.table(60, 0))
    its = mine(30, event=SPIKE, behind=1.5, excused_s=60.0)
    after = run_of(its, one=hourly, rules=rules)
    assert (after.anchor, after.behind, after.excused_s) == (ago(30), 1.5, 60.0)
    by_beat = run_of(replace(its, anchor=ago(90)), one=hourly, rules=rules)
    assert (by_beat.anchor, by_beat.excused_s) == (NOW, 0.0)


def test_an_event_start_in_a_back_off_is_the_retry_come_early() -> None:
    after = run_of(mine(3, event=SPIKE, retry_at=NOW + minutes(9), retries_used=1))
    assert (after.retry_at, after.retries_used, after.anchor) == (None, 1, ago(3))


def test_a_run_that_never_began_gives_its_event_back_unless_there_is_a_newer_one() -> None:
    newer = event(at=NOW)
    for pending_now, expected in ((None, SPIKE), (newer, newer)):
        begun = replace(live(5), event=SPIKE.id)
        before = state(job=mine(5, live=begun, event=pending_now))
        after = folds.came_back(before, "job", begun.run_id, NOW, SPIKE).tasks["job"]
        assert (after.event, after.retry_at, after.live) == (expected, NOW, None)


def test_a_task_without_an_interval_can_start_again_and_again() -> None:
    only = task(every=None)
    first = run_of(mine(event=SPIKE), one=only)
    again = run_of(replace(first, live=None, event=SPIKE), one=only)
    assert (first.anchor, again.anchor) == (NOW, NOW)


def test_the_result_says_which_event_its_run_was_for() -> None:
    begun = replace(live(5), event=SPIKE.id)
    outcome = ended(1, run_id="r1")
    assert Finished("r1", outcome).result(begun, NOW).event == SPIKE.id
    assert Lost("r1", "gone").result(begun, NOW).event == SPIKE.id
    assert Finished("r1", outcome).result(live(5), NOW).event == ""


def test_a_run_of_a_clock_of_another_age_ends_now_however_long_it_says_that_it_took() -> None:
    outcome = replace(ended(1, run_id="r1"), started_at=NOW.replace(year=1999), duration_s=codec.LONGEST_S)
    assert Finished("r1", outcome).result(live(5), NOW).ended_at == NOW


# -- as the state file has it ------------------------------------------------------------------------


def test_events_survive_the_way_through_json() -> None:
    its = mine(5, event=SPIKE, live=replace(live(), event=SPIKE.id))
    before = replace(state(job=its), latches="cpu_spike 1 2 3")
    assert codec.decode_state(codec.encode_state(before)) == before


def test_without_events_the_state_file_is_what_it_was() -> None:
    plain = codec.encode_state(state(job=mine(5, live=live(), last=ended(1))))
    assert "latches" not in plain
    assert set(plain["tasks"]["job"]) == {"first_seen", "anchor", "live", "last"}
    assert set(plain["tasks"]["job"]["live"]) == {"run_id", "started_at", "code", "reason", "cpu_seen_s"}


@pytest.mark.parametrize(
    ("where", "value"), [("latches", 5), ("event", "cpu_spike"), ("event", {"kind": "x"}), ("live", 5)]
)
def test_what_is_no_event_is_damage(where: str, value: object) -> None:
    plain = codec.encode_state(replace(state(job=mine(5, event=SPIKE, live=live())), latches="x"))
    job = plain["tasks"]["job"]
    at = {"latches": plain, "event": job, "live": job["live"]}[where]
    at["event" if where == "live" else where] = value
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        codec.decode_state(plain)


def test_a_clock_that_was_set_back_drops_the_event_and_keeps_the_run() -> None:
    before = state(job=mine(5, event=event(minutes_ago=-600), last=ended(5, Status.OK)))
    after, _ = folds.set_back(before, NOW, TICK)
    after, gone = folds.lapsed(after, tasks(JOB), NOW, TICK)
    assert after.tasks["job"].event is None
    assert len(gone) == 1
    assert after.tasks["job"].last is not None
    assert after.tasks["job"].anchor == NOW - timedelta(minutes=5)


moments = st.integers(-(10**6), 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
numbers = st.none() | st.floats(-1e12, 1e12)
culprits = st.builds(
    Culprit, name=st.text(), pid=st.integers(0), created=st.floats(0, 1e10), rss=st.none() | st.integers(0, 10**12)
)
events = st.builds(
    Event,
    name=st.text(min_size=1),
    at=moments,
    value=numbers,
    expected=numbers,
    unit=st.text(),
    since=moments,
    reason=st.text(),
    source=st.text(),
    culprit=st.none() | culprits,
    caused_by=st.text(),
)
lives = st.builds(Live, st.text(), moments, st.sampled_from(Code), event=st.text())


@given(st.none() | events, st.none() | lives, st.text())
def test_every_event_in_the_state_round_trips_through_json(one: Event | None, run: Live | None, latches: str) -> None:
    before = State(tasks={"job": TaskState(first_seen=NOW, event=one, live=run)}, latches=latches)
    assert codec.decode_state(json.loads(json.dumps(codec.encode_state(before)))) == before


@given(st.lists(st.tuples(st.sampled_from(["event", "start", "end", "look"]), st.integers(1, 30)), max_size=40))
def test_whatever_happens_an_event_is_the_run_of_one_start_at_most(steps: list[tuple[str, int]]) -> None:
    now, known, told, served = NOW, tasks(JOB), set[str](), list[str]()
    here = state(job=mine(5))
    for what, passes in steps:
        now += minutes(passes)
        mine_now = here.tasks["job"]
        if what == "event":
            fired = event(at=now)
            told.add(fired.id)
            here = folds.alerted(here, [fired], known, RULES, now)
            assert here.tasks["job"].event == fired
        elif what == "start" and mine_now.live is None:
            here = folds.claimed(here, JOB, Live(f"r{now}", now, Code.EVENT), sample(), RULES)
            run = here.tasks["job"].live
            assert run is not None
            assert here.tasks["job"].event is None
            served += [run.event] if run.event else []
        elif what == "end" and mine_now.live is not None:
            result = Lost(mine_now.live.run_id, "gone").result(mine_now.live, now)
            here = folds.finished(here, "job", result, JOB)
            assert here.tasks["job"].event == mine_now.event
        here, gone = folds.lapsed(here, known, now, TICK)
        assert all(now - one.at > minutes(60) for _, one in gone)
        left = here.tasks["job"].event
        assert left is None or now - left.at <= minutes(60)
    assert len(served) == len(set(served))
    assert set(served) <= told
