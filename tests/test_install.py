"""`install` and `uninstall` as a user calls them, with a stand-in for crontab; and the line that they leave, run."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import record, whoami
from adaptive_scheduler import registration as stories
from adaptive_scheduler.config import load
from adaptive_scheduler.errors import RegistrationError
from tests.program import Answer, Program
from tests.standins import Tools

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="crontab is of POSIX; the lane for Windows has schtasks"
)

CONFIG = """\
[scheduler]
tick = "5m"

[tasks.job]
priority = "critical"
interval = "10m"
script = "job.py"
"""
FOREIGN = b"# mine\r\n*/5 * * * * date +\\%H > /tmp/x\n"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


@pytest.fixture
def program(tmp_path: Path, tools: Tools) -> Program:
    folder = tmp_path / "a project of 100%"
    folder.mkdir()
    made = Program(folder).config(CONFIG).script("job.py", "print('done')\n")
    made.environ["PATH"] = tools.path
    return made


def other(program: Program, name: str) -> Program:
    """Another project beside it, with the same tools."""
    folder = program.folder.parent / name
    folder.mkdir()
    made = Program(folder).config(CONFIG).script("job.py", "")
    made.environ["PATH"] = program.environ["PATH"]
    return made


def registration(program: Program) -> Any:
    return program("status", "--json").json["registration"]


# -- in and out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, FOREIGN], ids=["no crontab", "a crontab"])
def test_a_project_is_registered_shown_and_removed_without_a_trace(
    program: Program, tools: Tools, before: bytes | None
) -> None:
    if before is not None:
        tools.crontab = before
    answer = program("install")
    assert (answer.code, answer.err) == (0, "")
    assert "registered: in the crontab of" in answer.out
    once = tools.crontab
    assert once is not None
    assert once.startswith(before or b"# BEGIN adaptive-scheduler")
    assert registration(program) | {"summary": ""} == {
        "backend": "cron",
        "name": "AdaptiveScheduler",
        "summary": "",
        "as_registered": True,
        "faults": [],
        "notes": [],
        "hint": "",
    }
    assert "registered: in the crontab of" in program("status").out
    assert "in the crontab of" in " ".join(one["message"] for one in program("check", "--json").json["findings"])

    again = program("install")
    assert (again.code, tools.crontab) == (0, once)
    assert "registered already" in again.out

    gone = program("uninstall")
    assert (gone.code, gone.err, tools.crontab) == (0, "", before)
    assert registration(program) is None
    twice = program("uninstall")
    assert (twice.code, twice.err, tools.crontab) == (0, "", before)
    assert "nothing to do" in twice.out


def test_two_projects_live_side_by_side_under_two_names(program: Program, tools: Tools) -> None:
    second = other(program, "second")
    assert program("install").code == 0
    refused = second("install")
    assert refused.code == 2
    assert "does not call" in refused.err
    assert "choose another --name" in refused.err
    assert second("install", "--name", "Second").code == 0
    assert registration(second)["name"] == "Second"
    assert program("uninstall").code == 0
    assert registration(program) is None
    assert registration(second)["as_registered"]
    assert second("uninstall").code == 0
    assert tools.crontab in (None, b"")


def test_a_project_is_not_registered_twice_under_two_names(program: Program) -> None:
    assert program("install").code == 0
    refused = program("install", "--name", "Another")
    assert refused.code == 2
    assert "is registered with cron as 'AdaptiveScheduler' already" in refused.err
    assert "'adaptive-scheduler uninstall' first" in refused.err


def test_a_print_shows_the_plan_and_changes_nothing(program: Program, tools: Tools) -> None:
    before = program.files()
    for backend in ("cron", "systemd", "windows", "launchd", "auto"):
        shown = program("install", "--print", "--backend", backend)
        assert (shown.code, shown.err) == (0, "")
        assert "--config" in shown.out
        assert "AdaptiveScheduler" in shown.out
    assert (program.files(), tools.crontab) == (before, None)


def test_a_print_of_what_is_registered_already_shows_it_from_scratch(program: Program, tools: Tools) -> None:
    program("install")
    once = tools.crontab
    assert once is not None
    shown = program("install", "--print")
    assert "registered already, nothing would be done" in shown.out
    assert once.decode().splitlines()[1] in shown.out
    assert "would run 'crontab -r'" in program("uninstall", "--print").out
    assert tools.crontab == once


def test_the_older_crontab_is_kept(program: Program, tools: Tools) -> None:
    tools.crontab = FOREIGN
    program("install")
    backup = program.outputs / "registration" / "crontab.backup-AdaptiveScheduler"
    assert backup.read_bytes() == FOREIGN
    assert backup.stat().st_mode & 0o777 == 0o600


# -- refusals ----------------------------------------------------------------------------------------


def test_another_tick_is_refused_with_the_line_to_change(program: Program, tools: Tools) -> None:
    refused = program("install", "--every", "1m")
    assert refused.code == 2
    assert 'tasks.toml:2: change tick = "5m" to tick = "1m"' in refused.err
    program.config(CONFIG.replace('tick = "5m"', ""))
    assert 'write tick = "1m" under [scheduler], where 5m is the default' in program("install", "--every", "1m").err
    assert tools.crontab is None
    assert program("install", "--every", "300s").code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--backend", "at"], "unknown --backend 'at'; choose one of: auto, systemd, cron, windows, launchd"),
        (["--backend", "windows"], "--backend windows: no 'schtasks' on PATH: this is no Windows"),
        (["--backend", "systemd"], "the user manager does not answer (Failed to connect to bus: No medium found)"),
        (["--name", "a b"], "--name 'a b': write up to 64 letters"),
        (["--name", "../x"], "--name '../x': write"),
        (["--system"], "no scheduler of this system can be used; systemd: the system manager does not answer"),
    ],
)
def test_what_cannot_be_is_one_sentence(program: Program, tools: Tools, words: list[str], expected: str) -> None:
    refused = program("install", *words)
    assert (refused.code, refused.out, tools.crontab) == (2, "", None)
    assert expected in refused.err
    assert refused.err.count("\n") == 1


def test_a_broken_file_is_not_registered(program: Program, tools: Tools) -> None:
    program.config(CONFIG.replace("interval", "evry"))
    refused = program("install")
    assert (refused.code, tools.crontab) == (2, None)
    assert "tasks.job.evry" in refused.err


def test_a_crontab_that_may_not_be_used_is_left_alone(program: Program, tools: Tools) -> None:
    tools.put("crontab", "#!/bin/sh\necho 'you (me) are not allowed to use this program (crontab)' >&2\nexit 1\n")
    refused = program("install")
    assert refused.code == 2
    assert "are not allowed to use this program" in refused.err


def test_a_crontab_that_swallows_what_it_is_given_is_found_out(program: Program, tools: Tools) -> None:
    tools.put("crontab", '#!/bin/sh\n[ "$1" = - ] && exec cat > /dev/null\necho "no crontab for me" >&2\nexit 1\n')
    failed = program("install")
    assert failed.code == 3
    assert "'AdaptiveScheduler' was registered with cron, but reads back otherwise" in failed.err


def test_a_crontab_that_refuses_is_quoted(program: Program, tools: Tools) -> None:
    tools.put(
        "crontab", '#!/bin/sh\n[ "$1" = - ] && { echo "disk full" >&2; exit 1; }\necho "no crontab" >&2\nexit 1\n'
    )
    failed = program("install")
    assert (failed.code, failed.err) == (3, "adaptive-scheduler: 'crontab -' fails: disk full\n")


# -- what time does ----------------------------------------------------------------------------------


def test_a_tick_changed_since_is_told_with_the_way_out_and_mended_by_install(program: Program) -> None:
    program("install")
    program.config(CONFIG.replace('tick = "5m"', 'tick = "10m"'))
    fault = "it comes every 5 min, and scheduler.tick is 10 min"
    assert registration(program)["faults"] == [fault]
    assert fault in program("status").out
    check = program("check", "--json").json
    assert not check["ok"]
    assert [one["hint"] for one in check["findings"] if one["message"] == fault] == [
        "'adaptive-scheduler install' registers it anew"
    ]
    assert program("install").code == 0
    assert registration(program)["faults"] == []


def test_a_registration_removed_by_hand_is_told(program: Program, tools: Tools) -> None:
    program("install")
    tools.crontab = FOREIGN
    assert registration(program)["faults"] == ["'AdaptiveScheduler' is not registered with cron"]
    assert program("uninstall").code == 0
    assert registration(program) is None
    assert tools.crontab == FOREIGN


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "broken"])
def test_a_project_whose_file_is_broken_or_gone_can_be_unregistered(program: Program, tools: Tools, gone: bool) -> None:
    program("install")
    if gone:
        (program.folder / "tasks.toml").unlink()
    else:
        program.config("[tasks")
    answer = program("uninstall")
    assert (answer.code, tools.crontab) == (0, None)


def test_a_project_whose_record_was_lost_can_be_unregistered(program: Program, tools: Tools) -> None:
    program("install")
    (program.outputs / "registration" / "registration.json").unlink()
    assert registration(program) is None
    assert (program("uninstall").code, tools.crontab) == (0, None)


@pytest.mark.parametrize(
    ("good", "bad"),
    [("", "[" * 100_000), ('"every": 300.0', '"every": 1e300'), ('"config": "', '"config": 5, "x": "')],
    ids=["deep", "no time", "no path"],
)
def test_a_record_that_makes_no_sense_is_none(program: Program, tools: Tools, good: str, bad: str) -> None:
    program("install")
    record = program.outputs / "registration" / "registration.json"
    text = record.read_text(encoding="utf-8")
    assert good in text
    record.write_text(text.replace(good, bad, 1), encoding="utf-8")
    assert (program("uninstall").code, tools.crontab) == (0, None)


def test_a_file_broken_after_the_install_and_before_the_first_cycle_silences_nothing(program: Program) -> None:
    program("install")
    program.config("[tasks")
    assert program("run").code == 2
    assert len(program.starts("job.py")) == 1


def test_a_tick_changed_since_is_mended_under_the_name_it_was_registered_by(program: Program) -> None:
    program("install", "--name", "Second")
    program.config(CONFIG.replace('tick = "5m"', 'tick = "10m"'))
    assert program("install").code == 0
    assert (registration(program)["name"], registration(program)["faults"]) == ("Second", [])


def moved(program: Program) -> Program:
    """The project in another place, its old one gone."""
    where = program.folder.with_name("moved")
    program.folder.rename(where)
    there = Program(where)
    there.environ = program.environ
    return there


def test_a_moved_project_is_told_and_registered_anew_in_place_of_the_old_one(program: Program, tools: Tools) -> None:
    program("install")
    there = moved(program)
    assert registration(there)["faults"] == [
        f"it calls '{program.folder}/tasks.toml', and this is '{there.folder}/tasks.toml'"
    ]
    assert there("install").code == 0
    assert registration(there)["faults"] == []
    assert tools.crontab is not None
    assert tools.crontab.count(b"--config") == 1
    assert there("uninstall").code == 0
    assert tools.crontab is None


def test_a_moved_project_can_be_unregistered(program: Program, tools: Tools) -> None:
    program("install")
    assert (moved(program)("uninstall").code, tools.crontab) == (0, None)


def test_a_copied_project_knows_that_the_registration_is_not_its_own(program: Program, tools: Tools) -> None:
    program("install")
    once = tools.crontab
    copy = Program(program.folder.with_name("copy"))
    copy.environ = program.environ
    shutil.copytree(program.folder, copy.folder)
    assert registration(copy) is None
    assert "nothing to do" in copy("uninstall").out
    assert (tools.crontab, registration(program)["faults"]) == (once, [])
    assert copy("install", "--name", "Copy").code == 0
    assert registration(program)["faults"] == []


def test_a_link_to_the_file_is_the_file(program: Program) -> None:
    program("install")
    link = program.folder.with_name("link")
    link.symlink_to(program.folder)
    through = Program(link)
    through.environ = program.environ
    assert registration(through)["faults"] == []
    assert through("install").code == 0
    assert registration(through)["faults"] == []


def test_options_that_name_something_else_leave_what_is_registered(program: Program, tools: Tools) -> None:
    program("install")
    once = tools.crontab
    for words in (["--name", "Other"], ["--backend", "cron", "--name", "Other"]):
        answer = program("uninstall", *words)
        assert answer.code == 0
        assert "note: it stays registered with cron as 'AdaptiveScheduler'" in answer.out
    assert (tools.crontab, registration(program)["faults"]) == (once, [])


def test_what_cannot_be_asked_is_not_said_to_be_gone(program: Program, tools: Tools) -> None:
    program("install")
    works = (tools.folder / "crontab").read_text()
    tools.put("crontab", "#!/bin/sh\necho 'you are not allowed to use this program' >&2\nexit 1\n")
    fault = "cron cannot be asked: 'crontab -l' fails: you are not allowed to use this program"
    assert registration(program)["faults"] == [fault]
    refused = program("uninstall")
    assert refused.code == 3
    assert "nothing is removed, for cron cannot be asked" in refused.err
    tools.put("crontab", works)
    assert program("uninstall").code == 0
    assert tools.crontab is None


def test_damaged_marks_are_a_fault_of_the_registration_and_not_of_status(program: Program, tools: Tools) -> None:
    program("install")
    assert tools.crontab is not None
    tools.crontab = tools.crontab.replace(b"# END", b"# end") + FOREIGN
    before = tools.crontab
    (fault,) = registration(program)["faults"]
    assert "damaged" in fault
    for verb in ("install", "uninstall"):
        refused = program(verb)
        assert (refused.code, tools.crontab) == (3, before)
        assert "damaged" in refused.err


def test_an_install_that_fails_half_way_can_be_taken_back(program: Program, tools: Tools) -> None:
    """The manager takes the units and does not start the timer."""
    tools.put("systemctl", '#!/bin/sh\ncase "$*" in *restart*) echo "no such luck" >&2; exit 1 ;; esac\n')
    home = program.folder.parent / "home"
    wish = replace(
        whoami.registration(load(program.folder / "tasks.toml", platform="linux"), "Half", system=False), home=str(home)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", tools.path)
        config = load(program.folder / "tasks.toml", platform="linux")
        plan = stories.plan_install(config, "systemd", wish, {})
        with pytest.raises(RegistrationError, match="no such luck"):
            stories.install(config, "systemd", wish, plan, lambda _: None)
        known = record.recorded(config)
        assert known is not None
        ((chosen, back),) = stories.plans_uninstall(known[1], known[0])
        stories.uninstall(chosen, known[1], back.actions, lambda _: None)
    assert not list(home.rglob("Half.*"))


@pytest.mark.skipif(os.geteuid() != 0 if sys.platform != "win32" else True, reason="only root can give a file away")
def test_root_does_not_run_what_another_user_may_write(program: Program, tools: Tools) -> None:
    os.chown(program.folder / "tasks.toml", 12345, -1)
    refused = program("install")
    assert (refused.code, tools.crontab) == (2, None)
    assert "belongs to user number 12345, who could have anything run as root" in refused.err


# -- the line ----------------------------------------------------------------------------------------


def as_cron(program: Program, tools: Tools) -> Answer:
    """Run the registered line as cron does: its few variables, its shell, the home folder, a % that ends a command."""
    assert tools.crontab is not None
    line = next(one for one in tools.crontab.decode().splitlines() if "--faults-only" in one)
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    home = str(program.folder.parent)
    few = {"HOME": home, "LOGNAME": "me", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    sample = {"ADAPTIVE_FAKE_SAMPLE": program.environ["ADAPTIVE_FAKE_SAMPLE"]}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={**few, **sample},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_line_runs_a_cycle_in_crons_own_environment_and_prints_nothing(program: Program, tools: Tools) -> None:
    program.script("job.py", "print(os.environ['PATH'], sys.stdout.encoding, os.environ['LANG'])\n")
    program("install")
    answer = as_cron(program, tools)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    path, encoding, language = program("logs", "job").out.split()
    assert path == tools.path
    assert encoding == "utf-8"
    assert language.upper().endswith(("UTF-8", "UTF8"))


def test_a_module_of_the_same_name_in_the_home_folder_is_not_run(program: Program, tools: Tools) -> None:
    program("install")
    (program.folder.parent / "adaptive_scheduler.py").write_text("raise SystemExit('hijacked')", encoding="utf-8")
    assert as_cron(program, tools).code == 0
    assert len(program.starts("job.py")) == 1


def test_a_failed_task_is_logged_and_mails_nobody(program: Program, tools: Tools) -> None:
    program.script("job.py", "sys.exit(7)\n")
    program("install")
    answer = as_cron(program, tools)
    assert (answer.code, answer.out, answer.err) == (1, "", "")
    assert "exit code 7" in program.log


def test_a_broken_file_is_logged_and_mails_nobody_every_five_minutes(program: Program, tools: Tools) -> None:
    program("install")
    program.config("[tasks")
    answer = as_cron(program, tools)
    assert (answer.code, answer.out, answer.err) == (2, "", "")
    assert "continuing with the last good copy" in program.log


def test_a_fault_of_the_program_is_mailed_and_logged(program: Program, tools: Tools) -> None:
    program("install")
    assert as_cron(program, tools).code == 0
    state = program.outputs / "adaptive_scheduler_state.json"
    state.write_text(
        state.read_text().replace('"version": 1', '"version": 999', 1).replace('"version":1', '"version":999', 1)
    )
    answer = as_cron(program, tools)
    assert answer.code == 3
    assert answer.err.startswith("adaptive-scheduler: ")
    assert "[ERROR] [SCHEDULER]" in program.log
    assert answer.err.removeprefix("adaptive-scheduler: ").strip() in program.log


def test_a_log_that_cannot_be_written_is_mailed(program: Program, tools: Tools) -> None:
    program("install")
    (program.outputs / "adaptive_scheduler.log").mkdir()
    answer = as_cron(program, tools)
    assert answer.code == 0
    assert "cannot write the log" in answer.err


def test_a_file_that_is_gone_is_mailed(program: Program, tools: Tools) -> None:
    program("install")
    (program.folder / "tasks.toml").unlink()
    answer = as_cron(program, tools)
    assert answer.code == 2
    assert "not found" in answer.err
