"""What of all that was seen becomes an event, and what is remembered of it: the latches are turned. Pure.

One thing is told once: a leak is either the process's or the total's, and the latch of the other turns with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler import latches
from adaptive_scheduler.detectors.base import Calm
from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.events import MEMORY_LEAK, Event, Level, Watch
from adaptive_scheduler.latches import HOUR, Latch
from adaptive_scheduler.sightings import NOT_AT_ALL, WHOLLY, Sighting

FORGOTTEN = timedelta(days=60)
"""After so long without a word a latch is as at the beginning; no cool-down is longer than half of it."""


def happened(
    text: str, found: Sequence[Sighting], watches: Mapping[str, Watch], now: datetime, tick: timedelta
) -> tuple[str, list[Event]]:
    """Return the latches after these sightings, and the events that fired; `text` is what the state carries."""
    turned = {key: latch for key, latch in latches.decode(text).items() if _is_kept(key, latch, watches, now)}
    seen, events = {one.key for one in found}, []
    for one in found:
        watch, latch, excess = watches[one.name], turned.get(one.key, Latch()), one.excess
        if one.learning > timedelta(0):
            excess = None
        if one.cycles:
            latch = latches.counted(latch, None if excess is None else excess >= WHOLLY, now, tick)
            excess = None if excess is None else latch.held / one.cycles
        most = 0 if len(_of_late(one.name, turned, now)) >= watch.max_per_hour else watch.max_per_hour
        turned[one.key], fires = latches.turned(latch, excess, now, _calm(one.calm, watch), most)
        if fires:
            events.append(_event(one, now, tick))
            if (same := _same_thing(one)) is not None:
                turned[same] = latches.fired_with(turned.get(same, Latch()), now)
    # A process that is not blamed any more is calm, where anybody has looked.
    for key in turned.keys() - seen if MEMORY_LEAK in seen else ():
        if key.startswith(f"{MEMORY_LEAK}:"):
            calm = _calm(MemoryLeak().calm(tick), watches[MEMORY_LEAK])
            turned[key], _ = latches.turned(turned[key], NOT_AT_ALL, now, calm)
    return latches.encode(turned), events


def _calm(usual: Calm, watch: Watch) -> Calm:
    return usual if watch.cool_down is None else replace(usual, cool_down=watch.cool_down)


def _of_late(name: str, turned: Mapping[str, Latch], now: datetime) -> set[datetime]:
    """Return the earlier moments of the last hour at which an event fired, whatever its source was.

    Sources that fire together are one start of a task, and count once.
    """
    latches_of = [latch for key, latch in turned.items() if key.partition(":")[0] == name]
    fired = {moment for latch in latches_of for moment in latch.fired}
    return {moment for moment in fired if timedelta(0) < now - moment < HOUR}


def _event(one: Sighting, now: datetime, tick: timedelta) -> Event:
    ripened = max(0, one.cycles - 1) * tick
    return Event(
        name=one.name,
        at=now,
        value=one.value,
        expected=one.expected,
        unit=one.unit,
        since=now - ripened if one.since is None else one.since,
        reason=one.reason,
        source=one.source,
        culprit=one.culprit,
        caused_by=one.caused_by,
    )


def _same_thing(one: Sighting) -> str | None:
    """Return the latch that must not tell the same again: of a leak, the total's and that of its process."""
    if one.name != MEMORY_LEAK:
        return None
    if one.source:
        return MEMORY_LEAK
    return None if one.culprit is None else f"{MEMORY_LEAK}:{one.culprit.name}"


def _is_kept(key: str, latch: Latch, watches: Mapping[str, Watch], now: datetime) -> bool:
    """Whether a latch is still of use: its event is watched for, and it has fired or counted of late."""
    watch = watches.get(key.partition(":")[0])
    if watch is None or watch.level is Level.OFF:
        return False
    stamps = [stamp for stamp in (latch.last, latch.held_at, latch.calm_since) if stamp is not None]
    return bool(stamps) and now - max(stamps) < FORGOTTEN
