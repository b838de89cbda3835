"""Learned ceilings -> a map of time of day and age for each task that follows one. Pure."""

from collections.abc import Mapping
from math import inf
from typing import Any

from adaptive_scheduler.lessons import Learning
from adaptive_scheduler.report import packed
from adaptive_scheduler.report.markup import named
from adaptive_scheduler.staircases import Learned, Table

Plain = dict[str, Any]

NEVER, ALWAYS = 0, 101
"""Of the ceilings of a map: at no load, at any."""

MOST_SLOTS = 96
"""A map has a column for each quarter of an hour at most."""


def maps(learning: Learning) -> list[Plain]:
    """Return the map of each task for which a learned staircase holds, in the order of tasks.toml."""
    return [_map(name, learned) for name, learned in learning.rules.learned.items()]


def ceilings(learned: Learned) -> list[list[int]]:
    """Return for each age the ceiling in whole per cent of each slot of the day, for a task that is not behind."""
    table = learned.table
    account, stride = table.account(0.0), -(-table.slots // MOST_SLOTS)
    return [
        [_percent(learned.level + table.ceiling(slot, age, account)) for slot in range(0, table.slots, stride)]
        for age in range(table.ages)
    ]


def ages(table: Table) -> list[float]:
    """Return the ages of a table's rows in intervals of its task."""
    slot = table.stride * table.step_s / table.interval_s
    return [round((table.first + number) * slot, 3) for number in range(table.ages)]


def gained(backtest: Mapping[str, Any]) -> float | None:
    """Return how many points of CPU less the runs of a back-test met than under the classic rule, None if unknown."""
    met, classic = backtest.get("learned"), backtest.get("classic")
    if not isinstance(met, int | float) or not isinstance(classic, int | float):
        return None
    return classic - met


def _map(name: str, learned: Learned) -> Plain:
    rows = ceilings(learned)
    return {
        "name": named(name),
        "ages": ages(learned.table),
        "slots": len(rows[0]),
        "level": round(learned.level, 1),
        "z": packed.column("B", (value for row in rows for value in row)),
    }


def _percent(ceiling: float) -> int:
    if ceiling in (inf, -inf):
        return ALWAYS if ceiling > 0 else NEVER
    return round(min(max(ceiling, NEVER), ALWAYS))
