"""Values -> pages of rich: right at 80 columns, without colour, piped, or on any console.

Times are shown local and relative.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table

from adaptive_scheduler.checkup import Finding
from adaptive_scheduler.durations import compact, words
from adaptive_scheduler.edges import Report
from adaptive_scheduler.gates import percent
from adaptive_scheduler.model import MEANINGS, Code, Config, Decision, Result, Task
from adaptive_scheduler.overview import Overview, TaskView
from adaptive_scheduler.terminal import Text, console, sparkline
from adaptive_scheduler.times import from_iso

NAME_WIDTH = 24
GOOD, BAD, WARN, QUIET = "green", "bold red", "yellow", "bright_black"
STATUS_STYLE = {
    "ok": GOOD,
    "warning": WARN,
    "running": "cyan",
    "failed": BAD,
    "timeout": BAD,
    "interrupted": BAD,
    "error": BAD,
}


def relative(moment: datetime | None, now: datetime) -> str:
    """Return a time as people say it: '3 min ago', 'in 2 h', 'now'."""
    if moment is None:
        return "-"
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {words(moment - now)}" if seconds > 0 else f"{words(now - moment)} ago"


def clock_time(moment: datetime | None, now: datetime) -> str:
    """Return a local time of day, with the date where it is another day."""
    if moment is None:
        return "-"
    local = moment.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%m-%d %H:%M}"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _code(code: Code) -> Text:
    style = GOOD if code.starts else BAD if code in (Code.ERROR, Code.DEP_FAILED) else QUIET
    return Text(code.value, style if code in (Code.NOT_DUE, Code.DISABLED) or code.starts or style == BAD else WARN)


# -- run ---------------------------------------------------------------------------------------------


def report(done: Report, seams: Sequence[str]) -> None:
    """Print what a cycle decided, or would decide."""
    out = console()
    head = "Dry run, nothing is changed" if done.dry_run else f"Cycle {done.cycle}"
    out.print(f"{head}: CPU {percent(done.sample.cpu)}, memory {percent(done.sample.memory)}", style="bold")
    for seam in seams:
        out.print(seam, style=WARN)
    table = _table("Task", "Decision", "Why", "Next look")
    for one in done.decisions:
        look = "-" if one.code.starts else clock_time(one.next_look, done.at)
        table.add_row(one.task, _code(one.code), one.reason, look)
    out.print(table)
    for name, result in done.runs:
        out.print(_run_line(name, result))
    for name, live in done.live.items():
        if not done.dry_run:
            out.print(f"{name}: still running since {clock_time(live.started_at, done.at)}; a later cycle collects it")


def _run_line(name: str, result: Result) -> Text:
    took = words_s(result.duration_s)
    line = Text(f"{name}: ")
    line.append(result.status.value, STATUS_STYLE[result.status.value])
    return line.append(f" after {took}" + (f" ({result.cause})" if result.cause else ""))


def words_s(seconds: float | None) -> str:
    """Return seconds as people say them; below ten with one decimal."""
    from datetime import timedelta

    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < 10 else words(timedelta(seconds=round(seconds)))


# -- status and why ----------------------------------------------------------------------------------


def status(view: Overview) -> None:
    """Print the overview."""
    console().print(overview_page(view))


def overview_page(view: Overview) -> RenderableType:
    """Return the overview: the answer in words, the machine, then one row a task."""
    parts: list[RenderableType] = []
    if view.ok:
        parts.append(Text(f"Everything is fine: {len(view.tasks)} tasks, cycle {view.cycle}.", GOOD))
    else:
        parts += [Text(problem[0].upper() + problem[1:], BAD) for problem in view.problems]
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    line = f"CPU {percent(view.sample.cpu)}  memory {percent(view.sample.memory)}"
    if view.sample.foreign_cpu is not None:
        line += f"  not ours {percent(view.sample.foreign_cpu)}"
    parts.append(Text(f"{line}  {sparkline(view.recent, encoding)}"))
    parts.append(Text(f"last cycle {relative(view.last_cycle_at, view.at)}; {view.config}", QUIET))
    if view.standing is not None:
        parts.append(Text(f"registered: {view.standing.summary}", QUIET))
        parts += [Text(text, WARN) for text in (*view.standing.faults, view.standing.hint) if text]
    parts += [Text(note, WARN) for note in view.notes]
    table = _table("Task", "Last run", "Every", "Next look", "Now")
    # Names stay whole as far as there is room for the reasons; "Now" can wrap better than they.
    table.columns[0].min_width = min(NAME_WIDTH, max((cell_len(one.name) for one in view.tasks), default=0))
    for one in view.tasks:
        table.add_row(
            _name(one), _last(one, view.at), _every(one), clock_time(one.decision.next_look, view.at), _now(one)
        )
    parts.append(table)
    return Group(*parts)


def _name(one: TaskView) -> Text:
    return Text(one.name, BAD if one.overdue else (one.priority == "critical" and "bold") or "")


def _last(one: TaskView, now: datetime) -> Text:
    if one.live is not None:
        return Text(f"running, {words(max(now - one.live.started_at, now - now))}", STATUS_STYLE["running"])
    if one.last is None:
        return Text("never", QUIET)
    state = one.last.status.value
    return Text(f"{state}, {relative(one.last.ended_at, now)}", STATUS_STYLE[state])


def _every(one: TaskView) -> str:
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
        reason = reason.partition(":")[0]
    return _code(one.decision.code).append(f" {reason}", "")


def why(decision: Decision, moment: datetime, task: Task) -> None:
    """Print one decision with its numbers and the meaning of its code."""
    out = console()
    out.print(Text(f"{decision.task}: ", "bold").append(_code(decision.code)).append(f" - {decision.reason}"))
    out.print(MEANINGS[decision.code], style=QUIET)
    rows = {"at": f"{moment:%Y-%m-%d %H:%M:%S}", "priority": task.priority.value, "base interval": words(task.interval)}
    if decision.value is not None:
        rows["measured"] = _number(decision.value, decision.unit)
    if decision.limit is not None:
        rows["limit"] = _number(decision.limit, decision.unit)
    if decision.blocker:
        rows["blocked by"] = decision.blocker
    if decision.next_look is not None:
        local = decision.next_look.astimezone(moment.tzinfo)
        rows["next look"] = f"{local:%Y-%m-%d %H:%M:%S} ({relative(decision.next_look, moment)})"
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for key, value in rows.items():
        table.add_row(key, value)
    out.print(table)


def _number(value: float, unit: str) -> str:
    if unit == "percent":
        return percent(value)
    return words_s(value) if unit == "seconds" else f"{value:g} {unit}".rstrip()


# -- the others --------------------------------------------------------------------------------------


def history(rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Print past runs."""
    out = console()
    if not rows:
        out.print("no runs yet")
        return
    table = _table("Started", "Task", "Result", "Took", "CPU", "Memory", "Run")
    for row in rows:
        peak = row.get("peak_memory_bytes")
        table.add_row(
            clock_time(from_iso(row["started_at"]), now),
            row["task"],
            Text(row["status"], STATUS_STYLE[row["status"]]).append(_cause(row), ""),
            words_s(row["duration_s"]),
            words_s(row.get("cpu_s")),
            "-" if peak is None else f"{peak / 1e6:.0f} MB",
            short_id(row["run_id"]),
        )
    out.print(table)


def _cause(row: dict[str, Any]) -> str:
    cause = row.get("cause") or ""
    return f": {cause}" if cause and row["status"] != "ok" else ""


def short_id(run_id: str) -> str:
    """Return the part of a run id that `logs --run` wants: what stands after its time."""
    return run_id.rpartition("-")[2]


def findings(found: Sequence[Finding], path: str) -> None:
    """Print what `check` found."""
    out = console()
    styles = {"error": BAD, "warning": WARN, "info": QUIET}
    for one in found:
        where = f"{one.where}: " if one.where else ""
        out.print(Text(f"{one.severity}: ", styles[one.severity]).append(f"{where}{one.message}", ""), soft_wrap=True)
        if one.hint:
            out.print(f"  {one.hint}", style=QUIET, soft_wrap=True)
    bad = sum(one.severity == "error" for one in found)
    if bad:
        out.print(f"{bad} error{'s' if bad > 1 else ''}", style=BAD)
    else:
        out.print(f"'{path}' is fine", style=GOOD, soft_wrap=True)


def simulation(summary: dict[str, Any], config: Config) -> None:
    """Print the summary of a simulation."""
    out = console()
    out.print(f"Policy '{summary['policy']}' over {summary['days']:g} days", style="bold")
    table = _table("Task", "Base", "Runs", "A day", "CPU met", "as fixed", "Gaps", "Decisions")
    for name, one in summary["tasks"].items():
        gaps = "-"
        if one["min_gap_s"] is not None:
            gaps = f"{one['min_gap_s'] / 60:.0f}..{one['max_gap_s'] / 60:.0f} min"
        codes = ", ".join(f"{code} {count}" for code, count in one["decisions"].items())
        table.add_row(
            name,
            compact(config.tasks[name].interval),
            str(one["runs"]),
            f"{one['runs_per_day']:.1f}",
            percent(one["mean_cpu_met"]),
            percent(one["fixed_mean_cpu_met"]),
            gaps,
            codes,
        )
    out.print(table)
