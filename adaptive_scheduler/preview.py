"""The cycle without its effects: what is so now, and what the next `run` would do.

Nothing is written, created or locked; a run that ended since the last cycle is folded in memory only.
The dry run assumes that what it starts succeeds and frees its slot, and marks what hangs on that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from adaptive_scheduler import state as folds
from adaptive_scheduler.account import excused
from adaptive_scheduler.beats import localised
from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.collect import cpus_of, held_memory, live_runs, own_cpu_s, settle
from adaptive_scheduler.edges import Report, Wish, World
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.lessons import Learning
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Live, Result, State, Status
from adaptive_scheduler.placement import Yard, answers, is_wanted, rooms
from adaptive_scheduler.plan import plan
from adaptive_scheduler.settings import Rules


@dataclass(frozen=True)
class Look:
    """The state and the machine at one moment."""

    now: datetime
    state: State
    sample: Sample
    notes: list[str]
    runs: list[tuple[str, Result]]
    held: Mapping[str, int]
    learning: Learning
    fleet: Fleet = NOBODY

    @property
    def rules(self) -> Rules:
        """The rules in force, with what was learned."""
        return self.learning.rules


def look(world: World, *, force: bool = False) -> Look:
    """Return the present state, with finished runs folded in, a sample of the machine, and the nodes where wanted."""
    now = world.clock.now()
    read = world.store.read()
    live = world.runner.peek(live_runs(read.state))
    sample, readings = world.meter.measure(read.state.readings, now, own_cpu_s(read.state, live, world.runner)[0])
    state, set_back = folds.set_back(read.state, now, world.config.rules.tick)
    notes = [*read.notes, *(["the clock was set back: stamps from the future count as now"] if set_back else [])]
    learning = world.almanac.learning(world.config, sample, now, cpus_of(readings), localised(read.beats, now))
    state = excused(state, learning.rules.learned, now, world.config.rules.tick)
    state = folds.seen(folds.pauses_over(state, now), world.config.tasks, now)
    settled = settle(state, live, now, world.config)
    state, ends = settled.state, settled.ends
    state, _ = folds.lapsed(state, world.config.tasks, now, world.config.rules.tick)
    held = held_memory(state, live, world.runner, sample, world.config)
    fleet = world.runner.fleet() if is_wanted(world.config.tasks, state, learning.rules, now, force=force) else NOBODY
    world.runner.close()
    return Look(now, state, sample, notes, [(name, result) for name, result, _ in ends], held, learning, fleet)


def present(world: World, seen: Look) -> dict[str, Decision]:
    """Return what a cycle at this moment would say first about each task."""
    given = (world.config.tasks, seen.state, seen.sample, seen.rules, seen.now)
    decisions = plan(*given, held=seen.held, fleet=seen.fleet)
    return {one.task: one for one in decisions}


def offers(world: World, seen: Look, name: str) -> dict[str, str]:
    """Return what each node says about a task that may go there, empty where nobody was asked."""
    yard, task = Yard(seen.fleet, seen.rules), world.config.tasks[name]
    if not (seen.fleet.asked and yard.is_elsewhere(task)):
        return {}
    mine = seen.state.tasks[name]
    case = Case(task, mine, yard.sample_for(task, seen.sample), seen.rules, seen.now)
    return answers(case, yard, rooms(world.config.tasks, seen.state, seen.fleet))


def preview(world: World, wish: Wish) -> Report:
    """Return the report that the next `run` would give if all it starts succeeds."""
    seen = look(world, force=wish.force)
    yard = Yard(seen.fleet, seen.rules)
    state, rules, tasks = seen.state, seen.rules, world.config.tasks
    started: dict[str, Decision] = {}
    last: dict[str, Decision] = {}
    while True:
        decisions = plan(
            *(tasks, state, seen.sample, rules, seen.now),
            only=wish.only,
            force=wish.force,
            started=started,
            held=seen.held,
            fleet=seen.fleet,
        )
        starts = [one for one in decisions if one.code.starts]
        for one in starts:
            started[one.task] = _marked(one, last.get(one.task))
        last = {one.task: one for one in decisions}
        if not starts:
            break
        for one in starts:
            live = Live(f"dry-run-{one.task}", seen.now, one.code, node=one.node)
            state = folds.claimed(state, tasks[one.task], live, yard.sample_for(tasks[one.task], seen.sample), rules)
            state = folds.finished(state, one.task, Result(live.run_id, Status.OK, seen.now, seen.now), tasks[one.task])
    shown = [started.get(name) or last[name] for name in tasks if name in last]
    live_now = {name: mine.live for name, mine in seen.state.tasks.items() if mine.live is not None}
    return Report(
        seen.state.cycle + 1, seen.now, seen.sample, shown, seen.runs, live_now, seen.notes, dry_run=True, rules=rules
    )


def _marked(start: Decision, before: Decision | None) -> Decision:
    """Say what a start hangs on, when an earlier round of this plan refused it."""
    if before is None:
        return start
    hangs_on = "once a slot is free"
    if before.code in (Code.MEMORY_NEED, Code.HEAVY_PAIR):
        hangs_on = f"once '{before.blocker}' has ended"
    elif before.code is Code.DEP_WAIT:
        hangs_on = f"once '{before.blocker}' succeeds"
    return replace(start, reason=f"{start.reason}; {hangs_on}")
