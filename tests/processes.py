"""Real processes for tests: scripts as files, supervised runs, and a bounded wait for what must come."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from adaptive_scheduler import supervisor
from adaptive_scheduler.runfolder import RunFolder

PATIENCE_S = 30.0

SLEEP = [sys.executable, "-S", "-E", "-c", "import time; time.sleep(600)"]
"""A command that is still there whenever a test looks."""


def until(condition: Callable[[], Any], what: str = "what was waited for", patience_s: float = PATIENCE_S) -> Any:
    """Return what the condition gives as soon as that is true; fails when patience is over."""
    give_up_at_s = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < give_up_at_s, f"{what} did not come"
        time.sleep(0.01)
    return value


def kill(pid: int) -> None:
    """Kill a process and wait until it is dead: only then are its locks free."""
    process = psutil.Process(pid)
    process.kill()

    def dead() -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    until(dead)


def alive_in(run_id: str) -> list[psutil.Process]:
    """Return all living processes that were started with this run's id, the hosts of Windows consoles left out.

    This one is none of them, though on Windows what a test sets in its own environment can be read from outside.
    """
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            mine = process.environ().get("ADAPTIVE_RUN_ID") == run_id
            if mine and process.status() != psutil.STATUS_ZOMBIE and "conhost.exe" not in process.cmdline()[0]:
                found.append(process)
        except (psutil.Error, IndexError):
            continue
    return found


def kill_all(run_id: str) -> None:
    """Kill all processes of a run; one that ended meanwhile is as good."""
    for process in alive_in(run_id):
        with suppress(psutil.Error, OSError):
            process.kill()


class Supervised:
    """One run folder and the supervisor that is sent into it."""

    def __init__(self, path: Path, run_id: str | None = None) -> None:
        self.run_id = run_id or f"test-{os.urandom(6).hex()}"
        self.scripts = path / "scripts"
        self.scripts.mkdir(exist_ok=True)
        self.folder = RunFolder(path / self.run_id)
        self.folder.path.mkdir()
        self.steps: list[dict[str, Any]] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.env: dict[str, str] = dict(os.environ)

    def python(self, code: str, *, name: str | None = None, args: tuple[str, ...] = ()) -> "Supervised":
        """Add a step that runs this Python code."""
        name = name or f"step{len(self.steps) + 1}"
        script = self.scripts / f"{name}.py"
        script.write_text(code, encoding="utf-8")
        return self.step(name, [sys.executable, "-S", "-E", str(script), *args])

    def step(self, name: str, argv: list[str] | None = None, **more: Any) -> "Supervised":
        """Add a step as spec.json holds it."""
        self.steps.append({"name": name, "argv": argv, "error": None, "skip": None, **more})
        return self

    def spec(self, **more: Any) -> "Supervised":
        """Write spec.json; `env` adds to the environment."""
        env = {**os.environ, "ADAPTIVE_RUN_ID": self.run_id, **more.pop("env", {})}
        plain = {
            "version": 1,
            "task": "task",
            "run_id": self.run_id,
            "steps": self.steps,
            "timeout_s": 60.0,
            "grace_s": 0.3,
            "keep_going": False,
            "success_codes": [0],
            "warning_codes": [],
            "cwd": str(self.scripts),
            "background": False,
            "output_max_bytes": 1_000_000,
        }
        self.env = env
        self.folder.write_spec(plain | more)
        return self

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the supervisor; without its usual flags, so that coverage can be measured in it."""
        argv = [sys.executable, *(options or ("-P",)), supervisor.__file__, str(self.folder.path)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, env=self.env
        )
        return self.process

    def run(self, *options: str, **spec: Any) -> dict[str, Any]:
        """Write the spec, supervise the run to its end and return done.json."""
        self.spec(**spec)
        process = self.start(*options)
        _, complaint = process.communicate(timeout=PATIENCE_S * 2)
        assert process.returncode == 0, complaint.decode()
        return self.done()

    def done(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.folder.done.read_bytes())
        return content

    def output(self) -> bytes:
        return self.folder.output.read_bytes()

    def said(self) -> bytes:
        """What the scripts printed, its lines ended as on POSIX."""
        return self.output().replace(b"\r\n", b"\n")
