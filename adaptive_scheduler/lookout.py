"""The eyes of a cycle: what is measured for events, what is remembered of it, and what the detectors say.

It measures before the transaction and keeps its own file, baseline.json; scheduling depends on none of it.
Lost or damaged, the baseline is made anew out of the history.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import absence, baseline, census, consumers, files, metrics, probing, watching
from adaptive_scheduler.archive import Archive, HistoryError
from adaptive_scheduler.baseline import Baseline
from adaptive_scheduler.edges import Noted, Seen
from adaptive_scheduler.events import CPU_SPIKE, DISK, MEMORY_LEAK, Answer, Culprit, Event, Level, Process
from adaptive_scheduler.model import Config, Reading, State
from adaptive_scheduler.series import KEPT_DAYS
from adaptive_scheduler.sightings import Sighting
from adaptive_scheduler.times import from_iso, iso, local_time

NAME = "baseline.json"

PRETENDED = "fake"
"""The source of a sample that ADAPTIVE_FAKE_SAMPLE made up: nothing is learned from it."""

FRESH_TICKS = 2.5
"""Answers and censuses that are older tell of another time."""

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Remembered:
    """All of baseline.json: what is usual, the last census, when each source last answered, the last write."""

    baseline: Baseline = field(default_factory=Baseline)
    tally: consumers.Tally | None = None
    uptime_s: float | None = None
    answered: Mapping[str, datetime] = field(default_factory=dict)
    written: Answer | None = None


class MachineLookout:
    """Looks at this machine, once a cycle."""

    def __init__(self, config: Config, archive: Archive, *, pretended: bool = False) -> None:
        """`pretended` is whether the time is: then no prober is started, whose stamps would be real ones."""
        self.config, self.archive, self.pretended = config, archive, pretended
        self._found: list[Sighting] = []
        self._noted = Noted()
        self._kept: Remembered | None = None

    @property
    def folder(self) -> Path:
        """The state folder."""
        return Path(self.config.state_dir)

    def look(self, seen: Seen) -> None:
        """Measure, ask the detectors, and remember; whatever fails costs a note and no cycle."""
        try:
            self._look(seen)
        except Exception as error:  # an alarm must never cost a cycle, whatever is wrong with it
            self._found, self._kept = [], None
            self._noted.complaints.append(
                f"the look for events failed ({type(error).__name__}: {error}); '{self.folder / NAME}' may be removed"
            )

    def notice(self, state: State, now: datetime) -> tuple[State, Sequence[Event]]:
        """Turn the latches: return the state with them, and the events that fired."""
        tick = self.config.rules.tick
        latches, events = watching.happened(state.latches, self._found, self.config.watches, now, tick)
        self._noted.events = list(events)
        return replace(state, latches=latches), events

    def close(self, now: datetime, write_s: float | None) -> Noted:
        """Keep the baseline, start the probes, and return what the history should have."""
        if write_s is not None:
            written = Answer(now, 1000 * write_s)
            self._noted.latencies.append((DISK, written))
            if self._kept is not None:
                self._kept = replace(self._kept, written=written)
        try:
            if self._kept is not None:
                files.replace_file(self.folder / NAME, _text(self._kept).encode(), durable=False)
            if not self.pretended:
                margin = min(timedelta(seconds=15), self.config.rules.tick * 0.1)
                budget = self.config.rules.tick - margin
                cwd = Path(self.config.path).parent
                probing.start(self.folder, self.config.probes.values(), budget, cwd=cwd)
        except OSError as error:
            self._noted.complaints.append(f"events are not watched for rightly: {error}")
        return self._noted

    def _look(self, seen: Seen) -> None:
        tick, now, sample = self.config.rules.tick, seen.now, seen.sample
        kept = self._remembered(now)
        mark = metrics.mark(seen.after[-1]) if seen.after else None
        before = metrics.mark(seen.before[-1]) if seen.before else None
        fresh = FRESH_TICKS * tick
        answers = {
            name: one
            for name, one in probing.take_in(self.folder, now, fresh).items()
            if name in self.config.probes and one.at > kept.answered.get(name, now - 2 * fresh)
        }
        self._noted.latencies.extend(answers.items())
        written = {DISK: kept.written} if kept.written is not None and now - kept.written.at <= fresh else {}
        processes, spender = self._who(kept, now, None if mark is None else mark.uptime_s, seen)
        facts = watching.Facts(
            at=now,
            sample=sample,
            latencies={**written, **answers},
            timeouts_ms={name: probe.timeout / timedelta(milliseconds=1) for name, probe in self.config.probes.items()},
            own=seen.own,
            spender=spender,
            processes=processes,
            absence=None if mark is None or before is None else absence.between(before, mark, tick),
        )
        usual, self._found = watching.look(kept.baseline, facts, self.config.watches, tick)
        answered = {**kept.answered, **{name: one.at for name, one in answers.items()}}
        answered = {name: at for name, at in answered.items() if name in self.config.probes}
        if sample.source != PRETENDED:
            self._kept = replace(self._kept or kept, baseline=usual, answered=answered, written=None)

    def _who(
        self, kept: Remembered, now: datetime, uptime_s: float | None, seen: Seen
    ) -> tuple[tuple[Process, ...], Culprit | None]:
        """Take a census: return the largest processes, and who used most CPU since the one before."""
        levels = [self.config.watches[kind].level for kind in (CPU_SPIKE, MEMORY_LEAK) if kind in self.config.watches]
        if all(level is Level.OFF for level in levels):
            return (), None
        everybody = census.take()
        largest = census.claimed(consumers.largest(everybody))
        self._noted.processes = list(largest)
        tick, self._kept = self.config.rules.tick, kept
        spender = None
        if kept.tally is not None and kept.tally.at < now:
            passed = (now - kept.tally.at).total_seconds()
            if uptime_s is not None and kept.uptime_s is not None and uptime_s > kept.uptime_s:
                passed = uptime_s - kept.uptime_s
            spender = consumers.busiest(everybody, kept.tally, passed, _cpus(seen.after))
            if spender is not None:
                spender = replace(spender, run_id=census.run_id_of(spender.pid))
        if kept.tally is None or not timedelta(0) <= now - kept.tally.at < tick / 2:
            self._kept = replace(kept, tally=consumers.tally(everybody, now), uptime_s=uptime_s)
        return largest, spender

    def _remembered(self, now: datetime) -> Remembered:
        """Return baseline.json; where there is none that can be used, what the history tells."""
        try:
            return _decoded(json.loads(files.read_bytes(self.folder / NAME)), self.config.rules.tick)
        except FileNotFoundError:
            pass
        except (OSError, *DAMAGE) as error:
            self._noted.complaints.append(
                f"'{self.folder / NAME}' cannot be used ({type(error).__name__}: {error}): made anew out of the history"
            )
        return Remembered(self._out_of_the_history(now))

    def _out_of_the_history(self, now: datetime) -> Baseline:
        tick, local = self.config.rules.tick, local_time(now)
        found = Baseline()
        try:
            since = now - timedelta(days=KEPT_DAYS)
            samples = self.archive.samples(since, now)
            latencies = self.archive.latencies(since, now)
        except HistoryError as error:
            self._noted.complaints.append(str(error))
            return found
        for sample in samples:
            if sample.source != PRETENDED:
                found = watching.remembered(found, replace(sample, at=local(sample.at)), tick)
        for source, answers in latencies.items():
            for answer in answers:
                found = watching.remembered_latency(found, source, replace(answer, at=local(answer.at)), tick)
        return found


def read(folder: Path, tick: timedelta) -> Baseline:
    """Return what is usual as the last cycle left it, for people; nothing where there is no such file to be read."""
    try:
        return _decoded(json.loads(files.read_bytes(folder / NAME)), tick).baseline
    except (OSError, *DAMAGE):
        return Baseline()


def _cpus(readings: Sequence[Reading]) -> float:
    try:
        return float(readings[-1]["cpus"])
    except (IndexError, KeyError, ValueError, TypeError):
        return 0.0


def _text(kept: Remembered) -> str:
    written = kept.written
    plain = {
        **baseline.encode(kept.baseline),
        "tally": None if kept.tally is None else consumers.encode(kept.tally),
        "uptime_s": kept.uptime_s,
        "answered": {name: iso(at) for name, at in kept.answered.items()},
        "written": None if written is None else {"at": iso(written.at), "ms": written.ms},
    }
    return json.dumps(plain, separators=(",", ":"))


def _decoded(plain: Mapping[str, Any], tick: timedelta) -> Remembered:
    tally, written, uptime_s = plain["tally"], plain["written"], plain["uptime_s"]
    return Remembered(
        baseline.decode(plain, tick),
        None if tally is None else consumers.decode(tally),
        None if uptime_s is None else float(uptime_s),
        {str(name): from_iso(at) for name, at in plain["answered"].items()},
        None if written is None else Answer(from_iso(written["at"]), float(written["ms"])),
    )
