"""The page of `forecast`: a row an hour with a bar and its band, then the tasks with what their starts hang on."""

import sys
from datetime import datetime

from adaptive_scheduler.case import percent
from adaptive_scheduler.outlook import HABIT_DAYS
from adaptive_scheduler.prospects import HOUR, Forecast, Hour, Prospect
from adaptive_scheduler.render.base import QUIET, WARN, columns
from adaptive_scheduler.terminal import Text, console

SIGNS, PLAIN_SIGNS = "█▓░", "#=-"
"""Of a bar: up to the low edge of the band, up to what is expected, up to the high edge."""

BAR = 40
"""Characters of a bar; with time, expectation and band in front of it a row fits into 80."""


def forecast(view: Forecast, notes: list[str]) -> None:
    """Print the whole page."""
    out = console()
    for note in notes:
        out.print(note, style=WARN)
    if not view.hours:
        out.print("no load is known yet: each 'run' adds one sample, and a day of them makes a first forecast")
        return
    whose = "CPU that is not ours" if view.whose == "foreign" else "CPU"
    out.print(Text(f"{whose} expected, from {view.days:.1f} days of load", "bold"))
    unknown = any(one.expected.low is None for one in view.hours)
    if view.days < HABIT_DAYS:
        band = "the band is unknown where it is left out" if unknown else "the band is wide"
        out.print(Text(f"less than {HABIT_DAYS} days: a glimpse, not a habit yet; {band}", WARN))
    top = max(10.0, *(one.expected.high or one.expected.cpu for one in view.hours))
    signs = _signs(getattr(sys.stdout, "encoding", None) or "ascii")
    out.print(Text(f"{'from':<11} {'CPU':>5}  {'band':<9}  |0 %{percent(round(top)):>{BAR - 3}}|", QUIET))
    day = view.at
    for hour in view.hours:
        out.print(_row(hour, day, top, signs))
        day = hour.begins
    if not unknown:
        low, middle, high = (f"'{sign}' to" for sign in signs)
        legend = f"{low} the low edge of the band, {middle} what is expected, {high} the high edge"
        out.print(Text(f"{legend}; four of five hours should end in the band", QUIET))
    out.print()
    _tasks(view)


def _signs(encoding: str) -> str:
    try:
        SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN_SIGNS
    return SIGNS


def _row(hour: Hour, before: datetime, top: float, signs: str) -> Text:
    one = hour.expected
    band, low, high = "-", one.cpu, one.cpu
    if one.low is not None and one.high is not None:
        low, high = one.low, one.high
        band = f"{low:.0f}-{high:.0f} %"
    ends = [round(value / top * BAR) for value in (low, one.cpu, high)]
    bar = signs[0] * ends[0] + signs[1] * (ends[1] - ends[0]) + signs[2] * (ends[2] - ends[1])
    return Text(f"{_clock(hour.begins, before):<11} {percent(round(one.cpu)):>5}  {band:<9}  {bar}".rstrip())


def _tasks(view: Forecast) -> None:
    out = console()
    out.print(Text(f"What will probably run in the next {(view.until - view.at) // HOUR} h", "bold"))
    table = columns("Task", "Next start", "Between", "Runs", "Rhythm")
    for one in view.tasks:
        table.add_row(one.name, _next(one, view.at), _between(one, view), _runs(one), one.rhythm)
    out.print(table)
    out.print(Text(f"That is if {'; '.join(view.conditions)}. No promise: 'why TASK' says what holds now.", QUIET))


def _clock(moment: datetime, now: datetime) -> str:
    """Return a local time of day, with the date where it is another one; its offset is its own: summer time may end."""
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%m-%d %H:%M}"


def _next(one: Prospect, now: datetime) -> str:
    return f"about {_clock(one.next_start, now)}" if one.next_start else "-"


def _between(one: Prospect, view: Forecast) -> str:
    if one.runs == 0 and not one.most:
        return f"{one.present.code.value}: {one.present.reason}"
    if one.earliest is None:
        return "unknown"
    begin = _clock(one.earliest, view.at)
    if one.latest is None:
        return f"{begin} at the earliest"
    return begin if one.latest == one.earliest else f"{begin} and {_clock(one.latest, one.earliest)}"


def _runs(one: Prospect) -> str:
    return f"{one.runs}" if one.fewest == one.most or one.most is None else f"{one.runs} ({one.fewest}-{one.most})"
