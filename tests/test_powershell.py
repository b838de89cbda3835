"""PowerShell scripts through the real program: a stand-in `pwsh` is as strict about its words as the real one.

It takes exactly the words that we promise, keeps what it was given, and then behaves as the script's last
line asks, with the exit codes that PowerShell documents for `-File`.
"""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.program import Program

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path for folder in ("adaptive_scheduler", "install") for path in (ROOT / folder).rglob("*.ps1"))

OPTIONS = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]

STAND_IN = """
import json, os, sys
options, script, words = sys.argv[1:6], sys.argv[6], sys.argv[7:]
if options != ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]:
    sys.exit(64)
with open(__file__ + ".given", "w", encoding="utf-8") as given:
    mine = {key: value for key, value in os.environ.items() if key.startswith("ADAPTIVE_")}
    json.dump({"script": script, "words": words, "cwd": os.getcwd(), "env": mine, "input": sys.stdin.read()}, given)
verb, _, rest = open(script, encoding="utf-8").read().splitlines()[-1].partition(" ")
if verb == "exit":
    sys.exit(int(rest))
if verb == "throw":
    sys.stderr.write("Exception: " + rest)
    sys.exit(1)
if verb == "Write-Error":
    sys.stderr.write("Write-Error: " + rest)
if verb == "Write-Output":
    print(rest)
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A folder with a stand-in `pwsh` in `bin`, which is all there is on PATH."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "pwsh.py").write_text(STAND_IN, encoding="utf-8")
    words = shlex.join([sys.executable, "-S", "-E", str(binaries / "pwsh.py")])
    (binaries / "pwsh").write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    (binaries / "pwsh").chmod(0o755)
    program = Program(tmp_path)
    program.environ["PATH"] = str(binaries)
    return program


def task(script: str, name: str = "job", **more: object) -> str:
    keys = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in more.items())
    return f'[tasks.{name}]\ninterval = "10m"\nscript = {json.dumps(script, ensure_ascii=False)}\n{keys}'


def given(program: Program) -> Any:
    """What the stand-in was given."""
    return json.loads((program.folder / "bin" / "pwsh.py.given").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("last_line", "code", "status", "exit_code"),
    [
        pytest.param("Write-Output done", 0, "ok", 0, id="success"),
        pytest.param("exit 0", 0, "ok", 0, id="exit 0"),
        pytest.param("exit 7", 1, "failed", 7, id="exit 7"),
        pytest.param("exit 10", 0, "warning", 10, id="a code that is a warning"),
        pytest.param("throw 'no disk'", 1, "failed", 1, id="an uncaught error"),
        pytest.param("Write-Error 'not so bad'", 0, "ok", 0, id="an error that does not end the script"),
    ],
)
def test_the_exit_code_of_a_powershell_script_is_the_result_of_its_task(
    program: Program, last_line: str, code: int, status: str, exit_code: int
) -> None:
    program.config(task("job.ps1", warning_codes=[10]))
    (program.folder / "job.ps1").write_text(f"# a script\n{last_line}\n", encoding="utf-8")
    done = program("run", "--json")
    (run,) = done.json["runs"]
    assert (done.code, run["status"], run["exit_code"]) == (code, status, exit_code)
    assert given(program)["script"] == str(program.folder / "job.ps1")


def test_what_an_uncaught_error_said_is_in_the_output(program: Program) -> None:
    program.config(task("job.ps1"))
    (program.folder / "job.ps1").write_text("throw 'no disk'\n", encoding="utf-8")
    program("run")
    assert "Exception: 'no disk'" in program("logs", "job").out
    assert "=== Task Failed: job (failed: exit code 1) ===" in program.log


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["a b", "  "], id="spaces"),
        pytest.param(['say "hi"', "it's", "`tick`"], id="quotes"),
        pytest.param(["100%", "%PATH%", "$HOME", "$(exit 3)", "*"], id="what shells expand"),
        pytest.param(["한글 인수", "ünï"], id="letters"),
        pytest.param(["", "a", ""], id="empty words"),
        pytest.param(["-Command", "exit 3", "--", "-File"], id="words that look like options"),
        pytest.param(["a;b", "a|b", "a&b", "a>b", "C:\\dir\\"], id="what shells act on"),
    ],
)
def test_arguments_arrive_as_they_are(program: Program, words: list[str]) -> None:
    program.config(task("스크립트 'x' 50%.ps1", args=words))
    (program.folder / "스크립트 'x' 50%.ps1").write_text("exit 0\n", encoding="utf-8")
    assert program("run").code == 0
    assert given(program)["words"] == words
    assert given(program)["script"] == str(program.folder / "스크립트 'x' 50%.ps1")


def test_a_powershell_script_gets_what_every_script_gets(program: Program) -> None:
    program.config(task("job.ps1"))
    (program.folder / "job.ps1").write_text("exit 0\n", encoding="utf-8")
    (run,) = program("run", "--json").json["runs"]
    got = given(program)
    assert (got["cwd"], got["input"]) == (str(program.folder), "")
    assert (got["env"]["ADAPTIVE_TASK"], got["env"]["ADAPTIVE_RUN_ID"]) == ("job", run["run_id"])


def test_without_powershell_its_tasks_fail_with_the_way_out_and_no_others(program: Program) -> None:
    program.config(task("job.ps1") + task("other.py", "other")).script("other.py", "")
    (program.folder / "job.ps1").write_text("exit 0\n", encoding="utf-8")
    (program.folder / "bin" / "pwsh").unlink()
    done = program("run", "--json")
    assert done.code == 1
    assert {run["task"]: run["status"] for run in done.json["runs"]} == {"job": "error", "other": "ok"}
    assert "interpreter 'pwsh' not found on PATH; install it, or name another under [interpreters]" in done.err
    checked = program("check", "--json").json["findings"]
    assert ["pwsh" in finding["message"] for finding in checked if "tasks.job" in finding["where"]] == [True]


def test_where_there_is_no_path_the_configured_interpreter_serves(program: Program) -> None:
    del program.environ["PATH"]
    interpreter = json.dumps([str(program.folder / "bin" / "pwsh"), *OPTIONS])
    program.config(f'[interpreters]\n".ps1" = {interpreter}\n' + task("job.ps1", args=["x y"]))
    (program.folder / "job.ps1").write_text("exit 0\n", encoding="utf-8")
    assert program("run").code == 0
    assert given(program)["words"] == ["x y"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_parses_and_means_the_same_to_every_powershell(path: Path) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    content = path.read_bytes()
    assert not parser.parse(content).root_node.has_error
    # Windows PowerShell reads a file without a mark in the system's code page.
    assert content.isascii()
    assert b"Set-StrictMode" in content
    assert b"$ErrorActionPreference = 'Stop'" in content
