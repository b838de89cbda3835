"""Pairs of tasks: when they met, what it cost them, and that chance and selection make nobody heavy."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.beside import covered, meetings
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result, Status
from adaptive_scheduler.overlaps import MIN_OVERLAPS, Pair, Slowdown, heavy_pairs, longer, pairs
from tests.builders import NOW, ended, minutes

Runs = list[tuple[str, Result]]


def run(name: str, start_s: float, seconds: float, status: Status = Status.OK) -> tuple[str, Result]:
    begin = NOW + timedelta(seconds=start_s)
    result = ended(status=status, duration_s=seconds)
    return name, replace(result, started_at=begin, ended_at=begin + timedelta(seconds=seconds))


def hours(count: int, together: Iterable[tuple[str, float, float]], apart: Iterable[tuple[str, float, float]]) -> Runs:
    """Return runs that meet in every even hour of `count`, and do not in every odd one."""
    even, odd = list(together), list(apart)
    return [
        run(name, 3600 * hour + start, seconds)
        for hour in range(count)
        for name, start, seconds in (odd if hour % 2 else even)
    ]


SLOW = hours(20, [("a", 0, 60), ("b", 1, 90)], [("a", 0, 60), ("b", 600, 60)])


def the_only(found: list[Pair]) -> Pair:
    (pair,) = found
    return pair


def test_a_pair_tells_how_often_and_how_long_it_met() -> None:
    pair = the_only(pairs([], [run("b", 0, 100), run("a", 40, 100), run("a", 500, 10), run("b", 505, 20)]))
    assert (pair.first, pair.second, pair.overlaps, pair.together_s) == ("a", "b", 2, 65.0)
    assert pair.slowdown is None
    assert not pair.heavy


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [run("a", 0, 10), run("b", 10, 10)],
        [run("a", 0, 10), run("a", 5, 10)],
        [run("a", 0, 10), run("b", 5, 0)],
        [run("a", 0, 10), run("b", 5, -3)],
    ],
    ids=["no runs", "one after the other", "one task", "no time at all", "the clock was set back"],
)
def test_what_did_not_meet_is_no_pair(runs: Runs) -> None:
    assert pairs([], runs) == []


def test_a_task_that_takes_longer_beside_another_makes_the_pair_heavy() -> None:
    pair = the_only(heavy_pairs([], SLOW))
    assert pair.slowdown == 1.5
    assert [(one.factor, one.together, one.apart) for one in pair.slowdowns] == [(1.0, 10, 10), (1.5, 10, 10)]


def test_a_pair_that_does_each_other_nothing_is_not_heavy() -> None:
    runs = hours(20, [("a", 0, 60), ("b", 1, 60)], [("a", 0, 60), ("b", 600, 60)])
    assert the_only(pairs([], runs)).slowdown == 1.0
    assert heavy_pairs([], runs) == []


def test_durations_that_only_scatter_make_nobody_heavy() -> None:
    runs = []
    for hour, (beside, apart) in enumerate(zip([30, 90, 90, 30, 90], [30, 90, 30, 90, 30], strict=True)):
        runs += [run("a", 7200 * hour, 20), run("b", 7200 * hour, beside), run("b", 7200 * hour + 3600, apart)]
    pair = the_only(pairs([], runs))
    assert (pair.slowdown, pair.overlaps, pair.heavy) == (3.0, 5, False)


def test_few_runs_say_nothing() -> None:
    few = SLOW[: 4 * (MIN_OVERLAPS - 1)]
    pair = the_only(pairs([], few))
    assert (pair.slowdown, pair.heavy) == (None, False)
    assert pair.slowdowns[0] == Slowdown(4, 4)


def test_failed_runs_meet_others_but_their_durations_do_not_count() -> None:
    runs = [(name, replace(one, status=Status.FAILED)) for name, one in SLOW]
    pair = the_only(pairs([], runs))
    assert (pair.overlaps, pair.slowdown) == (10, None)


def test_a_task_that_takes_no_time_has_no_factor() -> None:
    runs = [(name, replace(one, duration_s=0.0)) for name, one in SLOW]
    assert the_only(pairs([], runs)).slowdown is None


def test_long_runs_are_not_taken_for_slowed_ones() -> None:
    """A long run meets the other one more often than a short one: that alone must not make a pair heavy."""
    dice = random.Random(5)
    runs = []
    for hour in range(600):
        runs.append(run("a", 3600 * hour + dice.uniform(0, 1800), dice.choice([20, 1500])))
        runs.append(run("b", 3600 * hour + dice.uniform(0, 1800), 60))
    pair = the_only(pairs([], runs))
    assert pair.overlaps > 100
    assert pair.slowdowns[0].together >= MIN_OVERLAPS
    assert not pair.heavy


def test_a_third_task_is_no_company_that_hides_the_pair() -> None:
    """A task that starts in every cycle is beside everything: apart means without the other one of the pair."""
    runs = SLOW + [run("c", 3600 * hour + offset, 3) for hour in range(20) for offset in (0, 600)]
    by_name = {(one.first, one.second): one for one in pairs([], runs)}
    assert by_name["a", "b"].heavy
    assert by_name["a", "b"].slowdown == 1.5
    assert not by_name["a", "c"].heavy


def measured(pressed: float, calm: float, foreign: tuple[float, float] = (0.0, 0.0), kind: str = "io") -> list[Sample]:
    """Return samples whose time both tasks of `LONG` fill in every even hour, one of them in every odd one."""
    found = []
    for hour in range(20):
        press, load = (calm, foreign[0]) if hour % 2 else (pressed, foreign[1])
        at = NOW + minutes(60 * hour + 6)
        found.append(Sample(at, 50.0, 40.0, load, {"cpu": 1.0, "io": 1.0, kind: press}))
    return found


LONG = hours(20, [("a", 0, 600), ("b", 0, 600)], [("a", 0, 600), ("b", 1800, 600)])


def test_clear_pressure_makes_a_pair_heavy_and_load_of_others_does_not() -> None:
    pair = the_only(pairs(measured(25, 5, (10.0, 40.0)), LONG))
    assert (pair.pressure, pair.pressure_of, pair.foreign, pair.slowdown) == (20.0, "io", 30.0, 1.0)
    assert pair.heavy
    assert the_only(pairs(measured(25, 5, kind="cpu"), LONG)).pressure_of == "cpu"
    calm = the_only(pairs(measured(14, 5, (10.0, 90.0)), LONG))
    assert (calm.pressure, calm.foreign, calm.heavy) == (9.0, 80.0, False)


def test_pressure_that_is_not_measured_is_not_told() -> None:
    bare = [replace(one, pressure={}, foreign_cpu=None) for one in measured(25, 5)]
    pair = the_only(pairs(bare, LONG))
    assert (pair.pressure, pair.pressure_of, pair.foreign) == (None, "", None)
    few = the_only(pairs(measured(25, 5)[:8], LONG))
    assert few.pressure is None
    never_apart = [one for hour, one in enumerate(measured(25, 5)) if not hour % 2]
    assert the_only(pairs(never_apart, LONG)).pressure is None


def test_heavy_pairs_stand_first_then_those_that_met_for_longest() -> None:
    others = [run("c", 100_000, 50), run("d", 100_000, 50), run("e", 200_000, 990), run("f", 200_000, 990)]
    assert [one.first for one in pairs([], SLOW + others)] == ["a", "e", "c"]
    assert [one.first for one in heavy_pairs([], SLOW + others)] == ["a"]


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_runs_does_not_matter(dice: random.Random) -> None:
    mixed = list(SLOW)
    dice.shuffle(mixed)
    assert pairs([], mixed) == pairs([], SLOW)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_ranks_weigh_both_sides_alike(ones: list[float], others: list[float]) -> None:
    assert longer(ones, others) == pytest.approx(-longer(others, ones))


def test_ranks_are_those_of_the_book() -> None:
    """Three above two others: U is 6, its mean 3, its variance 3 * 2 * 6 / 12."""
    assert longer([7, 8, 9], [1, 2]) == pytest.approx(3 / 3**0.5)


def test_a_measurement_speaks_for_what_filled_half_of_it() -> None:
    spans = [(0.0, 60.0), (60.0, 120.0), (120.0, 180.0)]
    assert covered(spans, [(30.0, 61.0), (119.0, 150.0)]) == {0, 2}
    assert covered(spans, [(30.0, 61.0)], 0.0) == {0, 1}
    assert covered(spans, [(180.0, 999.0), (-9.0, 0.0)]) == set()
    assert covered(spans, [(10.0, 25.0), (40.0, 55.0)]) == {0}


def test_a_run_began_beside_what_was_at_work_then() -> None:
    began = meetings([run("a", 0, 100), run("b", 4, 10), run("c", 50, 10), run("d", 60, 10)]).began
    beside = {name: set(one.beside) for name, (one,) in began.items()}
    assert beside == {"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": {"a"}}
