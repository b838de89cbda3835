"""Who is told what: what is the matter with each task now, against what has been told of it. Pure.

Each matter is told once when it begins; two of them are told when they are over. What was told is kept in the
state, so that no two cycles tell the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.events import MISSED_CYCLES, Event
from adaptive_scheduler.footprints import durations
from adaptive_scheduler.lateness import HELD_ON_PURPOSE, is_overdue, last_start
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, State, Task, TaskState
from adaptive_scheduler.notify import About, Notice, Notify
from adaptive_scheduler.settings import Config, Rules

SAID_ON_PURPOSE = (Code.DISABLED, Code.PAUSED, Code.WINDOW)
"""A task that somebody holds back is not on time again when it stops being overdue."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a cycle knows when it looks for what is to be told; `events` are those that it has just seen.

    `awake` says that cycles came lately: right after a gap everything is late, and the gap is the reason.
    """

    now: datetime
    sample: Sample
    decisions: Sequence[Decision]
    rules: Rules
    events: Sequence[Event] = ()
    awake: bool = True
    forced: bool = False


@dataclass(frozen=True, slots=True)
class _View:
    """One task, and the decision about it."""

    task: Task
    mine: TaskState
    decision: Decision
    seen: Facts
    wish: Notify


def noticed(config: Config, state: State, seen: Facts) -> tuple[State, tuple[Notice, ...]]:
    """Return the state with what has been told, and the notices of what has begun or is over."""
    wish, notices, tasks = config.notify, list(_of_events(config.notify, seen)), dict(state.tasks)
    for decision in seen.decisions:
        task, mine = config.tasks[decision.task], tasks[decision.task]
        told = {about for about in About if about in mine.told.split(",")}
        view = _View(task, mine, decision, seen, wish)
        kept = dict[About, str]() if not task.notify else _matters(view, told)
        for about, reason in kept.items():
            if about not in told:
                notices.append(Notice(about, seen.now, reason, task.name, _run_of(about, mine)))
        if task.notify and About.RECOVERY in wish.on:
            notices += [_recovery(view, about) for about in _OVER if about in told - kept.keys() and _OVER[about](view)]
        tasks[task.name] = replace(mine, told=",".join(about for about in About if about in kept))
    return replace(state, tasks=tasks), tuple(notices)


def _matters(view: _View, told: set[About]) -> dict[About, str]:
    """Return what is the matter with a task, each with its reason."""
    found = {about: ask(view) for about, ask in _MATTERS.items() if about in view.wish.on}
    if not view.seen.awake:  # what has been told of before stays so, nothing of time begins
        found |= {about: "" for about in (About.OVERDUE, About.STARVING) if about not in told}
    if view.decision.code not in (Code.RUN, Code.EVENT, *SAID_ON_PURPOSE):
        # On a machine that is always full it starts only by force, each time after the same long wait.
        found |= {about: "still" for about in (About.OVERDUE, About.STARVING) if about in told & found.keys()}
    return {about: reason for about, reason in found.items() if reason}


def _failure(view: _View) -> str:
    last, failures = view.mine.last, view.mine.failures
    if last is None or last.status.succeeded or failures < view.wish.failures:
        return ""
    return f"{last.status.value}: {last.cause}" + (f" ({failures} in a row)" if failures > 1 else "")


def _overdue(view: _View) -> str:
    seen = view.seen
    late = is_overdue(view.task, view.mine, view.decision.code, seen.now, seen.rules)
    if not late or view.decision.code.starts:
        return ""
    started = last_start(view.mine)
    since = "never" if started is None else f"{words(seen.now - started)} ago"
    return f"last start: {since}, interval {words(view.task.interval)}; {view.decision.reason}"


def _starving(view: _View) -> str:
    seen, code = view.seen, view.decision.code
    case = Case(view.task, view.mine, seen.sample, seen.rules, seen.now)
    if seen.forced or code in HELD_ON_PURPOSE or code in (Code.RUN, Code.EVENT) or not case.starving:
        return ""
    return f"has waited {words(case.waited)}, which is its max_defer or more; {view.decision.reason}"


def _unusual(kind: About) -> Callable[[_View], str]:
    def ask(view: _View) -> str:
        last = view.mine.last
        return last.unusual if last is not None and last.unusual and _kind(last, view.mine) is kind else ""

    return ask


def _kind(result: Result, mine: TaskState) -> About:
    """Return which way a run was unusual."""
    usual = durations(mine.footprint)
    if usual is None or not result.unusual.startswith("took"):
        return About.HEAVY_RUN
    return About.LONG_RUN if result.duration_s > usual.p50 else About.SHORT_RUN


_MATTERS: Mapping[About, Callable[[_View], str]] = {
    About.FAILURE: _failure,
    About.OVERDUE: _overdue,
    About.STARVING: _starving,
    **{kind: _unusual(kind) for kind in (About.LONG_RUN, About.SHORT_RUN, About.HEAVY_RUN)},
}
"""What may be the matter with a task: a reason, empty where nothing is."""

_OVER: Mapping[About, Callable[[_View], bool]] = {
    About.FAILURE: lambda view: view.mine.last is not None and view.mine.last.status.succeeded,
    About.OVERDUE: lambda view: view.decision.code not in SAID_ON_PURPOSE,
}
"""What is told when it is over, if it ended well."""


def _recovery(view: _View, about: About) -> Notice:
    reason = "has succeeded again" if about is About.FAILURE else "is on time again"
    return Notice(About.RECOVERY, view.seen.now, reason, view.task.name, _run_of(about, view.mine))


def _run_of(about: About, mine: TaskState) -> str:
    """Return the run that a matter is about, empty where it is about none."""
    return "" if mine.last is None or about in (About.OVERDUE, About.STARVING) else mine.last.run_id


def _of_events(wish: Notify, seen: Facts) -> list[Notice]:
    """Return what happened on the machine; what runs of ours did themselves is no news."""
    found = []
    for one in seen.events:
        about = About.MISSED_CYCLES if one.name == MISSED_CYCLES else About.EVENT
        if about in wish.on and not one.caused_by:
            found.append(Notice(about, one.at, f"{one.name}: {one.reason}"))
    return found
