"""`task` and `import` from words to files; and that a cycle pays nothing for them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import cli
from adaptive_scheduler.commands import imports
from adaptive_scheduler.starter import STARTER
from tests.console import Inside
from tests.platforms import posix_only

HARD = """\
# m h  dom mon dow   command
MAILTO=root
PATH=/usr/bin:/bin

# Save it
0 3 * * * /opt/backup.sh --to "/mnt/my disk" >> /var/log/b.log 2>&1
*/10 * * * * flock -n /tmp/r.lock timeout 20m /opt/report.py
@reboot /opt/start
30 4 * * * mail -s "at \\% now" me%hello%END
0,7,50 * * * * echo 'uneven'
0 2 * * 1-5 cd /srv && ./x.sh
-*/15 9-17 * * * ls "a # b"
0 0 31 2 * /opt/never
0 1 * * * sh
* * * * * env
"""


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    return Inside(tmp_path)


@pytest.fixture
def tab(tmp_path: Path) -> str:
    path = tmp_path / "crontab.txt"
    path.write_text(HARD, encoding="utf-8", newline="\n")
    return str(path)


@pytest.mark.parametrize("group", ["task", "import"])
def test_every_command_and_every_option_has_help(program: Inside, group: str) -> None:
    found: Any = typer.main.get_command(cli.app)
    for name, command in found.commands[group].commands.items():
        assert program.bare(group, name, "--help").code == 0
        assert command.help
        assert [one.name for one in command.params if not one.help] == []


# -- import --------------------------------------------------------------------------------------------


def test_a_crontab_is_printed_as_toml_that_passes_check(program: Inside, tab: str) -> None:
    answer = program("import", "crontab", tab)
    assert answer.code == 0
    assert "adaptive-scheduler: line 8: nothing starts at boot here" in answer.err
    assert "adaptive-scheduler: line 13: it never comes" in answer.err
    for number, line in enumerate(HARD.splitlines(), 1):
        assert not line or number == 5 or line in answer.out, f"line {number} is missing"
    program.config(answer.out)
    found = program("check", "--json").json["findings"]
    errors = [one["message"] for one in found if one["severity"] == "error"]
    assert all("not found" in one for one in errors), errors
    names = [json.loads(line)["name"] for line in program("task", "list", "--json").out.splitlines()]
    assert names[:4] == ["backup", "report", "mail", "echo"]


@posix_only("/usr/bin/env")
def test_what_was_imported_runs(program: Inside) -> None:
    source = program.folder / "tab"
    (program.folder / "x.sh").write_text('#!/bin/sh\necho script "$1" "$PWD" "$A"\n')
    (program.folder / "x.sh").chmod(0o755)
    home = program.folder
    text = f"HOME={home}\nA=b c\n*/5 * * * * ./x.sh 'one two'\n*/5 * * * * cat && echo $A%first%second\n"
    source.write_text(text)
    assert program("import", "crontab", str(source), "--write").code == 0
    assert program("run").code == 0
    assert program("logs", "x").out == f"script one two {home} b c\n"
    assert program("logs", "cat").out == "first\nsecond\nb c\n"


def test_standard_input_is_read_and_every_byte_of_it(program: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    class Given:
        buffer = io.BytesIO(b"*/10 * * * * /opt/x \xe9\r\n")

    monkeypatch.setattr(sys, "stdin", Given())
    answer = program("import", "crontab", "-")
    assert "Made of standard input" in answer.out
    assert 'args = ["\u00e9"]' in answer.out
    assert "line 1 is no UTF-8" in answer.err
    assert "CR LF" in answer.err


@posix_only("a program on PATH that is a script")
def test_without_a_file_it_is_the_users_own_crontab(program: Inside, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "crontab"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho '*/10 * * * * /opt/x'\n")
    tool.chmod(0o755)
    program.environ["PATH"] = f"{tool.parent}:{program.environ['PATH']}"
    answer = program("import", "crontab")
    assert "[tasks.x]" in answer.out
    assert "this is the user's own crontab ('crontab -l')" in answer.err
    tool.write_text("#!/bin/sh\necho 'no crontab for me' >&2; exit 1\n")
    answer = program("import", "crontab")
    assert (answer.code, answer.out) == (2, "")
    assert "'crontab -l' fails: no crontab for me; name a FILE, or - for stdin" in answer.err


def test_the_lines_of_the_system_are_known_by_option_and_by_place(program: Inside, tmp_path: Path) -> None:
    path = tmp_path / "tab"
    path.write_text("*/10 * * * * nobody-here /opt/x\n")
    answer = program("import", "crontab", str(path), "--system")
    assert "enabled = false" in answer.out
    assert "cron ran it as 'nobody-here'" in answer.err
    known = {place: imports._is_system(place) for place in ("/etc/crontab", "/etc/cron.d/x", "/etc/x", "-", None)}
    assert list(known.values()) == [os.name == "posix"] * 2 + [False] * 3


def test_an_import_is_merged_once_and_changes_nothing_that_is_there(program: Inside, tab: str) -> None:
    before = STARTER.replace("daily_routine", "backup").replace("\n", "\r\n")
    path = program.folder / "tasks.toml"
    path.write_bytes(before.encode())
    answer = program("import", "crontab", tab, "--write")
    assert answer.code == 0
    assert "wrote 8 tasks into" in answer.out
    assert "'backup' was taken, so it is 'backup-2'" in answer.err
    merged = path.read_bytes()
    assert merged.startswith(before.encode())
    assert merged.count(b"\n") == merged.count(b"\r\n")
    again = program("import", "crontab", tab, "--write")
    assert again.out.startswith("nothing new for")
    assert "'backup-2' stands in tasks.toml already, just so" in again.err
    assert path.read_bytes() == merged


def test_an_import_without_a_task_writes_nothing(program: Inside, tmp_path: Path) -> None:
    source = tmp_path / "tab"
    source.write_text("@reboot x\n")
    assert "nothing new" in program("import", "crontab", str(source), "--write").out
    assert not (program.folder / "tasks.toml").exists()


def test_a_faulty_file_is_not_merged_into(program: Inside, tab: str) -> None:
    program.config("[tasks.a]\n")
    answer = program("import", "crontab", tab, "--write")
    assert answer.code == 2
    assert "tasks.a.interval" in answer.err
    assert (program.folder / "tasks.toml").read_text() == "[tasks.a]\n"


def test_what_cannot_be_read_or_is_too_large_is_refused(
    program: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = program("import", "crontab", str(tmp_path / "gone"))
    assert (answer.code, answer.out) == (2, "")
    assert "gone' cannot be read" in answer.err
    monkeypatch.setattr(imports, "LARGEST", 3)
    large = tmp_path / "large"
    large.write_bytes(b"# abc")
    assert "that is nothing to import" in program("import", "task-scheduler", str(large)).err


def test_tasks_of_windows_are_printed_as_toml_that_loads(program: Inside, tmp_path: Path) -> None:
    source = tmp_path / "Nightly.xml"
    source.write_bytes(
        (
            '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task><Triggers><CalendarTrigger><StartBoundary>'
            "2024-01-01T03:00:00</StartBoundary><ScheduleByDay/></CalendarTrigger></Triggers><Actions>"
            "<Exec><Command>C:\\it's\\x.exe</Command></Exec><Exec><Command>b.ps1</Command></Exec></Actions></Task>"
            "<Task><Triggers><BootTrigger/></Triggers></Task>"
        ).encode("utf-16")
    )
    answer = program("import", "task-scheduler", str(source))
    assert answer.code == 0
    assert "[tasks.Nightly]" in answer.out
    assert "nothing starts at boot here" in answer.err
    program.config(answer.out)
    (row,) = program("task", "list", "--json").lines
    assert (row["interval_s"], row["scripts"]) == (79_200.0, ["C:\\it's\\x.exe", "b.ps1"])


# -- task ----------------------------------------------------------------------------------------------


def test_a_task_is_added_with_all_its_options_and_a_missing_script_is_a_warning(program: Inside) -> None:
    program.config(STARTER)
    words = "--every 10m --priority high --arg=-v --arg two --after health_check --window 22:00-06:00 --on cpu_spike"
    more = ["--timeout", "5m", "--description", 'Saves "it"', "--interpreter", "bash", "--disabled"]
    answer = program("task", "add", "save", "save.sh", *words.split(), *more)
    assert (answer.code, answer.out) == (0, f"added 'save' to '{program.folder / 'tasks.toml'}'\n")
    assert "warning: script 'save.sh' not found" in answer.err
    text = (program.folder / "tasks.toml").read_text(encoding="utf-8")
    assert text == STARTER + (
        '\n[tasks.save]\ndescription = "Saves \\"it\\""\npriority = "high"\nenabled = false\ninterval = "10m"\n'
        'on = ["cpu_spike"]\nwindow = ["22:00-06:00"]\ndepends_on = ["health_check"]\nscript = "save.sh"\n'
        'args = ["-v", "two"]\ninterpreter = ["bash"]\ntimeout = "5m"\n'
    )
    assert program("task", "remove", "save").code == 0
    assert (program.folder / "tasks.toml").read_text(encoding="utf-8") == STARTER


def test_the_first_task_makes_the_file(program: Inside) -> None:
    program.script("a.py", "")
    answer = program("task", "add", "a", "a.py")
    assert (answer.code, answer.err) == (0, "")
    assert (program.folder / "tasks.toml").read_text() == '[tasks.a]\ninterval = "1h"\nscript = "a.py"\n'


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "health_check", "x.py"], "'health_check' is in"),
        (["add", "Health_Check", "x.py"], "differ only in case"),
        (["add", "a b", "x.py"], "' ' cannot stand in a task's name"),
        (["add", "x", "x.py", "--every", "often"], "'often' is not a duration"),
        (["add", "x", "x.py", "--after", "helth_check"], "did you mean 'health_check'?"),
        (["add", "x", "x.py", "--priority", "urgent"], "'urgent' is not one of critical"),
        (["add", "x", "x.py", "--window", "late"], "'late' is not a window"),
        (["add", "x", "x.py", "--on", "nothing"], "nothing"),
        (["add", "x", "\udc80.py"], "half a character"),
        (["remove", "health_check"], "'health_check' is needed by 'daily_routine'"),
        (["remove", "helth_check"], "did you mean 'health_check'?"),
        (["set", "daily_routine", "interval", "5"], "'5' is not a duration"),
        (["set", "daily_routine", "intervall", "5m"], "did you mean 'interval'?"),
        (["set", "daily_routine", "interval", "5m", "6m"], "'interval' takes one value, not 2"),
        (["set", "daily_routine", "retries", "many"], "is not a whole number"),
        (["set", "daily_routine", "depends_on", "daily_routine"], "cannot depend on itself"),
        (["set", "nobody", "interval", "5m"], "no task 'nobody'"),
        (["enable", "nobody"], "no task 'nobody'"),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode() if isinstance(value, list) else "",
)
def test_what_would_be_faulty_is_refused_and_changes_nothing(program: Inside, words: list[str], says: str) -> None:
    program.config(STARTER)
    before = program.files()
    answer = program("task", *words)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
    assert program.files() == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["interval", "2h"], 'interval = "2h"'),
        (["window", "22:00-05:00", "12:00-13:00"], 'window = ["22:00-05:00", "12:00-13:00"]'),
        (["args", "--", "-v", "5"], 'args = ["-v", "5"]'),
        (["success_codes", "--", "0", "-1"], "success_codes = [0, -1]"),
        (["retries", "3"], "retries = 3"),
        (["memory_limit", "80.5"], "memory_limit = 80.5"),
        (["adaptive", "False"], "adaptive = false"),
        (["where", "any"], 'where = "any"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_key_is_set_as_the_type_that_it_has(program: Inside, words: list[str], line: str) -> None:
    cluster = '[cluster]\nmaster = "tcp://127.0.0.1:8786"\n\n'
    program.config(cluster + '[tasks.a]\nscript = "a.py"\ninterval = "1h"\n').script("a.py", "")
    answer = program("task", "set", "a", *words)
    assert answer.code == 0, answer.err
    assert line in (program.folder / "tasks.toml").read_text().splitlines()


def test_a_script_that_is_set_and_not_there_is_a_warning(program: Inside) -> None:
    program.config(STARTER)
    answer = program("task", "set", "daily_routine", "script", "gone.py")
    assert answer.code == 0
    assert "warning: script 'gone.py' not found" in answer.err


def test_a_task_is_switched_off_and_on_again(program: Inside) -> None:
    program.config(STARTER)
    assert "switched 'daily_routine' off" in program("task", "disable", "daily_routine").out
    assert "is off already" in program("task", "disable", "daily_routine").out
    assert [row["enabled"] for row in program("task", "list", "--json").lines] == [True, False, True, True]
    assert "switched 'daily_routine' on" in program("task", "enable", "daily_routine").out
    assert all(row["enabled"] for row in program("task", "list", "--json").lines)


def test_the_list_needs_tasks_toml_alone(program: Inside) -> None:
    program.config(STARTER)
    program.outputs.mkdir()
    (program.outputs / "adaptive_scheduler_state.json").write_text("{ broken")
    program("task", "disable", "daily_routine")
    before = program.files()
    answer = program("task", "list")
    assert answer.code == 0
    rows = [line.split() for line in answer.out.splitlines()]
    assert rows[1][:4] == ["health_check", "critical", "10", "min"]
    assert rows[2][-1] == "off"
    assert "memory_leak" in rows[4]
    assert program("task", "list", "--json").lines[0] == {
        "name": "health_check",
        "priority": "critical",
        "interval_s": 600.0,
        "on": [],
        "window": [],
        "scripts": ["builtin:check_health.py"],
        "enabled": True,
        "description": "Is this machine healthy?",
    }
    assert program.files() == before


# -- cost ----------------------------------------------------------------------------------------------


def test_a_cycle_imports_nothing_of_this(program: Inside) -> None:
    program.config('[tasks.a]\ninterval = "1h"\nscript = "a.py"\n').script("a.py", "")
    assert program("run", "--dry-run").code == 0
    code = (
        "import sys; from adaptive_scheduler import cli\n"
        f"try: cli.app(['--config', {str(program.folder / 'tasks.toml')!r}, 'run', '--quiet'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if 'imports' in name or 'cronsim' in name or 'toml_edit' in name "
        "or 'taskfile' in name])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=program.environ, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
