"""Tab in real shells: what is offered, how it is quoted, and that it neither writes nor fails nor waits."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import cli, completion
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.simulate import Policy
from adaptive_scheduler.times import parse_time
from tests.console import Inside
from tests.platforms import posix_only
from tests.shells import PROGRAM, Shell, script, with_program

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
NAMES = ("backup", "backup_db", "상태_점검")
EVIL = ('"$(touch oops)"', "'`touch oops`'", "'two words'", '"-rf"', '"a;b"')
TASKS = "".join(f'[tasks.{name}]\ninterval = "1h"\nscript = "a.py"\n' for name in ("backup", "backup_db", '"상태_점검"'))
TASKS += '[events.swamped]\nwhen = "memory_usage > 85"\n'
RUNS = ("20251102T222500.000Z-ab12", "20251102T223000.000Z-cd34")
shells = posix_only("pseudo-terminals and these shells")


def installed(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.toml").write_text(TASKS, encoding="utf-8")
    (tmp_path / "trace.csv").touch()
    for run in RUNS:
        (tmp_path / "outputs" / "runs" / "backup" / run).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ADAPTIVE_", "_ADAPTIVE_"))}
    return kept | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "none"), "PYTHONIOENCODING": "utf-8"}


# -- real shells -------------------------------------------------------------------------------------


def lines(shell: str) -> dict[str, str]:
    """Return what is typed before Tab, and what the line is after it."""
    space = "\\ "
    told = {
        "why back": "why backup",
        "why 상": "why 상태_점검 ",
        "run --task backup_": "run --task backup_db ",
        "logs backup --run 20251102T2225": f"logs backup --run {RUNS[0]} ",
        "events --kind sw": "events --kind swamped ",
        "events --kind cp": "events --kind cpu_spike ",
        "pause backup --until t": f"pause backup --until tomorrow{space}",
        "pause backup --until in": f"pause backup --until in{space}",
        "why backup --at 2": f"why backup --at 2{'' if shell == 'bash' else ''}",
        "why backup --at 'yesterday 2": "why backup --at 'yesterday 22:00' ",
        "why backup --at yesterday\\ 2": f"why backup --at yesterday{space}22:00 ",
        "why backup --at 1h": f"why backup --at 1h{space}ago ",
        "install --backend sy": "install --backend systemd ",
        "simulate --policy le": "simulate --policy learned ",
        "simulate --trace tr": "simulate --trace trace.csv ",
        "he": "help ",
        "help rea": "help reasons ",
        "why no_such": "why no_such",
    }
    return told


@pytest.fixture(scope="module")
def typed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    name = request.param
    installed(name)
    home = tmp_path_factory.mktemp(name)
    (home / "tasks.toml").write_text(TASKS, encoding="utf-8")
    (home / "trace.csv").touch()
    for run in RUNS:
        (home / "outputs" / "runs" / "backup" / run).mkdir(parents=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ADAPTIVE_", "_ADAPTIVE_"))}
    shell = Shell(name, home, kept | {"HOME": str(home)})
    yield shell
    shell.close()


@shells
@pytest.mark.parametrize("typed", ["bash", "zsh"], indirect=True)
@pytest.mark.parametrize("line", lines(""))
def test_tab_completes_a_line(typed: Shell, line: str) -> None:
    assert typed.tab(f"{PROGRAM} {line}") == f"{PROGRAM} {lines('')[line]}"
