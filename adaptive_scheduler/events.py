"""What happened on this machine, as values: an event, who is to blame, and how the user wants it watched. Pure.

Detectors see sightings, latches make events of them, and an event makes its tasks due. Times are aware
datetimes; memory is in bytes; what `value` and `expected` are in is `unit`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from adaptive_scheduler.strict import number, text
from adaptive_scheduler.times import from_iso, iso

Plain = dict[str, Any]

CPU_SPIKE, MEMORY_LEAK, HIGH_LATENCY, MISSED_CYCLES = "cpu_spike", "memory_leak", "high_latency", "missed_cycles"
BUILT_IN = (CPU_SPIKE, MEMORY_LEAK, HIGH_LATENCY, MISSED_CYCLES)
"""The kinds of event that need no `when`."""

DISK = "disk"
"""The source of the latency that the program's own durable write has."""

TRACE = "trace"
"""The source of a latency that was read from a file."""

SHORT_SAMPLE = "short sample"
"""The source of a CPU that was measured for a second, after a gap: good for a decision, too little for an alarm."""


class Level(StrEnum):
    """How readily an event fires."""

    KEEN = "keen"
    CALM = "calm"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One [events.NAME] of tasks.toml; `when` is the user's condition, empty for the built-in kinds.

    None for `cool_down` means that of the kind.
    """

    name: str
    level: Level = Level.CALM
    when: str = ""
    cool_down: timedelta | None = None
    max_per_hour: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One [probes.NAME] of tasks.toml, whose answer is timed: `way` is "tcp", "http" or "command".

    `target` is one "host:port", one URL, or a command with its arguments.
    """

    name: str
    way: str
    target: tuple[str, ...]
    timeout: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Answer:
    """How long something took to answer at `at`, in milliseconds; None when it did not, and `problem` says why.

    There may be a problem in spite of an answer: it came, and says that all is not well.
    """

    at: datetime
    ms: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process at one moment: seconds of CPU since it began at `created` (seconds since 1970), resident bytes.

    `run_id` is that of the run of ours it belongs to, empty where it is nobody's or not known.
    """

    pid: int
    name: str
    created: float
    rss: int
    cpu_s: float
    run_id: str = ""
    parent: int = 0
    ended_children_s: float = 0.0
    """Seconds of CPU of its children that have ended; 0 where the system does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """The process that an event is blamed on; None where it was not measured."""

    name: str
    pid: int
    created: float
    rss: int | None = None
    growth_per_hour: int | None = None
    """Bytes."""
    cpu_percent: float | None = None
    """Of all CPUs of this machine."""
    run_id: str = ""
    processes: int = 1
    """How many of this name share the blame: then this is the largest, memory and CPU are those of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: fired once, at `at`, and not again before it was calm for a while.

    `source` is which of several signals it was (a probe), `caused_by` the id of the run of ours that is behind
    it: then it starts nothing. `since` is when it began.
    """

    name: str
    at: datetime
    value: float | None
    expected: float | None
    unit: str
    since: datetime
    reason: str
    source: str = ""
    culprit: Culprit | None = None
    caused_by: str = ""

    @property
    def id(self) -> str:
        """What names this event among all others."""
        return ":".join(part for part in (self.name, self.source, iso(self.at)) if part)


def encode(event: Event) -> Plain:
    """Return an event as JSON-able values."""
    culprit = event.culprit
    return {
        "kind": event.name,
        "at": iso(event.at),
        "value": event.value,
        "expected": event.expected,
        "unit": event.unit,
        "since": iso(event.since),
        "reason": event.reason,
        "source": event.source or None,
        "culprit": None if culprit is None else encode_culprit(culprit),
        "caused_by": event.caused_by or None,
    }


def encode_culprit(culprit: Culprit) -> Plain:
    """Return a culprit as JSON-able values."""
    return {
        "name": culprit.name,
        "pid": culprit.pid,
        "created": culprit.created,
        "rss_bytes": culprit.rss,
        "growth_bytes_per_hour": culprit.growth_per_hour,
        "cpu_percent": culprit.cpu_percent,
        "run_id": culprit.run_id or None,
        "processes": culprit.processes,
    }


def decode(plain: Mapping[str, Any]) -> Event:
    """Return the event that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    name, culprit = text(plain["kind"]), plain.get("culprit")
    return Event(
        name=name,
        at=from_iso(plain["at"]),
        value=_number(plain.get("value")),
        expected=_number(plain.get("expected")),
        unit=text(plain["unit"]),
        since=from_iso(plain["since"]),
        reason=text(plain["reason"]),
        source=text(plain.get("source") or ""),
        culprit=None if culprit is None else _culprit(culprit),
        caused_by=text(plain.get("caused_by") or ""),
    )


def as_text(event: Event) -> str:
    """Return an event as one line of JSON, which is what a script finds in ADAPTIVE_EVENT."""
    return json.dumps(encode(event), ensure_ascii=True)


def _culprit(plain: Mapping[str, Any]) -> Culprit:
    if not isinstance(plain, Mapping):
        raise TypeError(f"{plain!r} is not a culprit")
    pid, created, processes = (_number(one) for one in (plain["pid"], plain["created"], plain.get("processes", 1)))
    if pid is None or created is None or processes is None:
        raise TypeError(f"{plain!r} lacks a number")
    rss, growth = _number(plain.get("rss_bytes")), _number(plain.get("growth_bytes_per_hour"))
    return Culprit(
        name=text(plain["name"]),
        pid=int(pid),
        created=created,
        rss=None if rss is None else int(rss),
        growth_per_hour=None if growth is None else int(growth),
        cpu_percent=_number(plain.get("cpu_percent")),
        run_id=text(plain.get("run_id") or ""),
        processes=int(processes),
    )


def _number(value: object) -> float | None:
    return None if value is None else number(value)
