"""Name the programs that use the CPU, measured over a second, beside the facts of the event that started this.

For a task with on = ["cpu_spike"]. Started by a beat it says so in a line and looks at nothing, so that it may
stand in a task with an interval; `--always` looks all the same. It only reads, and shows no arguments of
programs, which may hold secrets. Exit code 0; 1: this system shows no processes.
"""

import argparse
import io
import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil

BROKEN = 1
EVENT = "ADAPTIVE_EVENT"
SHORTEST_S, LONGEST_S = 0.1, 30.0
FULL_PERCENT = 90
# Shares of the CPU's time from which they are worth a sentence.
MUCH_WAIT_PERCENT = 20
MUCH_STOLEN_PERCENT = 10
# Less than this is no consumer.
LEAST_PERCENT = 0.1
# Two stamps of one birth differ by this at most.
SAME_S = 2.0

Fields = dict[str, Any]
Key = tuple[int, float]


class Seen(NamedTuple):
    """One process at one moment: seconds of CPU of its own, and of its children that ended."""

    name: str
    parent: int
    own_s: float
    ended_s: float = 0.0
    rss: int = 0


def look() -> dict[Key, Seen]:
    """Return all processes that may be looked at, by number and birth; Windows calls the idle time process 0."""
    found = {}
    for one in psutil.process_iter(["ppid", "cpu_times", "memory_info", "create_time"]):
        known = one.info
        if one.pid == 0 or one.pid == os.getpid() or None in (known["cpu_times"], known["create_time"]):
            continue
        times, memory = known["cpu_times"], known["memory_info"]
        found[one.pid, known["create_time"]] = Seen(
            name=named(one),
            parent=known["ppid"] or 0,
            own_s=times.user + times.system,
            ended_s=getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0),
            rss=0 if memory is None else memory.rss,
        )
    return found


def named(process: psutil.Process) -> str:
    """Return the name of a program, where the system tells it."""
    try:
        return shown(process.name(), 40) or "?"
    except (OSError, psutil.Error):
        return "?"


def used(before: Mapping[Key, Seen], after: Mapping[Key, Seen]) -> dict[Key, float]:
    """Return the seconds of CPU that each process used between two looks, by children that ended meanwhile too.

    What is gone left all it ever used to its nearest ancestor that is still there; what of that was known
    before is not of this second.
    """
    gone = {key[0]: was for key, was in before.items() if key not in after}
    known: dict[int, float] = defaultdict(float)
    for was in gone.values():
        heir = was.parent
        for _ in gone:
            heir = gone[heir].parent if heir in gone else heir
        known[heir] += was.own_s + was.ended_s
    found = {}
    for key, now in after.items():
        was = before.get(key, Seen(now.name, now.parent, 0.0))
        found[key] = max(0.0, now.own_s - was.own_s) + max(0.0, now.ended_s - was.ended_s - known[key[0]])
    return found


def processor(times: Any, each: list[float]) -> Iterator[str]:
    """Tell what the CPUs did in the second, and what that means where it is no program's doing."""
    parts = {name: value for name, value in times._asdict().items() if value >= 0.5}
    waiting, stolen = parts.get("iowait", 0.0), parts.get("steal", 0.0)
    busy = max(0.0, 100 - times.idle - waiting)
    spent = ", ".join(f"{name} {value:.0f}" for name, value in parts.items() if name not in ("idle", "guest"))
    full = sum(value >= FULL_PERCENT for value in each)
    yield f"CPU {busy:.0f} % busy{f' ({spent})' if spent else ''}; {full} of {len(each)} CPUs full"
    if waiting >= MUCH_WAIT_PERCENT:
        yield f"for {waiting:.0f} % of the time it could only wait for disks"
    if stolen >= MUCH_STOLEN_PERCENT:
        yield f"{stolen:.0f} % was taken by the host of this virtual machine: look there"


def waiting(root: Path = Path("/proc/pressure")) -> Iterator[str]:
    """Tell the load averages, and how long somebody waited for a CPU."""
    if sys.platform == "win32":
        yield "load: Windows keeps no load average"
    else:
        yield "load {:.2f}, {:.2f}, {:.2f} over 1, 5, 15 min".format(*os.getloadavg())
    try:
        some = (root / "cpu").read_text(encoding="ascii").split()[1:4]
        shares = "{:.0f} %, {:.0f} %, {:.0f} %".format(*(float(field.partition("=")[2]) for field in some))
    except (OSError, ValueError, IndexError):
        yield "pressure: this system does not tell"
        return
    yield f"somebody waited for a CPU for {shares} of 10 s, 60 s, 5 min"


def table(after: Mapping[Key, Seen], shares: Mapping[Key, float], top: int) -> Iterator[str]:
    """Tell the processes with most CPU."""
    names = {key[0]: seen.name for key, seen in after.items()}
    ranked = sorted((key for key in after if shares[key] >= LEAST_PERCENT), key=lambda key: -shares[key])
    if not ranked:
        yield "no process used any CPU worth a line"
        return
    yield f"{'CPU %':>6} {'memory':>9} {'pid':>8}  {'user':12} program"
    for key in ranked[:top]:
        seen = after[key]
        parent = f", started by {names[seen.parent]}" if seen.parent in names else ""
        yield f"{shares[key]:6.1f} {seen.rss / 1e6:6.0f} MB {key[0]:8}  {user(key[0]):12} {seen.name}{parent}"
    if len(ranked) > top:
        yield f"{sum(shares[key] for key in ranked[top:]):6.1f} in {len(ranked) - top} more processes"


def user(pid: int) -> str:
    """Name whose process it is, where that may be known."""
    try:
        return shown(psutil.Process(pid).username().rpartition("\\")[2], 12)
    except (OSError, KeyError, psutil.Error):
        return "?"


def fate(event: Fields, after: Mapping[Key, Seen], shares: Mapping[Key, float]) -> Iterator[str]:
    """Tell what became of the process that the event blames."""
    blamed = event.get("culprit")
    if not isinstance(blamed, dict):
        return
    pid, created = number(blamed.get("pid")), number(blamed.get("created"))
    here = [key for key in after if key[0] == pid]
    if not here:
        yield "  it is gone meanwhile"
    elif created is None or abs(here[0][1] - created) > SAME_S:
        yield "  it is gone meanwhile; its number is another process now"
    else:
        yield f"  it is still there, with {shares[here[0]]:.1f} % of the CPU in this second"


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
    """Tell the event and who uses the CPU; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    event, trouble = told(os.environ.get(EVENT))
    if not (os.environ.get(EVENT) or options.always):
        print(f"{trouble}: nothing is looked at; --always does so all the same")
        return 0
    psutil.cpu_times_percent()
    psutil.cpu_percent(percpu=True)
    before, started = look(), time.perf_counter()
    time.sleep(min(LONGEST_S, max(SHORTEST_S, options.seconds)))
    times, each = psutil.cpu_times_percent(), psutil.cpu_percent(percpu=True)
    after, seconds = look(), time.perf_counter() - started
    whole = seconds * len(each)
    shares = {key: min(100.0, 100 * cpu_s / whole) for key, cpu_s in used(before, after).items()}
    for line in [trouble] if trouble else [*facts(event), *fate(event, after, shares)]:
        print(line)
    print(f"Now, over {seconds:.1f} s")
    for line in [*processor(times, each), *waiting(), *table(after, shares, options.top)]:
        print(f"  {line}")
    return 0 if after else BROKEN


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description="Who uses the CPU, when an event asks.")
    add = parser.add_argument
    add("--always", action="store_true", help="look without an event too")
    add("--seconds", type=float, default=1.0, metavar="S", help="how long to measure (1)")
    add("--top", type=int, default=10, metavar="N", help="how many processes to name (10)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
