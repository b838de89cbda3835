"""Bad days with real processes: crowds of cycles, kill -9 anywhere, scripts that misbehave, clocks that lie."""

import json
import os
import random
import sqlite3
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import files
from tests.platforms import WINDOWS, holes, signals
from tests.processes import kill, until
from tests.program import Program, five_minutes, with_run_id

KILLS = int(os.environ.get("ADAPTIVE_KILLS", "8" if WINDOWS else "25"))
"""How many cycles are killed; `ADAPTIVE_KILLS=200` for the long run. Starting a process is dear on Windows."""

CROWD, HOURS = (20, 8) if WINDOWS else (40, 48)

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="forks, or has names that are no text")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def table(name: str, every: str = "10m", script: str = "job.py", **more: str) -> str:
    keys = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[tasks.{name}]\ninterval = "{every}"\nscript = "{script}"\n{keys}'


def test_a_crowd_of_cycles_at_once_runs_each_of_twenty_due_tasks_exactly_once(program: Program) -> None:
    names = [f"t{number}" for number in range(20)]
    program.config("".join(table(name, "1h", f"{name}.py") for name in names))
    for name in names:
        program.script(f"{name}.py", "")
    crowd = [program.start("run") for _ in range(CROWD)]
    answers = [(one.communicate(), one.returncode) for one in crowd]
    assert [answer for answer in answers if answer != (("", ""), 0)] == []
    assert {name: len(program.starts(f"{name}.py")) for name in names} == dict.fromkeys(names, 1)
    assert program.state["cycle"] == CROWD
    assert sorted(row["task"] for row in program.history()) == sorted(names)


def test_killing_cycles_at_any_moment_loses_nothing_and_doubles_nothing(program: Program) -> None:
    dice = random.Random(7)
    tasks = [f"t{number}" for number in range(6)]
    program.config("".join(table(name, "1s", f"{name}.py") for name in tasks))
    for name in tasks:
        program.script(f"{name}.py", "time.sleep(0.03)\n")
    for number in range(KILLS):
        program.at(NOW + five_minutes(number))
        cycle = program.start("run", "--wait", "1s")
        try:
            cycle.wait(timeout=dice.uniform(0.05, 0.7))
        except Exception:
            kill(cycle.pid)
        cycle.communicate()
        path = program.outputs / "adaptive_scheduler_state.json"
        assert not path.exists() or json.loads(files.read_bytes(path))["version"] == 1
    until(program.quiet)
    for number in range(KILLS, KILLS + 3):
        answer = program.at(NOW + five_minutes(number))("run")
        assert answer.code in (0, 1), answer.err
    recorded = [row["run_id"] for row in program.history()]
    assert len(recorded) == len(set(recorded))
    started = [run_id for name in tasks for run_id in program.starts(f"{name}.py")]
    assert len(started) == len(set(started)), "a run was started twice"
    results = {row["run_id"]: row["status"] for row in program.history()}
    assert {run_id: results.get(run_id) for run_id in started} == dict.fromkeys(started, "ok")
    assert len(started) >= len(tasks)


def test_a_killed_supervisor_is_interrupted_its_leftovers_ended_and_the_task_tried_once_more(program: Program) -> None:
    program.config(table("job", "1h")).script("job.py", "time.sleep(300)\n")
    program.at(NOW)("run", "--wait", "0s")
    until(lambda: len(program.starts("job.py")) == 1)
    first = program.starts("job.py")[0]
    kill(program.supervisor_pid("job"))
    answer = program.at(NOW + five_minutes(1))("run", "--wait", "0s", "--json")
    assert answer.code == 1
    (ended,) = [run for run in answer.json["runs"] if run["status"] != "running"]
    assert (ended["run_id"], ended["status"]) == (first, "interrupted")
    assert with_run_id(first) == []
    until(lambda: len(program.starts("job.py")) == 2)
    kill(program.supervisor_pid("job"))
    again = program.at(NOW + five_minutes(2))("run", "--wait", "0s", "--json").json
    assert [run["status"] for run in again["runs"]] == ["interrupted"]
    assert again["decisions"][0]["code"] == "NOT_DUE"
    assert with_run_id(program.starts("job.py")[1]) == []


def test_a_long_task_and_a_critical_one_on_every_tick(program: Program) -> None:
    program.config(
        '[scheduler]\ntick = "1m"\n'
        + table("long", "1h", "long.py")
        + table("beat", "1m", "beat.py", priority='"critical"')
    )
    program.script(
        "long.py", f"while not os.path.exists({str(program.folder / 'enough')!r}): time.sleep(0.02)\nsys.exit(7)\n"
    )
    program.script("beat.py", "")
    codes = []
    for number in range(4):
        answer = program.at(NOW + timedelta(minutes=number))("run", "--wait", "1s", "--json").json
        codes.append({one["task"]: one["code"] for one in answer["decisions"]})
    assert codes == [{"long": "RUN", "beat": "RUN"}] + [{"long": "RUNNING", "beat": "RUN"}] * 3
    (program.folder / "enough").touch()
    until(program.quiet)
    last = program.at(NOW + timedelta(minutes=4))("run", "--wait", "1s", "--json")
    (collected,) = [run for run in last.json["runs"] if run["task"] == "long"]
    assert (last.code, collected["status"], collected["exit_code"]) == (1, "failed", 7)
    done = json.loads(next(program.outputs.glob("runs/long/*/done.json")).read_text())
    assert collected["duration_s"] == pytest.approx(done["duration_s"], abs=0.001)


def test_a_learned_time_limit_reaches_the_run_and_a_set_one_stays_to_the_letter(program: Program) -> None:
    program.config(table("job", "10m") + table("own", "10m", timeout='"7m"')).script("job.py", "")
    program.at(NOW)("run", "--quiet")
    state = program.state
    for name in ("job", "own"):
        assert state["tasks"][name]["footprint"].count(",") == 2, "the first run is remembered"
        state["tasks"][name]["footprint"] = " ".join(["600,1,50"] * 18)
    (program.outputs / "adaptive_scheduler_state.json").write_text(json.dumps(state), encoding="utf-8")
    program.at(NOW + five_minutes(2))("run", "--quiet")
    specs = {}
    for name in ("job", "own"):
        newest = sorted(program.outputs.glob(f"runs/{name}/*/spec.json"))[-1]
        spec = json.loads(newest.read_text(encoding="utf-8"))
        specs[name] = (spec["timeout_s"], spec["timeout_source"])
    assert specs == {"job": (1800.0, "learned from 18 runs"), "own": (420.0, "")}
    program.at(NOW + five_minutes(3))
    told = {one["name"]: one for one in program("status", "--json").json["tasks"]}
    assert (told["job"]["timeout_s"], told["job"]["timeout_source"]) == (1800, "learned from 19 runs")
    assert told["job"]["footprint"]["duration_s"] == {"p50": 600, "p90": 600, "runs": 19}
    assert (told["own"]["timeout_s"], told["own"]["timeout_source"]) == (420, "timeout")
    assert "tasks.job.timeout: is not set: a run is ended after 30 min (learned from 19 runs)" in program("check").out
    assert "30 min (learned from 19 runs)" in program("why", "job").out
    assert "10 min; 9 of 10 within 10 min and 50 MB of memory" in " ".join(program("why", "job").out.split())
    unusual = program.history("job")[0]["unusual"]
    assert unusual.endswith(", usually 10 min")
    assert unusual in told["job"]["last_unusual"]
    assert "usually 10 min" in " ".join(program("history", "job").out.split())


@LINUX
def test_a_timeout_leaves_no_descendant_however_deep_or_far(program: Program) -> None:
    program.config(table("job", "1h", timeout='"2s"'))
    program.script(
        "job.py",
        "import subprocess\n"
        "inner = 'import os, time; os.setsid(); (os.fork() and os._exit(0)); time.sleep(300)'\n"
        "middle = f'import subprocess, sys, time; subprocess.Popen([sys.executable, \"-c\", {inner!r}]); '\n"
        "middle += 'time.sleep(300)'\n"
        "subprocess.Popen([sys.executable, '-c', middle])\n"
        "time.sleep(300)\n",
    )
    answer = program("run", "--json")
    assert (answer.code, answer.json["runs"][0]["status"]) == (1, "timeout")
    assert with_run_id(program.starts("job.py")[0]) == []


@holes
def test_a_gigabyte_of_output_costs_at_most_the_cap(program: Program) -> None:
    program.config('[scheduler]\noutput_max = "1MB"\n' + table("job", "1h"))
    program.script(
        "job.py", "block = b'x' * 999_999 + b'\\n'\nfor _ in range(1000): os.write(1, block)\nprint('the end')\n"
    )
    answer = program("run", "--json")
    assert answer.json["runs"][0]["status"] == "ok"
    assert answer.json["runs"][0]["output_bytes"] == 1_000_000_000 + len("the end\n")
    (folder,) = (program.outputs / "runs" / "job").iterdir()
    assert sum(path.stat().st_blocks * 512 for path in folder.iterdir()) < 1_200_000
    assert program("logs", "job").out.endswith("the end\n")


@LINUX
def test_a_daemon_that_keeps_stdout_open_delays_nobody(program: Program) -> None:
    program.config(table("job", "1h"))
    program.script("job.py", "if os.fork() == 0:\n    time.sleep(300)\nprint('started')\n")
    answer = program("run", "--json")
    assert answer.json["runs"][0]["status"] == "ok"
    left = with_run_id(program.starts("job.py")[0])
    assert len(left) == 1
    assert "left 1 process behind that still runs" in program.log
    kill(left[0])


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        pytest.param("os.write(1, bytes(range(256)))", "ok", 0, "", id="prints bytes that are no text"),
        pytest.param("os.kill(os.getpid(), 9)", "failed", None, "SIGKILL", id="kills itself", marks=signals),
        pytest.param("assert sys.stdin.read() == ''", "ok", 0, "", id="needs stdin"),
        pytest.param("sys.exit(7)", "failed", 7, "exit code 7", id="exits with 7"),
        pytest.param("sys.exit(10)", "warning", 10, "exit code 10", id="exits with a warning code"),
        pytest.param("sys.stderr.write('progress')", "ok", 0, "", id="writes to stderr"),
        pytest.param("raise RuntimeError('\\u2014 \\U0001f600 한국어')", "failed", 1, "exit code 1", id="raises"),
    ],
)
def test_a_script_that_behaves_oddly_ends_in_a_clear_result(
    program: Program, body: str, status: str, code: int | None, words: str
) -> None:
    program.config(table("job", "1h", warning_codes="[10]") + table("other", "1h", "other.py"))
    program.script("job.py", body + "\n").script("other.py", "")
    answer = program("run", "--json")
    runs = {run["task"]: run for run in answer.json["runs"]}
    assert (runs["job"]["status"], runs["job"]["exit_code"]) == (status, code)
    assert words in runs["job"]["cause"]
    assert runs["other"]["status"] == "ok"
    assert program("logs", "job").code == 0
    assert program("history").code == 0


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param("none.py", "script 'none.py' not found", id="missing script"),
        pytest.param("job.xyz", "unknown script type '.xyz'", id="unknown type"),
        pytest.param("job.sh", "interpreter 'no-such-shell' not found", id="missing interpreter"),
        pytest.param("folder.py", "'folder.py'", id="a folder"),
    ],
)
def test_a_task_that_cannot_start_fails_alone(program: Program, script: str, words: str) -> None:
    program.config(
        '[interpreters]\n".sh" = ["no-such-shell"]\n' + table("job", "1h", script) + table("other", "1h", "other.py")
    )
    program.script("other.py", "")
    for name in ("job.xyz", "job.sh"):
        (program.folder / name).touch()
    (program.folder / "folder.py").mkdir()
    answer = program("run")
    assert answer.code == 1
    assert words in answer.err
    assert len(program.starts("other.py")) == 1
    found = program("check", "--json")
    assert found.code == 1
    assert any(words in one["message"] for one in found.json["findings"])


def test_a_broken_tasks_toml_does_not_silence_the_night(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    assert program.at(NOW)("run").code == 0
    program.config(table("job").replace("interval", "intervall"))
    answer = program.at(NOW + five_minutes(2))("run")
    assert answer.code == 2
    assert len(program.starts("job.py")) == 2
    assert "tasks.toml:2: tasks.job.intervall: unknown key" in answer.err
    assert "did you mean 'interval'?" in answer.err
    assert "last good" in program.log
    for strict in (["check"], ["run", "--dry-run"]):
        assert program(*strict).code == 2
    assert "last good" in program("status").out


def test_a_broken_tasks_toml_with_no_last_good_copy_starts_nothing(program: Program) -> None:
    answer = program.config("[tasks.job\n")("run")
    assert answer.code == 2
    assert "tasks.toml:1:" in answer.err
    assert not program.outputs.exists()


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b'{"version": 1, "tas'], ids=["empty", "NUL", "truncated"])
def test_a_corrupt_state_is_set_aside_and_nothing_fires_all_at_once(program: Program, content: bytes) -> None:
    program.config(table("a") + table("b", "1h")).script("job.py", "")
    program.at(NOW)("run")
    path = program.outputs / "adaptive_scheduler_state.json"
    path.write_bytes(content)
    (program.outputs / "adaptive_scheduler_state.json.bak").unlink(missing_ok=True)
    answer = program.at(NOW + five_minutes(1))("run")
    assert answer.code == 3
    assert "is damaged" in answer.err
    assert len(program.starts("job.py")) == 2
    assert [kept.read_bytes() for kept in program.outputs.glob("*.corrupt-*")] == [content]
    assert program.at(NOW + five_minutes(2))("run").code == 0


def test_a_state_of_a_newer_version_is_refused(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    program("run")
    (program.outputs / "adaptive_scheduler_state.json").write_text('{"version": 99}')
    answer = program("run")
    assert answer.code == 3
    assert "a newer adaptive-scheduler wrote it" in answer.err
    assert len(program.starts("job.py")) == 1


def test_a_corrupt_history_is_begun_anew_and_knows_the_runs_still_kept(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    program.at(NOW)("run")
    (program.outputs / "history.sqlite3").write_bytes(b"not a database" * 1000)
    answer = program.at(NOW + five_minutes(2))("run")
    assert "is damaged" in answer.err
    assert len(program.history("job")) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_folder_that_cannot_be_written_is_one_clear_line(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    program.outputs.mkdir(mode=0o500)
    answer = program("run")
    assert answer.code == 3
    assert "set scheduler.state_dir" in answer.err


def test_a_state_folder_that_is_a_file_is_one_clear_line(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    program.outputs.write_text("a file")
    answer = program("run")
    assert answer.code == 3
    assert answer.err.count("\n") == 1
    assert "set scheduler.state_dir" in answer.err
    assert program.starts("job.py") == []


def test_a_clock_set_back_a_day_is_said_and_nobody_waits_a_day(program: Program) -> None:
    program.config(table("job")).script("job.py", "")
    program.at(NOW)("run")
    back = NOW - timedelta(days=1)
    assert "the clock was set back" in program.at(back)("run").err
    program.at(back + five_minutes(2))("run")
    assert len(program.starts("job.py")) == 2


def test_a_run_of_a_renamed_task_is_still_collected(program: Program) -> None:
    program.config(table("old", "1h")).script("job.py", "time.sleep(0.2)\n")
    program.at(NOW)("run", "--wait", "0s")
    until(lambda: bool(program.claims()) and program.quiet())
    program.config(table("new", "1h"))
    runs = program.at(NOW + five_minutes(1))("run", "--json").json["runs"]
    assert [(run["task"], run["status"]) for run in runs] == [("old", "ok"), ("new", "ok")]


def test_two_days_of_real_cycles_keep_the_rate(program: Program) -> None:
    """The rate law through the real command; a tick is an hour here so that two days take 48 cycles."""
    program.config('[scheduler]\ntick = "1h"\n' + table("job", "2h")).script("job.py", "").load(cpu=18)
    for number in range(HOURS):
        assert program.at(NOW + timedelta(hours=number))("run").code == 0
    assert len(program.starts("job.py")) == HOURS * 30 // 48
    with closing(sqlite3.connect(program.outputs / "history.sqlite3")) as history:
        assert history.execute("select count(*) from runs").fetchone() == (HOURS * 30 // 48,)
        assert history.execute("select count(*) from samples").fetchone() == (HOURS,)


def test_pause_says_that_the_state_was_damaged_and_nothing_fires_afterwards(program: Program) -> None:
    program.config(table("job", "1h")).script("job.py", "")
    program.at(NOW)("run")
    for name in ("adaptive_scheduler_state.json", "adaptive_scheduler_state.json.bak"):
        (program.outputs / name).write_bytes(b"")
    answer = program.at(NOW + five_minutes(1))("pause", "job")
    assert (answer.code, "is damaged" in answer.err) == (3, True)
    assert program("resume", "job").code == 0
    assert program.at(NOW + five_minutes(2))("run").code == 0
    assert len(program.starts("job.py")) == 1


@LINUX
def test_a_folder_whose_name_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    program = Program(folder).config(table("job") + table("none", script="none.py"))
    (folder / "job.py").write_text("print('hello')\n")
    for number in range(3):
        answer = program.at(NOW + five_minutes(2 * number))("run")
        assert answer.code == 1
        assert "script 'none.py' not found" in answer.err
    assert len(program.history("job")) == 3


def test_an_unknown_user_s_folder_is_an_error_of_that_task_alone(program: Program) -> None:
    program.config(table("job", script="~nosuchuser/x.py") + table("other", script="other.py", cwd='"~nosuchuser"'))
    answer = program("run")
    assert answer.code == 1
    assert "'~nosuchuser/x.py'" in answer.err  # Windows makes a folder's name of any user's
    assert WINDOWS or answer.err.count("~nosuchuser") >= 2
    assert program("check").code == 1


def test_a_stray_file_among_the_runs_is_left_alone(program: Program) -> None:
    program.config("[scheduler]\nkeep_runs = 1\n" + table("job")).script("job.py", "")
    program.at(NOW)("run")
    stray = program.outputs / "runs" / "job" / "zzz.txt"
    stray.touch()
    for number in range(1, 4):
        assert program.at(NOW + five_minutes(2 * number))("run").code == 0
    assert sorted(path.suffix for path in stray.parent.iterdir())[-1] == ".txt"
    assert len([path for path in stray.parent.iterdir() if path.is_dir()]) == 1
