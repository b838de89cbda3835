"""The tasks: a table of all, and what there is to know of each. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import median

from adaptive_scheduler.codes import MEANINGS
from adaptive_scheduler.durations import words
from adaptive_scheduler.model import Result
from adaptive_scheduler.overview import TaskView
from adaptive_scheduler.report.book import TOLD, Book
from adaptive_scheduler.report.markup import Html, folded, joined, named, table, tag

UNKNOWN = "-"


def overview(book: Book) -> Html:
    """Return the table of all tasks."""
    head = ("Task", "Priority", "Every", "Now every", "Runs", "Failed", "Usually takes", "Last run", "Stands")
    return table("All tasks", head, (_row(book, name) for name in book.runs_of), numbers=(4, 5))


def chooser(book: Book) -> Html:
    """Return the control that chooses a task, those that ran most first in nobody's way: in the order of the file."""
    options = (tag("option", named(name), value=place) for place, name in enumerate(book.runs_of))
    return tag("p", tag("label", "Task ", for_="task"), tag("select", *options, id="task"), class_="chooser")


def facts(book: Book) -> Html:
    """Return what there is to know of each task; the page's script shows one of them at a time."""
    return joined(
        tag("section", *_facts(book, name), class_="task", id=f"task-{place}", aria_label=f"Task {named(name)}")
        for place, name in enumerate(book.runs_of)
    )


def status(result: Result | None) -> Html:
    """Return how a run ended, with a sign of its own for each status."""
    if result is None:
        return tag("span", "never ran", class_="status none")
    return tag("span", result.status.value, class_=f"status {result.status.value}")


def _row(book: Book, name: str) -> Sequence[str]:
    runs, view = book.runs_of[name], book.views.get(name)
    failed = sum(not one.status.succeeded for one in runs)
    took = spoken(median(one.duration_s for one in runs)) if runs else UNKNOWN
    counted = (f"{len(runs):,}", f"{failed:,}", took)
    if view is None:
        return (named(name), UNKNOWN, UNKNOWN, UNKNOWN, *counted, status(runs[-1]), "not in tasks.toml any more")
    every = "on events" if view.interval is None else words(view.interval)
    now = UNKNOWN if view.adaptive_interval is None else words(view.adaptive_interval)
    return (named(name), view.priority.value, every, now, *counted, status(view.last), view.decision.code.value)


def _facts(book: Book, name: str) -> Iterator[Html]:
    runs, view, task = book.runs_of[name], book.views.get(name), book.config.tasks.get(name)
    yield tag("h3", named(name))
    if task is not None and task.description:
        yield tag("p", task.description)
    told = [*([] if view is None else _told(view)), ("Last failure", _last_failure(book, runs))]
    yield tag("dl", *(tag("div", tag("dt", what), tag("dd", value)) for what, value in told), class_="facts")
    yield _held(book, name)
    yield folded("The same by week, as a table", _weeks(book, runs))


def _told(view: TaskView) -> Iterator[tuple[str, str]]:
    rhythm, why = view.rhythm
    yield "Rhythm", f"{rhythm}: {why}" if why else rhythm
    yield "Now", f"{view.decision.code.value}: {view.decision.reason}"
    if view.durations is not None:
        band = view.durations
        yield "Usually takes", f"{spoken(band.p50)}, 9 of 10 runs up to {spoken(band.p90)} (last {band.runs} runs)"
    yield "Time limit", f"{words(view.limit.most)} ({view.limit.source})"


def _last_failure(book: Book, runs: Sequence[Result]) -> str:
    failed = next((one for one in reversed(runs) if not one.status.succeeded), None)
    if failed is None:
        return "none in this time"
    cause = failed.cause or (UNKNOWN if failed.exit_code is None else f"exit code {failed.exit_code}")
    return f"{book.clock(failed.started_at)}, {failed.status.value}: {cause} (run {failed.run_id})"


def _held(book: Book, name: str) -> Html:
    """Return what held a task back, the longest first."""
    tick = book.config.rules.tick
    held = sorted((one for one in book.held.get(name, ()) if one.code in TOLD), key=lambda one: -one.cycles)
    if not held:
        return tag("p", "Nothing held it back in this time.", class_="quiet")
    longest = held[0].cycles
    rows = (
        (one.code.value, _bar(one.cycles / longest), words(one.cycles * tick), f"{one.times:,}", MEANINGS[one.code])
        for one in held
    )
    return table("What held it back", ("Reason", "", "For", "Times", "What it means"), rows, numbers=(2, 3))


def _bar(share: float) -> Html:
    return tag("span", class_="bar", style=f"width:{max(2, round(100 * share))}%")


def _weeks(book: Book, runs: Sequence[Result]) -> Html:
    rows, by_week = [], dict[date, list[Result]]()
    for one in runs:
        by_week.setdefault(_monday(book, one), []).append(one)
    for monday, mine in by_week.items():
        durations = [one.duration_s for one in mine]
        failed = sum(not one.status.succeeded for one in mine)
        unusual = sum(bool(one.unusual) for one in mine)
        figures = (f"{len(mine):,}", f"{failed:,}", f"{unusual:,}", spoken(median(durations)), spoken(max(durations)))
        rows.append((monday.isoformat(), *figures))
    head = ("Week from", "Runs", "Failed", "Unusual", "Median", "Longest")
    return table("Runs by week", head, rows, numbers=range(1, 6)) if rows else tag("p", "No runs in this time.")


def _monday(book: Book, run: Result) -> date:
    day = book.local(run.started_at).date()
    return day - timedelta(days=day.weekday())


def spoken(seconds: float) -> str:
    """Return seconds as people say them."""
    return words(timedelta(seconds=seconds))
