"""What a story about many machines comes to: who ran where, what waited, and what the placement was worth. Pure.

The same starts are placed twice more, by dice and in turn, on nodes that have a free slot: the CPU that they
would have met there is what the placement is measured by.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, count
from statistics import fmean, pstdev

from adaptive_scheduler.codes import Code
from adaptive_scheduler.footprints import percentile
from adaptive_scheduler.hosts import Host, Machines
from adaptive_scheduler.lanes import Choice, Lane
from adaptive_scheduler.model import Decision, Task

DEFERRALS = (
    *(Code.CPU_CEILING, Code.DEP_FAILED, Code.DEP_WAIT, Code.NO_NODE),
    *(Code.MEMORY_GATE, Code.MEMORY_NEED, Code.HEAVY_PAIR, Code.NO_SLOT),
)
"""What holds back a task that has come due; a window or a run of its own is no deferral."""


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """One node over the whole story: CPU in per cent, shares from 0 to 1."""

    node: str
    runs: int
    peak_runs: int
    full_share: float
    cpu_mean: float
    cpu_p95: float
    cpu_mean_without: float
    cpu_p95_without: float
    share_of_runs: float
    share_of_idle: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All nodes together; what was kept of the rate is starts for each beat that the plain intervals owe."""

    runs: int
    forced: int
    rate_kept: float | None
    least_rate_kept: float | None
    deferrals: Mapping[str, Mapping[str, int]]
    wait_s: Mapping[str, float]
    balance: Mapping[str, float]
    cpu_met: Mapping[str, float | None]
    nodes: Sequence[NodeFigures]


class Book:
    """Takes in the decisions of a story, cycle by cycle, and sums them up."""

    def __init__(
        self,
        hosts: Sequence[Host],
        machines: Machines,
        tasks: Mapping[str, Task],
        tick: timedelta,
        lasts: Callable[[Task], timedelta],
        *,
        fresh: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        """Open the book; `lasts` says how long runs take, `fresh` names who never had a beat, the seed is of dice."""
        self.hosts, self.machines, self.tasks, self.tick, self.lasts = hosts, machines, tasks, tick, lasts
        self.begins, self.until = hosts[0].begins, hosts[0].begins + len(hosts[0].cpu) * tick
        self._number = {host.name: number for number, host in enumerate(hosts)}
        self._sums = [[0.0, *accumulate(cpu or 0.0 for cpu in host.cpu)] for host in hosts]
        self._own = [[0.0] * len(host.cpu) for host in hosts]
        self._placed, self._by_dice, self._in_turn = (Lane(len(hosts), machines.slots, self.begins) for _ in range(3))
        dice, turn = random.Random(seed), count()  # noqa: S311 - repeatable numbers, not secret ones
        self._dice: Choice = lambda _: dice.randrange(len(hosts))
        self._turn: Choice = lambda _: next(turn) % len(hosts)
        self._fresh = set(fresh)
        self._starts, self._codes = Counter[str](), Counter[Code]()
        self._held, self._waits = Counter[Code](), Counter[Code]()
        self._waiting: dict[str, tuple[int, set[Code]]] = {}
        self._late: list[float] = []

    def cycle(self, made: Sequence[tuple[datetime, Decision]]) -> None:
        """Take in the decisions of one cycle."""
        for at, one in sorted(made, key=lambda pair: pair[0]):
            number = (at - self.begins) // self.tick  # not counted: a cycle in which all tasks rest is told of nothing
            if one.code.starts:
                self._start(at, one)
            elif one.code in DEFERRALS:
                last, codes = self._waiting.get(one.task, (number, set[Code]()))
                codes = codes if last == number - 1 else set()
                self._held[one.code] += 1
                self._waits[one.code] += one.code not in codes
                self._waiting[one.task] = (number, codes | {one.code})

    def _start(self, at: datetime, one: Decision) -> None:
        task, weight = self.tasks[one.task], self.machines.weight(one.task)
        end, node = at + self.lasts(task), self._number[one.node]
        self._codes[one.code] += 1
        self._starts[one.task] += 1
        self._late.append(_late_s(one, task, fresh=one.task in self._fresh))
        self._fresh.discard(one.task)
        self._busy(node, at, end, weight)
        # It meets the mean CPU of the trace in the ticks from the start to the end.
        ticks = len(self._own[node])
        first = min((at - self.begins) // self.tick, ticks - 1)
        last = min(first + max(1, round((end - at) / self.tick)), ticks)
        here: Choice = lambda _: node  # noqa: E731 - as the other two
        for lane, choice in ((self._placed, here), (self._by_dice, self._dice), (self._in_turn, self._turn)):
            there = lane.free(choice, at)
            sums = self._sums[there]
            lane.put(there, at, end, weight, (sums[last] - sums[first]) / (last - first))

    def _busy(self, node: int, at: datetime, end: datetime, weight: float) -> None:
        end = min(end, self.until)
        while at < end:
            number = (at - self.begins) // self.tick
            edge = min(end, self.begins + (number + 1) * self.tick)
            self._own[node][number] += weight * ((edge - at) / self.tick)
            at = edge

    def close(self) -> Figures:
        """Sum up."""
        lane, runs = self._placed, sum(self._placed.runs)
        for node in range(len(self.hosts)):
            if lane.settle(node, self.until) >= self.machines.slots:
                lane.full[node] += self.until - lane.full_since[node]
        without = [[cpu or 0.0 for cpu in host.cpu] for host in self.hosts]
        idle = [max(0.0, 100.0 - fmean(cpu)) for cpu in without]
        nodes = [self._node(node, without[node], idle[node] / (sum(idle) or 1.0)) for node in range(len(self.hosts))]
        kept = self._kept()
        ways = {"placed": lane, "by_dice": self._by_dice, "in_turn": self._in_turn}
        return Figures(
            runs,
            self._codes[Code.FORCED],
            None if not kept else sum(starts for starts, _ in kept) / sum(owed for _, owed in kept),
            min((starts / owed for starts, owed in kept), default=None),
            {
                code.value: {"task_ticks": self._held[code], "waits": self._waits[code]}
                for code in DEFERRALS
                if self._held[code]
            },
            {
                name: percentile(self._late, share) if self._late else 0.0
                for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
            },
            {
                **_spread("", [one.cpu_mean for one in nodes]),
                **_spread("_without", [one.cpu_mean_without for one in nodes]),
                "misplaced_share": sum(abs(one.share_of_runs - one.share_of_idle) for one in nodes) / 2,
            },
            {name: way.met_sum / runs if runs else None for name, way in ways.items()},
            nodes,
        )

    def _node(self, node: int, without: Sequence[float], idle: float) -> NodeFigures:
        lane, total = self._placed, [min(100.0, a + b) for a, b in zip(without, self._own[node], strict=True)]
        return NodeFigures(
            self.hosts[node].name,
            lane.runs[node],
            lane.peaks[node],
            lane.full[node] / (self.until - self.begins),
            fmean(total),
            percentile(total, 0.95),
            fmean(without),
            percentile(without, 0.95),
            lane.runs[node] / (sum(lane.runs) or 1),
            idle,
        )

    def _kept(self) -> list[tuple[int, float]]:
        """Return the starts and the owed beats of every task that has a rhythm."""
        span = self.until - self.begins
        return [(self._starts[task.name], span / task.interval) for task in self.tasks.values()
                if task.enabled and task.beats]  # fmt: skip


def _late_s(one: Decision, task: Task, *, fresh: bool) -> float:
    """Return how long after it came due a task started, in seconds: by its anchor, and by the interval at this load.

    A fresh task has been due since it was first seen.
    """
    since = (one.age or 0.0) * task.interval.total_seconds()
    due = 0.0 if fresh else min(one.interval, task.interval).total_seconds()
    return max(0.0, since - due)


def _spread(name: str, cpu: Sequence[float]) -> dict[str, float]:
    return {f"cpu_deviation{name}": pstdev(cpu), f"cpu_range{name}": max(cpu) - min(cpu)}
