"""`learn`: the ceilings of this machine's days from its history, tested on its own past, into rhythm.json."""

from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import lessons, rolling
from adaptive_scheduler.almanac import NAME
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.progress import progress
from adaptive_scheduler.counters import read_counters
from adaptive_scheduler.edges import World
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.lessons import Knowledge
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.overlaps import heavy_pairs
from adaptive_scheduler.rolling import Rolling
from adaptive_scheduler.times import local_time


def learn(config: str | None, *, as_json: bool) -> int:
    """Learn, test, write and tell; with too little history say so and change nothing."""
    world = open_world(config, strict=False, write=False).world
    now, tick = world.clock.now(), world.config.rules.tick
    before = world.almanac.knowledge()
    if before.newer:
        raise StateError(f"{before.problem}: upgrade this program, or remove '{world.almanac.path}'")
    since = now - timedelta(days=rolling.READ_DAYS)
    samples = world.history.samples(since, now)
    load = rolling.gathered(samples, tick, local_time(now))
    problem = lessons.too_little(rolling.latest(load).measured_days, len(load.cells) / load.grid.day)
    told: list[dict[str, Any]] = []
    if not problem:
        # numpy is loaded only when there is something to learn from.
        from adaptive_scheduler import study

        pairs = heavy_pairs(samples, world.history.runs_between(since, now), tick=tick)
        with progress("learning", len(world.config.tasks), quiet=as_json) as advance:
            findings = list(study.study(load, world.config, world.store.read().state, advance))
        _write(
            world, study.encode(findings, pairs, load, now, _cpus(), world.config.rules.rhythm), rolling.latest(load)
        )
        told = [study.told(one) for one in findings]
    _tell(world, load, problem, told, now, before, as_json=as_json)
    return 0


def _write(world: World, learned: dict[str, Any], load: Rolling) -> None:
    try:
        world.almanac.write(learned, load)
    except OSError as error:
        path = error.filename2 or error.filename or world.almanac.path
        raise StateError(
            f"cannot write '{path}': {error.strerror or error}; free the disk, mend its permissions, "
            "or remove what is in its place"
        ) from error


def _cpus() -> float | None:
    return float(read_counters()["cpus"])


def _tell(
    world: World,
    load: Rolling,
    problem: str,
    tasks: list[dict[str, Any]],
    now: datetime,
    before: Knowledge,
    *,
    as_json: bool,
) -> None:
    switched_off = world.config.rules.rhythm.learned == lessons.OFF
    if as_json:
        from adaptive_scheduler import plain

        output.as_json(
            {
                "at": plain.moment(now),
                "days": round(load.measured_days, 2),
                "written": None if problem else str(world.almanac.path),
                "problem": problem or None,
                "in_force": not switched_off and (not problem or before.made_at is not None),
                "tasks": tasks,
            }
        )
        return
    from adaptive_scheduler.render import lesson as page

    kept = before.made_at if problem else None
    page.lesson(tasks, load.measured_days, problem, NAME, kept, switched_off=switched_off)
