"""The triggers of a task of Windows -> a beat (MS-TSCH 2.5.3). Pure."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from adaptive_scheduler.durations import words
from adaptive_scheduler.imports import beat as beats

FIRST, YEARS = date(2001, 1, 1), 12
"""A Monday; some years of days, with three leap years."""

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
LONGEST = timedelta(days=beats.LONGEST_DAYS)
_DAY = timedelta(days=1)
_NO_EQUIVALENT = {
    "BootTrigger": "nothing starts at boot here: leave it in the Task Scheduler",
    "LogonTrigger": "nothing starts at a logon here: leave it in the Task Scheduler",
    "SessionStateChangeTrigger": "nothing starts at a change of the session here: leave it in the Task Scheduler",
    "RegistrationTrigger": "it started once, when the task was registered: nothing of that is left to do",
    "IdleTrigger": "no trigger is needed for an idle machine: every task waits for calm moments; give it an interval",
    "EventTrigger": "the event log of Windows starts nothing here; `on` has the events that this program sees",
}
_PERIOD = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.ASCII
)
_SECONDS = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)


@dataclass(frozen=True, slots=True)
class Starts:
    """When one trigger starts: days and minutes of each, or a beat that counts from anywhere."""

    days: tuple[date, ...] = ()
    minutes: tuple[int, ...] = ()
    fixed: beats.Beat | None = None


def period(text: str) -> timedelta:
    """Return the duration that ISO 8601 writes as PT1H30M; months are 30 days; ValueError for anything else."""
    found = _PERIOD.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"'{text}' is no duration")
    try:
        return timedelta(
            seconds=sum(int(part or 0) * size for part, size in zip(found.groups(), _SECONDS, strict=True))
        )
    except OverflowError as error:
        raise ValueError(f"'{text}' is no duration") from error


def local(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def child(element: ET.Element, path: str) -> ET.Element | None:
    """Return the first element below another one, by a path of names without namespaces."""
    return element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def children(element: ET.Element, path: str) -> list[ET.Element]:
    """Return what stands in the first element below another one, nothing where there is none."""
    found = child(element, path)
    return [] if found is None else list(found)


def text_of(element: ET.Element, path: str) -> str:
    """Return the text of an element below another one, empty where there is none."""
    found = child(element, path)
    return ((found.text if found is not None else "") or "").strip()


def beat(triggers: Iterable[ET.Element]) -> tuple[beats.Beat | None, tuple[str, ...]]:
    """Return the beat of all triggers together, None where nothing of theirs has one, and what to know."""
    remarks: list[str] = []
    starts: list[Starts] = []
    for one in triggers:
        try:
            starts.append(_starts(one))
            remarks += _conditions(one)
        except ValueError as error:
            remarks.append(f"{local(one)}: {error}")
    if not starts:
        return None, tuple(remarks or ("nothing starts it: it has no trigger",))
    joined = _joined(starts)
    if len(starts) > 1 and joined is starts[0]:
        remarks.append(f"it had {len(starts)} triggers; the first of them counts here")
    found = joined.fixed or beats.beat(joined.days, joined.minutes)
    return replace(found, remarks=()), (*remarks, *found.remarks)


def _joined(starts: Sequence[Starts]) -> Starts:
    """Return several triggers as one, where they share their days or their times; else the first."""
    first = starts[0]
    if any(one.fixed for one in starts):
        return first
    days, minutes = {one.days for one in starts}, {one.minutes for one in starts}
    if len(days) == 1 or len(minutes) == 1:
        return Starts(
            tuple(sorted({day for one in starts for day in one.days})),
            tuple(sorted({minute for one in starts for minute in one.minutes})),
        )
    return first


def _starts(one: ET.Element) -> Starts:
    kind = local(one)
    if text_of(one, "Enabled") == "false":
        raise ValueError("it was switched off and is left out")
    if kind in _NO_EQUIVALENT:
        raise ValueError(_NO_EQUIVALENT[kind])
    clock = re.search(r"T(\d\d):(\d\d)", text_of(one, "StartBoundary"))
    begins = 60 * int(clock[1]) + int(clock[2]) if clock else 0
    every, lasts = (_optional(text_of(one, f"Repetition/{name}")) for name in ("Interval", "Duration"))
    if kind == "TimeTrigger":
        if every is None:
            raise ValueError("it started once, at a fixed date: nothing here does that")
        if lasts is not None:
            raise ValueError(f"it was repeated for {words(lasts)} after a fixed date, and then no more")
        return Starts(fixed=beats.Beat(min(every, LONGEST)))
    if kind != "CalendarTrigger":
        raise ValueError("nothing here is known of such a trigger")
    days = tuple(_days(one))
    if not days:
        raise ValueError("it never comes: there is no such day")
    return Starts(days, _minutes(begins, every, lasts))


def _optional(text: str) -> timedelta | None:
    """Return a duration, None for none at all."""
    return (period(text) or None) if text else None


def _minutes(begins: int, every: timedelta | None, lasts: timedelta | None) -> tuple[int, ...]:
    """Return the minutes of the day at which a trigger starts, and starts again."""
    if every is None:
        return (begins,)
    step = max(1, every // timedelta(minutes=1))
    until = min(lasts, _DAY) if lasts is not None else _DAY
    ends = begins + max(1, until // timedelta(minutes=1))
    return tuple(sorted({minute % beats.MINUTES_A_DAY for minute in range(begins, ends, step)}))


def _days(trigger: ET.Element) -> Iterator[date]:
    """Yield the days of a calendar trigger within some years."""
    schedule = next((one for one in trigger if local(one).startswith("ScheduleBy")), None)
    if schedule is None:
        raise ValueError("it names no days")
    kind = local(schedule)
    week = _names(schedule, "DaysOfWeek")
    months = _names(schedule, "Months") or MONTHS
    daily, weekly = (_number(schedule, name) for name in ("DaysInterval", "WeeksInterval"))
    dates = [one.text or "" for one in schedule.iterfind("{*}DaysOfMonth/{*}Day")]
    weeks = [one.text or "" for one in schedule.iterfind("{*}Weeks/{*}Week")]
    for number in range(YEARS * beats.LONGEST_DAYS):
        day = FIRST + timedelta(days=number)
        weekday, last = beats.WEEKDAYS[day.weekday()] in week, (day + _DAY).month != day.month
        month = MONTHS[day.month - 1] in months
        nth = str((day.day - 1) // 7 + 1) in weeks or ("Last" in weeks and (day + 7 * _DAY).month != day.month)
        if {
            "ScheduleByDay": number % daily == 0,
            "ScheduleByWeek": weekday and number // 7 % weekly == 0,
            "ScheduleByMonth": month and (str(day.day) in dates or (last and "Last" in dates)),
            "ScheduleByMonthDayOfWeek": month and weekday and nth,
        }.get(kind, False):
            yield day


def _names(schedule: ET.Element, group: str) -> list[str]:
    return [local(one) for one in schedule.iterfind(f"{{*}}{group}/*")]


def _number(schedule: ET.Element, name: str) -> int:
    text = text_of(schedule, name)
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _conditions(one: ET.Element) -> Iterator[str]:
    """Yield what a trigger has that a beat does not keep."""
    begins = text_of(one, "StartBoundary")
    if re.search(r"(?:Z|[+-]\d\d:\d\d)$", begins) and local(one) == "CalendarTrigger":
        yield f"its start '{begins}' is the same moment in all zones; windows here are local time: shift them by hand"
    if text_of(one, "EndBoundary"):
        yield f"it was to end at '{text_of(one, 'EndBoundary')}'; nothing here ends by itself"
    for name in ("RandomDelay", "Delay"):
        if text_of(one, name):
            yield f"its {name} is left out: starts wait for calm moments anyway"
    if text_of(one, "ExecutionTimeLimit"):
        yield "the time limit of its trigger is left out; that of the task counts"
    if text_of(one, "Repetition/StopAtDurationEnd") == "true":
        yield "no run is ended because the time of its repetition is over: `timeout` ends it"
