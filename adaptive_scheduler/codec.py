"""State <-> plain JSON values: pure, strict when reading, and silent about what is at its default.

Whatever does not fit raises ValueError, KeyError or TypeError; store.py calls that a damaged file.
The version history of the format:
1  the first.
"""

from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any

from adaptive_scheduler import events
from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Live, Result, State, Status, TaskState
from adaptive_scheduler.times import from_iso, iso

VERSION = 1

Plain = dict[str, Any]

UPGRADES: dict[int, Callable[[Plain], Plain]] = {}
"""From each older version to the next one; empty as long as there is only one."""


def encode_state(state: State) -> Plain:
    """Return the state as JSON-able values, with the format's version."""
    latches = {"latches": state.latches} if state.latches else {}
    return {
        "version": VERSION,
        "cycle": state.cycle,
        "last_cycle_at": _iso(state.last_cycle_at),
        "nominal_at": _iso(state.nominal_at),
        "spent_s": state.spent_s,
        "readings": [dict(reading) for reading in state.readings],
        "tasks": {name: _encode_task(task) for name, task in state.tasks.items()},
        "unrecorded": [{"task": name, **encode_result(result)} for name, result in state.unrecorded],
        **latches,
    }


def decode_state(plain: Plain) -> State:
    """Return the State that `encode_state` wrote, upgraded from an older version where needed."""
    version = plain["version"]
    while version < VERSION:
        plain = UPGRADES[version](plain)
        version += 1
    return State(
        cycle=_int(plain["cycle"]),
        last_cycle_at=_from_iso(plain.get("last_cycle_at")),
        nominal_at=_from_iso(plain.get("nominal_at")),
        spent_s=float(plain.get("spent_s", 0.0)),
        readings=tuple(dict(reading) for reading in plain["readings"]),
        tasks={_str(name): _decode_task(task) for name, task in plain["tasks"].items()},
        unrecorded=tuple((_str(one["task"]), decode_result(one)) for one in plain["unrecorded"]),
        latches=_str(plain.get("latches", "")),
    )


def encode_result(result: Result) -> Plain:
    """Return a finished run as JSON-able values."""
    plain = {
        "run_id": result.run_id,
        "status": result.status.value,
        "started_at": iso(result.started_at),
        "ended_at": iso(result.ended_at),
        "duration_s": result.duration_s,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "cause": result.cause,
        "cpu_s": result.cpu_s,
        "peak_memory_bytes": result.peak_memory_bytes,
        "output_bytes": result.output_bytes,
        "reason": result.reason,
        "unusual": result.unusual or None,
    }
    here = {"event": result.event, "node": result.node}
    return plain | {key: value for key, value in here.items() if value}


def decode_result(plain: Plain) -> Result:
    """Return the finished run that `encode_result` wrote."""
    return Result(
        run_id=_str(plain["run_id"]),
        status=Status(plain["status"]),
        started_at=from_iso(plain["started_at"]),
        ended_at=from_iso(plain["ended_at"]),
        duration_s=float(plain["duration_s"]),
        exit_code=plain.get("exit_code"),
        signal=plain.get("signal"),
        cause=_str(plain.get("cause", "")),
        cpu_s=plain.get("cpu_s"),
        peak_memory_bytes=plain.get("peak_memory_bytes"),
        output_bytes=plain.get("output_bytes"),
        reason=_str(plain.get("reason", "")),
        unusual=_str(plain.get("unusual") or ""),
        event=_str(plain.get("event") or ""),
        node=_str(plain.get("node") or ""),
    )


def _encode_task(task: TaskState) -> Plain:
    full: Plain = {
        "first_seen": iso(task.first_seen),
        "anchor": _iso(task.anchor),
        "live": task.live and _encode_live(task.live),
        "last": task.last and encode_result(task.last),
        "failures": task.failures,
        "retry_at": _iso(task.retry_at),
        "retries_used": task.retries_used,
        "retried_interruption": task.retried_interruption,
        "paused": task.paused,
        "paused_until": _iso(task.paused_until),
        "tempo": None if task.tempo == "base" else task.tempo,
        "code": task.code or None,
        "missing_since": _iso(task.missing_since),
        "behind": task.behind,
        "excused_s": task.excused_s,
        "footprint": task.footprint or None,
        "event": task.event and events.encode(task.event),
        "told": task.told or None,
    }
    return {key: value for key, value in full.items() if value not in (None, 0, False)}


def _decode_task(plain: Plain) -> TaskState:
    live, last, event = plain.get("live"), plain.get("last"), plain.get("event")
    return TaskState(
        first_seen=from_iso(plain["first_seen"]),
        anchor=_from_iso(plain.get("anchor")),
        live=None if live is None else _decode_live(live),
        last=None if last is None else decode_result(last),
        failures=_int(plain.get("failures", 0)),
        retry_at=_from_iso(plain.get("retry_at")),
        retries_used=_int(plain.get("retries_used", 0)),
        retried_interruption=bool(plain.get("retried_interruption", False)),
        paused=bool(plain.get("paused", False)),
        paused_until=_from_iso(plain.get("paused_until")),
        tempo=_str(plain.get("tempo", "base")),
        code=_str(plain.get("code", "")),
        missing_since=_from_iso(plain.get("missing_since")),
        behind=_finite(plain.get("behind", 0.0)),
        excused_s=_finite(plain.get("excused_s", 0.0)),
        footprint=_str(plain.get("footprint", "")),
        event=None if event is None else events.decode(event),
        told=_str(plain.get("told", "")),
    )


def _encode_live(live: Live) -> Plain:
    return {
        "run_id": live.run_id,
        "started_at": iso(live.started_at),
        "code": live.code.value,
        "reason": live.reason,
        "cpu_seen_s": live.cpu_seen_s,
        **({"event": live.event} if live.event else {}),
        **({"node": live.node} if live.node else {}),
        **({"unreachable_since": iso(live.unreachable_since)} if live.unreachable_since else {}),
    }


def _decode_live(plain: Plain) -> Live:
    return Live(
        run_id=_str(plain["run_id"]),
        started_at=from_iso(plain["started_at"]),
        code=Code(plain["code"]),
        reason=_str(plain["reason"]),
        cpu_seen_s=float(plain["cpu_seen_s"]),
        event=_str(plain.get("event", "")),
        node=_str(plain.get("node", "")),
        unreachable_since=_from_iso(plain.get("unreachable_since")),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _from_iso(text: str | None) -> datetime | None:
    return None if text is None else from_iso(text)


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value
