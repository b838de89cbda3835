"""Folds over the state: each takes a State and returns a new one; an illegal move raises and changes nothing.

A run is stamped before its supervisor starts (`claimed`) and given back by exactly one of `finished`
calls; the anchor moves at the start, so a crash can neither repeat nor lose a beat.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler.beats import Beat
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.events import Event
from adaptive_scheduler.machine import Reading, Sample
from adaptive_scheduler.model import Decision, Live, Result, State, Task, TaskState
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.turns import begun, ended

UNRECORDED_KEPT = 1000
"""How many results wait for a history that cannot be written; older ones stay in their run folders."""

FORGET_AFTER = timedelta(days=30)
"""How long the state of a task that left tasks.toml is kept."""

EVENT_WAITS = timedelta(hours=1)
EVENT_WAITS_TICKS = 12
"""How long an event waits for a gate to open: this long, and this many ticks at least."""


def seen(state: State, names: Iterable[str], now: datetime) -> State:
    """Greet new tasks, mark those that left tasks.toml, and forget them after 30 days."""
    wanted = dict.fromkeys(names)
    tasks: dict[str, TaskState] = {}
    for name in [*wanted, *(n for n in state.tasks if n not in wanted)]:
        mine = state.tasks.get(name) or TaskState(first_seen=now)
        if name in wanted:
            tasks[name] = replace(mine, missing_since=None) if mine.missing_since else mine
        elif mine.missing_since is None:
            tasks[name] = replace(mine, missing_since=now)
        elif mine.live is not None or now - mine.missing_since < FORGET_AFTER:
            tasks[name] = mine
    return replace(state, tasks=tasks)


def beat(state: State, now: datetime, tick: timedelta) -> State:
    """Count a cycle; a cycle less than half a tick after the nominal one keeps the nominal time."""
    nominal = state.nominal_at
    if nominal is None or not timedelta(0) <= now - nominal < tick / 2:
        nominal = now
    return replace(state, cycle=state.cycle + 1, last_cycle_at=now, nominal_at=nominal)


def rested(state: State, beats: Iterable[Beat]) -> State:
    """Take in short cycles that the state does not know yet, as if it had been there: nothing could become due."""
    for one in beats:
        if one.cycle > state.cycle and (state.last_cycle_at is None or one.at > state.last_cycle_at):
            readings = (*state.readings[-1:], one.reading)
            state = replace(
                state, cycle=one.cycle, last_cycle_at=one.at, nominal_at=one.at, readings=readings, spent_s=0.0
            )
    return state


def set_back(state: State, now: datetime, tick: timedelta) -> tuple[State, bool]:
    """Pull every stamp that lies more than a tick in the future to now: the clock was set back.

    Such a task counts as just run; returns the state and whether anything was pulled.
    """
    horizon = now + tick

    def pull(moment: datetime | None) -> datetime | None:
        return now if moment is not None and moment > horizon else moment

    def known(moment: datetime) -> datetime:
        return min(moment, now) if moment > horizon else moment

    tasks = {}
    for name, mine in state.tasks.items():
        last = mine.last
        tasks[name] = replace(
            mine,
            first_seen=known(mine.first_seen),
            anchor=pull(mine.anchor),
            live=mine.live and replace(mine.live, started_at=known(mine.live.started_at)),
            last=last and replace(last, started_at=known(last.started_at), ended_at=known(last.ended_at)),
            retry_at=now if last and last.ended_at > horizon and mine.retry_at else mine.retry_at,
            missing_since=pull(mine.missing_since),
        )
    pulled = replace(state, tasks=tasks, last_cycle_at=pull(state.last_cycle_at), nominal_at=pull(state.nominal_at))
    return pulled, pulled != state


def claimed(state: State, task: Task, live: Live, sample: Sample, rules: Rules) -> State:
    """Stamp a start: the run is live, the anchor moves, a retry is used up, and a pending event is this run's.

    Under a learned staircase the anchor is the start itself, and the rate account keeps the mean rate.
    """
    return _with(state, {task.name: begun(state.tasks[task.name], task, live, sample, rules)})


def all_claimed(state: State, starts: Iterable[tuple[Task, Live, Sample]], rules: Rules) -> State:
    """Stamp the starts of one plan, each as `claimed` does: thousands of tasks are copied once for all of them."""
    begin = {task.name: begun(state.tasks[task.name], task, live, sample, rules) for task, live, sample in starts}
    return _with(state, begin)


def alerted(state: State, events: Iterable[Event], tasks: Mapping[str, Task], rules: Rules, now: datetime) -> State:
    """Let events make the tasks due that wait for them and may run here; the newest is the one that is told.

    One that a run of ours has caused starts nothing: its own task would be the next cause.
    """
    for event in events:
        for name, task in tasks.items():
            runs_here = task.enabled and task.os in (None, rules.platform)
            if event.name not in task.on or not runs_here or event.caused_by:
                continue
            mine = state.tasks.get(name) or TaskState(first_seen=now)
            if mine.event is None or mine.event.at <= event.at:
                state = _with(state, {name: replace(mine, event=event)})
    return state


def lapsed(
    state: State, tasks: Mapping[str, Task], now: datetime, tick: timedelta
) -> tuple[State, list[tuple[str, Event]]]:
    """Drop events that waited too long, or that their task no longer waits for; returns them by task.

    One from the future is of before the clock was set back: how old it is nobody knows.
    """
    gone = []
    for name, mine in state.tasks.items():
        event = mine.event
        if event is None:
            continue
        wanted = name in tasks and event.name in tasks[name].on
        if not wanted or event.at > now + tick or expiry(event, tick) < now:
            gone.append((name, event))
    for name, _ in gone:
        state = _with(state, {name: replace(state.tasks[name], event=None)})
    return state, gone


def expiry(event: Event, tick: timedelta) -> datetime:
    """Return until when an event waits to start its tasks."""
    return event.at + max(EVENT_WAITS, EVENT_WAITS_TICKS * tick)


def came_back(state: State, name: str, run_id: str, now: datetime, event: Event | None = None) -> State:
    """Take back the start of a run that never began: no failure, no result, and due again at once.

    The event it was for waits once more, unless there has been a newer one.
    """
    mine = _with_live(state, name, run_id)
    return _with(state, {name: replace(mine, live=None, retry_at=now, event=mine.event or event)})


def out_of_reach(state: State, name: str, run_id: str, since: datetime | None) -> State:
    """Remember since when nobody can say what became of a run; None when somebody can again."""
    mine = _with_live(state, name, run_id)
    live = mine.live
    if live is None or (live.unreachable_since is None) == (since is None):
        return state
    return _with(state, {name: replace(mine, live=replace(live, unreachable_since=since))})


def finished(state: State, name: str, result: Result, task: Task | None, *, rerun: bool = False) -> State:
    """Take in the end of a run: latest result, streak, next try; `task` is None when it left tasks.toml.

    A failure is tried again up to `retries` times, after `retry_delay` doubled each time; an
    interrupted run is tried again once, at once: one on a node only with `rerun`. What the run took goes into
    the footprint.
    """
    mine = _with_live(state, name, result.run_id)
    seen_s = 0.0 if mine.live is None else mine.live.cpu_seen_s
    # What a run used elsewhere is no load of this machine.
    spent = 0.0 if result.node else max(0.0, (result.cpu_s or 0.0) - seen_s)
    return replace(
        _with(state, {name: ended(mine, result, task, rerun=rerun)}),
        unrecorded=(*state.unrecorded, (name, result))[-UNRECORDED_KEPT:],
        spent_s=state.spent_s + spent,
    )


def all_finished(state: State, results: Mapping[str, Result]) -> State:
    """Take in runs by their tasks, as a story assumes them to end: nothing is recorded, and nothing tried again."""
    done = {
        name: ended(_with_live(state, name, result.run_id), result, None, rerun=False)
        for name, result in results.items()
    }
    return _with(state, done)


def recorded(state: State, run_ids: Iterable[str]) -> State:
    """Drop the results that the history has taken in."""
    gone = set(run_ids)
    return replace(state, unrecorded=tuple(pair for pair in state.unrecorded if pair[1].run_id not in gone))


def paused(state: State, name: str, until: datetime | None) -> State:
    """Hold a task until a time, or until `resumed`."""
    return _with(state, {name: replace(state.tasks[name], paused=True, paused_until=until)})


def resumed(state: State, name: str) -> State:
    """Give a held task free."""
    return _with(state, {name: replace(state.tasks[name], paused=False, paused_until=None)})


def told_to_stop(state: State, name: str, *, told: bool = True) -> State:
    """Take note that the user ends the live run of a task: that it is cut off is no reason to try it again."""
    return _with(state, {name: replace(state.tasks[name], retried_interruption=told)})


def pauses_over(state: State, now: datetime) -> State:
    """Give free every task whose pause had an end that has passed."""
    over = [n for n, t in state.tasks.items() if t.paused and t.paused_until and t.paused_until <= now]
    for name in over:
        state = resumed(state, name)
    return state


def measured(state: State, readings: tuple[Reading, ...], usage_s: Mapping[str, float]) -> State:
    """Keep the OS counters that the next cycle compares with.

    When they are new ones, the CPU seconds of our own runs are counted afresh from here: `usage_s` is
    what each live run, by its id, has used so far.
    """
    if readings == state.readings:
        return state
    tasks = {
        name: replace(mine, live=replace(mine.live, cpu_seen_s=usage_s[mine.live.run_id]))
        if mine.live is not None and mine.live.run_id in usage_s
        else mine
        for name, mine in state.tasks.items()
    }
    return replace(state, readings=readings, tasks=tasks, spent_s=0.0)


def decided(state: State, decisions: Iterable[Decision], tempo: str | None = None) -> State:
    """Remember each task's latest code and, where given, which way the load bends its interval."""
    tasks = dict(state.tasks)
    for one in decisions:
        mine, code = tasks[one.task], one.code.value
        if mine.code != code or (tempo or mine.tempo) != mine.tempo:
            tasks[one.task] = replace(mine, code=code, tempo=tempo or mine.tempo)
    return replace(state, tasks=tasks)


def _with_live(state: State, name: str, run_id: str) -> TaskState:
    mine = state.tasks[name]
    if mine.live is None or mine.live.run_id != run_id:
        raise StateError(f"'{name}' has no live run '{run_id}'")
    return mine


def _with(state: State, changed: Mapping[str, TaskState]) -> State:
    return replace(state, tasks={**state.tasks, **changed})
