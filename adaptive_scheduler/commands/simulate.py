"""`simulate`: replay a recorded load through the very same decision function, under one policy or side by side."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from adaptive_scheduler import simulate as simulation
from adaptive_scheduler import trace as traces
from adaptive_scheduler.commands import output
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.events import Level
from adaptive_scheduler.footprints import expected
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.replay import Fired
from adaptive_scheduler.settings import Config
from adaptive_scheduler.simulate import Made, Policy, Tally
from adaptive_scheduler.trace import Row

Shown = TypeVar("Shown")

LEARNS_AFTER = timedelta(days=14)
"""How long the comparison leaves out at the start, for nothing can have been learned before."""


@dataclass(frozen=True)
class Recording:
    """A recorded load, and how its ticks are to come; counted from `since` on."""

    start: datetime
    known: list[Row | None]
    tick: timedelta
    since: datetime
    jitter: timedelta
    drop: float
    seed: int
    refit: timedelta

    @property
    def until(self) -> datetime:
        """The end of its last row."""
        return self.start + len(self.known) * self.tick

    def ticks(self) -> Iterator[tuple[datetime, Sample]]:
        """Yield each cycle's moment and sample."""
        return simulation.late_and_lossy(
            traces.samples(self.start, self.known, self.tick), self.jitter, self.drop, self.seed
        )


def simulate(
    config: str | None,
    *,
    trace: Path | None,
    days: int | None,
    policies: Sequence[Policy],
    warmup: timedelta | None,
    jitter: timedelta,
    drop: float,
    seed: int,
    refit: timedelta,
    show_all: bool,
    as_json: bool,
) -> int:
    """Replay a trace, or this machine's own last days, and sum up what would have run when."""
    world = open_world(config, strict=True, write=False).world
    if (trace is None) == (days is None):
        raise UsageError("name either --trace FILE or --days N (of this machine's own history)")
    rows = traces.read(trace) if trace is not None else own_rows(world, days or 0)
    if trace is None:
        world = replace(world, config=_as_they_last(world))
    tick = world.config.rules.tick
    simulation.on_time(jitter, tick)
    start, known = traces.slots(rows, tick)
    if warmup is None:
        span = len(known) * tick
        warmup = LEARNS_AFTER if len(policies) > 1 and span > LEARNS_AFTER + timedelta(days=1) else timedelta(0)
    recording = Recording(start, known, tick, start + warmup, jitter, drop, seed, refit)
    if recording.since >= recording.until:
        raise UsageError(f"the warm-up ends at {recording.since:%Y-%m-%d %H:%M}, after the last row of the trace")

    fired = _fired(world.config, recording, quiet=as_json)

    def replay(chosen: Policy, *, loud: bool) -> dict[str, Tally]:
        under = simulation.under(chosen, world.config)
        ticks = shown(recording.ticks(), len(known), f"simulating '{chosen}'", quiet=as_json)
        teacher = _teacher(chosen, world.config, under, recording)
        made = simulation.simulate(under, ticks, teacher, happenings=fired.happenings())
        seen = _printed(made, recording.since, chosen, show_all=show_all) if loud and as_json else made
        return simulation.tally(seen, under, start, known, recording.since)

    tallies = {policy: replay(policy, loud=True) for policy in policies}
    fixed = tallies.get(Policy.FIXED) or replay(Policy.FIXED, loud=False)
    if len(policies) > 1:
        summary = _compared(world.config, tallies, recording)
    else:
        summary = _summed_up(policies[0], tallies[policies[0]], fixed, recording)
    summary["events"] = fired.counts(recording.since)
    if as_json:
        output.as_json({"summary": summary})
        return 0
    from adaptive_scheduler import render

    (render.comparison if len(policies) > 1 else render.simulation)(summary, world.config)
    return 0


def _fired(config: Config, recording: Recording, *, quiet: bool) -> Fired:
    """Return what would have happened, as far as some task waits for it: it is the same under every policy."""
    wanted = {name for task in config.tasks.values() if task.enabled for name in task.on}
    watches = {name: one for name, one in config.watches.items() if name in wanted and one.level is not Level.OFF}
    rows = enumerate(recording.known) if watches else ()
    looked_at = shown(rows, len(recording.known), "looking for events", quiet=quiet or not watches)
    return Fired.of(looked_at, watches, recording.start, recording.tick)


def _teacher(chosen: Policy, config: Config, under: Config, recording: Recording) -> simulation.Teacher | None:
    if chosen is not Policy.LEARNED:
        return None
    from adaptive_scheduler.tutor import Tutor

    return Tutor(
        simulation.load_of(recording.known, recording.tick),
        list(under.tasks.values()),
        config.rules.rhythm,
        lambda task: simulation.lasts(task).total_seconds(),
        recording.refit,
    ).learned


def _as_they_last(world: World) -> Config:
    """Return the configuration in which each task is expected to last as long as its past runs did."""
    known = world.store.read().state.tasks
    tasks = {
        name: replace(task, expected_duration=expected(task, known[name].footprint)) if name in known else task
        for name, task in world.config.tasks.items()
    }
    return replace(world.config, tasks=tasks)


def own_rows(world: World, days: int) -> list[Row]:
    """Return what the history knows of this machine's last days; UsageError where that is next to nothing."""
    now = world.clock.now()
    samples = world.history.samples(now - timedelta(days=days), now)
    # What our tasks used then is no part of the load that they would meet now.
    rows = [Row(s.at, s.cpu if s.foreign_cpu is None else s.foreign_cpu, s.memory) for s in samples]
    if len(rows) < 2:
        raise UsageError(
            f"the history has {len(rows)} samples of the last {days} days; let 'run' collect some, or use --trace"
        )
    # A cycle's sample is the mean since the cycle before: as a trace row it belongs to that stretch.
    tick = world.config.rules.tick
    return [Row(row.at - tick, row.cpu, row.memory) for row in rows]


def _printed(made: Iterable[Made], since: datetime, policy: Policy, *, show_all: bool) -> Iterator[Made]:
    from adaptive_scheduler import plain

    for one in made:
        if one.at >= since and (show_all or one.decision.code.starts):
            output.as_json(plain.made(one) | {"policy": policy.value})
        yield one


def shown(ticks: Iterable[Shown], total: int, what: str, *, quiet: bool) -> Iterator[Shown]:
    """Pass the ticks on, with a progress bar on a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield from ticks
        return
    from adaptive_scheduler.terminal import progress

    with progress(what, total) as advance:
        for one in ticks:
            advance()
            yield one


def _frame(recording: Recording) -> dict[str, Any]:
    from adaptive_scheduler import plain

    return {
        "from": plain.moment(recording.since),
        "until": plain.moment(recording.until),
        "days": round((recording.until - recording.since) / timedelta(days=1), 3),
    }


def _summed_up(
    policy: Policy, tallies: dict[str, Tally], fixed: dict[str, Tally], recording: Recording
) -> dict[str, Any]:
    from adaptive_scheduler import plain

    frame = _frame(recording)
    return {
        "policy": policy.value,
        **frame,
        "tasks": {
            name: plain.tally(one, frame["days"]) | {"fixed_mean_cpu_met": plain.rounded(fixed[name].mean_cpu)}
            for name, one in tallies.items()
        },
    }


def _compared(config: Config, tallies: dict[Policy, dict[str, Tally]], recording: Recording) -> dict[str, Any]:
    from adaptive_scheduler import plain
    from adaptive_scheduler.foresight import reachable

    frame = _frame(recording)
    first = (recording.since - recording.start) // recording.tick
    cpu = simulation.held(recording.known)[first:]
    tasks = {}
    for name, task in config.tasks.items():
        steps = max(1, round(simulation.lasts(task) / recording.tick))
        fixed, best = reachable(cpu, task.interval / recording.tick, steps, config.rules.rhythm)
        policies = {}
        for policy, of in tallies.items():
            met = of[name].mean_cpu
            share = None if met is None or best is None or fixed - best < LEAST_ROOM else (fixed - met) / (fixed - best)
            policies[policy.value] = plain.tally(of[name], frame["days"]) | {"capture": plain.rounded(share)}
        tasks[name] = {
            "any_time_mean_cpu": plain.rounded(fixed),
            "foresight_mean_cpu": plain.rounded(best),
            "policies": policies,
        }
    return {**frame, "tasks": tasks}


LEAST_ROOM = 0.05
"""Where foresight could spare less CPU than this, in per cent, a share of it says nothing."""
