"""The ends of runs, as a runner reports them, folded into the state."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from adaptive_scheduler import state as folds
from adaptive_scheduler.footprints import need
from adaptive_scheduler.model import Config, Reading, Result, Sample, State
from adaptive_scheduler.norms import unusual
from adaptive_scheduler.runners.base import Finished, Lost, Runner, Running, RunState


def settle(
    state: State, reports: Mapping[str, RunState], now: datetime, config: Config
) -> tuple[State, list[tuple[str, Result, Finished | Lost]]]:
    """Fold the runs that ended into the state; returns it and the ends, in the order of their time."""
    ends: list[tuple[str, Result, Finished | Lost]] = []
    for name, mine in state.tasks.items():
        live, report = mine.live, reports.get(name)
        if live is not None and isinstance(report, Finished | Lost) and report.run_id == live.run_id:
            result = report.result(live, now)
            ends.append((name, replace(result, unusual=unusual(result, mine.footprint)), report))
    ends.sort(key=lambda end: end[1].ended_at)
    for name, result, _ in ends:
        state = folds.finished(state, name, result, config.tasks.get(name))
    return state, ends


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
        if mine.live is None:
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
        if mine.live is None or not isinstance(reports.get(name), Running):
            continue
        if need(config.tasks.get(name), mine.footprint) is not None:
            used = runner.memory(name, mine.live.run_id)
            held |= {} if used is None else {name: used}
    return held
