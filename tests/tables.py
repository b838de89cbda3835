"""Short ways to say learned tables, lessons and loads in tests, made by hand: nothing here needs numpy."""

from array import array
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from adaptive_scheduler import lessons, notation
from adaptive_scheduler.model import Task
from adaptive_scheduler.rolling import Rolling, added, grid_for
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.staircases import Learned, Table
from adaptive_scheduler.times import iso
from tests.builders import NOW, minutes, task

Plain = dict[str, Any]

EDGES = (-20.0, -10.0, 0.0, 10.0)
NEVER, ALWAYS = 0, len(EDGES) + 1
LEVELS = 9
MADE = timedelta(days=1)
RULE = Rhythm()
TICK = minutes(5)

Rule = Callable[[int, int, int], int]
"""(slot, age in slots, level of the account) -> bin number."""


def table(every: float = 60, rule: Rule | int = 2, *, step: int = 5, stride: int = 1, **more: Any) -> Table:
    """A table whose ceilings follow a rule; at the bottom account it never starts early, at the top always."""
    steps = every / step
    first, last = ceil(ceil(0.8 * steps - 1e-9) / stride), int(1.5 * steps) // stride
    ages, slots = max(1, last - first), 1440 // step // stride
    said = rule if callable(rule) else lambda slot, age, level: rule

    def number(slot: int, age: int, level: int) -> int:
        if level == LEVELS - 1:
            return ALWAYS
        early = (first + age) * stride < steps
        return NEVER if level == 0 and early else said(slot, age, level)

    cells = bytes(number(slot, age, level) for slot in range(slots) for age in range(ages) for level in range(LEVELS))
    given: Plain = {
        "interval_s": every * 60.0,
        "step_s": step * 60,
        "run": 1,
        "stride": stride,
        "first": first,
        "ages": ages,
        "levels": LEVELS,
        "credit": 12.0,
        "cap": 9.0,
        "edges": EDGES,
        "weights": (),
        "low": (),
        "high": (),
        "usual": array("h", [0] * slots),
        "ceilings": cells,
    }
    return Table(**{**given, **more})


def learned(one: Table, cpu: float, level: float = 50.0, slot: int = 0) -> Learned:
    return Learned(one, slot, level, cpu)


def rules(cpu: float, level: float = 50.0, **tables: Table) -> Rules:
    return Rules(learned={name: learned(one, cpu, level) for name, one in tables.items()})


def lesson(one: Table | None, **more: Any) -> Plain:
    """What rhythm.json says of a task."""
    raw = None if one is None else notation.encode(one)
    backtest = {"learned": 20.0, "classic": 30.0, "fixed": 40.0}
    interval_s = 3600.0 if one is None else one.interval_s
    return {"interval_s": interval_s, "windows": [], "refused": "", "backtest": backtest, "table": raw, **more}


def rhythm(now: datetime = NOW, cpus: float | None = 2.0, *, rule: Rhythm = RULE, **by_name: Plain) -> Plain:
    """The content of rhythm.json."""
    return {
        "version": lessons.VERSION,
        "made_at": iso(now - MADE),
        "rests_on": {"days": 28.0, "steps": 8064, "sha256": "0" * 64, "cpus": cpus, "rhythm": lessons.numbers_of(rule)},
        "heavy_pairs": [],
        "tasks": by_name,
    }


def load(now: datetime = NOW, *, days: float = 8, cpu: float = 50.0, tick: timedelta = TICK) -> Rolling:
    """A constant load up to the tick before `now`."""
    grid = grid_for(tick)
    last = added(Rolling(grid), now - tick, tick, cpu)
    return Rolling(grid, last.end, array("H", [*last.cells] * int(days * grid.day)), cpu, 1)


def hourly(name: str = "job", **more: Any) -> Task:
    return task(name, 60, **more)
