"""Which run of ours may be behind what is measured now: so that our own work is not taken for trouble. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Live, Result, State

HEAVY = 10.0
"""A run weighs when it uses this much of all CPUs, in per cent, over the time between two cycles."""

LATE_SHARE = 0.1
"""Ticks come late: a run that ended a tick and this much ago ended within the last tick."""


@dataclass(frozen=True, slots=True)
class OwnLoad:
    """A run of ours that weighs now or did within the last tick, or that an event has started."""

    run_id: str
    task: str
    cpu_percent: float
    by_event: bool


def own_load(
    state: State,
    sample: Sample,
    usage_s: Mapping[str, float],
    cpus: float | None,
    now: datetime,
    tick: timedelta,
) -> OwnLoad | None:
    """Return the run that weighs most, else the latest that an event has started, else None.

    `state` is that of the cycle before, with its counters: a live run's share is what it has used since then.
    `usage_s` says what each live run (one that has ended since, too) has used in all, by its id.
    """
    slot = _slot(state, now, tick)
    loads = []
    for task, run, used_s in _runs(state, usage_s, now, tick):
        share = 100.0 * used_s / (cpus * slot.total_seconds()) if cpus else 0.0
        loads.append((run.started_at, OwnLoad(run.run_id, task, min(share, _ours(sample)), bool(run.event))))
    heavy = [load for _, load in loads if load.cpu_percent >= HEAVY]
    if heavy:
        return max(heavy, key=lambda load: load.cpu_percent)
    _, latest = max(((at, load) for at, load in loads if load.by_event), default=(None, None), key=lambda one: one[0])
    return latest


def _slot(state: State, now: datetime, tick: timedelta) -> timedelta:
    """Return the time that the counters span: since the last cycle, but by hand at least half a tick."""
    gap = tick if state.last_cycle_at is None else now - state.last_cycle_at
    return max(tick / 2, min(gap, 2 * tick))


def _ours(sample: Sample) -> float:
    """Return the CPU that can be ours at most."""
    return 100.0 if sample.cpu is None else max(0.0, sample.cpu - (sample.foreign_cpu or 0.0))


def _runs(
    state: State, usage_s: Mapping[str, float], now: datetime, tick: timedelta
) -> Iterator[tuple[str, Live | Result, float]]:
    """Yield each run that is live or has just ended, with its CPU seconds in the last slot at most."""
    since = now - tick * (1 + LATE_SHARE)
    for task, mine in state.tasks.items():
        if mine.live is not None and not mine.live.node:
            live = mine.live
            yield task, live, max(0.0, usage_s.get(live.run_id, 0.0) - live.cpu_seen_s)
        if mine.last is not None and not mine.last.node and mine.last.ended_at >= since:
            # Of a long run that ended just after the counters were read, only that much can be in them.
            yield task, mine.last, min(mine.last.cpu_s or 0.0, state.spent_s)
