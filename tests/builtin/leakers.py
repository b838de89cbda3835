"""Processes that hold memory and can be blamed for it, and the event that does so as the scheduler would."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from adaptive_scheduler.events import Culprit, as_text
from tests.builders import NOW, event
from tests.platforms import born, on_wine
from tests.processes import until

HOLDS_MB = 40
HOLD = f"x = bytearray({HOLDS_MB} * 10**6); import os, time; print(os.getpid(), flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {HOLD}"


@contextmanager
def leaker(code: str = HOLD, **env: str) -> Iterator[psutil.Process]:
    """Start a process that holds memory, and leave none behind."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ADAPTIVE_")}
    command = [sys.executable, "-S", "-E", "-c", code]
    child = born(lambda: subprocess.Popen(command, stdout=subprocess.PIPE, env=clean | env))
    try:
        assert child.stdout is not None
        # On Windows the Python of a virtual environment is a process that only starts another one.
        process = psutil.Process(int(child.stdout.readline()))
        yield process
        with suppress(psutil.NoSuchProcess):
            process.kill()
    finally:
        child.kill()
        child.communicate()


def name_of(process: psutil.Process) -> str:
    """Return the name of a process; without one nobody can be blamed."""
    try:
        return process.name()
    except OSError:
        if not on_wine():
            raise
        pytest.skip("Wine's gap, not Windows': it does not tell the names of processes")


def culprit(process: psutil.Process, **more: Any) -> Culprit:
    given = {"rss": HOLDS_MB * 10**6, "growth_per_hour": 120 * 10**6}
    created = round(process.create_time(), 2)
    return Culprit(**{"name": name_of(process), "pid": process.pid, "created": created, **given, **more})


def blaming(process: psutil.Process, kind: str = "memory_leak", **more: Any) -> Mapping[str, str]:
    """Return the environment of a run that was started because of this process."""
    reason = f"{name_of(process)} grows"
    told = event(kind, at=NOW, unit="bytes", value=5e9, expected=2e9, reason=reason, culprit=culprit(process, **more))
    return {"ADAPTIVE_EVENT": as_text(told)}


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(process: psutil.Process) -> None:
    until(lambda: not is_alive(process), "its end")
