"""What a cycle asks of a runner, and the values that go to and fro.

A run is prepared before it is written into the state and submitted after; from then on it is exactly one
of Running, Finished or Lost. One on another machine may also be Unreachable for a while, or come back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from adaptive_scheduler.events import Event
from adaptive_scheduler.fleet import Fleet
from adaptive_scheduler.model import Live, Result, State, Status, Task


@dataclass(frozen=True, slots=True)
class Order:
    """One start: the task, the id of the run, what the script may know of the decision, what past runs took.

    `event` is what happened, where that is why it starts; `node` is where, empty for here, and `ledger` the
    identity of what keeps the runs there.
    """

    task: Task
    run_id: str
    reason: str
    sample_cpu: float | None = None
    sample_memory: float | None = None
    footprint: str = ""
    event: Event | None = None
    node: str = ""
    ledger: str = ""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step; `offset_s` counts from the start of the run.

    `status` is one of ok, warning, failed, timeout, error, interrupted, skipped and not_run.
    """

    name: str
    status: str
    cause: str = ""
    exit_code: int | None = None
    signal: str | None = None
    offset_s: float = 0.0
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """It has not ended; `pid` is that of its supervisor, None while that is starting."""

    run_id: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """It ended and its supervisor wrote down how: `outcome` is in the supervisor's own time."""

    run_id: str
    outcome: Result
    steps: Sequence[StepResult] = ()
    left_behind: int = 0
    background_took: bool | None = None

    @property
    def cpu_s(self) -> float | None:
        """CPU seconds of the whole tree."""
        return self.outcome.cpu_s

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should hear of, though it is no failure."""
        notes = []
        if self.left_behind:
            one = self.left_behind == 1
            notes.append(
                f"left {self.left_behind} process{'' if one else 'es'} behind that still run{'s' if one else ''}"
            )
        if self.background_took is False:
            notes.append("the lower background priority did not take")
        return tuple(notes)

    def recorded(self) -> Result:
        """Return the result as the supervisor wrote it down."""
        return self.outcome

    def result(self, live: Live, now: datetime) -> Result:
        """Return the result for the state, between the stamp of its start and `now`.

        The supervisor's times are kept where they fit between these two; where its clock was another one
        (set meanwhile, or a test's), its duration is laid from the stamp on.
        """
        mine = self.outcome
        if live.started_at <= mine.started_at <= mine.ended_at <= now:
            started, ended = mine.started_at.astimezone(now.tzinfo), mine.ended_at.astimezone(now.tzinfo)
        else:
            started = live.started_at
            ended = max(started, started + min(timedelta(seconds=mine.duration_s), now - started))
        return replace(mine, started_at=started, ended_at=ended, reason=live.reason, event=live.event, node=live.node)


@dataclass(frozen=True, slots=True)
class Lost:
    """It ended without a word: its supervisor died, or never came to life."""

    run_id: str
    cause: str
    status: Status = Status.INTERRUPTED
    output_bytes: int | None = None

    def result(self, live: Live, now: datetime) -> Result:
        """Return the result for the state: interrupted or lost, at the latest now."""
        ended = max(now, live.started_at)
        return Result(
            run_id=self.run_id,
            status=self.status,
            started_at=live.started_at,
            ended_at=ended,
            duration_s=(ended - live.started_at).total_seconds(),
            cause=self.cause,
            output_bytes=self.output_bytes,
            reason=live.reason,
            event=live.event,
            node=live.node,
        )


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody who could know of it answers: it may run, may have ended, may have never begun."""

    run_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class ComesBack:
    """It never began, and never will under this id: its node has said so. `event` is what it would have started for."""

    run_id: str
    cause: str
    event: Event | None = None


RunState = Running | Finished | Lost | Unreachable | ComesBack


class Printed(NamedTuple):
    """A part of what a run printed, and the offset behind it; `over` when so far only its node knows of its end."""

    content: bytes
    end: int
    over: bool = False


class Runner(Protocol):
    """Starts runs, knows what became of them, and forgets them when it may."""

    def fleet(self) -> Fleet:
        """Return the nodes as they are now; asked only where a task may go to one."""

    def node(self, task: str, run_id: str) -> str:
        """Return the node that a run was given to, empty for this machine."""

    def remind(self, state: State) -> None:
        """Write down once more what the state alone knows of live runs: a power cut may have taken the rest."""

    def new_id(self, now: datetime) -> str:
        """Return an id for a run that starts now; ids sort by time."""

    def started_at(self, run_id: str) -> datetime | None:
        """Return the time that an id was made for, None when it is none of ours."""

    def first_step(self, task: Task) -> str | None:
        """Return the name of the first step that would run here."""

    def prepare(self, order: Order) -> None:
        """Make everything ready to start, before the start is written into the state; raises OSError."""

    def submit(self, order: Order) -> None:
        """Start what was prepared; a failure to do so becomes the outcome of the run."""

    def states(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the state of runs, given as task -> run id; what was lost is cleaned up."""

    def peek(self, live: Mapping[str, str]) -> dict[str, RunState]:
        """Return the same and touch nothing."""

    def close(self) -> None:
        """Let go of what a cycle holds open."""

    def wait(self, live: Mapping[str, str], timeout_s: float) -> bool:
        """Wait until one of the runs has ended; False when the time is up before."""

    def kill(self, task: str, run_id: str) -> bool:
        """Tell a run to stop; False when it does not run."""

    def ack(self, task: str, keep: int, max_bytes: int, protect: Collection[str] = ()) -> None:
        """Forget the oldest finished runs of a task, above a count or a size; never the protected."""

    def scan(self, task: str) -> list[str]:
        """Return the ids of a task's runs that are still kept, the oldest first."""

    def outcome(self, task: str, run_id: str) -> Finished | None:
        """Return how a run ended, None when that is not known."""

    def printed(self, task: str, run_id: str, offset: int) -> Printed:
        """Return what a run has printed from an offset on, a part of it if it is much; nothing where there is nothing.

        Raises SchedulerError when its node, which alone has it, cannot be asked.
        """

    def memory(self, task: str, run_id: str) -> int | None:
        """Return the resident bytes of a live run's tree, None when that is not known."""

    def usage(self, task: str, run_id: str) -> float | None:
        """Return the CPU seconds that a live run has used so far, None when that is not known."""
