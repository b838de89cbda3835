"""Events -> the JSON of `events`; the keys here are a contract, more may come, none may go."""

from collections.abc import Sequence
from typing import Any

from adaptive_scheduler import events
from adaptive_scheduler.events import Event
from adaptive_scheduler.model import Result
from adaptive_scheduler.times import iso

Plain = dict[str, Any]


def event(one: Event, started: Sequence[tuple[str, Result]] = ()) -> Plain:
    """Return one event, with the runs that it started."""
    culprit = one.culprit
    return {
        "at": iso(one.at),
        "event": one.name,
        "source": one.source or None,
        "value": _rounded(one.value),
        "expected": _rounded(one.expected),
        "unit": one.unit,
        "since": iso(one.since),
        "reason": one.reason,
        "culprit": None if culprit is None else events.encode_culprit(culprit),
        "caused_by": one.caused_by or None,
        "started": [{"task": task, "run_id": result.run_id, "status": result.status.value} for task, result in started],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
