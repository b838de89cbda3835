"""The pages of `events`: what happened and what it started, and how it stands with each event."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adaptive_scheduler.durations import words
from adaptive_scheduler.events import Event
from adaptive_scheduler.model import Result
from adaptive_scheduler.render.base import QUIET, STATUS_STYLE, WARN, columns, relative
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.times import clock_time
from adaptive_scheduler.vigilance import Standing


def events(
    found: Sequence[tuple[Event, Sequence[tuple[str, Result]]]],
    standings: Sequence[Standing],
    now: datetime,
    notes: Sequence[str],
) -> None:
    """Print past events, the newest first, and how it stands with each kind."""
    out = console()
    for note in notes:
        out.print(Text(note, WARN))
    if found:
        table = columns("When", "Event", "What", "Started")
        for event, started in found:
            table.add_row(clock_time(event.at, now), _name(event), _what(event), _started(started))
        out.print(table)
    else:
        out.print("no events yet")
    out.print()
    table = columns("Event", "Level", "Stands", "Fired last")
    for one in standings:
        name = f"{one.name} ({one.source})" if one.source else one.name
        fired = "-" if one.fired_at is None else relative(one.fired_at, now)
        table.add_row(name, one.level.value, Text(one.words, WARN if one.learning or not one.armed else ""), fired)
    out.print(table)


def replayed(made: Sequence[Event], begin: datetime, end: datetime, kind: str) -> None:
    """Print what would have fired in a trace."""
    out = console()
    weeks = (end - begin) / timedelta(weeks=1)
    times = {0: "not have fired", 1: "have fired once"}.get(len(made), f"have fired {len(made)} times")
    rate = f", {len(made) / weeks:.2f} times a week" if made and weeks >= 1 else ""
    out.print(f"{kind} would {times} in {words(end - begin)}{rate}")
    if made:
        table = columns("When", "What")
        for event in made:
            table.add_row(f"{event.at:%Y-%m-%d %H:%M}", event.reason)
        out.print(table)


def _name(event: Event) -> Text:
    return Text(event.name, WARN).append(f" ({event.source})" if event.source else "", QUIET)


def _what(event: Event) -> str:
    return event.reason + (f"; caused by run {event.caused_by}, so it starts nothing" if event.caused_by else "")


def _started(started: Sequence[tuple[str, Result]]) -> Text:
    text = Text("")
    for number, (task, result) in enumerate(started):
        text.append(", " if number else "").append(task).append(" ").append(
            result.status.value, STATUS_STYLE[result.status.value]
        )
    return text if started else Text("-", QUIET)
