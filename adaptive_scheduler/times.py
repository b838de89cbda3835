"""Moments as text: ISO 8601 for files, and the forms people use with `--at` and `--until`. Pure."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from adaptive_scheduler.durations import parse as parse_duration
from adaptive_scheduler.errors import UsageError

FORMS = "ISO 8601 (2025-11-02T22:35), HH:MM, 'yesterday HH:MM', 'tomorrow HH:MM', '2h ago' or 'in 2h'"


def iso(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC, with offset."""
    return moment.astimezone(UTC).isoformat()


def from_iso(text: str) -> datetime:
    """Return the aware moment that `iso` wrote; ValueError or TypeError when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no offset")
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        # On the first or the last day of the calendar: `iso` could not write it again.
        raise ValueError(f"'{text}' is no time of ours") from error
    return moment


def parse_time(text: str, now: datetime, *, future: bool = False) -> datetime:
    """Return the moment that people mean, in the zone of `now`; UsageError names the accepted forms.

    A bare `HH:MM` is the latest one past, or the next one to come where `future` is set.
    """
    words = text.strip().lower()
    if found := re.fullmatch(r"(?:(yesterday|today|tomorrow)\s+)?(\d{1,2}):(\d{2})", words):
        day, hour, minute = found[1], int(found[2]), int(found[3])
        if hour < 24 and minute < 60:
            wall = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
            return _on_day(day, wall, now, future)
    try:
        if found := re.fullmatch(r"(.+?)\s+ago", words):
            return now - parse_duration(found[1])
        if found := re.fullmatch(r"in\s+(.+)", words):
            return now + parse_duration(found[1])
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return at_wall_time(moment, now) if moment.tzinfo is None else moment.astimezone(now.tzinfo)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is no time; write {FORMS}") from error


def at_wall_time(wall: datetime, now: datetime) -> datetime:
    """Return the moment at which local clocks show this naive time, summer time of that day included.

    Where `now` is not in the zone of this system (a pretended time), its own offset holds.
    """
    with suppress(OSError):  # Windows knows no local time before 1970 nor after 3000
        if now.utcoffset() == now.astimezone().utcoffset():
            return wall.astimezone()
    return wall.replace(tzinfo=now.tzinfo)


def local_time(now: datetime) -> Callable[[datetime], datetime]:
    """Return a function from any moment to what local clocks showed then, summer time of that day included.

    Where `now` is not in the zone of this system (a pretended time), its own offset holds for all moments.
    """
    with suppress(OSError):
        if now.utcoffset() == now.astimezone().utcoffset():
            return datetime.astimezone
    return lambda moment: moment.astimezone(now.tzinfo)


def _on_day(day: str | None, wall: datetime, now: datetime, future: bool) -> datetime:
    one_day = timedelta(days=1)
    if day is not None:
        return at_wall_time(wall + {"yesterday": -1, "today": 0, "tomorrow": 1}[day] * one_day, now)
    moment = at_wall_time(wall, now)
    if future:
        return moment if moment > now else at_wall_time(wall + one_day, now)
    return moment if moment <= now else at_wall_time(wall - one_day, now)


def clock_time(moment: datetime | None, now: datetime) -> str:
    """Return a local time of day, with the date where it is another day, '-' for none."""
    if moment is None:
        return "-"
    local = moment.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%m-%d %H:%M}"
