"""The cycles to come: when each comes, the CPU that it will probably see, and the learned staircases then. Pure.

What is done with them is the business of others: `prospects` plays the whole story over them, `upcoming` asks about
one task at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from adaptive_scheduler.footprints import expected
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, State, Task
from adaptive_scheduler.rolling import step_of
from adaptive_scheduler.settings import Config
from adaptive_scheduler.signals import Grid
from adaptive_scheduler.staircases import Learned

Local = Callable[[datetime], datetime]

UNKNOWN_DURATION = timedelta(seconds=30)
"""How long a run is assumed to last where the task does not say."""


class CpuAhead(Protocol):
    """What says which CPU to expect: an Outlook, or somebody simpler. Steps are numbered as `rolling` does."""

    @property
    def grid(self) -> Grid:
        """Return the grid of the steps."""

    def cpu(self, step: int) -> float:
        """Return the CPU expected of a step, in per cent."""

    def edges(self, step: int) -> tuple[float, float] | None:
        """Return how far below and above it a band lies, None for no band."""


@dataclass(frozen=True)
class Present:
    """The present from which the story goes on; `config` has the rules in force.

    `own_cpu` is what our own tasks add to the CPU that the outlook speaks of.
    """

    at: datetime
    config: Config
    state: State
    sample: Sample
    decisions: Mapping[str, Decision]
    own_cpu: float
    local: Local


class Horizon:
    """The cycles to come at one edge of the band: -1 the low one, 0 what is expected, 1 the high one."""

    def __init__(self, now: Present, outlook: CpuAhead, edge: int) -> None:
        self._now, self._outlook, self._edge = now, outlook, edge
        self._tick = now.config.rules.tick
        self._loads: dict[int, float] = {}

    def lasting(self, task: Task) -> Task:
        """Return the task with what its runs usually take as its expected duration."""
        mine = self._now.state.tasks.get(task.name)
        return replace(task, expected_duration=expected(task, "" if mine is None else mine.footprint))

    def ticks(self, until: datetime) -> Iterator[tuple[datetime, Sample]]:
        """Yield the cycles to come, in the beat of those that have been, each with the CPU of the tick before it."""
        at = first_tick(self._now.state.nominal_at, self._now.at, self._tick)
        while at < until:
            others = self._cpu(step_of(self._now.local(at - self._tick / 2), self._outlook.grid))
            cpu = min(100.0, others + self._now.own_cpu)
            local = self._now.local(at)
            yield local, replace(self._now.sample, at=local, cpu=cpu, foreign_cpu=None)
            at += self._tick

    def _cpu(self, step: int) -> float:
        if step not in self._loads:
            cpu, edges = self._outlook.cpu(step), self._outlook.edges(step)
            away = (edges[0], 0.0, edges[1])[self._edge + 1] if edges else 0.0
            self._loads[step] = min(100.0, max(0.0, cpu + away))
        return self._loads[step]

    def learned(self, at: datetime) -> dict[str, Learned]:
        """Return the learned staircases at a moment to come: what a run would meet is what is expected of it."""
        grid = self._outlook.grid
        step = step_of(self._now.local(at - self._tick / 2), grid) + 1
        found = {}
        for name, one in self._now.config.rules.learned.items():
            met = sum(self._cpu(step + ahead) for ahead in range(one.table.run)) / one.table.run
            found[name] = replace(one, slot=step % grid.day // one.table.stride, expected=met)
        return found


def first_tick(nominal: datetime | None, now: datetime, tick: timedelta) -> datetime:
    """Return when the next cycle comes if they go on as they did; now, where none has been."""
    if nominal is None:
        return now
    return nominal + tick * max(1, ceil((now - nominal) / tick))
