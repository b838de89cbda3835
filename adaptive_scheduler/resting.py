"""Which tasks no plan has to look at: those that it would surely refuse, for the rhythm or for a run of theirs. Pure.

What rests would be refused with RUNNING or NOT_DUE, or by a reason that comes before those, and stands in nobody's
way: a plan of the others alone decides about these as the whole one would. Only the sentences of what rests are
lost, so it is for those who count and not for those who tell.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from adaptive_scheduler.case import Case
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State, Task, TaskState
from adaptive_scheduler.placement import Yard
from adaptive_scheduler.rhythm import is_due, slack, staircase


class Resting:
    """The tasks of a story and, for each anchor, until when no load at all would have them start."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        """Keep the tasks; rules may change from plan to plan, as long as their rhythm and tick stay."""
        self.tasks = tasks
        self._until: dict[str, tuple[datetime, datetime]] = {}

    def awake(self, state: State, yard: Yard, sample: Sample, now: datetime, started: Collection[str] = ()) -> set[str]:
        """Return the tasks that a plan has to look at; `started` names what this cycle has started already."""
        found = set()
        for name, mine in state.tasks.items():
            if mine.live is not None or name in started or name not in self.tasks:
                continue
            if self._is_fast_asleep(name, mine, now):
                continue
            task = self.tasks[name]
            if not self._is_early(Case(task, mine, yard.sample_for(task, sample), yard.rules, now)):
                found.add(name)
        return found

    def _is_fast_asleep(self, name: str, mine: TaskState, now: datetime) -> bool:
        """Whether the last look at this anchor has shown that it is too early at any load."""
        anchor, until = self._until.get(name, (None, now))
        return anchor is not None and anchor == mine.anchor and now < until and not mine.event and not mine.retry_at

    def _is_early(self, case: Case) -> bool:
        """Whether neither the adaptive nor the base interval has passed: with the base one it would tell of the CPU."""
        task, mine, tick = case.task, case.mine, case.rules.tick
        if mine.event is not None or mine.retry_at is not None or case.learned is not None:
            return False
        if not task.beats:
            return True
        if mine.anchor is None:
            return False
        soonest = task.interval * min(1.0, staircase(task, case.rules)[0].age)
        self._until[task.name] = (mine.anchor, mine.anchor + soonest - slack(soonest, tick))
        return not (
            is_due(mine.anchor, case.interval, case.now, tick) or is_due(mine.anchor, task.interval, case.now, tick)
        )
