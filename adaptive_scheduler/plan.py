"""What starts now, what waits, and why: a pure function of (tasks, state, sample, rules, now).

The order of refusals is the law; the first that applies is the reason: DISABLED, PAUSED, RUNNING,
BACKOFF, WINDOW, NOT_DUE, CPU_CEILING, DEP_FAILED, DEP_WAIT, NO_NODE, MEMORY_GATE, MEMORY_NEED, HEAVY_PAIR, NO_SLOT.

A pending event makes its task due: past BACKOFF, NOT_DUE and CPU_CEILING, and past nothing else.

There is no topological sort of starts: the cycle plans again whenever a run ends, and a task whose
dependency is about to run waits for that. A task starts at most once in a cycle.

A task with a `where` is asked about the nodes that could run it: its rhythm follows the calmest of them, and
the last refusals are those of the nodes (placement.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import ceil, inf

from adaptive_scheduler import admission, gates, placement
from adaptive_scheduler.case import Case, percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.dependencies import dependency
from adaptive_scheduler.durations import words
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.footprints import expected
from adaptive_scheduler.gates import forced_past
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Priority, State, Status, Task, TaskState
from adaptive_scheduler.placement import Yard
from adaptive_scheduler.rhythm import is_due
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.state import expiry
from adaptive_scheduler.times import clock_time

Verdicts = dict[str, Decision]


def plan(
    tasks: Mapping[str, Task],
    state: State,
    sample: Sample,
    rules: Rules,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    force: bool = False,
    started: Collection[str] = (),
    held: Mapping[str, int] | None = None,
    fleet: Fleet = NOBODY,
    yard: Yard | None = None,
    brief: bool = False,
) -> list[Decision]:
    """Return one decision a task: the starts first, in the order to start them, then the others.

    `only` looks at these tasks alone, `force` starts them past age, ceiling, window, pause, back-off
    and memory limit; `started` names what this cycle has started already, `held`
    says how many bytes each live run uses now, as far as that is known; `fleet` is where tasks with a `where` go,
    `yard` that fleet where somebody has looked at it already.
    `brief` decides the same, and leaves out the sentences that are about nodes, of starts and of refusals.
    """
    looked_at = [name for name in tasks if only is None or name in only]
    yard, cases = yard or Yard(fleet, rules), {}
    for name in looked_at:
        mine = state.tasks.get(name) or TaskState(first_seen=now)
        cases[name] = Case(tasks[name], mine, yard.sample_for(tasks[name], sample), rules, now, force)
    verdicts: Verdicts = {}
    waiting = looked_at
    while waiting:
        # Dependencies are decided first; tasks.toml has no loops, so every pass decides at least one.
        ready = [n for n in waiting if all(d in verdicts or d not in cases for d in cases[n].task.depends_on)]
        for name in ready:
            verdicts[name] = _verdict(cases[name], tasks, state, verdicts, started, yard)
        waiting = [n for n in waiting if n not in verdicts]
    starts = sorted((n for n in looked_at if verdicts[n].code.starts), key=lambda n: urgency(cases[n]))
    here, there = admission.room(tasks, state, sample, rules, held or {}), placement.rooms(tasks, state, yard.fleet)
    for name in starts:
        if yard.is_elsewhere(tasks[name]):
            verdicts[name] = placement.place(cases[name], yard, there, partial(_start, brief=brief), brief=brief)
        else:
            verdicts[name] = admission.admit(cases[name], verdicts[name], here)
    first = [verdicts[n] for n in starts if verdicts[n].code.starts]
    return first + [_told(cases[n], verdicts[n]) for n in looked_at if not verdicts[n].code.starts]


def urgency(case: Case) -> tuple[bool, int, bool, float, float]:
    """Return the sort key of due tasks: what waited too long, then priority, events, least slack, shortest first.

    Priority ages with lateness: a low task climbs step by step and stands level with critical ones when it
    has waited `max_defer`. Slack is the time until it must start: by `max_defer`, or before its window closes.
    """
    patience = case.task.patience
    waited, closes = case.waited, case.closes_in
    share = min(1.0, waited / patience) if patience else 1.0
    slack = patience - waited if closes is None else min(closes, patience - waited)
    lasts = expected(case.task, case.mine.footprint)
    return (
        not case.starving,
        ceil(round(case.task.priority.rank * (1.0 - share), 9)),
        case.mine.event is None,
        slack.total_seconds(),
        inf if lasts is None else lasts.total_seconds(),
    )


def _verdict(
    case: Case, tasks: Mapping[str, Task], state: State, verdicts: Verdicts, started: Collection[str], yard: Yard
) -> Decision:
    """Return the refusal that applies first, or the start that only want of room may still prevent."""
    if case.task.name in started and case.mine.live is None:
        return case.say(Code.NOT_DUE, "it has run in this cycle", case.next_tick)
    for refuse in gates.BEFORE_DEPENDENCIES:
        if refusal := refuse(case):
            return refusal
    blocks = []
    for name in case.task.depends_on:
        theirs = state.tasks.get(name)
        live = theirs is not None and theirs.live is not None
        # A run of an earlier cycle is no reason to wait: the latest finished one counts.
        runs_first = (live and name in started) or (name in verdicts and verdicts[name].code.starts)
        if blocked := dependency(case, tasks[name], theirs, runs_first=runs_first):
            blocks.append(blocked)
    if blocks:
        return min(blocks, key=lambda block: block.code is not Code.DEP_FAILED)
    if yard.is_elsewhere(case.task):
        # Its sentence is that of the node that takes it.
        return placement.no_node(case, yard) or Decision(case.task.name, Code.RUN, "", case.now)
    return admission.memory_gate(case) or _start(case)


def _start(case: Case, *, brief: bool = False) -> Decision:
    """Return the start, marked FORCED when it passes something that would hold others back; `brief` says no more."""
    anchor, interval, event = case.mine.anchor, case.interval, case.mine.event
    past_memory = case.task.priority is not Priority.CRITICAL and (case.sample.memory or 0.0) > case.memory_limit
    allowed = anchor is None or case.retrying or event is not None
    past_ceiling = anchor is not None and not allowed and not is_due(anchor, interval, case.now, case.rules.tick)
    if brief:
        is_forced = case.forced or past_memory or past_ceiling
        return case.say(Code.FORCED if is_forced else Code.RUN if event is None else Code.EVENT, "", case.now)
    elapsed = case.now - case.since
    beat = {"value": elapsed.total_seconds(), "limit": interval.total_seconds(), "unit": "seconds"}
    beat = beat if case.task.beats else {}
    if case.forced:
        return case.say(Code.FORCED, "started by --force", case.now, **beat)  # type: ignore[arg-type]  # plain keywords
    if past_memory or past_ceiling:
        passed = (
            f"memory {percent(case.sample.memory)} above {percent(case.memory_limit)}"
            if past_memory
            else f"CPU {percent(case.sample.cpu)}"
        )
        return forced_past(case, passed)
    if event is not None:
        return case.say(Code.EVENT, event.reason, case.now, value=event.value, limit=event.expected, unit=event.unit)
    if case.retrying:
        used, most = case.mine.retries_used, case.task.retries
        never_began = "again, for it never began where it was sent"
        last = case.mine.last
        cut_off = last is not None and last.status in (Status.INTERRUPTED, Status.LOST)
        which = never_began if case.task.where is not None and not cut_off else "once more after an interruption"
        which = f"retry {used} of {most} after a failure" if used else which
        return case.say(Code.RUN, which, case.now, **beat)  # type: ignore[arg-type]  # plain keywords
    if anchor is None:
        return case.say(Code.RUN, "it has never run", case.now)
    reason = f"{words(elapsed)} since its beat; runs every {words(interval)} at {percent(case.sample.cpu)} CPU"
    if case.learned is not None:
        within = (
            f"within {percent(max(0.0, case.ceiling))}" if case.ceiling < 100 else "and it starts whatever the load is"
        )
        reason = f"{words(elapsed)} since its last start; {percent(case.learned.shown)} CPU expected, {within}"
    return case.say(Code.RUN, reason, case.now, **beat)  # type: ignore[arg-type]  # plain keywords


def _told(case: Case, refusal: Decision) -> Decision:
    """Return a refusal that tells of the event that waits behind it."""
    event = case.mine.event
    if event is None or refusal.code is Code.DISABLED:
        return refusal
    until = clock_time(expiry(event, case.rules.tick), case.now)
    return replace(refusal, reason=f"{refusal.reason}; event '{event.name}' waits until {until}")
