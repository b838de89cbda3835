"""The page of `task list`: the tasks as tasks.toml has them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from adaptive_scheduler.durations import words
from adaptive_scheduler.render.base import QUIET, columns
from adaptive_scheduler.terminal import Text, console


def tasks(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a row for each task; what is switched off is pale."""
    table = columns("Task", "Priority", "Interval", "Window", "Runs", "")
    for row in rows:
        cells = [row["name"], row["priority"], _beat(row), ", ".join(row["window"]) or "-", ", ".join(row["scripts"])]
        state = "" if row["enabled"] else "off"
        table.add_row(*(Text(cell, "" if row["enabled"] else QUIET) for cell in (*cells, state)))
    console().print(table)


def _beat(row: Mapping[str, Any]) -> str:
    every = [] if row["interval_s"] is None else [words(timedelta(seconds=row["interval_s"]))]
    return ", ".join([*every, *row["on"]])
