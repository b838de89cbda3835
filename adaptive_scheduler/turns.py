"""What a start and an end make of the state of one task; state.py puts it into the whole. Pure."""

from dataclasses import replace
from datetime import timedelta

from adaptive_scheduler.account import after_start
from adaptive_scheduler.codes import Code
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.footprints import with_run
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, Result, Status, Task, TaskState
from adaptive_scheduler.rhythm import adaptive_interval, is_due, load_for, next_anchor, staircase
from adaptive_scheduler.settings import Rules

LONGEST_BACKOFF = timedelta(days=1)
"""Doubling ends here, unless `retry_delay` itself is longer."""


def begun(mine: TaskState, task: Task, live: Live, sample: Sample, rules: Rules) -> TaskState:
    """Return the task with a run that has been started."""
    if mine.live is not None:
        raise StateError(f"'{task.name}' has a live run '{mine.live.run_id}' already")
    stairs = staircase(task, rules, mine.behind)
    interval = adaptive_interval(task.interval, stairs, load_for(task, sample, rules))
    learned = rules.learned_for(task)
    behind, excused_s = 0.0, 0.0
    if learned is None:
        anchor = next_anchor(mine.anchor, interval, live.started_at, rules.tick)
    else:
        anchor, behind = live.started_at, after_start(mine, learned.table, task.interval, live.started_at)
    retrying = mine.retry_at is not None
    beside = retrying or live.code is Code.EVENT
    if beside and mine.anchor and not is_due(mine.anchor, interval, live.started_at, rules.tick):
        # A retry belongs to the beat that failed, an event to none; the next beat comes when it would have come.
        anchor, behind, excused_s = mine.anchor, mine.behind, mine.excused_s
    return replace(
        mine,
        live=live if mine.event is None else replace(live, event=mine.event.id),
        event=None,
        anchor=anchor,
        behind=behind,
        excused_s=excused_s,
        retry_at=None,
        retries_used=mine.retries_used if retrying else 0,
        retried_interruption=mine.retried_interruption and retrying,
    )


def ended(mine: TaskState, result: Result, task: Task | None, *, rerun: bool) -> TaskState:
    """Return the task without its run, which has ended so, and with its next try."""
    failed = not result.status.succeeded
    retry_at, used, again = (
        (mine.retry_at, mine.retries_used, mine.retried_interruption) if failed else (None, 0, False)
    )
    if result.status in (Status.INTERRUPTED, Status.LOST):
        # Elsewhere nobody may be sure that it does not run twice then: that takes the user's word.
        again = not mine.retried_interruption and (not result.node or rerun)
        retry_at = result.ended_at if again else None
    elif failed and task is not None and mine.retries_used < task.retries:
        doubled = min(2.0**mine.retries_used, LONGEST_BACKOFF / task.retry_delay)
        retry_at, used = result.ended_at + max(task.retry_delay, task.retry_delay * doubled), mine.retries_used + 1
    return replace(
        mine,
        live=None,
        last=result,
        failures=mine.failures + 1 if failed else 0,
        footprint=with_run(mine.footprint, result),
        retry_at=retry_at,
        retries_used=used,
        retried_interruption=again,
    )
