"""What a node tells of itself with every heartbeat: gathered by a thread, so that a heartbeat waits for nothing.

The engine's own figures are of its worker process, and the scripts are not part of that: the host's are what counts.
"""

import itertools
import os
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from adaptive_scheduler import __version__, dispatch, metrics
from adaptive_scheduler.cluster.ledger import Ledger
from adaptive_scheduler.fleet import PROTOCOL
from adaptive_scheduler.machine import Reading
from adaptive_scheduler.sizes import spoken

EVERY_S = 1.0
LOOKS_A_HOUR = 3600

WINDOW = timedelta(seconds=20)
"""CPU is a mean over the last half to two and a half of this: of less it jumps, of more it comes too late."""

LEAST_DISK = 50_000_000
"""Below this much free space a node takes nothing: not even the end of a run could be written down."""

USUAL: Mapping[str, tuple[str, ...]] = {
    ".sh": ("bash",),
    ".pl": ("perl",),
    ".rb": ("ruby",),
    ".js": ("node",),
    ".lua": ("lua",),
    ".r": ("Rscript",),
    ".php": ("php",),
    ".bat": ("cmd.exe", "/c"),
    ".cmd": ("cmd.exe", "/c"),
}
"""What runs a type of script where that program is there; options of `cluster node` go before."""

NEVER_ON_WINDOWS = (".sh",)
"""A bash there is mostly one that starts a virtual machine of its own; who wants it says so."""


def versions() -> dict[str, str]:
    """Return what must be the same on master, scheduler and nodes."""
    return {"adaptive-scheduler": __version__, "dask": version("distributed")}


def interpreters(given: Mapping[str, tuple[str, ...]], platform: str = dispatch.PLATFORM) -> dict[str, tuple[str, ...]]:
    """Return the words that run each type of script here, but for .py and .ps1, which dispatch.py knows."""
    usual = {
        suffix: words
        for suffix, words in USUAL.items()
        if shutil.which(words[0]) and not (platform == "windows" and suffix in NEVER_ON_WINDOWS)
    }
    return {**usual, **given}


def suffixes(known: Mapping[str, tuple[str, ...]], platform: str = dispatch.PLATFORM) -> list[str]:
    """Return the types of script that can run here."""
    shells = dispatch.POWERSHELLS.get(platform, ("pwsh",))
    return sorted({".py", *known, *([".ps1"] if any(map(shutil.which, shells)) else [])})


@dataclass
class Vitals:
    """Gathers what a node tells, every second, from `watch` on."""

    ledger: Ledger
    slots: int
    labels: tuple[str, ...]
    folder: Path
    interpreters: Mapping[str, tuple[str, ...]]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        """Measure once, so that the first heartbeat has something to tell."""
        self._readings: tuple[Reading, ...] = ()
        self._started = metrics.read_counters()
        self._over = threading.Event()
        self._suffixes = suffixes(self.interpreters)
        self._versions = versions()
        self.latest = self.look()

    def watch(self) -> None:
        """Go on gathering until `stop`, in a thread of its own."""
        threading.Thread(target=self._go_on, name="vitals", daemon=True).start()

    def stop(self) -> None:
        """Gather no more."""
        self._over.set()

    def facts(self) -> dict[str, str]:
        """Return what a script here is told of the machine."""
        shown = {"ADAPTIVE_CPU": self.latest["cpu"], "ADAPTIVE_MEMORY": self.latest["memory"]}
        return {name: "" if value is None else f"{value:g}" for name, value in shown.items()}

    def look(self) -> dict[str, Any]:
        """Return what is to be told now."""
        now = self.ledger.clock.now()
        sample, reading = metrics.measure(
            self._readings, now, WINDOW, started=self._started, own_cpu_s=0.0, environ=self.environ
        )
        self._readings = metrics.keep(self._readings, reading, now, WINDOW)
        free, trouble = self._room()
        return {
            "protocol": PROTOCOL,
            "versions": self._versions,
            "ledger": self.ledger.identity,
            "os": dispatch.PLATFORM,
            "labels": list(self.labels),
            "suffixes": self._suffixes,
            "slots": self.slots,
            "cpu": sample.cpu,
            "memory": sample.memory,
            "available_bytes": sample.available_bytes,
            "total_bytes": sample.total_bytes,
            "cpus": reading["cpus"],
            "disk_free_bytes": free,
            "runs": self.ledger.live(),
            "trouble": trouble,
        }

    def _room(self) -> tuple[int, str]:
        """Return the free bytes of the disk, and why nothing can be written down there, empty when it can."""
        if not os.access(self.ledger.runs, os.W_OK | os.X_OK):
            return 0, f"its folder '{self.folder}' is gone or cannot be written; mend that, and start it again"
        free = shutil.disk_usage(self.folder).free
        return free, f"its disk has {spoken(free)} left" if free < LEAST_DISK else ""

    def _go_on(self) -> None:
        for number in itertools.count(1):
            if self._over.wait(EVERY_S):
                return
            self.ledger.reap()
            try:
                self.latest = self.look()
                if number % LOOKS_A_HOUR == 0:  # a node may live for months
                    self.ledger.forget(self.ledger.clock.now())
            except Exception as error:  # the heart goes on beating, and says what is wrong
                self.latest = {**self.latest, "trouble": f"cannot measure itself: {error}"}
