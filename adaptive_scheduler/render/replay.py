"""The page of `simulate`: what would have run, in one table."""

from typing import Any

from adaptive_scheduler.durations import compact
from adaptive_scheduler.gates import percent
from adaptive_scheduler.model import Config
from adaptive_scheduler.render.base import columns
from adaptive_scheduler.terminal import console


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
            compact(config.tasks[name].interval),
            str(one["runs"]),
            f"{one['runs_per_day']:.1f}",
            percent(one["mean_cpu_met"]),
            percent(one["fixed_mean_cpu_met"]),
            gaps,
            codes,
        )
    out.print(table)
