"""Which tasks no plan has to look at: those that it would surely refuse, for the rhythm or for a run of theirs. Pure.

What rests would be refused with RUNNING or NOT_DUE, or by a reason that comes before those, and stands in nobody's
way: a plan of the others alone decides about these as the whole one would. Only the sentences of what rests are
lost, so it is for those who count and not for those who tell.
"""

import heapq
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State, Task, TaskState
from adaptive_scheduler.placement import Yard
from adaptive_scheduler.rhythm import adaptive_interval, is_due, slack, staircase
from adaptive_scheduler.settings import Rules


class Resting:
    """The tasks of a story, and those of them that no load at all would have start yet.

    A task sleeps until a moment, or until its state is another one, whichever comes first: a story has many
    more tasks than starts, so that most are only found asleep.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        """Keep the tasks; rules may change from plan to plan, as long as their rhythm and tick stay."""
        self.tasks = tasks
        self._soonest: dict[str, timedelta] = {}
        self._asleep: dict[str, TaskState] = {}
        self._alarms: list[tuple[datetime, str]] = []
        """When to look again, as a heap; one that its task did not sleep for only has it looked at once more."""

    def awake(self, state: State, yard: Yard, sample: Sample, now: datetime, started: Collection[str] = ()) -> set[str]:
        """Return the tasks that a plan has to look at; `started` names what this cycle has started already."""
        while self._alarms and self._alarms[0][0] <= now:
            self._asleep.pop(heapq.heappop(self._alarms)[1], None)
        asleep = self._asleep
        roused = [(name, mine) for name, mine in state.tasks.items() if asleep.get(name) is not mine]
        found = set()
        for name, mine in roused:
            if mine.live is not None or name not in self.tasks:
                asleep[name] = mine
                continue
            if name in started:
                continue
            if not self._is_early(self.tasks[name], mine, yard, sample, now):
                found.add(name)
        return found

    def _is_early(self, task: Task, mine: TaskState, yard: Yard, sample: Sample, now: datetime) -> bool:
        """Whether neither the adaptive nor the base interval has passed: with the base one it would tell of the CPU."""
        if mine.event is not None or mine.retry_at is not None or yard.rules.learned_for(task) is not None:
            return False
        if not task.beats:
            self._asleep[task.name] = mine
            return True
        if mine.anchor is None:
            return False
        soonest = self._soonest.get(task.name)
        if soonest is None:
            soonest = self._soonest[task.name] = _soonest(task, yard.rules)
        tick, until = yard.rules.tick, mine.anchor + soonest
        if now < until:
            self._asleep[task.name] = mine
            heapq.heappush(self._alarms, (until, task.name))
            return True
        cpu = yard.sample_for(task, sample).cpu
        interval = adaptive_interval(task.interval, staircase(task, yard.rules), cpu)
        return not (is_due(mine.anchor, interval, now, tick) or is_due(mine.anchor, task.interval, now, tick))


def _soonest(task: Task, rules: Rules) -> timedelta:
    """Return how long after its anchor a task is due at the calmest load."""
    soonest = task.interval * min(1.0, staircase(task, rules)[0].age)
    return soonest - slack(soonest, rules.tick)
