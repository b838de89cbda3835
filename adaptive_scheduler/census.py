"""All processes of this machine at one moment, and which run of ours one of them belongs to.

On Linux one small read of /proc a process, for this is asked every cycle; elsewhere psutil. A process that
ends meanwhile, or that may not be looked at, is left out, and that is all.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptive_scheduler.events import Process

ROOT = Path("/")
RUN_ID = "ADAPTIVE_RUN_ID"
STAT_BYTES = 4096
LONGEST_COMM = 15
"""The kernel cuts names here; the command line often knows the rest."""

LONGEST_NAME = 64


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
    folder, boot_s, ticks_a_second, page_bytes = f"{root / 'proc'}", _boot_s(root), _ticks_a_second(), _page_bytes()
    for name in _listed(folder):
        if not name.isdecimal() or (line := _read(f"{folder}/{name}/stat")) is None:
            continue
        # The name stands in parentheses and may hold any character, so the fields count from the last one.
        head, _, rest = line.rpartition(b")")
        fields = rest.split()
        try:
            parent, started = int(fields[1]), int(fields[19])
            own, ended_children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
            rss = int(fields[21]) * page_bytes
        except (IndexError, ValueError):
            continue
        comm = head.partition(b"(")[2]
        if len(comm) >= LONGEST_COMM and rss > 0:
            comm = _whole(comm, f"{folder}/{name}/cmdline")
        yield Process(
            pid=int(name),
            name=comm.decode("utf-8", "replace"),
            created=round(boot_s + started / ticks_a_second, 2),
            rss=rss,
            cpu_s=own / ticks_a_second,
            parent=parent,
            ended_children_s=ended_children / ticks_a_second,
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


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - Path objects cost more than the reading
    except OSError:
        return []


def _read(path: str) -> bytes | None:
    """Return the beginning of a file of /proc, None when there is none: a process may end at any time."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, STAT_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _whole(comm: bytes, path: str) -> bytes:
    """Return the name that was cut, as far as the command line begins with it.

    A program may have written a whole title there; what comes after the next space is none of our business.
    """
    first = (_read(path) or b"").partition(b"\0")[0].rpartition(b"/")[2]
    rest = first[len(comm) : LONGEST_NAME].partition(b" ")[0]
    return comm + rest if first.startswith(comm) else comm


def _clean(name: str) -> str:
    """Return a name that every file can hold: psutil passes on bytes that are no text as lone surrogates."""
    return name.encode("utf-8", "replace").decode()


def _boot_s(root: Path) -> float:
    """Return when this machine was started, as psutil has it: what others learn of a process is equal to ours."""
    with suppress(OSError):
        for line in (root / "proc/stat").read_bytes().splitlines():
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


def _ticks_a_second() -> int:
    if sys.platform == "win32":
        return 100
    return os.sysconf("SC_CLK_TCK")


def _page_bytes() -> int:
    if sys.platform == "win32":
        return 4096
    return os.sysconf("SC_PAGE_SIZE")
