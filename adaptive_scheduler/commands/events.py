"""`events`: what happened, who is to blame and what it started; or a recorded signal through the same detectors."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from adaptive_scheduler import plain_events, recall, vigilance
from adaptive_scheduler import replay as replaying
from adaptive_scheduler import trace as traces
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.progress import progress
from adaptive_scheduler.conditions import parse
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.events import CPU_SPIKE, HIGH_LATENCY, MEMORY_LEAK, MISSED_CYCLES, Level, Watch
from adaptive_scheduler.opening import open_world, seams_in_force
from adaptive_scheduler.replay import Point

COLUMNS = {CPU_SPIKE: "cpu_percent", MEMORY_LEAK: "memory_percent"}
FIELDS = {"cpu_load": "cpu_percent", "foreign_cpu": "cpu_percent", "memory_usage": "memory_percent"}
"""The column of a trace that an event, or a field of a condition, is about."""


def events(config: str | None, *, kind: str | None, limit: int, trace: Path | None, as_json: bool) -> int:
    """Print past events, the newest first, and how it stands with each; with a trace, what would have fired."""
    world = open_world(config, strict=trace is not None, write=False).world
    # What is not watched for any more may have happened.
    past = kind is not None and trace is None and world.history.events(1, name=kind)
    if kind is not None and kind not in world.config.watches and not past:
        close = get_close_matches(kind, world.config.watches, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "there are: " + ", ".join(world.config.watches)
        raise UsageError(f"no event '{kind}'; {hint}")
    if trace is not None:
        return _replay(world, trace, kind, as_json=as_json)
    found = world.history.events(limit, name=kind)
    started = world.history.runs_by_event([one.id for one in found])
    if as_json:
        for one in found:
            output.as_json(plain_events.event(one, started.get(one.id, [])))
        return 0
    from adaptive_scheduler.render import happened as page

    kept = recall.shown(world.store.folder, world.config.rules.tick)
    latches = world.store.read().state.latches
    standings = vigilance.standings(world.config.watches, kept.baseline, latches, world.config.probes)
    notes = [*seams_in_force(), *recall.troubles(kept.answered)]
    page.events([(one, started.get(one.id, [])) for one in found], standings, world.clock.now(), notes)
    return 0


def _replay(world: World, path: Path, kind: str | None, *, as_json: bool) -> int:
    if kind is None:
        raise UsageError("name the event to look for with --kind, such as --kind cpu_spike")
    if kind == MISSED_CYCLES:
        raise UsageError("a trace tells nothing of missed_cycles: name another --kind")
    watch = world.config.watches[kind]
    if watch.level is Level.OFF:
        raise UsageError(f"events.{kind}.level is 'off' in '{world.config.path}'")
    points, tick = _points(path, watch, world.config.rules.tick)
    watches: Mapping[str, Watch] = {kind: watch}
    made = []
    with progress("looking", len(points), quiet=as_json) as advance:
        for one in replaying.replay(_counted(points, advance), watches, tick):
            made.append(one)
            if as_json:
                output.as_json(plain_events.event(one))
    if not as_json:
        from adaptive_scheduler.render import happened as page

        page.replayed(made, points[0].at, points[-1].at + tick, kind)
    return 0


def _points(path: Path, watch: Watch, least: timedelta) -> tuple[list[Point], timedelta]:
    """Return the rows on the steps of the trace, and how long these are."""
    if watch.name == HIGH_LATENCY:
        values = traces.read_values(path)
        tick = replaying.step_of((at for at, _ in values), least)
        return [Point(at.astimezone(), ms=value) for at, value in values], tick
    rows = traces.read(path, _column(watch))
    tick = replaying.step_of((row.at for row in rows), least)
    if tick < least:
        # Closer rows are averaged: the detectors know cycles, which come once a tick.
        tick, (_, slots) = least, traces.slots(rows, least)
        rows = [row for row in slots if row is not None]
    return [Point(row.at.astimezone(), row.cpu, row.memory) for row in rows], tick


def _column(watch: Watch) -> str:
    """Return the column without which there is nothing to look at."""
    if watch.name in COLUMNS:
        return COLUMNS[watch.name]
    fields = parse(watch.when).fields
    for field in fields:
        if field not in FIELDS:
            raise UsageError(f"a trace tells nothing of '{field}', which events.{watch.name} looks at")
    return FIELDS[fields[0]]


def _counted(points: list[Point], advance: Callable[[], None]) -> Iterator[Point]:
    for point in points:
        advance()
        yield point
