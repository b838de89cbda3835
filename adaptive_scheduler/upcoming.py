"""What will probably start in the next hours, quickly: each task alone, by its rhythm, window, pause and back-off.

`prospects` plays the whole story, with slots, memory and dependencies, and takes seconds for hundreds of tasks; here
the same law is asked about one task at a time, so that `status` can afford it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler import state as folds
from adaptive_scheduler.case import Case
from adaptive_scheduler.gates import BEFORE_DEPENDENCIES
from adaptive_scheduler.horizon import UNKNOWN_DURATION, CpuAhead, Horizon, Present
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, State, Task, TaskState
from adaptive_scheduler.outlook import Outlook
from adaptive_scheduler.rhythm import slack
from adaptive_scheduler.rolling import Rolling, grid_for
from adaptive_scheduler.settings import Rules

Ticks = Sequence[tuple[datetime, Sample, Rules]]


def upcoming(now: Present, load: Rolling | None, span: timedelta) -> dict[str, list[datetime]]:
    """Return the probable starts of each task, as expected of the load; of one that is not known, as it is now."""
    outlook: CpuAhead = _Steady(now) if load is None or not load.cells else Outlook(load)
    horizon, rules = Horizon(now, outlook, 0), now.config.rules
    ticks = [
        (at, sample, replace(rules, learned=horizon.learned(at)) if rules.learned else rules)
        for at, sample in horizon.ticks(now.at + span)
    ]
    found = {}
    for name, task in now.config.tasks.items():
        mine = now.state.tasks.get(name) or TaskState(first_seen=now.at)
        found[name] = _alone(horizon.lasting(task), mine, ticks) if task.beats else []
    return found


def _alone(task: Task, mine: TaskState, ticks: Ticks) -> list[datetime]:
    lasts = task.expected_duration or UNKNOWN_DURATION
    free_at = None if mine.live is None else mine.live.started_at + lasts
    mine = replace(mine, live=None)
    starts = []
    for at, sample, rules in ticks:
        if free_at is not None and at < free_at:
            continue
        if mine.anchor is not None and mine.retry_at is None and at < _soonest(task, mine.anchor, rules):
            continue  # the law would say no more than that
        case = Case(task, mine, sample, rules, at)
        if any(refuse(case) for refuse in BEFORE_DEPENDENCIES):
            continue
        starts.append(at)
        claimed = folds.claimed(State(tasks={task.name: mine}), task, Live("ahead", at), sample, rules)
        mine, free_at = replace(claimed.tasks[task.name], live=None), at + lasts
    return starts


def _soonest(task: Task, anchor: datetime, rules: Rules) -> datetime:
    shortest = rules.rhythm.faster * task.interval
    return anchor + shortest - slack(shortest, rules.tick)


class _Steady:
    """The outlook of who knows nothing: what is not ours stays as it is."""

    def __init__(self, now: Present) -> None:
        self.grid = grid_for(now.config.rules.tick)
        # At the upper limit every task has its plain interval: that is what holds where nothing is known.
        cpu = now.config.rules.rhythm.high_cpu if now.sample.cpu is None else now.sample.cpu
        self._cpu = max(0.0, cpu - now.own_cpu)

    def cpu(self, _step: int) -> float:
        return self._cpu

    def edges(self, _step: int) -> None:
        return None
