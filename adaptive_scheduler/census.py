"""All processes of this machine at one moment, and which run of ours one of them belongs to.

On Linux one small read of /proc a process, for this is asked every cycle; elsewhere psutil. A process that
ends meanwhile, or that may not be looked at, is left out, and that is all.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptive_scheduler import procstat
from adaptive_scheduler.events import Process

ROOT = Path("/")
RUN_ID = "ADAPTIVE_RUN_ID"


def take() -> tuple[Process, ...]:
    """Return all processes that can be seen, none where the system shows none; whose runs they are is not asked."""
    return tuple(_from_proc(ROOT) if sys.platform == "linux" else _from_psutil())


def claimed(processes: Iterable[Process]) -> tuple[Process, ...]:
    """Return the processes with the ids of our runs; dear where there are many, so ask for the largest only."""
    return tuple(replace(one, run_id=run_id_of(one.pid)) for one in processes)


def run_id_of(pid: int) -> str:
    """Return the ADAPTIVE_RUN_ID that a process was started with, empty when it has none or may not be asked."""
    return _marked_in_proc(pid, ROOT) if sys.platform == "linux" else _marked_in_psutil(pid)


def _from_proc(root: Path) -> Iterator[Process]:
    for pid, name, created, rss, cpu_s, parent, ended_children_s in procstat.rows(root):
        yield Process(
            pid=pid,
            name=name,
            created=created,
            rss=rss,
            cpu_s=cpu_s,
            parent=parent,
            ended_children_s=ended_children_s,
        )


def _from_psutil() -> Iterator[Process]:
    for one in _all_of_psutil():
        known = one.info
        # What Windows calls the process 0 is the time in which nothing ran.
        if one.pid == 0 or None in (known["create_time"], known["memory_info"], known["cpu_times"]):
            continue
        times = known["cpu_times"]
        yield Process(
            pid=one.pid,
            name=_clean(known["name"] or ""),
            created=round(known["create_time"], 2),
            rss=known["memory_info"].rss,
            cpu_s=times.user + times.system,
            parent=known["ppid"] or 0,
            ended_children_s=getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0),
        )


def _all_of_psutil() -> Iterator[Any]:
    import psutil

    with suppress(psutil.Error, OSError):
        yield from psutil.process_iter(["name", "create_time", "memory_info", "cpu_times", "ppid"])


def _marked_in_proc(pid: int, root: Path) -> str:
    with suppress(OSError):
        for entry in (root / f"proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == RUN_ID.encode():
                return value.decode("utf-8", "replace")
    return ""


def _marked_in_psutil(pid: int) -> str:
    import psutil

    with suppress(psutil.Error, OSError):
        return _clean(psutil.Process(pid).environ().get(RUN_ID, ""))
    return ""


def _clean(name: str) -> str:
    """Return a name that every file can hold: psutil passes on bytes that are no text as lone surrogates."""
    return name.encode("utf-8", "replace").decode()
