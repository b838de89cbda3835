"""The page of `trends`: what this machine's days look like, as a heatmap, tables and sentences."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console

from adaptive_scheduler.busy import HOURS_A_DAY
from adaptive_scheduler.costs import Change
from adaptive_scheduler.durations import words
from adaptive_scheduler.gates import percent
from adaptive_scheduler.model import Rhythm
from adaptive_scheduler.overlaps import MIN_OVERLAPS, Pair
from adaptive_scheduler.quiet import CHOICES, MIN_DAYS, Quiet
from adaptive_scheduler.render.base import BAD, QUIET, WARN, columns, words_s
from adaptive_scheduler.render.heatmap import heatmap
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.trends import Habit, Trends

FULL_WEEK = 14
"""With fewer days an hour of the week was seen once at most, which is told."""


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
    if view.habits:
        _heading(out, f"Quiet times: CPU of everything but our tasks, {percent(view.load)} over the whole day")
        _quiet(out, view)
    if view.runs:
        _heading(out, "What the tasks use, the heaviest first")
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
    counted = f"{_many(view.days, 'day')} with samples ({span}), {_many(view.samples, 'sample')}"
    lines = [Text(f"{counted}, {_many(view.runs, 'finished run')}", "bold")]
    if view.samples:
        own = "" if view.foreign is None else f" ({percent(view.foreign)} not ours)"
        known = f"{view.covered:.0%}".replace("%", " %")
        lines.append(
            Text(
                f"CPU {percent(view.cpu)} on average{own}, memory {percent(view.memory)}; measured {known} of the time"
            )
        )
    if view.days < FULL_WEEK:
        lines.append(
            Text(
                f"only {_many(view.days, 'day')}: an hour of the week was seen once or never, "
                "so this is a glimpse, not a habit",
                WARN,
            )
        )
    if view.pretended:
        lines.append(Text(f"{_many(view.pretended, 'sample')} were pretended (ADAPTIVE_FAKE_SAMPLE)", WARN))
    return lines


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


# -- tasks -------------------------------------------------------------------------------------------


def _quiet(out: Console, view: Trends) -> None:
    table = columns("Task", "Takes", "Quietest", *[""] * (CHOICES - 1))
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
    return f"{clock(quiet.start)}-{clock(quiet.end)} {percent(quiet.load)}"


def clock(minute: int) -> str:
    """Return minutes after midnight as a time of day; midnight at the end of a stretch is 00:00 too."""
    return f"{minute // 60 % HOURS_A_DAY:02}:{minute % 60:02}"


def _costs(out: Console, view: Trends) -> None:
    table = columns("Task", "Runs a day", "CPU a day", "Share", "a run", "Took a day", "Peak", "Output a day")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in view.habits:
        if one.cost is None:
            continue
        cpu, wall, memory, output = one.cost.cpu_s, one.cost.wall_s, one.cost.memory_bytes, one.cost.output_bytes
        table.add_row(
            one.name if one.configured else f"{one.name} (gone)",
            f"{one.cost.runs / view.span_days:.1f}",
            words_s(cpu.total / view.span_days) if cpu.known else "-",
            "-" if cpu.share is None else percent(round(100 * cpu.share)),
            words_s(cpu.per_run),
            words_s(wall.total / view.span_days),
            size(memory.most),
            size(output.total / view.span_days if output.known else None),
        )
    out.print(table)


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
    table = columns("Tasks", "Times", "Together", "Slower", "Pressure", "Load", "")
    for one in pairs:
        table.add_row(
            f"{one.first} + {one.second}",
            str(one.overlaps),
            words_s(one.together_s),
            _slower(one),
            "-" if one.pressure is None else f"{one.pressure:+.0f} ({one.pressure_of})",
            "-" if one.foreign is None else f"{one.foreign:+.0f}",
            Text("heavy", BAD) if one.heavy else "",
        )
    out.print(table)
    out.print(
        Text(
            "Slower: median duration of runs begun beside the other, against alone. Pressure, Load (not ours): points "
            f"more than beside either alone. '-': fewer than {MIN_OVERLAPS} of either. Heavy pairs are better apart.",
            QUIET,
        )
    )


def _slower(one: Pair) -> str:
    """Name the one that suffers more; both numbers are in the JSON."""
    both = zip(one.slowdowns, (one.first, one.second), strict=True)
    known = [(slow.factor, name) for slow, name in both if slow.factor is not None]
    return f"{max(known)[0]:.2f} x ({max(known)[1]})" if known else "-"
