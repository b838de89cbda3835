"""What must hold whatever a machine lives through, said without the program: a ledger of starts and ends, and limits.

The runner of `tests/test_machine.py` tells it of each start as it happens, with the state as it stands on disk.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adaptive_scheduler.model import Priority, State, Task
from adaptive_scheduler.runners.base import Order
from adaptive_scheduler.settings import Rules

TICK = timedelta(minutes=5)
SLACK = TICK / 2
BESIDE = ("retry ", "once more ", "again, ")
"""How the reason of a start begins that belongs to a beat of before."""
BY_HAND = "started by --force"


@dataclass
class Ledger:
    """All that was started and all that ended; `beats` are the starts of a task since the clock or the file changed.

    `shortest` is the shortest interval that a task had meanwhile.
    """

    rules: Rules
    started: dict[str, str] = field(default_factory=dict)
    """The task of each run."""
    ended: dict[str, int] = field(default_factory=dict)
    """How often the end of each run was told."""
    beats: dict[str, list[datetime]] = field(default_factory=dict)
    shortest: dict[str, timedelta] = field(default_factory=dict)
    last_start: dict[str, datetime] = field(default_factory=dict)

    def start(self, order: Order, task: Task, state: State, now: datetime, memory: float, running: list[str]) -> None:
        """Hear of a start, and hold it to the rules."""
        name, mine = task.name, state.tasks[order.task.name]
        by_hand, beside = order.reason == BY_HAND, order.reason.startswith(BESIDE)
        assert name not in running, f"'{name}' runs twice"
        assert order.run_id not in self.started, f"'{order.run_id}' started twice"
        assert mine.live is not None, "a start that is not in the state"
        assert mine.live.run_id == order.run_id
        assert task.enabled, "a start of what is switched off"
        self.started[order.run_id] = name
        self.last_start[name] = now
        if not by_hand:
            assert not (mine.paused and (mine.paused_until is None or mine.paused_until > now)), "a start in a pause"
            minute = now.hour * 60 + now.minute
            assert not task.windows or any(span.holds(minute) for span in task.windows), "a start outside the window"
        self._dependencies(task, state, now)
        self._room(task, state, memory, order.reason)
        if not by_hand and not beside:
            self._rate(task, now)

    def _dependencies(self, task: Task, state: State, now: datetime) -> None:
        for name in task.depends_on:
            last = state.tasks[name].last
            assert last is not None, f"'{task.name}' before '{name}' has ever ended"
            assert last.status.succeeded, f"'{task.name}' after '{name}' ended as {last.status}"
            slowest = self.intervals[name] * (self.rules.rhythm.slower if self.adaptive[name] else 1.0)
            assert now - last.ended_at <= 2 * slowest, f"'{task.name}' on a result of '{name}' that is stale"

    def _room(self, task: Task, state: State, memory: float, reason: str) -> None:
        if task.priority is Priority.CRITICAL:
            return
        forced = reason == BY_HAND or reason.startswith("has waited ")
        gate = self.rules.memory_gate
        assert memory <= gate.limit or forced, f"'{task.name}' started in full memory"
        assert memory < gate.hard_limit or reason == BY_HAND, f"'{task.name}' started above the hard limit"
        critical = {name for name in state.tasks if self.priorities.get(name) is Priority.CRITICAL}
        live = [name for name, mine in state.tasks.items() if mine.live is not None and name not in critical]
        assert len(live) <= self.rules.max_parallel, f"{live} run at once"

    def _rate(self, task: Task, now: datetime) -> None:
        """Hold any number of beats in a row to the time that they take at the fastest tempo."""
        beats = self.beats.setdefault(task.name, [])
        beats.append(now)
        fastest = self.shortest[task.name] * (self.rules.rhythm.faster if task.adaptive else 1.0)
        for count, before in enumerate(reversed(beats[:-1]), 1):
            assert now - before >= count * fastest - SLACK - TICK, (
                f"{count + 1} beats of '{task.name}' within {now - before}"
            )

    # -- what the world looks like -----------------------------------------------------------------

    intervals: dict[str, timedelta] = field(default_factory=dict)
    adaptive: dict[str, bool] = field(default_factory=dict)
    priorities: dict[str, Priority] = field(default_factory=dict)

    def configured(self, tasks: dict[str, Task]) -> None:
        """Know the tasks as they are from now on."""
        for name, task in tasks.items():
            if self.intervals.get(name) != task.interval or self.adaptive.get(name) != task.adaptive:
                # What is due by one tempo may be late by the other: beats count anew.
                self.beats.pop(name, None)
            self.shortest[name] = task.interval
        self.intervals |= {name: task.interval for name, task in tasks.items()}
        self.adaptive |= {name: task.adaptive for name, task in tasks.items()}
        self.priorities |= {name: task.priority for name, task in tasks.items()}

    def clock_changed(self) -> None:
        """Count beats anew: no time passed between two clocks."""
        self.beats.clear()

    def told(self, runs: dict[str, int]) -> None:
        """Hear which ends a cycle has told."""
        for run_id, count in runs.items():
            self.ended[run_id] = self.ended.get(run_id, 0) + count
            assert self.ended[run_id] == 1, f"the end of '{run_id}' was told twice"
