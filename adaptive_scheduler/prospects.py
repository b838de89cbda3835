"""What will probably run when: the cycles to come, played over the CPU that is expected of them.

It is the story of simulate.py, begun in the present state, with the learned staircases in force where there are
some; once over the expectation, and once over either edge of its band. Nothing here is promised: `conditions`
says what it takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from adaptive_scheduler import state as folds
from adaptive_scheduler.case import percent
from adaptive_scheduler.durations import words
from adaptive_scheduler.horizon import Horizon, Present
from adaptive_scheduler.model import Decision, Task
from adaptive_scheduler.outlook import Expected, Outlook
from adaptive_scheduler.rolling import step_of
from adaptive_scheduler.settings import Config
from adaptive_scheduler.simulate import simulate

HOUR = timedelta(hours=1)

EDGES = (0, -1, 1)
"""Over what the story is played: what is expected, then the low and the high edge of the band."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What is expected of one hour."""

    begins: datetime
    expected: Expected


@dataclass(frozen=True, slots=True)
class Prospect:
    """The probable starts of one task: the first one as expected, at the earliest and at the latest, and how many.

    None is a start that does not come within the hours looked at, and where the band of the load is not known
    whatever is about its edges. `rhythm` is "learned", "classic", "plain" or "events";
    `present` is what is decided about it now.
    """

    name: str
    rhythm: str
    present: Decision
    next_start: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    runs: int | None = None
    fewest: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The whole answer; `days` of load it rests on, `whose` is whose CPU: "foreign" or "total"."""

    at: datetime
    until: datetime
    days: float
    whose: str
    hours: Sequence[Hour]
    tasks: Sequence[Prospect]
    conditions: Sequence[str]


def forecast(
    now: Present, outlook: Outlook | None, span: timedelta, advance: Callable[[], None] = lambda: None
) -> Forecast:
    """Return what is expected of the hours to come; without any load known only what is so now.

    `advance` is called for each time that the story has been played, once for each of EDGES at most.
    """
    whose = "total" if now.sample.foreign_cpu is None else "foreign"
    if outlook is None:
        tasks = [Prospect(name, rhythm_of(task, now.config), now.decisions[name]) for name, task in tasks_of(now)]
        return Forecast(now.at, now.at + span, 0.0, whose, [], tasks, [])
    hours = [_hour(now, outlook, number) for number in range(ceil(span / HOUR))]
    stories = []
    # Without a band its edges would say that nothing can come otherwise than expected.
    for edge in EDGES if all(one.expected.low is not None for one in hours) else EDGES[:1]:
        stories.append(_starts(Horizon(now, outlook, edge), now, now.at + span))
        advance()
    tasks = [_prospect(name, task, now, stories) for name, task in tasks_of(now)]
    return Forecast(now.at, now.at + span, outlook.days, whose, hours, tasks, conditions(now))


def tasks_of(now: Present) -> Sequence[tuple[str, Task]]:
    """Return the tasks with their names, in the order of tasks.toml."""
    return list(now.config.tasks.items())


def rhythm_of(task: Task, config: Config) -> str:
    """Return which rhythm a task follows."""
    if not task.beats:
        return "events"
    if not task.adaptive:
        return "plain"
    return "learned" if task.name in config.rules.learned else "classic"


def conditions(now: Present) -> list[str]:
    """Return what it takes for the probable starts to come so."""
    memory = "unknown, as now" if now.sample.memory is None else f"{percent(now.sample.memory)}, as now"
    waiting = any(task.on for task in now.config.tasks.values())
    return [
        "CPU is as expected",
        f"memory is {memory}",
        "every run succeeds and takes as long as usual",
        f"a cycle comes every {words(now.config.rules.tick)}",
        "nothing is paused, resumed or started by hand",
        *(["no event fires"] if waiting else []),
    ]


def _hour(now: Present, outlook: Outlook, number: int) -> Hour:
    """Return what is expected of what is left of an hour, counted from the one that it is now."""
    begins = now.at.replace(minute=0, second=0, microsecond=0) + number * HOUR
    step = timedelta(minutes=outlook.grid.minutes)
    moments = [begins + count * step for count in range(outlook.grid.steps(1))]
    left = [moment for moment in moments if moment + step > now.at]
    return Hour(now.local(begins), outlook.over([step_of(now.local(moment), outlook.grid) for moment in left]))


def _starts(horizon: Horizon, now: Present, until: datetime) -> dict[str, list[datetime]]:
    """Return when each task starts as the cycles go on."""
    config = now.config
    wanted = {name: horizon.lasting(task) for name, task in config.tasks.items()}
    learned = horizon.learned if config.rules.learned else None
    # Whatever of the time since the last cycle is excused has been so by whoever looked at the present.
    state = folds.beat(now.state, now.at, config.rules.tick)
    found: dict[str, list[datetime]] = {name: [] for name in wanted}
    for made in simulate(replace(config, tasks=wanted), horizon.ticks(until), learned, state):
        if made.decision.code.starts:
            found[made.decision.task].append(made.at)
    return found


def _prospect(name: str, task: Task, now: Present, stories: Sequence[dict[str, list[datetime]]]) -> Prospect:
    starts = [story[name] for story in stories]
    first = starts[0][0] if starts[0] else None
    found = Prospect(name, rhythm_of(task, now.config), now.decisions[name], first, runs=len(starts[0]))
    if len(stories) < len(EDGES):
        return found
    firsts = [story[0] for story in starts if story]
    counts = [len(story) for story in starts]
    return replace(
        found,
        earliest=min(firsts, default=None),
        latest=max(firsts) if len(firsts) == len(starts) else None,
        fewest=min(counts),
        most=max(counts),
    )
