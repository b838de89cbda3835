"""Trends -> the JSON of `trends`; apart from plain.py, so that other commands need not load what it rests on."""

from adaptive_scheduler import plain
from adaptive_scheduler.busy import Hour
from adaptive_scheduler.costs import Use
from adaptive_scheduler.overlaps import Pair, Slowdown
from adaptive_scheduler.plain import Plain
from adaptive_scheduler.trends import Habit, Trends


def trends(view: Trends) -> Plain:
    """Return what `trends` tells; null where too little is known."""
    return {
        "at": plain.moment(view.at),
        "since": plain.moment(view.since),
        "days": view.days,
        "samples": view.samples,
        "pretended_samples": view.pretended,
        "runs": view.runs,
        "measured_share": plain.rounded(view.covered),
        "cpu": plain.rounded(view.cpu),
        "foreign_cpu": plain.rounded(view.foreign),
        "memory": plain.rounded(view.memory),
        "hours": [_hour(one) for one in view.hours],
        "tasks": [_habit(one, view.span_days) for one in view.habits],
        "pairs": [_pair(one) for one in view.pairs],
    }


def _hour(one: Hour) -> Plain:
    return {
        "weekday": one.weekday,
        "hour": one.hour,
        "cpu": plain.rounded(one.cpu),
        "foreign_cpu": plain.rounded(one.foreign),
        "memory": plain.rounded(one.memory),
        "days": one.days,
    }


def _habit(one: Habit, days: float) -> Plain:
    cost, drift = one.cost, one.drift
    return {
        "name": one.name,
        "configured": one.configured,
        "duration_s": one.duration and plain.rounded(one.duration.total_seconds()),
        "duration_from": one.known_from or None,
        "quiet": [
            {"start_minute": quiet.start, "end_minute": quiet.end, "foreign_cpu": plain.rounded(quiet.load)}
            for quiet in one.quiet
        ],
        "runs": cost.runs if cost else 0,
        "failed": cost.failed if cost else 0,
        "runs_per_day": plain.rounded(cost.runs / days) if cost else 0.0,
        "cpu_s": cost and _use(cost.cpu_s, days),
        "wall_s": cost and _use(cost.wall_s, days),
        "memory_bytes": cost and cost.memory_bytes.most,
        "output_bytes": cost and _use(cost.output_bytes, days),
        "drift": {
            "change": drift.change.value,
            "runs": drift.runs,
            "days": plain.rounded(drift.days),
            "first_s": plain.rounded(drift.first_s),
            "last_s": plain.rounded(drift.last_s),
        },
    }


def _use(one: Use, days: float) -> Plain | None:
    if not one.known:
        return None
    return {
        "per_day": plain.rounded(one.total / days),
        "per_run": plain.rounded(one.per_run),
        "most": plain.rounded(one.most),
        "share": plain.rounded(one.share),
    }


def _pair(one: Pair) -> Plain:
    return {
        "tasks": [one.first, one.second],
        "overlaps": one.overlaps,
        "together_s": plain.rounded(one.together_s),
        "slowdown": plain.rounded(one.slowdown),
        "slowdowns": [_slowdown(slow) for slow in one.slowdowns],
        "pressure": plain.rounded(one.pressure),
        "pressure_of": one.pressure_of or None,
        "foreign_cpu": plain.rounded(one.foreign),
        "heavy": one.heavy,
    }


def _slowdown(one: Slowdown) -> Plain:
    return {"together": one.together, "apart": one.apart, "factor": plain.rounded(one.factor)}
