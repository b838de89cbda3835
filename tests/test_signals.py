"""The features of the load: without numpy the same as with it, and never a look ahead."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="features are arrays: they need numpy")

import numpy as np

from adaptive_scheduler.features import Bank, Floats
from adaptive_scheduler.signals import FEATURES, LONGEST_RUN_H, Grid, Present

GRIDS = (5, 10, 15, 30, 60)


def series(length: int, seed: int = 1) -> Floats:
    """A load with days, spikes and noise, as the rolling file holds it: in hundredths of a per cent."""
    dice = np.random.default_rng(seed)
    wave = 30 + 20 * np.sin(np.arange(length) / 288 * 2 * np.pi) + dice.normal(0, 8, length)
    wave[dice.random(length) < 0.02] = 100.0
    rounded: Floats = np.round(np.clip(wave, 0, 100), 2).astype(np.float64)
    return rounded


def agree(length: int, minutes: int, run: int, seed: int) -> None:
    values, grid = series(length, seed), Grid(minutes)
    run = min(run, grid.steps(LONGEST_RUN_H))
    bank, present = Bank(values, grid), Present(values.tolist(), grid)
    row = bank.row_of(run)
    assert row.shape == (length + 1, FEATURES)
    assert present.features(run) == pytest.approx(row[-1], abs=1e-6)
    assert present.level == pytest.approx(bank.level[-1], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    length=st.one_of(st.integers(1, 40), st.sampled_from([11, 13, 287, 288, 289, 300, 2016, 2017, 4500])),
    minutes=st.sampled_from(GRIDS),
    run=st.integers(1, 144),
    seed=st.integers(0, 99),
)
@example(length=8064, minutes=5, run=1, seed=0)
@example(length=8064, minutes=5, run=144, seed=0)
@example(length=672, minutes=60, run=12, seed=0)
@example(length=1, minutes=60, run=144, seed=0)
def test_the_present_without_numpy_is_the_last_row_with_it(length: int, minutes: int, run: int, seed: int) -> None:
    agree(length, minutes, run, seed)


@pytest.mark.parametrize("minutes", GRIDS)
def test_28_days_are_the_same_on_every_grid(minutes: int) -> None:
    agree(Grid(minutes).kept, minutes, Grid(minutes).run(45 * 60), 7)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(2, 900), share=st.floats(0, 1), run=st.integers(1, 40), minutes=st.sampled_from([5, 30, 60]))
def test_what_comes_later_changes_no_earlier_row(length: int, share: float, run: int, minutes: int) -> None:
    before, step = series(length), int(share * length)
    after = before.copy()
    after[step:] = 100.0 - after[step:]
    run = min(run, Grid(minutes).steps(LONGEST_RUN_H))
    rows, other = (Bank(values, Grid(minutes)).row_of(run)[: step + 1] for values in (before, after))
    if step:
        assert rows == pytest.approx(other, abs=1e-9)


def test_the_level_is_the_mean_of_seven_days() -> None:
    values, grid = series(3000), Grid(5)
    level = Bank(values, grid).level
    assert level[0] == values[0]
    assert level[1] == values[0]
    assert level[1000] == pytest.approx(values[:1000].mean())
    assert level[3000] == pytest.approx(values[3000 - 2016 : 3000].mean())


def test_the_cost_of_a_run_is_the_mean_of_the_steps_it_takes() -> None:
    cost = Bank(np.array([10.0, 20.0, 60.0, 0.0]), Grid(5)).cost(2)
    assert cost[:3].tolist() == [15.0, 40.0, 30.0]
    assert np.isnan(cost[3:]).all()
    assert np.isnan(Bank(np.array([10.0]), Grid(5)).cost(2)).all()


def test_a_daily_echo_remembers_the_same_time_of_day() -> None:
    grid = Grid(60)
    values = [90.0 if hour % 24 == 3 else 10.0 for hour in range(24 * 10 + 3)]
    now = Present(values, grid)
    assert now.echo(0, 0) == pytest.approx(90.0)
    assert now.echo(0, 1) == pytest.approx(10.0)


def test_nothing_known_is_no_present() -> None:
    with pytest.raises(ValueError, match="no load is known yet"):
        Present([], Grid(5))


@pytest.mark.parametrize(("seconds", "steps"), [(0, 1), (30, 1), (300, 1), (450, 2), (3600, 12), (10**9, 144)])
def test_a_run_lasts_at_least_a_step_and_at_most_half_a_day(seconds: float, steps: int) -> None:
    assert Grid(5).run(seconds) == steps
    assert Grid(5).steps(LONGEST_RUN_H) == 144


def test_features_asked_for_twice_are_kept() -> None:
    present = Present([random.Random(1).random() for _ in range(50)], Grid(5))
    assert present.features(3) is present.features(3)
