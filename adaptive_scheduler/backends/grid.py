"""The ticks of a day as a calendar can say them: every so many minutes, from a fixed offset on.

cron and systemd name minutes of an hour and hours of a day. Where the tick divides an hour one line says
all; elsewhere the hours with equal minutes share a line, and the grid begins anew at midnight, so that the
last step of a day is the only one that may be shorter than the tick. `*/7` would be short every hour.
"""

import hashlib
from collections import defaultdict
from datetime import timedelta

from adaptive_scheduler.durations import compact
from adaptive_scheduler.errors import UsageError

MINUTES_AN_HOUR, HOURS_A_DAY = 60, 24
Lines = list[tuple[tuple[int, ...], tuple[int, ...]]]
"""Minutes and the hours they stand in; no hours means every hour."""


def offset(host: str, name: str, every: timedelta) -> timedelta:
    """Return where between two ticks this host's calls come: always the same, another one elsewhere.

    Whole seconds, and never the first minute of a tick, where everybody else's jobs start; a tick of a
    minute leaves no choice of minutes.
    """
    number = int.from_bytes(hashlib.sha256(f"{host}\0{name}".encode()).digest()[:8])
    room = int(every.total_seconds())
    first = 60 if room > 60 else 0
    return timedelta(seconds=first + number % (room - first))


def whole_minutes(every: timedelta, scheduler: str) -> int:
    """Return the tick in minutes; raises UsageError for one that is not made of minutes."""
    minutes, rest = divmod(every, timedelta(minutes=1))
    if rest:
        raise UsageError(
            f"{scheduler} counts whole minutes, and scheduler.tick is '{compact(every)}'; "
            f'write a tick of whole minutes, such as "{minutes}m" or "{minutes + 1}m"'
        )
    return minutes


def lines(minutes: int, first: int) -> Lines:
    """Return the calendar of a day: each `minutes`, an hour at most, from minute `first` on.

    Where the tick does not divide a day the first call comes early enough that the step over midnight is the
    rest of the division, never longer than the tick; and not in the first minute, where there is another.
    """
    rest = HOURS_A_DAY * MINUTES_AN_HOUR % minutes
    if rest and first >= rest:
        first = 1 + (first - 1) % (rest - 1) if rest > 1 else 0
    hours_of: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for hour in range(HOURS_A_DAY):
        begin = hour * MINUTES_AN_HOUR
        times = range(first, HOURS_A_DAY * MINUTES_AN_HOUR, minutes)
        within = tuple(one - begin for one in times if begin <= one < begin + MINUTES_AN_HOUR)
        hours_of[within].append(hour)
    return [
        (within, () if len(hours) == HOURS_A_DAY else tuple(hours))
        for within, hours in sorted(hours_of.items(), key=lambda item: item[1])
    ]


def steps(values: tuple[int, ...], last: int) -> tuple[int, int] | None:
    """Return first value and step of an even row that reaches up to `last`, None for any other row."""
    if len(values) < 2:
        return None
    step = values[1] - values[0]
    even = values == tuple(range(values[0], last + 1, step))
    return (values[0], step) if even else None


def remark(minutes: int) -> str | None:
    """Return what users should know of a tick that does not divide a day, None for one that does."""
    rest = HOURS_A_DAY * MINUTES_AN_HOUR % minutes
    if not rest:
        return None
    return (
        f"{minutes} minutes do not divide a day: the ticks are counted from midnight, and the last one of a "
        f"day is {rest} min long"
    )
