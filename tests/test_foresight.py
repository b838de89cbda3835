"""What perfect foresight finds: against trying everything, and where there is nothing to choose."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="foresight needs numpy")

import numpy as np

from adaptive_scheduler.foresight import cheapest, reachable
from adaptive_scheduler.settings import Rhythm


def by_trying(cost: list[float], interval: int, earliest: int, latest: int) -> float:
    """The cheapest mean of as many starts as the interval asks for, found by trying all chains."""
    wanted, best = len(cost) // interval, float("inf")
    for first in range(interval):
        for gaps in product(range(earliest, latest + 1), repeat=wanted - 1):
            starts = [first]
            for gap in gaps:
                starts.append(starts[-1] + gap)
            if len(cost) - latest <= starts[-1] < len(cost):
                best = min(best, sum(cost[start] for start in starts) / wanted)
    return best


@given(st.lists(st.integers(0, 100), min_size=12, max_size=16))
def test_no_chain_of_as_many_starts_is_cheaper_than_what_it_finds(whole: list[int]) -> None:
    cost = [float(one) for one in whole]
    found = cheapest(np.array(cost), 4, 3, 6)
    # It may make a run more than asked for, never one less, and each price gives the best of its number.
    assert found >= min(cost)
    assert found <= by_trying(cost, 4, 3, 6) + max(cost) / 3


def test_a_calm_hour_a_day_is_found_every_day() -> None:
    day = [50.0] * 20 + [5.0] * 4
    fixed, best = reachable(day * 14, 24, 1, Rhythm())
    assert fixed == pytest.approx(42.5)
    assert best == pytest.approx(5.0)


def test_a_run_of_several_steps_is_their_mean() -> None:
    day = [50.0] * 20 + [5.0] * 4
    assert reachable(day * 14, 24, 4, Rhythm())[1] == pytest.approx(5.0)
    assert reachable(day * 14, 24, 8, Rhythm())[1] == pytest.approx(27.5)


@pytest.mark.parametrize(
    ("steps", "interval", "rhythm"),
    [
        pytest.param(100, 24.0, Rhythm(faster=1.0, slower=1.0), id="faster is slower"),
        pytest.param(100, 1.0, Rhythm(), id="an interval of a step"),
        pytest.param(40, 24.0, Rhythm(), id="less than two intervals"),
        pytest.param(3, 24.0, Rhythm(), id="less than a run"),
    ],
)
def test_where_there_is_no_choice_there_is_no_best(steps: int, interval: float, rhythm: Rhythm) -> None:
    fixed, best = reachable([10.0] * steps, interval, 5, rhythm)
    assert fixed == pytest.approx(10.0)
    assert best is None


def test_a_load_shorter_than_the_latest_start_has_one_best_step() -> None:
    assert cheapest(np.array([3.0, 1.0, 2.0]), 4, 3, 6) == 1.0
