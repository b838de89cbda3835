"""When a task counts as overdue. Pure."""

from datetime import datetime, timedelta

from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Task, TaskState
from adaptive_scheduler.rhythm import slowest_interval, staircase
from adaptive_scheduler.settings import Rules

OVERDUE_INTERVALS = 1.5
OVERDUE_TICKS = 2
MISSING_TICKS = 3
"""A task is overdue without a start for 1.5 intervals and 2 ticks, the scheduler without a cycle for 3."""

HELD_ON_PURPOSE = (Code.DISABLED, Code.PAUSED, Code.WINDOW, Code.RUNNING)


def last_start(mine: TaskState) -> datetime | None:
    """Return when the task started last, None when it never did."""
    run = mine.live or mine.last
    return None if run is None else run.started_at


def is_overdue(task: Task, mine: TaskState, code: Code, now: datetime, rules: Rules) -> bool:
    """Say whether a task, about which `code` is decided, has not started for too long, and nobody meant it so."""
    limit = max(OVERDUE_INTERVALS * task.interval, slowest_interval(task.interval, staircase(task, rules)))
    limit += OVERDUE_TICKS * rules.tick
    if task.windows:
        # Outside its window a task may rest for most of a day without being late.
        limit += timedelta(days=1)
    return now - (last_start(mine) or mine.first_seen) > limit and code not in HELD_ON_PURPOSE
