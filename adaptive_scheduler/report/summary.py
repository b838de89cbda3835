"""The head of the page: is everything fine, and the figures that sum the time up. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from adaptive_scheduler.case import percent
from adaptive_scheduler.durations import words
from adaptive_scheduler.report.book import Book
from adaptive_scheduler.report.markup import Html, folded, joined, tag

MOST_PROBLEMS = 8
"""So many problems are told at once; the others are folded away."""


def header(book: Book) -> Html:
    """Return the head of the page."""
    days = "day" if book.days == 1 else "days"
    since, at = book.clock(book.begin), book.clock(book.at)
    return tag(
        "header",
        tag("p", f"adaptive-scheduler, the last {book.days} {days}", class_="above"),
        tag("h1", book.machine),
        tag("p", f"{since} to {at} ({zone(book)})", class_="span"),
        _verdict(book),
        tag("dl", *(_figure(*one) for one in figures(book)), class_="figures"),
    )


def zone(book: Book) -> str:
    """Return how far local clocks are from UTC now, such as "UTC+09:00"."""
    offset = f"{book.at:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def clocks(book: Book) -> str:
    """Return how the times of the charts are to be read, as sentences."""
    told = f"Times are {zone(book)}."
    days = range((book.at - book.begin).days + 1)
    if any(book.local(book.begin + timedelta(days=day)).utcoffset() != book.at.utcoffset() for day in days):
        told += " Local clocks were changed in between; the tables show what they showed, the charts go on evenly."
    return told


def figures(book: Book) -> list[tuple[str, str, str]]:
    """Return the figures as (what, how much, what to know of it)."""
    trends = book.trends
    count = len(book.runs)
    share = f"{100 * book.failed / count:.1f} % of them" if count else "nothing ran"
    per_day = count / max(1.0, (book.at - book.begin) / timedelta(days=1))
    return [
        ("Runs", f"{count:,}", f"{per_day:.0f} a day" if count else "none in this time"),
        ("Failures", f"{book.failed:,}", share),
        ("CPU, mean", percent(trends.cpu), f"{100 * trends.covered:.0f} % of the time measured"),
        ("CPU, not ours", percent(trends.foreign), "what others used"),
        (
            "Memory, mean",
            percent(trends.memory),
            f"{len(book.samples):,} sample{'' if len(book.samples) == 1 else 's'}",
        ),
        ("Held back", words(book.deferred), "due tasks, all together"),
    ]


def _verdict(book: Book) -> Html:
    """Return what `status` says first, with a sign beside the colour."""
    problems, notes = book.view.problems, book.view.notes
    if not problems:
        text = tag(
            "p", tag("strong", "Everything is fine."), " Nothing is late, and the last run of every task succeeded."
        )
    else:
        many = "One thing needs" if len(problems) == 1 else f"{len(problems)} things need"
        first, others = _listed(problems[:MOST_PROBLEMS]), problems[MOST_PROBLEMS:]
        rest = folded(f"and {len(others)} more", _listed(others)) if others else Html()
        text = joined((tag("p", tag("strong", f"{many} attention:")), first, rest))
    noted = [tag("p", note, class_="note") for note in notes]
    sign, look = ("\u2713", "fine") if book.view.ok else ("!", "bad")
    return tag(
        "div", tag("span", sign, class_="sign", aria_hidden="true"), tag("div", text, *noted), class_=f"verdict {look}"
    )


def _listed(problems: Sequence[str]) -> Html:
    return tag("ul", *(tag("li", problem) for problem in problems))


def _figure(name: str, value: str, note: str) -> Html:
    return tag("div", tag("dt", name), tag("dd", tag("b", value), tag("small", note)))
