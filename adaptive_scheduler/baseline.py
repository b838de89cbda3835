"""What is usual on this machine, as the detectors remember it between two cycles. Pure.

One series a signal with what its detector remembers, and the sizes of the largest processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import growth, series
from adaptive_scheduler.growth import Growth
from adaptive_scheduler.rolling import grid_for, step_of
from adaptive_scheduler.series import KEPT_DAYS, Series
from adaptive_scheduler.times import from_iso, iso

Plain = dict[str, Any]

VERSION = 1
CPU, MEMORY = "cpu", "memory"
LATENCY = "latency:"
"""What the name of a signal begins with that is the latency of a source."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its series, and what its detector remembers."""

    series: Series
    memory: Plain = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """All signals by name, the processes, and when a heavy run of ours was last seen."""

    signals: Mapping[str, Signal] = field(default_factory=dict)
    growth: Growth = field(default_factory=Growth)
    own_at: datetime | None = None

    def signal(self, name: str, tick: timedelta) -> Signal:
        """Return a signal, a new one where there is none yet."""
        return self.signals.get(name) or Signal(Series(grid_for(tick)))


def known(baseline: Baseline, name: str, at: datetime, tick: timedelta, cell: float | None) -> Baseline:
    """Return the baseline with what a signal was over the tick before `at`, in local time; None was not measured."""
    was = baseline.signal(name, tick)
    if cell is None and not was.series.cells:
        return baseline
    signal = replace(was, series=series.added(was.series, at, tick, cell))
    return replace(baseline, signals={**baseline.signals, name: signal})


def fresh(baseline: Baseline, at: datetime, tick: timedelta) -> Baseline:
    """Return the baseline without what was last measured longer ago than is kept: a probe that is gone."""
    grid = grid_for(tick)
    oldest = step_of(at - tick / 2, grid) - KEPT_DAYS * grid.day
    kept = {name: signal for name, signal in baseline.signals.items() if signal.series.end >= oldest}
    return baseline if len(kept) == len(baseline.signals) else replace(baseline, signals=kept)


def encode(baseline: Baseline) -> Plain:
    """Return the baseline as JSON-able values."""
    return {
        "version": VERSION,
        "signals": {
            name: {"series": series.encode(signal.series), "memory": signal.memory}
            for name, signal in baseline.signals.items()
        },
        "growth": growth.encode(baseline.growth),
        "own_at": None if baseline.own_at is None else iso(baseline.own_at),
    }


def decode(plain: Mapping[str, Any], tick: timedelta) -> Baseline:
    """Return the baseline that `encode` wrote; ValueError, KeyError or TypeError when it is none.

    One on the grid of another tick is none either: its steps mean something else.
    """
    if plain["version"] != VERSION:
        raise ValueError(f"version {plain['version']!r} is not {VERSION}")
    signals = {}
    for name, one in plain["signals"].items():
        memory = one["memory"]
        if not isinstance(memory, dict):
            raise TypeError(f"{memory!r} is nothing that a detector remembers")
        signals[str(name)] = Signal(series.decode(one["series"]), memory)
    if any(signal.series.grid != grid_for(tick) for signal in signals.values()):
        raise ValueError("its steps are those of another tick")
    own_at = plain["own_at"]
    return Baseline(signals, growth.decode(plain["growth"]), None if own_at is None else from_iso(own_at))
