"""One signal of this machine over the last weeks, on the grid of the local day, in two bytes a step. Pure.

Like rolling.py it counts steps of local wall time, so that the same time of day is a whole number of days
apart. Unlike it, what was not measured stays absent: an alarm must not rest on what was filled in.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log
from sys import byteorder
from typing import Any

from adaptive_scheduler.rolling import LAST_STEP, STEPS, step_of
from adaptive_scheduler.signals import Grid

Plain = dict[str, Any]

KEPT_DAYS = 20
"""Detectors look back 18 days at most."""

ABSENT = 0
"""The cell of a step that was not measured: below every other, so that a largest cell needs no look at it."""

HUNDREDTHS = 100
"""Cells of a percentage are hundredths, and one more."""

LOG_STEP, SHORTEST_MS = 2000, 1e-3
"""Cells of a latency are its logarithm in these parts, from a microsecond on: steps of a twentieth of a per cent."""

MOST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Series:
    """The cells of all steps up to `end`, that one included; `total` and `count` are what its own is a mean of."""

    grid: Grid
    end: int = -1
    cells: Sequence[int] = ()
    total: float = 0.0
    count: int = 0

    @property
    def measured(self) -> timedelta:
        """How much of it was measured."""
        known = len(self.cells) - array("H", self.cells).count(ABSENT) if self.cells else 0
        return known * timedelta(minutes=self.grid.minutes)

    @property
    def span(self) -> timedelta:
        """How long ago it begins."""
        return len(self.cells) * timedelta(minutes=self.grid.minutes)


def percent_cell(percent: float) -> float:
    """Return the cell of a percentage, not yet rounded."""
    return 1.0 + HUNDREDTHS * min(100.0, max(0.0, percent))


def percent_of(cell: float) -> float:
    """Return the percentage of a cell."""
    return (cell - 1.0) / HUNDREDTHS


def latency_cell(ms: float) -> float:
    """Return the cell of a latency in milliseconds, not yet rounded."""
    return min(float(MOST), 1.0 + LOG_STEP * log(max(SHORTEST_MS, ms) / SHORTEST_MS))


def latency_of(cell: float) -> float:
    """Return the latency in milliseconds of a cell."""
    return SHORTEST_MS * exp((cell - 1.0) / LOG_STEP)


def added(series: Series, at: datetime, tick: timedelta, cell: float | None) -> Series:
    """Return the series with the mean cell of the tick before `at`, in local time; None is a step not measured.

    After a gap longer than is kept, or a clock set back that far, it begins anew.
    """
    grid, kept = series.grid, series.grid.day * KEPT_DAYS
    step = step_of(at - tick / 2, grid)
    behind = step - series.end
    if cell is None and behind == 0:
        return series
    value, count = (0.0, 0) if cell is None else (cell, 1)
    cells = array("H", series.cells)
    if not cells or behind > kept or -behind >= len(cells):
        return Series(grid, step, array("H", [round(value)]), value, count)
    if behind == 0:
        total, count = series.total + value, series.count + 1
        cells[-1] = round(total / count)
        return Series(grid, step, cells, total, count)
    if behind < 0:
        # The wall clock went back: what it shows now again is measured anew.
        del cells[behind - 1 :]
    else:
        cells.extend([ABSENT] * (behind - 1))
    cells.append(round(value))
    return Series(grid, step, cells[-kept:], value, count)


def encode(series: Series) -> Plain:
    """Return the series as JSON-able values; the cells are little-endian."""
    return {
        "step_minutes": series.grid.minutes,
        "last_step": series.end,
        "total": round(series.total, 3),
        "count": series.count,
        "cells": b64encode(_little(array("H", series.cells)).tobytes()).decode(),
    }


def decode(plain: Plain) -> Series:
    """Return the series that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    minutes, end, total, count = (plain[key] for key in ("step_minutes", "last_step", "total", "count"))
    if any(isinstance(one, bool) or not isinstance(one, int) for one in (minutes, end, count)) or minutes not in STEPS:
        raise ValueError(f"{minutes!r} minutes are no step, or its numbers are none")
    if not (0 <= end < LAST_STEP and 0 <= count < LAST_STEP) or not 0 <= total <= MOST * count:
        raise ValueError("its numbers are none that a series can have")
    cells = array("H")
    cells.frombytes(b64decode(plain["cells"], validate=True))
    grid = Grid(minutes)
    if not cells or len(cells) > grid.day * KEPT_DAYS:
        raise ValueError("it has no step, or more than are kept")
    return Series(grid, end, _little(cells), float(total), count)


def _little(cells: "array[int]") -> "array[int]":
    if byteorder == "big":
        cells.byteswap()
    return cells
