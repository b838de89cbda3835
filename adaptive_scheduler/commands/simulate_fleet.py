"""`simulate --nodes N`, `simulate --traces DIR`: the same decisions over many recorded machines at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from adaptive_scheduler import footprints, hosts, multiplied
from adaptive_scheduler import simulate as simulation
from adaptive_scheduler import trace as traces
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.simulate import own_rows, shown
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.fleetbook import Book
from adaptive_scheduler.hosts import Herd, Host, Machines
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State, Task
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.resting import Resting
from adaptive_scheduler.settings import Config
from adaptive_scheduler.simulate import Made, Policy
from adaptive_scheduler.trace import Row

PATTERNS = ("*.csv", "*.csv.gz")


@dataclass(frozen=True)
class Wanted:
    """What the story is to be about; None is what the options say of themselves."""

    traces: Path | None = None
    trace: Path | None = None
    days: int | None = None
    nodes: int | None = None
    tasks: int | None = None
    span: timedelta | None = None
    slots: int = 4
    cores: float = 4.0
    memory: int | None = None
    policy: Policy = Policy.SEED
    jitter: timedelta = timedelta(0)
    drop: float = 0.0
    seed: int = 0


def simulate_fleet(config: str | None, wanted: Wanted, *, show_all: bool, as_json: bool) -> int:
    """Replay traces as the nodes of one fleet, and sum up what would have run where, and what would have waited."""
    world = open_world(config, strict=True, write=False).world
    tick = world.config.rules.tick
    simulation.on_time(wanted.jitter, tick)
    nodes, notes = _hosts(world, wanted, tick)
    story, busy = _story(world, wanted)
    machines = Machines(wanted.slots, wanted.cores, wanted.memory, busy)
    begins = nodes[0].begins.astimezone()
    state = multiplied.spread(story.tasks, begins, wanted.seed) if wanted.tasks else State()
    fresh = () if wanted.tasks else story.tasks
    book = Book(nodes, machines, story.tasks, tick, simulation.lasts, fresh=fresh, seed=wanted.seed)
    moments = (Sample(begins + number * tick, None, None) for number in range(1, len(nodes[0].cpu)))
    ticks = shown(
        simulation.late_and_lossy(moments, wanted.jitter, wanted.drop, wanted.seed),
        len(nodes[0].cpu) - 1,
        f"simulating {len(nodes)} nodes",
        quiet=as_json,
    )
    made = simulation.simulate(
        story,
        ticks,
        state=state,
        fleet=Herd(nodes, machines, story.tasks, tick),
        resting=None if show_all else Resting(story.tasks),
    )
    for _, of_cycle in groupby(made, key=lambda one: (one.at - begins) // tick):
        book.cycle([(one.at, one.decision) for one in _told(of_cycle, show_all=show_all and as_json)])
    from adaptive_scheduler import plain_fleet

    summary = plain_fleet.story(book, story, machines, wanted.policy, notes)
    if as_json:
        output.as_json({"summary": summary})
        return 0
    from adaptive_scheduler.render.nodes import fleet

    fleet(summary)
    return 0


def _told(made: Iterable[Made], *, show_all: bool) -> Iterator[Made]:
    from adaptive_scheduler import plain

    for one in made:
        if show_all:
            output.as_json(plain.made(one) | {"node": one.decision.node or None})
        yield one


def _story(world: World, wanted: Wanted) -> tuple[Config, dict[str, float]]:
    """Return the tasks as they last and what they take, and the cores that a run of each keeps busy."""
    if not world.config.tasks:
        raise UsageError("tasks.toml has no task to simulate")
    known = {name: mine.footprint for name, mine in world.store.read().state.tasks.items()}
    originals = multiplied.anywhere({name: _as_known(one, known) for name, one in world.config.tasks.items()})
    busy = {name: _cores(known.get(name, "")) for name in originals}
    tasks: Mapping[str, Task] = originals
    if wanted.tasks is not None:
        enabled = {name: one for name, one in originals.items() if one.enabled}
        if wanted.tasks < len(enabled):
            raise UsageError(f"--tasks {wanted.tasks} is fewer than the {len(enabled)} tasks of tasks.toml")
        tasks = multiplied.repeated(enabled, wanted.tasks)
        busy = {name: busy[name.rpartition("-")[0]] for name in tasks}
    return simulation.under(wanted.policy, replace(world.config, tasks=tasks)), busy


def _as_known(task: Task, known: Mapping[str, str]) -> Task:
    """Return the task as its past runs were: so long, and of so much memory."""
    footprint = known.get(task.name, "")
    memory = footprints.need(task, footprint)
    return replace(
        task,
        expected_duration=footprints.expected(task, footprint),
        memory=None if memory is None else memory.bytes,
    )


def _cores(footprint: str) -> float:
    """Return how many cores a run keeps busy: as runs did, else one."""
    used, lasted = footprints.cpu_seconds(footprint), footprints.durations(footprint)
    return 1.0 if used is None or lasted is None or not lasted.p50 else used.p50 / lasted.p50


def _hosts(world: World, wanted: Wanted, tick: timedelta) -> tuple[list[Host], list[str]]:
    """Return the nodes, and what was left out."""
    notes: list[str] = []
    if wanted.traces is not None:
        recorded = _folder(wanted.traces, tick, notes)
    elif wanted.trace is not None:
        recorded = [_host(wanted.trace, traces.read(wanted.trace), tick)]
    else:
        recorded = [_host(Path("this"), own_rows(world, wanted.days or 0), tick)]
    found = hosts.drawn(recorded, wanted.nodes or len(recorded), tick, wanted.seed)
    try:
        found = hosts.side_by_side(found, tick, wanted.span)
    except ValueError as error:
        raise UsageError(f"{error}; leave it out, or shorten --span") from error
    if len(found[0].cpu) < 2:
        raise UsageError(f"the story would last no two ticks of {tick}; give longer traces or a longer --span")
    return found, notes


def _folder(folder: Path, tick: timedelta, notes: list[str]) -> list[Host]:
    files = sorted({file for pattern in PATTERNS for file in folder.glob(pattern)})
    paths = [file for file in files if traces.is_trace(file)]
    if not paths:
        raise UsageError(f"the folder '{folder}' has no trace: no .csv or .csv.gz with timestamp and cpu_percent")
    if others := [file.name for file in files if file not in paths]:
        notes.append(f"no traces, left out: {', '.join(others)}")
    found: dict[str, Host] = {}
    for path in paths:
        host = _host(path, traces.read(path), tick)
        if host.name in found:
            raise UsageError(f"two traces in '{folder}' would be the node '{host.name}'; rename one")
        found[host.name] = host
    return list(found.values())


def _host(path: Path, rows: list[Row], tick: timedelta) -> Host:
    begins, known = traces.slots(rows, tick)
    name = re.sub(r"[^\w.-]", "_", path.name.removesuffix(".gz").removesuffix(".csv")).lstrip(".-") or "node"
    cpu = hosts.held([None if row is None else row.cpu for row in known])
    return Host(name, begins, cpu, hosts.held([None if row is None else row.memory for row in known]))
