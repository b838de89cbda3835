"""/proc of Linux: which processes there are, who descends from whom, and what they use.

A process may end between two reads: then it is not there, and that is all.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
DEAD = "ZXx"


class Process(NamedTuple):
    """One line of /proc/PID/stat: the parent, the state letter, CPU seconds with reaped children, RSS."""

    parent: int
    state: str
    cpu_s: float
    memory_bytes: int


def pids() -> Iterator[int]:
    """Yield the ids of all processes that can be seen."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            yield int(entry.name)


def look(pid: int) -> Process | None:
    """Return what the kernel says of a process, None when there is none."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name stands in parentheses and may hold any character, so the fields count from the last one.
    fields = line[line.rindex(b")") + 2 :].split()
    cpu_s = sum(int(field) for field in fields[11:15]) / TICKS_PER_S
    return Process(int(fields[1]), fields[0].decode(), cpu_s, int(fields[21]) * PAGE_BYTES)


def everybody() -> dict[int, Process]:
    """Return all processes."""
    found = ((pid, look(pid)) for pid in pids())
    return {pid: process for pid, process in found if process is not None}


def below(root: int, processes: Mapping[int, Process]) -> set[int]:
    """Return the living descendants of a process; the dead still hand on their children."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    family: set[int] = set()
    frontier = [root]
    while frontier:
        for pid in children.get(frontier.pop(), ()):
            if pid not in family:
                family.add(pid)
                frontier.append(pid)
    return {pid for pid in family if processes[pid].state not in DEAD}


def family(root: int) -> dict[int, Process]:
    """Return the descendants of a process without looking at the whole machine.

    Cheap, for sampling; while processes come and go it may miss one.
    """
    found: dict[int, Process] = {}
    frontier = list(children(root))
    while frontier:
        pid = frontier.pop()
        process = look(pid) if pid not in found else None
        if process is not None:
            found[pid] = process
            frontier.extend(children(pid))
    return found


def children(pid: int) -> Iterator[int]:
    """Yield the ids of a process's own children, the dead included; none where the kernel has no such list."""
    try:
        threads = list(os.scandir(f"/proc/{pid}/task"))
    except OSError:
        return
    for thread in threads:
        try:
            yield from map(int, Path(thread.path, "children").read_bytes().split())
        except OSError:
            continue


def environment(pid: int) -> list[bytes]:
    """Return the environment a process was started with, empty when it may not be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
