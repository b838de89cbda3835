"""The ends of runs, as a runner reports them, folded into the state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adaptive_scheduler import state as folds
from adaptive_scheduler.durations import words
from adaptive_scheduler.fleet import OnLoss
from adaptive_scheduler.footprints import expected, need
from adaptive_scheduler.machine import Reading, Sample
from adaptive_scheduler.model import Result, State, Status, Task, TaskState
from adaptive_scheduler.norms import unusual
from adaptive_scheduler.runners.base import ComesBack, Finished, Lost, Runner, Running, RunState, Unreachable
from adaptive_scheduler.settings import Config

LOST_AFTER = timedelta(hours=1)
LOST_AFTER_RUNS = 3
"""A run that has been out of reach for so long, or for so many of its usual durations, is given up."""


@dataclass(frozen=True)
class Settled:
    """A state with what became of its live runs: the ends in the order of their time, and what went astray just now."""

    state: State
    ends: list[tuple[str, Result, Finished | Lost]]
    strays: list[tuple[str, Unreachable | ComesBack]]


def settle(state: State, reports: Mapping[str, RunState], now: datetime, config: Config) -> Settled:
    """Fold what became of the live runs into the state."""
    ends: list[tuple[str, Result, Finished | Lost]] = []
    strays: list[tuple[str, Unreachable | ComesBack]] = []
    for name, mine in state.tasks.items():
        live, report = mine.live, reports.get(name)
        if live is None or report is None or report.run_id != live.run_id:
            continue
        report = _given_up(report, mine, now, config, config.tasks.get(name))
        if isinstance(report, Finished | Lost):
            result = report.result(live, now)
            ends.append((name, replace(result, unusual=unusual(result, mine.footprint)), report))
        elif isinstance(report, ComesBack):
            state = folds.came_back(state, name, live.run_id, now, report.event)
            strays.append((name, report))
        else:
            since = now if isinstance(report, Unreachable) else None
            state = folds.out_of_reach(state, name, live.run_id, since)
            if isinstance(report, Unreachable) and live.unreachable_since is None:
                strays.append((name, report))
    ends.sort(key=lambda end: end[1].ended_at)
    for name, result, _ in ends:
        task = config.tasks.get(name)
        state = folds.finished(state, name, result, task, rerun=on_loss(task, config) is OnLoss.RERUN)
    return Settled(state, ends, strays)


def on_loss(task: Task | None, config: Config) -> OnLoss:
    """Return what becomes of a run on a node that was cut off: the task's own wish, or that of [cluster]."""
    if task is not None and task.on_loss is not None:
        return task.on_loss
    return OnLoss.REPORT if config.cluster is None else config.cluster.on_loss


def lost_after(task: Task | None, mine: TaskState, config: Config) -> timedelta:
    """Return how long a run may be out of reach: as [cluster] says, else an hour or three expected runs."""
    if config.cluster is not None and config.cluster.lost_after is not None:
        return config.cluster.lost_after
    lasts = None if task is None else expected(task, mine.footprint)
    return max(LOST_AFTER, LOST_AFTER_RUNS * (lasts or timedelta(0)))


def _given_up(report: RunState, mine: TaskState, now: datetime, config: Config, task: Task | None) -> RunState:
    """Return a run that has been out of reach for too long as lost, every other report as it is."""
    since = None if mine.live is None else mine.live.unreachable_since
    if not isinstance(report, Unreachable) or since is None or now - since < lost_after(task, mine, config):
        return report
    return Lost(report.run_id, f"out of reach for {words(now - since)}: {report.cause}", Status.LOST)


def live_runs(state: State) -> dict[str, str]:
    """Return the run id of each live run by task."""
    return {name: mine.live.run_id for name, mine in state.tasks.items() if mine.live is not None}


def cpus_of(readings: Sequence[Reading]) -> float | None:
    """Return how many CPUs the latest reading is of, None when it does not say."""
    cpus = readings[-1].get("cpus") if readings else None
    return None if cpus is None else float(cpus)


def own_cpu_s(state: State, reports: Mapping[str, RunState], runner: Runner) -> tuple[float, dict[str, float]]:
    """Return the CPU seconds our runs used since the kept counters, and each live run's total by run id."""
    spent_s, usage_s = state.spent_s, {}
    for name, mine in state.tasks.items():
        if mine.live is None or mine.live.node:
            continue
        report = reports.get(name)
        used_s = report.cpu_s if isinstance(report, Finished) else runner.usage(name, mine.live.run_id)
        if used_s is not None:
            usage_s[mine.live.run_id] = used_s
            spent_s += max(0.0, used_s - mine.live.cpu_seen_s)
    return spent_s, usage_s


def held_memory(
    state: State, reports: Mapping[str, RunState], runner: Runner, sample: Sample, config: Config
) -> dict[str, int]:
    """Return the bytes that live runs use now; not asked where nothing depends on it."""
    held: dict[str, int] = {}
    if sample.available_bytes is None:
        return held
    for name, mine in state.tasks.items():
        if mine.live is None or mine.live.node or not isinstance(reports.get(name), Running):
            continue
        if need(config.tasks.get(name), mine.footprint) is not None:
            used = runner.memory(name, mine.live.run_id)
            held |= {} if used is None else {name: used}
    return held
