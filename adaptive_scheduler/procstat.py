"""One small read of /proc a process: who is there, how large, and what it has used. Linux only, plain values."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

STAT_BYTES = 4096
LONGEST_COMM = 15
"""The kernel cuts names here; the command line often knows the rest."""

LONGEST_NAME = 64

Row = tuple[int, str, float, int, float, int, float]
"""A process: pid, name, when it was born, resident bytes, its CPU seconds, its parent, those of its ended children."""


def rows(root: Path) -> Iterator[Row]:
    """Yield every process that can be seen; one that ends meanwhile is left out."""
    folder, boot_s = f"{root / 'proc'}", _boot_s(root)
    ticks_a_second, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
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
        yield (
            int(name),
            comm.decode("utf-8", "replace"),
            round(boot_s + started / ticks_a_second, 2),
            rss,
            own / ticks_a_second,
            parent,
            ended_children / ticks_a_second,
        )


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


def _boot_s(root: Path) -> float:
    """Return when this machine was started, as psutil has it: what others learn of a process is equal to ours."""
    with suppress(OSError):
        for line in (root / "proc/stat").read_bytes().splitlines():
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0
