"""Waiting for processes of the fault matrix: to be watched, to end, to be idle; nothing is waited for without end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
HUNG = 99 << 8
"""The status of a cycle that had to be ended."""


def is_traced(pid: int) -> bool:
    """Whether a process is watched, or gone."""
    try:
        return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def ended(child: int) -> int:
    """Return the status that a process ends with; one that does not end is ended."""
    give_up_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HUNG


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so; TimeoutError when it does not come."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > give_up_s:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.002)
