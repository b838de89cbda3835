"""A small project whose cycles are harmed, kept in one folder and put back as it was for every fault.

Its scripts write each start into a file that no fault touches. A cycle is a process forked from this one, which has
imported the program before: so a fault meets the cycle alone, and a call costs a tenth of a second.
"""

import ctypes
import importlib
import itertools
import os
import runpy
import shutil
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from fault_waits import HUNG, ended, is_traced, until

from adaptive_scheduler.runners.local import ID_FORM

WAIT = "8s"
TICK = timedelta(minutes=5)
KILLED = -9

CONFIG = """
[scheduler]
tick = "5m"
max_parallel = 8
[interpreters]
".sh" = ["sh"]
[tasks.settled]
interval = "2d"
script = "../mark.sh"
[tasks.earlier]
interval = "2d"
script = "../mark.sh"
[tasks.quick]
interval = "2d"
script = "../mark.sh"
[tasks.failing]
interval = "2d"
script = "../mark.sh"
args = ["7"]
"""
"""`settled` is in the history before the fault, `earlier` waits to be collected, the other two are due."""

MARK = """echo "$ADAPTIVE_TASK $ADAPTIVE_RUN_ID" >> '{marks}'
echo ran
exit "${{1:-0}}"
"""

SUPERVISOR = """#!/bin/sh
exec strace -D -q -o {log} -y {more} {python} -I -S -c '{known}' "$3" "$4"
"""
KNOWN = """import itertools, os, runpy, sys
count = itertools.count()
os.urandom = lambda size: next(count).to_bytes(size, "big")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""How a supervisor is started whose temporary files have names that are known before."""

NAMES_A_MINUTE = 4000
"""More than a cycle needs; three bytes have room for as many minutes."""

PR_SET_PTRACER, ANYBODY = 0x59616D61, -1


class Answer(NamedTuple):
    """How a cycle ended and what it said."""

    code: int
    said: str


class Place:
    """One folder with a project; `at` is the pretended time of the faulted cycle.

    The ids of its runs are made of that time, so it has to be another one than that of every other place: whoever
    recovers a run ends all processes with its id.
    """

    def __init__(self, root: Path, at: datetime) -> None:
        self.root, self.at, self.folder, self.marks = root, at, root / "project", root / "marks"
        self.outputs = self.folder / "outputs"
        self.log, self.said = root / "trace", root / "said"
        # The cycles before, and the one that a fault meets.
        self.stamps = {f"{{cycle {number}}}": f"{at + number * TICK:{ID_FORM}}" for number in (-2, -1, 0)}

    # -- the project -------------------------------------------------------------------------------

    def touched_by(self, _who: str) -> Path:
        """Return the folder whose calls a process is watched for."""
        return self.folder

    @property
    def tries_again(self) -> bool:
        """Whether a run that was cut off is run once more."""
        return True

    @property
    def config(self) -> str:
        """Its tasks.toml."""
        return CONFIG

    def make(self) -> None:
        """Make the project as it is before a fault, and keep copies of it."""
        self.folder.mkdir(parents=True)
        (self.root / "mark.sh").write_text(MARK.format(marks=str(self.marks)), encoding="utf-8")
        (self.folder / "tasks.toml").write_text(self.config, encoding="utf-8")
        self.marks.touch()
        self.keep("new")
        self._warm()
        self.cycle(-2, "--task", "settled")
        self.cycle(-1, "--task", "earlier", "--wait", "0s")
        until(self.is_idle)
        self.keep("used")
        self.cycle(0)
        self.cycle(1)
        self.keep("rested")

    def keep(self, name: str) -> None:
        """Keep a copy of all that faults may change."""
        if self.outputs.exists():
            shutil.copytree(self.outputs, self.root / name)
        shutil.copy(self.marks, self.root / f"{name}.marks")

    def put_back(self, name: str) -> None:
        """Make everything as it was."""
        shutil.rmtree(self.outputs, ignore_errors=True)
        if (self.root / name).exists():
            shutil.copytree(self.root / name, self.outputs)
        shutil.copy(self.root / f"{name}.marks", self.marks)

    def anywhere(self, path: str) -> str:
        """Return a path as it is called in every place."""
        for name, stamp in self.stamps.items():
            path = path.replace(stamp, name)
        return path.removeprefix(str(self.folder))

    def here(self, path: str) -> str:
        """Return the path in this place for what `anywhere` returned."""
        for name, stamp in self.stamps.items():
            path = path.replace(name, stamp)
        return f"{self.folder}{path}"

    def starts(self) -> list[tuple[str, str]]:
        """Return task and run id of every start of a script."""
        words = self.marks.read_text(encoding="utf-8").split()
        return list(zip(words[::2], words[1::2], strict=True))

    def is_idle(self) -> bool:
        """Whether nobody holds a lock of a run."""
        from adaptive_scheduler import locks

        return not any(
            locks.is_held(path) for name in ("claim", "spec.json") for path in self.outputs.glob(f"runs/*/*/{name}")
        )

    # -- its cycles --------------------------------------------------------------------------------

    def cycle(
        self,
        number: int,
        *words: str,
        trace: Sequence[str] | None = None,
        python: str = "",
        measured: bool = False,
    ) -> Answer:
        """Call one cycle, `number` ticks after the faulted one.

        With `trace`, the options of a strace, that watches the cycle; `python` starts its supervisors; `measured`
        takes the load of this machine, as short cycles need it.
        """
        options = [*words] if measured or "--wait" in words else [*words, "--wait", WAIT]
        gate, opened = os.pipe()
        child = os.fork()
        if not child:
            os.close(opened)
            self._be_a_cycle(gate, self.at + number * TICK, options, python, measured)
        os.close(gate)
        watcher = None
        if trace is not None:
            argv = ["strace", "-p", str(child), "-q", "-o", str(self.log), "-y"]
            argv += trace
            watcher = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
            until(lambda: is_traced(child))
        os.write(opened, b".")
        os.close(opened)
        status = ended(child)
        if watcher is not None:
            watcher.wait()
        said = self.said.read_text(encoding="utf-8", errors="replace")
        return Answer(os.waitstatus_to_exitcode(status), said if status != HUNG else f"{said}it did not end")

    def supervisor(self, more: Sequence[str]) -> str:
        """Return a program to start supervisors with, which has each of them watched by a strace."""
        path = self.root / "python"
        words = {
            "log": self.log,
            "more": " ".join(f'"{one}"' for one in more),
            "python": sys.executable,
            "known": KNOWN,
        }
        path.write_text(SUPERVISOR.format(**words), encoding="utf-8")
        path.chmod(0o700)
        return str(path)

    def _be_a_cycle(self, gate: int, now: datetime, words: list[str], python: str, measured: bool) -> None:
        code = 99
        try:
            said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(said, 1)
            os.dup2(said, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir("/")
            os.environ["ADAPTIVE_FAKE_NOW"] = now.isoformat()
            if not measured:
                os.environ["ADAPTIVE_FAKE_SAMPLE"] = "cpu=50,memory=40"
            sys.argv = ["adaptive-scheduler", "--config", str(self.folder / "tasks.toml"), "run", *words]
            _known_ids(python, now, self.at)
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
            os.read(gate, 1)
            runpy.run_module("adaptive_scheduler", run_name="__main__")
            code = 0  # a short cycle just returns
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _warm(self) -> None:
        """Import what a cycle imports, so that the forked ones need not."""
        argv = [sys.executable, "-X", "importtime", "-m", "adaptive_scheduler"]
        argv += ["--config", str(self.folder / "tasks.toml"), "run"]
        env = {**os.environ, "ADAPTIVE_FAKE_SAMPLE": "cpu=50,memory=40"}
        told = subprocess.run(argv, env=env, capture_output=True, text=True, check=False).stderr
        self.put_back("new")
        for line in told.splitlines():
            if line.startswith("import time:"):
                with suppress(Exception):
                    importlib.import_module(line.rpartition("|")[2].strip())


def _known_ids(python: str, now: datetime, at: datetime) -> None:
    """Make the ids of runs and the names of temporary files foreseeable, so that a fault can be aimed at them.

    Those of another minute are other ones, as they are in truth: what a killed cycle leaves is in nobody's way.
    """
    from adaptive_scheduler import cycle, files, runid
    from adaptive_scheduler.runners import local, spawn

    count = itertools.count(int(now.timestamp()) // 60 % NAMES_A_MINUTE * NAMES_A_MINUTE)
    shim: Any = SimpleNamespace(**{**vars(os), "urandom": lambda size: next(count).to_bytes(size, "big")})
    vars(local)["os"] = vars(files)["os"] = shim
    # The ids of runs on nodes are the same in every place, but for the time that they begin with.
    vars(cycle)["of_beat"] = lambda _, name, mine: runid.of_beat("", name, mine)
    vars(runid)["_text"] = lambda moment: "" if moment is None else str(moment - at)
    if python:
        spawn.spawn.__kwdefaults__ = {"python": python}
