"""Folds over the state: what a start, an end, a set-back clock and a changed tasks.toml do to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adaptive_scheduler import state as folds
from adaptive_scheduler.codes import Code
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Decision, Live, Result, State, Status, TaskState
from tests.builders import NOW, RULES, ago, ended, live, mine, minutes, sample, state, task

JOB = task()


def run_of(its: TaskState, run_id: str = "new") -> TaskState:
    after = folds.claimed(state(job=its), JOB, Live(run_id, NOW), sample(), RULES)
    return after.tasks["job"]


def end_of(its: TaskState, result: Result, **more: object) -> TaskState:
    after = folds.finished(state(job=its), "job", result, task(**more))  # type: ignore[arg-type]
    return after.tasks["job"]


def test_a_start_is_live_and_moves_the_anchor_to_the_due_moment() -> None:
    after = run_of(mine(12))
    assert after.live == Live("new", NOW)
    assert after.anchor == ago(2)


def test_a_first_start_is_its_own_anchor() -> None:
    assert run_of(mine()).anchor == NOW


def test_a_second_start_beside_a_live_run_is_refused() -> None:
    before = state(job=mine(12, live=live()))
    with pytest.raises(StateError, match="has a live run 'r1' already"):
        folds.claimed(before, JOB, Live("new", NOW), sample(), RULES)


def test_starts_and_ends_taken_in_together_are_as_those_taken_in_one_by_one() -> None:
    jobs = {name: task(name) for name in ("a", "b", "c")}
    before = state(a=mine(12), b=mine(retries_used=1), c=mine(40, retry_at=ago(1)))
    starts = [(jobs[name], Live(name * 2, NOW), sample(load)) for name, load in (("a", 10.0), ("b", 90.0))]
    one_by_one = before
    for start in starts:
        one_by_one = folds.claimed(one_by_one, *start, RULES)
    together = folds.all_claimed(before, starts, RULES)
    assert together == one_by_one
    ends = {name: ended(0, run_id=name * 2) for name in ("a", "b")}
    for name, result in ends.items():
        one_by_one = folds.finished(one_by_one, name, result, None)
    assert folds.all_finished(together, ends) == replace(one_by_one, unrecorded=())
    with pytest.raises(StateError, match="'c' has no live run 'aa'"):
        folds.all_finished(together, {"c": ends["a"]})


def test_a_retry_keeps_the_anchor_of_its_beat_and_uses_itself_up() -> None:
    after = run_of(mine(3, retry_at=ago(1), retries_used=1))
    assert (after.anchor, after.retry_at, after.retries_used) == (ago(3), None, 1)


def test_a_retry_that_comes_when_the_task_is_due_again_is_a_beat() -> None:
    assert run_of(mine(10, retry_at=ago(1), retries_used=1)).anchor == NOW


def test_an_ordinary_start_begins_with_all_its_retries() -> None:
    assert run_of(mine(12, retries_used=2, retried_interruption=True)).retries_used == 0


def test_an_end_is_the_latest_result_and_waits_for_the_history() -> None:
    before = state(job=mine(12, live=live()))
    result = ended(0, run_id="r1")
    after = folds.finished(before, "job", result, JOB)
    assert after.tasks["job"].last == result
    assert after.tasks["job"].live is None
    assert after.unrecorded == (("job", result),)
    assert folds.recorded(after, ["r1"]).unrecorded == ()


def test_the_end_of_a_run_that_is_not_live_is_refused() -> None:
    with pytest.raises(StateError, match="has no live run 'r9'"):
        end_of(mine(12, live=live()), ended(0, run_id="r9"))
    with pytest.raises(StateError, match="has no live run 'r1'"):
        end_of(mine(12), ended(0, run_id="r1"))


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.ERROR])
def test_failures_are_tried_again_with_doubled_delays(status: Status) -> None:
    its, delays = mine(12), []
    for number in range(4):
        its = end_of(replace(its, live=live(0, f"r{number}")), ended(0, status, f"r{number}"), retries=3)
        delays.append(None if its.retry_at is None else its.retry_at - NOW)
        its = replace(its, retry_at=None)
    assert delays == [minutes(1), minutes(2), minutes(4), None]
    assert its.failures == 4


def test_the_longest_back_off_is_a_day_or_the_delay_itself() -> None:
    its = mine(12, live=live(), retries_used=90)
    for delay, wait in ((minutes(1), timedelta(days=1)), (timedelta(days=9), timedelta(days=9))):
        after = end_of(its, ended(0, Status.FAILED, "r1"), retries=100, retry_delay=delay)
        assert after.retry_at == NOW + wait


def test_a_success_ends_the_streak_and_the_retries() -> None:
    its = mine(12, live=live(), failures=3, retries_used=2, retry_at=NOW, retried_interruption=True)
    after = end_of(its, ended(0, Status.WARNING, "r1"))
    assert (after.failures, after.retries_used, after.retry_at, after.retried_interruption) == (0, 0, None, False)


def test_an_interrupted_run_is_tried_again_once() -> None:
    first = end_of(mine(12, live=live()), ended(0, Status.INTERRUPTED, "r1"))
    assert first.retry_at == NOW
    again = run_of(replace(first, live=None), "r2")
    second = end_of(again, ended(0, Status.INTERRUPTED, "r2"))
    assert second.retry_at is None


def test_a_run_that_the_user_ended_is_not_tried_again() -> None:
    told = folds.told_to_stop(state(job=mine(12, live=live())), "job")
    after = folds.finished(told, "job", ended(0, Status.INTERRUPTED, "r1"), JOB).tasks["job"]
    assert (after.retry_at, after.retried_interruption) == (None, False)
    untold = folds.told_to_stop(told, "job", told=False)
    assert folds.finished(untold, "job", ended(0, Status.INTERRUPTED, "r1"), JOB).tasks["job"].retry_at == NOW


def test_an_end_without_its_task_in_the_configuration_is_collected() -> None:
    after = folds.finished(state(job=mine(1, live=live())), "job", ended(0, Status.FAILED, "r1"), None)
    assert after.tasks["job"].retry_at is None


def test_cpu_seconds_of_our_runs_add_up_until_new_counters_are_kept() -> None:
    before = state(job=mine(12, live=replace(live(), cpu_seen_s=2.0)), other=mine(1, live=live(1, "r2")))
    after = folds.finished(before, "job", ended(0, run_id="r1", cpu_s=5.0), JOB)
    assert after.spent_s == 3.0
    same = folds.measured(after, after.readings, {"r2": 9.0})
    assert same is after
    fresh = folds.measured(after, ({"busy_s": 1.0},), {"r2": 9.0})
    assert fresh.spent_s == 0.0
    assert fresh.tasks["other"].live == replace(live(1, "r2"), cpu_seen_s=9.0)


def test_tasks_come_and_go_and_are_forgotten_after_thirty_days() -> None:
    first = folds.seen(State(), ["a", "b"], NOW)
    assert list(first.tasks) == ["a", "b"]
    gone = folds.seen(first, ["b"], NOW + minutes(5))
    assert gone.tasks["a"].missing_since == NOW + minutes(5)
    assert folds.seen(gone, ["a", "b"], NOW + minutes(10)).tasks["a"].missing_since is None
    assert "a" in folds.seen(gone, ["b"], NOW + timedelta(days=30)).tasks
    assert "a" not in folds.seen(gone, ["b"], NOW + timedelta(days=30, minutes=5)).tasks


def test_a_removed_task_with_a_live_run_is_not_forgotten() -> None:
    before = state(a=mine(1, live=live(), missing_since=ago(60 * 24 * 40)))
    assert "a" in folds.seen(before, [], NOW).tasks


@pytest.mark.parametrize(
    ("minutes_later", "nominal"), [(5.3, 5.3), (2.4, 0), (-3, -3), (60, 60)], ids=["tick", "by hand", "back", "late"]
)
def test_a_cycle_soon_after_another_keeps_its_nominal_tick(minutes_later: float, nominal: float) -> None:
    first = folds.beat(State(), NOW, RULES.tick)
    second = folds.beat(first, NOW + minutes(minutes_later), RULES.tick)
    assert second.nominal_at == NOW + minutes(nominal)
    assert (second.cycle, second.last_cycle_at) == (2, NOW + minutes(minutes_later))


def test_a_clock_that_was_set_back_makes_stamps_from_the_future_now() -> None:
    its = mine(-1440, live=live(-1440), last=ended(-1440), retry_at=ago(-1450), missing_since=ago(-1440))
    before = replace(state(job=its), last_cycle_at=ago(-1440), nominal_at=ago(-1440))
    after, back = folds.set_back(before, NOW, RULES.tick)
    job = after.tasks["job"]
    assert back
    assert job.live is not None
    assert job.last is not None
    assert {job.anchor, job.first_seen, job.live.started_at, job.last.ended_at, job.retry_at} == {NOW}
    assert {after.last_cycle_at, after.nominal_at, job.missing_since} == {NOW}


def test_a_clock_that_is_right_changes_nothing() -> None:
    before = replace(state(job=mine(-4, last=ended(1)), new=mine()), last_cycle_at=ago(5))
    assert folds.set_back(before, NOW, RULES.tick) == (before, False)


def test_pauses_end_by_themselves_or_by_resume() -> None:
    before = folds.paused(folds.paused(state(a=mine(1), b=mine(1)), "a", ago(1)), "b", None)
    after = folds.pauses_over(before, NOW)
    assert (after.tasks["a"].paused, after.tasks["b"].paused) == (False, True)
    assert folds.resumed(after, "b").tasks["b"].paused is False


def test_the_latest_code_and_tempo_are_remembered() -> None:
    one = Decision("a", Code.NOT_DUE, "", None)
    after = folds.decided(state(a=mine(1), b=mine(1)), [one], "faster")
    assert (after.tasks["a"].code, after.tasks["a"].tempo) == ("NOT_DUE", "faster")
    assert after.tasks["b"].code == ""
    assert folds.decided(after, [one]).tasks["a"].tempo == "faster"
