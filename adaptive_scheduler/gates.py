"""Reasons not to run: one small function a reason, and one table with their order.

The first function that answers decides; its answer carries the measured value, the limit and a sentence.
None of them knows the other tasks: dependencies.py does, and admission.py, for what a start needs of the machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from adaptive_scheduler.anticipation import earliest_start, latest_start, probable_start
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.model import MINUTES_A_DAY, Decision, Learned, Priority, Rules, Sample, Task, TaskState
from adaptive_scheduler.norms import time_limit
from adaptive_scheduler.rhythm import (
    Staircase,
    adaptive_interval,
    ceiling_at,
    is_due,
    load_for,
    slack,
    staircase,
    tick_at_or_after,
)
from adaptive_scheduler.times import at_wall_time, clock_time

EXPECTED = "percent expected"
"""The unit of a CPU that a run would probably meet, as against one that was measured."""


def percent(value: float | None) -> str:
    """Return a percentage for a sentence: '18 %', '45.9 %', 'unknown'."""
    return "unknown" if value is None else f"{round(value, 1):g} %"


@dataclass(frozen=True)
class Case:
    """One task at one moment, with everything a gate may look at."""

    task: Task
    mine: TaskState
    sample: Sample
    rules: Rules
    now: datetime
    forced: bool = False

    @cached_property
    def stairs(self) -> Staircase:
        """The staircase that holds for the task."""
        return staircase(self.task, self.rules, self.mine.behind)

    @cached_property
    def cpu(self) -> float | None:
        """The CPU that the staircase is asked about: the present one, or the one expected of a run."""
        return load_for(self.task, self.sample, self.rules)

    @property
    def learned(self) -> Learned | None:
        """The learned staircase at this moment, None where the classic rule or the plain interval holds."""
        return self.rules.learned.get(self.task.name) if self.task.adaptive else None

    @cached_property
    def interval(self) -> timedelta:
        """The adaptive interval at the present CPU."""
        return adaptive_interval(self.task.interval, self.stairs, self.cpu)

    @property
    def ceiling(self) -> float:
        """The busiest CPU at which it may start at this age, less the slack that ticks have."""
        return ceiling_at(self.age + slack(self.task.interval, self.rules.tick) / self.task.interval, self.stairs)

    @property
    def since(self) -> datetime:
        """The anchor, or the moment the task was first seen."""
        return self.mine.first_seen if self.mine.anchor is None else self.mine.anchor

    @cached_property
    def age(self) -> float:
        """Time since the anchor in base intervals."""
        return (self.now - self.since) / self.task.interval

    @cached_property
    def retrying(self) -> bool:
        """Whether a try after a failure is due now, whatever the rhythm says."""
        return self.mine.retry_at is not None and self.now >= self.mine.retry_at - self.retry_slack

    @property
    def retry_slack(self) -> timedelta:
        """Ticks that come a little early count for retries as they do for beats."""
        return slack(self.task.retry_delay, self.rules.tick)

    @cached_property
    def due_since(self) -> datetime:
        """Since when it could have run, had nothing held it back; a live run is no waiting."""
        if self.mine.anchor is None:
            return self.mine.first_seen
        due = self.mine.anchor + min(self.interval, self.task.interval)
        return due if self.mine.last is None else max(due, self.mine.last.ended_at)

    @property
    def waited(self) -> timedelta:
        """How long it has been held back; never negative."""
        return max(timedelta(0), self.now - self.due_since)

    @property
    def starving(self) -> bool:
        """Whether it has waited `max_defer` and may pass its ceiling and the memory limit."""
        return self.waited >= self.task.patience

    @property
    def patience_left(self) -> str:
        """How long it may still be held back, in words."""
        return words(self.task.patience - self.waited)

    @property
    def unbounded(self) -> bool:
        """Whether no want of memory holds it back: it is critical, or started by hand."""
        return self.forced or self.task.priority is Priority.CRITICAL

    @property
    def next_tick(self) -> datetime:
        """When the next cycle comes."""
        return self.now + self.rules.tick

    @property
    def memory_limit(self) -> float:
        """The memory limit of this task: its own, its priority's, or the common one."""
        gate = self.rules.memory_gate
        if self.task.memory_limit is not None:
            return self.task.memory_limit
        return gate.by_priority.get(self.task.priority, gate.limit)

    def say(
        self,
        code: Code,
        reason: str,
        next_look: datetime | None,
        *,
        value: float | None = None,
        limit: float | None = None,
        unit: str = "",
        blocker: str = "",
    ) -> Decision:
        """Return the decision about this task, with its interval and age filled in."""
        return Decision(self.task.name, code, reason, next_look, value, limit, unit, blocker, self.interval, self.age)


def disabled(case: Case) -> Decision | None:
    """Refuse a task that is switched off or meant for another system."""
    if not case.task.enabled:
        return case.say(Code.DISABLED, "enabled = false in tasks.toml", None)
    if case.task.os is not None and case.task.os != case.rules.platform:
        return case.say(Code.DISABLED, f"only for {case.task.os}, this is {case.rules.platform}", None)
    return None


def paused(case: Case) -> Decision | None:
    """Refuse a task that the user holds."""
    until = case.mine.paused_until
    if not case.mine.paused or case.forced or (until is not None and case.now >= until):
        return None
    if until is None:
        return case.say(Code.PAUSED, f"paused until 'resume {case.task.name}'", None)
    return case.say(Code.PAUSED, f"paused until {until.astimezone(case.now.tzinfo):%Y-%m-%d %H:%M}", until)


def running(case: Case) -> Decision | None:
    """Refuse a second run beside a live one."""
    live = case.mine.live
    if live is None:
        return None
    going = max(timedelta(0), case.now - live.started_at)
    return case.say(
        Code.RUNNING,
        f"a run of it has been going for {words(going)}",
        case.next_tick,
        value=going.total_seconds(),
        limit=time_limit(case.task, case.mine.footprint).most.total_seconds(),
        unit="seconds",
        blocker=live.run_id,
    )


def backoff(case: Case) -> Decision | None:
    """Refuse a failed task until its next try may come."""
    retry_at = case.mine.retry_at
    if retry_at is None or case.retrying or case.forced:
        return None
    return case.say(
        Code.BACKOFF,
        f"it failed; retry {case.mine.retries_used} of {case.task.retries} in {words(retry_at - case.now)}",
        tick_at_or_after(retry_at - case.retry_slack, case.now, case.rules.tick),
        value=float(case.mine.retries_used),
        limit=float(case.task.retries),
        unit="runs",
    )


def window(case: Case) -> Decision | None:
    """Refuse a task outside its window of local time."""
    minute = case.now.hour * 60 + case.now.minute
    if not case.task.windows or case.forced:
        return None
    if any(span.holds(minute) for span in case.task.windows):
        return None
    wait = min((span.start - minute) % MINUTES_A_DAY for span in case.task.windows)
    wall = case.now.replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=wait)
    opens = at_wall_time(wall, case.now)
    spans = ", ".join(
        f"{s.start // 60:02}:{s.start % 60:02}-{s.end // 60:02}:{s.end % 60:02}" for s in case.task.windows
    )
    return case.say(Code.WINDOW, f"{case.now:%H:%M} is outside its window {spans}; it opens at {opens:%H:%M}", opens)


def closes_in(case: Case) -> timedelta | None:
    """Return how long the window of a task stays open, None when it does not close or is not open."""
    minute = case.now.hour * 60 + case.now.minute
    left = [(span.end - minute) % MINUTES_A_DAY for span in case.task.windows if span.holds(minute)]
    always = any(span.start == span.end for span in case.task.windows)
    return timedelta(minutes=max(left)) if left and not always else None


def rhythm(case: Case) -> Decision | None:
    """Refuse a task whose adaptive interval has not passed, or whose ceiling is below the CPU."""
    if case.mine.anchor is None or case.retrying or case.forced:
        return None
    if is_due(case.mine.anchor, case.interval, case.now, case.rules.tick):
        return None
    due = case.mine.anchor + case.interval
    if case.learned is not None and not case.starving:
        return _waits(case, case.learned, case.mine.anchor)
    if not is_due(case.mine.anchor, case.task.interval, case.now, case.rules.tick):
        tempo = f"runs every {words(case.interval)} at {percent(case.sample.cpu)} CPU"
        return case.say(
            Code.NOT_DUE,
            f"due in {words(due - case.now)}: {tempo}",
            tick_at_or_after(due - slack(case.interval, case.rules.tick), case.now, case.rules.tick),
            value=max(0.0, (case.now - case.mine.anchor).total_seconds()),
            limit=case.interval.total_seconds(),
            unit="seconds",
        )
    if case.starving:
        return None
    ceiling = ceiling_at(max(1.0, case.age), case.stairs)
    return case.say(
        Code.CPU_CEILING,
        f"CPU {percent(case.sample.cpu)} is above {percent(ceiling)}; starts in {words(due - case.now)} at the latest",
        case.next_tick,
        value=case.sample.cpu,
        limit=ceiling,
        unit="percent",
    )


def _waits(case: Case, now: Learned, anchor: datetime) -> Decision:
    """Say what a learned staircase waits for, when that will probably come, and when it starts at the latest."""
    rhythm, interval, early = case.rules.rhythm, case.task.interval, slack(case.task.interval, case.rules.tick)
    earliest, latest = earliest_start(anchor, interval, rhythm), latest_start(anchor, interval, rhythm)
    probable = probable_start(now, anchor, case.mine.behind, case.now)
    by = f"starts by {clock_time(latest, case.now)} at the latest"
    quieter = f"quieter by about {clock_time(probable, case.now)}; " if probable and probable < latest else ""
    if case.now < earliest - early:
        return case.say(
            Code.NOT_DUE,
            f"not before {clock_time(earliest, case.now)}; {quieter}{by}",
            tick_at_or_after(earliest - early, case.now, case.rules.tick),
            value=max(0.0, (case.now - anchor).total_seconds()),
            limit=(rhythm.faster * interval).total_seconds(),
            unit="seconds",
        )
    ceiling = max(0.0, case.ceiling)
    waits = f"waits for CPU <= {percent(ceiling)}" if ceiling else "no load is low enough at this hour and age"
    return case.say(
        Code.CPU_CEILING if case.age >= 1.0 else Code.NOT_DUE,
        f"{waits} ({percent(now.shown)} expected now); {quieter}{by}",
        case.next_tick,
        value=now.shown,
        limit=ceiling,
        unit=EXPECTED,
    )


Refusal = Callable[[Case], Decision | None]

BEFORE_DEPENDENCIES: tuple[Refusal, ...] = (disabled, paused, running, backoff, window, rhythm)


def forced_past(case: Case, passed: str) -> Decision:
    """Return the start of a task that has waited too long, past what would hold others back."""
    return case.say(
        Code.FORCED,
        f"has waited {words(case.waited)}, max_defer is {words(case.task.patience)}: starts past {passed}",
        case.now,
        value=case.waited.total_seconds(),
        limit=case.task.patience.total_seconds(),
        unit="seconds",
    )
