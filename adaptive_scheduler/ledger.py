"""The past, explained: a ledger row and the sample of a moment -> the decision as it was then.

Equal neighbouring decisions are one row, so the measured values of a moment inside it are worked out
again from that moment's sample.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler.archive import Entry
from adaptive_scheduler.case import EXPECTED, percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision
from adaptive_scheduler.rhythm import slack, tick_at_or_after


def in_force(
    entry: Entry, sample: Sample | None, moment: datetime, tick: timedelta, *, elsewhere: bool = False
) -> Decision | None:
    """Return the decision that held at that moment, None when no cycle ran around it.

    `elsewhere` is one about nodes, whose load is in no sample.
    """
    if moment - entry.last_at > 2 * tick:
        return None
    looked_at = sample.at if sample is not None else entry.first_at
    measured = _told(entry, looked_at) if elsewhere else _measured(entry, sample, looked_at)
    return replace(measured, next_look=_next_look(entry, looked_at, tick))


def _measured(entry: Entry, sample: Sample | None, at: datetime) -> Decision:
    one = entry.decision
    passed = (at - entry.first_at).total_seconds()
    if one.unit == EXPECTED:
        # What was expected later is in no sample.
        return _told(entry, at)
    if one.code is Code.NOT_DUE and one.value is not None and one.limit is not None:
        value = one.value + passed
        if one.reason.startswith("not before"):
            return replace(one, value=value)
        left, every = timedelta(seconds=max(0.0, one.limit - value)), timedelta(seconds=one.limit)
        cpu = percent(sample.cpu if sample is not None else None)
        return replace(one, value=value, reason=f"due in {words(left)}: runs every {words(every)} at {cpu} CPU")
    if one.code is Code.RUNNING and one.value is not None:
        value = one.value + passed
        return replace(one, value=value, reason=f"a run of it has been going for {words(timedelta(seconds=value))}")
    if one.code in (Code.CPU_CEILING, Code.MEMORY_GATE) and sample is not None:
        measured = sample.cpu if one.code is Code.CPU_CEILING else sample.memory
        what = "CPU" if one.code is Code.CPU_CEILING else "memory"
        return replace(one, value=measured, reason=f"{what} {percent(measured)} is above {percent(one.limit)}")
    # What was free and promised later is in no sample.
    return _told(entry, at) if one.code is Code.MEMORY_NEED else one


def _told(entry: Entry, at: datetime) -> Decision:
    """Return the decision as it was told first, with a word on that where it is not the moment in question."""
    if at <= entry.first_at or entry.decision.code is Code.RUNNING:
        return entry.decision
    seen = entry.first_at.astimezone(at.tzinfo)
    return replace(entry.decision, reason=f"{entry.decision.reason} (as it was at {seen:%H:%M})")


def _next_look(entry: Entry, at: datetime, tick: timedelta) -> datetime | None:
    one = entry.decision
    if one.code in (Code.PAUSED, Code.WINDOW, Code.BACKOFF, Code.DISABLED):
        return one.next_look
    if one.code is Code.NOT_DUE and one.unit != EXPECTED and one.value is not None and one.limit is not None:
        interval = timedelta(seconds=one.limit)
        due = entry.first_at + timedelta(seconds=one.limit - one.value)
        return tick_at_or_after(due - slack(interval, tick), at, tick)
    return at + tick
