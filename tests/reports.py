"""Short ways to make the book of a report: a machine with samples, runs and events, or with hardly anything."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler.codes import Code
from adaptive_scheduler.lessons import Knowledge, Learning, Lesson
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, Status, Task
from adaptive_scheduler.overview import overview
from adaptive_scheduler.report.book import Book, Held
from adaptive_scheduler.report.document import Kit, document
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.trends import trends
from tests import tables as tables_of
from tests.builders import NOW, ago, ended, event, mine, minutes, state, task, tasks

TICK = minutes(5)
KIT = Kit("var Plotly = {};", "use(Plotly);", "body { margin: 0; }")


def samples(hours: float = 24, cpu: float | None = 30.0, **more: Any) -> list[Sample]:
    """A sample each tick up to now."""
    count = round(timedelta(hours=hours) / TICK)
    given = {"foreign_cpu": None if cpu is None else cpu / 2, **more}
    return [Sample(NOW - number * TICK, cpu, 40.0, **given) for number in reversed(range(count))]


def runs(name: str, count: int, seconds: float = 5.0, every: float = 10, **odd: Status) -> list[tuple[str, Result]]:
    """Runs that ended well but for those named by their number, as n3=Status.FAILED."""
    found = []
    for number in range(count):
        start = NOW - minutes(every * (count - number))
        status = odd.get(f"n{number}", Status.OK)
        cause = "" if status is Status.OK else "exit code 3"
        end = start + timedelta(seconds=seconds)
        found.append((name, Result(f"{name}-{number}", status, start, end, seconds + number % 3, cause=cause)))
    return found


def decided(name: str, code: Code = Code.NOT_DUE, reason: str = "due in 5 min") -> Decision:
    return Decision(name, code, reason, NOW + TICK, interval=minutes(10))


def lesson(name: str, refused: str = "", **backtest: Any) -> Lesson:
    met = {"learned": 20.0, "classic": 30.5, "fixed": 40.0, "runs": 28} | backtest
    return Lesson(name, 3600.0, (), refused, met, None)


def learning(*lessons: Lesson, days: float = 28, **used: Any) -> Learning:
    """What was learned a day ago; `used` are the tables that hold, by task."""
    known = Knowledge({one.task: one for one in lessons}, made_at=ago(24 * 60) if lessons else None, days=days)
    rules = Rules(learned={name: tables_of.learned(one, 20.0) for name, one in used.items()})
    return Learning(rules, known, {})


def book(
    *wanted: Task,
    seen: list[Sample] | None = None,
    ran: list[tuple[str, Result]] | None = None,
    last: Status | None = None,
    now: datetime = NOW,
    **more: Any,
) -> Book:
    """A book; what is left out is empty. `last` is how the last run of each task ended."""
    config = Config(path="tasks.toml", state_dir="outputs", rules=Rules(), tasks=tasks(*wanted))
    latest = None if last is None else ended(5, last, cause="exit code 3")
    known = {one.name: mine(5, last=latest, footprint=more.get("footprint", "")) for one in wanted}
    more.pop("footprint", None)
    beat = replace(state(**known), last_cycle_at=now - TICK)
    learned = more.pop("learning", learning())
    look = {one.name: decided(one.name) for one in wanted}
    view = overview(config, beat, look, Sample(now, 20.0, 40.0), [], now, more.pop("notes", ()), None, learned)
    seen, ran = seen or [], sorted(ran or [], key=lambda pair: pair[1].started_at)
    local = more.pop("local", lambda moment: moment.astimezone(now.tzinfo))
    told = trends(seen, ran, config.tasks, now, TICK, local)
    given: dict[str, Any] = {"machine": "alpha", "version": "1.2.3", "days": 90, "held": {}, "happened": []}
    return Book(
        **{**given, **more},
        config=config,
        view=view,
        trends=told,
        samples=seen,
        runs=ran,
        learning=learned,
        local=local,
    )


def page(one: Book, kit: Kit = KIT) -> str:
    return document(one, kit)


def full(hours: float = 48, more: Sequence[tuple[str, Result]] = ()) -> Book:
    """A machine of which everything is known; `more` are runs beside the usual ones."""
    ran = [*runs("check", 60, n7=Status.FAILED, n9=Status.TIMEOUT, n50=Status.WARNING), *runs("backup", 6, 90, 240)]
    ran += [*runs("gone", 2, 1, 500), *more]
    held = {"check": [Held(Code.CPU_CEILING, 3, 12), Held(Code.NOT_DUE, 50, 90)]}
    happened = [(event("cpu_spike", 90), runs("check", 1))]
    learned = learning(lesson("backup"), lesson("check", "its back-test had 2 runs only"), backup=tables_of.table(60))
    wanted = (task("check", description="Is it well?"), task("backup", 60), task("alarm", None))
    return book(*wanted, seen=samples(hours), ran=ran, held=held, happened=happened, learning=learned, last=Status.OK)
