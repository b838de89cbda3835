"""Missed cycles by the clocks of the machine: a table of what they say."""

from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler.absence import ASLEEP, NOT_CALLED, OFF, Absence, Mark, between
from tests.builders import NOW, minutes

TICK = minutes(5)
HOUR = 3600.0
BEFORE = Mark(NOW, "boot-1", 50 * HOUR, 40 * HOUR)


def later(wall_h: float, up_h: float | None, awake_h: float | None, boot: str = "boot-1", **more: Any) -> Mark:
    """A mark that many hours after BEFORE, by each clock."""
    up_s = None if up_h is None else (50 + up_h) * HOUR
    awake_s = None if awake_h is None else (40 + awake_h) * HOUR
    return Mark(NOW + timedelta(hours=wall_h), boot, more.get("up_s", up_s), more.get("awake_s", awake_s))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(later(1 / 12, 1 / 12, 1 / 12), None, id="a tick"),
        pytest.param(later(0.24, 0.24, 0.24), None, id="not quite three ticks"),
        pytest.param(later(0.25, 0.25, 0.25), (2, NOT_CALLED), id="three ticks"),
        pytest.param(later(8, 8, 8), (95, NOT_CALLED), id="nobody called"),
        pytest.param(later(8, 8, 0.1), (95, ASLEEP), id="it slept"),
        pytest.param(later(8, 8, 3.9), (95, ASLEEP), id="it slept most of the time"),
        pytest.param(later(8, 8, 4.1), (95, NOT_CALLED), id="it was awake most of the time"),
        pytest.param(later(8, 8, None), (95, NOT_CALLED), id="who knows whether it slept"),
        pytest.param(later(8, 8, -1), (95, NOT_CALLED), id="its CPUs count anew"),
        pytest.param(later(8, 1 / 12, 1 / 12), None, id="the clock was set forward"),
        pytest.param(later(-8, 1 / 12, 1 / 12), None, id="the clock was set back"),
        pytest.param(later(1 / 12, 8, 8), (95, NOT_CALLED), id="the clock was set back while nobody called"),
        pytest.param(later(8, -1, 1), None, id="its uptime went back"),
        pytest.param(later(8, None, 8), (95, NOT_CALLED), id="no uptime and awake"),
        pytest.param(later(8, None, 0.1), None, id="no uptime and asleep or set forward"),
        pytest.param(later(8, None, None), None, id="nothing is known"),
        pytest.param(later(8, None, None, "boot-2", up_s=120.0), (95, OFF), id="it was off"),
        pytest.param(later(8, None, None, "boot-2"), (95, OFF), id="it was off and does not tell since when it is on"),
        pytest.param(later(8, None, None, "boot-2", up_s=7 * HOUR), (95, NOT_CALLED), id="on again and not called"),
        pytest.param(later(0.1, None, None, "boot-2", up_s=60.0), None, id="a quick reboot"),
        pytest.param(later(-8, None, None, "boot-2", up_s=60.0), None, id="a reboot into the past"),
        pytest.param(later(900, 3, 3, "boot-2"), (10799, OFF), id="a new name is another boot"),
    ],
)
def test_cycles_are_missed_when_true_time_went_by(now: Mark, expected: tuple[int, str] | None) -> None:
    found = between(BEFORE, now, TICK)
    assert (None if found is None else (found.missed, found.cause)) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(later(1 / 12, 1 / 12, 1 / 12, "101"), None, id="its time wobbles"),
        pytest.param(later(8, 1 / 12, 1 / 12, "580"), None, id="the clock was set forward"),
        pytest.param(later(8, 8, 0.1, "101"), (95, ASLEEP), id="it wobbles and slept"),
        pytest.param(later(8, None, None, "580", up_s=120.0), (95, OFF), id="another boot"),
        pytest.param(later(8, None, None, "580"), (95, OFF), id="another boot without uptime"),
    ],
)
def test_a_boot_that_is_told_by_its_time_moves_with_the_wall_clock(now: Mark, expected: tuple[int, str] | None) -> None:
    found = between(Mark(NOW, "100", BEFORE.uptime_s, BEFORE.awake_s), now, TICK)
    assert (None if found is None else (found.missed, found.cause)) == expected


def test_an_absence_began_when_the_last_cycle_was() -> None:
    assert between(BEFORE, later(8, 8, 8), TICK) == Absence(95, NOW, NOT_CALLED)
    # By a clock that was set back six hours the last cycle is two hours from now; that is not when it began.
    set_back = between(BEFORE, later(2, 8, 8), TICK)
    assert set_back is not None
    assert set_back.since == NOW - timedelta(hours=6)
