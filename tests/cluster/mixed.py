"""A cluster of two systems: beside machines of this one such of Windows, by Wine and CPython for Windows.

`.ci/windows` lays both out and runs what uses this; Windows sees the checkout, and nothing else, as its drive W.
"""

import os
from pathlib import Path, PureWindowsPath
from typing import Any

import psutil

from tests.cluster.machines import Cluster, Member
from tests.processes import PATIENCE_S
from tests.program import Program

HOME = os.environ.get("WINDOWS_UNDER_WINE", "")
"""The folder with the prefix and the Python, in the checkout; empty where nobody has made them."""

ROOT = Path(__file__).parents[2]

PYTHON = ["wine", r"W:\.windows\python\python.exe", "-P", "-X", "utf8", "-m", "adaptive_scheduler"]


def there(path: Path) -> str:
    """The name that Windows has for a file of the checkout."""
    return str(PureWindowsPath("W:/", *path.relative_to(ROOT).parts))


def around(environ: dict[str, str]) -> dict[str, str]:
    """The environment for a process of Windows."""
    return {**environ, "PYTHONPYCACHEPREFIX": r"W:\.windows\pycache"}


def words(process: psutil.Process) -> list[str]:
    """The command of a process of Windows, without the empty words that Wine puts behind it; empty when it is gone."""
    try:
        return [word for word in process.cmdline() if word]
    except psutil.Error:
        return []


class WindowsMember(Member):
    """A scheduler or a node under Wine, whose processes are none of each other's children here."""

    patience_s = 3 * PATIENCE_S

    def child(self) -> psutil.Process | None:
        """The process that does the work, None while there is none."""
        wanted = [*self.argv[len(PYTHON) :], "--child"]
        return next((one for one in psutil.process_iter() if words(one)[-len(wanted) :] == wanted), None)


class WatchedFromHere(Program):
    """A project of this system, whose scripts run under Windows."""

    def seen_there(self, path: Path) -> str:
        return there(path)


class OfWindows(Program):
    """A project under Wine, whose scripts run on this system."""

    def argv(self, *words: str) -> list[str]:
        return [*PYTHON, "--config", there(self.folder / "tasks.toml"), *words]

    def start(self, *words: str, **more: Any) -> Any:
        self.environ = around(self.environ)
        return super().start(*words, **more)


class Mixed(Cluster):
    """A cluster with machines of both systems; its folder must be one of the checkout."""

    program = WatchedFromHere

    def windows_node(self, name: str, *options: str) -> WindowsMember:
        """A node under Windows, not started yet."""
        words = ["cluster", "node", "--master", self.address, "--name", name, "--slots", "3"]
        return self._windows([*words, "--dir", there(self.dir_of(name)), *options], name, f"node '{name}' joined")

    def windows_scheduler(self, *options: str) -> WindowsMember:
        """The scheduler under Windows, not started yet."""
        return self._windows(
            ["cluster", "scheduler", "--port", str(self.port), *options], "scheduler", "scheduler at tls"
        )

    def supervisor_of(self, run_id: str) -> int:
        """The process id, as this system has it, of the supervisor of a run under Windows."""
        for process in psutil.process_iter():
            command = words(process)
            if command and command[-1].endswith(run_id) and any("supervisor.py" in word for word in command):
                return process.pid
        raise AssertionError(f"no supervisor of {run_id} is alive")

    def _windows(self, words: list[str], name: str, ready: str) -> WindowsMember:
        member = WindowsMember([*PYTHON, *words], self.folder / f"{name}.log", ready, around(self.environ))
        self.members.append(member)
        return member
