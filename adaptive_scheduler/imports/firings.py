"""A cron expression -> the days and the minutes of the day at which it fires, as Debian's cron has it. Pure.

cronsim reads the five fields and knows the quirks of Debian's cron (day of month and day of week are joined by
"and" where one begins with a star, else by "or"). It counts here without a zone, since windows are local time.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile

FIRST, YEARS = datetime(2001, 1, 1), 12  # noqa: DTZ001  # wall clock; a Monday, and three leap years
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = 5
_LOWEST = (0, 0, 1, 1, 0)
_RANDOM = re.compile(r"(\d*)~(\d*)")
_FOREIGN = (
    (re.compile(r"L|#|W", re.IGNORECASE), "'{}' is no field of Debian's cron; it is read as other crons do"),
    (re.compile(r"(?:^|,)\d+/"), "'{}' is read as a step up to the end of the range, as most crons do"),
)


@dataclass(frozen=True, slots=True)
class Firings:
    """The days on which an expression fires within some years, the minutes of each day, and what to know."""

    days: tuple[date, ...]
    minutes: tuple[int, ...]
    remarks: tuple[str, ...] = ()


def firings(expression: str) -> Firings:
    """Return when five fields or a nickname fire; ValueError, with a sentence, for what is neither."""
    from cronsim import CronSim, CronSimError

    fields = NICKNAMES.get(expression.lower(), expression).split()
    if len(fields) != FIELDS:
        raise ValueError(f"'{expression}' is no time that cron knows")
    fixed, remarks = _without_dice(fields)
    minute, hour, *day = fixed
    try:
        starts = CronSim(f"{minute} {hour} * * *", FIRST - timedelta(seconds=1))
        for place, field in enumerate(day):
            CronSim(" ".join(["0", "0", *(field if other == place else "*" for other in range(3))]), FIRST)
    except CronSimError as error:
        raise ValueError(f"'{expression}': cron would refuse it ({str(error).lower()})") from error
    minutes = tuple(
        one.hour * 60 + one.minute for one in takewhile(lambda one: one < FIRST + timedelta(days=1), starts)
    )
    return Firings(_days(*day), minutes, remarks)


def _without_dice(fields: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the fields with the first of each random range, and the remarks on what is not plain cron."""
    remarks = []
    for field in fields:
        if "~" in field:
            remarks.append(f"'{field}' is a random choice of cron; the first of the range is taken")
        if re.fullmatch(r"[A-Za-z]{3}([,-][A-Za-z]{3})*", field):
            continue  # names of months and days
        remarks += [sentence.format(field) for pattern, sentence in _FOREIGN if pattern.search(field)]
    fixed = [
        _RANDOM.sub(lambda found, low=low: found[1] or str(low), field)  # type: ignore[misc]
        for low, field in zip(_LOWEST, fields, strict=True)
    ]
    return fixed, tuple(remarks)


@lru_cache(maxsize=256)
def _days(day: str, month: str, weekday: str) -> tuple[date, ...]:
    """Return the days within the years; none where the fields name a day that no month has."""
    from cronsim import CronSim, CronSimError

    try:
        starts = CronSim(f"0 0 {day} {month} {weekday}", FIRST - timedelta(seconds=1))
    except CronSimError:
        return ()
    end = FIRST.replace(year=FIRST.year + YEARS)
    return tuple(one.date() for one in takewhile(lambda one: one < end, starts))
