"""Runs a sample script as the scheduler does: its own process, no input, the folder of tasks.toml as its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import adaptive_scheduler

FOLDER = Path(adaptive_scheduler.__file__).parent / "builtin"
NAMES = (
    "benchmark", "check_health", "daily_routine", "end_leaker", "event_analysis", "latency_analysis", "leak_report",
    "learn_rhythm", "machine_pressure", "maintenance", "top_consumers",
)  # fmt: skip
TOLD_OF_EVENTS = ("end_leaker", "latency_analysis", "leak_report", "top_consumers")
LIMIT_S = 60


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def run(name: str, *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    out, err = (stream.decode().replace("\r\n", "\n") for stream in (done.stdout, done.stderr))
    return Ran(done.returncode, out, err)


def command(folder: Path, name: str, body: str) -> dict[str, str]:
    """Put a program of that name first on PATH and return the environment for it."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
