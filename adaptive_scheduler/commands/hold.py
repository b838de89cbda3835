"""`pause`, `resume` and `stop`: the user's word, in the same transaction as everything else."""

from adaptive_scheduler import recovery
from adaptive_scheduler import state as folds
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.errors import StateError, UsageError
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.times import parse_time

NOTHING_TO_STOP = 1


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


def stop(config: str | None, task: str) -> int:
    """End the live run of a task with all its processes, wherever it is; returns 1 where there is none to be told."""
    world = open_world(config, strict=False, write=False).world
    now = world.clock.now()
    with world.store.transaction(now) as transaction:
        complaint = recovery.mend(transaction, world.config, world.runner, now)
        mine = transaction.state.tasks.get(task)
        if mine is None or mine.live is None:
            known_tasks(world.config, [task])
            output.problem(f"'{task}' has no live run")
            return _code(complaint) or NOTHING_TO_STOP
        # Before it is told: a cycle that takes in its end at once must not try it again.
        transaction.state = folds.told_to_stop(transaction.state, task)
    run_id, node = mine.live.run_id, mine.live.node
    world.runner.remind(transaction.state)
    told = world.runner.kill(task, run_id)
    world.runner.close()
    if told:
        where = f" on node '{node}'" if node else ""
        output.line(f"the run of '{task}'{where} is told to end; the next cycle takes that in")
        return _code(complaint)
    with world.store.transaction(now) as transaction:
        state = transaction.state
        if (known := state.tasks.get(task)) is not None and known.live is not None and known.live.run_id == run_id:
            transaction.state = folds.told_to_stop(state, task, told=mine.retried_interruption)
    why = f"node '{node}' cannot be asked now, and the run there goes on" if node else "it has just ended"
    output.problem(f"the run of '{task}' was not told to end: {why}")
    return _code(complaint) or NOTHING_TO_STOP


def _code(complaint: str | None) -> int:
    """Say that the state was damaged, if it was; returns the exit code."""
    if complaint is None:
        return 0
    output.problem(complaint)
    return StateError.exit_code
