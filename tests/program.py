"""The installed program as a user runs it: a folder, a tasks.toml, real scripts, real processes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.platforms import born
from tests.processes import alive_in, until

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What one call printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """One folder with a tasks.toml and its scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {key: value for key, value in os.environ.items() if not key.startswith("ADAPTIVE_")}
        self.environ["ADAPTIVE_FAKE_SAMPLE"] = "cpu=50,memory=40"
        self.environ["COLUMNS"] = "80"
        self.environ["PYTHONIOENCODING"] = "utf-8"  # as `start` reads it; Windows pipes have the code page

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def config(self, text: str) -> "Program":
        (self.folder / "tasks.toml").write_text(text, encoding="utf-8")
        return self

    def script(self, name: str, text: str) -> "Program":
        """Write a script; each run of it leaves a line `RUN_ID` in NAME.ran before it does anything else."""
        head = (
            "import os, sys, time\n"
            f"with open({self.seen_there(self.folder / (name + '.ran'))!r}, 'a') as ran:\n"
            "    ran.write(os.environ['ADAPTIVE_RUN_ID'] + '\\n')\n"
        )
        (self.folder / name).write_text(head + text, encoding="utf-8")
        return self

    def seen_there(self, path: Path) -> str:
        """The name of a file where the scripts run; that may be another system."""
        return str(path)

    def starts(self, name: str) -> list[str]:
        """The run ids that a script was started with."""
        path = self.folder / f"{name}.ran"
        return path.read_text().split() if path.exists() else []

    def load(self, cpu: float = 50, memory: float = 40, available: str = "") -> "Program":
        room = f",available={available}" if available else ""
        self.environ["ADAPTIVE_FAKE_SAMPLE"] = f"cpu={cpu},memory={memory}{room}"
        return self

    def at(self, moment: datetime) -> "Program":
        self.environ["ADAPTIVE_FAKE_NOW"] = moment.isoformat()
        return self

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "adaptive_scheduler", "--config", str(self.folder / "tasks.toml"), *words]

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, **pipes, **more}
        return born(
            lambda: subprocess.Popen(
                self.argv(*words), env=self.environ, cwd=self.folder, text=True, encoding="utf-8", **options
            )
        )

    def __call__(self, *words: str) -> Answer:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=PATIENCE_S * 3)
        return Answer(process.returncode, out, err)

    # -- looking at what is there ------------------------------------------------------------------

    @property
    def state(self) -> Any:
        return json.loads((self.outputs / "adaptive_scheduler_state.json").read_text(encoding="utf-8"))

    @property
    def log(self) -> str:
        return (self.outputs / "adaptive_scheduler.log").read_text(encoding="utf-8")

    def history(self, *words: str) -> list[Any]:
        return self("history", "--limit", "10000", "--json", *words).lines

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of every file in the folder."""
        return {
            str(path.relative_to(self.folder)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.folder.rglob("*")
        }

    def claims(self) -> list[Path]:
        return sorted(self.outputs.glob("runs/*/*/claim"))

    def supervisor_pid(self, task: str) -> int:
        """The process id of the supervisor of a task's newest run, once it has taken its claim."""
        found: list[Path] = []

        def claimed() -> bool:
            found[:] = [path for path in self.claims() if path.parent.parent.name == task and path.stat().st_size]
            return bool(found)

        until(claimed)
        return int(json.loads(found[-1].read_text().splitlines()[0])["pid"])

    def quiet(self) -> bool:
        """Whether no supervisor is alive any more: every claim has its result, or recovery's mark."""
        return all((path.parent / "done.json").exists() or b"recovered" in path.read_bytes() for path in self.claims())


def with_run_id(run_id: str) -> list[int]:
    """The processes of this machine that have this run id in their environment."""
    return [process.pid for process in alive_in(run_id)]


def five_minutes(count: int) -> timedelta:
    return timedelta(minutes=5 * count)
