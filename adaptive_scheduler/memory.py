"""How much memory is in use and how much is left, of this machine or of the container this process is in.

On Linux /proc/meminfo is read as psutil reads it; psutil is loaded where that is not there or makes no sense.
"""

from pathlib import Path

from adaptive_scheduler import limits as containers

ROOT = Path("/")

KIB = 1024


def used(root: Path = ROOT) -> tuple[float, int, int]:
    """Return memory use in per cent, the bytes a program could have without swapping, and all there are."""
    percent, available, total = _of_proc(root) or _of_psutil()
    limits = containers.limits(root)
    if (
        limits.memory_bytes is not None
        and limits.memory_group is not None
        and limits.memory_bytes < total
        and (inside := containers.memory_percent(limits.memory_group, limits.memory_bytes)) is not None
    ):
        left = round(limits.memory_bytes * (1 - inside / 100))
        return round(inside, 1), min(left, available), limits.memory_bytes
    return percent, available, total


def _of_proc(root: Path) -> tuple[float, int, int] | None:
    """Return what the kernel says of the host; None where it says nothing, or something that cannot be."""
    found: dict[bytes, int] = {}
    try:
        for line in (root / "proc/meminfo").read_bytes().splitlines():
            name, _, rest = line.partition(b":")
            if name in (b"MemTotal", b"MemAvailable"):
                found[name] = int(rest.split()[0]) * KIB
    except (OSError, ValueError, IndexError):
        return None
    total, available = found.get(b"MemTotal", 0), found.get(b"MemAvailable", -1)
    if not 0 <= available <= total or not total:
        return None
    return round(100.0 * (total - available) / total, 1), available, total


def _of_psutil() -> tuple[float, int, int]:
    import psutil

    host = psutil.virtual_memory()
    return float(host.percent), host.available, host.total
