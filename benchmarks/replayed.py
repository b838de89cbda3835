"""Recorded and made-up signals through the project's own series, detectors and latches, step by step."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adaptive_scheduler import trace
from adaptive_scheduler.detectors.base import Detector, Plain, Verdict, learning
from adaptive_scheduler.events import Level
from adaptive_scheduler.latches import Latch, turned
from adaptive_scheduler.series import Series, added, percent_cell
from adaptive_scheduler.signals import Grid

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STEP, DAY, WEEK = timedelta(minutes=5), 288, 7 * 288
GRID = Grid(5)
PIECE = 28 * DAY
"""What is looked at in one go: four weeks."""
LEARNED = 2 * DAY
"""Steps after which alarms count."""
DAWN = datetime(2026, 1, 5, tzinfo=UTC)
DEAR_MS = 1.0
"""A look above this is repeated, and the least of three counts: what else the machine did is not its doing."""

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Moment:
    """One step: what the detector had before it and with it, what it said, and what looking cost."""

    before: Series
    series: Series
    remembered: Plain
    excess: float
    fired: bool
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Host:
    """Up to four weeks of one recorded host in per cent, None where not known."""

    name: str
    start: datetime
    cpu: Values
    memory: Values


def moments(
    detector: Detector,
    values: Values,
    level: Level = Level.CALM,
    start: datetime = DAWN,
    cell: Callable[[float], float] = percent_cell,
) -> Iterator[Moment]:
    """Yield each step of a signal as the cycle would have lived through it."""
    series, memory, latch = Series(GRID), Plain(), Latch()
    for number, value in enumerate(values, 1):
        at, before, remembered = start + number * STEP, series, memory
        series = added(series, at, STEP, None if value is None else cell(value))
        verdict, memory, cost = looked(detector, series, remembered, level)
        excess = None if verdict is None or learning(series) > timedelta(0) else verdict.excess
        latch, fires = turned(latch, excess, at, detector.calm(STEP))
        yield Moment(before, series, remembered, 0.0 if excess is None else excess, fires, cost)


def looked(
    detector: Detector, series: Series, memory: Plain, level: Level = Level.CALM
) -> tuple[Verdict | None, Plain, float]:
    """Return what a look says, what it remembers, and the CPU time that it took in milliseconds."""
    cost = float("inf")
    for _ in range(3):
        began = time.process_time()
        verdict, after = detector.look(series, memory, level)
        cost = min(cost, 1e3 * (time.process_time() - began))
        if cost < DEAR_MS:
            break
    return verdict, after, cost


def alarms(life: Sequence[Moment], values: Values) -> tuple[int, float]:
    """Return how many events fired, and in how many weeks that were measured."""
    weeks = sum(value is not None for value in values[LEARNED:]) / WEEK
    return sum(moment.fired for moment in life[LEARNED:]), weeks


def hosts(pieces: int) -> list[Host]:
    """Return the recorded hosts, so many pieces of each at most; empty where the data is not there."""
    found = []
    for file in sorted((DATA / "traces").glob("*.csv.gz")):
        start, rows = trace.slots(trace.read(file), STEP)
        for number in range(pieces):
            part = rows[number * PIECE : (number + 1) * PIECE]
            if len(part) >= PIECE / 2:
                cpu = [None if row is None else row.cpu for row in part]
                memory = [None if row is None else row.memory for row in part]
                name = f"{file.name.partition('.')[0]}#{number}"
                found.append(Host(name, (start + number * PIECE * STEP).astimezone(UTC), cpu, memory))
    return found
