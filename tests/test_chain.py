"""The chain of a day: probabilities that sum to one, and what seldom seen slots borrow from others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="the chain is arrays: it needs numpy")

import numpy as np

from adaptive_scheduler.chain import BINS, Chain, chain

SLOTS = 48


def made(days: int = 28, seed: int = 1, *, known: float = 1.0, constant: bool = False, stride: int = 1) -> Chain:
    """A chain of half-hour steps whose load is high at noon."""
    dice = np.random.default_rng(seed)
    step = np.arange(days * SLOTS)
    signal = np.zeros(len(step)) if constant else 20 * np.sin(step / SLOTS * 2 * np.pi) + dice.normal(0, 3, len(step))
    cost = np.append(signal[1:], np.nan)
    measured = dice.random(len(step)) < known
    measured[0] = True
    return chain(signal, cost, measured, step % SLOTS // stride, SLOTS // stride, stride)


@settings(max_examples=25, deadline=None)
@given(
    days=st.integers(1, 40),
    seed=st.integers(0, 99),
    known=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    constant=st.booleans(),
    stride=st.sampled_from([1, 2, 6]),
)
def test_from_every_bin_the_probabilities_sum_to_one(
    days: int, seed: int, known: float, constant: bool, stride: int
) -> None:
    found = made(days, seed, known=known, constant=constant, stride=stride)
    assert found.onward.shape == (SLOTS // stride, BINS, BINS)
    assert found.onward.sum(axis=2) == pytest.approx(1.0)
    assert (found.onward >= 0).all()
    assert np.isfinite(found.cost).all()
    assert (found.seen >= 0).all()
    assert (np.diff(found.edges) >= 0).all()


def test_the_bins_hold_equally_much() -> None:
    found = made()
    assert len(found.edges) == BINS - 1
    assert np.median(found.edges) == pytest.approx(0, abs=2)


def test_a_slot_costs_what_it_met_where_it_was_seen() -> None:
    found = made()
    high, low = BINS - 1, 0
    # The slots of 06:00 and 18:00 are the crest and the trough of this load.
    assert found.cost[12, high] == pytest.approx(20, abs=4)
    assert found.cost[36, low] == pytest.approx(-20, abs=4)


def test_a_bin_that_a_slot_never_saw_costs_what_it_does_elsewhere() -> None:
    found = made()
    assert found.seen[36, BINS - 1] == 0
    assert found.cost[36, BINS - 1] > 10


def test_the_signal_goes_on_as_it_did_at_that_time_of_day() -> None:
    found = made()
    middle = BINS // 2
    bins = np.arange(BINS)
    rising, falling = (float(found.onward[slot, middle] @ bins) for slot in (0, 24))
    assert rising > middle > falling


def test_steps_never_measured_teach_nothing() -> None:
    step = np.arange(10 * SLOTS)
    signal = np.where(step % SLOTS < 24, 0.0, 10.0) + (step % 7) / 100
    known = step % SLOTS < 24
    spoilt = np.where(known, signal, -99.0)
    plain, other = (chain(one, one, known, step % SLOTS, SLOTS, 1) for one in (signal, spoilt))
    assert np.array_equal(plain.edges, other.edges)
    assert np.array_equal(plain.onward, other.onward)
    assert np.array_equal(plain.cost, other.cost)
