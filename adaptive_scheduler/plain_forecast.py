"""Forecast -> the JSON of `forecast`; apart from plain.py, so that other commands need not load what it rests on."""

from collections.abc import Sequence

from adaptive_scheduler import plain
from adaptive_scheduler.plain import Plain
from adaptive_scheduler.prospects import Forecast, Hour, Prospect


def forecast(view: Forecast, notes: Sequence[str]) -> Plain:
    """Return what `forecast` tells; null where too little is known, or where it lies behind `until`."""
    return {
        "at": plain.moment(view.at),
        "until": plain.moment(view.until),
        "days": round(view.days, 2),
        "whose_cpu": view.whose,
        "hours": [_hour(one) for one in view.hours],
        "tasks": [_task(one) for one in view.tasks],
        "conditions": list(view.conditions),
        "notes": list(notes),
    }


def _hour(one: Hour) -> Plain:
    return {
        "from": plain.moment(one.begins),
        "cpu": plain.rounded(one.expected.cpu),
        "low": plain.rounded(one.expected.low),
        "high": plain.rounded(one.expected.high),
    }


def _task(one: Prospect) -> Plain:
    return {
        "name": one.name,
        "next_start": plain.moment(one.next_start),
        "earliest": plain.moment(one.earliest),
        "latest": plain.moment(one.latest),
        "runs": one.runs,
        "fewest_runs": one.fewest,
        "most_runs": one.most,
        "rhythm": one.rhythm,
        "code": one.present.code.value,
        "reason": one.present.reason,
    }
