"""The story of one call: state -> sample -> plan -> run -> state.

A round is one transaction: fold in what ended, plan with a fresh `now` and a fresh memory reading,
write down what starts. Only then do supervisors start. Whenever a run ends there is another round,
until nothing runs that matters here or the next tick is near; what still runs is a later cycle's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from adaptive_scheduler import journal as log
from adaptive_scheduler import recent, recovery
from adaptive_scheduler import state as folds
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.history import History, HistoryError
from adaptive_scheduler.journal import Journal, Line
from adaptive_scheduler.model import Code, Config, Decision, Live, Reading, Result, Sample, State
from adaptive_scheduler.plan import plan
from adaptive_scheduler.runners.base import Finished, Lost, Order, Runner, RunState
from adaptive_scheduler.store import Store

MARGIN = timedelta(seconds=15)
MARGIN_SHARE = 0.1
"""A cycle leaves this long before the next nominal tick: 15 s, or 10 % of short ticks."""

HELD_BACK = (Code.CPU_CEILING, Code.DEP_FAILED, Code.DEP_WAIT, Code.MEMORY_GATE, Code.NO_SLOT, Code.ERROR)
"""What the log mentions when it begins; the other codes are everyday business."""


class Meter(Protocol):
    """What measures the machine."""

    def measure(
        self, readings: tuple[Reading, ...], now: datetime, own_cpu_s: float
    ) -> tuple[Sample, tuple[Reading, ...]]:
        """Return a sample, and the counters to keep for the next cycle."""

    def memory(self) -> float | None:
        """Return memory use in per cent, now."""


class Watcher:
    """What is told of starts and ends as they happen; this one does not care."""

    def started(self, decision: Decision) -> None:
        """Hear of a start."""

    def ended(self, task: str, result: Result) -> None:
        """Hear of an end."""


@dataclass(frozen=True)
class World:
    """The edges that a cycle works with."""

    config: Config
    clock: Clock
    store: Store
    history: History
    journal: Journal
    runner: Runner
    meter: Meter


@dataclass(frozen=True)
class Wish:
    """What the caller asked of this cycle: some tasks only, at once, how long to wait, what to log first."""

    only: frozenset[str] | None = None
    force: bool = False
    wait: timedelta | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """What a cycle decided, started, collected, and has to complain about."""

    cycle: int
    at: datetime
    sample: Sample
    decisions: list[Decision]
    runs: list[tuple[str, Result]] = field(default_factory=list)
    live: dict[str, Live] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    damaged: bool = False
    interrupted: bool = False
    dry_run: bool = False

    @property
    def failed(self) -> bool:
        """Whether a run that this cycle collected did not succeed."""
        return any(not result.status.succeeded for _, result in self.runs)


def run(world: World, wish: Wish, watcher: Watcher | None = None) -> Report:
    """Run one cycle and return its report; raises StateError when the state cannot be used at all."""
    cycle = _Cycle(world, wish, watcher or Watcher())
    try:
        cycle.round()
        while cycle.has_to_wait() and cycle.wait():
            cycle.round()
    except KeyboardInterrupt:
        cycle.interrupted = True
    return cycle.close()


def settle(
    state: State, reports: Mapping[str, RunState], now: datetime, config: Config
) -> tuple[State, list[tuple[str, Result, Finished | Lost]]]:
    """Fold the runs that ended into the state; returns it and the ends, in the order of their time."""
    ends: list[tuple[str, Result, Finished | Lost]] = []
    for name, mine in state.tasks.items():
        live, report = mine.live, reports.get(name)
        if live is not None and isinstance(report, Finished | Lost) and report.run_id == live.run_id:
            ends.append((name, report.result(live, now), report))
    ends.sort(key=lambda end: end[1].ended_at)
    for name, result, _ in ends:
        state = folds.finished(state, name, result, config.tasks.get(name))
    return state, ends


def live_runs(state: State) -> dict[str, str]:
    """Return the run id of each live run by task."""
    return {name: mine.live.run_id for name, mine in state.tasks.items() if mine.live is not None}


class _Cycle:
    def __init__(self, world: World, wish: Wish, watcher: Watcher) -> None:
        self.world, self.wish, self.watcher = world, wish, watcher
        self.config, self.rules = world.config, world.config.rules
        self.at = world.clock.now()
        self.began_s = world.clock.monotonic()
        self.budget: timedelta | None = wish.wait
        self.sample: Sample | None = None
        self.state = State()
        self.codes_before: dict[str, str] = {}
        self.decisions: dict[str, Decision] = {}
        self.started: dict[str, Decision] = {}
        self.unstartable: dict[str, Decision] = {}
        self.runs: list[tuple[str, Result]] = []
        self.notes: list[str] = []
        self.lines: list[Line] = []
        self.damaged = self.interrupted = False
        for note in wish.notes:
            self._say("ERROR", note)

    # -- one round ---------------------------------------------------------------------------------

    def round(self) -> None:
        """Collect, plan and start, once."""
        first = self.sample is None
        now = self.at if first else self.world.clock.now()
        if first:
            self._mend_history()
        peek = self.world.store.read().state
        reports = self.world.runner.states(live_runs(peek))
        usage = self._usage(peek, reports) if first else {}
        sample, readings = self._measure(peek, now, usage) if self.sample is None else (self.sample, ())
        self.sample = sample if first else replace(sample, memory=self.world.meter.memory())
        recorded = self._take_in(peek)
        with self.world.store.transaction(now) as transaction:
            if transaction.damaged:
                self._recover(transaction.notes)
                transaction.state = recovery.rebuilt(transaction.state, self.config, self.world.runner, now)
            state = folds.recorded(transaction.state, recorded) if recorded else transaction.state
            if first:
                state = self._open(state, now, readings, usage)
            state, ends = settle(state, reports, now, self.config)
            state, orders = self._plan(state, now, first)
            transaction.state = state if state != transaction.state else transaction.state
        self.state = state
        for name, result, report in ends:
            self._ended(name, result, report)
        for order in orders:
            decision = self.started[order.task.name]
            self.lines += log.task_started(now, decision, self.world.runner.first_step(order.task))
            self.world.runner.submit(order)
            self.watcher.started(decision)
        self._write_log()

    def _open(self, state: State, now: datetime, readings: tuple[Reading, ...], usage: Mapping[str, float]) -> State:
        """Do what a cycle does once: count itself, greet tasks, keep the counters and the sample."""
        state, set_back = folds.set_back(state, now, self.rules.tick)
        if set_back:
            self._say("WARNING", "the clock was set back: stamps from the future count as now")
        state = folds.seen(folds.pauses_over(state, now), self.config.tasks, now)
        self.codes_before = {name: mine.code for name, mine in state.tasks.items()}
        state = folds.measured(folds.beat(state, now, self.rules.tick), readings, usage)
        if self.budget is None and state.nominal_at is not None:
            margin = min(MARGIN, self.rules.tick * MARGIN_SHARE)
            self.budget = state.nominal_at + self.rules.tick - margin - now
        try:
            recent.write(self.world.store.folder, self._known_sample)
        except OSError as error:
            self._say("WARNING", f"cannot write '{recent.NAME}': {error.strerror or error}, continuing")
        self.lines.append(log.opening(now))
        return state

    def _plan(self, state: State, now: datetime, first: bool) -> tuple[State, list[Order]]:
        """Decide about every task, prepare the starts and stamp them into the state."""
        sample = self._known_sample
        decisions = plan(
            self.config.tasks,
            state,
            sample,
            self.rules,
            now,
            only=self.wish.only,
            force=self.wish.force,
            started={*self.started, *self.unstartable},
        )
        tempo = log.tempo_of(sample.cpu, self.rules.rhythm) if first else None
        if tempo is not None:
            self._log_tempo(state, decisions, tempo, now)
        state = folds.decided(state, decisions, tempo)
        orders = []
        for decision in decisions:
            self.decisions[decision.task] = decision
            if not decision.code.starts:
                continue
            task = self.config.tasks[decision.task]
            run_id = self.world.runner.new_id(now)
            order = Order(task, run_id, decision.reason, sample.cpu, sample.memory)
            try:
                self.world.runner.prepare(order)
            except OSError as error:
                problem = f"its run cannot be set up: {error.strerror or error}"
                self.unstartable[task.name] = replace(decision, code=Code.ERROR, reason=problem)
                continue
            live = Live(run_id, now, decision.code, decision.reason)
            state = folds.claimed(state, task, live, sample, self.rules)
            self.started[task.name] = decision
            orders.append(order)
        return state, orders

    # -- between rounds ----------------------------------------------------------------------------

    def has_to_wait(self) -> bool:
        """Whether a live run is ours, or something waits for one that is not."""
        live = self.state.live_runs
        ours = any(mine.live is not None and name in self.started for name, mine in self.state.tasks.items())
        held = any(one.code in (Code.NO_SLOT, Code.DEP_WAIT) for one in self.decisions.values())
        return ours or (held and live > 0)

    def wait(self) -> bool:
        """Wait until a run ends; False when the next tick is near."""
        elapsed = timedelta(seconds=self.world.clock.monotonic() - self.began_s)
        left = (self.budget or timedelta(0)) - elapsed
        if left <= timedelta(0):
            return False
        return self.world.runner.wait(live_runs(self.state), left.total_seconds())

    def close(self) -> Report:
        """Write down what was decided and give the report."""
        now = self.world.clock.now()
        final = self.decisions | self.unstartable | self.started
        decisions = [final[name] for name in self.config.tasks if name in final]
        for one in decisions:
            if one.code in HELD_BACK and self.codes_before.get(one.task) != one.code:
                self.lines.append(log.waiting(now, one))
        sample = self.sample or Sample(self.at, None, None)
        try:
            taken_in = self.world.history.take_in(self.state.unrecorded)
            self.world.history.record(self.at, self.state.cycle, sample, decisions, self.rules.tick)
        except HistoryError as error:
            taken_in = []
            self._say("WARNING", f"{error}, continuing")
        self._prune(taken_in)
        self.lines.append(log.closing(now, self.at, self.state.cycle, sample, list(self.started)))
        self._write_log()
        live = {name: mine.live for name, mine in self.state.tasks.items() if mine.live is not None}
        return Report(
            self.state.cycle, self.at, sample, decisions, self.runs, live, self.notes, self.damaged, self.interrupted
        )

    # -- helpers -----------------------------------------------------------------------------------

    @property
    def _known_sample(self) -> Sample:
        if self.sample is None:
            raise AssertionError("a round measures before it plans")
        return self.sample

    def _measure(self, peek: State, now: datetime, usage: Mapping[str, float]) -> tuple[Sample, tuple[Reading, ...]]:
        seen = {mine.live.run_id: mine.live.cpu_seen_s for mine in peek.tasks.values() if mine.live is not None}
        own = peek.spent_s + sum(max(0.0, used - seen[run_id]) for run_id, used in usage.items())
        return self.world.meter.measure(peek.readings, now, own)

    def _usage(self, peek: State, reports: Mapping[str, RunState]) -> dict[str, float]:
        """Return the CPU seconds that each live run has used so far, by run id."""
        usage = {}
        for name, run_id in live_runs(peek).items():
            report = reports.get(name)
            used = report.cpu_s if isinstance(report, Finished) else self.world.runner.usage(name, run_id)
            if used is not None:
                usage[run_id] = used
        return usage

    def _mend_history(self) -> None:
        try:
            mended = self.world.history.mend(self.at)
            if mended is None:
                return
            self._say("ERROR", mended)
            self.world.history.take_in(recovery.all_results(self.config, self.world.runner))
        except (OSError, HistoryError) as error:
            self._say("WARNING", f"{error}, continuing")

    def _take_in(self, peek: State) -> list[str]:
        try:
            return self.world.history.take_in(peek.unrecorded)
        except HistoryError as error:
            self._say("WARNING", f"{error}, continuing")
            return []

    def _recover(self, notes: list[str]) -> None:
        self.damaged = True
        self._say("ERROR", "; ".join(notes))

    def _ended(self, name: str, result: Result, report: Finished | Lost) -> None:
        self.runs.append((name, result))
        steps = report.steps if isinstance(report, Finished) else ()
        notes = report.notes if isinstance(report, Finished) else ()
        self.lines += log.task_ended(name, result, steps, notes)
        self.watcher.ended(name, result)

    def _log_tempo(self, state: State, decisions: Collection[Decision], tempo: str, now: datetime) -> None:
        for one in decisions:
            if self.config.tasks[one.task].adaptive and state.tasks[one.task].tempo != tempo:
                self.lines.append(log.tempo_changed(now, one.task, tempo, self._known_sample.cpu))

    def _prune(self, taken_in: Collection[str]) -> None:
        protect = set(live_runs(self.state).values())
        protect |= {result.run_id for _, result in self.state.unrecorded} - set(taken_in)
        for name in {name for name, _ in self.runs}:
            self.world.runner.ack(name, self.config.runs_keep, self.config.runs_max_bytes, protect)

    def _say(self, level: str, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.lines.append(Line(self.world.clock.now(), level, log.SCHEDULER, text))

    def _write_log(self) -> None:
        lines, self.lines = self.lines, []
        try:
            self.world.journal.write(lines)
        except (OSError, TimeoutError) as error:
            problem = f"cannot write the log '{self.world.journal.path}': {error}, continuing"
            if problem not in self.notes:
                self.notes.append(problem)
