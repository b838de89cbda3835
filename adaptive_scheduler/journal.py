"""The text log: `[2025-11-02 22:34:43] [INFO] [SCHEDULER] Adaptive Scheduler Started`.

The functions that word the lines are pure; `Journal.write` is the only one that touches a file (see logfile.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import logfile
from adaptive_scheduler.durations import words
from adaptive_scheduler.events import Event
from adaptive_scheduler.logfile import NAME, SCHEDULER, short
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, Status
from adaptive_scheduler.printable import one_line
from adaptive_scheduler.runners.base import ComesBack, StepResult, Unreachable

__all__ = ["NAME", "SCHEDULER", "Journal", "Line"]

LOCK_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    at: datetime
    level: str
    source: str
    text: str

    def as_text(self) -> str:
        """Return the line for people; nothing in the text can forge another line or move a cursor."""
        return logfile.as_text(self.at, self.level, self.source, one_line(self.text))

    def as_json(self) -> str:
        """Return the line for machines."""
        return logfile.as_json(self.at, self.level, self.source, self.text)


@dataclass(frozen=True)
class Journal:
    """The log of one state folder: its format, its size limit and how many old files it keeps."""

    folder: Path
    form: str = "text"
    max_bytes: int = 5_000_000
    keep: int = 5
    lock_wait_s: float = LOCK_WAIT_S

    @property
    def path(self) -> Path:
        """Where the log is kept."""
        return self.folder / NAME

    def write(self, lines: Iterable[Line]) -> None:
        """Append lines, rotating first when the file is full; raises OSError or TimeoutError."""
        content = "".join(line.as_json() if self.form == "json" else line.as_text() for line in lines)
        if not content:
            return
        logfile.append(self.folder, content, max_bytes=self.max_bytes, keep=self.keep, wait_s=self.lock_wait_s)


def opening(now: datetime) -> Line:
    """Word the first line of a cycle."""
    return Line(now, "INFO", SCHEDULER, logfile.OPENING)


def tempo_changed(now: datetime, task: str, tempo: str, cpu: float | None) -> Line:
    """Word that the load bends a task's interval another way than before."""
    texts = {
        "faster": f"Low CPU ({short(cpu)}) detected - increasing frequency",
        "slower": f"High CPU ({short(cpu)}) detected - decreasing frequency",
        "base": f"Normal CPU ({short(cpu)}) detected - back to base frequency",
    }
    return Line(now, "INFO", task, texts[tempo])


def waiting(now: datetime, decision: Decision) -> Line:
    """Word that something began to hold a task back."""
    return Line(now, "INFO", decision.task, f"Waiting [{decision.code}]: {decision.reason}")


def happened(now: datetime, one: Event) -> Line:
    """Word that something has happened."""
    ours = f"; run {one.caused_by} of ours is behind it: it starts nothing" if one.caused_by else ""
    return Line(now, "WARNING", one.name, f"{one.reason}{ours}")


def lapsed(now: datetime, task: str, one: Event) -> Line:
    """Word that an event was dropped before its task could start."""
    waited = words(max(timedelta(0), now - one.at))
    return Line(now, "WARNING", task, f"Dropped: event '{one.name}' of {waited} ago did not start it")


def strayed(now: datetime, task: str, report: Unreachable | ComesBack) -> Line:
    """Word that a run elsewhere is out of reach, or never began there."""
    if isinstance(report, ComesBack):
        return Line(now, "WARNING", task, f"Not started: {report.cause}; due again")
    return Line(now, "WARNING", task, f"Out of reach: {report.cause}; it may run on, and is asked for in every cycle")


def task_started(now: datetime, decision: Decision, first_step: str | None, event: Event | None = None) -> list[Line]:
    """Word a start, what happened where that is why, and its first step where one runs."""
    lines = [Line(now, "INFO", decision.task, f"=== Starting Task: {decision.task} ===")]
    if event is not None:
        lines.append(Line(now, "INFO", decision.task, f"Because of event '{event.name}': {event.reason}"))
    if first_step is not None:
        lines.append(Line(now, "INFO", decision.task, f"Executing: {first_step}"))
    return lines


def task_ended(task: str, result: Result, steps: Sequence[StepResult], notes: Sequence[str]) -> list[Line]:
    """Word a collected end, each line with the time at which it happened."""
    lines = []
    ran = [step for step in steps if step.status not in ("skipped", "not_run")]
    for number, step in enumerate(ran):
        began = result.started_at + timedelta(seconds=step.offset_s)
        ended = began + timedelta(seconds=step.duration_s)
        if number:
            lines.append(Line(began, "INFO", task, f"Executing: {step.name}"))
        if step.status in ("ok", "warning"):
            lines.append(Line(ended, "INFO", task, f"Completed: {step.name}"))
        else:
            lines.append(Line(ended, "ERROR", task, f"Failed: {step.name} ({step.cause or step.status})"))
    end = result.ended_at
    if result.unusual:
        lines.append(Line(end, "INFO", task, f"Unusual: {result.unusual}"))
    lines += [Line(end, "WARNING", task, note) for note in notes]
    if result.status is Status.OK:
        lines.append(Line(end, "INFO", task, f"=== Task Complete: {task} ==="))
    elif result.status is Status.WARNING:
        lines.append(Line(end, "WARNING", task, f"=== Task Complete with a warning: {task} ({result.cause}) ==="))
    else:
        lines.append(Line(end, "ERROR", task, f"=== Task Failed: {task} ({result.status}: {result.cause}) ==="))
    return lines


def closing(now: datetime, began: datetime, cycle: int, sample: Sample, started: Sequence[str]) -> Line:
    """Word the last line of a cycle."""
    text = logfile.closing(began, cycle, sample.cpu, sample.memory, ", ".join(started) or "none")
    return Line(now, "INFO", SCHEDULER, text)
