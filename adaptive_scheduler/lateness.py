"""Whether a task has gone too long without a start. Pure."""

from datetime import datetime, timedelta

from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Rules, Task, TaskState
from adaptive_scheduler.rhythm import slowest_interval, staircase

OVERDUE_INTERVALS = 1.5
OVERDUE_TICKS = 2
"""A task is overdue without a start for 1.5 intervals and 2 ticks."""

HELD_ON_PURPOSE = (Code.DISABLED, Code.PAUSED, Code.WINDOW, Code.RUNNING)


def is_overdue(task: Task, mine: TaskState, code: Code, now: datetime, rules: Rules) -> bool:
    """Say whether a task about which `code` is the present decision should have started by now."""
    run = mine.live or mine.last
    slowest = slowest_interval(task.interval, staircase(task, rules))
    limit = max(OVERDUE_INTERVALS * task.interval, slowest) + OVERDUE_TICKS * rules.tick
    if task.windows:
        # Outside its window a task may rest for most of a day without being late.
        limit += timedelta(days=1)
    since = mine.first_seen if run is None else run.started_at
    return now - since > limit and code not in HELD_ON_PURPOSE
