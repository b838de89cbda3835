"""What a short cycle saw: a cycle in which nothing could become due. Pure; beatfile.py keeps them.

The next whole cycle takes them in as if it had been there; until then every reader of the state sees them in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adaptive_scheduler.events import Process
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.reading import Reading
from adaptive_scheduler.strict import number, reading, text, whole
from adaptive_scheduler.times import from_iso, local_time

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Beat:
    """One short cycle: its number, the counters it read, what these say, the largest processes."""

    cycle: int
    reading: Reading
    sample: Sample
    processes: tuple[Process, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was."""
        return self.sample.at


def decoded(lines: Iterable[Mapping[str, Any]]) -> tuple[Beat, ...]:
    """Return the short cycles that lines tell of, each one later than the one before; nonsense ends them."""
    found: list[Beat] = []
    for line in lines:
        try:
            one = _beat(line)
        except DAMAGE:
            break
        if found and (one.cycle <= found[-1].cycle or one.at <= found[-1].at):
            break
        found.append(one)
    return tuple(found)


def localised(beats: Iterable[Beat], now: datetime) -> tuple[Beat, ...]:
    """Return short cycles in the local time of `now`: what is usual hangs on the hour that clocks show."""
    local = local_time(now)
    return tuple(replace(one, sample=replace(one.sample, at=local(one.at))) for one in beats)


def _beat(line: Mapping[str, Any]) -> Beat:
    pressure = {text(kind): number(value) for kind, value in line["pressure"].items()}
    cpu, memory = number(line["cpu"]), number(line["memory"])
    room = (whole(line["available"]), whole(line["total"]))
    sample = Sample(from_iso(line["at"]), cpu, memory, cpu, pressure, "counters", *room)
    processes = tuple(
        Process(pid=whole(pid), name=text(name), created=number(created), rss=whole(rss), cpu_s=0.0)
        for pid, name, created, rss in line["processes"]
    )
    return Beat(whole(line["cycle"]), reading({**line["reading"], "at": line["at"]}), sample, processes)
