"""Made-up signals, and detectors that live through them as the cycle lets them: series, look, latch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from adaptive_scheduler.detectors.base import Detector, Verdict, learning
from adaptive_scheduler.events import Level
from adaptive_scheduler.latches import Latch, turned
from adaptive_scheduler.series import Series, added, percent_cell
from adaptive_scheduler.signals import Grid

DAWN = datetime(2026, 3, 2, tzinfo=UTC)
Values = list[float | None]


@dataclass(frozen=True)
class Life:
    """What was said at each step of a signal, at which steps it fired, and what is remembered at the end."""

    series: Series
    verdicts: Sequence[Verdict | None] = ()
    fired: Sequence[int] = ()
    latch: Latch = field(default_factory=Latch)
    memory: dict[str, Any] = field(default_factory=dict)
    at: datetime = DAWN

    @property
    def excesses(self) -> list[float]:
        """How far beyond its limit each step was, 0 where nothing was said."""
        return [0.0 if verdict is None else verdict.excess for verdict in self.verdicts]


def lived(
    detector: Detector,
    values: Iterable[float | None],
    minutes: int = 5,
    level: Level = Level.CALM,
    cell: Callable[[float], float] = percent_cell,
    life: Life | None = None,
) -> Life:
    """Let a detector live through values, one a step, from midnight on or where another life ended."""
    step = timedelta(minutes=minutes)
    life = life or Life(Series(Grid(minutes)))
    series, latch, memory, at = life.series, life.latch, life.memory, life.at
    verdicts, fired = list(life.verdicts), list(life.fired)
    for value in values:
        at += step
        series = added(series, at, step, None if value is None else cell(value))
        verdict, memory = detector.look(series, memory, level)
        excess = None if verdict is None or learning(series) > timedelta(0) else verdict.excess
        latch, fires = turned(latch, excess, at, detector.calm(step))
        if fires:
            fired.append(len(verdicts))
        verdicts.append(verdict)
    return replace(life, series=series, verdicts=verdicts, fired=fired, latch=latch, memory=memory, at=at)


def host(days: float, minutes: int = 5, base: float = 20.0, noise: float = 1.0) -> Values:
    """A host that does nothing special, a little noise around its base; the same one each time."""
    random = Random(7)
    return [base + random.uniform(-noise, noise) for _ in range(round(days * 1440 / minutes))]


def put(values: Values, day: float, hours: float, height: float, minutes: int = 5) -> Values:
    """The same with so many points more for some hours from a day on, as many of them as there are."""
    begin, last = place(day, minutes), place(day, minutes) + max(1, round(hours * 60 / minutes))
    return [
        value if value is None or not begin <= number < last else value + height for number, value in enumerate(values)
    ]


def place(day: float, minutes: int = 5) -> int:
    """The step at which a moment lies, in days from the beginning."""
    return round(day * 1440 / minutes)


def on_days(fired: Sequence[int], minutes: int = 5) -> Iterator[int]:
    """Yield on which day each event was."""
    return (step * minutes // 1440 for step in fired)
