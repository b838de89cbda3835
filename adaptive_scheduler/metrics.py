"""Counters, memory and pressure -> Sample; the only room that says how busy the machine is.

CPU is the mean since the cycle before, from counters that the state carries over: psutil's
`cpu_percent(None)` is 0.0 on the first call of a process, which is every call of a one-shot, and a sample
of a second mostly sees the other jobs of this minute starting.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import limits as containers
from adaptive_scheduler import memory
from adaptive_scheduler.absence import Mark
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.counters import ROOT, cpu_percent, read_counters
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.events import SHORT_SAMPLE
from adaptive_scheduler.machine import Memory, Reading, Sample
from adaptive_scheduler.sizes import parse_size
from adaptive_scheduler.times import from_iso, iso

__all__ = ["choose", "cpu_percent", "keep", "mark", "measure", "memory_now", "read_counters", "read_memory"]

FAKE_SAMPLE = "ADAPTIVE_FAKE_SAMPLE"

SHORT_SAMPLE_S = 0.25
"""How long a sample without an earlier cycle takes: 25 clock ticks of 10 ms on each CPU."""

LATE = timedelta(seconds=10)
"""A reading of two ticks ago still counts when the tick came this late."""


def choose(readings: Sequence[Reading], now: datetime, tick: timedelta) -> Reading | None:
    """Return the latest reading that is at least half a tick and at most two ticks old."""
    for reading in reversed(readings):
        age = _age(reading, now)
        if age is not None and tick / 2 <= age <= 2 * tick + LATE:
            return reading
    return None


def keep(readings: Sequence[Reading], current: Reading, now: datetime, tick: timedelta) -> tuple[Reading, ...]:
    """Return the readings for the next cycle: the newest is replaced only when it is half a tick old.

    So cycles seconds apart all compare with counters at least half a tick old.
    """
    stamped = {**current, "at": iso(now)}
    if not readings:
        return (stamped,)
    age = _age(readings[-1], now)
    if age is not None and timedelta(0) <= age < tick / 2 and readings[-1].get("boot") == current.get("boot"):
        return tuple(readings)
    return (readings[-1], stamped)


def mark(reading: Reading) -> Mark | None:
    """Return the clocks of a reading that `keep` kept, None when it makes no sense."""
    try:
        uptime_s, boot = reading.get("uptime_s"), str(reading["boot"])
        # What a container could have used is made of the uptime, and says nothing of sleep.
        is_host = reading["source"] == "host"
        awake_s = float(reading["total_s"]) / float(reading["cpus"]) if is_host else None
        return Mark(from_iso(str(reading["at"])), boot, None if uptime_s is None else float(uptime_s), awake_s)
    except (KeyError, ValueError, TypeError, ZeroDivisionError):
        return None


def measure(
    readings: Sequence[Reading],
    now: datetime,
    tick: timedelta,
    *,
    started: Reading,
    own_cpu_s: float,
    environ: Mapping[str, str],
    root: Path = ROOT,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Sample, Reading]:
    """Return a sample and the counters it rests on; `own_cpu_s` is what our runs used since the last reading.

    Without a usable earlier reading it takes one short sample since `started`, its own process left out.
    Raises UsageError for nonsense in ADAPTIVE_FAKE_SAMPLE.
    """
    pretended = _pretended(environ)
    current = read_counters(root)
    cpu, foreign, source = pretended.get("cpu"), None, "counters"
    if cpu is None and (before := choose(readings, now, tick)) is not None:
        cpu = cpu_percent(before, current)
        # What is ours is known since the latest reading only; since an older one it would look foreign.
        foreign = cpu_percent(before, current, less_s=own_cpu_s) if before is readings[-1] else None
    if cpu is None:
        cpu, current = _short_sample(started, current, root, sleep)
        source = SHORT_SAMPLE
    limits = containers.limits(root)
    pressure = containers.pressure(root, limits.memory_group or limits.cpu_group)
    memory = memory_now(environ, root)
    source = "fake" if pretended else source
    room = (memory.available_bytes, memory.total_bytes)
    uptime_s = Clock.from_environment(environ).uptime()
    kept = current if uptime_s is None else {**current, "uptime_s": round(uptime_s, 3)}
    return Sample(now, cpu, memory.percent, foreign, pressure, source, *room), kept


def memory_now(environ: Mapping[str, str], root: Path = ROOT) -> Memory:
    """Return memory as measured, or as the test seam pretends; a pretended machine has only the room it names."""
    pretended = _pretended(environ)
    if not pretended:
        return read_memory(root)
    percent = pretended["memory"] if "memory" in pretended else read_memory(root).percent
    room = pretended.get("available")
    return Memory(percent, None if room is None else int(room))


def read_memory(root: Path = ROOT) -> Memory:
    """Return memory use and what is left, of the container's limit where that is below the host's memory."""
    return Memory(*memory.used(root))


def _short_sample(
    started: Reading, current: Reading, root: Path, sleep: Callable[[float], None]
) -> tuple[float | None, Reading]:
    waited_s = (float(current["total_s"]) - float(started["total_s"])) / max(0.01, float(current["cpus"]))
    if waited_s < SHORT_SAMPLE_S:
        sleep(min(SHORT_SAMPLE_S, SHORT_SAMPLE_S - waited_s))
        current = read_counters(root)
    # Only what we used since `started`: starting the interpreter came before it.
    own_s = float(current["own_s"]) - float(started["own_s"])
    return cpu_percent(started, current, less_s=own_s), current


def _pretended(environ: Mapping[str, str]) -> dict[str, float]:
    """Return what the test seam sets, empty without it."""
    text = environ.get(FAKE_SAMPLE)
    found: dict[str, float] = {}
    for part in text.split(",") if text else ():
        name, _, number = part.partition("=")
        try:
            found[name.strip()] = _PRETENDABLE[name.strip()](number)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"{FAKE_SAMPLE}='{text}' is no sample; write cpu=75,memory=65 (0 to 100), available=300MB, or unset it"
            ) from error
    return found


def _percentage(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 100.0:
        raise ValueError(text)
    return value


_PRETENDABLE: Mapping[str, Callable[[str], float]] = {
    "cpu": _percentage,
    "memory": _percentage,
    "available": parse_size,
}


def _age(reading: Reading, now: datetime) -> timedelta | None:
    try:
        return now - from_iso(str(reading["at"]))
    except (KeyError, ValueError):
        return None
