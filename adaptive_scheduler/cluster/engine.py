"""dask.distributed with the settings that must not be forgotten, and without what listens for no need of ours.

The defaults of the engine run a task three times when its node dies, and open a port for a web page on every
interface; a worker watches its own memory and profiles its own threads, which are none of our scripts' affairs.
"""

from typing import Any

from distributed import Scheduler, Worker

SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 0,  # a run is never started a second time by the engine
    "distributed.scheduler.work-stealing": False,  # a run is for one node
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.worker-ttl": "5 minutes",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.resources": {},
    "distributed.worker.preload": [],
    "distributed.scheduler.preload": [],
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "30s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.diagnostics.nvml": False,
    "distributed.comm.retry.count": 0,
}


class QuietScheduler(Scheduler):
    """A scheduler with one port: that of its protocol."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Start none: it would listen beside the protocol, without a password."""


class QuietWorker(Worker):
    """A worker with one port: that of its protocol."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Start none: it would listen beside the protocol, without a password."""
