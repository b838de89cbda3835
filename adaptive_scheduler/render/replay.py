"""The page of `simulate`: what would have run, in one table."""

from datetime import timedelta
from typing import Any

from rich.console import Console

from adaptive_scheduler.case import percent
from adaptive_scheduler.durations import compact
from adaptive_scheduler.model import Task
from adaptive_scheduler.render.base import QUIET, columns
from adaptive_scheduler.settings import Config
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.times import from_iso


def simulation(summary: dict[str, Any], config: Config) -> None:
    """Print the summary of a simulation."""
    out = console()
    out.print(f"Policy '{summary['policy']}' over {summary['days']:g} days", style="bold")
    table = columns("Task", "Base", "Runs", "A day", "CPU met", "as fixed", "Gaps", "Decisions")
    for name, one in summary["tasks"].items():
        gaps = "-"
        if one["min_gap_s"] is not None:
            gaps = f"{one['min_gap_s'] / 60:.0f}..{one['max_gap_s'] / 60:.0f} min"
        codes = ", ".join(f"{code} {count}" for code, count in one["decisions"].items())
        table.add_row(
            name,
            _base(config.tasks[name]),
            str(one["runs"]),
            f"{one['runs_per_day']:.1f}",
            percent(one["mean_cpu_met"]),
            percent(one["fixed_mean_cpu_met"]),
            gaps,
            codes,
        )
    out.print(table)
    _events(out, summary)


def comparison(summary: dict[str, Any], config: Config) -> None:
    """Print the policies side by side."""
    out = console()
    out.print(f"{summary['days']:g} days from {from_iso(summary['from']).astimezone():%Y-%m-%d %H:%M}", style="bold")
    table = columns("Task", "Policy", "Runs", "CPU met", "Calm found", "Waited for CPU", "Longest gap")
    for name, one in summary["tasks"].items():
        title = f"{name} ({_base(config.tasks[name])})"
        for policy, found in one["policies"].items():
            gap = found["max_gap_s"]
            table.add_row(
                title,
                policy,
                str(found["runs"]),
                percent(found["mean_cpu_met"]),
                "-" if found["capture"] is None else f"{100 * found['capture']:.0f} %",
                f"{found['decisions'].get('CPU_CEILING', 0)} cycles",
                "-" if gap is None else compact(timedelta(seconds=gap)),
            )
            title = ""
        best = "-" if one["foresight_mean_cpu"] is None else percent(one["foresight_mean_cpu"])
        table.add_row("", Text("foresight", QUIET), "", Text(best, QUIET), "", "", "")
    out.print(table)
    out.print(
        "CPU met: mean load during the runs. Calm found: how far from any time of day to what perfect foresight "
        "would have met at the same rate.",
        style=QUIET,
    )
    _events(out, summary)


def _events(out: Console, summary: dict[str, Any]) -> None:
    fired = [f"{name} {f'{count} times' if count > 1 else 'once'}" for name, count in summary["events"].items()]
    if fired:
        out.print(f"Events that some task waits for: {', '.join(fired)}.")


def _base(task: Task) -> str:
    return compact(task.interval) if task.beats else "on events"
