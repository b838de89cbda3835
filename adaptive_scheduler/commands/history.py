"""`history` and `logs`: past runs, and what they printed."""

import time

from adaptive_scheduler import plain
from adaptive_scheduler.collect import live_runs
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.output import decode
from adaptive_scheduler.runners.base import Running

FOLLOW_S = 0.2


def history(config: str | None, task: str | None, *, limit: int, as_json: bool) -> int:
    """Print past runs, the newest first; live ones stand before them."""
    world = open_world(config, strict=False, write=False).world
    state = world.store.read().state
    if task is not None and task not in state.tasks:
        known_tasks(world.config, [task])
    now = world.clock.now()
    live = [(name, mine.live) for name, mine in state.tasks.items() if mine.live is not None and task in (None, name)]
    finished = dict[str, plain.Plain]()
    # A result that the history has not taken in yet is in the state.
    for name, result in [*reversed(state.unrecorded), *world.history.runs(task, limit)]:
        if task in (None, name):
            finished.setdefault(result.run_id, plain.finished(name, result))
    rows = [plain.live(name, one, now) for name, one in live]
    rows += sorted(finished.values(), key=lambda row: str(row["started_at"]), reverse=True)
    if as_json:
        for row in rows[:limit]:
            output.as_json(row)
    else:
        from adaptive_scheduler import render

        render.history(rows[:limit], now)
    return 0


def logs(config: str | None, task: str, *, run_id: str | None, follow: bool) -> int:
    """Print the captured output of a task's latest run, or of one run; `follow` goes on until it ends."""
    world = open_world(config, strict=False, write=False).world
    on_disk = world.runner.scan(task)
    if not on_disk:
        known_tasks(world.config, [task])
        raise UsageError(f"no run of '{task}' is kept; it has not run yet, or its folders were pruned")
    meant = [one for one in on_disk if run_id is None or one == run_id or one.endswith(f"-{run_id}")]
    if not meant:
        raise UsageError(f"no run '{run_id}' of '{task}' is kept; the newest is '{on_disk[-1]}'")
    chosen = meant[-1]
    shown, over = 0, False
    try:
        while follow and not over and _is_live(world, task, chosen):
            shown, over = _print_from(world, task, chosen, shown, whole=False)
            time.sleep(0 if over else FOLLOW_S)
        _print_from(world, task, chosen, shown, whole=True)
    finally:
        world.runner.close()
    return 0


def _is_live(world: World, task: str, run_id: str) -> bool:
    if live_runs(world.store.read().state).get(task) != run_id:
        return False
    return isinstance(world.runner.peek({task: run_id}).get(task), Running)


def _print_from(world: World, task: str, run_id: str, offset: int, *, whole: bool) -> tuple[int, bool]:
    """Print what stands behind an offset; unless `whole`, complete lines only.

    Returns the next offset, and whether its node knows of its end.
    """
    while True:
        content, end, over = world.runner.printed(task, run_id, offset)
        # A character that is half written now would never become whole again.
        complete = len(content) if whole else content.rfind(b"\n") + 1
        if not complete:
            return offset, over
        output.text(decode(content[:complete]))
        offset = end - len(content) + complete
