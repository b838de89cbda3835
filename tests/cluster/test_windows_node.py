"""Runs on a node of Windows, given out from here; then Windows as master and scheduler, with a node here."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from adaptive_scheduler.opening import open_world
from tests.cluster.machines import begun, collected, cycle, decision, until_go
from tests.cluster.mixed import HOME, PYTHON, Mixed, OfWindows, around, there, words
from tests.processes import kill, until
from tests.program import Program

pytestmark = pytest.mark.skipif(not HOME, reason="wants a Windows beside this system: bash .ci/windows makes one")

ON_WINDOWS = '[tasks.job]\ninterval = "1h"\nscript = "job.py"\nwhere = { os = "windows" }\n'

KINDS = """
[tasks.python]
interval = "1h"
script = "job.py"
where = { os = "windows", labels = ["office"] }
env = { GREETING = "grüß 안녕" }
[tasks.batch]
interval = "1h"
script = "job.bat"
args = ["one", "two"]
where = { node = "win" }
[tasks.command]
interval = "1h"
script = "job.cmd"
where = { os = "windows" }
"""

TOLD = (
    "print(sys.platform, os.environ['ADAPTIVE_TASK'], os.environ['GREETING'], float(os.environ['ADAPTIVE_CPU']) >= 0)\n"
)

TREE = """
import subprocess
subprocess.Popen(["cmd.exe", "/c", sys.executable, "-c", "import time; time.sleep(600)", {mark!r}])
time.sleep(600)
"""


@contextmanager
def place() -> Iterator[Path]:
    """A folder that both systems see."""
    with tempfile.TemporaryDirectory(dir=HOME, prefix="test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def shared() -> Iterator[Mixed]:
    """A scheduler here, and the Windows node "win" with scripts and secrets of its own."""
    with place() as folder:
        (folder / "scripts" / "deep").mkdir(parents=True)
        (folder / "secrets.env").write_text("TOKEN='s3cret-of-the-node'\n")
        made = Mixed(folder)
        try:
            made.scheduler().start()
            options = ["--scripts", there(folder / "scripts"), "--env-file", there(folder / "secrets.env")]
            made.windows_node("win", *options, "--label", "office").up()
            yield made
        finally:
            made.end()


@pytest.fixture
def folder() -> Iterator[Path]:
    with place() as made:
        yield made


def waiting(made: Mixed, folder: Path, more: str = "") -> tuple[Program, Path]:
    """A project whose job runs until the file that is returned with it is there."""
    go = folder / "go"
    return made.project(folder / "p", ON_WINDOWS + more).script("job.py", until_go(there(go))), go


def ended(made: Mixed, run_id: str) -> None:
    until((made.dir_of("win") / "runs" / run_id / "done.json").exists, f"the end of {run_id}")


def printed(program: Program, task: str, run_id: str) -> str:
    return (program.outputs / "runs" / task / run_id / "output.log").read_text(encoding="utf-8").strip()


def test_a_node_tells_what_windows_is_and_has(shared: Mixed) -> None:
    win = shared.status()["win"]
    assert (win["usable"], win["os"], win["slots"], win["labels"]) == (True, "windows", 3, ["office"])
    assert {".bat", ".cmd", ".py"} <= set(win["script_types"])
    assert ".sh" not in win["script_types"]
    assert 0 < win["memory_available_bytes"] <= win["memory_total_bytes"]


def test_each_type_of_script_brings_home_its_output_and_exit_code(shared: Mixed, folder: Path) -> None:
    program = shared.project(folder, KINDS).script("job.py", TOLD)
    (folder / "job.bat").write_bytes(b"@echo off\r\necho %ADAPTIVE_TASK% with %1 and %2\r\n")
    (folder / "job.cmd").write_bytes(b"@echo off\r\necho oh\r\nexit /b 7\r\n")
    answer = cycle(program, wait="60s")
    runs = {run["task"]: run for run in answer.json["runs"]}
    assert {task: (run["status"], run["exit_code"], run["node"]) for task, run in runs.items()} == {
        "python": ("ok", 0, "win"),
        "batch": ("ok", 0, "win"),
        "command": ("failed", 7, "win"),
    }
    assert {task: printed(program, task, run["run_id"]) for task, run in runs.items()} == {
        "python": "win32 python grüß 안녕 True",
        "batch": "batch with one and two",
        "command": "oh",
    }
    assert len(program.starts("job.py")) == 1


def test_scripts_and_secrets_that_lie_there_are_found(shared: Mixed, folder: Path) -> None:
    text = ON_WINDOWS.replace("job.py", "deep/job.py") + 'deploy = "path"\n'
    program = shared.project(folder, text)
    (folder / "deep").mkdir()
    for root in (folder, shared.folder / "scripts"):
        (root / "deep" / "job.py").write_text("import os\nprint(os.getcwd(), len(os.environ['TOKEN']))\n")
    (run,) = cycle(program, wait="60s").json["runs"]
    assert run["status"] == "ok"
    assert printed(program, "job", run["run_id"]) == f"{there(shared.folder / 'scripts')} 18"


def test_a_script_out_of_time_ends_with_all_that_it_started(shared: Mixed, folder: Path) -> None:
    program = shared.project(folder, ON_WINDOWS + 'timeout = "3s"\n').script("job.py", TREE.format(mark=folder.name))
    (run,) = cycle(program, wait="60s").json["runs"]
    assert run["status"] == "timeout"
    assert "timed out after 3 s; 3 processes ended" in run["cause"]
    assert not [one for one in psutil.process_iter() if folder.name in words(one)]


def test_a_run_can_be_told_to_stop_from_here(shared: Mixed, folder: Path) -> None:
    program, _ = waiting(shared, folder)
    run_id = begun(program)
    world = open_world(str(program.folder / "tasks.toml"), strict=True, write=False).world
    assert world.runner.kill("job", run_id)
    world.runner.close()
    ended(shared, run_id)
    assert collected(program) == [(run_id, "interrupted")]


@pytest.mark.parametrize("keeper", [True, False], ids=["the process that keeps it going", "the working one"])
def test_a_run_lives_through_the_death_of_its_node(shared: Mixed, folder: Path, keeper: bool) -> None:
    node = next(one for one in shared.members if one.ready == "node 'win' joined")
    program, go = waiting(shared, folder)
    run_id = begun(program)
    if keeper:
        assert node.child() is not None
        node.stop()
        until(lambda: node.child() is None, "the end of the working one")
        assert decision(program)["code"] == "RUNNING"
        node.start()
    else:
        node.kill_child()
    node.back()
    assert decision(program)["code"] == "RUNNING"
    go.touch()
    ended(shared, run_id)
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]


@pytest.mark.parametrize("policy", ["report", "rerun"])
def test_a_run_whose_supervisor_was_killed_is_interrupted(shared: Mixed, folder: Path, policy: str) -> None:
    program, go = waiting(shared, folder, f'on_loss = "{policy}"\n')
    run_id = begun(program)
    kill(shared.supervisor_of(run_id))
    go.touch()
    first, *others = collected(program)
    assert first == (run_id, "interrupted")
    assert [status for _, status in others] == ({"report": [], "rerun": ["ok"]}[policy])
    assert len(program.starts("job.py")) == {"report": 1, "rerun": 2}[policy]


def test_windows_may_be_master_and_scheduler_too_with_certificates_of_its_own(folder: Path) -> None:
    made, certs = Mixed(folder), folder / "certs"
    secured = made.address.replace("tcp:", "tls:")
    argv = [*PYTHON, "cluster", "certs", there(certs), "--host", "master=127.0.0.1", "--host", "here"]
    env = around(made.environ)
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        (certs / "here" / "key.pem").chmod(0o600)  # as whoever copies it must; Windows knows no such mode
        made.windows_scheduler("--certificates", there(certs / "master")).up()
        made.node("here", "--certificates", str(certs / "here"), master=secured).up()
        program = OfWindows(folder).script("job.py", until_go(folder / "go"))
        program.environ |= made.environ
        own = json.dumps(there(certs / "master"))
        head = f'[scheduler]\ntick = "1m"\n[cluster]\nmaster = "{secured}"\ncertificates = {own}\n'
        program.config(head + ON_WINDOWS.replace("windows", "linux"))
        run_id = begun(program)
        (folder / "go").touch()
        until((made.dir_of("here") / "runs" / run_id / "done.json").exists, "the end of the run")
        assert collected(program) == [(run_id, "ok")]
        assert program.starts("job.py") == [run_id]
        assert printed(program, "job", run_id) == "over"
    finally:
        made.end()
