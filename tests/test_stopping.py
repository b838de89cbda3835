"""When to stop waiting: toy chains whose answer is known, and what holds of every table."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="optimal stopping is worked out on arrays: it needs numpy")

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.chain import BINS, Chain
from adaptive_scheduler.stopping import LEVELS, Limits, solve

SLOTS = 24
LOW, HIGH = 0, BINS - 1
MIDDLE = (LEVELS - 1) // 2


def toy(onward: Any, cost: Any) -> Chain:
    """A chain whose transitions and costs are the same in every slot, or given for each."""
    return Chain(
        np.linspace(-10, 10, BINS - 1),
        np.broadcast_to(np.asarray(onward, dtype=float), (SLOTS, BINS, BINS)),
        np.broadcast_to(np.asarray(cost, dtype=float), (SLOTS, BINS)),
        np.ones((SLOTS, BINS)),
    )


def everywhere(share: float = 0.0) -> Any:
    """Each bin is as probable as the others one slot later; `share` of the time nothing changes."""
    return share * np.eye(BINS) + (1 - share) / BINS


OPEN = np.ones(SLOTS, dtype=bool)
BASE = Limits(interval=10.0, first=8, last=15, credit=2.0, cap=2.0)


def solved(chain: Chain, worth: float = 0.0, limits: Limits = BASE, opens: NDArray[np.bool_] = OPEN) -> Any:
    return solve(chain, worth, limits, opens)


def test_where_all_costs_are_the_same_the_rate_decides() -> None:
    table = solved(toy(everywhere(), np.zeros(BINS)))
    assert table.shape == (SLOTS, 7, LEVELS)
    assert (table[:, :, -1] == BINS).all()
    assert (table[:, :2, 0] == 0).all()


def test_of_a_cheap_and_a_dear_half_of_the_bins_the_cheap_one_is_taken() -> None:
    cost = np.where(np.arange(BINS) < 7, 0.0, 100.0)
    table = solved(toy(everywhere(), cost), worth=10.0)
    # Cheap slots come soon again, every second one is: early there is no reason to pay the price of a dear one.
    assert (table[:, :5, MIDDLE] == 7).all()


def test_the_cheap_hour_of_the_day_is_waited_for_when_it_is_within_reach() -> None:
    cost = np.full((SLOTS, BINS), 50.0)
    cost[12] = 0.0
    table = solved(toy(everywhere(), cost), worth=0.0, limits=Limits(24.0, 20, 36, 1.2, 1.2))
    ages = np.arange(20, 36)
    assert (table[12, :-1, MIDDLE] == BINS).all()
    # A slot before: whoever will still be within its time at the cheap one waits.
    assert (table[11, ages + 1 < 36, MIDDLE] == 0)[:-1].all()


def test_one_step_before_the_end_waiting_costs_what_the_next_slot_is_expected_to() -> None:
    cost = np.linspace(0, 28, BINS)
    table = solved(toy(everywhere(), cost), worth=0.0, limits=Limits(10.0, 10, 11, 2.0, 2.0))
    # There is one age to choose at, 10; at 11 it starts at the mean of 14, the cost of bin 7. A tenth of a run
    # is lost by waiting, and a run is worth nothing here beyond what the account will ask for.
    assert ((table[:, 0, MIDDLE] >= 6) & (table[:, 0, MIDDLE] <= 9)).all()


def test_a_load_that_stays_is_not_waited_out() -> None:
    cost = np.linspace(0, 28, BINS)
    stays, varies = (solved(toy(everywhere(share), cost), worth=14.0)[0, 0, MIDDLE] for share in (0.95, 0.0))
    assert 0 < varies < BINS
    assert stays >= varies


def random_chain(seed: int, spread: float) -> Chain:
    dice = np.random.default_rng(seed)
    onward = dice.random((SLOTS, BINS, BINS)) + 4 * np.eye(BINS)
    cost = np.sort(dice.normal(0, spread, (SLOTS, BINS)), axis=1)
    return Chain(
        np.linspace(-10, 10, BINS - 1),
        onward / onward.sum(axis=2, keepdims=True),
        cost,
        dice.integers(0, 50, (SLOTS, BINS)).astype(float),
    )


LIMITS = [
    BASE,
    Limits(4.0, 4, 6, 12.0, 9.0),
    Limits(12.0, 10, 18, 12.0, 9.0),
    Limits(24.0, 20, 36, 2.5, 2.0),
    Limits(48.0, 39, 72, 1.2, 0.8),
    Limits(10.3, 9, 15, 0.8, 1.2),
    Limits(8.3, 7, 8, 0.8, 1.2),
]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), spread=st.sampled_from([0.0, 1.0, 30.0]), limits=st.sampled_from(LIMITS))
def test_what_holds_of_every_table(seed: int, spread: float, limits: Limits) -> None:
    opens = np.ones(SLOTS, dtype=bool)
    opens[3:9] = seed % 2 == 0
    table = solved(random_chain(seed, spread), 0.0, limits, opens)
    assert (table[~opens] == 0).all()
    assert (table[opens, :, -1] == BINS).all()
    early = np.arange(limits.first, limits.last) < limits.interval
    assert (table[:, early, 0] == 0).all()
    assert table.max() <= BINS


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), limits=st.sampled_from(LIMITS))
def test_ceilings_never_fall_with_age(seed: int, limits: Limits) -> None:
    table = solved(random_chain(seed, 10.0), 0.0, limits).astype(int)
    assert (np.diff(table, axis=1) >= 0).all()


def test_who_is_behind_starts_sooner_than_who_is_ahead() -> None:
    means = solved(random_chain(3, 10.0), 0.0).mean(axis=(0, 1))
    assert means[0] < means[MIDDLE] < means[-1]
