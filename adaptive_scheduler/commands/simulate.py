"""`simulate`: replay a recorded load through the very same decision function."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import simulate as simulation
from adaptive_scheduler import trace as traces
from adaptive_scheduler.commands import output
from adaptive_scheduler.durations import words
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.model import Config, Sample
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.simulate import Made, Policy, Tally
from adaptive_scheduler.trace import Row


def simulate(
    config: str | None,
    *,
    trace: Path | None,
    days: int | None,
    policy: Policy,
    warmup: timedelta,
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
    rows = traces.read(trace) if trace is not None else _own_rows(world, days or 0)
    tick = world.config.rules.tick
    if jitter >= tick:
        raise UsageError(f"--jitter {words(jitter)} is not below the tick of {words(tick)}")
    start, known = traces.slots(rows, tick)
    since = start + warmup
    if since >= start + len(known) * tick:
        raise UsageError(f"the warm-up ends at {since:%Y-%m-%d %H:%M}, after the last row of the trace")

    def replay(chosen: Policy, *, loud: bool) -> dict[str, Tally]:
        under = simulation.under(chosen, world.config)
        ticks = simulation.late_and_lossy(traces.samples(start, known, tick), jitter, drop, seed)
        learned = None
        if chosen is Policy.LEARNED:
            from adaptive_scheduler.tutor import Tutor

            tasks = list(under.tasks.values())
            rolling = simulation.load_of(known, tick)
            learned = Tutor(
                rolling, tasks, world.config.rules.rhythm, lambda task: simulation.lasts(task).total_seconds(), refit
            ).learned
        made = simulation.simulate(under, _shown(ticks, len(known), chosen, quiet=as_json), learned)
        seen = _printed(made, since, show_all=show_all) if loud and as_json else made
        return simulation.tally(seen, under, start, known, since)

    tallies = replay(policy, loud=True)
    fixed = tallies if policy is Policy.FIXED else replay(Policy.FIXED, loud=False)
    _sum_up(world.config, policy, tallies, fixed, since, start + len(known) * tick, as_json=as_json)
    return 0


def _own_rows(world: World, days: int) -> list[Row]:
    now = world.clock.now()
    rows = [Row(s.at, s.cpu, s.memory) for s in world.history.samples(now - timedelta(days=days), now)]
    if len(rows) < 2:
        raise UsageError(
            f"the history has {len(rows)} samples of the last {days} days; let 'run' collect some, or use --trace"
        )
    # A cycle's sample is the mean since the cycle before: as a trace row it belongs to that stretch.
    tick = world.config.rules.tick
    return [Row(row.at - tick, row.cpu, row.memory) for row in rows]


def _printed(made: Iterable[Made], since: datetime, *, show_all: bool) -> Iterator[Made]:
    from adaptive_scheduler import plain

    for one in made:
        if one.at >= since and (show_all or one.decision.code.starts):
            output.as_json(plain.made(one))
        yield one


def _shown(
    ticks: Iterable[tuple[datetime, Sample]], total: int, policy: Policy, *, quiet: bool
) -> Iterator[tuple[datetime, Sample]]:
    """Pass the ticks on, with a progress bar on a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield from ticks
        return
    from adaptive_scheduler.terminal import progress

    with progress(f"simulating '{policy}'", total) as advance:
        for one in ticks:
            advance()
            yield one


def _sum_up(
    config: Config,
    policy: Policy,
    tallies: dict[str, Tally],
    fixed: dict[str, Tally],
    since: datetime,
    until: datetime,
    *,
    as_json: bool,
) -> None:
    from adaptive_scheduler import plain

    days = (until - since) / timedelta(days=1)
    summary = {
        "policy": policy.value,
        "from": plain.moment(since),
        "until": plain.moment(until),
        "days": round(days, 3),
        "tasks": {
            name: plain.tally(one, days) | {"fixed_mean_cpu_met": plain.rounded(fixed[name].mean_cpu)}
            for name, one in tallies.items()
        },
    }
    if as_json:
        output.as_json({"summary": summary})
        return
    from adaptive_scheduler import render

    render.simulation(summary, config)
