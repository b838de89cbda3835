"""The law of the rhythm: a task may start when the CPU is within the ceiling for its age.

Age is the time since the task's anchor in base intervals; the ceiling is a non-decreasing staircase
over age. The adaptive interval is the base interval times the smallest age whose ceiling admits the
present CPU, so `due  <=>  time since the anchor >= adaptive interval` (less a little slack for ticks).

The anchor after a run is the moment the task became due, not the moment a tick came round to starting
it: otherwise a 10-minute task under a 5-minute tick runs every 15 minutes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import ceil, inf

from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Task
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.staircases import Learned

SLOWEST_LEARNED = 1.5
"""No learned staircase holds a task back longer than this many intervals, whatever `slower` allows."""

SLACK_SHARE = 0.1
"""A tick that comes early by up to this share of the interval still counts (half a tick at most)."""


@dataclass(frozen=True, slots=True)
class Stair:
    """From `age` base intervals on, the task may start when the CPU is within `ceiling` per cent."""

    age: float
    ceiling: float
    inclusive: bool = True

    def admits(self, cpu: float | None) -> bool:
        """Whether this CPU is within the ceiling; an unknown CPU counts as an ordinary one."""
        if cpu is None:
            return self.age >= 1.0
        return cpu <= self.ceiling if self.inclusive else cpu < self.ceiling


Staircase = tuple[Stair, ...]

PLAIN: Staircase = (Stair(1.0, inf),)
"""Plain periodic behaviour: at the base interval, whatever the load."""


@lru_cache(maxsize=16)
def classic(rhythm: Rhythm) -> Staircase:
    """Return the classic staircase: below low_cpu faster, up to high_cpu at base, above slower."""
    return (
        Stair(rhythm.faster, rhythm.low_cpu, inclusive=False),
        Stair(1.0, rhythm.high_cpu),
        Stair(rhythm.slower, inf),
    )


def learned(now: Learned, rhythm: Rhythm, behind: float) -> Staircase:
    """Return the learned staircase of this slot of the day for a task that is so many runs behind.

    Its steps are rounded to slots as the table's are, the first one to the step from which it was learned;
    at the end it starts whatever the load, as the classic one does.
    """
    table = now.table
    account, unit = table.account(behind), table.step_s / table.interval_s
    earliest = ceil(rhythm.faster / unit - 1e-9) * unit
    stairs, highest = [], 0
    for number, bin_number in enumerate(table.column(now.slot, account)):
        if bin_number <= highest:
            continue
        # A higher bin has a higher edge, so each stair stands above the one before.
        highest, ceiling = bin_number, now.level + table.edge(bin_number)
        age = ((table.first + number) * table.stride - (table.stride - 1) / 2) * unit
        stairs.append(Stair(max(earliest, age) if number else earliest, ceiling, inclusive=False))
    last = min(rhythm.slower, SLOWEST_LEARNED)
    return (*(stair for stair in stairs if stair.age < last), Stair(last, inf))


def staircase(task: Task, rules: Rules, behind: float = 0.0) -> Staircase:
    """Return the staircase that holds for this task: plain, learned, or the classic one."""
    if not task.adaptive:
        return PLAIN
    now = rules.learned_for(task)
    return classic(rules.rhythm) if now is None else learned(now, rules.rhythm, behind)


def load_for(task: Task, sample: Sample, rules: Rules) -> float | None:
    """Return the CPU that a staircase is asked about: the present one, or what a run would probably meet."""
    now = rules.learned_for(task)
    return sample.cpu if now is None else now.expected


def adaptive_interval(base: timedelta, stairs: Staircase, cpu: float | None) -> timedelta:
    """Return the base interval times the smallest age whose ceiling admits this CPU."""
    return base * next((stair.age for stair in stairs if stair.admits(cpu)), stairs[-1].age)


def slowest_interval(base: timedelta, stairs: Staircase) -> timedelta:
    """Return the longest interval that the staircase can ask for."""
    return base * stairs[-1].age


def ceiling_at(age: float, stairs: Staircase) -> float:
    """Return the busiest CPU, in per cent, at which a task of this age may start (0 = never)."""
    return max((stair.ceiling for stair in stairs if age >= stair.age), default=0.0)


def earliest_start(anchor: datetime, interval: timedelta, rhythm: Rhythm) -> datetime:
    """Return before when a task that started at `anchor` never starts again."""
    return anchor + interval * rhythm.faster


def latest_start(anchor: datetime, interval: timedelta, rhythm: Rhythm) -> datetime:
    """Return when a learned staircase starts it whatever the load."""
    return anchor + interval * min(rhythm.slower, SLOWEST_LEARNED)


def ceiling_now(base: timedelta, elapsed: timedelta, stairs: Staircase, tick: timedelta) -> float:
    """Return the busiest CPU at which a task may start so long after its anchor, less the slack (-inf = never)."""
    ages = ((base * stair.age, stair.ceiling) for stair in stairs)
    return max((ceiling for age, ceiling in ages if elapsed >= age - slack(age, tick)), default=-inf)


@lru_cache(maxsize=256)  # the intervals of all tasks are few, and asked about many times in a plan
def slack(interval: timedelta, tick: timedelta) -> timedelta:
    """Return how much too early a tick may come and still count as the one meant."""
    return min(tick / 2, interval * SLACK_SHARE)


def is_due(anchor: datetime, interval: timedelta, now: datetime, tick: timedelta) -> bool:
    """Say whether the adaptive interval has passed since the anchor, give or take the slack."""
    return now - anchor >= interval - slack(interval, tick)


def next_anchor(anchor: datetime | None, interval: timedelta, start: datetime, tick: timedelta) -> datetime:
    """Return the anchor after a start: the moment it became due, or the start itself.

    The start itself counts where there was no anchor, where the start came more than a tick after the
    due moment (one catch-up, never a burst), and where it came before it was due (started by hand).
    """
    if anchor is None:
        return start
    due = anchor + interval
    return due if due - slack(interval, tick) <= start <= due + tick else start


def effective_interval(interval: timedelta, tick: timedelta) -> timedelta:
    """Return the mean distance of starts that ticks of this length can really keep."""
    return max(interval, tick)


def tick_at_or_after(moment: datetime, now: datetime, tick: timedelta) -> datetime:
    """Return the first coming tick, counted from this one, that is not before the moment."""
    return now + tick * max(1, ceil((moment - now) / tick))
