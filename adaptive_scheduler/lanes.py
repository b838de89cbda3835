"""Starts placed on nodes one way or another, and the CPU that they met there. Pure."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

Choice = Callable[[int], int]
"""What says which node to try, given how many have refused already."""


class Lane:
    """One way to place the starts: what runs on each node, and the CPU that the starts have met."""

    def __init__(self, nodes: int, slots: int, begins: datetime) -> None:
        self.slots, self.met_sum = slots, 0.0
        self.ends: list[list[tuple[datetime, float]]] = [[] for _ in range(nodes)]
        self.used = [0.0] * nodes
        self.runs, self.peaks = [0] * nodes, [0] * nodes
        self.full = [timedelta(0)] * nodes
        self.full_since = [begins] * nodes

    def settle(self, node: int, now: datetime) -> int:
        """End what is over by now, and return how much goes on."""
        ends = self.ends[node]
        while ends and ends[0][0] <= now:
            at, weight = heapq.heappop(ends)
            self.used[node] -= weight
            if len(ends) == self.slots - 1:
                self.full[node] += at - self.full_since[node]
        return len(ends)

    def free(self, choice: Choice, now: datetime) -> int:
        """Return the first node that is chosen and has a free slot; the last one tried when none has."""
        for tried in range(len(self.ends)):
            node = choice(tried)
            if self.settle(node, now) < self.slots:
                break
        return node

    def put(self, node: int, at: datetime, end: datetime, weight: float, cpu: float) -> None:
        """Start a run on a node that `free` has found for this moment, beside a CPU that others cause."""
        self.met_sum += min(100.0, cpu + max(0.0, self.used[node]))
        heapq.heappush(self.ends[node], (end, weight))
        self.used[node] += weight
        self.runs[node] += 1
        self.peaks[node] = max(self.peaks[node], len(self.ends[node]))
        if len(self.ends[node]) == self.slots:
            self.full_since[node] = at
