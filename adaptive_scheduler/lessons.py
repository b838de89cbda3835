"""What was learned, as rhythm.json holds it, and whether it may be used now. Pure.

Each lesson is about one task: its table, what it rests on, and how its back-test ended. Where anything has
changed since, the classic rule holds, and one sentence says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import isfinite
from typing import Any

from adaptive_scheduler import notation
from adaptive_scheduler.durations import LONGEST, words
from adaptive_scheduler.model import Task
from adaptive_scheduler.rolling import FILLED, Percents, Rolling, grid_for, step_of
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.signals import FEATURES, LONGEST_RUN_H, Present
from adaptive_scheduler.staircases import Learned, Table
from adaptive_scheduler.times import from_iso

Plain = dict[str, Any]

VERSION = 1

STALE = timedelta(days=21)
"""Three weekly lessons missed: habits have had the time to change."""

RECENT_SHARE = 0.25
"""How much of the last seven days must be known: of less their mean, the level, says nothing."""

OFF = "off"

LEAST_DAYS = 14
"""How long a history must reach back before anything is learned from it."""

MEASURED_SHARE = 0.5
"""How much of that must really have been measured."""


@dataclass(frozen=True)
class Lesson:
    """What was learned of one task; `refused` says why it is not used, empty where the back-test speaks for it."""

    task: str
    interval_s: float
    windows: tuple[tuple[int, int], ...]
    refused: str
    backtest: Plain
    raw: Plain | None

    @cached_property
    def table(self) -> Table:
        """The table; ValueError, KeyError or TypeError when it is damaged."""
        if self.raw is None:
            raise ValueError("there is none")
        return notation.decode(self.raw)


@dataclass(frozen=True)
class Knowledge:
    """All lessons, the pairs of tasks that cost each other much, and what both rest on.

    `problem` says why nothing of it can be used, whatever the task.
    """

    lessons: Mapping[str, Lesson] = field(default_factory=dict)
    heavy_pairs: frozenset[frozenset[str]] = frozenset()
    made_at: datetime | None = None
    days: float = 0.0
    cpus: float | None = None
    rhythm: tuple[float, ...] = ()
    problem: str = ""
    newer: bool = False


@dataclass(frozen=True)
class Learning:
    """What holds at one moment: the rules with the learned staircases, and why others keep the classic rule.

    `load` is the rolling load with the present sample, None where there is nothing to keep it for.
    """

    rules: Rules
    knowledge: Knowledge
    why: Mapping[str, str]
    load: Rolling | None = None


def too_little(measured: float, reached: float) -> str:
    """Return why nothing can be learned yet of so many days measured, in so many reached back; empty where it can."""
    if reached >= LEAST_DAYS and measured >= LEAST_DAYS * MEASURED_SHARE:
        return ""
    return (
        f"the history knows {measured:.1f} days of load and reaches back {reached:.1f}; "
        f"learning takes {LEAST_DAYS}, half of them measured"
    )


def decode(plain: Plain) -> Knowledge:
    """Return the knowledge in the content of rhythm.json; ValueError, KeyError or TypeError when it is damaged."""
    version = plain["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ValueError(f"{version!r} is no version")
    if version > VERSION:
        return Knowledge(problem=f"rhythm.json has version {version}, this program knows {VERSION}", newer=True)
    rests_on = plain["rests_on"]
    lessons = {str(name): _lesson(str(name), one) for name, one in plain["tasks"].items()}
    pairs = frozenset(frozenset((str(first), str(second))) for first, second in plain["heavy_pairs"])
    cpus = None if rests_on["cpus"] is None else float(rests_on["cpus"])
    rhythm, days = tuple(float(one) for one in rests_on["rhythm"]), float(rests_on["days"])
    if not isfinite(days):
        raise ValueError("it rests on no number of days")
    return Knowledge(lessons, pairs, from_iso(plain["made_at"]), days, cpus, rhythm)


def numbers_of(rhythm: Rhythm) -> list[float]:
    """Return the numbers of the classic rule that a lesson rests on: its bounds, and what it was compared with."""
    return [rhythm.low_cpu, rhythm.high_cpu, rhythm.faster, rhythm.slower]


def _lesson(name: str, plain: Plain) -> Lesson:
    windows = tuple((int(start), int(end)) for start, end in plain["windows"])
    raw = plain["table"]
    if not isinstance(plain["refused"], str) or not (raw is None or isinstance(raw, dict)):
        raise TypeError(f"the lesson about '{name}' is none")
    interval_s = float(plain["interval_s"])
    if not 0 < interval_s <= LONGEST.total_seconds():
        raise ValueError(f"'{name}' cannot have an interval of {interval_s:g} seconds")
    refused = " ".join(plain["refused"].split())
    return Lesson(name, interval_s, windows, refused, dict(plain["backtest"] or {}), raw)


def general_problem(
    knowledge: Knowledge,
    rolling: Rolling | None,
    now: datetime,
    tick: timedelta,
    cpus: float | None,
    rhythm: Rhythm | None = None,
) -> str:
    """Return why none of the lessons can be used now, empty where nothing is in the way."""
    if knowledge.problem:
        return knowledge.problem
    if knowledge.made_at is None:
        return "nothing has been learned yet: 'adaptive-scheduler learn' does it"
    old = now - knowledge.made_at
    if old > STALE or old < -timedelta(days=1):
        when = f"{words(old)} ago" if old > STALE else "in the future"
        return f"it was learned {when}: 'adaptive-scheduler learn' does it anew"
    if None not in (knowledge.cpus, cpus) and knowledge.cpus != cpus:
        return f"it was learned with {knowledge.cpus:g} CPUs, now there are {cpus:g}"
    if rhythm is not None and list(knowledge.rhythm) != numbers_of(rhythm):
        return "[rhythm] in tasks.toml changed since it was learned"
    if rolling is None or not rolling.cells:
        return "the load of the last weeks is not at hand: 'adaptive-scheduler learn' gathers it anew"
    if rolling.grid != grid_for(tick):
        return "the tick changed since it was learned"
    unseen = max(0, step_of(now - tick / 2, rolling.grid) - rolling.end)
    week = 7 * rolling.grid.day
    seen = sum(not cell & FILLED for cell in rolling.cells[-max(1, week - unseen) :]) if unseen < week else 0
    if seen < RECENT_SHARE * week:
        return f"only {seen / rolling.grid.day:.1f} of the last 7 days of load are known"
    return ""


def task_problem(task: Task, lesson: Lesson | None, rolling: Rolling) -> str:
    """Return why the lesson about this task is not used, empty where it is."""
    if task.where is not None:
        return "it runs on nodes, and what was learned is the load of this machine"
    if lesson is None:
        return "it was not in tasks.toml when 'learn' ran last"
    if lesson.refused:
        return lesson.refused
    if lesson.interval_s != task.interval.total_seconds():
        return f"its interval changed from {words(timedelta(seconds=lesson.interval_s))} since it was learned"
    if lesson.windows != tuple((window.start, window.end) for window in task.windows):
        return "its window changed since it was learned"
    try:
        table = lesson.table
        if table.step_s != rolling.grid.minutes * 60 or table.interval_s != lesson.interval_s:
            return "the tick changed since it was learned"
        if len(table.weights) not in (0, FEATURES) or table.run > rolling.grid.steps(LONGEST_RUN_H):
            raise ValueError("it looks at other features of the load than this program")
    except (ValueError, KeyError, TypeError) as error:
        return f"its table in rhythm.json is damaged ({error})"
    return ""


def standing(
    tasks: Mapping[str, Task],
    knowledge: Knowledge,
    rolling: Rolling | None,
    now: datetime,
    rules: Rules,
    cpus: float | None,
) -> tuple[dict[str, Learned], dict[str, str]]:
    """Return the learned staircase of each task that has one now, and for each other why the classic rule holds."""
    tick = rules.tick
    problem = general_problem(knowledge, rolling, now, tick, cpus, rules.rhythm)
    adaptive = [task for task in tasks.values() if task.adaptive]
    if problem or rolling is None:
        return {}, {task.name: problem for task in adaptive}
    usable, why = {}, {}
    for task in adaptive:
        if found := task_problem(task, knowledge.lessons.get(task.name), rolling):
            why[task.name] = found
        else:
            usable[task.name] = knowledge.lessons[task.name].table
    if not usable:
        return {}, why
    present, step = Present(Percents(rolling.cells), rolling.grid), step_of(now - tick / 2, rolling.grid) + 1
    learned = {
        name: Learned(
            table,
            step % rolling.grid.day // table.stride,
            present.level,
            present.level + table.signal(present.features(table.run)),
        )
        for name, table in usable.items()
    }
    return learned, why


def rhythm_of(task: Task, learning: Learning) -> tuple[str, str]:
    """Return which rhythm a task follows ("events", "plain", "classic" or "learned"), and a sentence on why."""
    if not task.beats:
        return "events", "no interval in tasks.toml: only events start it"
    if not task.adaptive:
        return "plain", "adaptive = false in tasks.toml"
    if task.name not in learning.rules.learned:
        return "classic", learning.why.get(task.name, 'learned = "off" in tasks.toml')
    backtest, test = learning.knowledge.lessons[task.name].backtest, ""
    met = [backtest.get(policy) for policy in ("learned", "classic", "fixed")]
    if all(isinstance(one, int | float) for one in met):
        numbers = tuple(f"{one:.1f} %" for one in met)
        test = "; its runs would have met {} CPU, {} under the classic rule, {} plain".format(*numbers)
    return "learned", f"from {learning.knowledge.days:.1f} days of load{test}"


def in_short(tasks: Mapping[str, Task], learning: Learning, now: datetime) -> str:
    """Return one line on how far the learned rhythm is in force."""
    made_at, reasons = learning.knowledge.made_at, sorted(set(learning.why.values()))
    if learning.rules.learned and made_at is not None:
        ago = words(max(timedelta(0), now - made_at))
        return f"{len(learning.rules.learned)} of {len(tasks)} tasks follow what was learned {ago} ago"
    if not reasons:
        return 'the classic rule; learned = "off" in tasks.toml' if learning.rules.rhythm.learned == OFF else ""
    return f"the classic rule; {reasons[0] if len(reasons) == 1 else 'why TASK says of each why'}"
