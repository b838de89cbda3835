"""What detectors share: learning, quantiles, the second-largest, what counts as known."""

from array import array
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.detectors.base import Detector, around_of, known, learning, part, quantile, second
from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.series import ABSENT, Series
from adaptive_scheduler.signals import Grid

CELLS = st.lists(st.integers(0, 0xFFFF), max_size=50)


@pytest.mark.parametrize(
    ("measured_h", "absent_h", "left_h"),
    [(0, 0, 48), (1, 0, 47), (47, 0, 1), (48, 0, 0), (480, 0, 0), (4, 24, 20), (24, 24, 0), (20, 100, 4)],
)
def test_a_signal_is_learned_for_two_days_of_which_one_is_measured(measured_h: int, absent_h: int, left_h: int) -> None:
    cells = array("H", [1] * measured_h + [ABSENT] * absent_h)
    assert learning(Series(Grid(60), cells=cells)) == timedelta(hours=left_h)


@given(st.lists(st.integers(1, 0xFFFF), min_size=2, max_size=50), st.integers(1, 19))
def test_a_quantile_is_that_of_the_textbook(cells: list[int], twentieth: int) -> None:
    assert quantile(sorted(cells), twentieth / 20) == pytest.approx(
        quantiles(cells, n=20, method="inclusive")[twentieth - 1]
    )


def test_the_quantile_of_one_value_is_that_value() -> None:
    assert quantile([7], 0.95) == 7


@given(st.lists(st.integers(1, 0xFFFF), min_size=1, max_size=50))
def test_quantiles_rise_with_the_share_from_the_least_to_the_largest(cells: list[int]) -> None:
    found = [quantile(sorted(cells), share / 10) for share in range(11)]
    assert (found[0], found[-1]) == (min(cells), max(cells))
    assert all(low <= high + 1e-9 for low, high in pairwise(found))


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), ([3], 3), ([3, 5], 5), ([5, 3, 4], 5), ([1, 9, 5, 2], 5), ([9, 9, 1, 1], 9)]
)
def test_the_second_largest_of_many_and_the_largest_of_a_few(values: list[float], expected: float | None) -> None:
    assert second(values) == expected


@given(CELLS, st.integers(-60, 60), st.integers(-60, 60))
def test_a_part_is_the_places_from_begin_to_end_that_there_are(cells: list[int], begin: int, end: int) -> None:
    assert list(part(cells, begin, end)) == [cell for place, cell in enumerate(cells) if begin <= place < end]


def test_what_is_absent_is_not_known() -> None:
    assert known([ABSENT, 1, ABSENT, 5]) == [1, 5]


@pytest.mark.parametrize(("minutes", "around"), [(5, 3), (10, 1), (15, 1), (20, 0), (60, 0)])
def test_a_quarter_of_an_hour_to_either_side_is_the_same_clock_time(minutes: int, around: int) -> None:
    assert around_of(minutes) == around


@pytest.mark.parametrize("make", [CpuSpike, MemoryLeak, HighLatency])
@pytest.mark.parametrize("minutes", [5, 10, 15, 20, 30, 60])
def test_every_detector_calms_down_for_a_while_and_cools_down_longer(
    make: Callable[[], Detector], minutes: int
) -> None:
    calm = make().calm(timedelta(minutes=minutes))
    assert 0 < calm.below <= 1
    assert timedelta(0) <= calm.lasting <= calm.cool_down
    assert calm.cool_down >= timedelta(hours=2)
