"""A cycle wherever an OS scheduler may start it: hardly any environment, closed streams, a folder that is gone."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import PATIENCE_S, Program

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shells, umasks and closed descriptors of POSIX")

CONFIG = """\
[scheduler]
max_parallel = 1
[interpreters]
".sh" = ["/bin/sh"]
[tasks.python]
priority = "critical"
interval = "10m"
script = "작업 하나.py"
[tasks.shell]
priority = "critical"
interval = "10m"
depends_on = ["python"]
script = "job.sh"
"""

SCRIPT = """\
import os, sys
assert sys.stdin.read() == "", "the script has an input"
print("한글", flush=True)
print("to stderr", file=sys.stderr)
open("made by the script", "w").close()
"""

Change = dict[str, str | None]
"""What is set in the environment; None takes a variable out of it."""

NOTHING: Change = dict.fromkeys(os.environ)
C_ONLY: Change = {"LC_ALL": None, "LC_CTYPE": None, "LANGUAGE": None, "PYTHONUTF8": None}

HOSTILE = [
    pytest.param("", {}, id="nothing special"),
    pytest.param("", {"PATH": ""}, id="PATH empty"),
    pytest.param("", {"PATH": None}, id="PATH unset"),
    pytest.param("", {"PATH": "/usr/bin:/bin"}, id="cron's PATH"),
    pytest.param("", {"HOME": None}, id="HOME unset"),
    pytest.param("", {"HOME": "/nowhere"}, id="HOME missing"),
    pytest.param("", {"USER": None, "LOGNAME": None, "USERNAME": None}, id="no user's name"),
    pytest.param("", {"TMPDIR": "/nowhere", "TMP": None, "TEMP": None}, id="TMPDIR missing"),
    pytest.param("", C_ONLY | {"LANG": "C"}, id="LANG=C"),
    pytest.param("", C_ONLY | {"LANG": "xx_YY.nonsense"}, id="LANG unknown"),
    pytest.param("", {"TZ": "Nowhere/Land"}, id="TZ unknown"),
    pytest.param("", NOTHING, id="no environment at all"),
    pytest.param("cd /", {}, id="in the root folder"),
    pytest.param("mkdir gone; cd gone; rmdir ../gone", {}, id="in a removed folder"),
    pytest.param("mkdir gone; cd gone; rmdir ../gone", NOTHING, id="in a removed folder, no environment"),
    pytest.param("exec <&-", {}, id="stdin closed"),
    pytest.param("exec >&-", {}, id="stdout closed"),
    pytest.param("exec 2>&-", {}, id="stderr closed"),
    pytest.param("exec <&- >&- 2>&-", {}, id="all three closed"),
    pytest.param("exec <&- >&- 2>&-; cd /; umask 0", NOTHING, id="all of it"),
    pytest.param("umask 0", {}, id="umask 0"),
    pytest.param("umask 0177", {}, id="umask without folders"),
    pytest.param("umask 0777", {}, id="umask without anything"),
]


def a_cycle(program: Program, shell: str, change: Change) -> subprocess.CompletedProcess[str]:
    """Run one cycle from a shell that has done something before, in a changed environment."""
    environ = {key: value for key, value in (program.environ | change).items() if value is not None}
    return subprocess.run(
        ["/bin/sh", "-c", f'{shell or ":"}; exec "$@"', "sh", *program.argv("run")],
        env=environ,
        cwd=program.folder,
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
    )


def modes(folder: Path) -> dict[str, int]:
    """The permissions of a folder and of all that is in it."""
    return {str(one.relative_to(folder)): stat.S_IMODE(one.stat().st_mode) for one in [folder, *folder.rglob("*")]}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    folder = tmp_path / "a folder 폴더"
    folder.mkdir()
    (folder / "작업 하나.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "job.sh").write_text("echo it ran\n", encoding="utf-8")
    return Program(folder).config(CONFIG)


@pytest.mark.parametrize(("shell", "change"), HOSTILE)
def test_a_cycle_does_its_work_in_silence_and_keeps_its_files_to_itself(
    program: Program, shell: str, change: Change
) -> None:
    done = a_cycle(program, shell, change)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {name: task["last"]["status"] for name, task in program.state["tasks"].items()} == {
        "python": "ok",
        "shell": "ok",
    }
    assert [line.split("] ", 2)[2] for line in program.log.splitlines()][-1].endswith("Tasks: python, shell")
    assert program.log.count("=== Task Complete: ") == 2
    (output,) = program.outputs.glob("runs/python/*/output.log")
    assert output.read_text(encoding="utf-8") == "한글\nto stderr\n"
    assert (program.folder / "made by the script").exists()
    wrong = {
        name: oct(mode)
        for name, mode in modes(program.outputs).items()
        if mode != (0o700 if (program.outputs / name).is_dir() else 0o600)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        pytest.param("", True, id="nothing special"),
        pytest.param("exec <&- >&-", True, id="only stderr"),
        pytest.param("exec 2>&-", False, id="no stderr"),
        pytest.param("exec <&- >&- 2>&-", False, id="no stream"),
    ],
)
def test_a_failed_task_is_told_where_there_is_somebody_to_tell(program: Program, shell: str, told: bool) -> None:
    (program.folder / "job.sh").write_text("exit 7\n", encoding="utf-8")
    done = a_cycle(program, shell, NOTHING)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("adaptive-scheduler: task 'shell' failed: exit code 7") == told
    assert program.state["tasks"]["shell"]["last"]["exit_code"] == 7


def test_in_a_removed_folder_a_relative_path_is_not_found_and_says_so(program: Program) -> None:
    words = [sys.executable, "-m", "adaptive_scheduler", "--config", "tasks.toml", "run"]
    shell = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    done = subprocess.run(["/bin/sh", "-c", shell, "sh", *words], cwd=program.folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("adaptive-scheduler: 'tasks.toml' not found")
