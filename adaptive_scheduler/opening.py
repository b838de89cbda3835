"""From a path and an environment to a World: the one place where the edges are put together."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adaptive_scheduler import config as configuration
from adaptive_scheduler import metrics
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.edges import Silent, World
from adaptive_scheduler.history import History
from adaptive_scheduler.journal import Journal
from adaptive_scheduler.lastgood import Opened, open_config
from adaptive_scheduler.lookout import MachineLookout
from adaptive_scheduler.machine import Memory, Reading, Sample
from adaptive_scheduler.outbox import Outbox
from adaptive_scheduler.runners.base import Runner
from adaptive_scheduler.runners.local import LocalRunner
from adaptive_scheduler.settings import Config, names_of
from adaptive_scheduler.store import Store

SEAMS = ("ADAPTIVE_FAKE_SAMPLE", "ADAPTIVE_FAKE_NOW")
"""The documented test seams; `status` shows those in force."""


@dataclass(frozen=True)
class MachineMeter:
    """Measures this machine; `started` is a reading from before the configuration was loaded."""

    config: Config
    started: Reading
    environ: Mapping[str, str]

    def measure(
        self, readings: tuple[Reading, ...], now: datetime, own_cpu_s: float
    ) -> tuple[Sample, tuple[Reading, ...]]:
        """Return a sample, and the counters to keep for the next cycle."""
        tick = self.config.rules.tick
        sample, reading = metrics.measure(
            readings, now, tick, started=self.started, own_cpu_s=own_cpu_s, environ=self.environ
        )
        return sample, metrics.keep(readings, reading, now, tick)

    def memory(self) -> Memory:
        """Return memory use and what is left, now."""
        return metrics.memory_now(self.environ)


@dataclass(frozen=True)
class Opening:
    """A world, and what was said while opening it."""

    world: World
    opened: Opened

    @property
    def faults(self) -> list[str]:
        """What is wrong with tasks.toml, when an older copy of it is in force."""
        return list(self.opened.faults)


def open_world(
    config_option: str | None, *, strict: bool, write: bool, environ: Mapping[str, str] = os.environ
) -> Opening:
    """Return the world of a configuration file.

    `strict` refuses a broken file instead of using the last good copy, `write` renews that copy.
    Raises ConfigError and UsageError.
    """
    clock = Clock.from_environment(environ)
    started = metrics.read_counters()
    path = configuration.find(config_option, environ, Path.cwd())
    opened = open_config(path, strict=strict, write=write, environ=environ)
    config = opened.config
    folder = Path(config.state_dir)
    history = History(folder, config.history_keep)
    world = World(
        config,
        clock,
        Store(folder),
        history,
        Journal(folder, config.log_format, config.log_max_bytes, config.log_keep),
        _runner(config, folder, clock),
        MachineMeter(config, started, environ),
        MachineLookout(config, history, pretended=clock.fake),
        Outbox(config) if names_of(config) and not clock.fake else Silent(),
    )
    return Opening(world, opened)


def _runner(config: Config, folder: Path, clock: Clock) -> Runner:
    """Return the runner of this machine, with that of its cluster where a task goes there."""
    here = LocalRunner(folder / "runs", config)
    if config.cluster is None:
        return here
    from adaptive_scheduler.cluster.both import BothRunner
    from adaptive_scheduler.cluster.runner import ClusterRunner

    return BothRunner(here, ClusterRunner(here.runs_dir, config, config.cluster, clock))


def seams_in_force() -> list[str]:
    """Return a sentence for each test seam that the environment sets."""
    return [f"{name}={os.environ[name]} is in force" for name in SEAMS if os.environ.get(name)]
