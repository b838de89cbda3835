"""What a task takes, learned from its last runs: time, CPU seconds, memory of the whole process tree.

A task's footprint is a short text in the state, for a cycle reads all of them and needs few: one row a
run, the oldest first, "12.5,4.1,52.43" for seconds, CPU seconds and megabytes of peak memory, with "!"
behind a run that was ended for lasting too long, and "@NODE" where it ran elsewhere. Only runs that
succeeded teach what is usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import ceil, inf

from adaptive_scheduler.model import Result, Status, Task

KEPT = 20
"""How many successful runs are remembered: enough for a p90, few enough to follow a task that changes."""

KEPT_TIMED_OUT = 3
"""How many of the latest runs that were out of time are remembered beside them."""

ENOUGH = 5
"""Successful runs from which on a footprint counts; until then a task is only observed."""

MEGABYTE = 1_000_000

REMEMBERED = 4096
"""Footprints whose reading is kept for the next plan of a cycle."""


@dataclass(frozen=True, slots=True)
class Past:
    """What one run took; None where that was not measured."""

    duration_s: float
    cpu_s: float | None = None
    peak_bytes: int | None = None
    timed_out: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual: median and p90 of this many runs."""

    p50: float
    p90: float
    runs: int


@dataclass(frozen=True, slots=True)
class Need:
    """The memory that a run is expected to grow to, and how that is known."""

    bytes: int
    source: str


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values do not exceed (nearest rank).

    It is always a value that was seen: definition 1 of Hyndman & Fan, "Sample Quantiles in Statistical
    Packages", The American Statistician 50(4), 1996.
    """
    return sorted(values)[max(1, ceil(round(share * len(values), 9))) - 1]


def band(values: Sequence[float | None]) -> Band | None:
    """Return what is usual among the measured values, None as long as they are few."""
    known = [value for value in values if value is not None]
    if len(known) < ENOUGH:
        return None
    return Band(percentile(known, 0.5), percentile(known, 0.9), len(known))


@lru_cache(maxsize=REMEMBERED)
def rows(footprint: str) -> tuple[Past, ...]:
    """Return the remembered runs, the oldest first; a row that makes no sense is left out."""
    return tuple(past for row in footprint.split() if (past := _past(row)) is not None)


def usual(footprint: str) -> tuple[Past, ...]:
    """Return the remembered runs that succeeded."""
    return tuple(past for past in rows(footprint) if not past.timed_out)


def with_run(footprint: str, result: Result) -> str:
    """Return the footprint with one more run; a run that neither succeeded nor ran out of time teaches nothing."""
    timed_out = result.status is Status.TIMEOUT
    if not (result.status.succeeded or timed_out):
        return footprint
    peak = result.peak_memory_bytes
    megabytes = None if peak is None else peak / MEGABYTE
    row = ",".join("" if value is None else f"{value:.4g}" for value in (result.duration_s, result.cpu_s, megabytes))
    row += "!" if timed_out else ""
    kept = [*footprint.split(), f"{row}@{result.node}" if result.node else row]
    if "!" not in footprint and not timed_out:
        return " ".join(kept[-KEPT:])  # nothing but successes, as nearly always
    good = sum(not _timed_out(one) for one in kept)
    # What is older than the oldest success that is kept goes with it.
    while good > KEPT:
        good -= not _timed_out(kept.pop(0))
    bad = [place for place, one in enumerate(kept) if _timed_out(one)][:-KEPT_TIMED_OUT]
    return " ".join(one for place, one in enumerate(kept) if place not in bad)


@lru_cache(maxsize=REMEMBERED)
def durations(footprint: str) -> Band | None:
    """Return how long runs usually last, in seconds."""
    return band([past.duration_s for past in usual(footprint)])


def cpu_seconds(footprint: str) -> Band | None:
    """Return how much CPU time runs usually take."""
    return band([past.cpu_s for past in usual(footprint)])


@lru_cache(maxsize=REMEMBERED)
def memory(footprint: str, node: str = "") -> Band | None:
    """Return the peak memory of runs, in bytes: of those on a node, where they are enough, else of all."""
    runs = usual(footprint)
    there = band([past.peak_bytes for past in runs if past.node == node]) if node else None
    return there or band([past.peak_bytes for past in runs])


def expected(task: Task, footprint: str) -> timedelta | None:
    """Return how long the next run will probably last: as runs did, else as declared, else None."""
    learned = durations(footprint)
    return task.expected_duration if learned is None else timedelta(seconds=learned.p50)


def need(task: Task | None, footprint: str, node: str = "") -> Need | None:
    """Return the memory that a run may grow to on a node: as runs did, else as declared, else None.

    `task` is None when it left tasks.toml while a run of it is live.
    """
    learned = memory(footprint, node)
    if learned is not None:
        return Need(int(learned.p90), f"p90 of {learned.runs} runs")
    return None if task is None or task.memory is None else Need(task.memory, "declared")


def _timed_out(row: str) -> bool:
    return row.partition("@")[0].endswith("!")


def _past(row: str) -> Past | None:
    figures, _, node = row.partition("@")
    try:
        duration, cpu, megabytes = figures.rstrip("!").split(",")
        seconds = float(duration)
        cpu_s = float(cpu) if cpu else None
        peak = float(megabytes) * MEGABYTE if megabytes else None
    except ValueError:
        return None
    if not (0.0 <= seconds < inf and 0.0 <= (cpu_s or 0.0) < inf and 0.0 <= (peak or 0.0) < inf):
        return None
    return Past(seconds, cpu_s, None if peak is None else round(peak), _timed_out(row), node)
