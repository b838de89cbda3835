"""What `check` finds: everything that would go wrong at night, said by day.

Faults of tasks.toml itself are found before this; here the world around it is looked at: scripts,
interpreters, folders and their permissions, the clock, the last cycle, and limits that fit no machine.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler import notifycheck, recent, registration, trust
from adaptive_scheduler.case import percent
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.dispatch import BUILTIN, command, demand_trust, guarded, script_path
from adaptive_scheduler.durations import words
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import DispatchError, StateError, UsageError
from adaptive_scheduler.events import Level
from adaptive_scheduler.fleet import Cluster
from adaptive_scheduler.footprints import need
from adaptive_scheduler.model import State
from adaptive_scheduler.norms import UNTIL_LEARNED, time_limit
from adaptive_scheduler.placement import Yard
from adaptive_scheduler.settings import Config
from adaptive_scheduler.sizes import spoken

MISSING_TICKS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing: how bad, where, what, and the way out."""

    severity: str
    where: str
    message: str
    hint: str = ""


def findings(world: World) -> list[Finding]:
    """Return all findings, the gravest first; changes nothing."""
    found = [
        *_tasks(world.config),
        *_trust(world.config),
        *_folders(world),
        *_state(world),
        *_machine(world),
        *_registration(world.config),
        *_cluster(world),
        *(Finding("warning", *fault) for fault in notifycheck.faults(world.config, world.clock.now())),
        *_metrics(world.config),
    ]
    order = ["error", "warning", "info"]
    return sorted(found, key=lambda one: order.index(one.severity))


def _cluster(world: World) -> Iterator[Finding]:
    """Ask the cluster, where a task goes there, who is unusable and what nobody could run."""
    tasks = [task for task in world.config.tasks.values() if task.where is not None and task.enabled]
    if world.config.cluster is None or not tasks:
        return
    if soon := _expiry(world.config.cluster):
        yield Finding("warning", "cluster", soon, "from then on nobody is let in; look at the nodes' own, too")
    fleet = world.runner.fleet()
    world.runner.close()
    if fleet.problem:
        yield Finding("warning", "cluster", fleet.problem, "tasks with where wait until it answers")
        return
    for node in fleet.nodes:
        if node.unusable:
            yield Finding("warning", f"cluster, node '{node.name}'", node.unusable, "until then it gets no work")
    yard = Yard(fleet, world.config.rules)
    for task in tasks:
        if not yard.suitable(task):
            wish = str(task.where) or "at all"
            hint = "'adaptive-scheduler cluster status' shows who is there"
            yield Finding("warning", f"tasks.{task.name}.where", f"there is no node {wish} now", hint)


def _expiry(cluster: Cluster) -> str:
    """Return that our certificates expire soon; of those that cannot be read the cluster's own answer tells."""
    if not cluster.certificates:
        return ""
    from adaptive_scheduler.cluster.tls import Certificates

    with suppress(UsageError):
        # The true time, whatever a test pretends: TLS knows no other.
        return Certificates(Path(cluster.certificates)).expire_soon(Clock().now())
    return ""


def _tasks(config: Config) -> Iterator[Finding]:
    folder, tick = Path(config.path).parent, config.rules.tick
    python = False
    for task in config.tasks.values():
        where = f"tasks.{task.name}"
        if not task.enabled or task.os not in (None, config.rules.platform):
            continue
        for step in task.steps:
            if step.os not in (None, config.rules.platform):
                continue
            python = python or (not step.interpreter and step.script.endswith(".py"))
            try:
                environ = {**os.environ, **task.env}
                if task.where is not None:  # what runs it is its node's affair
                    script = script_path(step.script, folder)
                    demand_trust([] if step.script.startswith(BUILTIN) else [str(script)], environ)
                    continue
                argv = command(step, folder=folder, interpreters=config.interpreters, platform=config.rules.platform)
                demand_trust(guarded(argv, step), environ)
            except DispatchError as error:
                yield Finding("error", where, str(error), "the task fails alone, the others run")
        if task.interval < tick:
            yield Finding(
                "warning",
                f"{where}.interval",
                f"{words(task.interval)} is shorter than the tick of {words(tick)}: it runs once a tick at most",
                "lengthen the interval, or shorten scheduler.tick and the system's timer",
            )
        for name in task.on:
            if name in config.watches and config.watches[name].level is Level.OFF:
                yield Finding(
                    "warning",
                    f"{where}.on",
                    f"'{name}' never happens: [events.{name}] has level = \"off\"",
                    "leave the level out, or the event of the task",
                )
        for name in task.depends_on:
            needed = config.tasks[name]
            if not needed.enabled or needed.os not in (None, config.rules.platform):
                yield Finding(
                    "warning", f"{where}.depends_on", f"'{name}' never runs here, so '{task.name}' never starts"
                )
    if python:
        yield Finding(
            "info",
            "interpreters",
            f".py scripts run with '{sys.executable}'",
            'scripts that need packages of their own: interpreter = ["/path/to/python"] on the task, '
            'or ".py" = [...] under [interpreters]',
        )


def _trust(config: Config) -> Iterator[Finding]:
    """Tell where nobody looks any more who may write what is run."""
    told = {f"tasks.{task.name}.env": trust.is_off(task.env) for task in config.tasks.values()}
    for where, is_off in {"environment": trust.is_off(os.environ), **told}.items():
        if is_off:
            message = f"{trust.VARIABLE}=1: whoever may write what is run decides what this user runs"
            yield Finding("warning", where, message, "mend the permissions and leave it out")


def _folders(world: World) -> Iterator[Finding]:
    folder = world.store.folder
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding(
            "error",
            "scheduler.state_dir",
            f"'{nearest}' cannot be written by this user",
            "mend its permissions, or set scheduler.state_dir",
        )
    if os.name != "nt" and folder.is_dir() and folder.stat().st_mode & 0o077:
        yield Finding("warning", "scheduler.state_dir", f"'{folder}' is open to other users", f"chmod 700 '{folder}'")


def _metrics(config: Config) -> Iterator[Finding]:
    """Tell what would keep the metrics from being written."""
    if config.metrics is None:
        return
    from adaptive_scheduler.exporter import lacking

    path = Path(config.metrics.path)
    unharmed = "until then cycles go on without metrics"
    if problem := lacking():
        yield Finding("warning", "metrics", problem, unharmed)
    if not path.parent.is_dir():
        told = f"the folder '{path.parent}' is not there"
        yield Finding("warning", "metrics.textfile", told, f"make it, and start node_exporter with it; {unharmed}")
    elif path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        told = f"'{path}' cannot be written by this user"
        yield Finding("warning", "metrics.textfile", told, f"mend the permissions of its folder; {unharmed}")


def _state(world: World) -> Iterator[Finding]:
    try:
        read = world.store.read()
    except (StateError, OSError) as error:
        yield Finding("error", "state", str(error))
        return
    for note in read.notes:
        yield Finding("error", "state", note, "the next 'run' sets it aside and goes on")
    yield from _footprints(world, read.state)
    yield from _last_cycle(world, read.state)


def _footprints(world: World, state: State) -> Iterator[Finding]:
    """Tell of time limits that nobody set, and of what this machine can never have free."""
    total = world.meter.memory().total_bytes
    for name, task in world.config.tasks.items():
        footprint = state.tasks[name].footprint if name in state.tasks else ""
        limit, wanted = time_limit(task, footprint), need(task, footprint)
        if task.timeout is None and limit.most != UNTIL_LEARNED:
            yield Finding(
                "info",
                f"tasks.{name}.timeout",
                f"is not set: a run is ended after {words(limit.most)} ({limit.source})",
            )
        if wanted is not None and total is not None and wanted.bytes > total:
            yield Finding(
                "warning",
                f"tasks.{name}.memory",
                f"its runs need {spoken(wanted.bytes)} ({wanted.source}), this machine has {spoken(total)}: "
                f"each waits {words(task.patience)} and is then started all the same",
                "correct `memory`, or run it on a larger machine",
            )


def _last_cycle(world: World, state: State) -> Iterator[Finding]:
    now, tick = world.clock.now(), world.config.rules.tick
    register = (
        f"'adaptive-scheduler install' has the system call one every {words(tick)}; 'check' shows how that stands"
    )
    if state.last_cycle_at is None:
        yield Finding("warning", "last cycle", "no cycle has run yet", register)
        return
    gap = now - state.last_cycle_at
    if gap < -tick:
        yield Finding(
            "warning",
            "clock",
            f"the last cycle was {words(-gap)} in the future: the clock was set back",
            "the next cycle counts such stamps as now",
        )
    elif gap > MISSING_TICKS * tick:
        yield Finding("warning", "last cycle", f"it was {words(gap)} ago", register)
    else:
        yield Finding("info", "last cycle", f"cycle {state.cycle} was {words(max(gap, timedelta(0)))} ago")


def _registration(config: Config) -> Iterator[Finding]:
    standing = registration.read_back(config)
    if standing is None:
        yield Finding(
            "info",
            "registration",
            "'install' has not registered this tasks.toml with the system's scheduler",
            "adaptive-scheduler install; a registration made by hand does as well, but nothing can be read back of it",
        )
        return
    for fault in standing.faults:
        yield Finding("error", "registration", fault, standing.hint)
    if not standing.faults:
        yield Finding("info", "registration", standing.summary)
    for note in standing.notes:
        yield Finding("warning", "registration", note)


def _machine(world: World) -> Iterator[Finding]:
    limit = world.config.rules.memory_gate.limit
    memory = world.meter.memory().percent
    known = [sample.memory for sample in recent.read(world.store.folder) if sample.memory is not None]
    above = sum(value > limit for value in known)
    if memory is not None and memory > limit:
        yield Finding(
            "warning",
            "memory_gate.limit",
            f"memory use is {percent(memory)} now, above {percent(limit)} "
            f"(and was in {above} of the last {len(known)} samples): only critical tasks start on time",
            "raise memory_gate.limit, set memory_gate.high, or memory_limit on a task",
        )
