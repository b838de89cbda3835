"""Tell what the scheduler ran, and what had to wait, around the high latency that an event tells of.

For a task with on = ["high_latency"]. It asks the scheduler, which only reads then; machine_pressure.py tells
what the machine itself is busy with. Exit code 0; what cannot be had is said in a line.
"""

import argparse
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

EVENT = "ADAPTIVE_EVENT"
DISK = "disk"
DAY = timedelta(days=1)
MOST_RUNS = 200
MOST_ROWS = 15
ANSWER_WITHIN_S = 20
# Why a task that is due does not start; what is not due, paused or disabled does not wait.
WAITING = ("CPU_CEILING", "MEMORY_GATE", "DEP_WAIT", "DEP_FAILED", "NO_SLOT", "WINDOW", "BACKOFF")

Fields = dict[str, Any]


def ask(config: Path, *words: str) -> list[Fields]:
    """Ask the scheduler, and return the JSON objects of its answer. Raises OSError with the reason."""
    command = [sys.executable, "-P", "-m", "adaptive_scheduler", "--config", str(config), *words, "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=ANSWER_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer in {ANSWER_WITHIN_S} s") from None
    entries = []
    for line in done.stdout.splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    found = [entry for entry in entries if isinstance(entry, dict)]
    # `status` exits with 1 where a task failed, which is an answer all the same.
    if done.returncode and not found:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(shown(said[-1]) if said else f"exit code {done.returncode}")
    return found


def when(value: object) -> datetime | None:
    """Return a moment with its offset, None where the text tells none."""
    try:
        moment = datetime.fromisoformat(shown(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def ran(entries: list[Fields], begin: datetime, onset: datetime | None, mine: str) -> tuple[list[str], list[str]]:
    """Tell what ran between `begin` and now, but for the run that asks, and name what ran at the onset."""
    rows, at_onset = [], []
    for entry in entries:
        start, stop = when(entry.get("started_at")), when(entry.get("ended_at"))
        if start is None or (stop is not None and stop < begin) or (mine and entry.get("run_id") == mine):
            continue
        task = shown(entry.get("task"), 40) or "?"
        during = onset is not None and start <= onset and (stop is None or stop >= onset)
        at_onset += [task] if during else []
        rows.append(f"{task:24} {told_run(entry, start, stop)}{', when it began' if during else ''}")
    more = [f"and {len(rows) - MOST_ROWS} more"] if len(rows) > MOST_ROWS else []
    return ([*rows[:MOST_ROWS], *more] or ["nothing"]), at_onset


def told_run(entry: Fields, start: datetime, stop: datetime | None) -> str:
    """Tell one run in short."""
    if stop is None:
        return f"runs since {start.astimezone():%H:%M:%S}"
    cpu_s = number(entry.get("cpu_s"))
    cpu = "" if cpu_s is None else f", {cpu_s:.1f} s of CPU"
    return f"{start.astimezone():%H:%M:%S} to {stop.astimezone():%H:%M:%S}, {shown(entry.get('status'))}{cpu}"


def waiting(entries: list[Fields]) -> Iterator[str]:
    """Tell which tasks are due and wait, and for what."""
    tasks = [task for entry in entries for task in entry.get("tasks") or () if isinstance(task, dict)]
    late = [task for task in tasks if task.get("code") in WAITING]
    for task in late[:MOST_ROWS]:
        yield f"{shown(task.get('name'), 40):24} {shown(task.get('code'))}: {shown(task.get('reason'))}"
    if not late:
        yield "nothing waits"


def advice(event: Fields, at_onset: list[str]) -> Iterator[str]:
    """Say what to look at first."""
    source = shown(event.get("source"))
    if at_onset:
        names = ", ".join(f"'{name}'" for name in sorted(set(at_onset)))
        yield f"to do: {names} ran when it began: give it a window or a longer interval, or lower max_parallel"
    elif source == DISK:
        yield "to do: none of these ran when it began: see who else writes (machine_pressure.py)"
    elif source:
        yield f"to do: none of these ran when it began: look at what '{source}' asks, and at the way to it"


# -- the same lines in each script that an event may start, for each stands alone: what an event says --


def told(text: str | None) -> tuple[Fields, str]:
    """Read an event; where it is missing, damaged or none of ours, return no fields and the reason."""
    if not text:
        return {}, "no event started this"
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return {}, f"{EVENT} is damaged: no JSON"
    if not isinstance(fields, dict) or not shown(fields.get("kind")):
        return {}, f"{EVENT} tells of no event"
    return fields, ""


def shown(value: object, most: int = 300) -> str:
    """Return a text as one printable line, empty where it is none."""
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:most]


def number(value: object) -> float | None:
    """Return a number that can be reckoned with, None where it is none."""
    try:
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if known and isinstance(value, int | float) else None
    except OverflowError:
        return None


def facts(event: Fields) -> Iterator[str]:
    """Tell what happened, what is usual, since when, and who is blamed."""
    yield f"{shown(event.get('kind'))}: {shown(event.get('reason')) or 'no reason given'}"
    unit = shown(event.get("unit"))
    value, expected = (amount(event.get(key), unit) for key in ("value", "expected"))
    source = shown(event.get("source"))
    yield f"  {value}, expected {expected}, since {moment(event.get('since'))}{f'; of {source!r}' if source else ''}"
    blamed = event.get("culprit")
    if isinstance(blamed, dict):
        many = number(blamed.get("processes")) or 1
        more = f" and {many - 1:.0f} more of that name" if many > 1 else ""
        yield f"  blamed: {shown(blamed.get('name')) or '?'} (pid {amount(blamed.get('pid'), '')}){more}"
    else:
        yield "  nobody is blamed"


def amount(value: object, unit: str) -> str:
    """Write a number for people: 91 %, 5.1 GB, 12 ms."""
    known = number(value)
    if known is None:
        return "unknown"
    if unit == "bytes":
        return f"{known / 1e9:.1f} GB" if abs(known) >= 1e9 else f"{known / 1e6:.0f} MB"
    return f"{known:.10g} {'%' if unit == 'percent' else unit}".strip()


def moment(value: object) -> str:
    """Write a time for people, on this machine's clock."""
    try:
        return f"{datetime.fromisoformat(shown(value)).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


# ----------------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Tell what ran and what waited; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    event, trouble = told(os.environ.get(EVENT))
    for line in [trouble] if trouble else facts(event):
        print(line)
    if shown(event.get("source")) == DISK:
        print("  'disk' is the scheduler's own small write, made durable at each cycle")
    now, onset = datetime.now(UTC), when(event.get("since"))
    back = timedelta(minutes=min(1440.0, max(0.0, options.minutes)))
    begin = max(now - DAY, min(now, onset or now)) - back
    print(f"What ran since {begin.astimezone():%Y-%m-%d %H:%M}")
    try:
        rows, at_onset = ran(ask(options.config, "history", "--limit", str(MOST_RUNS)), begin, onset, options.run_id)
        lines = [*rows, *advice(event, at_onset)]
    except OSError as error:
        lines = [f"not known: {error}"]
    print(*(f"  {line}" for line in lines), sep="\n")
    print("What waits now")
    try:
        lines = list(waiting(ask(options.config, "status")))
    except OSError as error:
        lines = [f"not known: {error}"]
    print(*(f"  {line}" for line in lines), sep="\n")
    return 0


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    config = Path(os.environ.get("ADAPTIVE_SCHEDULER_CONFIG") or "tasks.toml")
    parser = argparse.ArgumentParser(description="What the scheduler ran and what waited, around a high latency.")
    add = parser.add_argument
    add("--config", type=Path, default=config, metavar="FILE", help="whose runs to tell (./tasks.toml)")
    add("--minutes", type=float, default=15, metavar="N", help="how long before it began to look back (15)")
    parser.set_defaults(run_id=os.environ.get("ADAPTIVE_RUN_ID", ""))
    return parser


if __name__ == "__main__":
    sys.exit(main())
