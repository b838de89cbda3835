"""Start a supervisor that lives on without us: own session or no console, nothing inherited but its spec.

Its standard input is the locked spec.json: the lock goes on holding while the supervisor lives, so there is
no moment between our end and its claim in which the run looks abandoned. Windows locks are not inherited;
there the launcher waits for the claim.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptive_scheduler.output import open_for_append
from adaptive_scheduler.runfolder import RunFolder

SUPERVISOR = Path(__file__).resolve().parent.parent / "supervisor.py"
PYTHON = sys.executable if sys.platform != "win32" else getattr(sys, "_base_executable", sys.executable)
"""The python.exe of a venv is a launcher that waits for a second process; a supervisor needs no packages."""

CLAIM_PATIENCE_S = 30.0
POLL_S = 0.01


NOWHERE: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
"""The streams of a process that nobody talks to."""


class Detached(subprocess.Popen[bytes]):
    """A process that is meant to outlive us: dropping it is no mistake to be warned of."""

    def __del__(self, *_: object) -> None:
        """Say nothing."""


def spawn(folder: RunFolder, spec_fd: int, env: Mapping[str, str], *, python: str = PYTHON) -> Detached:
    """Start the supervisor of a prepared run folder in the scripts' environment; raises OSError or ValueError."""
    log_fd = open_for_append(folder.supervisor_log)
    try:
        common: dict[str, Any] = {
            "args": [python, "-I", "-S", str(SUPERVISOR), str(folder.path)],
            "stdin": spec_fd if os.name == "posix" else subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": log_fd,
            "close_fds": True,
            # Not in a folder that somebody may want to unmount or remove while the run lasts.
            "cwd": folder.path.anchor,
            # It carries this run's id: inside a run of another scheduler it is not that one's leftover.
            "env": env,
        }
        process = detached(**common)
        if sys.platform == "win32":
            wait_for_claim(folder, process)
        return process
    finally:
        os.close(log_fd)


def detached(**options: Any) -> Detached:
    """Start a process that lives on without us, given the keywords of subprocess; raises OSError or ValueError."""
    if sys.platform != "win32":
        return Detached(**options, start_new_session=True)
    detached_process, new_group, breakaway = 0x0008, 0x0200, 0x0100_0000
    try:
        return Detached(**options, creationflags=detached_process | new_group | breakaway)
    except PermissionError:  # the job we are in lets nobody leave
        return Detached(**options, creationflags=detached_process | new_group)


def wait_for_claim(folder: RunFolder, process: Detached, *, patience_s: float = CLAIM_PATIENCE_S) -> bool:
    """Wait until the supervisor has taken its claim; False when it ended first, or the time is up.

    The mark in a claim is written under its lock: an empty claim is one that nobody holds yet.
    """
    until_s = time.monotonic() + patience_s
    while not is_claimed(folder):
        if process.poll() is not None or time.monotonic() >= until_s:
            return is_claimed(folder)
        time.sleep(POLL_S)
    return True


def is_claimed(folder: RunFolder) -> bool:
    """Say whether somebody has written a mark into the claim."""
    try:
        return folder.claim.stat().st_size > 0
    except OSError:
        return False
