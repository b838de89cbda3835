"""The rate account: what is excused, what a start adds, and what that holds the rate to."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import simulate
from adaptive_scheduler import state as folds
from adaptive_scheduler.account import after_start, excused
from adaptive_scheduler.codes import Code
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, TaskState
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.staircases import Learned
from tests.builders import NOW, RULES, ago, ended, mine, minutes, sample, state, task, tasks
from tests.tables import ALWAYS, LEVELS, NEVER, TICK, hourly, learned, rules, table

ONE = table(60)
HELD = {"job": learned(ONE, 50)}


def left_out(mine: TaskState, gap: float, held: dict[str, Learned] | None = None) -> float:
    """The minutes that are left out of the account of a task, `gap` minutes after the last cycle."""
    before = replace(state(job=mine), last_cycle_at=ago(gap))
    after = excused(before, HELD if held is None else held, NOW, TICK)
    return (float(after.tasks["job"].excused_s) - mine.excused_s) / 60


@pytest.mark.parametrize(
    ("code", "age", "gap", "out"),
    [
        pytest.param(Code.CPU_CEILING, 80, 5, 0, id="the rhythm waits on its own account"),
        pytest.param(Code.NOT_DUE, 80, 9, 0, id="a late cycle is no time off"),
        pytest.param(Code.RUN, 200, 130, 125, id="off: all but the tick that would have come"),
        pytest.param("", 200, 130, 125, id="off after the first cycle"),
        pytest.param(Code.PAUSED, 80, 5, 5, id="paused"),
        pytest.param(Code.WINDOW, 80, 5, 5, id="outside its window"),
        pytest.param(Code.MEMORY_GATE, 80, 5, 5, id="gated by memory"),
        pytest.param(Code.MEMORY_NEED, 80, 5, 5, id="no room"),
        pytest.param(Code.NO_SLOT, 80, 5, 5, id="no slot"),
        pytest.param(Code.RUNNING, 80, 5, 5, id="a run longer than the interval"),
        pytest.param(Code.RUNNING, 20, 5, 0, id="a run within the interval: nothing was owed"),
        pytest.param(Code.PAUSED, 60, 5, 0, id="a pause that ends in time"),
        pytest.param(Code.PAUSED, 63, 5, 3, id="of which only a part lies beyond the interval"),
        pytest.param(Code.RUN, 70, 60, 10, id="off, most of it within the interval"),
    ],
)
def test_only_what_held_it_back_beyond_its_interval_is_excused(code: str, age: float, gap: float, out: float) -> None:
    assert left_out(mine(age, code=code and Code(code).value, excused_s=7.0), gap) == pytest.approx(out)


def test_who_has_no_table_or_no_anchor_has_no_account() -> None:
    assert left_out(mine(80, code="PAUSED"), 5, {}) == 0
    assert left_out(mine(None, code="PAUSED"), 5) == 0
    first = state(job=mine(80, code="PAUSED"))
    assert excused(first, HELD, NOW, TICK) is first
    strange = replace(first, last_cycle_at=ago(5))
    assert excused(strange, {"other": HELD["job"]}, NOW, TICK) is strange


@pytest.mark.parametrize(
    ("age", "out", "before", "behind"),
    [
        pytest.param(60, 0, 0.0, 0.0, id="on time"),
        pytest.param(90, 0, 0.0, 0.5, id="late"),
        pytest.param(48, 0, 0.5, 0.3, id="early"),
        pytest.param(600, 530, 0.0, 10 / 60, id="late, but excused"),
        pytest.param(600, 9000, 0.0, 0.0, id="no excuse makes it early"),
        pytest.param(48, 100, 0.0, -0.2, id="and what is early needs none"),
        pytest.param(48, 0, -12.0, -12.0, id="the credit is the bottom"),
        pytest.param(6000, 0, 0.0, 10.0, id="a run above the cap is the top"),
        pytest.param(-30, 0, 0.0, -1.0, id="an anchor in the future"),
        pytest.param(None, 0, 3.0, 0.0, id="the first start"),
    ],
)
def test_a_start_adds_its_age_less_one(age: float | None, out: float, before: float, behind: float) -> None:
    found = after_start(mine(age, behind=before, excused_s=out * 60.0), ONE, minutes(60), NOW)
    assert found == pytest.approx(behind)


# -- in the state -------------------------------------------------------------------------------------


def started(before: TaskState, of: Rules, run: str = "r1") -> TaskState:
    return folds.claimed(state(job=before), hourly(), Live(run, NOW), sample(), of).tasks["job"]


def test_under_a_table_the_anchor_is_the_start_and_the_account_goes_on() -> None:
    after = started(mine(75, behind=1.0, excused_s=300.0), rules(10, job=ONE))
    assert after.anchor == NOW
    assert after.behind == pytest.approx(1.0 + 70 / 60 - 1)
    assert after.excused_s == 0


def test_without_a_table_there_is_no_account() -> None:
    after = started(mine(62, behind=1.0, excused_s=300.0), RULES)
    assert (after.anchor, after.behind, after.excused_s) == (ago(2), 0.0, 0.0)


def test_a_retry_belongs_to_its_beat() -> None:
    before = mine(10, behind=1.0, excused_s=60.0, retry_at=ago(1), retries_used=1, last=ended(9))
    after = started(before, rules(10, job=ONE))
    assert (after.anchor, after.behind, after.excused_s) == (before.anchor, 1.0, 60.0)


def test_a_retry_after_the_next_beat_is_that_beat() -> None:
    after = started(mine(95, behind=1.0, retry_at=ago(1), retries_used=1, last=ended(9)), rules(10, job=ONE))
    assert after.anchor == NOW
    assert after.behind == pytest.approx(1.0 + 95 / 60 - 1)


# -- over weeks ---------------------------------------------------------------------------------------


def walked(
    loads: list[float], numbers: list[int], every: int, credit: float, cap: float, jitter_s: float = 0
) -> tuple[list[datetime], list[float]]:
    """The starts over some days under a made-up table, and the runs behind after each."""
    one = table(
        every, lambda slot, age, level: numbers[(slot * 31 + age * 7 + level) % len(numbers)], credit=credit, cap=cap
    )
    of = Rules(rhythm=replace(RULES.rhythm, learned="auto"))
    config = Config(path="", state_dir="", rules=of, tasks=tasks(task("job", every)))
    count = 6 * 288

    def load(number: int) -> float:
        return loads[number // 7 % len(loads)]

    samples = [Sample(NOW + number * TICK, load(number), 40.0) for number in range(count)]
    ticks = simulate.late_and_lossy(samples, timedelta(seconds=jitter_s), 0.0, 3)

    def teacher(at: datetime) -> dict[str, Learned]:
        number = (at - NOW) // TICK
        return {"job": Learned(one, number % 288, 50.0, load(number))}

    starts = [made.at for made in simulate.simulate(config, ticks, teacher) if made.decision.code.starts]
    behind, accounts = 0.0, []
    for gap in (b - a for a, b in pairwise(starts)):
        behind = max(-credit, behind + gap / minutes(every) - 1)
        accounts.append(behind)
    return starts, accounts


@settings(max_examples=12, deadline=None)
@given(
    loads=st.lists(st.floats(0, 100), min_size=1, max_size=12),
    numbers=st.lists(st.integers(NEVER, ALWAYS), min_size=1, max_size=20),
    every=st.sampled_from([20, 60, 125, 360]),
    pace=st.sampled_from([(12.0, 9.0), (2.5, 2.0)]),
    jitter_s=st.sampled_from([0.0, 20.0]),
)
def test_whatever_load_and_table_gaps_keep_the_law_and_the_account_its_cap(
    loads: list[float], numbers: list[int], every: int, pace: tuple[float, float], jitter_s: float
) -> None:
    credit, cap = pace
    starts, accounts = walked(loads, numbers, every, credit, cap, jitter_s)
    gaps = [b - a for a, b in pairwise(starts)]
    late = timedelta(seconds=jitter_s)
    assert min(gaps) >= 0.8 * minutes(every) - late
    assert max(gaps) <= 1.5 * minutes(every) + TICK
    # Near the cap the table's top level holds; the start that reached it was at most half a run above.
    assert max(accounts) <= cap + 0.5 + TICK / minutes(every)
    assert len(starts) >= 6 * 1440 / every - cap - 2


@pytest.mark.parametrize("number", [NEVER, ALWAYS])
def test_the_strictest_and_the_freest_table_keep_the_same_rate_in_the_end(number: int) -> None:
    starts, accounts = walked([50], [number], 60, 2.5, 2.0)
    assert accounts[-1] <= 2.5
    assert len(starts) == pytest.approx(144, abs=4.5)
    assert ONE.levels == LEVELS


def test_a_task_is_not_owed_what_its_own_runs_took_within_the_interval() -> None:
    job = replace(hourly(), expected_duration=minutes(20))
    config = Config(path="", state_dir="", rules=RULES, tasks=tasks(job))
    samples = [Sample(NOW + number * TICK, 50.0, 40.0) for number in range(288 * 2)]
    held = {"job": learned(table(60, NEVER, credit=2.5, cap=2.0), 50.0)}
    made = list(simulate.simulate(config, ((one.at, one) for one in samples), lambda at: held))
    assert sum(one.decision.code.starts for one in made) >= 48 - 3
