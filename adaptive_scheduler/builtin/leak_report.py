"""Tell which process leaks memory, how fast, until when it can go on, and how that process is now.

For a task with on = ["memory_leak"], whose event names the process. It only reads, and shows no arguments of
programs, which may hold secrets; what it may not know is said in its place. Exit code 0: the leaker is gone, or
there was none; 10: it is still there.
"""

import argparse
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

LEAKING = 10
EVENT = "ADAPTIVE_EVENT"
# Two stamps of one birth differ by this at most.
SAME_S = 2.0
YEAR_S = 365 * 86_400.0
LARGEST = 5

Fields = dict[str, Any]


def found(event: Fields) -> psutil.Process | None:
    """Return the very process that is blamed, None when it ended, or nobody is. Raises AccessDenied."""
    blamed = event.get("culprit")
    pid, created = (number(blamed.get(key)) if isinstance(blamed, dict) else None for key in ("pid", "created"))
    if pid is None or created is None or not 0 < pid < 2**31:
        return None
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - created) <= SAME_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def state(process: psutil.Process, event: Fields, at: float) -> Iterator[str]:
    """Tell how the process is now. Raises NoSuchProcess when it ended meanwhile."""

    def memory() -> str:
        return f"holds {amount(process.memory_info().rss, 'bytes')}"

    def before() -> str:
        before = event["culprit"].get("rss_bytes")
        many = number(event["culprit"].get("processes")) or 1
        return "" if number(before) is None or many > 1 else f"held {amount(before, 'bytes')} at the event"

    def files() -> str:
        if sys.platform == "win32":
            return f"handles: {process.num_handles()}"
        return f"open files: {process.num_fds()}"

    def starter() -> str:
        parent = process.parent()
        return f"started by {'?' if parent is None else f'{named(parent)} (pid {parent.pid})'}"

    parts: dict[str, Callable[[], str]] = {
        "its memory": memory,
        "its memory before": before,
        "its age": lambda: f"runs for {words(at - process.create_time())}",
        "its threads": lambda: f"threads: {process.num_threads()}",
        "its open files": files,
        "its user": lambda: f"user {shown(process.username(), 40)}",
        "who started it": starter,
        "its unit": lambda: unit(process.pid),
    }
    for what, tell in parts.items():
        try:
            line = tell()
        except (OSError, KeyError, psutil.AccessDenied) as error:
            line = f"{what} may not be known ({getattr(error, 'strerror', None) or 'access denied'})"
        if line:
            yield line


def groups(pid: int, root: Path = Path("/")) -> list[Path]:
    """Return the control groups of a process on Linux, the innermost first."""
    try:
        lines = (root / f"proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    mount = root / "sys/fs/cgroup"
    own = [mount / line[3:].lstrip("/") for line in lines if line.startswith("0::")]
    return [path for folder in own for path in (folder, *folder.parents) if mount in (path, *path.parents)]


def unit(pid: int, root: Path = Path("/")) -> str:
    """Name the systemd unit or container that a process belongs to, which is what can be restarted."""
    names = [path.name for path in groups(pid, root) if path.suffix in (".service", ".scope")]
    return f"belongs to {shown(names[0], 80)}" if names else ""


def room(pid: int | None, root: Path = Path("/")) -> tuple[float, str]:
    """Return the bytes that a process can still get, and who limits it: the machine, or a control group of it."""
    least, limit = float(psutil.virtual_memory().available), "the machine"
    for group in [] if pid is None else groups(pid, root):
        try:
            most, used = (int((group / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
            stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        except (OSError, ValueError):
            continue  # no limit here
        left = max(0.0, most - used + int(stat.get("inactive_file", "0")))
        if left < least:
            least, limit = left, f"its group '{shown(group.name, 80)}'"
    return least, limit


def outlook(event: Fields, process: psutil.Process, at: float) -> Iterator[str]:
    """Tell how long the memory lasts at the rate of the leak."""
    rate = number(event["culprit"].get("growth_bytes_per_hour"))
    left, limit = room(process.pid)
    if rate is None or rate <= 0:
        yield f"{limit} has {amount(left, 'bytes')} left; how fast it grows is not known"
        return
    seconds = left / rate * 3600
    when = datetime.fromtimestamp(at + seconds, UTC).astimezone() if seconds < YEAR_S else None
    full = "in more than a year" if when is None else f"in {words(seconds)}, about {when:%Y-%m-%d %H:%M}"
    yield f"it grows by {amount(rate, 'bytes')} an hour; {limit} has {amount(left, 'bytes')} left: full {full}"


def machine(at: float) -> Iterator[str]:
    """Tell the memory of the machine, and who holds most of it."""
    memory = psutil.virtual_memory()
    total, up = amount(memory.total, "bytes"), words(at - psutil.boot_time())
    yield f"memory: {memory.percent:.0f} % of {total} used; the machine is up for {up}"
    seen = [one for one in psutil.process_iter(["memory_info"]) if one.info["memory_info"] is not None]
    for one in sorted(seen, key=lambda one: -one.info["memory_info"].rss)[:LARGEST]:
        yield f"{amount(one.info['memory_info'].rss, 'bytes'):>9}  {named(one)} (pid {one.pid})"


def named(process: psutil.Process) -> str:
    """Return the name of a program, where the system tells it."""
    try:
        return shown(process.name(), 40) or "?"
    except (OSError, psutil.Error):
        return "?"


def words(seconds: float) -> str:
    """Write a duration for people: 3.2 s, 12 min, 5.0 h, 2.1 d."""
    if seconds < 100:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


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


def report(event: Fields, at: float) -> tuple[int, list[str]]:
    """Return the exit code and what there is to say about the process that is blamed."""
    try:
        process = found(event)
        if process is None:
            return 0, [
                "Now it is gone: nothing is left to do" if event.get("culprit") else "Nobody is blamed: see below"
            ]
        lines = [f"  {line}" for line in (*state(process, event, at), *outlook(event, process, at))]
    except psutil.NoSuchProcess:
        return 0, ["Now it is gone: nothing is left to do"]
    except psutil.AccessDenied:
        return LEAKING, ["Now it may not be looked at: it belongs to another user"]
    name = shown(event["culprit"].get("name"))
    advice = f'restart it at a calm moment, or let end_leaker.py end it: args = ["--may-end", "{name}"]'
    return LEAKING, ["Now it is still there", *lines, f"To do: {advice}"]


def main(argv: list[str] | None = None) -> int:
    """Report on the leak and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    arguments().parse_args(argv)
    event, trouble = told(os.environ.get(EVENT))
    at = time.time()
    code, lines = (0, [trouble]) if trouble else report(event, at)
    for line in [*([] if trouble else facts(event)), *lines, "This machine"]:
        print(line)
    for line in machine(at):
        print(f"  {line}")
    return code


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    return argparse.ArgumentParser(
        description="Which process leaks memory, how fast, until when.",
        epilog="Exit: 0 it is gone or there was none, 10 it is still there.",
    )


if __name__ == "__main__":
    sys.exit(main())
