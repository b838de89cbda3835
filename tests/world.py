"""The small language of whole cycles: `world.task("a").later(minutes=5).cycle().ran == ["a"]`.

Everything but the machine and the scripts is real: the state file, the history, the log. The scripted
runner is a sibling of the local one: its runs last as long as a test says and end as a test says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import files, probefiles, recall
from adaptive_scheduler.almanac import Almanac
from adaptive_scheduler.baseline import Baseline
from adaptive_scheduler.cycle import run
from adaptive_scheduler.edges import Blind, Lookout, Report, Seen, Wish, World
from adaptive_scheduler.events import Answer, Event, Probe, Process, Watch
from adaptive_scheduler.fleet import Cluster, Fleet
from adaptive_scheduler.history import History
from adaptive_scheduler.journal import Journal
from adaptive_scheduler.lookout import MachineLookout
from adaptive_scheduler.machine import Memory, Reading, Sample
from adaptive_scheduler.model import Decision, State, Status, Task
from adaptive_scheduler.notify import Notice, Notify, Ping
from adaptive_scheduler.ownership import OwnLoad
from adaptive_scheduler.preview import look, present, preview
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.staircases import Table
from adaptive_scheduler.state import seen
from adaptive_scheduler.store import Store
from tests import tables as tables_of
from tests.builders import NOW, event, footprint, node, task
from tests.scripted import Script, ScriptedRunner
from tests.sights import process, watches


class HandClock:
    """A clock that only tests and the scripted runner move."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def pause(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


CPUS = 4


@dataclass
class Clocks:
    """The clocks of a machine that was booted a day ago; `slept` and `set_by` are what the wall clock alone shows."""

    booted: datetime
    boot: str = "boot-1"
    slept: timedelta = timedelta(0)
    set_by: timedelta = timedelta(0)

    def reading(self, now: datetime) -> dict[str, Any]:
        up_s = (now - self.set_by - self.booted).total_seconds()
        awake_s = up_s - self.slept.total_seconds()
        return {"boot": self.boot, "uptime_s": up_s, "total_s": CPUS * awake_s, "cpus": CPUS, "source": "host"}


class HandCensus:
    """The processes of a machine as a test says; those that are `ours` belong to a run."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.ours: dict[int, str] = {}
        self.broken = False

    def take(self) -> tuple[Process, ...]:
        if self.broken:
            raise RuntimeError("no census today")
        return tuple(self.processes.values())

    def claimed(self, processes: Iterable[Process]) -> tuple[Process, ...]:
        return tuple(replace(one, run_id=self.run_id_of(one.pid)) for one in processes)

    def run_id_of(self, pid: int) -> str:
        return self.ours.get(pid, "")


@dataclass
class HandMeter:
    """A machine whose load a test sets; a list of memory values is used up reading by reading."""

    cpu: float | None = 50.0
    memory_now: float | None = 40.0
    later: list[float] = field(default_factory=list)
    own_cpu_s: float = 0.0
    available: int | None = None
    total: int | None = None
    available_later: list[int] = field(default_factory=list)
    clocks: Clocks | None = None
    source: str = "test"

    def measure(
        self, readings: tuple[Reading, ...], now: datetime, own_cpu_s: float
    ) -> tuple[Sample, tuple[Reading, ...]]:
        self.own_cpu_s = own_cpu_s
        foreign, reading = None, {"at": now.isoformat()}
        if self.clocks is not None:
            reading |= self.clocks.reading(now)
            if self.cpu is not None and readings and own_cpu_s:
                passed_s = (now - datetime.fromisoformat(str(readings[-1]["at"]))).total_seconds()
                foreign = max(0.0, self.cpu - 100 * own_cpu_s / (CPUS * passed_s))
        sample = Sample(now, self.cpu, self.memory_now, foreign, {}, self.source, self.available, self.total)
        return sample, (*readings[-1:], reading)

    def memory(self) -> Memory:
        if self.later:
            self.memory_now = self.later.pop(0)
        if self.available_later:
            self.available = self.available_later.pop(0)
        return Memory(self.memory_now, self.available, self.total)


class HandLookout(Blind):
    """Sees what a test says, in the next cycle alone; keeps what it was told of our own load."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.own: OwnLoad | None = None

    def look(self, seen: Seen) -> None:
        self.own = seen.own

    def notice(self, state: State, now: datetime) -> tuple[State, Sequence[Event]]:
        events, self.events = self.events, []
        return replace(state, latches=f"saw {len(events)}") if events else state, events


class HandOutbox:
    """Keeps what is to be told; a full disk takes nothing."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.pings: list[Ping] = []
        self.sent = 0
        self.full = False

    def tell(self, notices: Sequence[Notice]) -> None:
        self._room()
        self.notices += notices

    def ping(self, one: Ping) -> None:
        self._room()
        self.pings.append(one)

    def send(self) -> None:
        self.sent += 1

    def _room(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


@dataclass
class Cycle:
    """What one cycle did, by task."""

    report: Report
    ran: list[str]

    def __getitem__(self, name: str) -> Decision:
        return next(one for one in self.report.decisions if one.task == name)

    @property
    def codes(self) -> dict[str, str]:
        return {one.task: one.code.value for one in self.report.decisions}

    @property
    def results(self) -> dict[str, str]:
        return {name: result.status.value for name, result in self.report.runs}


class TestWorld:
    """Tasks, a load, a clock, and the files of a state folder."""

    __test__ = False

    def __init__(self, folder: Path, now: datetime = NOW, **rules: Any) -> None:
        self.folder = folder / "outputs"
        self.clock = HandClock(now)
        self.meter = HandMeter()
        self.lookout = HandLookout()
        self.outbox = HandOutbox()
        self.notify = Notify()
        self.rules = Rules(**rules)
        self.tasks: dict[str, Task] = {}
        self.scripts: dict[str, Script] = {}
        self.runner = ScriptedRunner(self.clock, self.scripts)
        self.census: HandCensus | None = None
        self.watches: dict[str, Watch] = {}
        self.probes: dict[str, Probe] = {}
        self.cluster = Cluster("tls://master:8786")

    # -- saying what there is ----------------------------------------------------------------------

    def task(
        self, name: str, every: float | None = 10, *, lasts: float = 0, ends: Status = Status.OK, **more: Any
    ) -> "TestWorld":
        """Add a task whose runs last this many minutes and end like this."""
        self.tasks[name] = task(name, every, **more)
        self.scripts[name] = Script(timedelta(minutes=lasts), ends)
        return self

    def without(self, name: str) -> "TestWorld":
        del self.tasks[name]
        return self

    def ends(self, name: str, status: Status, *, lasts: float = 0) -> "TestWorld":
        self.scripts[name] = replace(self.scripts[name], status=status, lasts=timedelta(minutes=lasts))
        return self

    def load(self, cpu: float | None = None, memory: float | None = None) -> "TestWorld":
        self.meter.cpu = self.meter.cpu if cpu is None else cpu
        self.meter.memory_now = self.meter.memory_now if memory is None else memory
        return self

    def node(self, name: str, cpu: float | None = 10.0, memory: float | None = 20.0, **more: Any) -> "TestWorld":
        """Let a node be there, or be there otherwise than before."""
        others = tuple(one for one in self.runner.machines.nodes if one.name != name)
        seen = node(name, cpu=cpu, memory=memory, **more)
        self.runner.machines = Fleet((*others, seen), asked=True)
        return self

    def unreachable(self, problem: str = "nobody listens at 'tls://master:8786'") -> "TestWorld":
        self.runner.machines = Fleet(problem=problem, asked=True)
        return self

    def told(self, *names: str, **wish: Any) -> "TestWorld":
        """Let these be told of what is the matter."""
        self.notify = Notify(names or ("OPS",), **wish)
        return self

    def news(self) -> list[str]:
        """What has been told since the last look: `about task`."""
        news, self.outbox.notices = self.outbox.notices, []
        return [f"{one.about} {one.task}".strip() for one in news]

    def pings(self) -> list[str]:
        """What switches have been told since the last look: `name signal`."""
        pings, self.outbox.pings = self.outbox.pings, []
        return [f"{one.to} {one.signal}" for one in pings]

    def event(self, name: str, **more: Any) -> "TestWorld":
        """Let something happen, which the next cycle sees."""
        self.lookout.events.append(event(name, at=self.clock.moment, **more))
        return self

    def watched(self, usual: Baseline | None = None, *own: Watch, **built_in: Any) -> "TestWorld":
        """Let the real lookout look, at processes that a test says; `usual` is what the last cycle has left."""
        self.census, self.watches = HandCensus(), watches(*own, **built_in)
        self.meter.clocks, self.meter.total = Clocks(self.clock.moment - timedelta(days=1)), 10 << 30
        self.meter.available = 5 << 30
        if usual is not None:
            files.private_folder(self.folder)
            recall.write(self.folder, recall.Remembered(usual))
        return self

    def process(self, name: str, pid: int = 7, mib: float = 100, **more: Any) -> "TestWorld":
        """Let there be a process, or let it be like this from now on; more CPU seconds are added to those it had."""
        assert self.census is not None
        was = self.census.processes.get(pid)
        used_s = more.pop("uses_s", 0.0) + (0.0 if was is None else was.cpu_s)
        self.census.processes[pid] = process(name, pid, mib=mib, cpu_s=used_s, **more)
        return self

    def answered(self, source: str, ms: float | None, **more: Any) -> "TestWorld":
        """Let a probe have answered just now."""
        self.probes.setdefault(source, Probe(name=source, way="tcp", target=("localhost:1",)))
        files.private_folder(self.folder)
        answer = Answer(self.clock.moment, ms, more.get("problem", "" if ms is not None else "refused"))
        probefiles.write_answers(self.folder, {source: answer})
        return self

    def later(self, **by: float) -> "TestWorld":
        self.clock.moment += timedelta(**by)
        return self

    def room(self, *megabytes: float) -> "TestWorld":
        """Say what memory is available: now, and at each later reading."""
        first, *later = (round(one * 1e6) for one in megabytes)
        self.meter.available, self.meter.available_later = first, later
        return self

    def learned(self, name: str, seconds: float, megabytes: float | None = None, *, runs: int = 10) -> "TestWorld":
        """Let a task have run so often, each time for so long and so big."""
        with self.world.store.transaction(self.clock.moment) as transaction:
            before = seen(transaction.state, self.tasks, self.clock.moment)
            mine = replace(before.tasks[name], footprint=footprint(*[(seconds, megabytes)] * runs))
            transaction.state = replace(before, tasks={**before.tasks, name: mine})
        return self

    def rhythm(self, *, cpu: float = 50.0, days: float = 8, tables: dict[str, Table], **more: Any) -> "TestWorld":
        """Let ceilings have been learned for these tasks, and the load have been constant up to now."""
        now, written = self.clock.moment, {name: tables_of.lesson(one) for name, one in tables.items()}
        almanac = Almanac(self.folder)
        almanac.write(
            tables_of.rhythm(now, None, rule=self.rules.rhythm, **written) | more,
            tables_of.load(now, days=days, cpu=cpu),
        )
        return self

    # -- doing -------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        config = Config(
            cluster=self.cluster,
            path="tasks.toml",
            state_dir=str(self.folder),
            rules=self.rules,
            tasks=dict(self.tasks),
            watches=self.watches,
            probes=self.probes,
            notify=self.notify,
        )
        history = History(self.folder)
        lookout: Lookout = self.lookout
        if self.census is not None:
            lookout = MachineLookout(config, history, pretended=True, who=self.census)
        return World(
            config,
            self.clock,  # type: ignore[arg-type]  # a clock by its two methods
            Store(self.folder),
            history,
            Journal(self.folder),
            self.runner,
            self.meter,
            lookout,
            self.outbox,
        )

    def cycle(self, *only: str, force: bool = False, wait: timedelta | None = None) -> Cycle:
        """Run one cycle at the present moment; the clock stands where it stood afterwards."""
        began = self.clock.moment
        before = len(self.runner.submitted)
        report = run(self.world, Wish(frozenset(only) or None, force, wait))
        self.took = self.clock.moment - began
        self.clock.moment = began
        return Cycle(report, self.runner.submitted[before:])

    def dry_run(self) -> Cycle:
        report = preview(self.world, Wish())
        return Cycle(report, [one.task for one in report.decisions if one.code.starts])

    def why(self, name: str) -> Decision:
        world = self.world
        return present(world, look(world))[name]

    @property
    def state(self) -> Any:
        return self.world.store.read().state

    @property
    def log(self) -> list[str]:
        return self.world.journal.path.read_text(encoding="utf-8").splitlines()

    def last_node(self, name: str) -> str:
        return str(self.state.tasks[name].last.node)

    def restore(self, state: State) -> "TestWorld":
        """Put an older state in the place of the present one, as somebody does with a backup."""
        with self.world.store.transaction(self.clock.moment) as transaction:
            transaction.state = state
        return self
