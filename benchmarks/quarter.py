"""A folder with the history of a quarter: a recorded load, and what ten tasks would have made of it.

The decisions are those of the very simulate function over a trace as `simulate --trace` reads it; how long the runs
took, what they cost and which of them failed is made up by dice that always fall the same way.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from adaptive_scheduler import files, footprints, norms, simulate, trace
from adaptive_scheduler.config import read
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, State, Status, TaskState
from adaptive_scheduler.store import Store

TASKS = {
    "health_check": ("critical", "10m", 4),
    "disk_watch": ("high", "30m", 9),
    "queue_drain": ("high", "1h", 40),
    "performance_analysis": ("high", "30m", 75),
    "mirror_sync": ("medium", "1h", 210),
    "system_maintenance": ("medium", "1h", 160),
    "event_analysis": ("medium", "1h", 55),
    "index_rebuild": ("low", "6h", 900),
    "daily_routine": ("low", "24h", 1500),
    "backup": ("low", "24h", 2700),
}
"""Priority, interval, and the usual seconds of a run."""

CAUSES = {Status.FAILED: "exit code 3", Status.TIMEOUT: "timeout of 1 h", Status.INTERRUPTED: "its supervisor ended"}
CULPRITS = ("postgres", "java", "rsync")


def config_text() -> str:
    """Return the tasks.toml of these tasks."""
    return "".join(
        f'[tasks.{name}]\npriority = "{priority}"\ninterval = "{interval}"\nscript = "nothing.py"\n'
        f'expected_duration = "{seconds}s"\n'
        for name, (priority, interval, seconds) in TASKS.items()
    )


@dataclass(frozen=True)
class OneGo(History):
    """A history in which all is written in one transaction: a quarter of cycles would else be synced one by one."""

    database: sqlite3.Connection | None = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the one connection."""
        if self.database is None:
            raise RuntimeError("it has no connection")
        yield self.database


def make(folder: Path, recording: Path, days: int) -> datetime:
    """Write tasks.toml, its history and its state; returns the moment after the last cycle."""
    (folder / "tasks.toml").write_text(config_text(), encoding="utf-8")
    (folder / "nothing.py").write_text("", encoding="utf-8")
    files.private_folder(folder / "outputs")
    config = read(config_text(), folder / "tasks.toml", platform="linux")
    tick, outputs = config.rules.tick, folder / "outputs"
    begin, known = trace.slots(trace.read(recording), tick)
    known = known[: days * (timedelta(days=1) // tick)]
    samples = list(trace.samples(begin, known, tick))
    by_time = {one.at: one for one in samples}
    dice, state, cycle = random.Random(1), dict[str, TaskState](), 0
    with History(outputs).writing() as database:
        history = OneGo(outputs, database=database)
        made = simulate.simulate(config, ((one.at, one) for one in samples))
        for at, group in groupby(made, lambda one: _tick_of(one.at, tick)):
            decided = [(one.at, one.decision) for one in group]
            results = [_result(dice, now, one, state) for now, one in decided if one.code.starts]
            sample = by_time[at]
            ours = min(sample.cpu or 0.0, sum(one.cpu_s or 0.0 for _, one in results) / tick.total_seconds() * 25)
            seen = replace(sample, foreign_cpu=round((sample.cpu or 0.0) - ours, 2), source="counters")
            happened = [_event(dice, seen)] if dice.random() < 1 / 2000 else []
            history.record(at, cycle, seen, [one for _, one in decided], tick, events=happened)
            history.take_in(results)
            cycle += 1
    last = samples[-1].at
    with Store(outputs).transaction(last) as transaction:
        transaction.state = State(cycle=cycle, last_cycle_at=last, nominal_at=last, tasks=state)
    return last + timedelta(minutes=1)


def _tick_of(at: datetime, tick: timedelta) -> datetime:
    return at - timedelta(seconds=at.timestamp() % tick.total_seconds())


def _result(dice: random.Random, at: datetime, one: Decision, state: dict[str, TaskState]) -> tuple[str, Result]:
    """Return what became of a start, and remember it as the state does."""
    usual = TASKS[one.task][2]
    seconds = round(usual * dice.lognormvariate(0, 0.18) * (3 if dice.random() < 0.004 else 1), 2)
    chance = dice.random()
    status = Status.OK if chance > 0.02 else Status.WARNING if chance > 0.008 else dice.choice(list(CAUSES))
    mine = state.get(one.task) or TaskState(first_seen=at)
    run_id = f"{at:%Y%m%dT%H%M%SZ}-{one.task[:4]}"
    result = Result(
        run_id, status, at, at + timedelta(seconds=seconds), seconds, int(status is not Status.OK), reason=one.reason
    )
    memory = round(usual * 1e6 * dice.uniform(0.9, 1.1))
    result = replace(result, cpu_s=round(seconds * 0.4, 2), peak_memory_bytes=memory, cause=CAUSES.get(status, ""))
    result = replace(result, unusual=norms.unusual(result, mine.footprint))
    state[one.task] = replace(mine, anchor=at, last=result, footprint=footprints.with_run(mine.footprint, result))
    return one.task, result


def _event(dice: random.Random, seen: Sample) -> Event:
    culprit = Culprit(name=dice.choice(CULPRITS), pid=dice.randrange(300, 30_000), created=0.0, cpu_percent=60.0)
    reason = f"CPU that is not ours was {seen.cpu:.0f} %, above what is usual at this time"
    return Event(
        name="cpu_spike",
        at=seen.at,
        value=seen.cpu,
        expected=20.0,
        unit="percent",
        since=seen.at,
        reason=reason,
        culprit=culprit,
    )


def last_cycle(folder: Path) -> datetime:
    """Return the moment after the last cycle of a folder that `make` has filled."""
    at = Store(folder / "outputs").read().state.last_cycle_at
    if at is None:
        raise RuntimeError(f"'{folder}' has no cycle")
    return at + timedelta(minutes=1)
