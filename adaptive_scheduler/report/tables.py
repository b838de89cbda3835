"""The tables: the days, the week, what was learned, events, pairs that get in each other's way. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from statistics import fmean

from adaptive_scheduler.busy import HOURS_A_DAY
from adaptive_scheduler.case import percent
from adaptive_scheduler.durations import words
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.lessons import Lesson
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result
from adaptive_scheduler.overlaps import MIN_OVERLAPS, Pair
from adaptive_scheduler.report.book import Book, Started
from adaptive_scheduler.report.ceilings import ALWAYS, NEVER, ages, ceilings, gained
from adaptive_scheduler.report.markup import Html, joined, named, table, tag
from adaptive_scheduler.report.tasks import UNKNOWN, spoken, status
from adaptive_scheduler.sizes import spoken as spoken_size

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Row = tuple[float, list[int]]
"""An age, and its ceiling in each slot of the day."""

HOURS = range(0, HOURS_A_DAY, 3)
MOST_EVENTS, MOST_PAIRS, MOST_DAYS = 200, 12, 100
"""What stands in a table at most: the newest events and days, and the pairs that cost most."""


def days(book: Book) -> Html:
    """Return the load and the runs of each day, the newest first."""
    load, runs = dict[date, list[Sample]](), dict[date, list[Result]]()
    for sample in book.samples:
        load.setdefault(book.local(sample.at).date(), []).append(sample)
    for _, run in book.runs:
        runs.setdefault(book.local(run.started_at).date(), []).append(run)
    rows = []
    for day in sorted({*load, *runs}, reverse=True)[:MOST_DAYS]:
        seen, ran = load.get(day, []), runs.get(day, [])
        cpu = [one.cpu for one in seen if one.cpu is not None]
        columns = (cpu, [one.foreign_cpu for one in seen], [one.memory for one in seen])
        failed = sum(not one.status.succeeded for one in ran)
        means = (percent(_mean(values)) for values in columns)
        rows.append((day.isoformat(), *means, percent(max(cpu, default=None)), f"{len(ran):,}", f"{failed:,}"))
    head = ("Day", "CPU", "Not ours", "Memory", "Highest CPU", "Runs", "Failed")
    return table("Load and runs by day", head, rows, numbers=range(1, 7))


def week(book: Book) -> Html:
    """Return the mean CPU of each hour of the week."""
    hours = book.trends.hours
    rows = (
        (name, *(_whole(hours[day * HOURS_A_DAY + hour].cpu) for hour in range(HOURS_A_DAY)))
        for day, name in enumerate(WEEKDAYS)
    )
    head = ("Day", *(f"{hour:02}" for hour in range(HOURS_A_DAY)))
    return table("Mean CPU in per cent by local hour", head, rows, numbers=range(1, HOURS_A_DAY + 1))


def lessons(book: Book) -> Html:
    """Return how the back-test of each lesson ended."""
    knowledge, used = book.learning.knowledge, book.learning.rules.learned
    head = ("Task", "Learned", "Classic rule", "Plain interval", "Gained", "Runs", "Verdict")
    rows = []
    for name, one in knowledge.lessons.items():
        test = one.backtest
        met = [_percent_of(test.get(policy)) for policy in ("learned", "classic", "fixed")]
        points = gained(test)
        won = UNKNOWN if points is None else f"{points:+.1f} points"
        runs = test.get("runs")
        why = "in force" if name in used else _why(book, one)
        rows.append((named(name), *met, won, UNKNOWN if runs is None else f"{runs}", why))
    return table("CPU that runs met in the back-test", head, rows, numbers=range(1, 6))


def learned(book: Book) -> Html:
    """Return the ceilings of each learned task: at its first, middle and last age, every third hour."""
    rows = [
        (named(name), f"{age:.2f}", *(_ceiling(row[len(row) * hour // HOURS_A_DAY]) for hour in HOURS))
        for name, one in book.learning.rules.learned.items()
        for age, row in _three(list(zip(ages(one.table), ceilings(one), strict=True)))
    ]
    head = ("Task", "Age", *(f"{hour:02}:00" for hour in HOURS))
    return table("The busiest CPU at which a task may start", head, rows, numbers=range(1, len(head)))


def events(book: Book) -> Html:
    """Return what happened, the newest first."""
    if not book.happened:
        return tag("p", "Nothing out of the ordinary was noticed in this time.", class_="quiet")
    shown = book.happened[:MOST_EVENTS]
    rows = (
        (book.clock(event.at), named(event.name), _what(event), _culprit(event.culprit), _started(started))
        for event, started in shown
    )
    head = ("When", "Event", "What", "Culprit", "It started")
    return joined((table("Events", head, rows), _more(len(book.happened) - len(shown), "older event")))


def pairs(book: Book) -> Html:
    """Return which tasks ran at the same time and what that cost, heavy pairs first."""
    found = book.trends.pairs
    if not found:
        return tag("p", "No two tasks ran at the same time.", class_="quiet")
    head = ("Tasks", "Times", "Together", "Slower", "Pressure", "Verdict")
    rows = (
        (
            f"{named(one.first)} and {named(one.second)}",
            f"{one.overlaps:,}",
            spoken(one.together_s),
            UNKNOWN if one.slowdown is None else f"{one.slowdown:.2f} x",
            UNKNOWN if one.pressure is None else f"{one.pressure:+.0f} points ({one.pressure_of})",
            _heavy(one),
        )
        for one in found[:MOST_PAIRS]
    )
    return joined(
        (
            table("Tasks that ran at the same time", head, rows, numbers=range(1, 4)),
            _more(len(found) - MOST_PAIRS, "pair"),
        )
    )


def _three(rows: Sequence[Row]) -> list[Row]:
    return [rows[place] for place in sorted({0, len(rows) // 2, len(rows) - 1})]


def _ceiling(value: int) -> str:
    return {NEVER: "never", ALWAYS: "any"}.get(value, f"{value} %")


def _heavy(one: Pair) -> str:
    if one.heavy:
        return tag("span", "heavy", class_="status failed")
    return "no harm seen" if one.overlaps >= MIN_OVERLAPS else "too few to say"


def _more(count: int, what: str) -> Html:
    return tag("p", f"and {count:,} {what}{'' if count == 1 else 's'} more", class_="quiet") if count > 0 else Html()


def _what(event: Event) -> str:
    caused = f"; caused by run {event.caused_by}, so it starts nothing" if event.caused_by else ""
    source = f"{event.source}: " if event.source else ""
    return f"{source}{event.reason}{caused}"


def _culprit(one: Culprit | None) -> str:
    if one is None:
        return UNKNOWN
    parts = [f"{named(one.name)} (pid {one.pid})"]
    if one.processes > 1:
        parts.append(f"{one.processes} processes")
    if one.cpu_percent is not None:
        parts.append(f"{percent(one.cpu_percent)} CPU")
    if one.rss is not None:
        parts.append(spoken_size(one.rss))
    return ", ".join(parts)


def _started(started: Started) -> str:
    return joined(tag("span", f"{named(task)} ", status(run)) for task, run in started) if started else UNKNOWN


def _why(book: Book, one: Lesson) -> str:
    return one.refused or book.learning.why.get(one.task, "not in force")


def _mean(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return fmean(known) if known else None


def _percent_of(value: object) -> str:
    return percent(value) if isinstance(value, int | float) else UNKNOWN


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f}"


def learned_when(book: Book) -> str:
    """Return what the lessons rest on, as a sentence."""
    knowledge = book.learning.knowledge
    ago = UNKNOWN if knowledge.made_at is None else words(book.at - knowledge.made_at)
    return f"Learned {ago} ago from {knowledge.days:.0f} days of load."
