"""The whole page: a book and what the page brings along -> HTML. Pure."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from adaptive_scheduler.footprints import KEPT
from adaptive_scheduler.model import Status
from adaptive_scheduler.report import markup, summary, tables, tasks
from adaptive_scheduler.report.book import Book
from adaptive_scheduler.report.curves import curves, rows
from adaptive_scheduler.report.markup import Html, figure, joined, named, tag

GENERATOR = "adaptive-scheduler report"
"""How a page of ours is known again, in its first lines."""

RANGES = (("1 day", "1"), ("7 days", "7"), ("30 days", "30"), ("All", "all"))
MOVES = (("\u2190 Earlier", "earlier"), ("Later \u2192", "later"))
LINES = (("CPU, all of it", "cpu"), ("CPU, not ours", "foreign"), ("Memory", "memory"))
EVENT = ("Event", "event")
NO_SCRIPTS = tag("noscript", tag("p", "The charts need JavaScript; the tables below them do not.", class_="note"))

Section = tuple[str, str, Html]
"""The id of a part of the page, its title, and what it tells."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What the page brings along: plotly.js, the scripts and the style of our own."""

    plotly: str
    script: str
    style: str


def document(book: Book, kit: Kit) -> str:
    """Return the page; it loads nothing, and its policy forbids it to."""
    scripts = (_script(kit.plotly), _script(kit.script))
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(f"'sha256-{_digest(one)}'" for one in scripts),
            "style-src 'unsafe-inline'",  # plotly.js places its labels with it; a style can load nothing here
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=f"{GENERATOR} {book.version}"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{named(book.machine)} - adaptive-scheduler, {book.clock(book.at)}"),
        Html(f"<style>{kit.style}</style>"),
    )
    told = [(ident, title, made) for ident, title, make in SECTIONS if (made := make(book))]
    body = tag(
        "body",
        tag("a", "To the content", href="#main", class_="skip"),
        summary.header(book),
        _nav(told),
        tag("main", NO_SCRIPTS, *(_section(*one) for one in told), id="main", tabindex=-1),
        _footer(book),
        Html(f'<script type="application/json" id="data">{markup.data(curves(book))}</script>'),
        *(Html(f"<script>{one}</script>") for one in scripts),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def _script(text: str) -> str:
    """Return a script as it may stand in a page: what would end it early, or be changed on reading, is not in it."""
    if "</script" in text.lower() or "<!--" in text or "\r" in text or "\0" in text:
        raise ValueError("a script holds what cannot stand in a page")
    return text


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _section(ident: str, title: str, content: Html) -> Html:
    heading = tag("h2", title, id=f"{ident}-title")
    return tag("section", heading, content, id=ident, aria_labelledby=f"{ident}-title")


def _nav(told: Sequence[Section]) -> Html:
    links = (tag("a", title, href=f"#{ident}") for ident, title, _ in told)
    theme = tag("button", "Dark or light", type="button", id="theme")
    return tag("nav", *links, theme, aria_label="Sections")


def _time(book: Book) -> Html:
    label = (
        "Chart over time: CPU in per cent, all of it and what is not ours; memory in per cent; "
        "below, a row for each task with its runs, and a row with the events."
    )
    caption = (
        f"{summary.clocks(book)} Drag to zoom, drag with Shift to move, double-click for all. "
        "A pale band is the span between the lowest and the highest sample where many share a place."
    )
    tasks_shown, count = len(rows(book)), len(book.runs_of)
    if tasks_shown < count:
        caption += f" Of {count} tasks the {tasks_shown} have a row that failed most, then those that ran longest."
    if not (book.samples or book.runs):
        nothing = "No samples and no runs in this time. Each cycle adds a sample: 'adaptive-scheduler run' makes one."
        return tag("p", nothing, class_="quiet")
    return joined((_ranges(), _legend(), figure("timeline", label, caption, tables.days(book))))


def _ranges() -> Html:
    shown = (tag("button", text, type="button", data_range=value) for text, value in RANGES)
    moved = (tag("button", text, type="button", data_move=value) for text, value in MOVES)
    where = tag("span", id="where", aria_live="polite")
    return tag("div", *shown, *moved, where, class_="ranges", role="group", aria_label="The time that is shown")


def _legend() -> Html:
    lines = (tag("li", tag("span", class_=f"line {look}", aria_hidden="true"), text) for text, look in (*LINES, EVENT))
    runs = (
        tag("li", tag("span", one.value, class_=f"status {one.value}")) for one in Status if one is not Status.RUNNING
    )
    return tag("ul", *lines, *runs, class_="legend", aria_label="Legend")


def _tasks(book: Book) -> Html:
    label = (
        "Charts of the chosen task over time: the interval that the load asks for beside the real distance of its "
        "starts, and how long its runs took with the band of what was usual."
    )
    caption = (
        "The same time as above. Line: the interval that the classic rule makes of the load; dots: how long after the "
        f"start before a run began. Band: p10 to p90 of the last {KEPT} successful runs; a ring is unusual."
    )
    if not book.runs_of:
        return tag("p", "There are no tasks in tasks.toml, and none ran.", class_="quiet")
    # Its table is "the same by week", among the facts of each task.
    chart = figure("task-chart", label, caption) if book.samples or book.runs else Html()
    return joined((tasks.overview(book), tasks.chooser(book), chart, tasks.facts(book)))


def _week(book: Book) -> Html:
    if not book.samples:
        return tag("p", "No samples in this time.", class_="quiet")
    choices = (tag("option", text, value=value) for text, value in LINES)
    chooser = tag("p", tag("label", "Show ", for_="what"), tag("select", *choices, id="what"), class_="chooser")
    glimpse = "" if book.trends.days >= 14 else f" Known days: {book.trends.days}. That is a glimpse, no habit yet."
    caption = f"Means by local hour and weekday. Empty: nothing was measured.{glimpse}"
    label = "Heatmap: the mean load of each hour of the week, by weekday and local hour."
    return joined((chooser, _scale("week-chart"), figure("week-chart", label, caption, tables.week(book))))


def _learned(book: Book) -> Html:
    """Return what was learned; nothing where nothing was."""
    if not book.learning.knowledge.lessons:
        return Html()
    parts: list[Html] = [tag("p", tables.learned_when(book)), tables.lessons(book)]
    mapped = list(book.learning.rules.learned)
    if mapped:
        options = (tag("option", named(name), value=place) for place, name in enumerate(mapped))
        chooser = tag("p", tag("label", "Task ", for_="lesson"), tag("select", *options, id="lesson"), class_="chooser")
        label = (
            "Heatmap: the busiest CPU at which the chosen task may start, by time of day and age since its last start."
        )
        caption = (
            "The busiest CPU at which it may start, by local time and age in its intervals, for a task that is not "
            "behind. It is compared with the CPU that a run will probably meet."
        )
        chart = figure("ceiling-chart", label, caption, tables.learned(book))
        parts += [chooser, _scale("ceiling-chart"), chart]
    return joined(parts)


def _scale(ident: str) -> Html:
    """Return the scale of a heatmap; the page's script writes its end."""
    most = tag("span", "100 %", id=f"{ident}-most")
    return tag("p", "0 % ", tag("span", class_="gradient"), " ", most, class_="scale", aria_hidden="true")


def _footer(book: Book) -> Html:
    made = (
        f"Made by adaptive-scheduler {book.version} at {book.clock(book.at)} ({summary.zone(book)}) from the history "
        f"in '{book.config.state_dir}'. Nothing is loaded from elsewhere: this file is all there is, and its policy "
        "forbids it to ask anybody for anything. Charts: plotly.js (MIT licence)."
    )
    return tag("footer", tag("p", made))


SECTIONS: tuple[tuple[str, str, Callable[[Book], Html]], ...] = (
    ("time", "Load and runs", _time),
    ("tasks", "Tasks", _tasks),
    ("week", "Busy hours", _week),
    ("learned", "Learned ceilings", _learned),
    ("events", "Events", tables.events),
    ("pairs", "Heavy pairs", tables.pairs),
)
"""The parts of the page in their order; one of which there is nothing to tell is left out."""
