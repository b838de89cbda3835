"""What a container may use: cgroup v2 files -> CPU and memory limits. Reads files, keeps nothing.

A process in a container sees the host's counters; its own limits stand in cpu.max and memory.max of its
cgroup and of every one above it, and the smallest counts.
"""

from pathlib import Path
from typing import NamedTuple

MOUNT = Path("sys/fs/cgroup")


class Limits(NamedTuple):
    """The tightest limits that hold for this process, each with the cgroup folder that sets it."""

    cpus: float | None = None
    cpu_group: Path | None = None
    memory_bytes: int | None = None
    memory_group: Path | None = None


def limits(root: Path = Path("/")) -> Limits:
    """Return the limits of this process's cgroup; all None where there is no cgroup v2 or no limit."""
    found = Limits()
    for group in _groups(root):
        cpus, memory = _cpus(group), _bytes(group / "memory.max")
        if cpus is not None and (found.cpus is None or cpus < found.cpus):
            found = Limits(cpus, group, found.memory_bytes, found.memory_group)
        if memory is not None and (found.memory_bytes is None or memory < found.memory_bytes):
            found = Limits(found.cpus, found.cpu_group, memory, group)
    return found


def cpu_seconds(group: Path) -> float | None:
    """Return the CPU seconds that a cgroup has used, None when it does not say."""
    used = _keyed(group / "cpu.stat").get("usage_usec")
    return None if used is None else used / 1e6


def memory_used(group: Path) -> int | None:
    """Return the bytes that a cgroup uses; file pages that can be dropped at once do not count as used."""
    used = _bytes(group / "memory.current")
    if used is None:
        return None
    return max(0, used - _keyed(group / "memory.stat").get("inactive_file", 0))


def memory_percent(group: Path, limit: int) -> float | None:
    """Return memory use against the limit."""
    used = memory_used(group)
    return None if used is None or limit <= 0 else min(100.0, 100.0 * used / limit)


def pressure(root: Path, group: Path | None = None) -> dict[str, float]:
    """Return the share of time, in per cent over a minute, that somebody waited for cpu, memory, io.

    The figures of `group` where it has any, the host's otherwise; empty where the kernel has none.
    """
    found = {}
    for kind in ("cpu", "memory", "io"):
        own = "" if group is None else _text(group / f"{kind}.pressure")
        for line in (own or _text(root / "proc/pressure" / kind)).splitlines():
            fields = dict(field.split("=", 1) for field in line.split()[1:] if "=" in field)
            if line.startswith("some ") and "avg60" in fields:
                found[kind] = float(fields["avg60"])
    return found


def _groups(root: Path) -> list[Path]:
    """Return this process's cgroup folder and those above it, the innermost first."""
    lines = _text(root / "proc/self/cgroup").splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return []
    mount = root / MOUNT
    folder = mount / own.strip().lstrip("/")
    return [path for path in (folder, *folder.parents) if path == mount or mount in path.parents]


def _cpus(group: Path) -> float | None:
    quota, _, period = _text(group / "cpu.max").strip().partition(" ")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _bytes(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _keyed(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
