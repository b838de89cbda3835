"""What a whole cycle leaves for short ones: a note, where nothing can become due for a while."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import almanac, beatfile, lessons, standing, steady
from adaptive_scheduler.edges import Report, World
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.events import CPU_SPIKE, MEMORY_LEAK, Level
from adaptive_scheduler.settings import Config
from adaptive_scheduler.times import iso

COUNTED = "counters"
"""The source of a sample that short cycles can go on from."""


def note(world: World, report: Report) -> None:
    """Leave a note when short cycles may follow; without one, whole ones do."""
    folder = world.store.folder
    with suppress(OSError, StateError):
        if report.sample.source == COUNTED and report.logged and not beatfile.lines(folder):
            made = _made(world, report)
            if made is not None:
                standing.write(folder, made)


def _made(world: World, report: Report) -> standing.Note | None:
    config, rules, path = world.config, report.rules, world.store.path
    before = standing.signature(path)
    state = world.store.read().state
    signed = standing.signature(Path(config.path))
    if before is None or signed is None or not standing.is_settled(signed, before[3]) or not state.readings:
        return None
    if state.cycle != report.cycle or state.readings[-1].get("at") != iso(report.at):
        return None
    # What the history has as the last decision is what the cycles to come repeat: a start is not repeated.
    if any(state.tasks[one.task].code != one.code.value for one in report.decisions):
        return None
    if standing.signature(path) != before:
        return None
    taught = rules.rhythm.learned != lessons.OFF and (world.store.folder / almanac.NAME).exists()
    until = steady.until(config, state, report.sample, rules, report.at, taught=taught)
    if until <= report.at:
        return None
    return _worded(config, report, until, state.readings[-1], {"config": signed, "state": before})


def _worded(config: Config, report: Report, until: datetime, reading: Any, signed: standing.Note) -> standing.Note:
    rhythm = report.rules.rhythm
    watches = [config.watches[kind].level for kind in (CPU_SPIKE, MEMORY_LEAK) if kind in config.watches]
    return {
        **signed,
        "path": config.path,
        "cycle": report.cycle,
        "at": iso(report.at),
        "until": iso(until),
        "tick_s": report.rules.tick.total_seconds(),
        "tempo": rhythm.tempo(report.sample.cpu),
        "low_cpu": rhythm.low_cpu,
        "high_cpu": rhythm.high_cpu,
        "reading": dict(reading),
        "census": any(level is not Level.OFF for level in watches),
        "log": {"form": config.log_format, "max_bytes": config.log_max_bytes, "keep": config.log_keep},
    }
