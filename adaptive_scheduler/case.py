"""One task at one moment, with everything a decision about it may look at. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import inf

from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import MINUTES_A_DAY, Decision, Priority, Task, TaskState
from adaptive_scheduler.rhythm import (
    Stair,
    Staircase,
    adaptive_interval,
    ceiling_now,
    latest_start,
    load_for,
    slack,
    staircase,
)
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.staircases import Learned

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
        if self.last_chance:
            return (Stair(self.rules.rhythm.faster, inf),)
        return staircase(self.task, self.rules, self.mine.behind)

    @property
    def closes_in(self) -> timedelta | None:
        """How long its window stays open, None when it does not close or is not open."""
        if not self.task.windows:
            return None
        minute = self.now.hour * 60 + self.now.minute
        left = [(span.end - minute) % MINUTES_A_DAY for span in self.task.windows if span.holds(minute)]
        always = any(span.start == span.end for span in self.task.windows)
        return timedelta(minutes=max(left)) if left and not always else None

    @property
    def closes_for_good(self) -> datetime | None:
        """When its window closes, where it opens again only after the latest start that a learned staircase allows."""
        if self.learned is None or self.mine.anchor is None or self.closes_in is None:
            return None
        closed = (self.now.hour * 60 + self.now.minute + self.closes_in // timedelta(minutes=1)) % MINUTES_A_DAY
        shut = timedelta(minutes=min((span.start - closed) % MINUTES_A_DAY for span in self.task.windows))
        latest = latest_start(self.mine.anchor, self.task.interval, self.rules.rhythm)
        return self.now + self.closes_in if self.now + self.closes_in + shut > latest else None

    @property
    def last_chance(self) -> bool:
        """Whether this is the last tick before its window closes for good: then no load holds it back."""
        return self.closes_for_good is not None and self.closes_for_good <= self.now + self.rules.tick

    @property
    def cpu(self) -> float | None:
        """The CPU that the staircase is asked about: the present one, or the one expected of a run."""
        return load_for(self.task, self.sample, self.rules)

    @property
    def learned(self) -> Learned | None:
        """The learned staircase at this moment, None where the classic rule or the plain interval holds."""
        return self.rules.learned_for(self.task)

    @cached_property
    def interval(self) -> timedelta:
        """The adaptive interval at the present CPU."""
        return adaptive_interval(self.task.interval, self.stairs, self.cpu)

    @property
    def ceiling(self) -> float:
        """The busiest CPU at which it may start at this age, less the slack that ticks have."""
        return ceiling_now(self.task.interval, self.now - self.since, self.stairs, self.rules.tick)

    @property
    def since(self) -> datetime:
        """The anchor, or the moment the task was first seen."""
        return self.mine.first_seen if self.mine.anchor is None else self.mine.anchor

    @cached_property
    def age(self) -> float:
        """Time since the anchor in base intervals."""
        return (self.now - self.since) / self.task.interval

    @property
    def retrying(self) -> bool:
        """Whether a try after a failure is due now, whatever the rhythm says."""
        return self.mine.retry_at is not None and self.now >= self.mine.retry_at - self.retry_slack

    @property
    def retry_slack(self) -> timedelta:
        """Ticks that come a little early count for retries as they do for beats."""
        return slack(self.task.retry_delay, self.rules.tick)

    @cached_property
    def due_since(self) -> datetime:
        """Since when its rhythm would have had it run, had nothing held it back; a live run is no waiting.

        An event that is pending does not count, and a task without a rhythm never waits for it.
        """
        if not self.task.beats:
            return self.now
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
        return self.task.beats and self.waited >= self.task.patience

    @property
    def patience_left(self) -> str:
        """How long it may still be held back, in words."""
        return words(self.due_since + self.task.patience - self.now)

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
