"""The cycle's story over a recorded load: the same plan, the same folds, no process started.

Every run is assumed to last its `expected_duration` and to succeed. The trace's own clock is the clock.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean

from adaptive_scheduler import state as folds
from adaptive_scheduler.account import excused
from adaptive_scheduler.codes import Code
from adaptive_scheduler.durations import words
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.events import Event
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.horizon import UNKNOWN_DURATION
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Live, Result, State, Status, Task
from adaptive_scheduler.placement import Yard
from adaptive_scheduler.plan import plan
from adaptive_scheduler.resting import Resting
from adaptive_scheduler.rolling import Rolling, added, grid_for
from adaptive_scheduler.settings import Config
from adaptive_scheduler.staircases import Learned
from adaptive_scheduler.trace import Row


class Policy(StrEnum):
    """Which staircase holds in a simulation."""

    FIXED = "fixed"
    SEED = "seed"
    LEARNED = "learned"


Teacher = Callable[[datetime], Mapping[str, Learned]]
"""What says which learned staircases hold at a moment of the replay."""

Happenings = Callable[[datetime, Sample], Sequence[Event]]
"""What says which events fire in a cycle of the replay; it is asked once a cycle, in their order."""

Fleets = Callable[[datetime, State], Fleet]
"""What says how the nodes are at a moment of the replay, with the runs that the state has there."""

WAITS_FOR_A_RUN = (Code.NO_SLOT, Code.DEP_WAIT, Code.HEAVY_PAIR, Code.MEMORY_NEED)
"""What the end of a run may undo."""


def nobody(_now: datetime, _state: State) -> Fleet:
    """Return the fleet of those who have none."""
    return NOBODY


@dataclass(frozen=True, slots=True)
class Made:
    """One decision of a simulated cycle; the CPU is that of where the task would run."""

    at: datetime
    decision: Decision
    cpu: float


@dataclass
class Tally:
    """What became of one task in a simulation: starts, gaps between them, CPU met, refusals."""

    starts: list[datetime] = field(default_factory=list)
    met: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def gaps(self) -> list[timedelta]:
        """Return the time between neighbouring starts."""
        return [b - a for a, b in zip(self.starts, self.starts[1:], strict=False)]

    @property
    def mean_cpu(self) -> float | None:
        """Mean host CPU over the runs, in per cent."""
        return fmean(self.met) if self.met else None


def under(policy: Policy, config: Config) -> Config:
    """Return the configuration with the policy's staircase for every task."""
    if policy is Policy.SEED:
        return config
    if policy is Policy.LEARNED:
        # Where nothing is learned it is the plain interval, and dry ground for the comparison.
        plain = replace(config.rules.rhythm, low_cpu=0.0, high_cpu=100.0)
        return replace(config, rules=replace(config.rules, rhythm=plain))
    return replace(config, tasks={name: replace(task, adaptive=False) for name, task in config.tasks.items()})


def late_and_lossy(
    samples: Iterable[Sample], jitter: timedelta, drop: float, seed: int
) -> Iterator[tuple[datetime, Sample]]:
    """Yield (moment of the cycle, sample): up to `jitter` late, a share `drop` of the ticks missing."""
    dice = random.Random(seed)  # noqa: S311 - a simulation wants repeatable numbers, not secret ones
    for sample in samples:
        late = dice.uniform(0.0, 1.0) * jitter
        if dice.random() >= drop:
            yield sample.at + late, sample


def on_time(jitter: timedelta, tick: timedelta) -> None:
    """Raise UsageError where ticks would come so late that they pass the next one."""
    if jitter >= tick:
        raise UsageError(f"--jitter {words(jitter)} is not below the tick of {words(tick)}")


def load_of(known: Iterable[Row | None], tick: timedelta) -> Rolling:
    """Return all that a trace says of the load, as the cycles would have kept it had they forgotten nothing."""
    rows = list(known)
    rolling = Rolling(grid_for(tick))
    for row in rows:
        if row is not None and row.cpu is not None:
            at = (row.at + tick).astimezone()
            rolling = added(rolling, at, tick, row.cpu, keep=2 * len(rows) + rolling.grid.day)
    return rolling


def simulate(
    config: Config,
    ticks: Iterable[tuple[datetime, Sample]],
    learned: Teacher | None = None,
    state: State | None = None,
    happenings: Happenings | None = None,
    *,
    fleet: Fleets = nobody,
    resting: Resting | None = None,
) -> Iterator[Made]:
    """Yield what every cycle decides: each task's start if it started, else its last refusal.

    `learned` gives the learned staircases of each moment, `state` is where the story begins: what is running
    there ends when its time has come. `happenings` gives the events that fire, `fleet` the nodes of each round.
    With `resting` nothing is planned, or told, of tasks that rest; all else stays the same.
    """
    tick, rules = config.rules.tick, config.rules
    state = state or State()
    ends = _live(state, config)
    for at, sample in ticks:
        if not state.tasks:
            state = folds.seen(state, config.tasks, at)
        if learned is not None:
            rules = replace(rules, learned=learned(at))
            state = folds.beat(excused(state, rules.learned, at, tick), at, tick)
        state, _ = folds.lapsed(state, config.tasks, at, tick)
        if happenings is not None:
            state = folds.alerted(state, happenings(at, sample), config.tasks, rules, at)
        state, now, started = _over(state, ends, at), at, dict[str, Made]()
        until = at + tick - min(timedelta(seconds=15), tick * 0.1)
        while True:
            refused, nodes = dict[str, Made](), fleet(now, state)
            yard, by_name = Yard(nodes, rules), {node.name: node for node in nodes.nodes}
            starts, stamp = list[tuple[Task, Live, Sample]](), now.timestamp()
            only = None if resting is None else resting.awake(state, yard, sample, now, started)
            brief = resting is not None
            decisions = plan(
                config.tasks, state, sample, rules, now, only=only, started=started, yard=yard, brief=brief
            )
            for one in decisions:
                task = config.tasks[one.task]
                seen = yard.sample_for(task, sample)
                if not one.code.starts:
                    refused[one.task] = Made(now, one, seen.cpu or 0.0)
                    continue
                there = by_name.get(one.node)
                started[one.task] = Made(now, one, (seen if there is None else there).cpu or 0.0)
                run_id = f"{one.task}@{stamp}"
                starts.append((task, Live(run_id, now, one.code, node=one.node), seen))
                heapq.heappush(ends, (now + lasts(task), one.task, run_id))
            state = folds.all_claimed(state, starts, rules)
            held = any(made.decision.code in WAITS_FOR_A_RUN for made in refused.values())
            ours = any(name in started for _, name, _ in ends)
            if not ends or ends[0][0] > until or not (ours or held):
                break
            now = max(now, ends[0][0])
            state = _over(state, ends, now)
        if learned is not None:
            state = folds.decided(state, [(started.get(name) or refused[name]).decision for name in config.tasks])
        for name in config.tasks:
            if name in started or name in refused:
                yield started.get(name) or refused[name]


def held(known: Iterable[Row | None]) -> list[float]:
    """Return the CPU of every tick, the last known one where a row is absent."""
    cpu: list[float] = []
    for row in known:
        cpu.append(row.cpu if row is not None and row.cpu is not None else (cpu[-1] if cpu else 0.0))
    return cpu


def tally(
    made: Iterable[Made], config: Config, start: datetime, known: list[Row | None], since: datetime
) -> dict[str, Tally]:
    """Count a simulation from `since` on, with the CPU that each run really met in the trace."""
    tick, cpu = config.rules.tick, held(known)
    tallies = {name: Tally() for name in config.tasks}
    for one in made:
        if one.at < since:
            continue
        mine = tallies[one.decision.task]
        mine.codes[one.decision.code.value] += 1
        if one.decision.code.starts:
            mine.starts.append(one.at)
            first = min((one.at - start) // tick, len(cpu) - 1)
            ticks = max(1, round(lasts(config.tasks[one.decision.task]) / tick))
            mine.met.append(fmean(cpu[first : first + ticks]))
    return tallies


def lasts(task: Task) -> timedelta:
    """Return how long a run is assumed to last."""
    return task.expected_duration or UNKNOWN_DURATION


def _live(state: State, config: Config) -> list[tuple[datetime, str, str]]:
    """Return when the runs end that are going already, as a heap; tasks that left tasks.toml have some too."""
    ends = []
    for name, mine in state.tasks.items():
        if mine.live is not None:
            task = config.tasks.get(name)
            length = UNKNOWN_DURATION if task is None else lasts(task)
            ends.append((mine.live.started_at + length, name, mine.live.run_id))
    heapq.heapify(ends)
    return ends


def _over(state: State, ends: list[tuple[datetime, str, str]], now: datetime) -> State:
    """End every run whose time has come; results need no history here."""
    results = {}
    while ends and ends[0][0] <= now:
        ended_at, name, run_id = heapq.heappop(ends)
        live = state.tasks[name].live
        began = live.started_at if live is not None else ended_at
        results[name] = Result(run_id, Status.OK, began, ended_at, (ended_at - began).total_seconds(), 0)
    return folds.all_finished(state, results) if results else state
