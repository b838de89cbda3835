"""What tasks.toml says as frozen values: the rules that decisions go by, and the whole file.

CPU and memory are per cent of all that this machine (or its container) may use, sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from adaptive_scheduler.events import Probe, Watch
from adaptive_scheduler.fleet import Cluster, Unreachable
from adaptive_scheduler.model import Priority, Task
from adaptive_scheduler.notify import Notify
from adaptive_scheduler.staircases import Learned
from adaptive_scheduler.tempo import tempo_of
from adaptive_scheduler.textfile import Textfile


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The numbers of the classic staircase: CPU limits in per cent, factors of the base interval.

    `learned` is "auto" where a learned staircase may take its place, or "off".
    """

    low_cpu: float = 20.0
    high_cpu: float = 70.0
    faster: float = 0.8
    slower: float = 1.5
    learned: str = "auto"

    def tempo(self, cpu: float | None) -> str:
        """Return which way this CPU bends the intervals: faster, base or slower."""
        return tempo_of(cpu, self.low_cpu, self.high_cpu)


@dataclass(frozen=True, slots=True)
class MemoryGate:
    """Memory limits in per cent: for all, for some priorities, and the one nothing passes."""

    limit: float = 60.0
    hard_limit: float = 90.0
    by_priority: Mapping[Priority, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a decision needs to know that is neither task, state, sample nor time."""

    tick: timedelta = timedelta(minutes=5)
    max_parallel: int = 2
    rhythm: Rhythm = Rhythm()
    memory_gate: MemoryGate = field(default_factory=MemoryGate)
    platform: str = "linux"
    when_unreachable: Unreachable = Unreachable.DEFER
    heavy_pairs: frozenset[frozenset[str]] = frozenset()
    learned: Mapping[str, Learned] = field(default_factory=dict)
    """The tasks for which a learned staircase takes the place of the classic one."""

    def learned_for(self, task: Task) -> Learned | None:
        """Return the learned staircase of a task, None where another rule holds."""
        return self.learned.get(task.name) if task.adaptive else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole tasks.toml, checked: rules, files and tasks in the order of the file."""

    path: str
    state_dir: str
    rules: Rules
    tasks: Mapping[str, Task]
    interpreters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    log_format: str = "text"
    log_max_bytes: int = 5_000_000
    log_keep: int = 5
    history_keep: timedelta = timedelta(days=400)
    runs_keep: int = 50
    runs_max_bytes: int = 200_000_000
    output_max_bytes: int = 1_000_000
    watches: Mapping[str, Watch] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    cluster: Cluster | None = None
    notify: Notify = field(default_factory=Notify)
    metrics: Textfile | None = None


def names_of(config: Config) -> tuple[str, ...]:
    """Return the variables with the addresses that a configuration knows."""
    pinged = (config.notify.ping, *(task.ping for task in config.tasks.values()))
    return tuple(dict.fromkeys(name for name in (*config.notify.to, *pinged) if name))


def without_addresses(environ: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return an environment for what others wrote: the addresses at which people are told are secrets of ours."""
    names = names_of(config)
    if config.rules.platform == "windows":  # names of variables know no case there
        names = tuple(name.upper() for name in names)
    return {name: value for name, value in environ.items() if name not in names}
