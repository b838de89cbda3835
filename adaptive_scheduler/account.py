"""The rate account of a task under a learned staircase: how many runs it is behind its plain interval. Pure.

At every start the account grows by age / interval - 1, and never below the credit that its table allows.
The table looks at it: the further behind, the higher the ceilings, and at the cap the task starts as soon
as it may. Time in which something else than the rhythm held the task back is left out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import State, TaskState
from adaptive_scheduler.staircases import Learned, Table

THE_RHYTHM = (Code.NOT_DUE, Code.CPU_CEILING, Code.RUN, Code.FORCED, Code.EVENT)
"""After these the time until the next cycle is the rhythm's own; after all others it is excused."""

OFF_TICKS = 2
"""A gap between cycles longer than this many ticks means that the machine or its scheduler was off."""


def excused(state: State, learned: Mapping[str, Learned], now: datetime, tick: timedelta) -> State:
    """Leave the time since the last cycle out of the accounts of tasks that something else held back in it.

    Only what lies beyond the plain interval: before that no run was owed, so none was lost.
    """
    if state.last_cycle_at is None or not learned:
        return state
    gap = now - state.last_cycle_at
    off = gap - tick if gap > OFF_TICKS * tick else timedelta(0)
    tasks = dict(state.tasks)
    for name, one in learned.items():
        mine = tasks.get(name)
        if mine is None or mine.anchor is None:
            continue
        owed = now - mine.anchor - timedelta(seconds=one.table.interval_s)
        left_out = min(owed, off if not mine.code or mine.code in THE_RHYTHM else gap)
        if left_out > timedelta(0):
            tasks[name] = replace(mine, excused_s=mine.excused_s + left_out.total_seconds())
    return state if tasks == state.tasks else replace(state, tasks=tasks)


def after_start(mine: TaskState, table: Table, interval: timedelta, start: datetime) -> float:
    """Return how many runs the task is behind after this start, its last start being the anchor."""
    if mine.anchor is None:
        return 0.0
    age = (start - mine.anchor) / interval
    if age > 1.0:
        age = max(1.0, age - mine.excused_s / interval.total_seconds())
    return max(-table.credit, min(mine.behind + max(0.0, age) - 1.0, table.cap + 1.0))
