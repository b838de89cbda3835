"""Whole lives of a machine, made up by dice: cycles late, early, side by side and cut off, other load, other clocks,
edits of tasks.toml, pauses, lost supervisors, reboots. After each step tests/reference.py says whether all is well.

ADAPTIVE_LONG=1 lives thousands of lives instead of a few.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adaptive_scheduler import codec, store
from adaptive_scheduler import state as folds
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Priority, State, Status, Window
from tests.meddling import Crash, LocalClock, Meddling
from tests.reference import Ledger
from tests.world import Cycle, TestWorld

LONG = bool(os.environ.get("ADAPTIVE_LONG"))

BIRTHS = (
    datetime(2025, 11, 2, 22, 30, tzinfo=UTC),
    datetime(2025, 10, 25, 23, 50, tzinfo=UTC),  # the night in which an hour comes twice
    datetime(2025, 3, 30, 0, 10, tzinfo=UTC),  # the night in which an hour is left out
)
POOL = ("a", "b", "c", "d", "e")
CALM_TICKS = 26
"""So long everything is as it should be: twice the longest interval that these tasks have, and a little."""

minutes = st.integers(0, 25)
names = st.sampled_from(POOL)
intervals = st.sampled_from((5, 7.5, 10, 15, 30, 60))
windows = st.sampled_from(((), (), (Window(60, 180),), (Window(22 * 60, 6 * 60),), (Window(0, 0),)))


class Machine(RuleBasedStateMachine):
    """One life."""

    def __init__(self) -> None:
        super().__init__()
        self.room = tempfile.TemporaryDirectory()
        self.world = TestWorld(Path(self.room.name), max_parallel=2)
        self.clock = LocalClock(BIRTHS[0])
        self.world.clock = self.clock
        self.ledger = Ledger(self.world.rules)
        runner = Meddling(self.clock, self.world.scripts)
        runner.ledger, runner.world = self.ledger, self.world
        self.world.runner = self.runner = runner

    def teardown(self) -> None:
        self.room.cleanup()

    @initialize(
        birth=st.sampled_from(BIRTHS),
        every=st.tuples(intervals, intervals, intervals),
        critical=st.booleans(),
        spans=windows,
    )
    def born(
        self, birth: datetime, every: tuple[float, float, float], critical: bool, spans: tuple[Window, ...]
    ) -> None:
        self.clock.moment = birth
        self.world.task("a", every[0], priority=Priority.CRITICAL if critical else Priority.MEDIUM)
        self.world.task("b", every[1], depends_on=("a",), priority=Priority.HIGH, lasts=1)
        self.world.task("c", every[2], retries=2, priority=Priority.LOW, windows=spans, lasts=3)
        self.world.task("d", 10, lasts=7)
        self._configured()

    # -- cycles --------------------------------------------------------------------------------------

    @rule(late_s=st.integers(-20, 20), count=st.integers(1, 4))
    def ticks(self, late_s: int, count: int) -> None:
        for _ in range(count):
            self.clock.moment += timedelta(minutes=5)
            self._cycle(timedelta(seconds=late_s))

    @rule(seconds=st.integers(1, 299))
    def a_cycle_by_hand(self, seconds: int) -> None:
        self.clock.moment += timedelta(seconds=seconds)
        self._cycle()

    @rule()
    def two_cycles_at_once(self) -> None:
        self.clock.moment += timedelta(minutes=5)
        self.runner.meanwhile = self._cycle
        self._cycle()
        self.runner.meanwhile = None

    @rule()
    def a_cycle_while_somebody_holds_the_state(self) -> None:
        patience, store.LOCK_WAIT_S = store.LOCK_WAIT_S, 0.0
        try:
            with self.world.world.store.transaction(self.clock.now()), pytest.raises(StateError, match="stays locked"):
                self.world.cycle()
        finally:
            store.LOCK_WAIT_S = patience

    @rule(where=st.sampled_from(("states", "prepare", "submit", "submitted", "wait", "close")))
    def a_cycle_that_is_killed(self, where: str) -> None:
        self.clock.moment += timedelta(minutes=5)
        began = self.clock.moment
        self.runner.crash_at = where
        try:
            self._cycle()
        except Crash:
            self.clock.moment = began
        self.runner.crash_at = ""

    @rule(name=names)
    def force(self, name: str) -> None:
        if name in self.world.tasks:
            self._cycle(only=name)

    @rule()
    def a_calm_time(self) -> None:
        """Nobody starves: what may run runs at its tempo, whatever came before."""
        self.world.load(cpu=10, memory=30)
        for name in self.world.scripts:
            self.world.ends(name, Status.OK, lasts=0.25)
        for _ in range(CALM_TICKS):
            self.clock.moment += timedelta(minutes=5)
            self._cycle()
        now = self.clock.now()
        for name in self._free():
            task = self.world.tasks[name]
            tempo = task.interval * (0.8 if task.adaptive else 1.0)
            since = now - self.ledger.last_start.get(name, BIRTHS[0].replace(year=1970))
            assert since <= max(tempo, timedelta(minutes=5)) + timedelta(minutes=10), f"'{name}' starves since {since}"

    def _free(self) -> set[str]:
        """Return the tasks that nothing holds back in a calm time."""
        state, now = self.world.state, self.clock.now()
        free = {
            name
            for name, task in self.world.tasks.items()
            if task.enabled and task.windows in ((), (Window(0, 0),)) and not state.tasks[name].paused
            and not (task.max_defer is not None and now is None)
        }  # fmt: skip
        while held := {name for name in free if not set(self.world.tasks[name].depends_on) <= free}:
            free -= held
        return free

    # -- the machine ---------------------------------------------------------------------------------

    @rule(cpu=st.sampled_from((5, 19, 20, 50, 70, 71, 100)), memory=st.sampled_from((20, 60, 61, 89, 90, 99)))
    def load(self, cpu: float, memory: float) -> None:
        self.world.load(cpu=cpu, memory=memory)

    @rule(name=names, status=st.sampled_from((Status.OK, Status.OK, Status.FAILED, Status.TIMEOUT)), lasts=minutes)
    def scripts_end_otherwise(self, name: str, status: Status, lasts: int) -> None:
        if name in self.world.scripts:
            self.world.ends(name, status, lasts=lasts)

    @rule(name=names)
    def a_supervisor_dies(self, name: str) -> None:
        self.runner.lost |= {
            one for one, (task, _) in self.runner.began.items() if task == name and self.runner.runs(one)
        }

    @rule(away=st.integers(1, 48))
    def reboot(self, away: int) -> None:
        self.runner.lost |= {run_id for run_id in self.runner.began if self.runner.runs(run_id)}
        self.clock.moment += timedelta(hours=away)
        self._cycle()

    @rule(hours=st.integers(1, 30))
    def asleep(self, hours: int) -> None:
        """Runs stand still while the machine does."""
        self.runner.shift(timedelta(hours=hours))
        self.clock.moment += timedelta(hours=hours)
        self._cycle()

    @rule(by=st.sampled_from((-1, -6, -24 * 60, -3, -45, 60, 24 * 60, 366 * 24 * 60)))
    def the_clock_is_set(self, by: int) -> None:
        self.runner.shift(timedelta(minutes=by))
        self.clock.moment += timedelta(minutes=by)
        self.ledger.clock_changed()

    # -- people --------------------------------------------------------------------------------------

    @rule(name=names, until=st.none() | st.integers(-10, 120))
    def pause(self, name: str, until: int | None) -> None:
        end = None if until is None else self.clock.now() + until * timedelta(minutes=1)
        self._fold(name, lambda state: folds.paused(state, name, end))
        self.ticks(late_s=0, count=3)

    @rule(name=names)
    def resume(self, name: str) -> None:
        self._fold(name, lambda state: folds.resumed(state, name))

    @rule(name=names, every=intervals)
    def edit_the_interval(self, name: str, every: float) -> None:
        self._edit(name, interval=timedelta(minutes=every))

    @rule(name=names, on=st.booleans(), adaptive=st.booleans())
    def switch(self, name: str, on: bool, adaptive: bool) -> None:
        self._edit(name, enabled=on, adaptive=adaptive)

    @rule(name=names, spans=windows, retries=st.integers(0, 3), patience=st.none() | st.integers(1, 60))
    def edit(self, name: str, spans: tuple[Window, ...], retries: int, patience: int | None) -> None:
        wait = None if patience is None else timedelta(minutes=patience)
        self._edit(name, windows=spans, retries=retries, max_defer=wait)

    @rule(name=names, on=st.sets(names, max_size=2))
    def edit_the_dependencies(self, name: str, on: set[str]) -> None:
        """Only on names that come before: no loops."""
        self._edit(name, depends_on=tuple(sorted(one for one in on if one in self.world.tasks and one < name)))

    @rule(name=names, every=intervals, priority=st.sampled_from(Priority), lasts=st.integers(0, 12))
    def add(self, name: str, every: float, priority: Priority, lasts: int) -> None:
        if name not in self.world.tasks:
            self.world.task(name, every, priority=priority, lasts=lasts)
            self._configured()

    @rule(name=names)
    @precondition(lambda self: len(self.world.tasks) > 1)
    def remove(self, name: str) -> None:
        if self.world.tasks.pop(name, None) is not None:
            for other, task in self.world.tasks.items():
                self.world.tasks[other] = replace(task, depends_on=tuple(one for one in task.depends_on if one != name))
            self._configured()

    @rule(name=names, new=names)
    def rename(self, name: str, new: str) -> None:
        if name in self.world.tasks and new not in self.world.tasks:
            task = self.world.tasks[name]
            self.remove(name)
            before = tuple(one for one in task.depends_on if one < new)
            self.world.tasks[new] = replace(task, name=new, steps=task.steps, depends_on=before)
            self.world.scripts.setdefault(new, self.world.scripts[name])
            self._configured()

    # -- what always holds ---------------------------------------------------------------------------

    @invariant()
    def the_state_is_readable_and_the_same_when_it_is_written_again(self) -> None:
        found = self.world.world.store.read()
        assert not found.damaged, found.notes
        plain = codec.encode_state(found.state)
        assert codec.decode_state(json.loads(json.dumps(plain))) == found.state

    @invariant()
    def every_run_has_ended_once_or_is_live_and_none_is_made_up(self) -> None:
        state = self.world.state
        live = {mine.live.run_id for mine in state.tasks.values() if mine.live is not None}
        known = {result.run_id for _, result in state.unrecorded}
        known |= {mine.last.run_id for mine in state.tasks.values() if mine.last is not None}
        assert not live & known, "a run that has ended is live"
        # A history that was lost is filled from the folders of runs, some of which no cycle has collected yet.
        known |= {row["run_id"] for row in self.world.world.history._rows("select run_id from runs", {})}
        self.seen = getattr(self, "seen", set()) | known
        lost_of_sight = self.ledger.started.keys() - live - self.seen
        assert not lost_of_sight, f"{lost_of_sight} started and left no result"
        assert self.seen <= self.runner.prepared.keys(), "a result of a run that never was"

    # -- ways to do it -------------------------------------------------------------------------------

    def _cycle(self, late: timedelta = timedelta(0), only: str = "") -> Cycle:
        moment = self.clock.moment
        self.clock.moment += late
        others = self.runner.launched
        try:
            done = self.world.cycle(*([only] if only else []), force=bool(only))
        finally:
            self.runner.launched = others
        self.clock.moment = moment
        self.ledger.told(Counter(result.run_id for _, result in done.report.runs))
        strange = [note for note in done.report.notes if not note.startswith("the clock was set back")]
        assert not strange
        return done

    def _edit(self, name: str, **values: Any) -> None:
        if name in self.world.tasks:
            self.world.tasks[name] = replace(self.world.tasks[name], **values)
            self._configured()

    def _configured(self) -> None:
        self.ledger.configured(self.world.tasks)

    def _fold(self, name: str, change: Callable[[State], State]) -> None:
        with self.world.world.store.transaction(self.clock.now()) as transaction:
            if name in transaction.state.tasks:
                transaction.state = change(transaction.state)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=5000 if LONG else 10,
    stateful_step_count=60 if LONG else 15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
