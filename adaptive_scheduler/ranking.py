"""The nodes of one plan from the calmest on, kept in order while starts are given out. Pure."""

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Mapping, Sequence

from adaptive_scheduler.admission import Room
from adaptive_scheduler.codes import Code
from adaptive_scheduler.fleet import Node
from adaptive_scheduler.rhythm import Staircase


def load(node: Node, live: int) -> float:
    """Return how much it hurts to start there, 0 to 100: the mean of its CPU and its share of taken slots.

    Its CPU is a mean over the last half minute, which the runs that have just begun are not in yet; its
    slots say nothing of what others do there.
    """
    return (50.0 if node.cpu is None else node.cpu) / 2 + 50.0 * min(1.0, live / max(1, node.slots))


def stair_of(node: Node, stairs: Staircase) -> int:
    """Return which stair admits the CPU of a node, the last one where none does: all that the rhythm looks at."""
    return next((number for number, stair in enumerate(stairs) if stair.admits(node.cpu)), len(stairs) - 1)


class Ranking:
    """Nodes by load and name, and on which stair of a staircase each stands, worked out once."""

    def __init__(self, nodes: Sequence[Node], left: Mapping[str, Room]) -> None:
        """Put them in order; `left` is what they are told apart by, and changes as starts are given out."""
        self.left = left
        self.hopeless: dict[Hashable, Code] = {}
        """How tasks of a kind were refused: within a plan rooms only get smaller, so others of the kind will be too."""
        self._nodes = {node.name: node for node in nodes}
        self._order = sorted((load(node, left[node.name].live), node.name) for node in nodes)
        self._stairs: dict[Staircase, dict[str, int]] = {}
        self._examples: dict[Staircase, dict[int, Node]] = {}

    def __iter__(self) -> Iterator[Node]:
        """Yield them, the calmest first; stop when one has taken a start."""
        return (self._nodes[name] for _, name in self._order)

    def on_stairs(self, stairs: Staircase) -> tuple[Mapping[str, int], Mapping[int, Node]]:
        """Return the stair of each node by its name, and one node of each stair."""
        if stairs not in self._stairs:
            found = self._stairs[stairs] = {name: stair_of(node, stairs) for name, node in self._nodes.items()}
            self._examples[stairs] = {found[name]: self._nodes[name] for name in sorted(found, reverse=True)}
        return self._stairs[stairs], self._examples[stairs]

    def taken(self, node: Node) -> None:
        """Put a node where it belongs after it has taken one start more, if it is one of these."""
        if node.name in self._nodes:
            live = self.left[node.name].live
            del self._order[bisect_left(self._order, (load(node, live - 1), node.name))]
            insort(self._order, (load(node, live), node.name))
