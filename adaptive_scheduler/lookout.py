"""The eyes of a cycle: what is measured for events, and what the detectors say of it.

It measures before the transaction and keeps its own file, baseline.json; scheduling depends on none of it.
Whatever fails here costs a note: an alarm must never cost a cycle.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from adaptive_scheduler import absence, alarms, census, consumers, metrics, probing, recall, watching
from adaptive_scheduler.archive import Archive
from adaptive_scheduler.edges import Noted, Seen
from adaptive_scheduler.events import CPU_SPIKE, DISK, MEMORY_LEAK, Answer, Culprit, Event, Level, Process
from adaptive_scheduler.machine import Reading
from adaptive_scheduler.model import State
from adaptive_scheduler.recall import PRETENDED, Remembered
from adaptive_scheduler.settings import Config, without_addresses
from adaptive_scheduler.sightings import Sighting

FRESH_TICKS = 2.5
"""Answers that are older tell of another time."""

MARGIN, MARGIN_SHARE = timedelta(seconds=15), 0.1
"""Probes are over this long before the next tick: 15 s, or 10 % of short ticks."""


class Census(Protocol):
    """Who tells of the processes of a machine; census.py is one."""

    def take(self) -> tuple[Process, ...]:
        """Return all processes."""

    def claimed(self, processes: Iterable[Process], /) -> tuple[Process, ...]:
        """Return them with the ids of the runs of ours they belong to."""

    def run_id_of(self, pid: int, /) -> str:
        """Return the id of the run of ours that a process belongs to, empty where it is nobody's."""


class MachineLookout:
    """Looks at this machine, once a cycle."""

    def __init__(self, config: Config, archive: Archive, *, pretended: bool = False, who: Census = census) -> None:
        """`pretended` is whether the time is: then no prober is started, whose stamps would be real ones."""
        self.config, self.archive, self.pretended, self.who = config, archive, pretended, who
        self.folder = Path(config.state_dir)
        self._found: list[Sighting] = []
        self._earlier: list[tuple[datetime, list[Sighting]]] = []
        self._noted = Noted()
        self._kept: Remembered | None = None

    # -- what a cycle asks -------------------------------------------------------------------------

    def look(self, seen: Seen) -> None:
        """Measure, ask the detectors, and remember."""
        try:
            kept = recall.read(self.folder, self.config.rules.tick)
            if kept is not None:
                self._look(seen, self._passed(seen, kept))
                return
        except Exception as error:  # however it is damaged
            path = self.folder / recall.NAME
            self._noted = Noted(complaints=[f"'{path}' cannot be used ({_told(error)}): made anew out of the history"])
        try:
            usual = recall.out_of(self.archive, seen.now, self.config.rules.tick, self._timeouts_ms())
            self._look(seen, Remembered(usual))
        except Exception as error:  # whatever is wrong with us
            self._found = []
            self._noted = Noted(complaints=[*self._noted.complaints, f"the look for events failed ({_told(error)})"])

    def notice(self, state: State, now: datetime) -> tuple[State, Sequence[Event]]:
        """Turn the latches: return the state with them, and the events that fired."""
        tick = self.config.rules.tick
        try:
            latches, events = state.latches, list[Event]()
            for at, found in [*self._earlier, (now, self._found)]:
                latches, new = alarms.happened(latches, found, self.config.watches, at, tick)
                events += new
        except Exception as error:  # latches that make no sense are as at the beginning
            self._noted.complaints.append(f"what is remembered of earlier events is lost ({_told(error)})")
            latches, events = "", []
        self._noted.events = events
        return replace(state, latches=latches), events

    def close(self, now: datetime, write_s: float | None) -> Noted:
        """Keep the baseline, start the probes, and return what the history should have."""
        kept, noted = self._kept, self._noted
        if write_s is not None:
            written = Answer(now, 1000 * write_s)
            noted.latencies.append((DISK, written))
            kept = kept and replace(kept, written=written)
        try:
            if kept is not None:
                recall.write(self.folder, kept)
        except Exception as error:  # a full disk, or what cannot be written
            noted.complaints.append(f"what is usual cannot be remembered ({_told(error)})")
        try:
            if not self.pretended:
                tick = self.config.rules.tick
                budget = tick - min(MARGIN, tick * MARGIN_SHARE)
                cwd = Path(self.config.path).parent
                environ = without_addresses(os.environ, self.config)
                probing.start(self.folder, self.config.probes.values(), budget, cwd=cwd, environ=environ)
        except Exception as error:  # no process to be had
            noted.complaints.append(f"the probes cannot be started ({_told(error)})")
        return noted

    # -- one look ----------------------------------------------------------------------------------

    def _look(self, seen: Seen, kept: Remembered) -> None:
        tick, now, sample = self.config.rules.tick, seen.now, seen.sample
        mark = metrics.mark(seen.after[-1]) if seen.after else None
        before = metrics.mark(seen.before[-1]) if seen.before else None
        answers = self._answers(kept, now)
        self._noted.latencies.extend(answers.items())
        written = {DISK: kept.written} if kept.written is not None and self._is_fresh(kept.written, now) else {}
        processes, spender, counted = self._who(kept, None if mark is None else mark.uptime_s, seen)
        self._noted.processes = list(processes)
        facts = watching.Facts(
            at=now,
            sample=sample,
            latencies={**written, **answers},
            timeouts_ms=self._timeouts_ms(),
            own=seen.own,
            spender=spender,
            processes=processes,
            absence=None if mark is None or before is None else absence.between(before, mark, tick),
        )
        usual, self._found = watching.look(kept.baseline, facts, self.config.watches, tick)
        answered = {name: one for name, one in {**kept.answered, **answers}.items() if name in self.config.probes}
        before_now = recall.troubles(kept.answered)
        self._noted.complaints += [one for one in recall.troubles(answered) if one not in before_now]
        self._kept = replace(
            counted,
            baseline=kept.baseline if sample.source == PRETENDED else usual,
            answered=answered,
            written=None,
        )

    def _passed(self, seen: Seen, kept: Remembered) -> Remembered:
        """Look at what the short cycles before this one saw, as if this had been done then."""
        tick = self.config.rules.tick
        for one in seen.past:
            facts = watching.Facts(
                at=one.at,
                sample=one.sample,
                latencies={DISK: kept.written} if kept.written and self._is_fresh(kept.written, one.at) else {},
                timeouts_ms=self._timeouts_ms(),
                processes=one.processes,
            )
            usual, found = watching.look(kept.baseline, facts, self.config.watches, tick)
            self._earlier.append((one.at, found))
            kept = replace(kept, baseline=usual, written=None)
        return kept

    def _answers(self, kept: Remembered, now: datetime) -> dict[str, Answer]:
        """Return the answers of our probes that no cycle has met before."""
        found = probing.take_in(self.folder, now, FRESH_TICKS * self.config.rules.tick)
        met = {name: one.at for name, one in kept.answered.items()}
        return {name: one for name, one in found.items() if name in self.config.probes and one.at != met.get(name)}

    def _is_fresh(self, answer: Answer, now: datetime) -> bool:
        return timedelta(0) <= now - answer.at <= FRESH_TICKS * self.config.rules.tick

    def _timeouts_ms(self) -> Mapping[str, float]:
        return {name: probe.timeout / timedelta(milliseconds=1) for name, probe in self.config.probes.items()}

    def _who(
        self, kept: Remembered, uptime_s: float | None, seen: Seen
    ) -> tuple[tuple[Process, ...], Culprit | None, Remembered]:
        """Take a census: return the largest processes, who used most CPU since the one before, and what to remember."""
        levels = [self.config.watches[kind].level for kind in (CPU_SPIKE, MEMORY_LEAK) if kind in self.config.watches]
        if all(level is Level.OFF for level in levels):
            return (), None, kept
        everybody = self.who.take()
        largest = self.who.claimed(consumers.largest(everybody))
        now, spender = seen.now, None
        if kept.tally is not None and kept.tally.at < now:
            passed = (now - kept.tally.at).total_seconds()
            if uptime_s is not None and kept.uptime_s is not None and uptime_s > kept.uptime_s:
                passed = uptime_s - kept.uptime_s
            spender = consumers.busiest(everybody, kept.tally, passed, _cpus(seen.after))
            if spender is not None:
                spender = replace(spender, run_id=self.who.run_id_of(spender.pid))
        if kept.tally is None or not timedelta(0) <= now - kept.tally.at < self.config.rules.tick / 2:
            kept = replace(kept, tally=consumers.tally(everybody, now), uptime_s=uptime_s)
        return largest, spender, kept


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _cpus(readings: Sequence[Reading]) -> float:
    try:
        return float(readings[-1]["cpus"])
    except (IndexError, KeyError, ValueError, TypeError):
        return 0.0
