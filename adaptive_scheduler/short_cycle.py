"""The short cycle: measure, see that nothing can have become due, write down what was seen, and end.

Most cycles find nothing to do. The whole cycle before has left a note (standing.py) that says until when nothing can
change, whatever is measured, and with which CPU the rhythm stays as it is; as long as it holds, a cycle need not load
the tasks, the state, the rules or the history. What it sees is taken in by the next whole one, or by whoever looks.
Any doubt, and anything that goes wrong here, means a whole cycle: it finds out, and says so.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import beatfile, counters, files, limits, locks, logfile, memory, places, standing, trust
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.tempo import tempo_of

FAKE_SAMPLE = "ADAPTIVE_FAKE_SAMPLE"

MOST = 5
"""After this many short cycles comes a whole one, which has eyes for more: events, the upkeep of files."""

SOONEST, LATEST = 0.5, 1.5
"""In ticks since the cycle before; what comes at another time is no ordinary tick."""

LOCK_WAIT_S = 1.0
LOG_WAIT_S = 10.0
LARGEST_PROCESSES = 10

SILENT = frozenset(("--quiet", "--faults-only"))


def attempt(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Do the cycle that the command line asks for if it can be a short one; False when it takes a whole one."""
    path = _asked(words, environ)
    if path is None:
        return False
    try:
        return _short(path, Clock.from_environment(environ), environ)
    except Exception:  # a whole cycle meets the same trouble, and knows what to say of it
        return False


def config_of(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the PATH of a leading `--config PATH`, None without one, and the words after it."""
    if len(words) > 1 and words[0] == "--config" and words[1] and not words[1].startswith("-"):
        return words[1], words[2:]
    return None, words


def _asked(words: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Return the tasks.toml of an ordinary `run` that nobody watches, else None."""
    config, rest = config_of(words)
    named = config or environ.get(places.VARIABLE) or places.FILE_NAME
    if not rest or rest[0] != "run" or not SILENT.issuperset(rest[1:]) or named.startswith("~"):
        return None
    watched = len(rest) == 1 and sys.stderr is not None and sys.stderr.isatty()
    if watched or environ.get(FAKE_SAMPLE):
        return None
    return Path(os.path.abspath(named))  # noqa: PTH100  # resolve() would follow a link to another folder


def _short(path: Path, clock: Clock, environ: Mapping[str, str]) -> bool:
    found = _note(path)
    if found is None:
        return False
    folder, note = found
    if trust.objection(str(path), environ) or trust.objection_to_folder(str(folder), environ):
        return False
    with locks.hold(folder / standing.LOCK, timeout_s=LOCK_WAIT_S):
        now = clock.now()
        before = beatfile.lines(folder)
        if not _holds(note, path, folder, before, now) or (seen := _seen(note, before, now, clock)) is None:
            return False
        beatfile.add(folder, seen)
    _tell(folder, note["log"], seen, now, clock.now())
    return True


def _note(path: Path) -> tuple[Path, standing.Note] | None:
    """Return the state folder of a tasks.toml, and the note in it; the usual folder needs no look into the file."""
    usual = path.parent / places.DEFAULT_STATE_DIR
    note = standing.read(usual)
    if note is not None and note["path"] == str(path):
        return usual, note
    for folder in places.state_folders(path, files.read_named(path)):
        note = standing.read(folder)
        if note is not None and note["path"] == str(path):
            return folder, note
    return None


def _holds(note: standing.Note, path: Path, folder: Path, before: list[beatfile.Line], now: datetime) -> bool:
    """Whether the note is of these very files, and this is an ordinary tick within its time."""
    rested = len(before)
    at = before[-1]["at"] if before else note["at"]
    since_s = (now - datetime.fromisoformat(at)).total_seconds()
    return bool(
        rested < MOST
        and beatfile.is_whole(folder, rested)
        and note["config"] == standing.signature(path)
        and note["state"] == standing.signature(folder / standing.STATE)
        and SOONEST * note["tick_s"] <= since_s <= LATEST * note["tick_s"]
        and (note["until"] is None or now < datetime.fromisoformat(note["until"]))
    )


def _seen(note: standing.Note, before: list[beatfile.Line], now: datetime, clock: Clock) -> beatfile.Line | None:
    """Measure; None where the load bends the intervals another way than when the note was made."""
    reading: dict[str, Any] = dict(counters.read_counters())
    cpu = counters.cpu_percent(before[-1]["reading"] if before else note["reading"], reading)
    if cpu is None or tempo_of(cpu, note["low_cpu"], note["high_cpu"]) != note["tempo"]:
        return None
    uptime_s = clock.uptime()
    if uptime_s is not None:
        reading["uptime_s"] = round(uptime_s, 3)
    percent, available, total = memory.used()
    found = limits.limits()
    return {
        "cycle": note["cycle"] + len(before) + 1,
        "at": now.astimezone(UTC).isoformat(),
        "reading": reading,
        "cpu": cpu,
        "memory": percent,
        "available": available,
        "total": total,
        "pressure": limits.pressure(counters.ROOT, found.memory_group or found.cpu_group),
        "processes": _largest() if note["census"] else [],
    }


def _largest() -> list[tuple[int, str, float, int]]:
    """Return the largest processes; off Linux to ask takes longer than all the rest, so it waits for a whole cycle."""
    if sys.platform != "linux":
        return []
    from adaptive_scheduler import procstat

    there = sorted((row for row in procstat.rows(counters.ROOT) if row[3] > 0), key=lambda row: (-row[3], row[0]))
    return [row[:4] for row in there[:LARGEST_PROCESSES]]


def _tell(folder: Path, log: Mapping[str, Any], seen: beatfile.Line, began: datetime, now: datetime) -> None:
    """Write the lines that any cycle writes; a log that cannot be written is the next whole cycle's to tell of."""
    line = logfile.as_json if log["form"] == "json" else logfile.as_text
    closing = logfile.closing(began, seen["cycle"], seen["cpu"], seen["memory"], "none")
    content = line(began, "INFO", logfile.SCHEDULER, logfile.OPENING) + line(now, "INFO", logfile.SCHEDULER, closing)
    try:
        logfile.append(folder, content, max_bytes=log["max_bytes"], keep=log["keep"], wait_s=LOG_WAIT_S)
    except (OSError, TimeoutError):
        return
