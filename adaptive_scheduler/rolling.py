"""The load of the last 28 days on the grid of the local day, in two bytes a step. Pure.

It counts steps of local wall time, so that the same time of day is always a whole number of days apart, on
the days of summer time too: the hour that comes twice overwrites itself, the one that is left out is a
gap. A gap of up to an hour holds the last value, a longer one repeats the day before; such steps are
marked and teach nothing.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from sys import byteorder
from typing import Any, overload

from adaptive_scheduler.machine import Sample
from adaptive_scheduler.signals import KEPT_DAYS, Grid

Plain = dict[str, Any]

FILLED = 0x8000
"""Marks a step that was not measured; the other bits are the CPU in hundredths of a per cent."""

HUNDREDTHS = 100
POSSIBLE = bytes(high | filled for high in range((100 * HUNDREDTHS >> 8) + 1) for filled in (0, FILLED >> 8))
"""The high bytes that cells can have; looking at these alone costs a cycle nothing."""

HELD_H = 1
"""A gap of up to this many hours holds the value before it."""

READ_DAYS = 2 * KEPT_DAYS
"""How far back `learn` reads: four weeks to learn from, and four more so that its test can learn from as much."""

STEPS = (5, 10, 15, 20, 30, 60)
"""Minutes that a step may last: the shortest that a tick fits in."""


LAST_STEP = 2**31
"""Steps are counted from 1970; none has so high a number before the year 22 000."""


def grid_for(tick: timedelta) -> Grid:
    """Return the grid on which the load of ticks of this length is kept."""
    return Grid(next((minutes for minutes in STEPS if timedelta(minutes=minutes) >= tick), STEPS[-1]))


def step_of(moment: datetime, grid: Grid) -> int:
    """Return the number of the step of local time in which a moment lies."""
    wall = moment.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - local wall time on purpose
    return wall // timedelta(minutes=grid.minutes)


class Percents(Sequence[float]):
    """Cells as CPU in per cent, worked out where they are looked at: a cycle looks at few of 28 days."""

    def __init__(self, cells: Sequence[int]) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, place: int) -> float: ...

    @overload
    def __getitem__(self, place: slice) -> list[float]: ...

    def __getitem__(self, place: int | slice) -> float | list[float]:
        if isinstance(place, slice):
            return [(cell & ~FILLED) / HUNDREDTHS for cell in self._cells[place]]
        return (self._cells[place] & ~FILLED) / HUNDREDTHS


@dataclass(frozen=True, slots=True)
class Rolling:
    """The cells of all steps up to `end`, that one included; `total` and `count` are what its own is a mean of."""

    grid: Grid
    end: int = -1
    cells: Sequence[int] = ()
    total: float = 0.0
    count: int = 0

    def values(self) -> list[float]:
        """Return CPU in per cent, one a step, the oldest first."""
        return Percents(self.cells)[:]

    @property
    def measured_days(self) -> float:
        """How many days of it were measured."""
        return sum(not cell & FILLED for cell in self.cells) / self.grid.day

    @property
    def first(self) -> int:
        """The number of the oldest step."""
        return self.end - len(self.cells) + 1


def added(rolling: Rolling, at: datetime, tick: timedelta, cpu: float, *, keep: int | None = None) -> Rolling:
    """Return the rolling load with a sample: the mean CPU in per cent over the tick before `at`, in local time.

    `keep` steps are kept, 28 days by default. After a longer gap, or a clock set back that far, it begins anew.
    """
    cpu = min(100.0, max(0.0, cpu))
    grid, most = rolling.grid, rolling.grid.kept if keep is None else keep
    step = step_of(at - tick / 2, grid)
    cells = array("H", rolling.cells)
    behind = step - rolling.end
    if not cells or behind > grid.kept or -behind >= len(cells):
        return Rolling(grid, step, array("H", [_cell(cpu)]), cpu, 1)
    if behind == 0:
        total, count = rolling.total + cpu, rolling.count + 1
        cells[-1] = _cell(total / count)
        return Rolling(grid, step, cells, total, count)
    if behind < 0:
        # The wall clock went back: what it shows now again is measured anew.
        del cells[behind - 1 :]
    else:
        _fill(cells, behind - 1, grid)
    cells.append(_cell(cpu))
    return Rolling(grid, step, cells[-most:], cpu, 1)


def gathered(
    samples: Iterable[Sample], tick: timedelta, local: Callable[[datetime], datetime] = datetime.astimezone
) -> Rolling:
    """Return the load of these samples, oldest first: not ours where that is known, else all of it."""
    load = Rolling(grid_for(tick))
    for sample in samples:
        cpu = sample.cpu if sample.foreign_cpu is None else sample.foreign_cpu
        if cpu is not None and sample.source != "fake":
            load = added(load, local(sample.at), tick, cpu, keep=load.grid.day * READ_DAYS)
    return load


def latest(rolling: Rolling) -> Rolling:
    """Return the part of the load that is kept between cycles."""
    cells = array("H", rolling.cells)[-rolling.grid.kept :]
    return Rolling(rolling.grid, rolling.end, cells, rolling.total, rolling.count)


def encode(rolling: Rolling) -> Plain:
    """Return the rolling load as JSON-able values; the cells are little-endian."""
    cells = _little(array("H", rolling.cells)).tobytes()
    return {
        "step_minutes": rolling.grid.minutes,
        "last_step": rolling.end,
        "total": round(rolling.total, 3),
        "count": rolling.count,
        "cells": b64encode(cells).decode(),
    }


def decode(plain: Plain) -> Rolling:
    """Return the rolling load that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    if not isinstance(plain["step_minutes"], int) or plain["step_minutes"] not in STEPS:
        raise ValueError(f"{plain['step_minutes']!r} minutes are no step")
    raw = b64decode(plain["cells"], validate=True)
    cells = array("H")
    cells.frombytes(raw)
    cells = _little(cells)
    grid, end, total, count = Grid(plain["step_minutes"]), plain["last_step"], plain["total"], plain["count"]
    numbers = isinstance(end, int) and isinstance(count, int) and isinstance(total, int | float)
    if not numbers or not (0 <= end < LAST_STEP and 1 <= count < LAST_STEP and 0 <= total <= 100 * count):
        raise ValueError("its numbers are none that a load can have")
    if not cells or len(cells) > grid.kept:
        raise ValueError("it has no step, or more than are kept")
    if raw[1::2].translate(None, POSSIBLE):
        raise ValueError("a load is far above 100 %")
    return Rolling(grid, end, cells, float(total), count)


def _little(cells: "array[int]") -> "array[int]":
    if byteorder == "big":
        cells.byteswap()
    return cells


def _cell(cpu: float) -> int:
    return round(cpu * HUNDREDTHS)


def _fill(cells: "array[int]", missing: int, grid: Grid) -> None:
    held = missing <= grid.steps(HELD_H)
    for _ in range(missing):
        cells.append((cells[-1] if held or len(cells) < grid.day else cells[-grid.day]) | FILLED)
