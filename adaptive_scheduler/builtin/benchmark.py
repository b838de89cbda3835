"""Measure CPU, memory and disk in under 3 seconds and compare with this machine's own past.

Each figure is the best of a few short rounds, since what disturbs a round only ever slows it. The
comparison is with the median of earlier runs of the same machine and Python, so neither a hardware change
nor an upgrade looks like a fault. Started by an event it measures nothing: a machine in trouble is not helped
by a benchmark, and its past not made better. Exit code 10: much slower than that (`--slow`); 1: not measured.
"""

import argparse
import io
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

SLOWER = 10
BROKEN = 1
FILE = "performance_benchmark.json"
EVENT = "ADAPTIVE_EVENT"
KEPT_RUNS = 500
# A median of fewer runs says little.
ENOUGH_RUNS = 5
ROUNDS = 5
BUDGET_S = 0.7
CPU_STEPS = 200_000
MEMORY_BYTES = 16 * 2**20
DISK_BYTES = 4 * 2**20
CHUNK_BYTES = 2**18

Entry = dict[str, Any]


class Figure(NamedTuple):
    """One measured speed; more is better."""

    name: str
    value: float
    unit: str


def best(work: Callable[[], float]) -> float:
    """Return the highest speed of a few rounds, of fewer where one alone is slow."""
    started = time.perf_counter()
    speeds = [work()]
    while len(speeds) < ROUNDS and time.perf_counter() - started < BUDGET_S:
        speeds.append(work())
    return max(speeds)


def cpu() -> float:
    """Return millions of Python steps a second on one CPU."""
    started = time.perf_counter()
    value = 0
    for step in range(CPU_STEPS):
        value = (value * 31 + step) & 0xFFFFFFFF
    return CPU_STEPS / 1e6 / (time.perf_counter() - started)


def memory() -> float:
    """Return gigabytes a second copied."""
    block = bytearray(MEMORY_BYTES)
    started = time.perf_counter()
    copy = bytes(block)
    return len(copy) / 1e9 / (time.perf_counter() - started)


def disk(folder: Path) -> float:
    """Return megabytes a second written and made durable in the folder. Raises OSError."""
    # Random bytes: a file system that compresses shall not look fast.
    chunk = os.urandom(CHUNK_BYTES)
    # A file without a name where the system has such: a killed run leaves nothing behind.
    with tempfile.TemporaryFile(dir=folder) as file:
        started = time.perf_counter()
        for _ in range(DISK_BYTES // CHUNK_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return DISK_BYTES / 1e6 / (time.perf_counter() - started)


def compared(figure: Figure, past: list[Entry]) -> tuple[str, float | None]:
    """Return the figure in words, and its ratio to the median of its past once that is long enough."""
    text = f"{figure.name:7}{figure.value:9.1f} {figure.unit:12}"
    values = [entry[figure.name] for entry in past if isinstance(entry.get(figure.name), int | float)]
    median = statistics.median(values) if values else 0
    if median <= 0:
        return f"{text}first run: nothing to compare with yet", None
    ratio = figure.value / median
    runs = "1 run" if len(values) == 1 else f"{len(values)} runs"
    return f"{text}{ratio:.2f} x its median of {runs}", ratio if len(values) >= ENOUGH_RUNS else None


def this_machine() -> str:
    """Name what must be equal for two figures to be comparable."""
    return f"{platform.node()} {platform.machine()} {os.cpu_count()} CPUs Python {platform.python_version()}"


def read(path: Path) -> list[Entry]:
    """Return the earlier runs; a damaged file is set aside, so that its end can still be looked at."""
    try:
        entries = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        print(f"'{path.name}' was damaged: set aside as '{aside.name}', begun anew")
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def save(path: Path, text: str) -> None:
    """Replace the file as a whole or not at all. Raises OSError."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def main(argv: list[str] | None = None) -> int:
    """Measure, compare, append, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    if os.environ.get(EVENT):
        print("an event started this: nothing is measured beside it, and nothing kept; the next beat does both")
        return 0
    path: Path = options.data / FILE
    try:
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        entries = read(path)
        figures = [
            Figure("cpu", best(cpu), "M steps/s"),
            Figure("memory", best(memory), "GB/s"),
            Figure("disk", best(lambda: disk(options.data)), "MB/s"),
        ]
        now = datetime.now(UTC)
        machine = this_machine()
        past = [entry for entry in entries if entry.get("machine") == machine]
        new: Entry = {"at": now.isoformat(timespec="seconds"), "machine": machine}
        new |= {figure.name: round(figure.value, 3) for figure in figures}
        rows = ",\n".join(json.dumps(entry) for entry in [*entries, new][-KEPT_RUNS:])
        save(path, f"[\n{rows}\n]\n")
    except OSError as error:
        print(f"not measured in '{options.data}': {error.strerror}; name another folder with --data")
        return BROKEN
    slow = []
    for figure in figures:
        text, ratio = compared(figure, past)
        print(text)
        if ratio is not None and ratio < options.slow:
            slow.append(figure.name)
    if slow:
        print(f"much slower than usual (limit {options.slow:g} x the median): {', '.join(slow)}")
    return SLOWER if slow else 0


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    data = Path(os.environ.get("ADAPTIVE_DATA") or "outputs/data")
    parser = argparse.ArgumentParser(
        description="A small CPU, memory and disk benchmark, compared with its own past.",
        epilog="Exit: 0 fine, 10 much slower than usual, 1 not measured.",
    )
    parser.add_argument(
        "--data", type=Path, default=data, metavar="DIR", help=f"where '{FILE}' is kept ($ADAPTIVE_DATA)"
    )
    parser.add_argument(
        "--slow", type=float, default=0.4, metavar="X", help="much slower: below X times the median (0.4); 0: never"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
