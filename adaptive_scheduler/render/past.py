"""The page of `history`: past runs and what they cost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adaptive_scheduler.render.base import STATUS_STYLE, WARN, columns, words_s
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.times import clock_time, from_iso


def history(rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Print past runs."""
    out = console()
    if not rows:
        out.print("no runs yet")
        return
    table = columns("Started", "Task", "Result", "Took", "CPU", "Memory", "Run")
    for row in rows:
        peak = row.get("peak_memory_bytes")
        table.add_row(
            clock_time(from_iso(row["started_at"]), now),
            row["task"],
            Text(row["status"], STATUS_STYLE[row["status"]]).append(_where(row), "").append(_unusual(row), WARN),
            words_s(row["duration_s"]),
            words_s(row.get("cpu_s")),
            "-" if peak is None else f"{peak / 1e6:.0f} MB",
            short_id(row["run_id"]),
        )
    out.print(table)


def _where(row: dict[str, Any]) -> str:
    """Return on which node a run was, and why it ended so."""
    there = f" on {row['node']}" if row.get("node") else ""
    cause = row.get("cause") or ""
    return f"{there}: {cause}" if cause and row["status"] != "ok" else there


def _unusual(row: dict[str, Any]) -> str:
    return f"; {row['unusual']}" if row.get("unusual") else ""


def short_id(run_id: str) -> str:
    """Return the part of a run id that `logs --run` wants: what stands after its time."""
    return run_id.rpartition("-")[2]
