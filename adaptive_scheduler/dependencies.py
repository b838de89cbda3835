"""Whether a task's dependency lets it start: the reasons DEP_FAILED and DEP_WAIT."""

from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.model import Decision, Task, TaskState
from adaptive_scheduler.rhythm import slowest_interval, staircase

FRESH_INTERVALS = 2
"""A dependency's result counts for this many of the dependency's own slowest intervals."""


def dependency(case: Case, needed: Task, theirs: TaskState | None, *, runs_first: bool) -> Decision | None:
    """Refuse a task whose dependency runs first, failed, never finished, or finished too long ago."""
    name = needed.name

    def wait(reason: str) -> Decision:
        return case.say(Code.DEP_WAIT, reason, case.next_tick, blocker=name)

    if runs_first:
        return wait(f"'{name}' runs first; its fresh result counts")
    last = None if theirs is None else theirs.last
    if last is None:
        return wait(f"'{name}' has not finished a run yet")
    if not last.status.succeeded:
        return case.say(
            Code.DEP_FAILED,
            f"the latest run of '{name}' ended as {last.status} ({last.cause or 'no cause given'})",
            case.next_tick,
            blocker=name,
        )
    old = case.now - last.ended_at
    limit = FRESH_INTERVALS * slowest_interval(needed.interval, staircase(needed, case.rules))
    if old <= limit:
        return None
    return case.say(
        Code.DEP_WAIT,
        f"the latest result of '{name}' is {words(old)} old, more than {words(limit)}",
        case.next_tick,
        value=old.total_seconds(),
        limit=limit.total_seconds(),
        unit="seconds",
        blocker=name,
    )
