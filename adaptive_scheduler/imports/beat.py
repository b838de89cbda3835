"""The days and times at which something was started -> an interval and windows that come closest. Pure.

The law: a constant gap is an interval; a single time of the day is a day and a window that begins there; times
in a few stretches of the day are an interval and a window for each stretch. What has no such form becomes the
nearest one that runs no more often, with a sentence that says so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil

from adaptive_scheduler.durations import words

MINUTES_A_DAY = 1440

ROOM = 120
"""Minutes of the window of a single time: room for a calm moment, and still "at three in the night"."""

SHORTEST = 30
"""Minutes of the shortest window: with a tick of 5 minutes a shorter one could go by between two late ticks."""

MOST_WINDOWS = 4
WORTH_A_WINDOW = 60
"""Minutes of a gap up to which nobody cares at which minute it begins."""

OFTEN = 0.8
"""The share of equal gaps from which the others are a quirk, as that of */7 at the end of an hour."""

LONGEST_DAYS = 366
MONTH, YEAR = frozenset(range(28, 32)), frozenset((365, 366))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

BY_ITSELF = "a script that must keep to its days asks for the date itself"


@dataclass(frozen=True, slots=True)
class Beat:
    """How often something is to run, and when it may: the keys of a task, and what they do not keep."""

    interval: timedelta
    windows: tuple[str, ...] = ()
    adaptive: bool = True
    enabled: bool = True
    remarks: tuple[str, ...] = ()


def beat(days: Sequence[date], minutes: Sequence[int]) -> Beat:
    """Return the beat that comes closest to starts on these days, each at these minutes after midnight.

    Both rise; the days cover some years. Raises ValueError where there are none.
    """
    if not days or not minutes:
        raise ValueError("it never comes: there is no such day")
    between = [(later - earlier).days for earlier, later in pairwise(days)]
    daily = _daily(minutes)
    if set(between) == {1}:
        return daily
    if len(minutes) > 1:
        return _on_some_days(daily, len(days) / max((days[-1] - days[0]).days + 1, LONGEST_DAYS))
    count, seldom = _days(between)
    whole = f"every {words(timedelta(days=count))} from its first run on, whichever day that is"
    remarks = [f"it came {_which(days)}; here it comes {whole}; {BY_ITSELF}"]
    if seldom:
        remarks.append("it came less than once a year, which no interval can say: it is switched off")
    # Stretched and shrunk by the load it would not stay on the day of the week of its first run.
    return Beat(timedelta(days=count), daily.windows, adaptive=False, enabled=not seldom, remarks=tuple(remarks))


def window(start: int, length: int) -> str:
    """Return a window of tasks.toml that begins so many minutes after midnight."""
    first, last = start % MINUTES_A_DAY, (start + length) % MINUTES_A_DAY
    return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"


def _which(days: Sequence[date]) -> str:
    """Return in words which days these are: of the week, or some others."""
    found = sorted({day.weekday() for day in days})
    names = ", ".join(WEEKDAYS[day] for day in found)
    return f"on each {names}" if len(found) < len(WEEKDAYS) else "on certain days of the month or the year"


def _days(between: Sequence[int]) -> tuple[int, bool]:
    """Return the whole days from one day to the next, no fewer than on the mean, and whether that is too many."""
    if between and set(between) <= MONTH:
        return 30, False
    if between and set(between) <= YEAR:
        return 365, False
    mean = ceil(sum(between) / len(between)) if between else LONGEST_DAYS + 1
    return min(mean, LONGEST_DAYS), mean > LONGEST_DAYS


def _on_some_days(daily: Beat, share: float) -> Beat:
    """Stretch what comes several times a day, on most days; what comes so on few days has no form here."""
    remarks = (*daily.remarks, "it came on some days only, and days are not kept")
    if share < 0.5:
        remarks = (*remarks, f"every day would be far too often: it is switched off; {BY_ITSELF}")
        return Beat(daily.interval, daily.windows, daily.adaptive, enabled=False, remarks=remarks)
    longer = timedelta(minutes=ceil(daily.interval / timedelta(minutes=1) / share))
    told = f"every {words(longer)} on all days makes no more runs than every {words(daily.interval)} on those"
    return Beat(longer, daily.windows, daily.adaptive, remarks=(*remarks, f"{told}; {BY_ITSELF}"))


def _daily(minutes: Sequence[int]) -> Beat:
    """Return the beat of these times on all days."""
    if len(minutes) == 1:
        # After a late start in the window it must be due when that opens on the next day.
        return Beat(timedelta(minutes=MINUTES_A_DAY - ROOM), (window(minutes[0], ROOM),))
    gaps = [*(later - earlier for earlier, later in pairwise(minutes)), minutes[0] + MINUTES_A_DAY - minutes[-1]]
    if len(set(gaps)) == 1:
        return _constant(minutes, gaps[0])
    if len(minutes) <= MOST_WINDOWS and min(gaps) > ROOM + SHORTEST:
        # After a late start in one window it must be due at the next one, and not once more within the first.
        spans = tuple(window(minute, ROOM) for minute in minutes)
        return Beat(timedelta(minutes=min(gaps) - ROOM), spans, remarks=("once in each window",))
    step = _typical(gaps)
    if step == max(gaps):  # as */7: a shorter gap at the end of each hour is no pause
        return Beat(timedelta(minutes=step), remarks=(_uneven(gaps, step),))
    for limit in (min(gaps), 2 * sorted(gaps)[len(gaps) // 2]):
        parts = _stretches(minutes, gaps, limit)
        if len(parts) <= MOST_WINDOWS and max(gaps) > limit:
            return _in_stretches(parts)
    return Beat(timedelta(minutes=step), remarks=(_uneven(gaps, step),))


def _constant(minutes: Sequence[int], gap: int) -> Beat:
    """Return an interval; from some hours on it matters at which of them it was."""
    if gap <= WORTH_A_WINDOW:
        return Beat(timedelta(minutes=gap))
    clock = ", ".join(window(minute, 0)[:5] for minute in minutes[:MOST_WINDOWS])
    more = ", ..." if len(minutes) > MOST_WINDOWS else ""
    remark = f"it came at {clock}{more}; here it counts from its first run: a window would hold it there"
    return Beat(timedelta(minutes=gap), remarks=(remark,))


def _stretches(minutes: Sequence[int], gaps: Sequence[int], limit: int) -> list[list[int]]:
    """Return the times in stretches without a gap above the limit; a stretch may go past midnight."""
    if max(gaps) <= limit:
        return [list(minutes)]
    after = next(place for place, gap in enumerate(gaps) if gap > limit) + 1
    rotated = [*minutes[after:], *(minute + MINUTES_A_DAY for minute in minutes[:after])]
    parts = [[rotated[0]]]
    for earlier, later in pairwise(rotated):
        if later - earlier > limit:
            parts.append([])
        parts[-1].append(later)
    return sorted(parts, key=lambda part: part[0] % MINUTES_A_DAY)


def _in_stretches(parts: Sequence[Sequence[int]]) -> Beat:
    inner = [later - earlier for part in parts for earlier, later in pairwise(part)]
    step = _typical(inner)
    remarks = [_uneven(inner, step)] if len(set(inner)) > 1 else []
    lengths = [part[-1] - part[0] + step for part in parts]
    if min(lengths) < SHORTEST:
        remarks.append(f"its window is {SHORTEST} min, for ticks must meet it: it may run more often in there")
    spans = tuple(window(part[0], max(length, SHORTEST)) for part, length in zip(parts, lengths, strict=True))
    return Beat(timedelta(minutes=step), spans, remarks=tuple(remarks))


def _typical(gaps: Sequence[int]) -> int:
    """Return the gap that nearly all have, or the mean of them, rounded up."""
    gap, count = Counter(gaps).most_common(1)[0]
    return gap if count >= OFTEN * len(gaps) else ceil(sum(gaps) / len(gaps))


def _uneven(gaps: Sequence[int], step: int) -> str:
    told = ", ".join(words(timedelta(minutes=gap)) for gap in sorted(set(gaps))[:MOST_WINDOWS])
    return f"the gaps were uneven ({told}); the nearest is every {words(timedelta(minutes=step))}"
