"""Recorded machines as the nodes of a fleet: their loads side by side, and what our own runs add. Pure.

A node at a tick is the row of its trace before that tick, as in trace.py, and on top what runs there now: each run
keeps so many cores busy from its start to its end, and holds all the memory that it grows to from its start on.
What a run would do to the other load of its node is not modelled: nobody there gets slower, CPU is cut at 100 %.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adaptive_scheduler.fleet import Fleet, Node
from adaptive_scheduler.footprints import need
from adaptive_scheduler.model import State, Task, TaskState
from adaptive_scheduler.placement import suffixes

DAY = timedelta(days=1)

WITHIN = timedelta(minutes=30)
"""Copies of a trace are shifted by whole days, and by up to so much more: alike in the time of day, but not in step."""


@dataclass(frozen=True, slots=True)
class Host:
    """A recorded load, one value a tick in per cent; what is unknown is held from before, None where nothing is."""

    name: str
    begins: datetime
    cpu: Sequence[float | None]
    memory: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Machines:
    """What every node has, and what our runs take of it: `busy` is the cores that a run of a task keeps busy."""

    slots: int = 4
    cores: float = 4.0
    memory: int | None = None
    """In bytes; None where the need of runs is not looked at."""
    busy: Mapping[str, float] | None = None

    def weight(self, task: str) -> float:
        """Return what a run of a task adds to the CPU of its node, in per cent of that node."""
        return 100.0 * (self.busy or {}).get(task, 1.0) / self.cores


def held(values: Sequence[float | None]) -> list[float | None]:
    """Return the values with what is unknown held from before."""
    found: list[float | None] = []
    for value in values:
        found.append(value if value is not None or not found else found[-1])
    return found


def side_by_side(hosts: Sequence[Host], tick: timedelta, span: timedelta | None = None) -> list[Host]:
    """Return the loads from one moment on, all as long: each keeps its time of day and loses its date.

    The first host says when it begins. Each other one loses the part of a day that it begins too early, in UTC.
    Without a `span` the shortest gives the length; what is shorter than the span is wrapped round by whole days.
    Raises ValueError where a load that has to be wrapped round lasts less than a day.
    """
    begins = hosts[0].begins
    cut = [(begins - host.begins) % DAY // tick for host in hosts]
    left = [len(host.cpu) - skip for host, skip in zip(hosts, cut, strict=True)]
    length = min(left) if span is None else span // tick
    day = DAY // tick
    found = []
    for host, skip, rows in zip(hosts, cut, left, strict=True):
        period = rows if rows >= length else rows - rows % day
        if period <= 0:
            raise ValueError(f"'{host.name}' lasts less than a day from {begins:%H:%M} UTC on, where the others begin")
        places = [skip + place % period for place in range(length)]
        found.append(Host(host.name, begins, [host.cpu[at] for at in places], [host.memory[at] for at in places]))
    return found


def drawn(hosts: Sequence[Host], count: int, tick: timedelta, seed: int) -> list[Host]:
    """Return so many hosts: these, in their order, then copies of them, each shifted by dice from the seed.

    A copy is turned round within its whole days: by some of them, and by up to half an hour of ticks.
    """
    dice, found = random.Random(seed), []  # noqa: S311 - a simulation wants repeatable numbers, not secret ones
    for number in range(count):
        host, round_ = hosts[number % len(hosts)], number // len(hosts) + 1
        if round_ == 1:
            found.append(host)
            continue
        day = DAY // tick
        period = len(host.cpu) - (len(host.cpu) % day if len(host.cpu) > day else 0)
        by = dice.randrange(max(1, period // day)) * day + dice.randint(1, max(1, WITHIN // tick))
        turned = [[values[(by + at) % period] for at in range(period)] for values in (host.cpu, host.memory)]
        found.append(Host(f"{host.name}-{round_}", host.begins, *turned))
    return found


class Herd:
    """The fleet of every moment of a story: what simulate.Fleets asks for. Every node suits every task."""

    def __init__(self, hosts: Sequence[Host], machines: Machines, tasks: Mapping[str, Task], tick: timedelta) -> None:
        """Keep what every moment needs."""
        self.hosts, self.machines, self.tasks, self.tick = hosts, machines, tasks, tick
        self._weights = {name: machines.weight(name) for name in tasks}
        self._last: dict[str, tuple[int, Mapping[str, TaskState], Node]] = {}
        """Each node as it was last: within a tick most are still the same, and what runs there is all that changes."""
        self._known = frozenset[str]().union(*(suffixes(task.steps, "linux") for task in tasks.values()))

    def __call__(self, now: datetime, state: State) -> Fleet:
        """Return the nodes with the runs that the state has there."""
        there: dict[str, dict[str, TaskState]] = defaultdict(dict)
        for name, mine in state.tasks.items():
            if mine.live is not None:
                there[mine.live.node][name] = mine
        nodes = []
        for host in self.hosts:
            at, live = (now - host.begins) // self.tick - 1, there.get(host.name, {})
            was_at, had, node = self._last.get(host.name, (None, None, None))
            if node is None or (was_at, had) != (at, live):
                node = self._node(host, at, live)
                self._last[host.name] = at, live, node
            nodes.append(node)
        return Fleet(tuple(nodes), asked=True)

    def _node(self, host: Host, at: int, live: Mapping[str, TaskState]) -> Node:
        cpu, memory = host.cpu[at], host.memory[at]
        runs: dict[str, int | None] = {}
        for name, mine in live.items():
            wanted = need(self.tasks.get(name), mine.footprint, host.name)
            assert mine.live is not None
            runs[mine.live.run_id] = 0 if wanted is None else wanted.bytes
        total, available = self.machines.memory, None
        if total is not None:
            available = max(
                0, round(total * (1.0 - (memory or 0.0) / 100.0)) - sum(used or 0 for used in runs.values())
            )
            memory = 100.0 * (1.0 - available / total)
        if cpu is not None:
            cpu = min(100.0, cpu + sum(self._weights[name] for name in live))
        return Node(
            host.name,
            self.machines.slots,
            cpu=cpu,
            memory=memory,
            available_bytes=available,
            total_bytes=total,
            runs=runs,
            suffixes=self._known,
        )
