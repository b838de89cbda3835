"""How busy each part of the day is -> the quietest times to run something that takes this long. Pure.

The day is cut into slots of local time. What counts is the load of others (busy.Stretch.load). A slot that
was seen on too few days says nothing, and no stretch leads through it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from adaptive_scheduler.busy import Part, Stretch, mean, parts
from adaptive_scheduler.model import Window

SLOT = timedelta(minutes=15)
"""Three 5-minute samples a day: fine enough for a plan of the day, coarse enough not to follow single ones."""

DAY = timedelta(days=1)
SLOTS = DAY // SLOT
SLOT_MINUTES = SLOT // timedelta(minutes=1)
MINUTES_A_DAY = DAY // timedelta(minutes=1)

MIN_DAYS = 3
"""A slot seen on fewer days is an accident, not a habit."""

CHOICES = 3


@dataclass(frozen=True, slots=True)
class Quiet:
    """A quiet stretch of the local day, in minutes after midnight; `end` may lie on the next day."""

    start: int
    end: int
    load: float


Profile = Sequence[float | None]
"""The mean load in each slot of the day, None where it is not known well enough."""


def profile(known: Iterable[Stretch]) -> Profile:
    """Return how busy each slot of the local day is."""
    slots = defaultdict[int, list[Part]](list)
    for one in known:
        for moment, seconds in parts(one, SLOT):
            slots[(moment.hour * 60 + moment.minute) // SLOT_MINUTES].append((one, moment, seconds))
    return [_typical(slots.get(slot, [])) for slot in range(SLOTS)]


def _typical(slot: list[Part]) -> float | None:
    days = {moment.date() for one, moment, _ in slot if one.load is not None}
    return mean((one.load, seconds) for one, _, seconds in slot) if len(days) >= MIN_DAYS else None


def quietest(day: Profile, duration: timedelta, windows: Sequence[Window]) -> tuple[Quiet, ...]:
    """Return the quietest stretches of this duration, the best first; none overlaps another.

    They lie inside a window; where the task takes longer than any of its windows they begin in one.
    """
    length = min(SLOTS, max(1, ceil(duration / SLOT)))
    inside = [slot for slot in range(SLOTS) if _fits(slot, length, windows)]
    if not inside:
        inside = [slot for slot in range(SLOTS) if _fits(slot, 1, windows)]
    loads = {slot: load for slot in inside if (load := _load(day, slot, length)) is not None}
    chosen: list[int] = []
    for slot in sorted(loads, key=lambda slot: (loads[slot], slot)):
        if all(length <= (slot - other) % SLOTS <= SLOTS - length for other in chosen):
            chosen.append(slot)
        if len(chosen) == CHOICES:
            break
    return tuple(Quiet(s * SLOT_MINUTES, (s + length) * SLOT_MINUTES, loads[s]) for s in chosen)


def _fits(slot: int, length: int, windows: Sequence[Window]) -> bool:
    return not windows or any(_in_window(slot * SLOT_MINUTES, length * SLOT_MINUTES, one) for one in windows)


def _in_window(minute: int, length: int, one: Window) -> bool:
    span = (one.end - one.start) % MINUTES_A_DAY or MINUTES_A_DAY
    return span == MINUTES_A_DAY or (minute - one.start) % MINUTES_A_DAY + length <= span


def _load(day: Profile, slot: int, length: int) -> float | None:
    loads = [day[(slot + step) % SLOTS] for step in range(length)]
    known = [load for load in loads if load is not None]
    return sum(known) / length if len(known) == length else None
