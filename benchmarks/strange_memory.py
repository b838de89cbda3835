"""Series that look like memory and hold no leak: made up, or borrowed from what is no memory at all."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from replayed import DATA, DAY, PIECE, STEP, Host, Values

Series = NDArray[np.float64]
SEED = 7


@dataclass(frozen=True, slots=True)
class Strange:
    """One series without a leak, of a family that makes the same mistake likely."""

    family: str
    name: str
    values: Values


def all_of(hosts: list[Host]) -> list[Strange]:
    """Return all of them: what is borrowed, then what is made up, the same each time."""
    dice = np.random.default_rng(SEED)
    made = [*wanderings(dice), *sawteeth(dice), *caches(dice), *working_days(dice), jobs(dice)]
    return [*temperatures(), *busy_hosts(hosts), *made]


def temperatures() -> Iterator[Strange]:
    """Yield the temperature of a machine, which drifts for days."""
    file = DATA / "events" / "nab-realKnownCause-machine_temperature_system_failure.csv.gz"
    with gzip.open(file, "rt", newline="") as lines:
        rows = [(datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    start = rows[0][0]
    steps = {(at - start) // STEP: value for at, value in rows}
    for number in range(2):
        part = [steps.get(number * PIECE + step) for step in range(PIECE)]
        values = [None if value is None else min(100.0, max(0.0, (value - 20) * 0.6)) for value in part]
        yield Strange("temperature", f"temperature {number}", values)


def busy_hosts(hosts: list[Host]) -> Iterator[Strange]:
    """Yield the CPU of hosts, read as memory."""
    for host in hosts:
        family = "cpu " + host.name.partition("-")[0]
        if family in ("cpu azure", "cpu smd"):
            yield Strange(family, host.name, [None if cpu is None else 0.6 * cpu for cpu in host.cpu])


def wanderings(dice: np.random.Generator) -> Iterator[Strange]:
    """Yield Ornstein-Uhlenbeck processes: they wander off, and come back within hours or days."""
    for relaxation in (72, 288, 1000):
        for spread in (3, 6):
            keeps = 1 - 1 / relaxation
            push = spread * np.sqrt(1 - keeps * keeps) * dice.normal(size=PIECE)
            level = np.zeros(PIECE)
            for step in range(1, PIECE):
                level[step] = keeps * level[step - 1] + push[step]
            yield _made("wandering", f"relaxes in {relaxation} steps, spread {spread}", 40 + level)


def sawteeth(dice: np.random.Generator) -> Iterator[Strange]:
    """Yield memory that fills and is freed at once, every so many hours."""
    for hours in (6, 20, 50, 120):
        level, begin = np.zeros(PIECE), 0
        while begin < PIECE:
            steps, height = int(hours * 12 * dice.uniform(0.7, 1.3)), dice.uniform(12, 22)
            part = min(steps, PIECE - begin)
            level[begin : begin + steps] = np.linspace(0, height, steps)[:part]
            begin += steps
        yield _made("sawtooth", f"of {hours} h", 25 + level + dice.normal(0, 0.5, PIECE))


def caches(dice: np.random.Generator) -> Iterator[Strange]:
    """Yield page caches that fill after each restart."""
    for days in (2, 5, 9):
        level, begin = np.zeros(PIECE), 0
        while begin < PIECE:
            steps, height = int(days * DAY * dice.uniform(0.6, 1.4)), dice.uniform(25, 35)
            part = min(steps, PIECE - begin)
            level[begin : begin + steps] = height * (1 - np.exp(-np.arange(part) / (days * DAY / 3)))
            begin += steps
        yield _made("page cache", f"restarts every {days} days", 15 + level + dice.normal(0, 0.5, PIECE))


def working_days(dice: np.random.Generator) -> Iterator[Strange]:
    """Yield memory that follows people's days, of another height each day, none at weekends."""
    hour, weekday = (np.arange(PIECE) % DAY) / 12, (np.arange(PIECE) // DAY) % 7 < 5
    for height in (5, 12):
        heights = np.repeat(dice.uniform(0.6, 1.4, PIECE // DAY), DAY)
        level = height * heights * np.clip(np.sin((hour - 7) / 12 * np.pi), 0, None) * weekday
        yield _made("working days", f"of {height} points", 30 + level + dice.normal(0, 0.7, PIECE))


def jobs(dice: np.random.Generator) -> Strange:
    """Return memory of jobs of any size that come, grow and go."""
    level = np.zeros(PIECE)
    for _ in range(120):
        begin, steps = dice.integers(0, PIECE), int(dice.exponential(60)) + 3
        height, ramp = dice.uniform(2, 12), min(steps, int(dice.integers(1, 40)))
        grown = np.minimum(np.arange(steps) / ramp, 1) * height
        level[begin : begin + steps] += grown[: max(0, min(steps, PIECE - begin))]
    return _made("jobs", "that come and go", 20 + level + dice.normal(0, 0.4, PIECE))


def _made(family: str, name: str, level: Series) -> Strange:
    return Strange(family, name, np.clip(level, 0, 100).tolist())
