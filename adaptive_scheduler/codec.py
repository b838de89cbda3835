"""State <-> plain JSON values: pure, strict when reading, and silent about what is at its default.

Whatever does not fit raises ValueError, KeyError or TypeError; store.py calls that a damaged file.
The version history of the format:
1  the first.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from adaptive_scheduler import events
from adaptive_scheduler.codes import Code
from adaptive_scheduler.model import Live, Result, State, Status, TaskState
from adaptive_scheduler.strict import number, text, whole
from adaptive_scheduler.strict import reading as strict_reading
from adaptive_scheduler.times import from_iso, iso

VERSION = 1

Plain = dict[str, Any]
Value = TypeVar("Value")


LONGEST_S = 1e12
"""More seconds than the calendar has."""

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
        cycle=whole(plain["cycle"]),
        last_cycle_at=_from_iso(plain.get("last_cycle_at")),
        nominal_at=_from_iso(plain.get("nominal_at")),
        spent_s=number(plain.get("spent_s", 0.0)),
        readings=tuple(strict_reading(reading) for reading in plain["readings"]),
        tasks={text(name): _decode_task(task) for name, task in plain["tasks"].items()},
        unrecorded=tuple((text(one["task"]), decode_result(one)) for one in plain["unrecorded"]),
        latches=text(plain.get("latches", "")),
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
        run_id=text(plain["run_id"]),
        status=Status(plain["status"]),
        started_at=from_iso(plain["started_at"]),
        ended_at=from_iso(plain["ended_at"]),
        duration_s=_seconds(plain["duration_s"]),
        exit_code=_unless_none(whole, plain.get("exit_code")),
        signal=_unless_none(text, plain.get("signal")),
        cause=text(plain.get("cause", "")),
        cpu_s=_unless_none(_seconds, plain.get("cpu_s")),
        peak_memory_bytes=_unless_none(whole, plain.get("peak_memory_bytes")),
        output_bytes=_unless_none(whole, plain.get("output_bytes")),
        reason=text(plain.get("reason", "")),
        unusual=text(plain.get("unusual") or ""),
        event=text(plain.get("event") or ""),
        node=text(plain.get("node") or ""),
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
        failures=whole(plain.get("failures", 0)),
        retry_at=_from_iso(plain.get("retry_at")),
        retries_used=whole(plain.get("retries_used", 0)),
        retried_interruption=bool(plain.get("retried_interruption", False)),
        paused=bool(plain.get("paused", False)),
        paused_until=_from_iso(plain.get("paused_until")),
        tempo=text(plain.get("tempo", "base")),
        code=text(plain.get("code", "")),
        missing_since=_from_iso(plain.get("missing_since")),
        behind=number(plain.get("behind", 0.0)),
        excused_s=number(plain.get("excused_s", 0.0)),
        footprint=text(plain.get("footprint", "")),
        event=None if event is None else events.decode(event),
        told=text(plain.get("told", "")),
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
        **({"ledger": live.ledger} if live.ledger else {}),
        **({"unreachable_since": iso(live.unreachable_since)} if live.unreachable_since else {}),
    }


def _decode_live(plain: Plain) -> Live:
    return Live(
        run_id=text(plain["run_id"]),
        started_at=from_iso(plain["started_at"]),
        code=Code(plain["code"]),
        reason=text(plain["reason"]),
        cpu_seen_s=_seconds(plain["cpu_seen_s"]),
        event=text(plain.get("event", "")),
        node=text(plain.get("node", "")),
        ledger=text(plain.get("ledger", "")),
        unreachable_since=_from_iso(plain.get("unreachable_since")),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _from_iso(written: str | None) -> datetime | None:
    return None if written is None else from_iso(written)


def _seconds(value: object) -> float:
    seconds = number(value)
    if not 0.0 <= seconds <= LONGEST_S:
        raise ValueError(f"{value!r} seconds are no time that anything took")
    return seconds


def _unless_none(read: Callable[[object], Value], value: object) -> Value | None:
    return None if value is None else read(value)
