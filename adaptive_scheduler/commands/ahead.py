"""What `forecast` and `status` share: the present from which the story goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adaptive_scheduler.edges import World
from adaptive_scheduler.horizon import Present
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision
from adaptive_scheduler.preview import Look
from adaptive_scheduler.times import local_time


def present_of(world: World, seen: Look, decisions: Mapping[str, Decision], samples: Sequence[Sample]) -> Present:
    """Return the present; the last samples tell what our own tasks add to the CPU."""
    config = replace(world.config, rules=seen.rules)
    return Present(seen.now, config, seen.state, seen.sample, decisions, _own_cpu(samples), local_time(seen.now))


def _own_cpu(samples: Sequence[Sample]) -> float:
    """Return what our own tasks used of the CPU lately, in per cent; 0 where that is unknown."""
    own = [one.cpu - one.foreign_cpu for one in samples if one.cpu is not None and one.foreign_cpu is not None]
    return max(0.0, sum(own) / len(own)) if own else 0.0
