"""What a command costs: wall time, CPU and peak memory of its own process, from the system's accounts.

A small launcher starts the command and waits for it, because the system counts the memory of whoever
starts a process as the process's own until it becomes another program. Linux and macOS only.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LAUNCHER = """
import os, sys, time
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
code = os.waitstatus_to_exitcode(status)
os.write(2, f"\\n{code} {wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss * unit}".encode())
"""

PASS = (sys.executable, "-c", "pass")
"""The least that any Python program costs; what others are compared with."""


@dataclass(frozen=True)
class Cost:
    """Wall and CPU time in milliseconds, peak memory in megabytes."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


@dataclass(frozen=True)
class Case:
    """Medians of one command, and the medians of its ratios to `python -c pass` run just before it."""

    cost: Cost
    ratio: Cost

    def as_plain(self) -> dict[str, float]:
        """Return it as JSON values."""
        return {
            **{name: round(value, 2) for name, value in vars(self.cost).items()},
            **{f"{name.rpartition('_')[0]}_ratio": round(value, 2) for name, value in vars(self.ratio).items()},
        }


def cost(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Cost:
    """Run a command once; RuntimeError with what it said when it does not end with 0."""
    if sys.platform == "win32":
        raise RuntimeError("the benchmarks need wait4: run them on Linux or macOS")
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *argv],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    said, _, account = launched.stderr.rpartition("\n")
    code, wall_s, cpu_s, peak_bytes = map(float, account.split())
    if code:
        raise RuntimeError(f"'{' '.join(argv)}' ended with {code:g}: {said}")
    return Cost(wall_s * 1e3, cpu_s * 1e3, peak_bytes / 1e6)


def compared(pairs: Sequence[tuple[Cost, Cost]]) -> Case:
    """Return the medians of (python, command) pairs."""
    return Case(
        _middle([command for _, command in pairs]),
        _middle(
            [
                Cost(command.wall_ms / floor.wall_ms, command.cpu_ms / floor.cpu_ms, command.peak_mb / floor.peak_mb)
                for floor, command in pairs
            ]
        ),
    )


def shown(cases: Mapping[str, Case]) -> str:
    """Return a table for people."""
    width = max(map(len, cases))
    lines = [f"{'':{width}}  wall ms   CPU ms  peak MB   x wall    x CPU    x MB"]
    for name, case in cases.items():
        absolute = "".join(f"{value:9.1f}" for value in vars(case.cost).values())
        ratios = "".join(f"{value:9.2f}" for value in vars(case.ratio).values())
        lines.append(f"{name:{width}}{absolute}{ratios}")
    return "\n".join(lines)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(
        median(one.wall_ms for one in costs),
        median(one.cpu_ms for one in costs),
        median(one.peak_mb for one in costs),
    )
