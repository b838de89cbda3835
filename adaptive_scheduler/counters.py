"""The system's own CPU counters -> Reading, and the mean load between two of them.

Counters cover the CPUs this process may use. On Linux /proc/stat is read directly: psutil's list says
nothing of a CPU's number, which matters when one is offline or out of our reach. And loading psutil takes longer than
all that a cycle with nothing due has to do, so it is loaded where it is needed.
"""

import os
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from adaptive_scheduler import limits as containers
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.reading import Reading

ROOT = Path("/")

WORK = ("user", "nice", "system", "irq")
"""What psutil calls work outside Linux; Windows' `interrupt` and `dpc` are part of its `system`."""


def read_counters(root: Path = ROOT, usable: Collection[int] | None = None) -> Reading:
    """Return busy and total CPU seconds since boot of the CPUs numbered in `usable` (default: ours).

    Inside a container whose CPU limit is below these CPUs: what the container used, and its limit.
    """
    mine = _usable_cpus() if usable is None else usable
    limits = containers.limits(root)
    used_s = None if limits.cpu_group is None else containers.cpu_seconds(limits.cpu_group)
    source, cpus = "host", float(len(mine))
    if limits.cpus is not None and used_s is not None and limits.cpus < cpus:
        source, cpus = "cgroup", limits.cpus
        busy_s, total_s = used_s, _uptime_s() * limits.cpus
    else:
        pairs = list(_proc_stat(root, mine)) or list(_psutil(mine))
        busy_s, total_s = sum(busy for busy, _ in pairs), sum(total for _, total in pairs)
    return {
        "boot": _boot_id(root),
        "busy_s": round(busy_s, 3),
        "total_s": round(total_s, 3),
        "cpus": cpus,
        "source": source,
        "own_s": round(time.process_time(), 3),
    }


def cpu_percent(before: Reading, after: Reading, *, less_s: float = 0.0) -> float | None:
    """Return the mean CPU between two readings in per cent, `less_s` CPU seconds left out.

    None when they do not belong together: another boot, other CPUs, counters that went back.
    """
    if any(before.get(key) != after.get(key) for key in ("boot", "cpus", "source")):
        return None
    try:
        total = float(after["total_s"]) - float(before["total_s"])
        busy = float(after["busy_s"]) - float(before["busy_s"])
    except (KeyError, ValueError, TypeError):
        return None
    if not (total > 0 and busy >= 0):
        return None
    return round(min(100.0, max(0.0, 100.0 * (busy - less_s) / total)), 2)


def _proc_stat(root: Path, usable: Collection[int]) -> Iterator[tuple[float, float]]:
    """Yield busy and total seconds of each usable CPU; nothing where there is no /proc/stat."""
    try:
        lines = (root / "proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        name, *fields = line.split() or [""]
        if not name.startswith("cpu") or not name[3:].isdigit() or int(name[3:]) not in usable:
            continue
        # Guest time, the ninth field and the tenth, is part of user time already.
        ticks = [int(field) / _ticks_a_second() for field in fields[:8]]
        # Waiting for a disk, the fifth field, is no work.
        total = sum(ticks)
        yield total - sum(ticks[3:5]), total


def _psutil(usable: Collection[int]) -> Iterator[tuple[float, float]]:
    import psutil

    each = psutil.cpu_times(percpu=True)
    for number, times in enumerate(each):
        if number in usable or len(usable) >= len(each):
            busy = sum(getattr(times, kind, 0.0) for kind in WORK)
            yield busy, busy + times.idle


def _ticks_a_second() -> int:
    if sys.platform == "win32":
        return 100
    return os.sysconf("SC_CLK_TCK")


def _usable_cpus() -> Collection[int]:
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    import psutil

    return range(psutil.cpu_count() or 1)


def _uptime_s() -> float:
    """Return seconds since boot, a machine's sleep included where the system can tell."""
    return Clock().uptime() or time.monotonic()


def _boot_id(root: Path) -> str:
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        # Elsewhere the boot time stands in, to the minute: it wobbles when the clock is adjusted.
        return str(round(psutil.boot_time() / 60))
