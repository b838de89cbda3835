"""The page of `learn`: what was found out about each task, and whether it will be used."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler.case import percent
from adaptive_scheduler.durations import compact
from adaptive_scheduler.render.base import GOOD, QUIET, WARN, columns
from adaptive_scheduler.terminal import Text, console


def lesson(
    tasks: Sequence[dict[str, Any]],
    days: float,
    problem: str,
    written: str,
    kept: datetime | None,
    *,
    switched_off: bool,
) -> None:
    """Print what was learned; `problem` says why nothing was."""
    out = console()
    if problem:
        out.print(f"Nothing learned now: {problem}.", style=WARN)
        if kept is not None:
            out.print(f"What was learned on {kept.astimezone():%Y-%m-%d} stays as it is.", style=QUIET)
        return
    used = sum(not one["refused"] for one in tasks)
    out.print(f"Learned from {days:.1f} days of load, good for {used} of {len(tasks)} tasks.", style="bold")
    if switched_off:
        out.print('It is not in force: tasks.toml says [rhythm] learned = "off".', style=WARN)
    table = columns("Task", "Every", "CPU met: learned", "classic", "plain", "Runs", "Verdict")
    for one in tasks:
        test = one["backtest"]
        table.add_row(
            one["task"],
            compact(timedelta(seconds=one["interval_s"])),
            percent(test["learned"]) if test else "-",
            percent(test["classic"]) if test else "-",
            percent(test["fixed"]) if test else "-",
            f"{test['runs']} ({test['fixed_runs']})" if test else "-",
            Text(one["refused"] or "better: used", QUIET if one["refused"] else GOOD),
        )
    out.print(table)
    tested = [one["backtest"]["days"] for one in tasks if one["backtest"]]
    if tested:
        out.print(
            f"Tested on the last {max(tested):.0f} days, each week by what was known before it. "
            "CPU met is the mean load that the runs would have met; in brackets the runs of the plain interval.",
            style=QUIET,
        )
    follows = "" if switched_off else " Cycles follow it from now on; 'learn' again within three weeks."
    out.print(f"Written to {written}.{follows}", style=QUIET)
