"""Maintenance tasks of a machine, decided about by the program's own plan and folds, under one policy.

What simulate.py does with a recorded load, tick by tick, for whoever has a real one.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from made_up_days import BEGIN, DAY, TICK, loads

from adaptive_scheduler import config as configuration
from adaptive_scheduler import lessons, simulate, study
from adaptive_scheduler import state as folds
from adaptive_scheduler.account import excused
from adaptive_scheduler.lessons import Knowledge
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, Result, State, Status
from adaptive_scheduler.plan import plan
from adaptive_scheduler.rolling import Rolling, added, gathered
from adaptive_scheduler.settings import Config
from adaptive_scheduler.simulate import Policy

MEMORY = 40.0
"""Per cent in use, always: the gate is not what is measured."""

SETTLING_DAYS = 3
"""How many of the made-up days each policy lives through before the measured one, so that all begin in their stride."""


@dataclass(frozen=True)
class Chore:
    """What a run of a task takes: so many ticks of CPU time, on this share of the CPUs at once."""

    interval: str
    width: float
    ticks: float

    def threads(self, cpus: int) -> int:
        """Return on how many of so many CPUs it works at once."""
        return max(1, round(self.width * cpus))


CHORES: Mapping[str, Chore] = {
    "index": Chore("30m", 0.5, 0.4),
    "rotate": Chore("1h", 0.5, 0.8),
    "backup": Chore("2h", 1.0, 1.0),
    "verify": Chore("6h", 1.0, 2.0),
}
"""Together they take a seventh of the CPUs at their plain intervals."""


def config(folder: Path) -> Config:
    """Return the tasks, as a tasks.toml says them."""
    path = folder / "tasks.toml"
    path.write_text(
        "".join(
            f'[tasks.{name}]\ninterval = "{chore.interval}"\nscript = "chore.py"\n'
            f'expected_duration = "{round(chore.ticks * TICK.total_seconds())}s"\n'
            for name, chore in CHORES.items()
        ),
        encoding="utf-8",
    )
    return configuration.load(path, platform="linux")


def history(days: int, seed: int, requests_a_tick: float) -> list[float]:
    """Return the CPU in per cent that the service alone would have used in so many days before `BEGIN`.

    `requests_a_tick` is how many keep all CPUs busy: that many, more or less, come by chance.
    """
    chance = np.random.default_rng(seed)
    came = chance.poisson(np.array(loads(days, random.Random(seed))) * requests_a_tick)
    return [float(cpu) for cpu in np.minimum(100.0, 100.0 * came / requests_a_tick)]


def learned(past: Sequence[float], config: Config) -> tuple[Knowledge, dict[str, str]]:
    """Return what `learn` finds in this load, and for each task why its lesson is not used, if so."""
    rolling = gathered((_sample(number - len(past), cpu) for number, cpu in enumerate(past, 1)), TICK)
    findings = list(study.study(rolling, config, State(), lambda: None))
    # Dated back to where the pretended days begin: there is nothing to be learned from lessons of the future.
    made_at = BEGIN - SETTLING_DAYS * DAY * TICK
    plain = {"version": lessons.VERSION, **study.encode(findings, [], rolling, made_at, None)}
    return lessons.decode(plain), {one.task.name: one.refused for one in findings if one.refused}


def _sample(tick: int, cpu: float) -> Sample:
    return Sample(BEGIN + tick * TICK, cpu, MEMORY, cpu)


@dataclass
class Upkeep:
    """Decisions of one policy; the caller starts what it says and tells it what ended."""

    config: Config
    policy: Policy
    rolling: Rolling
    knowledge: Knowledge
    state: State = field(default_factory=State)

    def cycle(self, now: datetime, cpu: float, foreign: float) -> list[str]:
        """Return what starts at a tick; CPU is that of the tick before it, in all and without the runs."""
        tick = self.config.rules.tick
        self._sample = Sample(now, cpu, MEMORY, foreign)
        self.rolling = added(self.rolling, now, tick, foreign)
        # Every policy pays for this look, so that what deciding costs is the same for all.
        found, _ = lessons.standing(self.config.tasks, self.knowledge, self.rolling, now, self.config.rules, None)
        self._rules = replace(self.config.rules, learned=found if self.policy is Policy.LEARNED else {})
        self._started: list[str] = []
        state = excused(self.state, self._rules.learned, now, tick)
        self.state = folds.beat(folds.seen(state, self.config.tasks, now), now, tick)
        return self.again(now)

    def again(self, now: datetime) -> list[str]:
        """Return what starts now that a run has ended within the cycle."""
        decisions = plan(self.config.tasks, self.state, self._sample, self._rules, now, started=self._started)
        starts = [one for one in decisions if one.code.starts]
        for one in starts:
            live = Live(f"{one.task}@{now.timestamp()}", now, one.code)
            self.state = folds.claimed(self.state, self.config.tasks[one.task], live, self._sample, self._rules)
        self._started += [one.task for one in starts]
        said = [one for one in decisions if one.code.starts or one.task not in self._started]
        self.state = folds.decided(self.state, said)
        return [one.task for one in starts]

    def ended(self, name: str, now: datetime) -> None:
        """Take in the end of a task's run."""
        live = self.state.tasks[name].live
        assert live is not None
        took_s = (now - live.started_at).total_seconds()
        result = Result(live.run_id, Status.OK, live.started_at, now, took_s, 0)
        self.state = replace(folds.finished(self.state, name, result, self.config.tasks[name]), unrecorded=())


def settled(policy: Policy, config: Config, past: Sequence[float], knowledge: Knowledge, dice: random.Random) -> Upkeep:
    """Return the upkeep as it stands at `BEGIN`, after some days of pretended runs that last as long as expected.

    The first beats of the tasks are chance, so that none owes its luck to the time of day at which it was installed.
    """
    first = len(past) - SETTLING_DAYS * DAY
    begin = BEGIN - SETTLING_DAYS * DAY * TICK
    rolling = gathered((_sample(number - len(past), cpu) for number, cpu in enumerate(past[:first], 1)), TICK)
    state = folds.seen(State(), config.tasks, begin)
    beats = {name: begin - TICK * dice.randrange(task.interval // TICK) for name, task in config.tasks.items()}
    state = replace(state, tasks={name: replace(mine, anchor=beats[name]) for name, mine in state.tasks.items()})
    upkeep = Upkeep(
        simulate.under(policy, config) if policy is Policy.FIXED else config, policy, rolling, knowledge, state
    )
    ends: list[tuple[datetime, str]] = []
    ours = 0.0
    for number in range(first + 1, len(past) + 1):
        now, foreign = BEGIN + (number - len(past)) * TICK, past[number - 1]
        for end, name in sorted(ends):
            if end <= now or number == len(past):
                upkeep.ended(name, min(end, now))
        ends = [one for one in ends if one[0] > now]
        if number < len(past):
            starts = upkeep.cycle(now, min(100.0, foreign + ours), foreign)
            ends += [(now + simulate.lasts(config.tasks[name]), name) for name in starts]
            ours = 100.0 * sum(CHORES[name].width * min(1.0, CHORES[name].ticks) for name in starts)
    return upkeep
