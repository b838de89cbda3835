"""Everything that a report tells, as values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from adaptive_scheduler.busy import Local
from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Event
from adaptive_scheduler.lessons import Learning
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Result
from adaptive_scheduler.overview import Overview, TaskView
from adaptive_scheduler.settings import Config
from adaptive_scheduler.trends import Trends

HELD_WHEN_DUE = (
    Code.CPU_CEILING,
    Code.DEP_FAILED,
    Code.DEP_WAIT,
    Code.NO_NODE,
    Code.MEMORY_GATE,
    Code.MEMORY_NEED,
    Code.HEAVY_PAIR,
    Code.NO_SLOT,
)
"""What keeps a task waiting whose time has come, in the order of refusals."""

TOLD = (Code.DISABLED, Code.PAUSED, Code.BACKOFF, Code.WINDOW, *HELD_WHEN_DUE, Code.ERROR)
"""The reasons that are told of each task: that it was not due, or ran already, is no news."""

Started = Sequence[tuple[str, Result]]


@dataclass(frozen=True, slots=True)
class Held:
    """How often one reason held a task back: stretches of time, and cycles in all of them."""

    code: Code
    times: int
    cycles: int


@dataclass(frozen=True)
class Book:
    """One machine: how it stands at `view.at`, and its last days. Runs and samples come in the order of time."""

    machine: str
    version: str
    days: int
    config: Config
    view: Overview
    trends: Trends
    samples: Sequence[Sample]
    runs: Sequence[tuple[str, Result]]
    held: Mapping[str, Sequence[Held]]
    happened: Sequence[tuple[Event, Started]]
    learning: Learning
    local: Local

    @property
    def at(self) -> datetime:
        """When the report was made."""
        return self.view.at

    @cached_property
    def begin(self) -> datetime:
        """When what is known begins; an hour before now where nothing is."""
        tick = self.config.rules.tick
        first = [one.at - tick for one in self.samples[:1]] + [one.started_at for _, one in self.runs[:1]]
        first += [event.at for event, _ in self.happened]
        return min([*first, self.at - timedelta(hours=1)])

    @cached_property
    def runs_of(self) -> Mapping[str, Sequence[Result]]:
        """The runs of each task, those of tasks.toml first, in its order."""
        found: dict[str, list[Result]] = {name: [] for name in self.config.tasks}
        for name, result in self.runs:
            found.setdefault(name, []).append(result)
        return found

    @cached_property
    def views(self) -> Mapping[str, TaskView]:
        """How the tasks of tasks.toml stand now."""
        return {one.name: one for one in self.view.tasks}

    @cached_property
    def failed(self) -> int:
        """How many runs did not succeed."""
        return sum(not one.status.succeeded for _, one in self.runs)

    @cached_property
    def deferred(self) -> timedelta:
        """How long tasks that were due were held back, all of them together."""
        cycles = sum(one.cycles for held in self.held.values() for one in held if one.code in HELD_WHEN_DUE)
        return cycles * self.config.rules.tick

    def since_begin(self, moment: datetime) -> float:
        """Return the seconds from the beginning to a moment."""
        return (moment - self.begin).total_seconds()

    def clock(self, moment: datetime) -> str:
        """Return what local clocks showed, to the minute."""
        return f"{self.local(moment):%Y-%m-%d %H:%M}"
