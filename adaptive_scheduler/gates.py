"""Reasons not to run: one small function a reason, and one table with their order.

The first function that answers decides; its answer carries the measured value, the limit and a sentence.
None of them knows the other tasks: dependencies.py does, and admission.py, for what a start needs of the machine.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from adaptive_scheduler.anticipation import probable_start
from adaptive_scheduler.case import EXPECTED, Case, percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.model import MINUTES_A_DAY, Decision
from adaptive_scheduler.norms import time_limit
from adaptive_scheduler.rhythm import ceiling_at, earliest_start, is_due, latest_start, slack, tick_at_or_after
from adaptive_scheduler.staircases import Learned
from adaptive_scheduler.times import at_wall_time, clock_time


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
    where = f" on '{live.node}'" if live.node else ""
    if live.unreachable_since is not None:
        where += f", out of reach since {clock_time(live.unreachable_since, case.now)}"
    return case.say(
        Code.RUNNING,
        f"a run of it has been going for {words(going)}{where}",
        case.next_tick,
        value=going.total_seconds(),
        limit=time_limit(case.task, case.mine.footprint).most.total_seconds(),
        unit="seconds",
        blocker=live.run_id,
    )


def backoff(case: Case) -> Decision | None:
    """Refuse a failed task until its next try may come.

    An event passes: it is news, no repetition of what failed, and cool-down and `max_per_hour` keep it from hammering.
    """
    retry_at = case.mine.retry_at
    if retry_at is None or case.retrying or case.forced or case.mine.event is not None:
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


def held_by_rhythm(case: Case) -> Code | None:
    """Return the code with which `rhythm` refuses, None where it does not; without the sentence it is cheap."""
    if case.retrying or case.forced or case.mine.event is not None:
        return None
    if not case.task.beats:
        return Code.NOT_DUE
    if case.mine.anchor is None or is_due(case.mine.anchor, case.interval, case.now, case.rules.tick):
        return None
    if case.learned is not None and not case.starving:
        return Code.CPU_CEILING if not _is_early(case, case.mine.anchor) and case.age >= 1.0 else Code.NOT_DUE
    if not is_due(case.mine.anchor, case.task.interval, case.now, case.rules.tick):
        return Code.NOT_DUE
    return None if case.starving else Code.CPU_CEILING


def rhythm(case: Case) -> Decision | None:
    """Refuse a task whose adaptive interval has not passed, or whose ceiling is below the CPU."""
    code = held_by_rhythm(case)
    if code is None:
        return None
    if case.mine.anchor is None or not case.task.beats:
        return case.say(code, f"waits for {' or '.join(case.task.on)}", case.next_tick)
    due = case.mine.anchor + case.interval
    if case.learned is not None and not case.starving:
        return _waits(case, code, case.learned, case.mine.anchor)
    if code is Code.NOT_DUE:
        tempo = f"runs every {words(case.interval)} at {percent(case.sample.cpu)} CPU"
        return case.say(
            Code.NOT_DUE,
            f"due in {words(due - case.now)}: {tempo}",
            tick_at_or_after(due - slack(case.interval, case.rules.tick), case.now, case.rules.tick),
            value=max(0.0, (case.now - case.mine.anchor).total_seconds()),
            limit=case.interval.total_seconds(),
            unit="seconds",
        )
    ceiling = ceiling_at(max(1.0, case.age), case.stairs)
    return case.say(
        Code.CPU_CEILING,
        f"CPU {percent(case.sample.cpu)} is above {percent(ceiling)}; starts in {words(due - case.now)} at the latest",
        case.next_tick,
        value=case.sample.cpu,
        limit=ceiling,
        unit="percent",
    )


def _is_early(case: Case, anchor: datetime) -> bool:
    """Whether no learned staircase starts it yet."""
    early = slack(case.task.interval, case.rules.tick)
    return case.now < earliest_start(anchor, case.task.interval, case.rules.rhythm) - early


def _waits(case: Case, code: Code, now: Learned, anchor: datetime) -> Decision:
    """Say what a learned staircase waits for, when that will probably come, and when it starts at the latest."""
    rhythm, interval, early = case.rules.rhythm, case.task.interval, slack(case.task.interval, case.rules.tick)
    earliest, latest = earliest_start(anchor, interval, rhythm), latest_start(anchor, interval, rhythm)
    probable = probable_start(now, anchor, case.mine.behind, case.now)
    by = f"starts by {clock_time(latest, case.now)} at the latest"
    if case.closes_for_good is not None:
        by = f"starts before its window closes at {clock_time(case.closes_for_good, case.now)}"
    quieter = f"quieter by about {clock_time(probable, case.now)}; " if probable and probable < latest else ""
    if _is_early(case, anchor):
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
        code,
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
