"""What is asked each cycle whether something has happened. Pure.

It needs no state and may take its milliseconds outside the transaction; what becomes of it is in alarms.py.
Load that is ours is told apart: CPU is what others use, and during a heavy run of ours and one slot after it
no spike is seen; what else it may have caused is recorded as its doing and starts nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adaptive_scheduler import growth, sightings
from adaptive_scheduler.absence import Absence
from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline, Signal, fresh, known
from adaptive_scheduler.clauses import Condition, Values
from adaptive_scheduler.conditions import fields_of, parse
from adaptive_scheduler.detectors import cpu_spike
from adaptive_scheduler.detectors.base import Calm, Detector, Verdict, learning
from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.events import (
    CPU_SPIKE,
    DISK,
    HIGH_LATENCY,
    MEMORY_LEAK,
    MISSED_CYCLES,
    SHORT_SAMPLE,
    Answer,
    Culprit,
    Level,
    Process,
    Watch,
)
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.ownership import HEAVY, OwnLoad
from adaptive_scheduler.series import latency_cell, percent_cell
from adaptive_scheduler.sightings import WHOLLY, Sighting

CONDITION_CALMS = timedelta(hours=1)
"""The cool-down of a condition of the user that names none."""

SLOT_AFTER = 1.6
"""Ticks after a heavy run of ours was last seen in which no spike is believed: one slot, and late ticks."""

SLIGHTEST = 1e-9
"""A condition is calm when it does not hold; while it ripens it is not."""


PARTLY = 0.5
"""A step is looked at when this much of it was measured: with a tick of a minute, from its third on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one cycle measured: the tick before `at`; `latencies` by source, None where not measured.

    `own` is a run of ours that may be behind it, `spender` who used most CPU, `processes` the largest ones.
    """

    at: datetime
    sample: Sample
    latencies: Mapping[str, Answer] = field(default_factory=dict)
    timeouts_ms: Mapping[str, float] = field(default_factory=dict)
    own: OwnLoad | None = None
    spender: Culprit | None = None
    processes: Sequence[Process] = ()
    absence: Absence | None = None


def look(
    baseline: Baseline, facts: Facts, watches: Mapping[str, Watch], tick: timedelta
) -> tuple[Baseline, list[Sighting]]:
    """Return the baseline with this cycle in it, and what each event that is watched for says of it."""
    looker = _Looker(fresh(baseline, facts.at, tick), facts, watches, tick)
    found = [sighting for sighting in looker.all() if sighting.name in watches]
    return looker.baseline, found


def remembered(baseline: Baseline, sample: Sample, tick: timedelta) -> Baseline:
    """Return the baseline with a past sample, at local time, that nobody is asked about any more."""
    cpu = _foreign(sample)
    baseline = known(baseline, CPU, sample.at, tick, None if cpu is None else percent_cell(cpu))
    return known(baseline, MEMORY, sample.at, tick, None if sample.memory is None else percent_cell(sample.memory))


def primed(baseline: Baseline, tick: timedelta) -> Baseline:
    """Return a baseline that was made of the past with what its detector would have found in that, day by day."""
    signal = baseline.signal(CPU, tick)
    for _ in range(cpu_spike.DAYS if signal.series.cells else 0):
        _, memory = CpuSpike().look(signal.series, signal.memory, Level.CALM)
        signal = replace(signal, memory=memory)
    return replace(baseline, signals={**baseline.signals, CPU: signal}) if signal.memory else baseline


def remembered_latency(baseline: Baseline, source: str, answer: Answer, tick: timedelta) -> Baseline:
    """Return the baseline with a past answer of a source, at local time."""
    return known(baseline, LATENCY + source, answer.at, tick, None if answer.ms is None else latency_cell(answer.ms))


class _Looker:
    """One look: everything that was measured, detector by detector."""

    def __init__(self, baseline: Baseline, facts: Facts, watches: Mapping[str, Watch], tick: timedelta) -> None:
        self.baseline, self.facts, self.watches, self.tick = baseline, facts, watches, tick
        if facts.own is not None and facts.own.cpu_percent >= HEAVY:
            self.baseline = replace(baseline, own_at=facts.at)

    def all(self) -> Iterator[Sighting]:
        """Yield what every event says."""
        yield from self._cpu()
        yield from self._memory()
        for source, answer in self.facts.latencies.items():
            yield from self._latency(source, answer)
        if self._level(MISSED_CYCLES) is not Level.OFF:
            yield sightings.missed_cycles(self.facts.absence)
        for watch in self.watches.values():
            if watch.when and watch.level is not Level.OFF:
                yield self._condition(watch)

    def _level(self, kind: str) -> Level:
        watch = self.watches.get(kind)
        return Level.OFF if watch is None else watch.level

    def _cpu(self) -> Iterator[Sighting]:
        sample, level = self.facts.sample, self._level(CPU_SPIKE)
        if level is Level.OFF:
            return
        cpu = _foreign(sample)
        verdict, signal, calm = self._asked(CPU, None if cpu is None else percent_cell(cpu), CpuSpike(), level)
        own_at = self.baseline.own_at
        if own_at is not None and timedelta(0) <= self.facts.at - own_at <= SLOT_AFTER * self.tick:
            verdict = None
        since = self._began(signal, verdict)
        yield replace(sightings.cpu_spike(verdict, calm, since, self.facts.spender), learning=learning(signal.series))

    def _memory(self) -> Iterator[Sighting]:
        sample, level = self.facts.sample, self._level(MEMORY_LEAK)
        if level is Level.OFF:
            return
        cell = None if sample.memory is None else percent_cell(sample.memory)
        verdict, signal, calm = self._asked(MEMORY, cell, MemoryLeak(), level)
        sizes = growth.grown(self.baseline.growth, self.facts.processes, self.facts.at, self.tick)
        self.baseline = replace(self.baseline, growth=sizes)
        still, ids = learning(signal.series), {one.pid: one.run_id for one in self.facts.processes}
        growers = [
            replace(one, culprit=replace(one.culprit, run_id=ids.get(one.culprit.pid, "")))
            for one in growth.growers(sizes, sample.total_bytes or 0, self.facts.at)
        ]
        most = growers[0] if growers else growth.grown_most(sizes, sample.total_bytes or 0, self.facts.at)
        whole = sightings.memory_creeps(verdict, calm, self._began(signal, verdict), most)
        leaks = {one.culprit.name: one for one in reversed(growers) if one.excess >= WHOLLY}
        # Where a process explains it, the total says nothing of its own.
        yield replace(whole, learning=still, excess=None if leaks else whole.excess)
        for grower in leaks.values():
            yield replace(sightings.process_grows(grower, calm), learning=still)

    def _latency(self, source: str, answer: Answer) -> Iterator[Sighting]:
        level = self._level(HIGH_LATENCY)
        if level is Level.OFF:
            return
        ms = answer.ms if answer.ms is not None else self.facts.timeouts_ms.get(source)
        cell = None if ms is None else latency_cell(ms)
        verdict, signal, calm = self._asked(LATENCY + source, cell, HighLatency(), level)
        own = self.facts.own.run_id if self.facts.own is not None else ""
        sighting = sightings.high_latency(source, answer, verdict, calm, own)
        yield replace(sighting, learning=learning(signal.series))

    def _condition(self, watch: Watch) -> Sighting:
        """Ask a condition of the user."""
        condition = parse(watch.when)
        ms = {source: answer.ms for source, answer in self.facts.latencies.items()}
        values = fields_of(self.facts.sample, ms.pop(DISK, None), ms)
        cycles = condition.cycles(self.tick)
        calm = Calm(SLIGHTEST, (cycles - 1) * self.tick, CONDITION_CALMS)
        return sightings.condition(watch, condition, values, cycles, calm, self._cause(condition, values))

    def _cause(self, condition: Condition, values: Values) -> str:
        """Return the run of ours without whose CPU a condition would not hold, or that an event has started."""
        own, total = self.facts.own, values.get("cpu_load")
        if own is None:
            return ""
        without = {**values, "cpu_load": None if total is None else total - own.cpu_percent}
        return own.run_id if own.by_event or condition.holds(without) is False else ""

    def _asked(
        self, name: str, cell: float | None, detector: Detector, level: Level
    ) -> tuple[Verdict | None, Signal, Calm]:
        """Let a detector look at a signal with this cycle in it; steps hardly begun are not judged."""
        self.baseline = known(self.baseline, name, self.facts.at, self.tick, cell)
        signal = self.baseline.signal(name, self.tick)
        step = timedelta(minutes=signal.series.grid.minutes)
        calm = detector.calm(step)
        if cell is None or signal.series.count * self.tick < PARTLY * step:
            return None, signal, calm
        verdict, memory = detector.look(signal.series, signal.memory, level)
        signal = replace(signal, memory=memory)
        self.baseline = replace(self.baseline, signals={**self.baseline.signals, name: signal})
        return verdict, signal, calm

    def _began(self, signal: Signal, verdict: Verdict | None) -> datetime | None:
        if verdict is None:
            return None
        return self.facts.at - max(self.tick, verdict.steps * timedelta(minutes=signal.series.grid.minutes))


def _foreign(sample: Sample) -> float | None:
    """Return the CPU that others used over the tick; all of it where ours is not known, None of a second's sample."""
    if sample.source == SHORT_SAMPLE:
        return None
    return sample.cpu if sample.foreign_cpu is None else sample.foreign_cpu
