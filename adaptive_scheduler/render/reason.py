"""The page of `why`: one decision with its numbers."""

from collections.abc import Mapping
from datetime import datetime

from rich.table import Table

from adaptive_scheduler.case import EXPECTED, percent
from adaptive_scheduler.codes import MEANINGS
from adaptive_scheduler.durations import words
from adaptive_scheduler.footprints import durations, memory
from adaptive_scheduler.model import Decision, Task
from adaptive_scheduler.norms import time_limit
from adaptive_scheduler.render.base import QUIET, code_text, relative, words_s
from adaptive_scheduler.sizes import spoken
from adaptive_scheduler.terminal import Text, console


def why(
    decision: Decision,
    moment: datetime,
    task: Task,
    footprint: str | None = None,
    rhythm: tuple[str, str] | None = None,
    nodes: Mapping[str, str] | None = None,
) -> None:
    """Print one decision with its numbers and the meaning of its code.

    Of the present also what runs take, which rhythm the task follows, and what each node says.
    """
    out = console()
    out.print(Text(f"{decision.task}: ", "bold").append(code_text(decision.code)).append(f" - {decision.reason}"))
    out.print(MEANINGS[decision.code], style=QUIET)
    rows = {"at": f"{moment:%Y-%m-%d %H:%M:%S}", "priority": task.priority.value}
    if task.beats:
        rows["base interval"] = words(task.interval)
    if task.on:
        rows["starts on"] = ", ".join(task.on)
    if rhythm is not None:
        rows["rhythm"] = f"{rhythm[0]}: {rhythm[1]}" if rhythm[1] else rhythm[0]
    if decision.value is not None:
        rows["expected" if decision.unit == EXPECTED else "measured"] = _number(decision.value, decision.unit)
    if decision.limit is not None:
        rows["limit"] = _number(decision.limit, decision.unit)
    if decision.blocker:
        rows["blocked by"] = decision.blocker
    if decision.next_look is not None:
        local = decision.next_look.astimezone(moment.tzinfo)
        rows["next look"] = f"{local:%Y-%m-%d %H:%M:%S} ({relative(decision.next_look, moment)})"
    if footprint is not None:
        limit, lasts, grows_to = time_limit(task, footprint), durations(footprint), memory(footprint)
        rows["may last"] = f"{words(limit.most)} ({limit.source})"
        if lasts is not None:
            rows["usual run"] = f"{words_s(lasts.p50)}; 9 of 10 within {words_s(lasts.p90)}"
            rows["usual run"] += "" if grows_to is None else f" and {spoken(grows_to.p90)} of memory"
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for key, value in rows.items():
        table.add_row(key, value)
    for name, says in (nodes or {}).items():
        table.add_row(f"node {name}", says)
    out.print(table)


def _number(value: float, unit: str) -> str:
    if unit in ("percent", EXPECTED):
        return percent(value)
    if unit == "bytes":
        return spoken(value)
    return words_s(value) if unit == "seconds" else f"{value:g} {unit}".rstrip()
