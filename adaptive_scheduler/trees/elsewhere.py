"""Leftovers of a dead supervisor where there is no /proc: psutil finds them by their environment.

Only recovery comes here, so psutil may be dear; no supervisor imports this room.
"""

import os
import sys
from contextlib import suppress

from adaptive_scheduler.trees.base import end_all


def end_leftovers(run_id: str, grace_s: float = 2.0) -> int:
    """End every process that was started with this run's ADAPTIVE_RUN_ID, and what descends from it."""
    import psutil

    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}

    def alive() -> set[int]:
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid not in spared and process.environ().get("ADAPTIVE_RUN_ID") == run_id:
                    found.update((one.pid, one) for one in (process, *process.children(recursive=True)))
        return {pid for pid, one in found.items() if pid not in spared and _lives(one) and not _is_console(one)}

    def _is_console(process: psutil.Process) -> bool:
        """Whether it is the host of a Windows console, which ends with the last process in it."""
        with suppress(psutil.Error, IndexError):
            return sys.platform == "win32" and process.cmdline()[0].lower().endswith("\\conhost.exe")
        return False

    def _lives(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    def ask(pid: int) -> None:
        with suppress(psutil.Error):
            psutil.Process(pid).terminate()

    def kill(pid: int) -> None:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()

    return end_all(alive, ask, kill, grace_s)[0]
