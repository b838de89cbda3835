"""Made-up hosts: a load as a trace says it, row by row, and what the policies make of it."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import simulate, trace
from adaptive_scheduler.model import Task
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.simulate import Policy, Tally
from adaptive_scheduler.trace import Row
from tests.builders import task, tasks

START = datetime.fromisoformat("2026-02-02T00:00:00+00:00")  # a Monday

Load = Callable[[float, float], float | None]
"""(days since the start, hour of the day) -> CPU per cent before noise, None while the machine is off."""


def calm_nights(day: float, hour: float) -> float:
    return 65.0 if 7 <= hour < 22 else 10.0


def off_at_night(day: float, hour: float) -> float | None:
    return None if hour < 6 else 60.0 if hour < 16 else 15.0


@dataclass
class Host:
    """A load of some days, and the tasks that are to run beside it."""

    load: Load
    days: float
    tick: timedelta = timedelta(minutes=15)
    wanted: dict[str, Task] = field(default_factory=lambda: tasks(task("job", 120)))
    noise: float = 5.0
    start: datetime = START
    rules: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        return Config(path="", state_dir="", rules=Rules(tick=self.tick, **self.rules), tasks=self.wanted)

    def rows(self) -> list[Row | None]:
        dice, found = random.Random(5), list[Row | None]()
        for number in range(int(timedelta(days=self.days) / self.tick)):
            at = self.start + number * self.tick
            local = at.astimezone()
            cpu = self.load((at - self.start) / timedelta(days=1), local.hour + local.minute / 60)
            spread = dice.gauss(0, self.noise)
            found.append(None if cpu is None else Row(at, round(min(100.0, max(0.0, cpu + spread)), 2), 40.0))
        return found

    def tutor(self, rows: list[Row | None], refit: timedelta = timedelta(days=7)) -> Any:
        from adaptive_scheduler.tutor import Tutor

        wanted = list(self.config.tasks.values())
        load = simulate.load_of(rows, self.tick)
        return Tutor(load, wanted, self.config.rules.rhythm, lambda one: simulate.lasts(one).total_seconds(), refit)

    def under(self, policy: Policy, since: float = 14) -> dict[str, Tally]:
        """What the runs of each task met from day `since` on; no cycle comes while the machine is off."""
        rows, config = self.rows(), simulate.under(policy, self.config)
        on = [row is not None for row in rows]
        ticks = [
            (one.at, one)
            for one in trace.samples(self.start, rows, self.tick)
            if on[(one.at - self.start) // self.tick]
        ]
        teacher = self.tutor(rows).learned if policy is Policy.LEARNED else None
        made = simulate.simulate(config, ticks, teacher)
        return simulate.tally(made, config, self.start, rows, self.start + timedelta(days=since))


def wave(day: float, hour: float) -> float:
    return 45.0 + 30.0 * math.sin((hour - 8) / 24 * 2 * math.pi)
