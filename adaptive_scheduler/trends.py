"""What this machine's days look like: samples, finished runs and tasks -> everything that `trends` tells. Pure.

Where too little is known it says so, or leaves a place empty, rather than guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from adaptive_scheduler.busy import Hour, Local, mean_of, stretches, week
from adaptive_scheduler.costs import MIN_RUNS, Cost, Drift, costs, drift, usable
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result, Task
from adaptive_scheduler.overlaps import Pair, pairs
from adaptive_scheduler.quiet import Profile, Quiet, profile, quietest

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Habit:
    """One task: how long it takes, when it would find the machine quiet, what it uses, how its durations change.

    `known_from` says what `duration` rests on: "runs", "expected_duration", or "" where it is not known.
    """

    name: str
    configured: bool
    duration: timedelta | None
    known_from: str
    quiet: tuple[Quiet, ...]
    cost: Cost | None
    drift: Drift


@dataclass(frozen=True, slots=True)
class Trends:
    """The whole answer, and what it rests on: `days` have samples, which stand for this share of the time."""

    at: datetime
    since: datetime
    days: int
    samples: int
    pretended: int
    runs: int
    covered: float
    cpu: float | None
    foreign: float | None
    memory: float | None
    load: float | None
    hours: Sequence[Hour]
    habits: Sequence[Habit]
    pairs: Sequence[Pair]

    @property
    def span_days(self) -> float:
        """The days from the first sample or run until now, one at least: what "a day" is a mean of."""
        return max(1.0, (self.at - self.since) / DAY)


def trends(
    samples: Sequence[Sample],
    runs: Sequence[tuple[str, Result]],
    tasks: Mapping[str, Task],
    now: datetime,
    tick: timedelta,
    local: Local,
) -> Trends:
    """Return what the samples and the finished runs, both in the order of time, tell about the machine's days."""
    known = stretches(samples, tick, local)
    since = min([one.at - tick for one in samples[:1]] + [one.started_at for _, one in runs[:1]], default=now)
    seconds = (now - since).total_seconds()
    day = profile(known)
    spent = costs(runs)
    of_task = dict[str, list[Result]]()
    for name, result in runs:
        of_task.setdefault(name, []).append(result)
    names = [*spent, *(name for name in tasks if name not in spent)]
    return Trends(
        at=now,
        since=since,
        days=len({one.middle.date() for one in known}),
        samples=len(samples),
        pretended=sum(one.source == "fake" for one in samples),
        runs=len(runs),
        covered=min(1.0, sum(one.seconds for one in known) / seconds) if seconds > 0 else 0.0,
        cpu=mean_of(known, "cpu"),
        foreign=mean_of(known, "foreign"),
        memory=mean_of(known, "memory"),
        load=mean_of(known, "load"),
        hours=week(known),
        habits=[_habit(name, tasks.get(name), of_task.get(name, []), spent.get(name), day) for name in names],
        pairs=pairs(samples, runs, tick),
    )


def _habit(name: str, task: Task | None, runs: Sequence[Result], cost: Cost | None, day: Profile) -> Habit:
    duration, known_from = _duration(task, runs)
    quiet: tuple[Quiet, ...] = ()
    if task is not None and task.beats and duration is not None:
        quiet = quietest(day, duration, task.windows)
    return Habit(name, task is not None, duration, known_from, quiet, cost, drift(runs))


def _duration(task: Task | None, runs: Sequence[Result]) -> tuple[timedelta | None, str]:
    """Return how long a task takes: the median of enough runs, else what tasks.toml says, else that of few runs."""
    durations = [one.duration_s for one in usable(runs)]
    if len(durations) < MIN_RUNS and task is not None and task.expected_duration is not None:
        return task.expected_duration, "expected_duration"
    return (timedelta(seconds=median(durations)), "runs") if durations else (None, "")
