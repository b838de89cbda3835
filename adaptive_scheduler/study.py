"""The whole lesson: samples and runs of the last weeks -> what rhythm.json will hold; numpy, values in and out."""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from math import isfinite
from typing import Any

from adaptive_scheduler import notation, staircases
from adaptive_scheduler.backtest import Verdict, walk_forward
from adaptive_scheduler.footprints import expected
from adaptive_scheduler.learn import Past, Subject, fit, subject
from adaptive_scheduler.lessons import numbers_of
from adaptive_scheduler.model import State, Task
from adaptive_scheduler.overlaps import Pair
from adaptive_scheduler.rolling import Rolling, latest
from adaptive_scheduler.settings import Config, Rhythm
from adaptive_scheduler.times import iso
from adaptive_scheduler.tutor import past_of

Plain = dict[str, Any]

DEFAULT = Rhythm()

UNKNOWN_RUN = timedelta(minutes=5)
"""How long a run is taken to last of which nothing is known."""


LEAST_RUNS = 4
"""A back-test of fewer runs says nothing."""


@dataclass(frozen=True)
class Finding:
    """What came out about one task; `refused` says why nothing learned is used, `table` is what was learned."""

    task: Task
    refused: str
    verdict: Verdict | None = None
    table: staircases.Table | None = None


def study(rolling: Rolling, config: Config, state: State, advance: Callable[[], None]) -> Iterator[Finding]:
    """Yield what can be learned of each task, from a load of which enough is known (`lessons.too_little`)."""
    past = past_of(rolling)
    for task in config.tasks.values():
        if not task.beats:
            advance()
            continue
        mine = state.tasks.get(task.name)
        lasts = expected(task, "" if mine is None else mine.footprint) or UNKNOWN_RUN
        found = subject(task, config.rules.rhythm, rolling.grid, lasts.total_seconds())
        yield _finding(task, past, found, config) if isinstance(found, Subject) else Finding(task, found)
        advance()


def _finding(task: Task, past: Past, subject: Subject, config: Config) -> Finding:
    until = len(past.values)

    @cache
    def at(step: int) -> staircases.Table:
        return fit(past, subject, step)

    verdict = walk_forward(past, subject, config.rules.rhythm, until, at)
    table = at(until)
    if verdict is None:
        return Finding(task, "too little is known to test it", None, table)
    if verdict.runs < LEAST_RUNS:
        return Finding(task, f"its back-test had {verdict.runs} runs only", verdict, table)
    if not verdict.keeps_the_rate:
        ran = f"{verdict.runs} runs against {verdict.fixed_runs}"
        return Finding(task, f"its back-test ran less often than its interval asks for ({ran})", verdict, table)
    if verdict.better:
        return Finding(task, "", verdict, table)
    against = "the classic rule" if verdict.holds else "the plain interval"
    met = f"{verdict.learned:.1f} % CPU against {verdict.classic if verdict.holds else verdict.fixed:.1f} %"
    return Finding(task, f"its back-test is no better than {against} ({met})", verdict, table)


def encode(
    findings: Sequence[Finding],
    pairs: Sequence[Pair],
    rolling: Rolling,
    now: datetime,
    cpus: float | None,
    rhythm: Rhythm = DEFAULT,
) -> Plain:
    """Return the content of rhythm.json, without its version."""
    past = past_of(latest(rolling))
    content = array("H", rolling.cells).tobytes() + repr((rolling.first, rolling.grid)).encode()
    return {
        "made_at": iso(now),
        "rests_on": {
            "days": round(past.days, 2),
            "steps": len(rolling.cells),
            "sha256": hashlib.sha256(content).hexdigest(),
            "cpus": cpus,
            "rhythm": numbers_of(rhythm),
        },
        "heavy_pairs": [[pair.first, pair.second] for pair in pairs],
        "tasks": {one.task.name: _encode(one) for one in findings},
    }


def _encode(one: Finding) -> Plain:
    return {
        "interval_s": one.task.interval.total_seconds(),
        "windows": [[window.start, window.end] for window in one.task.windows],
        "refused": one.refused,
        "backtest": None if one.verdict is None else _numbers(one.verdict),
        "table": None if one.table is None or one.refused else notation.encode(one.table),
    }


def _numbers(verdict: Verdict) -> Plain:
    """Return the numbers of a back-test; null for the load that no run met."""
    return {key: round(value, 3) if isfinite(value) else None for key, value in asdict(verdict).items()}


def told(one: Finding) -> Plain:
    """Return what `learn` tells about a task."""
    plain = _encode(one)
    del plain["table"], plain["windows"]
    return {"task": one.task.name, **plain}
