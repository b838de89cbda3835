"""What a detector or a condition says of one cycle, in words and numbers: what a latch is asked about. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adaptive_scheduler.absence import Absence
from adaptive_scheduler.case import percent
from adaptive_scheduler.clauses import Condition, Values
from adaptive_scheduler.detectors.base import Calm, Verdict
from adaptive_scheduler.events import (
    CPU_SPIKE,
    DISK,
    HIGH_LATENCY,
    MEMORY_LEAK,
    MISSED_CYCLES,
    TRACE,
    Answer,
    Culprit,
    Watch,
)
from adaptive_scheduler.growth import Grower
from adaptive_scheduler.series import latency_of, percent_of
from adaptive_scheduler.sizes import spoken

NOT_AT_ALL = 0.0
WHOLLY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How far one event is from firing: `excess` 1 is at its limit, None says nothing at all.

    `source` tells several signals of one kind apart. The other fields are those of the event it may become.
    """

    name: str
    excess: float | None
    calm: Calm
    source: str = ""
    value: float | None = None
    expected: float | None = None
    unit: str = ""
    since: datetime | None = None
    reason: str = ""
    culprit: Culprit | None = None
    caused_by: str = ""
    learning: timedelta = timedelta(0)
    cycles: int = 0
    """In how many cycles in a row a condition must hold; then `excess` says whether it does, 1 or 0."""

    @property
    def key(self) -> str:
        """The name of its latch."""
        return f"{self.name}:{self.source}" if self.source else self.name


def cpu_spike(verdict: Verdict | None, calm: Calm, since: datetime | None, culprit: Culprit | None) -> Sighting:
    """Return the sighting of foreign CPU above its usual."""
    if verdict is None:
        return Sighting(name=CPU_SPIKE, excess=None, calm=calm)
    value, expected = round(percent_of(verdict.value), 1), round(max(0.0, percent_of(verdict.expected)), 1)
    reason = f"CPU {percent(value)} where {percent(expected)} is usual at most"
    if culprit is not None and culprit.cpu_percent:
        reason += f"; {told(culprit)} uses {percent(culprit.cpu_percent)}"
    return Sighting(
        name=CPU_SPIKE,
        excess=verdict.excess,
        calm=calm,
        value=value,
        expected=expected,
        unit="percent",
        since=since,
        reason=reason,
        culprit=culprit,
    )


def memory_creeps(verdict: Verdict | None, calm: Calm, since: datetime | None, grower: Grower | None) -> Sighting:
    """Return the sighting of memory use that creeps up as a whole, with the process that grew most."""
    if verdict is None:
        return Sighting(name=MEMORY_LEAK, excess=None, calm=calm)
    value, expected = round(percent_of(verdict.value), 1), round(max(0.0, percent_of(verdict.expected)), 1)
    culprit = None if grower is None else grower.culprit
    reason = f"memory creeps up: {percent(value)}, {percent(expected)} is usual"
    if culprit is not None:
        reason += f"; {_grows(culprit)}"
    return Sighting(
        name=MEMORY_LEAK,
        excess=verdict.excess,
        calm=calm,
        value=value,
        expected=expected,
        unit="percent",
        since=since,
        reason=reason,
        culprit=culprit,
        caused_by="" if culprit is None else culprit.run_id,
    )


def process_grows(grower: Grower, calm: Calm) -> Sighting:
    """Return the sighting of one process that grows and grows."""
    return Sighting(
        name=MEMORY_LEAK,
        source=grower.culprit.name,
        excess=grower.excess,
        calm=calm,
        value=float(grower.value),
        expected=float(grower.expected),
        unit="bytes",
        since=grower.since,
        reason=f"{_grows(grower.culprit)}: {spoken(grower.value)} now, {spoken(grower.expected)} before",
        culprit=grower.culprit,
        caused_by=grower.culprit.run_id,
    )


def high_latency(source: str, answer: Answer, verdict: Verdict | None, calm: Calm, caused_by: str) -> Sighting:
    """Return the sighting of a source that answers late, or not at all."""
    if verdict is None:
        return Sighting(name=HIGH_LATENCY, source=source, excess=None, calm=calm)
    value, expected = round(latency_of(verdict.value), 3), round(latency_of(verdict.expected), 3)
    who = {DISK: "a durable write of the state", TRACE: "it"}.get(source, f"probe '{source}'")
    took = f"took {_ms(answer.ms)}" if answer.ms is not None else "had no answer"
    why = f" ({answer.problem})" if answer.problem else ""
    return Sighting(
        name=HIGH_LATENCY,
        source=source,
        excess=verdict.excess,
        calm=calm,
        value=value,
        expected=expected,
        unit="ms",
        since=answer.at,
        reason=f"{who} {took}{why} where {_ms(expected)} is usual at most",
        caused_by=caused_by,
    )


def missed_cycles(absence: Absence | None) -> Sighting:
    """Return the sighting of cycles that never came."""
    calm = Calm(WHOLLY, timedelta(0), timedelta(0))
    if absence is None:
        return Sighting(name=MISSED_CYCLES, excess=NOT_AT_ALL, calm=calm)
    plural = "" if absence.missed == 1 else "s"
    return Sighting(
        name=MISSED_CYCLES,
        excess=WHOLLY,
        calm=calm,
        value=float(absence.missed),
        expected=0.0,
        unit="cycles",
        since=absence.since,
        reason=f"{absence.missed} cycle{plural} did not come: {absence.cause}",
    )


def condition(watch: Watch, condition: Condition, values: Values, cycles: int, calm: Calm, caused_by: str) -> Sighting:
    """Return the sighting of what the user described, in the user's words; its first field is what people are shown."""
    first, holds = condition.first, condition.holds(values)
    return Sighting(
        name=watch.name,
        excess=None if holds is None else WHOLLY if holds else NOT_AT_ALL,
        calm=calm,
        cycles=cycles,
        caused_by=caused_by,
        value=values.get(first.field),
        expected=first.limit,
        unit=first.unit,
        reason=f"{' '.join(watch.when.split())}: {first.field} is {_value(values.get(first.field), first.unit)}",
    )


def told(culprit: Culprit) -> str:
    """Return a culprit as people know it: 'make (pid 123)', 'cc1plus (8 processes)'."""
    return f"{culprit.name} ({f'{culprit.processes} processes' if culprit.processes > 1 else f'pid {culprit.pid}'})"


def _grows(culprit: Culprit) -> str:
    return f"{told(culprit)} grows by {spoken(culprit.growth_per_hour or 0)} an hour"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    return {"percent": percent(value), "bytes": spoken(value)}.get(unit, _ms(value))


def _ms(value: float) -> str:
    """Return milliseconds to two places that count: '1340 ms', '12 ms', '3.4 ms', '0.27 ms'."""
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"
