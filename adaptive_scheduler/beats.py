"""What a short cycle saw: a cycle in which nothing could become due. Pure; beatfile.py keeps them.

The next whole cycle takes them in as if it had been there; until then every reader of the state sees them in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

from adaptive_scheduler.events import Process
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.reading import Reading
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
    pressure = {str(kind): _number(value) for kind, value in line["pressure"].items()}
    cpu, memory, available, total = (_number(line[key]) for key in ("cpu", "memory", "available", "total"))
    sample = Sample(from_iso(line["at"]), cpu, memory, cpu, pressure, "counters", int(available), int(total))
    processes = tuple(
        Process(pid=int(_number(pid)), name=str(name), created=_number(created), rss=int(_number(rss)), cpu_s=0.0)
        for pid, name, created, rss in line["processes"]
    )
    return Beat(int(_number(line["cycle"])), {**line["reading"], "at": line["at"]}, sample, processes)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError(f"{value!r} is not a number")
    return value
