"""`pause` and `resume`: the user's word, in the same transaction as everything else."""

from adaptive_scheduler import recovery
from adaptive_scheduler import state as folds
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.errors import StateError, UsageError
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.times import parse_time


def pause(config: str | None, task: str, *, until: str | None) -> int:
    """Hold a task until a time, or until `resume`; a live run goes on."""
    world = open_world(config, strict=False, write=False).world
    known_tasks(world.config, [task])
    now = world.clock.now()
    end = parse_time(until, now, future=True) if until is not None else None
    if end is not None and end <= now:
        raise UsageError(f"--until {until} is over already ({end:%Y-%m-%d %H:%M})")
    with world.store.transaction(now) as transaction:
        complaint = recovery.mend(transaction, world.config, world.runner, now)
        state = folds.seen(transaction.state, world.config.tasks, now)
        transaction.state = folds.paused(state, task, end)
    output.line(f"'{task}' is paused until {f'{end:%Y-%m-%d %H:%M}' if end else 'resume'}")
    return _code(complaint)


def resume(config: str | None, task: str) -> int:
    """Give a held task free; it runs when it is due."""
    world = open_world(config, strict=False, write=False).world
    known_tasks(world.config, [task])
    now = world.clock.now()
    with world.store.transaction(now) as transaction:
        complaint = recovery.mend(transaction, world.config, world.runner, now)
        state = folds.seen(transaction.state, world.config.tasks, now)
        was_paused = state.tasks[task].paused
        transaction.state = folds.resumed(state, task)
    output.line(f"'{task}' is resumed" if was_paused else f"'{task}' was not paused")
    return _code(complaint)


def _code(complaint: str | None) -> int:
    """Say that the state was damaged, if it was; returns the exit code."""
    if complaint is None:
        return 0
    output.problem(complaint)
    return StateError.exit_code
