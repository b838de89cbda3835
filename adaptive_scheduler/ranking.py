"""The nodes of one plan from the calmest on, kept in order while starts are given out. Pure."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence

from adaptive_scheduler.admission import Room
from adaptive_scheduler.fleet import Node
from adaptive_scheduler.rhythm import Staircase


def load(node: Node, live: int) -> float:
    """Return how much it hurts to start there, 0 to 100: the mean of its CPU and its share of taken slots.

    Its CPU is a mean over the last half minute, which the runs that have just begun are not in yet; its
    slots say nothing of what others do there.
    """
    return (50.0 if node.cpu is None else node.cpu) / 2 + 50.0 * min(1.0, live / max(1, node.slots))


def step(node: Node, stairs: Staircase) -> int:
    """Return which stair admits the CPU of a node, the last one where none does: all that the rhythm looks at."""
    return next((number for number, stair in enumerate(stairs) if stair.admits(node.cpu)), len(stairs) - 1)


class Ranking:
    """All nodes by load and name, and on which stair of a staircase each stands, worked out once."""

    def __init__(self, nodes: Sequence[Node], left: Mapping[str, Room]) -> None:
        """Put them in order; `left` is what they are told apart by, and changes as starts are given out."""
        self.left = left
        self._nodes = {node.name: node for node in nodes}
        self._order = sorted((load(node, left[node.name].live), node.name) for node in nodes)
        self._steps: dict[Staircase, dict[str, int]] = {}

    def __iter__(self) -> Iterator[Node]:
        """Yield them, the calmest first; stop when one has taken a start."""
        return (self._nodes[name] for _, name in self._order)

    def steps(self, stairs: Staircase) -> Mapping[str, int]:
        """Return the stair of each node, by its name."""
        if stairs not in self._steps:
            self._steps[stairs] = {name: step(node, stairs) for name, node in self._nodes.items()}
        return self._steps[stairs]

    def taken(self, node: Node) -> None:
        """Put a node where it belongs after it has taken one start more."""
        live = self.left[node.name].live
        del self._order[bisect_left(self._order, (load(node, live - 1), node.name))]
        insort(self._order, (load(node, live), node.name))
