"""What a start needs of the machine: memory now, memory to grow into, nobody in its way, a slot.

The last reasons not to run, in this order: MEMORY_GATE, MEMORY_NEED, HEAVY_PAIR, NO_SLOT. All but the
first depend on what else runs, so a plan keeps one Room, and whoever is let in takes its share of it:
what has just started has not grown yet, and counts with all that it will grow to.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adaptive_scheduler.case import Case, percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.footprints import need
from adaptive_scheduler.gates import forced_past
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Priority, State, Task
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.sizes import spoken

APART_UNTIL_AGE = 1.5
"""Heavy pairs are kept apart until a task is this many base intervals old: the longest gap that the load may make."""


@dataclass
class Room:
    """What is left of the machine within one plan; None where it was not measured."""

    max_parallel: int
    node: str = ""
    """Whose room it is, empty for this machine."""
    available: int | None = None
    total: int | None = None
    live: int = 0
    busy: set[str] = field(default_factory=set)
    promised: dict[str, int] = field(default_factory=dict)
    foes: Mapping[str, set[str]] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """Give a start its share: a slot, and the memory that it will grow to."""
        self.live += 1
        self.busy.add(case.task.name)
        wanted = need(case.task, case.mine.footprint, self.node)
        if wanted is not None and self.available is not None:
            self.promised[case.task.name] = wanted.bytes


def room(tasks: Mapping[str, Task], state: State, sample: Sample, rules: Rules, held: Mapping[str, int]) -> Room:
    """Return what the live runs leave; `held` is the memory that each of them uses now, as far as that is known.

    A run whose present use is unknown is promised all it will grow to, though some of that is gone already.
    """
    foes: dict[str, set[str]] = defaultdict(set)
    for pair in rules.heavy_pairs:
        for name in pair:
            foes[name] |= pair - {name}
    left = Room(rules.max_parallel, "", sample.available_bytes, sample.total_bytes, foes=foes)
    for name, mine in state.tasks.items():
        if mine.live is None or mine.live.node:
            continue
        left.live += 1
        left.busy.add(name)
        if left.available is not None and (wanted := need(tasks.get(name), mine.footprint)):
            left.promised[name] = max(0, wanted.bytes - held.get(name, 0))
    return left


def admit(case: Case, start: Decision, left: Room) -> Decision:
    """Return the start, when the machine has room for it, or the refusal that applies first."""
    refusal = memory_need(case, left)
    if refusal is not None and case.starving:
        start, refusal = _forced(case, start, left), None
    refusal = refusal or heavy_pair(case, left) or slot(case, left)
    if refusal is None:
        left.take(case)
    return refusal or start


def exceeded(case: Case, used: float | None) -> float | None:
    """Return the limit with which `memory_gate` refuses where so much is used, None where it does not."""
    limit = case.memory_limit
    if case.unbounded or used is None or used <= limit:
        return None
    if case.starving:
        limit = max(limit, case.rules.memory_gate.hard_limit)
        return None if used < limit else limit
    return limit


def memory_gate(case: Case) -> Decision | None:
    """Refuse all but critical tasks while memory use is above their limit."""
    used = case.sample.memory
    limit = exceeded(case, used)
    if limit is None:
        return None
    if case.starving:
        rest = "even what has waited too long stays out above that"
    else:
        rest = f"forced in {case.patience_left} if it stays so" if case.task.beats else ""
    return case.say(
        Code.MEMORY_GATE,
        f"memory {percent(used)} is above {percent(limit)}{'; ' * bool(rest)}{rest}",
        case.next_tick,
        value=used,
        limit=limit,
        unit="percent",
    )


def memory_need(case: Case, left: Room) -> Decision | None:
    """Refuse all but critical tasks that would grow beyond what is free and promised to nobody."""
    wanted = need(case.task, case.mine.footprint, left.node)
    if case.unbounded or wanted is None or left.available is None:
        return None
    free = left.available - sum(left.promised.values())
    if free > wanted.bytes:
        return None
    reason = f"needs {spoken(wanted.bytes)} ({wanted.source}), {spoken(left.available)} free{_promises(left)}"
    blocker = _biggest(left)
    if left.total is not None and wanted.bytes > left.total:
        # No other run's end makes room for what the whole machine has no room for.
        blocker = ""
        reason += f"; the whole machine has {spoken(left.total)}"
    if case.task.beats:
        reason += f"; forced at {_clock(case, case.due_since + case.task.patience)} if it stays so"
    return case.say(
        Code.MEMORY_NEED,
        reason,
        case.next_tick,
        value=float(max(0, free)),
        limit=float(wanted.bytes),
        unit="bytes",
        blocker=blocker,
    )


def heavy_pair(case: Case, left: Room) -> Decision | None:
    """Refuse a task beside one that it slows down, and that slows it down, while there is time to wait."""
    others = sorted(left.foes.get(case.task.name, set()) & left.busy)
    if not others or case.unbounded or case.starving or case.age >= APART_UNTIL_AGE:
        return None
    reason = f"'{others[0]}' runs, and they slow each other down; waits for that"
    if not case.task.beats:
        return case.say(Code.HEAVY_PAIR, reason, case.next_tick, blocker=others[0])
    latest = min(case.since + APART_UNTIL_AGE * case.task.interval, case.due_since + case.task.patience)
    return case.say(
        Code.HEAVY_PAIR,
        f"{reason} until {_clock(case, latest)} at the latest",
        case.next_tick,
        value=(case.now - case.since).total_seconds(),
        limit=APART_UNTIL_AGE * case.task.interval.total_seconds(),
        unit="seconds",
        blocker=others[0],
    )


def slot(case: Case, left: Room) -> Decision | None:
    """Refuse a start beyond `max_parallel`, or the slots of a node; critical tasks need no slot but take one."""
    if left.live < left.max_parallel or case.task.priority is Priority.CRITICAL:
        return None
    return case.say(
        Code.NO_SLOT,
        f"{left.live} of {left.max_parallel} slots are taken"
        if left.node
        else f"{left.live} runs are live, max_parallel is {left.max_parallel}",
        case.next_tick,
        value=float(left.live),
        limit=float(left.max_parallel),
        unit="runs",
    )


def _forced(case: Case, start: Decision, left: Room) -> Decision:
    """Mark a start that passes the memory it needs; one that is forced already says by what."""
    wanted, free = need(case.task, case.mine.footprint, left.node), left.available
    if start.code is Code.FORCED or wanted is None or free is None:
        return start
    return forced_past(case, f"its need of {spoken(wanted.bytes)}, with {spoken(free)} free{_promises(left)}")


def _biggest(left: Room) -> str:
    given = {name: count for name, count in left.promised.items() if count}
    return max(given, key=lambda name: given[name], default="")


def _promises(left: Room) -> str:
    given = [name for name, count in left.promised.items() if count]
    if not given:
        return ""
    others = {1: "", 2: " and 1 other"}.get(len(given), f" and {len(given) - 1} others")
    return f", {spoken(sum(left.promised.values()))} promised to '{_biggest(left)}'{others}"


def _clock(case: Case, moment: datetime) -> str:
    local = max(moment, case.now).astimezone(case.now.tzinfo)
    return f"{local:%H:%M}" if local - case.now < timedelta(days=1) else f"{local:%m-%d %H:%M}"
