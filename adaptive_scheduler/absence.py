"""Were there cycles that never came, and why? Two marks of the machine's clocks -> an absence, or none. Pure.

What counts is how long it truly took, by the time since boot with sleep included: a wall clock that was set
makes no absence. A boot that is told by its time, as outside Linux, moves with the wall clock: there the time
since boot must have begun anew for another boot to be believed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

OFF = "the machine was off"
ASLEEP = "the machine slept or was suspended"
NOT_CALLED = "no scheduler called"

LEAST_TICKS = 3
"""A shorter gap is a late tick or two, and nobody's business."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The clocks of the machine at one cycle; None where the system does not tell.

    `uptime_s` counts seconds since boot with sleep, `awake_s` what the CPUs have counted, which is without it.
    """

    at: datetime
    boot: str
    uptime_s: float | None = None
    awake_s: float | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """How many cycles did not come, since when, and why as far as the clocks tell."""

    missed: int
    since: datetime
    cause: str


def between(before: Mark, now: Mark, tick: timedelta) -> Absence | None:
    """Return the absence between two cycles, None when there was none or the clocks cannot tell."""
    rebooted = _is_another_boot(before, now)
    elapsed = now.at - before.at if rebooted else _elapsed(before, now)
    if elapsed is None or elapsed < LEAST_TICKS * tick:
        return None
    cause = _why_after_a_boot(now, elapsed) if rebooted else _why_awake(before, now, elapsed)
    return Absence(round(elapsed / tick) - 1, now.at - elapsed, cause)


def _is_another_boot(before: Mark, now: Mark) -> bool:
    if before.boot == now.boot:
        return False
    told_by_time = before.boot.isdecimal() and now.boot.isdecimal()
    went_on = before.uptime_s is not None and now.uptime_s is not None and now.uptime_s >= before.uptime_s
    return not (told_by_time and went_on)


def _elapsed(before: Mark, now: Mark) -> timedelta | None:
    """Return how long it was by a clock that nobody sets; at least that long where sleep is not counted."""
    told = before.uptime_s is not None and now.uptime_s is not None
    seconds = _since(before.uptime_s, now.uptime_s) if told else _since(before.awake_s, now.awake_s)
    return None if seconds is None else timedelta(seconds=seconds)


def _why_after_a_boot(now: Mark, elapsed: timedelta) -> str:
    on = timedelta(seconds=now.uptime_s or 0.0)
    return NOT_CALLED if on > elapsed / 2 else OFF


def _why_awake(before: Mark, now: Mark, elapsed: timedelta) -> str:
    awake_s = _since(before.awake_s, now.awake_s)
    return ASLEEP if awake_s is not None and timedelta(seconds=awake_s) < elapsed / 2 else NOT_CALLED


def _since(before_s: float | None, now_s: float | None) -> float | None:
    """Return the seconds between two readings of a clock, None where one is missing or it went back."""
    if before_s is None or now_s is None or now_s < before_s:
        return None
    return now_s - before_s
