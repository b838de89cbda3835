"""What runs take, what the next one needs, how long it may last, and which runs are out of the ordinary."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adaptive_scheduler import footprints, norms
from adaptive_scheduler.footprints import ENOUGH, KEPT, KEPT_TIMED_OUT, Band, Need, Past, percentile
from adaptive_scheduler.model import Result, Status
from adaptive_scheduler.norms import time_limit, unusual
from tests.builders import NOW, footprint, minutes, task

MB = 1_000_000


def run(seconds: float, megabytes: float | None = None, status: Status = Status.OK) -> Result:
    peak = None if megabytes is None else round(megabytes * MB)
    return Result("r", status, NOW, NOW, seconds, cpu_s=seconds / 2, peak_memory_bytes=peak)


# -- percentiles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7], 0.5, 7),
        ([7], 0.9, 7),
        ([1, 2], 0.5, 1),
        ([3, 1, 2], 0.5, 2),
        (range(1, 11), 0.9, 9),
        (range(1, 11), 0.91, 10),
        (range(1, 21), 0.9, 18),
        (range(1, 21), 0.1, 2),
        (range(1, 6), 0.9, 5),
        ([4, 4, 4, 1], 0.0, 1),
        ([4, 4, 4, 9], 1.0, 9),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


numbers = st.lists(st.floats(0, 1e6), min_size=1, max_size=40)


@given(numbers, st.floats(0, 1))
def test_a_percentile_was_seen_and_has_its_share_at_or_below_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) <= share * len(values) + 1e-6


@given(numbers, st.floats(0, 1), st.floats(0, 1))
def test_percentiles_rise_with_their_share(values: list[float], one: float, other: float) -> None:
    assert percentile(values, min(one, other)) <= percentile(values, max(one, other))


# -- the window --------------------------------------------------------------------------------------


def test_only_success_teaches_and_running_out_of_time_is_noted() -> None:
    mine = ""
    for status in Status:
        mine = footprints.with_run(mine, run(12.5, 52.4, status))
    assert footprints.rows(mine) == (
        Past(12.5, 6.25, 52_400_000),
        Past(12.5, 6.25, 52_400_000),
        Past(12.5, 6.25, 52_400_000, timed_out=True),
    )
    assert mine == "12.5,6.25,52.4 12.5,6.25,52.4 12.5,6.25,52.4!"


def test_the_window_keeps_the_last_successes_and_a_few_of_those_out_of_time() -> None:
    mine = ""
    for number in range(10):
        mine = footprints.with_run(mine, run(1000 + number, status=Status.TIMEOUT))
    assert [past.duration_s for past in footprints.rows(mine)] == [1007, 1008, 1009]
    for number in range(KEPT):
        mine = footprints.with_run(mine, run(number))
    assert len(footprints.rows(mine)) == KEPT + KEPT_TIMED_OUT
    mine = footprints.with_run(mine, run(99))
    assert [past.duration_s for past in footprints.rows(mine)] == [*range(1, KEPT), 99]


measured = st.builds(
    Result,
    st.just("r"),
    st.sampled_from(Status),
    st.just(NOW),
    st.just(NOW),
    st.floats(0, 1e7),
    cpu_s=st.none() | st.floats(0, 1e7),
    peak_memory_bytes=st.none() | st.integers(0, 10**13),
)


@given(st.lists(measured, max_size=60))
def test_whatever_ran_the_window_stays_small_and_nearly_exact(results: list[Result]) -> None:
    mine = ""
    for result in results:
        mine = footprints.with_run(mine, result)
    taught = [one for one in results if one.status.succeeded][-KEPT:]
    kept = footprints.usual(mine)
    assert [past.duration_s for past in kept] == pytest.approx([one.duration_s for one in taught], rel=1e-3)
    assert [past.cpu_s for past in kept] == [
        None if one.cpu_s is None else pytest.approx(one.cpu_s, rel=1e-3) for one in taught
    ]
    assert [past.peak_bytes for past in kept] == [
        None if one.peak_memory_bytes is None else pytest.approx(one.peak_memory_bytes, rel=1e-3, abs=1)
        for one in taught
    ]
    assert len(footprints.rows(mine)) <= KEPT + KEPT_TIMED_OUT
    assert len(mine) <= 1000


@given(st.text(alphabet="0123456789.,! -einfa", max_size=60))
@example("1,2")
@example("nan,1,1")
@example("-1,,")
@example(",1,1")
@example("1,2,3,4")
def test_a_footprint_that_makes_no_sense_is_no_fault(text: str) -> None:
    for past in footprints.rows(text):
        assert past.duration_s >= 0
    assert time_limit(task(), text).most >= norms.SHORTEST_LIMIT


def test_a_spoilt_row_costs_that_row_alone() -> None:
    assert footprints.rows("1,2,3 x,y,z 4,5") == (Past(1, 2, 3 * MB),)


def test_bands_and_expectations_want_enough_runs() -> None:
    few, enough = footprint(*[(10, 50)] * (ENOUGH - 1)), footprint((10, 50), (20, 60), (30, 70), (40, 80), (50, 90))
    declared = task(expected_duration=minutes(2), memory=7 * MB)
    assert footprints.durations(few) is footprints.memory(few) is footprints.cpu_seconds(few) is None
    assert footprints.durations(enough) == Band(30, 50, 5)
    assert footprints.cpu_seconds(enough) == Band(1, 1, 5)
    assert footprints.memory(enough) == Band(70 * MB, 90 * MB, 5)
    assert footprints.expected(task(), few) is None
    assert footprints.need(task(), few) is None
    assert (footprints.expected(declared, few), footprints.need(declared, few)) == (
        minutes(2),
        Need(7 * MB, "declared"),
    )
    assert footprints.expected(declared, enough) == timedelta(seconds=30)
    assert footprints.need(declared, enough) == footprints.need(None, enough) == Need(90 * MB, "p90 of 5 runs")
    assert footprints.need(None, few) is None


def test_runs_whose_memory_was_not_measured_teach_their_duration_alone() -> None:
    mine = footprint(*[(10, None)] * 9)
    assert footprints.durations(mine) == Band(10, 10, 9)
    assert footprints.memory(mine) is None


# -- how long a run may last -------------------------------------------------------------------------


def lasting(*durations: float) -> str:
    return footprint(*((seconds, 1) for seconds in durations))


@pytest.mark.parametrize(
    ("more", "mine", "most", "source"),
    [
        pytest.param({}, "", 60, "the default", id="nothing is known"),
        pytest.param({}, lasting(*[1] * 9), 60, "the default", id="nine runs are too few"),
        pytest.param({}, lasting(*[1] * 10), 10, "learned from 10 runs", id="never below ten minutes"),
        pytest.param({}, lasting(*[600] * 10), 30, "learned from 10 runs", id="three times the p90"),
        pytest.param({}, lasting(*[600] * 18, 60, 60), 30, "learned from 20 runs", id="p90 of twenty"),
        pytest.param({}, lasting(*[600] * 19, 1200), 40, "learned from 20 runs", id="twice the longest"),
        pytest.param({"timeout": minutes(1)}, lasting(*[600] * 20), 1, "timeout", id="its own, to the letter"),
        pytest.param({"timeout": minutes(1)}, lasting(-600), 1, "timeout", id="its own does not grow"),
        pytest.param({"expected_duration": minutes(30)}, "", 90, "3 x expected_duration", id="declared, unknown"),
        pytest.param({"expected_duration": minutes(5)}, "", 60, "the default", id="declared shorter than the default"),
        pytest.param(
            {"expected_duration": minutes(30)},
            lasting(*[60] * 12),
            90,
            "learned from 12 runs",
            id="declared longer than learned",
        ),
        pytest.param(
            {"expected_duration": minutes(1)},
            lasting(*[600] * 12),
            30,
            "learned from 12 runs",
            id="declared shorter than learned",
        ),
        pytest.param(
            {},
            lasting(*[600] * 10, -1800),
            60,
            "learned from 10 runs, more after a run that was out of time",
            id="out of time once: twice as long",
        ),
        pytest.param(
            {},
            lasting(*[600] * 10, -1800, -3600),
            120,
            "learned from 10 runs, more after a run that was out of time",
            id="out of time twice: four times as long",
        ),
        pytest.param(
            {},
            lasting(*[600] * 10, -1800, -3600, -7200),
            120,
            "learned from 10 runs, more after a run that was out of time",
            id="what hangs for ever does not grow for ever",
        ),
        pytest.param(
            {}, lasting(-3600), 120, "the default, more after a run that was out of time", id="the default grows too"
        ),
    ],
)
def test_a_run_may_last(more: dict[str, Any], mine: str, most: float, source: str) -> None:
    found = time_limit(task(**more), mine)
    assert (found.most, found.source) == (minutes(most), source)


@given(st.floats(0.1, 20_000), st.floats(1.0, 10.0))
def test_a_task_that_grows_is_let_through_after_a_few_tries(usual_s: float, factor: float) -> None:
    """However much longer its runs become at once, up to ten times, it is not killed for ever."""
    one, mine, needs_s = task(), "", usual_s * factor
    for _ in range(KEPT):
        mine = footprints.with_run(mine, run(usual_s))
    tries = 0
    while (limit := time_limit(one, mine).most.total_seconds()) < needs_s:
        mine = footprints.with_run(mine, run(limit + 5, status=Status.TIMEOUT))
        tries += 1
        assert tries <= 3
    for _ in range(2 * KEPT):
        mine = footprints.with_run(mine, run(needs_s))
        assert time_limit(one, mine).most.total_seconds() > needs_s


@given(st.lists(st.floats(0, 1e6), max_size=30), st.integers(0, 30))
def test_a_learned_limit_lies_within_its_bounds(good: list[float], hangs: int) -> None:
    mine = ""
    for seconds in good:
        mine = footprints.with_run(mine, run(seconds))
    calm = time_limit(task(), mine).most
    for _ in range(hangs):
        mine = footprints.with_run(mine, run(time_limit(task(), mine).most.total_seconds(), status=Status.TIMEOUT))
    found = time_limit(task(), mine).most
    assert norms.SHORTEST_LIMIT <= calm <= found <= max(norms.UNTIL_LEARNED, norms.MOST_GROWTH * calm)


# -- what is out of the ordinary ---------------------------------------------------------------------

STEADY = footprint(*[(20, 100), (25, 100), (30, 110), (35, 120), (40, 120)] * 3)


@pytest.mark.parametrize(
    ("result", "mine", "words"),
    [
        pytest.param(run(30, 110), STEADY, "", id="as ever"),
        pytest.param(run(180, 110), STEADY, "took 3 min, usually 20 to 40 s", id="too long"),
        pytest.param(run(60, 110), STEADY, "", id="twice the median is not yet too long"),
        pytest.param(run(30, 900), STEADY, "used 900 MB of memory, usually 100 to 120 MB", id="too big"),
        pytest.param(run(30, 1), STEADY, "", id="small is no fault"),
        pytest.param(run(30, None), STEADY, "", id="not measured"),
        pytest.param(
            run(180, 900),
            STEADY,
            "took 3 min, usually 20 to 40 s; used 900 MB of memory, usually 100 to 120 MB",
            id="both",
        ),
        pytest.param(run(1, 1), lasting(*[60] * 10), "took 1 s, usually 1 min", id="too short"),
        pytest.param(run(31, 1), lasting(*[60] * 10), "", id="half as long is not yet too short"),
        pytest.param(run(3, 1), lasting(*[1] * 20), "", id="two seconds more are no news"),
        pytest.param(run(180, 1), lasting(*[30] * 9), "", id="nine runs are too few"),
        pytest.param(run(900, 1), lasting(*[10] * 15, *[900] * 5), "", id="one run in four is like this"),
        pytest.param(run(100, 1), lasting(*range(10, 100, 5)), "", id="a task that varies varies"),
        pytest.param(run(400, 1), lasting(*range(10, 100, 5)), "took 6 min 40 s, usually 15 s to 1 min 30 s", id="far"),
        pytest.param(run(180, 1, Status.FAILED), STEADY, "", id="a failure is told as such"),
        pytest.param(
            run(180, 110, Status.WARNING), STEADY, "took 3 min, usually 20 to 40 s", id="a warning is a success"
        ),
    ],
)
def test_what_is_unusual_is_said_with_what_is_usual(result: Result, mine: str, words: str) -> None:
    assert unusual(result, mine) == words


@given(st.lists(st.floats(0.1, 1e5), min_size=10, max_size=20))
def test_nothing_that_was_seen_in_a_tenth_of_the_runs_is_unusual(seen: list[float]) -> None:
    mine = lasting(*seen)
    kept = [past.duration_s for past in footprints.usual(mine)]
    for share in (0.1, 0.5, 0.9):
        assert unusual(run(percentile(kept, share)), mine) == ""
