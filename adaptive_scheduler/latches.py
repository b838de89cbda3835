"""What makes an event of a verdict, once: armed, fired, and armed again after a calm while. Pure.

A latch has hysteresis and a cool-down, so that a value flapping around its limit is one event. Times, not
cycles, are counted: cycles come late, twice, or not at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adaptive_scheduler.detectors.base import Calm
from adaptive_scheduler.times import from_iso, iso

Plain = dict[str, Any]

HOUR = timedelta(hours=1)

LONGEST_GAP = 2.5
"""Ticks between two cycles in a row: one may be lost."""


@dataclass(frozen=True, slots=True)
class Latch:
    """What is remembered of one event: whether it may fire, since when it is calm, when it fired of late.

    `held` is in how many cycles in a row a condition of the user held, up to `held_at`.
    """

    armed: bool = True
    calm_since: datetime | None = None
    fired: tuple[datetime, ...] = ()
    held: int = 0
    held_at: datetime | None = None

    @property
    def last(self) -> datetime | None:
        """When it fired last."""
        return self.fired[-1] if self.fired else None


def turned(latch: Latch, excess: float | None, now: datetime, calm: Calm, max_per_hour: int = 60) -> tuple[Latch, bool]:
    """Return the latch after a verdict, and whether the event fires; None for `excess` is no verdict.

    At the limit, which is 1, an armed latch fires; it is armed again when `calm` says.
    """
    latch = _not_from_the_future(latch, now)
    if excess is None:
        return latch, False
    below = excess < calm.below
    since = (latch.calm_since or now) if below else None
    armed = latch.armed
    if not armed and since is not None and now - since >= calm.lasting:
        armed = latch.last is None or now - latch.last >= calm.cool_down
    of_late = tuple(moment for moment in latch.fired if now - moment < HOUR)
    fires = armed and excess >= 1 and len(of_late) < max_per_hour
    fired = (*of_late, now) if fires else (of_late or latch.fired[-1:])
    return replace(latch, armed=armed and not fires, calm_since=since, fired=fired), fires


def counted(latch: Latch, holds: bool | None, now: datetime, tick: timedelta) -> Latch:
    """Return the latch with the cycles counted in which a condition holds; None for `holds` is not known.

    A cycle by hand soon after another is not one more, and after a gap the count begins anew.
    """
    if holds is None:
        return latch
    if not holds:
        return replace(latch, held=0, held_at=None)
    if latch.held_at is None or not timedelta(0) <= now - latch.held_at <= LONGEST_GAP * tick:
        return replace(latch, held=1, held_at=now)
    if now - latch.held_at < tick / 2:
        return latch
    return replace(latch, held=latch.held + 1, held_at=now)


def fired_with(latch: Latch, now: datetime) -> Latch:
    """Return the latch as if it had fired now: another event has told of the same thing."""
    return replace(latch, armed=False, calm_since=None, fired=(*latch.fired, now))


def _not_from_the_future(latch: Latch, now: datetime) -> Latch:
    """Pull every stamp that lies ahead to now: the clock was set back."""
    return replace(
        latch,
        calm_since=None if latch.calm_since is None else min(latch.calm_since, now),
        held_at=None if latch.held_at is None else min(latch.held_at, now),
        fired=tuple(min(moment, now) for moment in latch.fired),
    )


def encode(latches: Mapping[str, Latch]) -> str:
    """Return latches as the text that the state carries; those that are as at the beginning are left out."""
    plain = {name: _plain(latch) for name, latch in latches.items() if latch != Latch()}
    return json.dumps(plain, separators=(",", ":"), sort_keys=True) if plain else ""


def decode(text: str) -> dict[str, Latch]:
    """Return the latches that `encode` wrote; what makes no sense is as at the beginning."""
    try:
        plain = json.loads(text) if text else {}
        return {name: _latch(one) for name, one in plain.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _plain(latch: Latch) -> Plain:
    full: Plain = {
        "disarmed": not latch.armed,
        "calm_since": latch.calm_since and iso(latch.calm_since),
        "fired": [iso(moment) for moment in latch.fired],
        "held": latch.held,
        "held_at": latch.held_at and iso(latch.held_at),
    }
    return {key: value for key, value in full.items() if value}


def _latch(plain: Mapping[str, Any]) -> Latch:
    held = plain.get("held", 0)
    if not isinstance(held, int) or held < 0:
        raise ValueError(f"{held!r} is no number of cycles")
    return Latch(
        not plain.get("disarmed", False),
        _moment(plain.get("calm_since")),
        tuple(from_iso(moment).astimezone(UTC) for moment in plain.get("fired", ())),
        int(held),
        _moment(plain.get("held_at")),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_iso(text).astimezone(UTC)
