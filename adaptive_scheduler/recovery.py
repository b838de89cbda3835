"""After the state was lost: rebuild what the run folders still know, and never fire everything.

With a copy to fall back on, only runs younger than the copy are missing. One that is live in the copy, and has been
followed by another since, has ended. Without a copy, every task without a run folder counts as just run: its next
beat comes an interval from now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from adaptive_scheduler import state as folds
from adaptive_scheduler.footprints import KEPT, with_run
from adaptive_scheduler.model import Live, Result, State, TaskState
from adaptive_scheduler.runners.base import Lost, Runner
from adaptive_scheduler.settings import Config
from adaptive_scheduler.store import Transaction


def mend(transaction: Transaction, config: Config, runner: Runner, now: datetime) -> str | None:
    """Rebuild the state of a transaction that found it damaged; returns what to complain about."""
    if not transaction.damaged:
        return None
    transaction.state = rebuilt(transaction.state, config, runner, now)
    return "; ".join(transaction.notes)


def rebuilt(state: State, config: Config, runner: Runner, now: datetime) -> State:
    """Return the state with the newest run on disk of each task as its live run, to be collected as usual."""
    nothing_known = state.cycle == 0
    state = folds.seen(state, config.tasks, now)
    tasks: dict[str, TaskState] = {}
    for name in state.tasks:
        mine = state.tasks[name]
        known = max((run.run_id for run in (mine.live, mine.last) if run is not None), default="")
        newer = [run_id for run_id in runner.scan(name) if run_id > known and runner.started_at(run_id)]
        if newer:
            if mine.live is not None:
                end = runner.outcome(name, mine.live.run_id) or Lost(
                    mine.live.run_id, "its end was lost with the state"
                )
                state = folds.finished(state, name, end.result(mine.live, now), config.tasks.get(name))
                mine = replace(state.tasks[name], retry_at=None)
            started = runner.started_at(newer[-1]) or now
            node = runner.node(name, newer[-1])
            found = Live(newer[-1], started, reason="found after the state was lost", node=node)
            # The newest run is collected as usual, and teaches then.
            mine = replace(mine, anchor=started, live=found, footprint=_footprint(mine, name, newer[:-1], runner))
        elif nothing_known and name in config.tasks:
            mine = replace(mine, anchor=now)
        tasks[name] = mine
    return replace(state, tasks=tasks)


def _footprint(mine: TaskState, name: str, run_ids: Sequence[str], runner: Runner) -> str:
    footprint = mine.footprint
    for run_id in run_ids[-KEPT:]:
        outcome = runner.outcome(name, run_id)
        if outcome is not None:
            footprint = with_run(footprint, outcome.recorded())
    return footprint


def all_results(config: Config, runner: Runner) -> Iterator[tuple[str, Result]]:
    """Yield every finished run whose folder is still kept, for a history that was lost."""
    for name in config.tasks:
        for run_id in runner.scan(name):
            outcome = runner.outcome(name, run_id)
            if outcome is not None:
                yield name, outcome.recorded()
