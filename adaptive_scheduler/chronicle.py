"""What a cycle writes down for people: the log, the history, the recent samples, its complaints, what is told.

Scheduling depends on none of it: whatever fails here costs a note and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adaptive_scheduler import beatfile, notices, recent, recovery
from adaptive_scheduler import journal as log
from adaptive_scheduler.archive import HistoryError
from adaptive_scheduler.beats import Beat, decoded
from adaptive_scheduler.codes import HELD_BACK
from adaptive_scheduler.edges import Noted, World
from adaptive_scheduler.events import Event
from adaptive_scheduler.journal import Line
from adaptive_scheduler.lateness import MISSING_TICKS
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result, State
from adaptive_scheduler.notify import Ping, Signal
from adaptive_scheduler.runners.base import ComesBack, Finished, Lost, Order, Unreachable


class Chronicle:
    """Gathers the lines of one cycle and writes them after each round."""

    def __init__(self, world: World, notes: Iterable[str]) -> None:
        """Begin with what was said before the cycle."""
        self.world = world
        self.notes: list[str] = []
        self.logged = True
        self._lines: list[Line] = []
        self._awake = True
        self._to_send = False
        for note in notes:
            self.complain("ERROR", note)

    # -- the log -----------------------------------------------------------------------------------

    def complain(self, level: str, text: str) -> None:
        """Note something for the log and for whoever called; once only."""
        if text not in self.notes:
            self.notes.append(text)
            self._lines.append(Line(self.world.clock.now(), level, log.SCHEDULER, text))

    def opened(self, now: datetime, sample: Sample, cycle_before: datetime | None, past: Sequence[Beat]) -> None:
        """Tell of the beginning, and keep its sample among the recent ones, behind those of short cycles before it."""
        tick = self.world.config.rules.tick
        self._awake = cycle_before is not None and now - cycle_before <= MISSING_TICKS * tick
        try:
            recent.write(self.world.store.folder, [*(one.sample for one in past), sample])
        except OSError as error:
            self.complain("WARNING", f"cannot write '{recent.NAME}': {error.strerror or error}, continuing")
        self._lines.append(log.opening(now))

    def tempo(self, now: datetime, state: State, decisions: Iterable[Decision], tempo: str, cpu: float | None) -> None:
        """Tell of each task whose interval the load bends another way than before."""
        for one in decisions:
            task = self.world.config.tasks[one.task]
            if task.adaptive and task.where is None and state.tasks[one.task].tempo != tempo:
                self._lines.append(log.tempo_changed(now, one.task, tempo, cpu))

    def happened(self, now: datetime, events: Iterable[Event]) -> None:
        """Tell of each event."""
        self._lines += [log.happened(now, one) for one in events]

    def lapsed(self, now: datetime, gone: Iterable[tuple[str, Event]]) -> None:
        """Tell of each event that waited for its task in vain."""
        self._lines += [log.lapsed(now, task, one) for task, one in gone]

    def started(self, now: datetime, decision: Decision, first_step: str | None, order: Order) -> None:
        """Tell of a start, and of the event that it is for."""
        self._lines += log.task_started(now, decision, first_step, order.event)
        self._ping(order.task.name, Signal.START, now, decision.reason, order.run_id)

    def ended(self, name: str, result: Result, report: Finished | Lost) -> None:
        """Tell of an end."""
        signal = Signal.SUCCESS if result.status.succeeded else Signal.FAIL
        self._ping(name, signal, self.world.clock.now(), f"{result.status.value} {result.cause}".strip(), result.run_id)
        steps = report.steps if isinstance(report, Finished) else ()
        notes = report.notes if isinstance(report, Finished) else ()
        self._lines += log.task_ended(name, result, steps, notes)

    def strayed(self, now: datetime, strays: Iterable[tuple[str, Unreachable | ComesBack]]) -> None:
        """Tell of runs elsewhere that nobody can say anything of, and of those that never began."""
        self._lines += [log.strayed(now, name, report) for name, report in strays]

    def write(self) -> None:
        """Append what has gathered to the log, and have sent what has been put into the outbox."""
        if self._to_send:
            self._to_send = False
            self._outgoing(self.world.outbox.send)
        try:
            self.world.journal.write(self._lines)
            self._lines, self.logged = [], True
        except (OSError, TimeoutError) as error:
            self.logged = False
            problem = f"cannot write the log '{self.world.journal.path}': {error}, continuing"
            if problem not in self.notes:
                self.notes.append(problem)

    # -- people and dead-man's switches ------------------------------------------------------------

    def tell(self, state: State, seen: notices.Facts) -> State:
        """Keep notices of what has begun or is over; returns the state with what has been told.

        It is called while the state is changed: told is what is kept, and what cannot be kept is told later.
        """
        if not self.world.config.notify.to:
            return state
        told, news = notices.noticed(self.world.config, state, replace(seen, awake=self._awake))
        if self._outgoing(lambda: self.world.outbox.tell(news)):
            self._to_send = self._to_send or bool(news)
            return told
        return state

    def _ping(self, name: str, signal: Signal, at: datetime, reason: str, run_id: str) -> None:
        task = self.world.config.tasks.get(name)
        if task is not None and task.ping:
            one = Ping(task.ping, signal, at, reason, name, run_id)
            self._to_send = self._outgoing(lambda: self.world.outbox.ping(one)) or self._to_send

    def _outgoing(self, act: Callable[[], None]) -> bool:
        """Do something with the outbox; says whether that went well."""
        try:
            act()
        except OSError as error:
            self.complain("WARNING", f"nobody can be told: {error}, continuing")
            return False
        return True

    # -- the history -------------------------------------------------------------------------------

    def mend_history(self, now: datetime, state: State | None = None, *, thorough: bool = False) -> None:
        """Set a damaged history aside and begin a new one with the runs whose folders are still kept.

        With a state of earlier cycles a missing history is a lost one too.
        """
        try:
            mended = self.world.history.mend(now, thorough=thorough)
            if mended is None and state is not None and self._is_history_lost(state, now):
                mended = f"history '{self.world.history.path}' is missing; a new one is begun"
            if mended is None:
                return
            self.complain("ERROR", mended)
            self.world.history.take_in(recovery.all_results(self.world.config, self.world.runner))
        except (OSError, HistoryError) as error:
            self.complain("WARNING", f"{error}, continuing")

    def _is_history_lost(self, state: State, now: datetime) -> bool:
        """Whether cycles ran and left no history; the one before may still be writing its first."""
        ran = state.last_cycle_at is not None and now - state.last_cycle_at >= self.world.config.rules.tick / 2
        return ran and not self.world.history.path.exists()

    def take_in(self, unrecorded: Sequence[tuple[str, Result]]) -> list[str]:
        """Give finished runs to the history; returns the ids that are safely there."""
        try:
            return self.world.history.take_in(unrecorded)
        except HistoryError as error:
            self._history_failed(error)
            return []

    def _history_failed(self, error: HistoryError) -> None:
        self.complain("WARNING", f"{error}, continuing")
        if error.damaged:
            self.mend_history(self.world.clock.now(), thorough=True)

    def closed(
        self,
        began: datetime,
        state: State,
        sample: Sample,
        decisions: Sequence[Decision],
        started: Sequence[str],
        codes_before: Mapping[str, str],
        tick: timedelta,
        noted: Noted,
    ) -> None:
        """Tell what began to hold tasks back and how the cycle ended; record what was seen and decided."""
        now = self.world.clock.now()
        for complaint in noted.complaints:
            self.complain("WARNING", f"{complaint}, continuing")
        for one in decisions:
            if one.code in HELD_BACK and codes_before.get(one.task) != one.code:
                self._lines.append(log.waiting(now, one))
        folder = self.world.store.folder
        try:
            past = decoded(beatfile.lines(folder))
            self.world.history.record(
                began,
                state.cycle,
                sample,
                decisions,
                tick,
                events=noted.events,
                processes=noted.processes,
                latencies=noted.latencies,
                past=past,
            )
            if past:
                beatfile.remove(folder)
        except OSError as error:
            self.complain("WARNING", f"'{beatfile.NAME}' cannot be removed: {error.strerror or error}, continuing")
        except HistoryError as error:
            self._history_failed(error)
        self._lines.append(log.closing(now, began, state.cycle, sample, started))
        self.write()
