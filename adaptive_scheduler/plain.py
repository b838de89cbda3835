"""Values -> the JSON of the commands; the keys here are a contract, more may come, none may go."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import codec, plain_events
from adaptive_scheduler.backends.base import Standing
from adaptive_scheduler.edges import Report
from adaptive_scheduler.footprints import Band
from adaptive_scheduler.model import Decision, Live, Result, Status
from adaptive_scheduler.overview import Overview, TaskView
from adaptive_scheduler.simulate import Made, Tally
from adaptive_scheduler.times import iso
from adaptive_scheduler.vigilance import Standing as Watched

Plain = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, null for none."""
    return None if at is None else iso(at)


def decision(one: Decision) -> Plain:
    """Return one decision: what `why` prints and `run` lists."""
    return {
        "task": one.task,
        "code": one.code.value,
        "reason": one.reason,
        "value": rounded(one.value),
        "limit": rounded(one.limit),
        "unit": one.unit,
        "blocker": one.blocker,
        "next_look": moment(one.next_look),
    }


def run(report: Report) -> Plain:
    """Return the report of one cycle."""
    return {
        "cycle": report.cycle,
        "at": moment(report.at),
        "cpu": report.sample.cpu,
        "memory": report.sample.memory,
        "foreign_cpu": report.sample.foreign_cpu,
        "dry_run": report.dry_run,
        "interrupted": report.interrupted,
        "decisions": [decision(one) for one in report.decisions],
        "runs": [finished(name, result) for name, result in report.runs]
        + [live(name, one, report.at) for name, one in report.live.items()],
        "notes": report.notes,
        "events": [plain_events.event(one) for one in report.events],
    }


def finished(task: str, result: Result) -> Plain:
    """Return a finished run."""
    plain = {"task": task, **codec.encode_result(result)}
    return plain | {"duration_s": rounded(result.duration_s)}


def live(task: str, one: Live, now: datetime) -> Plain:
    """Return a run that is still going."""
    return {
        "task": task,
        "run_id": one.run_id,
        "node": one.node or None,
        "unreachable_since": moment(one.unreachable_since),
        "status": Status.RUNNING.value,
        "started_at": moment(one.started_at),
        "ended_at": None,
        "exit_code": None,
        "cpu_s": None,
        "peak_memory_bytes": None,
        "output_bytes": None,
        "duration_s": rounded(max(0.0, (now - one.started_at).total_seconds())),
        "reason": one.reason,
        "event": one.event or None,
    }


def why(
    one: Decision, at: datetime, rhythm: tuple[str, str] | None = None, nodes: Mapping[str, str] | None = None
) -> Plain:
    """Return the answer to `why`; which rhythm holds, and what nodes say, is known of the present alone."""
    kind, reason = rhythm or (None, None)
    return decision(one) | {"at": moment(at), "rhythm": kind, "rhythm_reason": reason, "nodes": dict(nodes or {})}


def status(view: Overview) -> Plain:
    """Return the overview that `status` prints."""
    return {
        "ok": view.ok,
        "problems": view.problems,
        "cycle": view.cycle,
        "at": moment(view.at),
        "last_cycle_at": moment(view.last_cycle_at),
        "cpu": view.sample.cpu,
        "memory": view.sample.memory,
        "foreign_cpu": view.sample.foreign_cpu,
        "config": view.config,
        "notes": view.notes,
        "rhythm": view.rhythm,
        "registration": view.standing and registration(view.standing),
        "events": [watched(one) for one in view.watched],
        "tasks": [_task(one) for one in view.tasks],
        "ahead": {name: [moment(one) for one in starts] for name, starts in view.ahead.items()},
        "ahead_by": view.ahead_by or None,
    }


def registration(standing: Standing) -> Plain:
    """Return how the project stands with the system's scheduler."""
    return {
        "backend": standing.backend,
        "name": standing.name,
        "summary": standing.summary,
        "as_registered": not standing.faults,
        "faults": list(standing.faults),
        "notes": list(standing.notes),
        "hint": standing.hint,
    }


def watched(one: Watched) -> Plain:
    """Return how it stands with one event."""
    return {
        "event": one.name,
        "source": one.source or None,
        "level": one.level.value,
        "learning_s": one.learning.total_seconds(),
        "armed": one.armed,
        "fired_at": moment(one.fired_at),
    }


def _task(one: TaskView) -> Plain:
    last = one.last
    return {
        "name": one.name,
        "priority": one.priority,
        "interval_s": _seconds(one.interval),
        "adaptive_interval_s": _seconds(one.adaptive_interval),
        "effective_interval_s": _seconds(one.effective_interval),
        "last_status": Status.RUNNING.value if one.live else last and last.status.value,
        "last_started_at": moment(one.last_started_at),
        "last_exit_code": last and last.exit_code,
        "last_cause": last and last.cause,
        "last_unusual": (last and last.unusual) or None,
        "failures_in_a_row": one.failures,
        "overdue": one.overdue,
        "timeout_s": one.limit.most.total_seconds(),
        "timeout_source": one.limit.source,
        "footprint": {
            "duration_s": _band(one.durations),
            "cpu_s": _band(one.cpu_seconds),
            "peak_memory_bytes": _band(one.memory),
        },
        "rhythm": one.rhythm[0],
        "rhythm_reason": one.rhythm[1],
        "next_look": moment(one.decision.next_look),
        "code": one.decision.code.value,
        "reason": one.decision.reason,
    }


def _seconds(one: timedelta | None) -> float | None:
    return None if one is None else one.total_seconds()


def _band(one: Band | None) -> Plain | None:
    return None if one is None else {"p50": rounded(one.p50), "p90": rounded(one.p90), "runs": one.runs}


def made(one: Made) -> Plain:
    """Return one simulated decision."""
    return {
        "at": moment(one.at),
        "task": one.decision.task,
        "code": one.decision.code.value,
        "cpu": one.cpu,
        "age": round(one.decision.age or 0.0, 4),
        "reason": one.decision.reason,
    }


def tally(one: Tally, days: float) -> Plain:
    """Return what became of one task in a simulation."""
    gaps = [gap.total_seconds() for gap in one.gaps()]
    return {
        "runs": len(one.starts),
        "runs_per_day": round(len(one.starts) / days, 3) if days else None,
        "mean_cpu_met": rounded(one.mean_cpu),
        "min_gap_s": min(gaps, default=None),
        "max_gap_s": max(gaps, default=None),
        "decisions": dict(sorted(one.codes.items())),
    }


def rounded(value: float | None) -> float | None:
    """Return the value with three decimals; the fourth is noise."""
    return None if value is None else round(value, 3)
