"""The page of `trends`: what this machine's days look like, as a heatmap, tables and sentences."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console

from adaptive_scheduler.case import percent
from adaptive_scheduler.costs import Change
from adaptive_scheduler.durations import words
from adaptive_scheduler.overlaps import MIN_OVERLAPS, Pair
from adaptive_scheduler.quiet import CHOICES, MIN_DAYS, Quiet
from adaptive_scheduler.render.base import BAD, QUIET, WARN, columns, words_s
from adaptive_scheduler.render.heatmap import heatmap
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.trends import Habit, Trends

FULL_WEEKS = 14
"""With fewer days each hour of the week was seen once at most."""

SHOWN_PAIRS = 12
"""More than these would bury the heavy ones, which stand first."""


def trends(view: Trends, law: Rhythm) -> None:
    """Print the whole page."""
    out = console()
    if not view.samples and not view.runs:
        out.print("no samples and no runs yet; each 'run' adds one sample, and a week of them makes a picture")
        return
    for line in _basis(view):
        out.print(line)
    if view.samples:
        _heading(out, "Busy hours: CPU by local time, our own tasks included")
        heatmap(out, view, law)
    whose = "CPU" if view.foreign is None else "CPU that is not ours"
    _heading(out, f"Quiet times for each task ({whose}; {percent(view.load)} over the whole day)")
    _quiet(out, view)
    if view.runs:
        _heading(out, "What the tasks use in a day, the heaviest first")
        _costs(out, view)
        _heading(out, "How long they take")
        _drifts(out, view)
        _heading(out, "Runs that overlap")
        _pairs(out, view.pairs)


def _heading(out: Console, text: str) -> None:
    out.print()
    out.print(text, style="bold")


def _basis(view: Trends) -> list[Text]:
    span = f"{view.since.astimezone(view.at.tzinfo):%Y-%m-%d} to {view.at:%Y-%m-%d}"
    counted = f"{_many(view.samples, 'sample')} and {_many(view.runs, 'run')}"
    lines = [Text(f"{_many(view.days, 'day')} ({span}) with {counted}", "bold")]
    if view.samples:
        own = "" if view.foreign is None else f" ({percent(view.foreign)} not ours)"
        known = percent(round(100 * view.covered))
        lines.append(Text(f"CPU {percent(view.cpu)}{own}, memory {percent(view.memory)}; {known} of the time measured"))
    if view.days < FULL_WEEKS:
        lines.append(Text(f"less than {FULL_WEEKS} days: a glimpse, not a habit yet", WARN))
    if view.pretended:
        lines.append(Text(f"{_many(view.pretended, 'sample')} pretended (ADAPTIVE_FAKE_SAMPLE)", WARN))
    return lines


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


# -- tasks -------------------------------------------------------------------------------------------


def _quiet(out: Console, view: Trends) -> None:
    table = columns("Task", "Takes", "Quietest at", *["or"] * (CHOICES - 1))
    for one in view.habits:
        if one.configured and one.quiet:
            spans = [_span(quiet) for quiet in one.quiet]
            table.add_row(one.name, _takes(one), *spans, *[""] * (CHOICES - len(spans)))
    if table.row_count:
        out.print(table)
    unknown = [one.name for one in view.habits if one.configured and one.duration is None]
    if unknown:
        out.print(Text(f"never finished a run, and without expected_duration: {', '.join(unknown)}", QUIET))
    unseen = [one.name for one in view.habits if one.configured and one.duration is not None and not one.quiet]
    if unseen:
        out.print(
            Text(f"no part of the day that suits them was seen on {MIN_DAYS} days yet: {', '.join(unseen)}", QUIET)
        )


def _takes(one: Habit) -> str:
    duration = "-" if one.duration is None else words_s(one.duration.total_seconds())
    return f"{duration} (declared)" if one.known_from == "expected_duration" else duration


def _span(quiet: Quiet) -> str:
    return f"{quiet.start // 60:02}:{quiet.start % 60:02} ({percent(quiet.load)})"


def _costs(out: Console, view: Trends) -> None:
    table = columns("Task", "Runs", "CPU", "Share", "CPU a run", "Took", "Memory", "Output")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in view.habits:
        if one.cost is None:
            continue
        cpu, wall, memory, output = one.cost.cpu_s, one.cost.wall_s, one.cost.memory_bytes, one.cost.output_bytes
        table.add_row(
            one.name if one.configured else f"{one.name} (gone)",
            f"{one.cost.runs / view.span_days:.1f}",
            brief(cpu.total / view.span_days if cpu.known else None),
            "-" if cpu.share is None else percent(round(100 * cpu.share)),
            brief(cpu.per_run),
            brief(wall.total / view.span_days),
            size(memory.most),
            size(output.total / view.span_days if output.known else None),
        )
    out.print(table)


def brief(seconds: float | None) -> str:
    """Return seconds with two or three digits and one unit, for a narrow column."""
    if seconds is None:
        return "-"
    for unit, size, below in (("s", 1, 100), ("min", 60, 100)):
        if round(seconds / size) < below:
            return f"{seconds / size:.{int(seconds / size < 10)}f} {unit}"
    return f"{seconds / 3600:.1f} h"


def size(count: float | None) -> str:
    """Return bytes as people say them."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if round(count) < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _drifts(out: Console, view: Trends) -> None:
    named: dict[Change, list[str]] = {}
    for one in view.habits:
        drift = one.drift
        over = words(timedelta(days=round(drift.days))) if drift.days >= 1 else words(timedelta(days=drift.days))
        if drift.change in (Change.GREW, Change.SHRANK):
            change = f"{drift.change} from {words_s(drift.first_s)} to {words_s(drift.last_s)} over {over}"
            out.print(Text(f"{one.name} {change} ({_many(drift.runs, 'run')})", WARN))
        elif drift.change is Change.STEADY:
            named.setdefault(drift.change, []).append(f"{one.name} ({words_s(drift.last_s)})")
        elif one.cost is not None:
            named.setdefault(drift.change, []).append(f"{one.name} ({drift.runs})")
    for change, names in named.items():
        out.print(f"{change}: {', '.join(names)}")


# -- pairs -------------------------------------------------------------------------------------------


def _pairs(out: Console, pairs: Sequence[Pair]) -> None:
    if not pairs:
        out.print("no two tasks ran at the same time")
        return
    table = columns("Task beside another", "Times", "Together", "Slower", "Pressure", "Load", "")
    for one in pairs[:SHOWN_PAIRS]:
        factor, sufferer = _slower(one)
        other = one.second if sufferer == one.first else one.first
        table.add_row(
            f"{sufferer} beside {other}",
            str(one.overlaps),
            brief(one.together_s),
            "-" if factor is None else f"{factor:.2f} x",
            "-" if one.pressure is None else f"{one.pressure:+.0f} ({one.pressure_of})",
            "-" if one.foreign is None else f"{one.foreign:+.0f}",
            Text("heavy", BAD) if one.heavy else "",
        )
    out.print(table)
    if len(pairs) > SHOWN_PAIRS:
        out.print(Text(f"and {_many(len(pairs) - SHOWN_PAIRS, 'pair')} more; --json has them all", QUIET))
    out.print(
        Text(
            "Slower: runs that began beside the other one against those that did not (medians). Pressure, Load "
            f"(not ours): points more than without the other. '-': fewer than {MIN_OVERLAPS} of either kind.",
            QUIET,
        )
    )


def _slower(one: Pair) -> tuple[float | None, str]:
    """Return the factor and the name of the one that suffers more; both factors are in the JSON."""
    both = zip(one.slowdowns, (one.first, one.second), strict=True)
    return max(((slow.factor, name) for slow, name in both if slow.factor is not None), default=(None, one.first))
