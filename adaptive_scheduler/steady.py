"""Until when every decision stays what it is, as long as the CPU bends intervals the same way. Pure.

It errs on the early side: a cycle too many costs a little, a start too late is a broken promise.
"""

from datetime import datetime, timedelta

from adaptive_scheduler import gates
from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State
from adaptive_scheduler.notify import About
from adaptive_scheduler.rhythm import earliest_start, slack
from adaptive_scheduler.settings import Config, Rules

LONGEST = timedelta(days=1)
"""Beyond that nobody looks: there is a whole cycle long before."""


def until(config: Config, state: State, sample: Sample, rules: Rules, now: datetime, *, taught: bool) -> datetime:
    """Return until when nothing changes without a run, an event or the user; `now` when that is not known.

    `taught` says that tables were learned: whether they hold may change from cycle to cycle.
    """
    moment = now + LONGEST
    if state.unrecorded or not lets_rest(config):
        return now
    for name, task in config.tasks.items():
        mine = state.tasks.get(name)
        if mine is None or mine.live is not None or mine.event is not None:
            return now
        # What nodes would say is not known here: for what may go to one, the calmest that there could be counts.
        seen = sample if task.where is None else Sample(now, None, None)
        moment = min(moment, _until(Case(task, mine, seen, rules, now), taught, told=bool(config.notify.to)))
        if moment <= now:
            return now
    return moment


def lets_rest(config: Config) -> bool:
    """Whether nobody waits for what every cycle does: a ping, metrics, probes, events that start or are told."""
    notify = config.notify
    waits_for_events = (notify.to and About.EVENT in notify.on) or any(task.on for task in config.tasks.values())
    return not (waits_for_events or notify.ping or config.metrics or config.probes)


def _until(case: Case, taught: bool, *, told: bool) -> datetime:
    """Return until when a task is refused for the reason that the state has; `now` for any other."""
    for gate in (gates.disabled, gates.paused, gates.backoff, gates.window):
        refusal = gate(case)
        if refusal is not None:
            break
    code = gates.held_by_rhythm(case) if refusal is None else refusal.code
    if code is None or code.value != case.mine.code:
        return case.now
    if code is Code.BACKOFF:
        # Somebody may be told of how late it is.
        retry_at = case.mine.retry_at or case.now
        return case.now if told else retry_at - case.retry_slack
    if refusal is not None:
        return refusal.next_look or case.now + LONGEST
    return min(_due(case, taught), _closes(case)) if code is Code.NOT_DUE else case.now


def _due(case: Case, taught: bool) -> datetime:
    anchor, interval, tick = case.since, case.task.interval, case.rules.tick
    base = anchor + interval - slack(interval, tick)
    if not case.task.adaptive:
        return base
    if taught or case.task.where is not None:
        return earliest_start(anchor, interval, case.rules.rhythm) - slack(interval, tick)
    return min(base, anchor + case.interval - slack(case.interval, tick))


def _closes(case: Case) -> datetime:
    """Return when its window closes: then that is the reason."""
    if case.closes_in is None:
        return case.now + LONGEST
    return case.now.replace(second=0, microsecond=0) + case.closes_in
