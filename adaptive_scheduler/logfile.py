"""The file of the text log: how a line looks, how lines get into it, when it is rotated.

Whole lines are appended under a lock of the log's own and the file is closed at once, so overlapping
cycles lose no line when one of them rotates it, on Windows too.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from adaptive_scheduler import files, locks

NAME = "adaptive_scheduler.log"
SCHEDULER = "SCHEDULER"
OPENING = "Adaptive Scheduler Started"


def as_text(at: datetime, level: str, source: str, text: str) -> str:
    """Return a line for people; `text` holds nothing that could forge another one."""
    return f"[{at:%Y-%m-%d %H:%M:%S}] [{level}] [{source}] {text}\n"


def as_json(at: datetime, level: str, source: str, text: str) -> str:
    """Return a line for machines."""
    fields = {"at": at.astimezone(UTC).isoformat(), "level": level, "source": source, "text": text}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def closing(began: datetime, cycle: int, cpu: float | None, memory: float | None, tasks: str) -> str:
    """Word the last line of a cycle; `tasks` names what it started."""
    return f"[Cycle {cycle} @ {began:%H:%M:%S}] CPU: {short(cpu)} | Memory: {short(memory)} | Tasks: {tasks}"


def short(value: float | None) -> str:
    """Return a percentage as the log writes it: '18%', '45.9%'."""
    return "unknown" if value is None else f"{round(value, 1):g}%"


def append(folder: Path, content: str, *, max_bytes: int, keep: int, wait_s: float) -> None:
    """Append lines to the log of a state folder, rotating it first when it is full; raises OSError or TimeoutError."""
    path = folder / NAME
    files.private_folder(folder)
    with locks.hold(folder / f"{NAME}.lock", timeout_s=wait_s):
        if path.exists() and path.stat().st_size >= max_bytes:
            _rotate(path, keep)
        files.append(path, content.encode(errors="backslashreplace"))


def _rotate(path: Path, keep: int) -> None:
    names = [path, *(path.with_name(f"{NAME}.{n}") for n in range(1, keep + 1))]
    names[-1].unlink(missing_ok=True)
    for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
        if newer.exists():
            files.replace(newer, older)
