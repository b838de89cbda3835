"""The page of `status`: the answer in words, the machine, then one row a task."""

import sys
from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table

from adaptive_scheduler import vigilance
from adaptive_scheduler.case import percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import compact, words
from adaptive_scheduler.overview import Overview, TaskView
from adaptive_scheduler.render.base import (
    BAD,
    GAP,
    GOOD,
    QUIET,
    STATUS_STYLE,
    WARN,
    code_text,
    columns,
    relative,
)
from adaptive_scheduler.render.upcoming import strips
from adaptive_scheduler.terminal import Text, console, sparkline
from adaptive_scheduler.times import clock_time

NAME_WIDTH = 24
HEADINGS = ("Task", "Last run", "Every", "Next look", "Now")


def status(view: Overview) -> None:
    """Print the overview."""
    console().print(overview_page(view))


def overview_page(view: Overview) -> RenderableType:
    """Return the overview: the answer in words, the machine, then one row a task."""
    parts: list[RenderableType] = []
    if view.ok:
        parts.append(Text(f"Everything is fine: {len(view.tasks)} tasks, cycle {view.cycle}.", GOOD))
    else:
        count = len(view.problems)
        parts.append(Text(f"Not everything is fine: {count} problem{'s' if count > 1 else ''}.", BAD))
        parts += [Text(problem[0].upper() + problem[1:], BAD) for problem in view.problems]
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    line = f"CPU {percent(view.sample.cpu)}  memory {percent(view.sample.memory)}"
    if view.sample.foreign_cpu is not None:
        line += f"  not ours {percent(view.sample.foreign_cpu)}"
    parts.append(Text(f"{line}  {sparkline(view.recent, encoding)}"))
    parts.append(Text(f"last cycle {relative(view.last_cycle_at, view.at)}; {view.config}", QUIET))
    if view.rhythm:
        parts.append(Text(f"rhythm: {view.rhythm}", QUIET))
    if view.watched:
        parts.append(Text(f"events: {vigilance.in_short(view.watched, view.at)}", QUIET))
    if view.standing is not None:
        parts.append(Text(f"registered: {view.standing.summary}", QUIET))
        parts += [Text(text, WARN) for text in (*view.standing.faults, view.standing.hint) if text]
    parts += [Text(note, WARN) for note in view.notes]
    parts.append(_table(view))
    parts += strips(view.ahead, view.ahead_by, view.at, encoding)
    return Group(*parts)


def _table(view: Overview) -> Table:
    """Return one row a task, with names left whole as far as the reasons have room, which can wrap better than they.

    A minimum would not do: rich cuts off what is then too much on the right, with letters of the reasons. Nor would
    rich's own measure of a table: it takes longer than all the rest of a long one.
    """
    table, width = columns(*HEADINGS), console().width
    widths = [cell_len(heading) for heading in HEADINGS]
    for one in view.tasks:
        look = clock_time(one.decision.next_look, view.at)
        cells = (_name(one), _last(one, view.at), _every(one), look, _now(one))
        table.add_row(*cells)
        widths = [max(most, cell_len(str(cell))) for most, cell in zip(widths, cells, strict=True)]
    if sum(widths) + GAP * (len(widths) - 1) > width:
        longest = max((cell_len(one.name) for one in view.tasks), default=0)
        table.columns[0].width = min(NAME_WIDTH, longest, width // 3)
    return table


def _name(one: TaskView) -> Text:
    return Text(one.name, BAD if one.overdue else (one.priority == "critical" and "bold") or "")


def _last(one: TaskView, now: datetime) -> Text:
    if one.live is not None:
        return Text(f"running, {words(max(now - one.live.started_at, now - now))}", STATUS_STYLE["running"])
    if one.last is None:
        return Text("never", QUIET)
    state = one.last.status.value
    shown = Text(f"{state}, {relative(one.last.ended_at, now)}", STATUS_STYLE[state])
    return shown.append(f"; {one.last.unusual}", WARN) if one.last.unusual else shown


def _every(one: TaskView) -> str:
    if one.interval is None or one.adaptive_interval is None or one.effective_interval is None:
        return "-"
    if one.rhythm[0] == "learned":
        # Its intervals vary with the hour; what is kept is their mean.
        return f"{compact(one.interval)}, learned"
    text = compact(one.adaptive_interval)
    if one.adaptive_interval != one.interval:
        text += f" ({compact(one.interval)})"
    if one.effective_interval != one.adaptive_interval:
        text += f", really {compact(one.effective_interval)}"
    return text


def _now(one: TaskView) -> Text:
    reason = one.decision.reason
    if one.decision.code is Code.NOT_DUE:
        # The interval and the load that made it stand in the same row and above.
        reason = reason.partition(": " if reason.startswith("due in") else ";")[0]
    return code_text(one.decision.code).append(f" {reason}", "")
