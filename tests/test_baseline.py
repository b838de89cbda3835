"""What is usual on this machine, kept between two cycles: what goes in comes out, and nonsense is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline, decode, encode, fresh, known
from adaptive_scheduler.growth import grown
from adaptive_scheduler.series import KEPT_DAYS, percent_cell, percent_of
from tests.builders import NOW, minutes
from tests.sights import process

TICK = minutes(5)


def filled(name: str = CPU, *percents: float | None, before: datetime = NOW) -> Baseline:
    """A baseline that knows these values of the last ticks, the last one up to `before`."""
    found = Baseline()
    for number, percent in enumerate(percents):
        at = before - (len(percents) - 1 - number) * TICK
        found = known(found, name, at, TICK, None if percent is None else percent_cell(percent))
    return found


def plain(baseline: Baseline) -> Any:
    return json.loads(json.dumps(encode(baseline)))


def test_a_signal_that_nobody_measured_is_new() -> None:
    assert Baseline().signal(CPU, TICK).series.cells == ()
    assert Baseline().signal(CPU, TICK).series.grid.minutes == 5
    assert known(Baseline(), CPU, NOW, TICK, None) == Baseline()


def test_what_was_measured_is_known_and_what_was_not_is_absent() -> None:
    series = filled(CPU, 10, None, 30).signal(CPU, TICK).series
    assert [percent_of(cell) for cell in series.cells] == [10, pytest.approx(-0.01), 30]


def test_signals_are_kept_apart() -> None:
    both = known(filled(CPU, 10), MEMORY, NOW, TICK, percent_cell(70))
    assert {name: percent_of(one.series.cells[-1]) for name, one in both.signals.items()} == {CPU: 10, MEMORY: 70}


def test_a_source_that_is_gone_is_forgotten_after_as_long_as_a_series_is_kept() -> None:
    old = filled(LATENCY + "gone", 5)
    assert fresh(old, NOW + timedelta(days=KEPT_DAYS), TICK) is old
    later = NOW + timedelta(days=KEPT_DAYS, minutes=5)
    assert fresh(old, later, TICK).signals == {}
    both = known(old, CPU, later, TICK, 1.0)
    assert set(fresh(both, later, TICK).signals) == {CPU}


@settings(deadline=None)
@given(
    st.lists(st.none() | st.floats(0, 100), max_size=30),
    st.dictionaries(st.text(max_size=5), st.integers() | st.lists(st.floats(-9, 9)), max_size=3),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_written_is_read_again(percents: list[float | None], memory: Any, own_at: datetime | None) -> None:
    found = filled(CPU, *percents)
    signals = {name: type(one)(one.series, memory) for name, one in found.signals.items()}
    growth = grown(found.growth, [process(rss=5 << 20)], NOW, TICK)
    found = Baseline(signals, growth, own_at)
    assert plain(decode(plain(found), TICK)) == plain(found)
    assert decode(plain(found), TICK).growth == growth


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"version": 2}, id="a newer version"),
        pytest.param({"version": None}, id="no version"),
        pytest.param({"signals": []}, id="signals that are a list"),
        pytest.param({"signals": {"cpu": {}}}, id="a signal without a series"),
        pytest.param({"signals": {"cpu": None}}, id="a signal that is nothing"),
        pytest.param({"growth": None}, id="no growth"),
        pytest.param({"own_at": 5}, id="a time that is a number"),
        pytest.param({"own_at": "yesterday"}, id="a time that is a word"),
        pytest.param({"own_at": "2025-11-02T22:30:00"}, id="a time without an offset"),
    ],
)
def test_nonsense_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        decode({**plain(filled(CPU, 10)), **damage}, TICK)


def test_a_detector_that_remembers_no_table_is_refused() -> None:
    written = plain(filled(CPU, 10))
    written["signals"]["cpu"]["memory"] = [1]
    with pytest.raises(TypeError, match=r"\[1\] is nothing that a detector remembers"):
        decode(written, TICK)


def test_the_steps_of_another_tick_are_refused() -> None:
    with pytest.raises(ValueError, match="its steps are those of another tick"):
        decode(plain(filled(CPU, 10)), minutes(60))
    assert decode(plain(filled(CPU, 10)), minutes(1)).signals
