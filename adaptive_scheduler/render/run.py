"""The page of `run`: what a cycle decided, what ended, what lives on."""

from collections.abc import Sequence

from adaptive_scheduler.case import percent
from adaptive_scheduler.edges import Report
from adaptive_scheduler.model import Result
from adaptive_scheduler.render.base import STATUS_STYLE, WARN, code_text, columns, words_s
from adaptive_scheduler.terminal import Text, console
from adaptive_scheduler.times import clock_time


def report(done: Report, seams: Sequence[str]) -> None:
    """Print what a cycle decided, or would decide."""
    out = console()
    head = "Dry run, nothing is changed" if done.dry_run else f"Cycle {done.cycle}"
    out.print(f"{head}: CPU {percent(done.sample.cpu)}, memory {percent(done.sample.memory)}", style="bold")
    for seam in seams:
        out.print(seam, style=WARN)
    table = columns("Task", "Decision", "Why", "Next look")
    for one in done.decisions:
        look = "-" if one.code.starts else clock_time(one.next_look, done.at)
        table.add_row(one.task, code_text(one.code), one.reason, look)
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
