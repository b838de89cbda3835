"""How it stands with each event that is watched for: off, learning, armed, or fired and not yet calm again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adaptive_scheduler import latches
from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline
from adaptive_scheduler.detectors.base import PROBATION, learning
from adaptive_scheduler.durations import words
from adaptive_scheduler.events import CPU_SPIKE, DISK, HIGH_LATENCY, MEMORY_LEAK, Level, Watch
from adaptive_scheduler.latches import Latch


@dataclass(frozen=True, slots=True)
class Standing:
    """One event, or one source of it: how long it still learns, whether it may fire, when it fired last."""

    name: str
    source: str
    level: Level
    learning: timedelta
    armed: bool
    fired_at: datetime | None

    @property
    def words(self) -> str:
        """How it stands, in words."""
        if self.level is Level.OFF:
            return "off"
        if self.learning:
            return f"learning, {words(self.learning)} to go"
        return "watching" if self.armed else "fired, and not calm again yet"


def standings(watches: Mapping[str, Watch], baseline: Baseline, text: str, probes: Iterable[str]) -> Sequence[Standing]:
    """Return how it stands with every event, in the order of the watches; `text` is the latches of the state."""
    kept = latches.decode(text)
    found = []
    for name, watch in watches.items():
        for source in (DISK, *probes) if name == HIGH_LATENCY else ("",):
            latch = kept.get(f"{name}:{source}" if source else name, Latch())
            found.append(
                Standing(name, source, watch.level, _learning(name, source, baseline), latch.armed, latch.last)
            )
    return found


def in_short(found: Sequence[Standing], now: datetime) -> str:
    """Return one line about all of them."""
    told = [one for one in found if one.level is not Level.OFF]
    if not told:
        return "none is watched for"
    names = len({one.name for one in told})
    line = f"{names} watched for"
    learns = max(told, key=lambda one: one.learning)
    if learns.learning:
        line += f", {learns.name} is {learns.words}"
    fired = [(one.fired_at, one.name) for one in told if one.fired_at is not None]
    if fired:
        at, name = max(fired)
        line += f"; last was {name}, {words(max(timedelta(0), now - at))} ago"
    return line


def _learning(name: str, source: str, baseline: Baseline) -> timedelta:
    signal = {CPU_SPIKE: CPU, MEMORY_LEAK: MEMORY, HIGH_LATENCY: LATENCY + source}.get(name)
    if signal is None:
        return timedelta(0)
    return learning(baseline.signals[signal].series) if signal in baseline.signals else PROBATION
