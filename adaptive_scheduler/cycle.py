"""The story of one call: state -> sample -> plan -> run -> state.

A round is one transaction: fold in what ended, plan with a fresh `now` and a fresh memory reading,
write down what starts. Only then do supervisors start. Whenever a run ends there is another round,
until nothing runs that matters here or the next tick is near; what still runs is a later cycle's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler import recovery
from adaptive_scheduler import state as folds
from adaptive_scheduler.account import excused
from adaptive_scheduler.beats import Beat, localised
from adaptive_scheduler.chronicle import Chronicle
from adaptive_scheduler.codes import Code
from adaptive_scheduler.collect import cpus_of, held_memory, live_runs, own_cpu_s, settle
from adaptive_scheduler.edges import Report, Seen, Watcher, Wish, World
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.events import Event
from adaptive_scheduler.fleet import NOBODY, Fleet
from adaptive_scheduler.machine import Reading, Sample
from adaptive_scheduler.model import Decision, Live, Result, State, TaskState
from adaptive_scheduler.notices import Facts
from adaptive_scheduler.ownership import own_load
from adaptive_scheduler.placement import Yard, is_wanted
from adaptive_scheduler.plan import plan
from adaptive_scheduler.runid import of_beat
from adaptive_scheduler.runners.base import Finished, Lost, Order, RunState

MARGIN = timedelta(seconds=15)
MARGIN_SHARE = 0.1
"""A cycle leaves this long before the next nominal tick: 15 s, or 10 % of short ticks."""

FRUITLESS_PAUSE_S = 0.05
"""A round that changed nothing is followed by a pause, doubled up to a second, so that no loop is a hot one."""

WAITS_FOR_A_RUN = (Code.DEP_WAIT, Code.MEMORY_NEED, Code.HEAVY_PAIR)
"""What the end of the run that is named as the blocker may undo."""


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
        self.held: dict[str, int] = {}
        self.events: list[Event] = []
        self.write_s: float | None = None
        self.past: tuple[Beat, ...] = ()
        self.fleet = NOBODY
        self.fruitless = 0
        self.damaged = self.interrupted = False
        self.chronicle = Chronicle(world, wish.notes)

    # -- one round ---------------------------------------------------------------------------------

    def round(self) -> None:
        """Collect, plan and start, once."""
        first = self.sample is None
        now = self.at if first else self.world.clock.now()
        read = self.world.store.read()
        peek = read.state
        if first:
            self.past = localised(read.beats, now)
            self.chronicle.mend_history(now, peek)
            self.world.runner.remind(peek)
        reports = self.world.runner.states(live_runs(peek))
        if self.sample is None:
            own_s, usage_s = own_cpu_s(peek, reports, self.world.runner)
            self.sample, readings = self.world.meter.measure(peek.readings, now, own_s)
            self._learned(now, self.sample, readings)
            own = own_load(peek, self.sample, usage_s, cpus_of(readings), now, self.rules.tick)
            self.world.lookout.look(Seen(now, self.sample, own, peek.readings, readings, self.past))
        else:
            now_left = self.world.meter.memory()
            self.sample = replace(
                self.sample,
                memory=now_left.percent,
                available_bytes=now_left.available_bytes,
                total_bytes=now_left.total_bytes,
            )
        self.fleet = self._asked(peek, reports, now)
        self.held = held_memory(peek, reports, self.world.runner, self.sample, self.config)
        recorded = self.chronicle.take_in(peek.unrecorded)
        with self.world.store.transaction(now) as transaction:
            if complaint := recovery.mend(transaction, self.config, self.world.runner, now):
                self.damaged = True
                self.chronicle.complain("ERROR", complaint)
            state = folds.recorded(transaction.state, recorded) if recorded else transaction.state
            if first:
                state = self._open(state, now, readings, usage_s)
            settled = settle(state, reports, now, self.config)
            state, starts = self._plan(settled.state, now, self.sample, first)
            if state != transaction.state:
                transaction.state = state
        if first:
            self.write_s = transaction.write_s
        self.state = state
        self.fruitless = 0 if settled.ends or starts else self.fruitless + 1
        self._tell(settled.ends)
        self.chronicle.strayed(now, settled.strays)
        self._start(starts, now)
        self.chronicle.write()

    def _open(self, state: State, now: datetime, readings: tuple[Reading, ...], usage: Mapping[str, float]) -> State:
        """Do what a cycle does once: count itself, greet tasks, keep the counters and the sample."""
        state, set_back = folds.set_back(state, now, self.rules.tick)
        before = state.last_cycle_at
        if set_back:
            self.chronicle.complain("WARNING", "the clock was set back: stamps from the future count as now")
        state = excused(state, self.rules.learned, now, self.rules.tick)
        state = folds.seen(folds.pauses_over(state, now), self.config.tasks, now)
        self.codes_before = {name: mine.code for name, mine in state.tasks.items()}
        sample = self.sample or Sample(now, None, None)
        state = folds.measured(folds.beat(state, now, self.rules.tick), readings, usage)
        if self.budget is None and state.nominal_at is not None:
            margin = min(MARGIN, self.rules.tick * MARGIN_SHARE)
            self.budget = state.nominal_at + self.rules.tick - margin - now
        self.chronicle.opened(now, sample, before, self.past)
        state, gone = folds.lapsed(state, self.config.tasks, now, self.rules.tick)
        self.chronicle.lapsed(now, gone)
        state, events = self.world.lookout.notice(state, now)
        self.chronicle.happened(now, events)
        self.events.extend(events)
        return folds.alerted(state, events, self.config.tasks, self.rules, now)

    def _asked(self, peek: State, reports: Mapping[str, RunState], now: datetime) -> Fleet:
        """Return the nodes as they are now, where a task may go to one; who was asked once is asked in every round."""
        if self.config.cluster is None:
            return NOBODY
        state = settle(peek, reports, now, self.config).state
        started, force = {*self.started, *self.unstartable}, self.wish.force
        wanted = is_wanted(self.config.tasks, state, self.rules, now, started, force=force)
        return self.world.runner.fleet() if wanted or self.fleet.asked else NOBODY

    def _learned(self, now: datetime, sample: Sample, readings: tuple[Reading, ...]) -> None:
        """Take what was learned into the rules of this cycle, and keep the load it is measured by."""
        learning = self.world.almanac.learning(self.config, sample, now, cpus_of(readings), self.past)
        self.rules = learning.rules
        if learning.load is not None:
            try:
                self.world.almanac.keep(learning.load)
            except OSError as error:
                self.chronicle.complain("WARNING", f"the rolling load cannot be written: {error}, continuing")

    def _plan(
        self, state: State, now: datetime, sample: Sample, first: bool
    ) -> tuple[State, list[tuple[Order, Decision]]]:
        """Decide about every task, prepare the starts and stamp them into the state.

        What cannot be prepared has held a slot and its dependents in that plan: then there is another one.
        """
        orders: dict[str, Order] = {}
        while True:
            decisions = plan(
                self.config.tasks,
                state,
                sample,
                self.rules,
                now,
                only=self.wish.only,
                force=self.wish.force,
                started={*self.started, *self.unstartable},
                held=self.held,
                fleet=self.fleet,
            )
            unstartable = len(self.unstartable)
            for decision in decisions:
                if decision.code.starts and decision.task not in orders:
                    self._prepare(decision, state.tasks[decision.task], now, sample, orders)
            if len(self.unstartable) == unstartable:
                break
        tempo = self.rules.rhythm.tempo(sample.cpu) if first else None
        if tempo is not None:
            self.chronicle.tempo(now, state, decisions, tempo, sample.cpu)
        state = folds.decided(state, decisions, tempo)
        news = self.events if first else ()
        state = self.chronicle.tell(state, Facts(now, sample, decisions, self.rules, news, forced=self.wish.force))
        starts, yard = [], Yard(self.fleet, self.rules)
        for decision in decisions:
            self.decisions[decision.task] = decision
            if decision.code.starts:
                order = orders[decision.task]
                live = Live(order.run_id, now, decision.code, decision.reason, node=order.node, ledger=order.ledger)
                state = folds.claimed(state, order.task, live, yard.sample_for(order.task, sample), self.rules)
                starts.append((order, decision))
        return state, starts

    def _prepare(
        self, decision: Decision, mine: TaskState, now: datetime, sample: Sample, orders: dict[str, Order]
    ) -> None:
        task, place = self.config.tasks[decision.task], self.config.state_dir
        run_id = of_beat(place, task.name, mine) if decision.node else self.world.runner.new_id(now)
        about = (decision.reason, sample.cpu, sample.memory, mine.footprint, mine.event)
        order = Order(task, run_id, *about, node=decision.node, ledger=self.fleet.ledger_of(decision.node))
        try:
            self.world.runner.prepare(order)
        except OSError as error:
            problem = f"its run cannot be set up in '{self.config.state_dir}': {error.strerror or error}"
            self.unstartable[decision.task] = replace(decision, code=Code.ERROR, reason=problem)
        else:
            orders[decision.task] = order

    def _tell(self, ends: list[tuple[str, Result, Finished | Lost]]) -> None:
        for name, result, report in ends:
            self.runs.append((name, result))
            self.chronicle.ended(name, result, report)
            self.watcher.ended(name, result)

    def _start(self, starts: list[tuple[Order, Decision]], now: datetime) -> None:
        """Start the supervisors: only now, when the starts are safely in the state."""
        for order, decision in starts:
            self.started[decision.task] = decision
            self.chronicle.started(now, decision, self.world.runner.first_step(order.task), order)
            self.world.runner.submit(order)
            self.watcher.started(decision)

    # -- between and after the rounds --------------------------------------------------------------

    def has_to_wait(self) -> bool:
        """Whether a live run is ours, or something waits for one that is not."""
        live = live_runs(self.state)
        held = any(
            one.code is Code.NO_SLOT or (one.code in WAITS_FOR_A_RUN and one.blocker in live)
            for one in self.decisions.values()
        )
        return any(name in self.started for name in live) or (held and bool(live))

    def wait(self) -> bool:
        """Wait until a run ends; False when the next tick is near."""
        if self.fruitless > 1:
            self.world.clock.pause(min(1.0, FRUITLESS_PAUSE_S * 2 ** min(self.fruitless, 9)))
        elapsed = timedelta(seconds=self.world.clock.monotonic() - self.began_s)
        left = (self.budget or timedelta(0)) - elapsed
        if left <= timedelta(0):
            return False
        return self.world.runner.wait(live_runs(self.state), left.total_seconds())

    def close(self) -> Report:
        """Write down what was decided, make room, and give the report."""
        final = self.decisions | self.unstartable | self.started
        told = [final[name] for name in self.config.tasks if name in final]
        sample = self.sample or Sample(self.at, None, None)
        taken_in = self.chronicle.take_in(self.state.unrecorded)
        self._prune(set(taken_in))
        self.world.runner.close()
        noted = self.world.lookout.close(self.at, self.write_s)
        about = (list(self.started), self.codes_before, self.rules.tick, noted)
        self.chronicle.closed(self.at, self.state, sample, told, *about)
        return Report(
            self.state.cycle,
            self.at,
            sample,
            told,
            self.runs,
            {name: mine.live for name, mine in self.state.tasks.items() if mine.live is not None},
            self.chronicle.notes,
            self.damaged,
            self.chronicle.logged,
            self.interrupted,
            events=self.events,
            rules=self.rules,
        )

    def _prune(self, taken_in: set[str]) -> None:
        """Remove old run folders; never a live one, the latest, or one that the history still lacks."""
        try:
            self.world.store.sweep(self.at)
            state = self.world.store.read().state
            protect = {result.run_id for _, result in state.unrecorded} - taken_in
            for mine in state.tasks.values():
                protect |= {run.run_id for run in (mine.live, mine.last) if run is not None}
            for name in {name for name, _ in self.runs}:
                self.world.runner.ack(name, self.config.runs_keep, self.config.runs_max_bytes, protect)
        except (OSError, StateError) as error:
            self.chronicle.complain("WARNING", f"old runs cannot be removed: {error}, continuing")
