"""Short ways to say processes, watches and what a cycle measured, for the rooms that look for events."""

from datetime import timedelta
from typing import Any

from adaptive_scheduler.detectors.base import Calm
from adaptive_scheduler.events import BUILT_IN, Process, Watch
from adaptive_scheduler.sightings import Sighting

MIB = 1 << 20
GIB = 1 << 30
BORN = 1_762_000_000.0
CALM = Calm(0.5, timedelta(minutes=30), timedelta(hours=2))


def process(name: str = "leaker", pid: int = 7, rss: int = 0, *, mib: float = 0, **more: Any) -> Process:
    given = {"created": BORN, "cpu_s": 1.0, **more}
    return Process(pid=pid, name=name, rss=rss or round(mib * MIB), **given)


def watches(*own: Watch, **built_in: Any) -> dict[str, Watch]:
    """All built-in events, with these settings of theirs, and some of the user's own."""
    found = {name: Watch(name=name, **built_in.get(name, {})) for name in BUILT_IN}
    return found | {one.name: one for one in own}


def sighting(name: str = "cpu_spike", excess: float | None = 2.0, **more: Any) -> Sighting:
    """A sighting with the calm of a spike."""
    return Sighting(name=name, excess=excess, **{"calm": CALM, "reason": "it is so", **more})
