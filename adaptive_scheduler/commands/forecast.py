"""`forecast`: the CPU that is expected of the next hours, and what will probably run when."""

from datetime import timedelta

from adaptive_scheduler import recent, rolling
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.ahead import present_of
from adaptive_scheduler.commands.progress import progress
from adaptive_scheduler.edges import World
from adaptive_scheduler.opening import open_world, seams_in_force
from adaptive_scheduler.outlook import Outlook
from adaptive_scheduler.preview import Look, look, present
from adaptive_scheduler.prospects import EDGES
from adaptive_scheduler.prospects import forecast as look_ahead
from adaptive_scheduler.rolling import Rolling
from adaptive_scheduler.signals import KEPT_DAYS
from adaptive_scheduler.times import local_time


def forecast(config: str | None, *, hours: int, as_json: bool) -> int:
    """Print what is expected; with no load known it says so, which is no failure."""
    world = open_world(config, strict=False, write=False).world
    seen = look(world)
    load = _load(world, seen)
    now = present_of(world, seen, present(world, seen), recent.read(world.store.folder))
    with progress("looking ahead", len(EDGES), quiet=as_json) as advance:
        view = look_ahead(now, Outlook(load) if load.cells else None, timedelta(hours=hours), advance)
    notes = [*seams_in_force(), *seen.notes]
    if as_json:
        from adaptive_scheduler import plain_forecast

        output.as_json(plain_forecast.forecast(view, notes))
    else:
        from adaptive_scheduler.render import ahead as page

        page.forecast(view, notes)
    return 0


def _load(world: World, seen: Look) -> Rolling:
    """Return the load of the last weeks: the rolling one where cycles keep it, else that of the history."""
    if seen.learning.load is not None:
        return seen.learning.load
    tick, local = world.config.rules.tick, local_time(seen.now)
    samples = world.history.samples(seen.now - timedelta(days=KEPT_DAYS), seen.now)
    load = Rolling(rolling.grid_for(tick))
    for sample in samples:
        cpu = sample.cpu if sample.foreign_cpu is None else sample.foreign_cpu
        if cpu is not None:
            load = rolling.added(load, local(sample.at), tick, cpu)
    return load if load.cells else world.almanac.load() or load
