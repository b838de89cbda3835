"""A clock and a runner for whole lives: local time as it goes, cycles killed where a test says, others let in."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from adaptive_scheduler.runners.base import Order, Running, RunState
from tests.reference import Ledger
from tests.scripted import ScriptedRunner
from tests.world import HandClock, TestWorld

BERLIN = ZoneInfo("Europe/Berlin")


class Crash(BaseException):
    """The cycle is killed here."""


class LocalClock(HandClock):
    """Tells local time with its offset of the moment, as the real one does."""

    def now(self) -> datetime:
        local = self.moment.astimezone(BERLIN)
        offset = local.utcoffset()
        assert offset is not None
        return local.astimezone(timezone(offset))


class Meddling(ScriptedRunner):
    """Tells the ledger of starts, kills the cycle where it is told to, and lets others in while it waits."""

    ledger: Ledger
    world: TestWorld
    crash_at: str = ""
    meanwhile: Callable[[], object] | None = None
    launched: frozenset[str] = frozenset()
    """What a cycle that lives has prepared: its lock on the order says so to the others."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.over: dict[str, RunState] = {}

    def prepare(self, order: Order) -> None:
        self._perhaps_crash("prepare")
        super().prepare(order)
        self.launched |= {order.run_id}

    def submit(self, order: Order) -> None:
        self._perhaps_crash("submit")
        world = self.world
        running = [name for run_id, (name, _) in self.began.items() if self.runs(run_id)]
        memory = world.meter.memory_now
        assert memory is not None
        self.ledger.start(order, world.tasks[order.task.name], world.state, world.clock.now(), memory, running)
        super().submit(order)
        self._perhaps_crash("submitted")
        self._let_in()

    def wait(self, live: Any, timeout_s: float) -> bool:
        self._perhaps_crash("wait")
        self._let_in()
        return super().wait(live, timeout_s)

    def close(self) -> None:
        self._perhaps_crash("close")

    def runs(self, run_id: str) -> bool:
        return isinstance(self._state(self.began[run_id][0], run_id), Running)

    def states(self, live: Any) -> dict[str, RunState]:
        self._perhaps_crash("states")
        return super().states(live)

    def _state(self, name: str, run_id: str) -> RunState:
        if run_id in self.launched and run_id not in self.began:
            return Running(run_id)
        # What has ended once has ended, whatever the clock or the script are afterwards.
        if run_id not in self.over:
            state = super()._state(name, run_id)
            if isinstance(state, Running):
                return state
            self.over[run_id] = state
        return self.over[run_id]

    def shift(self, by: timedelta) -> None:
        """Let the wall clock be another one: what runs has run as long as before."""
        running = [run_id for run_id in self.began if self.runs(run_id)]
        for run_id in running:
            name, began = self.began[run_id]
            self.began[run_id] = (name, began + by)

    def _perhaps_crash(self, where: str) -> None:
        if self.crash_at == where:
            self.crash_at = ""
            raise Crash

    def _let_in(self) -> None:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
