"""Which node takes a start: the calmest that may, by the very gates that hold for this machine. Pure.

Every node is a case of its own, with its own sample and its own room: what a start takes of a node is gone
for the next one of the same plan. A start is given to one node and not offered to several, so that slots
and promised memory stay exact; where that node dies before the run began, the run comes back (reconcile.py).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from adaptive_scheduler import admission, gates
from adaptive_scheduler.admission import Room
from adaptive_scheduler.case import Case, percent
from adaptive_scheduler.codes import Code
from adaptive_scheduler.fleet import Fleet, Node, Unreachable, Where
from adaptive_scheduler.footprints import need
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Priority, State, Step, Task, TaskState
from adaptive_scheduler.ranking import NODE, Ranking, Stairs, case_at, sample_of
from adaptive_scheduler.settings import Rules

NAMED_REASONS = 4
"""How many different reasons of nodes a sentence holds; a hundred nodes mostly share a few."""

NAMED_NODES = 3

BRIEFLY = "no node takes it now"
"""All that a brief refusal says."""

NEAREST = (Code.NO_SLOT, Code.MEMORY_NEED, Code.MEMORY_GATE, Code.CPU_CEILING, Code.NOT_DUE)
"""Where every node refuses, the task is told the reason that is nearest to a start."""

Rooms = dict[str, Room]

Wish = tuple[Where | None, tuple[frozenset[str], ...]]
"""What a task wants of a node: its `where`, and by system the types of script that have to be known there."""


class Kin:
    """What tasks of like wishes have in common: who suits them, the calmest of these, and their order."""

    def __init__(self, suitable: list[Node]) -> None:
        """Keep who suits them; the rest is worked out when it is asked for."""
        self.suitable = suitable
        self.calmest: Sample | None = None
        self.ranking: Ranking | None = None


class Yard:
    """The fleet as the tasks of one plan see it; who suits whom is worked out once for tasks of like wishes."""

    def __init__(self, fleet: Fleet, rules: Rules) -> None:
        """Keep what every question needs."""
        self.fleet, self.rules = fleet, rules
        self._systems = sorted({node.os for node in fleet.nodes})
        self._by_wish: dict[Wish, Kin] = {}
        self._by_parts: dict[tuple[int, int], tuple[Task, Kin]] = {}
        """By the identity of `where` and steps, which copies of a task share: to compare their values takes longer."""

    def is_elsewhere(self, task: Task) -> bool:
        """Whether a task is to run on a node: it has a `where`, and may not fall back on this machine.

        A label or a name is nothing that this machine could stand in for.
        """
        if task.where is None:
            return False
        if not (self.fleet.asked and self.fleet.problem and self.rules.when_unreachable is Unreachable.LOCAL):
            return True
        return (
            bool(task.where.labels) or task.where.node is not None or task.where.os not in (None, self.rules.platform)
        )

    def suitable(self, task: Task) -> list[Node]:
        """Return the nodes that have what the task wants and may get work."""
        return self._kin(task).suitable

    def sample_for(self, task: Task, sample: Sample) -> Sample:
        """Return the load that the task's rhythm follows: of the calmest node it may run on, or of this machine."""
        if not self.is_elsewhere(task):
            return sample
        kin = self._kin(task)
        if kin.calmest is None or kin.calmest.at != sample.at:
            calmest = min(kin.suitable, key=lambda node: 100.0 if node.cpu is None else node.cpu, default=None)
            empty = Sample(sample.at, None, None, source=NODE)
            kin.calmest = empty if calmest is None else sample_of(calmest, sample.at)
        return kin.calmest

    def ranking(self, task: Task, left: Rooms) -> Ranking:
        """Return the nodes that suit the task from the calmest on, in the rooms of this plan."""
        kin = self._kin(task)
        if kin.ranking is None:
            kin.ranking = Ranking(kin.suitable, left)
        return kin.ranking

    def taken(self, node: Node) -> None:
        """Take note that a node has one run more."""
        for kin in self._by_wish.values():
            if kin.ranking is not None:
                kin.ranking.taken(node)

    def _kin(self, task: Task) -> Kin:
        """Return what it shares with tasks of the same wish: scripts differ, what has to run them hardly does."""
        parts = id(task.where), id(task.steps)
        if parts in self._by_parts:
            return self._by_parts[parts][1]
        wish = task.where, tuple(suffixes(task.steps, os) for os in self._systems)
        kin = self._by_wish.get(wish)
        if kin is None:
            kin = self._by_wish[wish] = Kin([node for node in self.fleet.nodes if not unsuitable(task, node)])
        self._by_parts[parts] = task, kin  # with the task, so that what the identities stand for stays
        return kin


def is_wanted(
    tasks: Mapping[str, Task],
    state: State,
    rules: Rules,
    now: datetime,
    started: Collection[str] = (),
    *,
    force: bool = False,
) -> bool:
    """Whether some task could start on a node if that were calm: if not, nobody needs to be asked."""
    calm = Sample(now, 0.0, 0.0)
    for name, task in tasks.items():
        if task.where is not None and name not in started:
            case = Case(task, state.tasks.get(name) or TaskState(first_seen=now), calm, rules, now, force)
            if not any(refuse(case) for refuse in gates.BEFORE_DEPENDENCIES):
                return True
    return False


def rooms(tasks: Mapping[str, Task], state: State, fleet: Fleet) -> Rooms:
    """Return what is left of each node: what we know of our own runs goes before the last heartbeat.

    A run counts from its claim on, and no longer from the moment on in which we heard of its end.
    """
    found: Rooms = {}
    ours: dict[str, dict[str, tuple[str, TaskState]]] = {}
    for name, mine in state.tasks.items():
        if mine.live is not None and mine.live.node:
            ours.setdefault(mine.live.node, {})[mine.live.run_id] = (name, mine)
    over: set[str] = set()
    if any(run not in ours.get(node.name, {}) for node in fleet.nodes for run in node.runs):
        over = {mine.last.run_id for mine in state.tasks.values() if mine.last is not None}
    for node in fleet.nodes:
        mine_there = ours.get(node.name, {})
        live = (node.runs.keys() - over) | mine_there.keys()
        left = Room(node.slots, node.name, node.available_bytes, node.total_bytes, live=len(live))
        for run, (name, mine) in mine_there.items():
            if left.available is not None and (wanted := need(tasks.get(name), mine.footprint, node.name)):
                left.promised[name] = max(0, wanted.bytes - (node.runs.get(run) or 0))
        found[node.name] = left
    return found


def no_node(case: Case, yard: Yard) -> Decision | None:
    """Refuse a task that no node could run, whatever its load."""
    if yard.suitable(case.task):
        return None
    if not yard.fleet.asked:
        return case.say(Code.NO_NODE, "it came due while this cycle was under way; the next one asks", case.next_tick)
    if yard.fleet.problem:
        return case.say(Code.NO_NODE, yard.fleet.problem, case.next_tick)
    wish = f"no node {case.task.where}".rstrip()
    why = _summed_up([(node.name, unsuitable(case.task, node)) for node in yard.fleet.nodes])
    return case.say(Code.NO_NODE, f"{wish}: {why or 'none has joined'}", case.next_tick)


def place(case: Case, yard: Yard, left: Rooms, start: Callable[[Case], Decision], *, brief: bool = False) -> Decision:
    """Return the start on the calmest node that may take it, or the refusal that is nearest to one.

    A `brief` refusal has the right code, but not what every node says: that is for those who only count.
    """
    ranking, room_needed = yard.ranking(case.task, left), case.task.priority is not Priority.CRITICAL
    stairs, examples = ranking.on_stairs(case.stairs)
    due = _as_due(case, examples.values())
    seen = Stairs(due, case.stairs, examples)
    kind = (room_needed, case.memory_limit, case.task.memory, case.mine.footprint)
    if brief and ranking.hopeless and (*kind, *seen.all()) in ranking.hopeless:
        return case.say(ranking.hopeless[*kind, *seen.all()], BRIEFLY, case.next_tick)
    refused, full = list[Code](), list[Node]()
    for node in ranking:
        there, early = seen[stairs[node.name]]
        if early is not None:
            continue
        room = left[node.name]
        if room.live >= room.max_parallel and room_needed:
            full.append(node)
            continue
        # What never ran has waited since it was first seen, on whatever stair; of all else the stair says since when.
        if admission.exceeded(there if due is case else case, node.memory) is not None:
            refused.append(Code.MEMORY_GATE)
            continue
        there = case_at(case, node)
        verdict = admission.admit(there, start(there), room)
        if verdict.code.starts:
            yard.taken(node)
            if brief:
                return replace(verdict, node=node.name)
            told = f"{verdict.reason}; on '{node.name}' ({room.live} of {node.slots} slots)"
            return replace(verdict, reason=told, node=node.name)
        refused.append(verdict.code)
    if not brief:
        return _told_by_all(case, due, list(ranking), left, start)
    refused += [early for _, early, _ in seen.all() if early is not None]
    for node in full:
        refused.append(_there(case, due, node, left[node.name], start).code)
        if refused[-1] is NEAREST[0]:
            break
    nearest = ranking.hopeless[*kind, *seen.all()] = min(refused, key=NEAREST.index)
    return case.say(nearest, BRIEFLY, case.next_tick)


def _as_due(case: Case, nodes: Iterable[Node]) -> Case:
    """Return the case that the rhythm of nodes is asked about: of what never ran, as if it had just come due.

    It has no age, and so no ceiling: it would rather take a slot of a busy node than wait for one of a calm node.
    Where all nodes are busy it starts at once, as it would on this machine.
    """
    if case.mine.anchor is not None or not case.task.beats:
        return case
    due = replace(case, mine=replace(case.mine, anchor=case.mine.first_seen - case.task.interval))
    return case if all(gates.held_by_rhythm(case_at(due, node)) for node in nodes) else due


def _there(case: Case, due: Case, node: Node, room: Room, start: Callable[[Case], Decision]) -> Decision:
    """Return what comes of a task on one node; a start has taken its share of the room."""
    there = case_at(case, node)
    return (
        gates.rhythm(case_at(due, node)) or admission.memory_gate(there) or admission.admit(there, start(there), room)
    )


def _told_by_all(case: Case, due: Case, nodes: list[Node], left: Rooms, start: Callable[[Case], Decision]) -> Decision:
    """Return the refusal that is nearest to a start, with what every node says."""
    refusals = [(node.name, _there(case, due, node, left[node.name], start)) for node in nodes]
    name, nearest = min(refusals, key=lambda one: NEAREST.index(one[1].code))
    if len(refusals) == 1:
        return replace(nearest, reason=f"'{name}': {nearest.reason}")
    return replace(nearest, reason=_summed_up([(name, one.reason.partition(";")[0]) for name, one in refusals]))


def answers(case: Case, yard: Yard, left: Rooms) -> dict[str, str]:
    """Return what each node of the fleet says about a task, in the order of their names."""
    found, due = {}, _as_due(case, yard.suitable(case.task))
    for node in sorted(yard.fleet.nodes, key=lambda node: node.name):
        there = replace(case, sample=sample_of(node, case.now))
        room = replace(left[node.name])
        refusal = gates.rhythm(case_at(due, node)) or admission.memory_gate(there) or admission.memory_need(there, room)
        refusal = refusal or admission.slot(there, room)
        load_there = f"CPU {percent(node.cpu)}, memory {percent(node.memory)}, {room.live} of {node.slots} slots taken"
        found[node.name] = unsuitable(case.task, node) or (
            refusal.reason if refusal else f"would take it: {load_there}"
        )
    return found


def unsuitable(task: Task, node: Node) -> str:
    """Return why a node cannot run a task whatever its load, empty when it can."""
    if task.where is None or node.unusable:
        return node.unusable
    return node.lacks(task.where, suffixes(task.steps, node.os))


@lru_cache(maxsize=1024)
def suffixes(steps: tuple[Step, ...], os: str) -> frozenset[str]:
    """Return the types of script that a node under this system has to know."""
    found = set()
    for step in steps:
        if not step.interpreter and step.os in (None, os):
            dot = step.script.replace("\\", "/").rpartition("/")[2].rpartition(".")
            found.add(f".{dot[2].lower()}" if dot[1] else "")
    return frozenset(found)


def _summed_up(reasons: list[tuple[str, str]]) -> str:
    """Return what each node says, those of one mind together: "'a', 'b': 4 of 4 slots are taken; 'c': ..."."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons:
        by_reason.setdefault(reason, []).append(name)
    told, groups = [], sorted(by_reason.items(), key=lambda group: -len(group[1]))
    for reason, names in groups[:NAMED_REASONS]:
        quoted = ", ".join(f"'{name}'" for name in names[:NAMED_NODES])
        more = f" and {len(names) - NAMED_NODES} more" if len(names) > NAMED_NODES else ""
        told.append(f"{quoted}{more}: {reason}")
    others = sum(len(names) for _, names in groups[NAMED_REASONS:])
    return "; ".join(told) + (f"; {others} more say otherwise" if others else "")
