"""The numbers behind the charts, as the page's scripts want them: packed columns and short texts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adaptive_scheduler.footprints import ENOUGH, KEPT, percentile
from adaptive_scheduler.model import Result, Status, Task
from adaptive_scheduler.report import packed
from adaptive_scheduler.report.book import Book
from adaptive_scheduler.report.ceilings import maps
from adaptive_scheduler.report.markup import named, plain
from adaptive_scheduler.rhythm import PLAIN, Staircase, classic

Plain = dict[str, Any]

STATUSES = [status.value for status in Status]
BAND_POINTS = 300
"""So many points of a task's usual duration are drawn at most."""

MOST_ROWS = 50
"""So many tasks can be told apart, and drawn at once."""

NOTES = 2000
"""So many of the latest runs that failed or were unusual have their cause with them."""

LONGEST_NOTE = 160


def curves(book: Book) -> Plain:
    """Return everything that is drawn."""
    return {
        "begin": book.begin.timestamp(),
        "end": book.at.timestamp(),
        "offset": (book.at.utcoffset() or timedelta(0)).total_seconds(),
        "tick": book.config.rules.tick.total_seconds(),
        "samples": _samples(book),
        "statuses": STATUSES,
        "tasks": list(_tasks(book)),
        "rows": rows(book),
        "events": [[round(book.since_begin(one.at)), named(one.name), _short(one.reason)] for one, _ in book.happened],
        "week": {
            "cpu": [_rounded(one.cpu) for one in book.trends.hours],
            "foreign": [_rounded(one.foreign) for one in book.trends.hours],
            "memory": [_rounded(one.memory) for one in book.trends.hours],
        },
        "ceilings": maps(book.learning),
    }


def rows(book: Book) -> list[int]:
    """Return the numbers of the tasks that have a row: of too many those that failed most, then ran longest."""
    runs = list(book.runs_of.values())

    def weight(number: int) -> tuple[int, float]:
        return sum(not one.status.succeeded for one in runs[number]), sum(one.duration_s for one in runs[number])

    return sorted(sorted(range(len(runs)), key=weight, reverse=True)[:MOST_ROWS])


def steps(cpus: Sequence[float | None], stairs: Staircase) -> Iterator[int]:
    """Yield for each CPU the number of the first stair that admits it: its age makes the adaptive interval."""
    for cpu in cpus:
        yield next((number for number, stair in enumerate(stairs) if stair.admits(cpu)), len(stairs) - 1)


def band(runs: Sequence[Result]) -> Iterator[tuple[Result, float, float]]:
    """Yield what was usual (p10 and p90 of the last successful runs) at some of the runs, the last one among them."""
    good = [one for one in runs if one.status.succeeded]
    if len(good) < ENOUGH:
        return
    stride = max(1, len(good) // BAND_POINTS)
    for last in [*range(ENOUGH, len(good), stride), len(good)]:
        durations = [one.duration_s for one in good[max(0, last - KEPT) : last]]
        yield good[last - 1], percentile(durations, 0.1), percentile(durations, 0.9)


def _samples(book: Book) -> Plain:
    samples = book.samples
    return {
        "at": packed.moments(book.since_begin(one.at) for one in samples),
        "cpu": packed.percents(one.cpu for one in samples),
        "foreign": packed.percents(one.foreign_cpu for one in samples),
        "memory": packed.percents(one.memory for one in samples),
        "step": packed.column("B", steps([one.cpu for one in samples], classic(book.config.rules.rhythm))),
    }


def _tasks(book: Book) -> Iterator[Plain]:
    noted = _noted(book)
    for name, runs in book.runs_of.items():
        usual = list(band(runs))
        yield {
            "name": named(name),
            **_rhythm(book, book.config.tasks.get(name)),
            "at": packed.moments(book.since_begin(one.started_at) for one in runs),
            "seconds": packed.durations(one.duration_s for one in runs),
            "odd": [
                [number, STATUSES.index(one.status.value), int(bool(one.unusual)), noted.get(one.run_id, "")]
                for number, one in enumerate(runs)
                if _is_odd(one)
            ],
            "usual": {
                "at": packed.moments(book.since_begin(one.started_at) for one, _, _ in usual),
                "low": packed.durations(low for _, low, _ in usual),
                "high": packed.durations(high for _, _, high in usual),
            },
        }


def _rhythm(book: Book, task: Task | None) -> Plain:
    """Return the interval of a task and what the load makes of it: an age for each step of the classic staircase."""
    if task is None or not task.beats:
        return {"interval": None, "ages": [], "rhythm": ""}
    stairs = classic(book.config.rules.rhythm)
    ages = [stair.age for stair in stairs] if task.adaptive else [PLAIN[0].age] * len(stairs)
    return {"interval": task.interval.total_seconds(), "ages": ages, "rhythm": book.views[task.name].rhythm[0]}


def _noted(book: Book) -> Mapping[str, str]:
    """Return what there is to say of the latest runs that were not as they should be, by run id."""
    found = dict[str, str]()
    for _, one in reversed(book.runs):
        if _is_odd(one):
            found[one.run_id] = _short(one.unusual or one.cause)
            if len(found) == NOTES:
                break
    return found


def _is_odd(one: Result) -> bool:
    return bool(one.unusual) or one.status is not Status.OK


def _short(text: str) -> str:
    return plain(text, LONGEST_NOTE)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
