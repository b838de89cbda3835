"""A spec -> a run folder with a supervisor at work: the same way on every machine."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adaptive_scheduler import files, locks
from adaptive_scheduler.runfolder import VERSION, RunFolder
from adaptive_scheduler.runners import fate
from adaptive_scheduler.times import iso

if TYPE_CHECKING:
    from adaptive_scheduler.runners.spawn import Detached

Spawn = Callable[[RunFolder, int, Mapping[str, str]], "Detached"]
"""Starts the supervisor of a run folder, its spec.json open, in an environment."""


def prepare(folder: RunFolder, spec: dict[str, Any]) -> int:
    """Make a run's folder, write its spec and return that locked: the run lives while we do; raises OSError."""
    try:
        files.private_folder(folder.path)
        folder.write_spec(spec)
        fd = locks.open_lockable(folder.spec)
        locks.lock(fd)
    except OSError:
        import shutil

        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return fd


def launch(start: Spawn, folder: RunFolder, fd: int, env: Mapping[str, str], now: datetime) -> "Detached | None":
    """Start the supervisor of a prepared run; when that fails the run ends at once, with the status `error`."""
    try:
        return start(folder, fd, env)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        # What cannot be written down here is found as lost by whoever asks next.
        with suppress(OSError):
            _give_up(folder, now, f"its supervisor cannot be started: {words}")
        return None
    finally:
        # Nothing was written through it: whatever a broken disk says now, the supervisor is at work.
        with suppress(OSError):
            os.close(fd)


def _give_up(folder: RunFolder, now: datetime, cause: str) -> None:
    claim = folder.take_claim(fate.MARK)
    if claim is None:
        return
    try:
        at = iso(now)
        unknown = dict.fromkeys(("exit_code", "signal", "cpu_s", "peak_memory_bytes", "output_bytes"))
        done = {"version": VERSION, "run_id": folder.path.name, "status": "error", "cause": cause, **unknown}
        done |= {"started_at": at, "ended_at": at, "duration_s": 0.0}
        folder.write_done({**done, "steps": [], "left_behind": 0, "background_took": None})
    finally:
        os.close(claim)
