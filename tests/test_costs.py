"""What tasks use, and whether their durations change: sums over what is known, and no change made of noise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.costs import Change, Use, costs, drift, mann
from adaptive_scheduler.model import Result, Status
from tests.builders import NOW, ended


def runs(*durations: float, status: Status = Status.OK, **more: Any) -> list[Result]:
    """Return one run a day."""
    return [
        replace(ended(status=status, duration_s=seconds, **more), started_at=NOW + timedelta(days=day))
        for day, seconds in enumerate(durations)
    ]


def test_each_thing_is_summed_over_the_runs_in_which_it_is_known() -> None:
    mine = [*runs(10, cpu_s=4.0, peak_memory_bytes=70), *runs(30, cpu_s=2.0, peak_memory_bytes=50), *runs(20)]
    found = costs([("a", one) for one in mine] + [("b", one) for one in runs(60, cpu_s=18.0, output_bytes=5)])
    assert list(found) == ["b", "a"]
    assert found["a"].cpu_s == Use(6.0, 2, 4.0, 0.25)
    assert found["a"].cpu_s.per_run == 3.0
    assert found["a"].wall_s == Use(60.0, 3, 30, 0.5)
    assert found["a"].memory_bytes.most == 70
    assert found["a"].output_bytes == Use(0.0, 0, None, 0.0)
    assert found["a"].output_bytes.per_run is None
    assert found["b"].output_bytes.share == 1.0


def test_failed_runs_cost_too_and_are_counted() -> None:
    (found,) = costs([("a", one) for one in runs(1, 2, status=Status.FAILED) + runs(3)]).values()
    assert (found.runs, found.failed, found.wall_s.total) == (3, 2, 6.0)
    assert found.cpu_s.share is None
    assert costs([]) == {}


UP = [40, 42, 39, 45, 47, 44, 50, 52, 51, 55, 58, 60]


@pytest.mark.parametrize(
    ("durations", "change"),
    [
        (UP, Change.GREW),
        (UP[::-1], Change.SHRANK),
        ([40] * 12, Change.STEADY),
        ([40, 60] * 6, Change.STEADY),
        ([40, 60, 40, 40, 60, 40, 60, 40, 60, 40, 60, 60], Change.STEADY),
        ([40] * 11 + [4000], Change.STEADY),
        ([40 + day / 3 for day in range(12)], Change.STEADY),
        ([0.1 * day for day in range(1, 13)], Change.STEADY),
        (UP[:9], Change.TOO_FEW),
        ([40] * 10 + [80] * 10, Change.GREW),
    ],
    ids=[
        "grows",
        "shrinks",
        "flat",
        "scatters",
        "by chance",
        "one outlier",
        "below a fifth",
        "below a second",
        "few",
        "a step",
    ],
)
def test_a_change_is_told_when_it_is_large_and_no_accident(durations: Sequence[float], change: Change) -> None:
    assert drift(runs(*durations)).change is change


def test_the_change_is_that_of_the_medians_of_thirds() -> None:
    found = drift(runs(*UP))
    assert (found.first_s, found.last_s, found.runs, found.days) == (41, 56.5, 12, 11.0)


def test_runs_that_did_not_do_their_work_tell_nothing_about_durations() -> None:
    mixed = [*runs(*UP[:9]), *runs(1, 2, 3, status=Status.TIMEOUT)]
    assert drift(mixed).change is Change.TOO_FEW
    assert drift(mixed).runs == 9
    assert drift([]) == drift(runs(5, status=Status.FAILED))


def test_many_runs_change_as_few_do() -> None:
    assert drift(runs(*(40 + day / 20 + day * 7919 % 11 for day in range(1000)))).change is Change.GREW


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_the_test_against_trend_knows_both_directions_alike(values: list[float]) -> None:
    assert mann(values) == -mann(values[::-1])
    ranks = sorted(set(values))
    assert mann(ranks) >= mann(values) or len(ranks) < len(values)


def test_the_test_against_trend_is_that_of_the_book() -> None:
    """Four rising values: the score is 6, its variance 4 * 3 * 13 / 18."""
    assert mann([1, 2, 3, 4]) == pytest.approx(6 / (4 * 3 * 13 / 18) ** 0.5)
    assert mann([1, 1, 1]) == 0.0
    assert mann([]) == 0.0
