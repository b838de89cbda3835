"""The nodes of one plan from the calmest on, kept in order while starts are given out, and a task on each. Pure."""

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime

from adaptive_scheduler import gates
from adaptive_scheduler.admission import Room
from adaptive_scheduler.case import Case
from adaptive_scheduler.codes import Code
from adaptive_scheduler.fleet import Node
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.rhythm import Staircase

NODE = "node"
"""The source of a sample that a node told."""


def load(node: Node, live: int) -> float:
    """Return how much it hurts to start there, 0 to 100: the mean of its CPU and its share of taken slots.

    It is more where critical runs, which need none, have passed the slots: so they are spread, too.

    Its CPU is a mean over the last half minute, which the runs that have just begun are not in yet; its
    slots say nothing of what others do there.
    """
    return (50.0 if node.cpu is None else node.cpu) / 2 + 50.0 * live / max(1, node.slots)


def stair_of(cpu: float | None, stairs: Staircase) -> int:
    """Return which stair admits the CPU of a node, the last one where none does: all that the rhythm looks at."""
    return next((number for number, stair in enumerate(stairs) if stair.admits(cpu)), len(stairs) - 1)


def sample_of(node: Node, at: datetime) -> Sample:
    """Return what a node told of itself as a sample."""
    room = (node.available_bytes, node.total_bytes)
    return Sample(at, node.cpu, node.memory, None, {}, NODE, *room)


def case_at(case: Case, node: Node) -> Case:
    """Return a task as it is on a node: under the load there."""
    return Case(case.task, case.mine, sample_of(node, case.now), case.rules, case.now, case.forced)


class Stairs(dict[int, tuple[Case, Code | None]]):
    """A task on each stair that nodes stand on, and how the rhythm refuses it there; worked out when asked for.

    The rhythm sees of a node on which stair it stands, so one node speaks for all of its stair.
    """

    def __init__(self, case: Case, stairs: Staircase, examples: Mapping[int, Node]) -> None:
        """Begin with the stair of the case's own sample; of each other one there is a node for an example."""
        super().__init__({stair_of(case.sample.cpu, stairs): (case, gates.held_by_rhythm(case))})
        self.case, self.examples = case, examples

    def __missing__(self, stair: int) -> tuple[Case, Code | None]:
        there = case_at(self.case, self.examples[stair])
        found = self[stair] = there, gates.held_by_rhythm(there)
        return found

    def all(self) -> list[tuple[int, Code | None, bool]]:
        """Return of each stair how the rhythm refuses there, and whether the task has waited too long."""
        return [(stair, self[stair][1], self[stair][0].starving) for stair in self.examples]


class Ranking:
    """Nodes by load and name, and on which stair of a staircase each stands, worked out once."""

    def __init__(self, nodes: Sequence[Node], left: Mapping[str, Room]) -> None:
        """Put them in order; `left` is what they are told apart by, and changes as starts are given out."""
        self.left = left
        self.hopeless: dict[Hashable, Code] = {}
        """How tasks of a kind were refused: within a plan rooms only get smaller, so others of the kind will be too."""
        self._nodes = {node.name: node for node in nodes}
        self._order = sorted((load(node, left[node.name].live), node.name) for node in nodes)
        self._stairs: dict[Staircase, tuple[dict[str, int], dict[int, Node]]] = {}

    def __iter__(self) -> Iterator[Node]:
        """Yield them, the calmest first; stop when one has taken a start."""
        return (self._nodes[name] for _, name in self._order)

    def on_stairs(self, stairs: Staircase) -> tuple[Mapping[str, int], Mapping[int, Node]]:
        """Return the stair of each node by its name, and one node of each stair."""
        known = self._stairs.get(stairs)
        if known is None:
            found = {name: stair_of(node.cpu, stairs) for name, node in self._nodes.items()}
            examples = {found[name]: self._nodes[name] for name in sorted(found, reverse=True)}
            known = self._stairs[stairs] = found, examples
        return known

    def taken(self, node: Node) -> None:
        """Put a node where it belongs after it has taken one start more, if it is one of these."""
        if node.name in self._nodes:
            live = self.left[node.name].live
            del self._order[bisect_left(self._order, (load(node, live - 1), node.name))]
            insort(self._order, (load(node, live), node.name))
