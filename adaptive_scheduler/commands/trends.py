"""`trends`: what this machine's days look like, from its own history."""

from datetime import timedelta

from adaptive_scheduler.commands import output
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.times import local_time
from adaptive_scheduler.trends import trends as look_back


def trends(config: str | None, *, days: int, as_json: bool) -> int:
    """Print busy hours, quiet times, heavy tasks, changes and overlaps of the last days."""
    world = open_world(config, strict=False, write=False).world
    now = world.clock.now()
    since = now - timedelta(days=days)
    samples, runs = world.history.samples(since, now), world.history.runs_between(since, now)
    view = look_back(samples, runs, world.config.tasks, now, world.config.rules.tick, local_time(now))
    if as_json:
        from adaptive_scheduler import plain_trends

        output.as_json(plain_trends.trends(view))
    else:
        from adaptive_scheduler.render import days as page

        page.trends(view, world.config.rules.rhythm)
    return 0
