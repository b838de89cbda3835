"""`why TASK [--at TIME]`: the decision and its numbers, now or then."""

from datetime import datetime

from adaptive_scheduler import ledger
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.lessons import rhythm_of
from adaptive_scheduler.model import Decision
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.preview import look, offers, present
from adaptive_scheduler.times import parse_time


def why(config: str | None, task: str, *, at: str | None, as_json: bool) -> int:
    """Explain one task's decision; the past comes from the ledger in the history."""
    world = open_world(config, strict=False, write=False).world
    known_tasks(world.config, [task])
    footprint = rhythm = None
    nodes: dict[str, str] = {}
    if at is None:
        seen = look(world)
        moment, decision = seen.now, present(world, seen)[task]
        footprint = seen.state.tasks[task].footprint
        nodes = offers(world, seen, task)
        rhythm = rhythm_of(world.config.tasks[task], seen.learning)
    else:
        moment = parse_time(at, world.clock.now())
        decision = _then(world, task, moment)
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(plain.why(decision, moment, rhythm, nodes))
    else:
        from adaptive_scheduler import render

        render.why(decision, moment, world.config.tasks[task], footprint, rhythm, nodes)
    return 0


def _then(world: World, task: str, moment: datetime) -> Decision:
    if moment > world.clock.now():
        raise UsageError(f"{moment:%Y-%m-%d %H:%M} is in the future; --at asks about the past")
    entry, sample = world.history.entry_at(task, moment)
    if entry is None:
        raise UsageError(f"the history knows nothing of '{task}' before {moment:%Y-%m-%d %H:%M}")
    elsewhere = world.config.tasks[task].where is not None
    decision = ledger.in_force(entry, sample, moment, world.config.rules.tick, elsewhere=elsewhere)
    if decision is None:
        last = entry.last_at.astimezone(moment.tzinfo)
        raise UsageError(
            f"no cycle looked at '{task}' around {moment:%Y-%m-%d %H:%M}; the last one before was "
            f"at {last:%Y-%m-%d %H:%M}: the machine or its scheduler was off"
        )
    return decision
