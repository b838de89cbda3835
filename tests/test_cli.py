"""Every command: its words, its JSON, its exit codes; and what happens to it on a bad terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import __version__, cli, guard
from adaptive_scheduler.commands import output
from tests.console import Inside, Stream, python, streams
from tests.platforms import full_device
from tests.processes import kill, until
from tests.program import five_minutes
from tests.terminals import read_on_a_terminal

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals, terminals and closed descriptors of POSIX")
VERBS = [
    "run",
    "status",
    "why",
    "history",
    "logs",
    "check",
    "stop",
    "pause",
    "resume",
    "simulate",
    "trends",
    "forecast",
]
VERBS += ["learn", "events", "notify", "report", "install", "uninstall", "schema", "init", "help"]
VERBS += ["cluster", "task", "import"]


def table(name: str, every: str = "10m", script: str = "job.py", **more: str) -> str:
    keys = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[tasks.{name}]\ninterval = "{every}"\nscript = "{script}"\n{keys}'


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    inside = Inside(tmp_path)
    inside.config(table("job")).script("job.py", "print('hello')\n").at(NOW)
    return inside


# -- words ---------------------------------------------------------------------------------------------


def test_the_commands_are_those_that_are_tested_here() -> None:
    group: Any = typer.main.get_command(cli.app)
    assert list(group.commands) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_and_every_option_has_help(program: Inside, verb: str) -> None:
    answer = program.bare(verb, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"Usage: adaptive-scheduler {verb}" in answer.out
    group: Any = typer.main.get_command(cli.app)
    for parameter in group.commands[verb].params:
        assert parameter.help, parameter.name
    assert verb in program.bare("--help").out


def test_the_version_is_told_and_no_words_are_a_usage_error(program: Inside) -> None:
    assert program.bare("--version").out == f"adaptive-scheduler {__version__}\n"
    assert program.bare().code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rum"], "rum"),
        (["run", "--no-such"], "--no-such"),
        (["why"], "TASK"),
        (["history", "--limit", "0"], "--limit"),
        (["history", "--limit", "x"], "--limit"),
        (["run", "--force"], "name them with --task NAME"),
        (["run", "--task", "jab"], "did you mean 'job'?"),
        (["run", "--task", "zzz"], "its tasks: job"),
        (["run", "--wait", "soon"], "--wait 'soon'"),
        (["why", "jab"], "did you mean 'job'?"),
        (["history", "jab"], "did you mean 'job'?"),
        (["logs", "jab"], "did you mean 'job'?"),
        (["logs", "job"], "no run of 'job' is kept"),
        (["pause", "jab"], "did you mean 'job'?"),
        (["resume", "jab"], "did you mean 'job'?"),
        (["pause", "job", "--until", "never"], "'never' is no time"),
        (["pause", "job", "--until", "2020-01-01"], "is over already"),
        (["simulate"], "name either --trace FILE or --days N"),
        (["simulate", "--days", "1", "--trace", "x"], "name either"),
        (["simulate", "--days", "1"], "the history has 0 samples"),
        (["simulate", "--trace", "none.csv"], "none.csv"),
        (["simulate", "--days", "1", "--policy", "wild"], "unknown policy 'wild'"),
        (["simulate", "--days", "1", "--drop", "much"], "'much' is no percentage"),
        (["simulate", "--days", "1", "--drop", "100%"], "is not between"),
        (["simulate", "--days", "1", "--jitter", "x"], "--jitter 'x'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_is_refused_with_2_and_leaves_no_trace(
    program: Inside, words: list[str], says: str
) -> None:
    before = program.files()
    answer = program(*words)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
    if answer.err.startswith("adaptive-scheduler: "):
        assert answer.err.count("\n") == 1
    if words[0] != "run":  # which keeps a copy of a sound tasks.toml, whatever comes after
        assert program.files() == before


@pytest.mark.parametrize("name", ["ADAPTIVE_FAKE_NOW", "ADAPTIVE_FAKE_SAMPLE"])
def test_a_test_seam_that_makes_no_sense_is_refused(program: Inside, name: str) -> None:
    program.environ[name] = "nonsense"
    answer = program("status")
    assert answer.code == 2
    assert f"{name}='nonsense'" in answer.err or name in answer.err


# -- where tasks.toml is -------------------------------------------------------------------------------


def test_the_configuration_is_looked_for_in_the_documented_order(
    program: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = {"linux": ".config", "darwin": "Library/Application Support"}.get(sys.platform, "")
    places = {name: tmp_path / name for name in ("option", "variable", "here", f"home/{user}/adaptive-scheduler")}
    for name, folder in places.items():
        folder.mkdir(parents=True)
        (folder / "tasks.toml").write_text(table(name.partition("/")[0]), encoding="utf-8")
    monkeypatch.chdir(places["here"])
    program.environ |= {"HOME": str(tmp_path / "home"), "APPDATA": str(tmp_path / "home")}
    program.environ.pop("XDG_CONFIG_HOME", None)
    program.environ["ADAPTIVE_SCHEDULER_CONFIG"] = str(places["variable"] / "tasks.toml")

    def task(*words: str) -> str:
        return str(program.bare(*words, "status", "--json").json["tasks"][0]["name"])

    assert task("--config", str(places["option"] / "tasks.toml")) == "option"
    assert task() == "variable"
    program.environ["ADAPTIVE_SCHEDULER_CONFIG"] = ""
    assert task() == "here"
    (places["here"] / "tasks.toml").unlink()
    assert task() == "home"
    (places[f"home/{user}/adaptive-scheduler"] / "tasks.toml").unlink()
    answer = program.bare("status")
    assert answer.code == 2
    assert "no tasks.toml found; looked for" in answer.err
    assert "adaptive-scheduler init" in answer.err


def test_a_named_file_that_is_not_there_is_never_replaced_by_another(program: Inside) -> None:
    answer = program.bare("--config", str(program.folder / "other.toml"), "status")
    assert answer.code == 2
    assert "other.toml' not found" in answer.err


# -- run -----------------------------------------------------------------------------------------------

RUN = {"cycle", "at", "cpu", "memory", "dry_run", "decisions", "runs"}
DECISION = {"task", "code", "reason", "value", "limit", "next_look"}
RUNS = {"task", "run_id", "status", "exit_code", "duration_s"}


def test_a_fine_cycle_prints_nothing_without_a_terminal(program: Inside) -> None:
    answer = program("run")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert len(program.starts("job.py")) == 1


def test_run_tells_programs_what_it_decided_and_did(program: Inside) -> None:
    told = program("run", "--json").json
    assert told.keys() >= RUN
    assert (told["cycle"], told["at"], told["cpu"], told["memory"]) == (1, "2025-11-02T13:30:00+00:00", 50, 40)
    assert told["dry_run"] is False
    assert told["decisions"][0].keys() >= DECISION
    assert told["runs"][0].keys() >= RUNS
    assert (told["runs"][0]["status"], told["runs"][0]["exit_code"]) == ("ok", 0)


def test_a_failed_task_is_one_line_and_1(program: Inside) -> None:
    program.script("job.py", "sys.exit(3)\n")
    for words in (["run"], ["run", "--task", "job", "--force", "--quiet"]):
        answer = program(*words)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err == "adaptive-scheduler: task 'job' failed: exit code 3; see 'adaptive-scheduler logs job'\n"


def test_force_starts_a_task_that_is_not_due_and_names_what_it_could_not(program: Inside) -> None:
    program.config(table("job") + table("off", enabled="false"))
    program("run")
    answer = program("run", "--task", "job", "--task", "off", "--force", "--json")
    assert [one["code"] for one in answer.json["decisions"]] == ["FORCED", "DISABLED"]
    assert answer.code == 1
    assert answer.err.startswith("adaptive-scheduler: task 'off' was not started [DISABLED]: ")
    assert len(program.starts("job.py")) == 2


@POSIX
def test_a_damaged_state_is_3_and_said_once(program: Inside) -> None:
    program("run")
    (program.outputs / "adaptive_scheduler_state.json").write_bytes(b"{")
    answer = program("run")
    assert answer.code == 3
    assert "is damaged" in answer.err


def test_a_broken_file_runs_by_the_last_good_copy_and_ends_with_2(program: Inside) -> None:
    program("run")
    program.config("[tasks.job\n")
    answer = program.at(NOW + five_minutes(2))("run")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "continuing with the last good copy" in answer.err
    assert len(program.starts("job.py")) == 2


def test_a_run_that_lives_on_is_told_as_running(program: Inside) -> None:
    program.script("job.py", "time.sleep(300)\n")
    told = program("run", "--wait", "0", "--json").json
    assert [(one["task"], one["status"], one["exit_code"]) for one in told["runs"]] == [("job", "running", None)]
    status = program("status", "--json").json
    assert status["tasks"][0]["last_status"] == "running"
    (live,) = program("history", "--json").lines
    assert (live["status"], live["ended_at"]) == ("running", None)
    assert "running" in program("history").out
    assert "running" in program("status").out
    kill(program.supervisor_pid("job"))
    assert program.at(NOW + five_minutes(1))("run", "--wait", "0", "--task", "job").code == 1


VARIED = (
    "[scheduler]\nmax_parallel = 2\n"
    + table("health", "10m", priority='"critical"')
    + table("after", "30m", priority='"high"', depends_on='["health"]')
    + table("later", "30m", depends_on='["after"]')
    + table("off", enabled="false")
    + table("orphan", depends_on='["off"]')
    + table("night", window='["03:00-04:00"]')
    + table("elsewhere", os='"windows"' if os.name != "nt" else '"linux"')
    + table("held")
    + table("greedy", memory_limit="10")
    + "".join(table(f"low{number}", "1h", priority='"low"') for number in range(4))
)


def test_the_dry_run_says_what_the_next_run_then_does(program: Inside) -> None:
    program.config(VARIED)
    program("pause", "held")
    seen = set()
    for tick, cpu, memory in [(0, 50, 40), (1, 50, 40), (2, 18, 40), (6, 75, 65), (13, 90, 95), (14, 10, 40)]:
        program.at(NOW + five_minutes(tick)).load(cpu, memory)
        dry = program("run", "--dry-run", "--json").json
        wet = program("run", "--json").json
        codes = {one["task"]: one["code"] for one in dry["decisions"]}
        assert codes == {one["task"]: one["code"] for one in wet["decisions"]}, f"tick {tick}"
        assert (dry["cycle"], dry["dry_run"], wet["dry_run"]) == (wet["cycle"], True, False)
        seen |= set(codes.values())
    assert seen >= {"RUN", "NOT_DUE", "CPU_CEILING", "MEMORY_GATE", "DEP_WAIT", "PAUSED", "WINDOW", "DISABLED"}


@pytest.mark.parametrize("first", [True, False], ids=["before the first run", "after a run"])
@pytest.mark.parametrize(
    "words",
    [
        ["run", "--dry-run"],
        ["run", "--dry-run", "--json"],
        ["status"],
        ["status", "--json"],
        ["why", "job"],
        ["history"],
        ["check"],
        ["forecast"],
        ["schema"],
    ],
    ids=" ".join,
)
def test_what_only_looks_leaves_no_trace(program: Inside, words: list[str], first: bool) -> None:
    if not first:
        program("run")
    before = {path: path.read_bytes() for path in program.folder.rglob("*") if path.is_file()}
    stamps = program.files()
    program.at(NOW + five_minutes(3))(*words)
    assert program.files() == stamps
    assert {path: path.read_bytes() for path in program.folder.rglob("*") if path.is_file()} == before


# -- status --------------------------------------------------------------------------------------------

TASK = {
    "name",
    "priority",
    "interval_s",
    "adaptive_interval_s",
    "effective_interval_s",
    "last_status",
    "last_started_at",
    "next_look",
    "code",
    "reason",
}


@pytest.mark.parametrize(
    ("cpu", "minutes"),
    [
        (18, [8, 24, 48]),
        (19.9, [8, 24, 48]),
        (20, [10, 30, 60]),
        (50, [10, 30, 60]),
        (70, [10, 30, 60]),
        (70.1, [15, 45, 90]),
        (75, [15, 45, 90]),
    ],
)
def test_the_classic_numbers(program: Inside, cpu: float, minutes: list[int]) -> None:
    program.config(table("a") + table("b", "30m") + table("c", "60m")).load(cpu=cpu)
    program("run")
    told = program.at(NOW + five_minutes(1))("status", "--json").json["tasks"]
    assert [one["adaptive_interval_s"] / 60 for one in told] == minutes
    assert [one["interval_s"] / 60 for one in told] == [10, 30, 60]


def test_status_tells_programs_where_everything_stands(program: Inside) -> None:
    assert program("status", "--json").code == 1
    program("run")
    answer = program.at(NOW + five_minutes(1))("status", "--json")
    assert answer.code == 0
    assert answer.json.keys() >= {"ok", "cycle", "last_cycle_at", "cpu", "memory", "tasks"}
    (one,) = answer.json["tasks"]
    assert one.keys() >= TASK
    assert (one["last_status"], one["last_started_at"], one["code"]) == ("ok", "2025-11-02T13:30:00+00:00", "NOT_DUE")


def test_status_is_1_when_something_fails_or_is_late(program: Inside) -> None:
    program("run")
    assert program.at(NOW + five_minutes(1))("status").code == 0
    late = program.at(NOW + five_minutes(6))("status")
    assert late.code == 1
    assert "is overdue" in late.out
    program.script("job.py", "sys.exit(3)\n")("run")
    failing = program("status")
    assert (failing.code, "is failing" in failing.out) == (1, True)


def test_status_shows_the_seams_and_an_older_copy_in_force(program: Inside) -> None:
    program("run")
    program.config("[tasks.job\n")
    told = program("status", "--json").json["notes"]
    assert [note.partition("=")[0] for note in told[:2]] == ["ADAPTIVE_FAKE_SAMPLE", "ADAPTIVE_FAKE_NOW"]
    assert "last good copy" in told[2]


def test_a_hand_edited_metrics_file_troubles_nobody(program: Inside) -> None:
    program("run")
    path = program.outputs / "scheduler_metrics.json"
    path.write_text('[{"timestamp": "2025-11-02T13:30:00+00:00", "cpu_load": "hot", "memory_usage": "much"}]')
    assert program("status").code == 0
    assert program("check").code == 0


# -- the others ----------------------------------------------------------------------------------------


def test_why_tells_programs_the_decision(program: Inside) -> None:
    told = program("why", "job", "--json").json
    assert told.keys() >= {"task", "at", "code", "reason", "value", "limit", "next_look"}
    assert (told["code"], told["reason"]) == ("RUN", "it has never run")


def test_history_is_the_newest_first_one_object_a_line(program: Inside) -> None:
    program.config(table("job") + table("other"))
    program("run")
    program.at(NOW + five_minutes(2))("run", "--task", "job")
    told = program("history", "--json").lines
    keys = "task run_id status started_at ended_at exit_code duration_s cpu_s peak_memory_bytes output_bytes reason"
    assert all(one.keys() >= set(keys.split()) for one in told)
    starts = [one["started_at"] for one in told]
    assert starts == sorted(starts, reverse=True)
    assert len(told) == 3
    assert [one["task"] for one in program("history", "job", "--limit", "1", "--json").lines] == ["job"]
    assert "no runs yet" in Inside(program.folder).config(table("new"))("history", "new").out
    assert len(program("history", "other").out.splitlines()) == 2


def test_logs_print_the_latest_run_or_a_named_one(program: Inside) -> None:
    program("run")
    program.script("job.py", "print('again')\n").at(NOW + five_minutes(2))("run")
    newer, older = (one["run_id"] for one in program("history", "--json").lines)
    assert "again" in program("logs", "job").out
    for name in (older, older.rpartition("-")[2]):
        assert "hello" in program("logs", "job", "--run", name).out
    answer = program("logs", "job", "--run", "none")
    assert answer.code == 2
    assert f"the newest is '{newer}'" in answer.err
    assert program("logs", "job", "--follow").out == program("logs", "job").out
    (program.outputs / "runs" / "job" / newer / "output.log").unlink()
    assert program("logs", "job").out == ""


def test_output_with_escapes_is_shown_on_a_terminal_and_whole_in_a_pipe(program: Inside) -> None:
    program.script("job.py", "print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07')\n")("run")
    assert "\x1b[31mred" in program("logs", "job").out
    program.terminal = True
    shown = program("logs", "job").out
    assert "\x1b" not in shown
    assert "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\n" in shown


def test_following_a_live_run_goes_on_until_it_ends_and_splits_no_character(program: Inside) -> None:
    gate = program.folder / "gate"
    program.script(
        "job.py",
        "word = '한국어'.encode()\nos.write(1, b'one\\n' + word[:1])\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\nos.write(1, word[1:] + b'\\nend')\n",
    )
    program("run", "--wait", "0")
    until(lambda: b"one" in b"".join(path.read_bytes() for path in program.outputs.glob("runs/job/*/output.log")))
    follower = program.start("logs", "job", "--follow")
    assert follower.stdout is not None
    lines = iter(follower.stdout.readline, "")
    assert next(line for line in lines if "one" in line) == "one\n"
    gate.touch()
    assert "".join(lines) == "한국어\nend"
    assert follower.wait(timeout=60) == 0
    follower.stdout.close()
    if follower.stderr:
        follower.stderr.close()


def test_stop_ends_a_live_run_and_it_is_not_tried_again(program: Inside) -> None:
    program.script("job.py", "print('at it', flush=True)\ntime.sleep(600)\n")
    assert "'job' has no live run" in program("stop", "job").err
    assert "did you mean 'job'?" in program("stop", "jab").err
    program("run", "--wait", "0")
    until(lambda: b"at it" in b"".join(path.read_bytes() for path in program.outputs.glob("runs/job/*/output.log")))
    told = program("stop", "job")
    assert (told.code, told.out) == (0, "the run of 'job' is told to end; the next cycle takes that in\n")
    until(lambda: list(program.outputs.glob("runs/job/*/done.json")), "its end")
    program.at(NOW + five_minutes(1))("run")
    (run,) = program("history", "job", "--json").lines
    assert (run["status"], program("stop", "job").code) == ("interrupted", 1)
    assert program.state["tasks"]["job"].get("retry_at") is None


def test_check_tells_every_fault_with_its_line(program: Inside) -> None:
    assert program("check", "--json").json.keys() == {"ok", "findings"}
    assert "is fine" in program("check").out
    program.config(table("job").replace("interval", "intervall") + table("b", "soon"))
    answer = program("check", "--json")
    assert (answer.code, answer.json["ok"]) == (2, False)
    assert all(one.keys() == {"severity", "where", "message", "hint"} for one in answer.json["findings"])
    assert {one["where"].partition("tasks.toml:")[2] for one in answer.json["findings"]} >= {"2: tasks.job.intervall"}
    assert program("check").out.count("error: ") == len(answer.json["findings"])
    program.config(table("job", script="none.py"))
    assert program("check").code == 1


def test_pause_holds_and_resume_gives_free(program: Inside) -> None:
    assert program("pause", "job").out == "'job' is paused until resume\n"
    assert program("run", "--json").json["decisions"][0]["code"] == "PAUSED"
    assert program("resume", "job").out == "'job' is resumed\n"
    assert program("resume", "job").out == "'job' was not paused\n"
    assert program("pause", "job", "--until", "23:00").out == "'job' is paused until 2025-11-02 23:00\n"
    later = program.at(NOW + five_minutes(6))
    assert later("run", "--json").json["decisions"][0]["code"] == "RUN"


def test_schema_is_json_and_init_writes_a_file_that_is_sound(program: Inside, tmp_path: Path) -> None:
    assert program.bare("schema").json["title"] == "tasks.toml of adaptive-scheduler"
    folder = tmp_path / "new"
    folder.mkdir()
    answer = program.bare("init", str(folder))
    assert (answer.code, (folder / "tasks.toml").is_file()) == (0, True)
    assert program.bare("--config", str(folder / "tasks.toml"), "check").code in (0, 1)
    content = (folder / "tasks.toml").read_bytes()
    again = program.bare("init", str(folder))
    assert again.code == 2
    assert (folder / "tasks.toml").read_bytes() == content


def test_simulating_own_days_and_a_trace_tell_each_start_and_a_summary(program: Inside) -> None:
    for tick in range(4):
        program.at(NOW + five_minutes(tick))("run")
    told = program("simulate", "--days", "1", "--json").lines
    assert all(one.keys() >= {"at", "task", "code", "cpu", "age"} for one in told[:-1])
    assert {one["code"] for one in told[:-1]} == {"RUN"}
    assert told[-1]["summary"]["tasks"]["job"]["runs"] == len(told) - 1 > 0
    everything = program("simulate", "--days", "1", "--json", "--all").lines
    assert {one["code"] for one in everything[:-1]} == {"RUN", "NOT_DUE"}
    assert "Policy 'fixed' over" in program("simulate", "--days", "1", "--policy", "fixed").out
    trace = program.folder / "trace.csv"
    rows = [f"{(NOW + five_minutes(tick)).isoformat()},18,40" for tick in range(289)]
    trace.write_text("timestamp,cpu_percent,memory_percent\n" + "\n".join(rows) + "\n")
    words = ["simulate", "--trace", str(trace), "--jitter", "20s", "--drop", "1%", "--seed", "1"]
    assert 170 <= program(*words, "--json").lines[-1]["summary"]["tasks"]["job"]["runs"] <= 182
    refused = program("simulate", "--trace", str(trace), "--warmup", "2d")
    assert (refused.code, "after the last row of the trace" in refused.err) == (2, True)
    program.terminal = True
    assert program(*words, "--policy", "seed").err


def test_simulating_without_a_policy_sets_all_of_them_side_by_side(program: Inside) -> None:
    pytest.importorskip("numpy", reason="learning needs numpy, which cannot be loaded here")
    for tick in range(4):
        program.at(NOW + five_minutes(tick))("run")
    told = program("simulate", "--days", "1", "--policy", "all", "--json").lines
    assert {one["policy"] for one in told[:-1]} == {"fixed", "seed", "learned"}
    assert set(told[-1]["summary"]["tasks"]["job"]["policies"]) == {"fixed", "seed", "learned"}
    page = program("simulate", "--days", "1").out
    assert [word for word in ("fixed", "seed", "learned", "foresight") if word not in page] == []


# -- faults and streams --------------------------------------------------------------------------------


def body_that_raises(error: BaseException) -> Any:
    def body() -> int:
        raise error

    return guard.verb(body)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "adaptive-scheduler: interrupted\n"),
        (ZeroDivisionError("by\nzero"), 3, "a fault of the program: ZeroDivisionError: by"),
    ],
)
def test_whatever_is_raised_becomes_a_code_and_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    out, err = Stream(), Stream()
    with streams(out, err), pytest.raises(typer.Exit) as ended:
        body_that_raises(error)()
    assert ended.value.exit_code == code
    assert words in err.text
    for kept in tmp_path.glob("adaptive-scheduler-fault-*.log"):
        assert f"adaptive-scheduler {__version__}" in kept.read_text(encoding="utf-8")
        assert kept.name in err.text
        assert "ZeroDivisionError" in kept.read_text(encoding="utf-8")


def test_without_streams_everything_works_and_nobody_hears_of_it(
    program: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptive_scheduler.commands.output.sys.stdout", None)
    monkeypatch.setattr("adaptive_scheduler.commands.output.sys.stderr", None)
    output.survive_any_console()
    output.line("one")
    output.text("two")
    output.as_json({"three": 3})
    output.problem("four")
    output.flush()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp949"])
def test_json_loses_no_letter_on_any_console(program: Inside, encoding: str) -> None:
    program.config(table('"상태_日本"'))
    program.encoding = encoding
    assert program("status", "--json").json["tasks"][0]["name"] == "상태_日本"
    for words in (["status"], ["run", "--dry-run"], ["check"], ["why", "상태_日本"]):
        assert program(*words).code in (0, 1)


def test_a_problem_with_an_escape_in_it_is_shown(program: Inside) -> None:
    answer = program.bare("--config", "no\x1b[31mred.toml", "status")
    assert "\x1b" not in answer.err
    assert "no\\x1b[31mred.toml" in answer.err


@POSIX
def test_a_folder_with_an_escape_in_its_name_is_shown_on_a_terminal_and_whole_in_a_pipe(program: Inside) -> None:
    folder = program.folder / "a\x1b[31m\x9b2J"
    folder.mkdir()
    program.terminal = True
    told = program.bare("init", str(folder))
    assert (told.code, "\x1b" in told.out, "\x9b" in told.out) == (0, False, False)
    assert "a\\x1b[31m\\x9b2J" in told.out
    (folder / "tasks.toml").unlink()
    program.terminal = False
    assert str(folder) in program.bare("init", str(folder)).out


def test_json_holds_every_letter_and_no_control_of_a_terminal(program: Inside) -> None:
    program.config(table("job", script="\\u009b2J\\u202e.py"))
    assert program("run").code == 1
    answer = program("status", "--json")
    assert answer.json["tasks"][0]["last_cause"].startswith("script '\x9b2J\u202e.py' not found")
    assert not {"\x9b", "\u202e"} & set(answer.out)


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["schema"], ["run", "--dry-run"], ["check"]])
def test_a_reader_that_has_gone_is_no_fault(program: Inside, words: list[str]) -> None:
    program("run")
    reader, writer = os.pipe()
    os.close(reader)
    process = program.start(*words, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@full_device
@pytest.mark.parametrize("words", [["schema"], ["status"], ["status", "--json"], ["resume", "job"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_a_code_and_a_line(program: Inside, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        process = program.start(*words, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err.count("\n") == 1
    assert err.startswith("adaptive-scheduler: ")
    assert "No space left on device" in err
    assert "fault" not in err


@POSIX
def test_closed_descriptors_disturb_neither_the_cycle_nor_its_runs(program: Inside) -> None:
    line = 'exec "$0" "$@" <&- >&- 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line, *program.argv("run")], env=program.environ, cwd=program.folder, timeout=60, check=False
    )
    assert done.returncode == 0
    assert program.history("job")[0]["status"] == "ok"
    assert "hello" in program("logs", "job").out


@POSIX
def test_an_interrupted_cycle_says_so_and_its_run_lives_on(program: Inside) -> None:
    program.script("job.py", "time.sleep(1)\n")
    cycle = program.start("run")
    until(lambda: len(program.starts("job.py")) == 1)
    cycle.send_signal(signal.SIGINT)
    out, err = cycle.communicate(timeout=60)
    assert (cycle.returncode, out) == (130, "")
    assert err == "adaptive-scheduler: interrupted; runs that live on: 'job' (a later cycle collects them)\n"
    until(program.quiet)
    (run,) = program.at(NOW + five_minutes(1))("run", "--json").json["runs"]
    assert run["status"] == "ok"


@POSIX
def test_on_a_terminal_a_cycle_shows_a_live_line_and_what_it_decided(program: Inside) -> None:
    program.script("job.py", "time.sleep(0.5)\n")
    code, seen = read_on_a_terminal(program, "run")
    assert code == 0
    live, _, decided = seen.partition("Cycle 1: CPU 50 %")
    assert "job" in live
    assert re.search(r"job +RUN +it has never run", decided)
    assert "job: ok after " in decided
    assert read_on_a_terminal(program, "run", "--quiet") == (0, "")


@POSIX
@pytest.mark.parametrize("columns", ["80", "200"])
def test_on_a_real_terminal_no_verb_obeys_what_a_task_says(program: Inside, columns: str) -> None:
    evil = "\\u009b2J\\u001b]52;c;AAAA\\u0007\\u202e[red]"
    tables = table('"상태_점검"', priority='"critical"') + table("evil", script=f"{evil}.py")
    program.config(tables + table("blocked", depends_on='["evil"]'))
    program.script("job.py", "print('\\x1b]8;;http://x\\x07\\x9b31m\\u202e' + 'long' * 2500)\n")
    program.environ |= {"COLUMNS": columns, "PYTHONUTF8": "1"}
    for words in (["run"], ["status"], ["why", "blocked"], ["history"], ["logs", "상태_점검"], ["check"], ["trends"]):
        code, seen = read_on_a_terminal(program, *words)
        assert code == (words[0] in ("run", "status", "check")), seen
        assert [one for one in seen if not one.isprintable() and one not in "\r\n\t"] == [], words
        assert any(name in seen for name in ("상태_점검", "evil", "blocked", "longlong")), words


@POSIX
def test_watching_goes_on_until_it_is_interrupted(program: Inside) -> None:
    program("run")
    code, seen = read_on_a_terminal(program, "status", "--watch", stop=b"Next look")
    assert code == 130
    assert "Everything is fine" in seen


def test_the_module_is_the_same_program() -> None:
    done = subprocess.run([*python(), "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"adaptive-scheduler {__version__}\n"


def test_a_time_of_the_machine_itself_needs_no_seam(program: Inside) -> None:
    del program.environ["ADAPTIVE_FAKE_NOW"], program.environ["ADAPTIVE_FAKE_SAMPLE"]
    told = program("run", "--json").json
    moment = datetime.fromisoformat(told["at"])
    assert moment.utcoffset() == timedelta(0)
    assert 0 <= told["memory"] <= 100
    assert json.loads((program.outputs / "scheduler_metrics.json").read_text())[0]["memory_usage"] == pytest.approx(
        told["memory"], abs=20
    )
