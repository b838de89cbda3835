"""What each keeper of services does in its own way: units, tasks, property lists."""

import plistlib
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from adaptive_scheduler.backends import taskstore
from adaptive_scheduler.backends.base import FORGETS_WITHIN_S, Answer, Answers, File, Registered, Remove, Run, Write
from adaptive_scheduler.backends.services import launchd, systemd, windows
from adaptive_scheduler.backends.services.base import Service
from tests.backends import services
from tests.backends.services import EXAMPLES, LINUX, MACOS, WINDOWS

UNIT = File("/home/me/.config/systemd/user/AdaptiveSchedulerNode.service")


def commands(actions: "tuple[object, ...]") -> list[str]:
    return [" ".join(one.argv) for one in actions if isinstance(one, Run)]


# -- systemd -----------------------------------------------------------------------------------------


def unit(wish: Service) -> list[str]:
    return systemd._unit(wish).decode().splitlines()


def told(**changes: str) -> Answers:
    state = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}
    text = "".join(f"{key}={value}\n" for key, value in (state | changes).items())
    return {**services.as_installed("systemd", LINUX), systemd._question(LINUX): Answer(0, text.encode())}


def found_with(answers: Answers) -> Registered:
    found = systemd.registered(LINUX, answers)
    assert found is not None
    return found


@pytest.mark.parametrize("role", ["scheduler", "node"])
def test_a_service_is_started_again_for_ever_and_only_it_is_killed(role: str) -> None:
    lines = unit(EXAMPLES["systemd", role])
    assert lines[0].startswith(f"# Written by 'adaptive-scheduler install {role}'")
    for line in ("Type=exec", "Restart=always", "StartLimitIntervalSec=0", "KillMode=process", "TimeoutStopSec=10"):
        assert line in lines


def test_only_what_runs_no_scripts_is_hardened() -> None:
    assert "NoNewPrivileges=yes" in unit(EXAMPLES["systemd", "scheduler"])
    assert "NoNewPrivileges=yes" not in unit(EXAMPLES["systemd", "node"])
    assert "OOMPolicy=continue" in unit(EXAMPLES["systemd", "node"])


def test_a_users_service_comes_with_their_manager_and_one_of_the_machine_with_the_network_as_its_user() -> None:
    mine, machines = unit(LINUX), unit(replace(LINUX, system=True))
    assert "WantedBy=default.target" in mine
    assert not {"User=me", "After=network-online.target"} & set(mine)
    assert {"WantedBy=multi-user.target", "User=me", "After=network-online.target"} <= set(machines)


def test_it_is_written_enabled_and_started_anew() -> None:
    write, *rest = systemd.install(LINUX, {}).actions
    assert isinstance(write, Write)
    assert write.path == UNIT.path
    assert commands(tuple(rest)) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable AdaptiveSchedulerNode.service",
        "systemctl --user restart AdaptiveSchedulerNode.service",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ActiveState": "inactive"}, "'AdaptiveSchedulerNode.service' is not started (inactive)"),
        ({"ActiveState": "failed"}, "is not started (failed)"),
        ({"UnitFileState": "disabled"}, "not enabled (disabled): the next boot forgets it"),
        ({"NeedDaemonReload": "yes"}, "has not read the present 'AdaptiveSchedulerNode.service' yet"),
    ],
)
def test_what_the_manager_has_otherwise_is_told_and_mended(changes: dict[str, str], words: str) -> None:
    answers = told(**changes)
    (fault,) = found_with(answers).faults
    assert words in fault
    actions = systemd.install(LINUX, answers).actions
    assert commands(actions)
    assert not [one for one in actions if isinstance(one, Write)]


def test_one_that_ended_just_now_is_as_wished_and_its_journal_is_named() -> None:
    found = found_with(told(ActiveState="activating", SubState="auto-restart"))
    assert found.faults == ()
    (note,) = found.notes
    assert "'journalctl --user -u AdaptiveSchedulerNode.service' tells why" in note


def test_one_of_the_machine_that_ended_just_now_has_its_journal_there() -> None:
    wish = replace(LINUX, system=True)
    state = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n"
    (note,) = systemd.install(wish, {systemd._question(wish): Answer(0, state.encode())}).notes
    assert "'journalctl -u AdaptiveSchedulerNode.service' tells why" in note


def test_an_edited_unit_is_told_and_written_anew() -> None:
    answers = {**told(), UNIT: Answer(0, systemd._unit(LINUX) + b"# mine\n")}
    assert found_with(answers).faults == (f"'{UNIT.path}' is not what 'install' wrote",)
    assert [one.path for one in systemd.install(LINUX, answers).actions if isinstance(one, Write)] == [UNIT.path]


def test_a_unit_that_somebody_else_wrote_is_foreign_even_when_it_calls_the_same() -> None:
    content = b"".join(systemd._unit(LINUX).splitlines(keepends=True)[1:])
    assert not found_with({**told(), UNIT: Answer(0, content)}).ours


def test_a_service_of_this_name_in_another_folder_is_not_shadowed() -> None:
    found = found_with({systemd._question(LINUX): Answer(0, b"LoadState=loaded\nFragmentPath=/usr/lib/x.service\n")})
    assert not found.ours
    assert "'/usr/lib/x.service'" in found.summary


def test_drop_ins_and_logouts_are_told() -> None:
    answers = dict(told(DropInPaths="/usr/lib/service.d/all.conf /x/AdaptiveSchedulerNode.service.d/my.conf"))
    del answers[File("/var/lib/systemd/linger/me")]
    changed, lingering = found_with(answers).notes
    assert changed == "'AdaptiveSchedulerNode.service' is changed by '/x/AdaptiveSchedulerNode.service.d/my.conf'"
    assert "the services of user 'me' stop when they log out: 'loginctl enable-linger me'" in lingering


def test_without_an_answer_the_manager_is_missing() -> None:
    assert "not started by systemd" in (systemd.missing(LINUX, {}) or "")


def test_a_removal_stops_forgets_and_leaves_nothing() -> None:
    actions = systemd.uninstall(LINUX, told()).actions
    assert [one.path for one in actions if isinstance(one, Remove)] == [UNIT.path]
    assert commands(actions) == [
        "systemctl --user disable --now AdaptiveSchedulerNode.service",
        "systemctl --user daemon-reload",
        "systemctl --user reset-failed AdaptiveSchedulerNode.service",
    ]


# -- Windows -----------------------------------------------------------------------------------------

STORED = File(r"C:\Windows\System32\Tasks\AdaptiveSchedulerNode")


def values(wish: Service = WINDOWS) -> dict[str, str]:
    return taskstore.leaves(windows._xml(wish))


def test_a_task_starts_with_the_session_or_the_machine_and_every_minute_that_it_does_not_run() -> None:
    mine, machines = values(), values(replace(WINDOWS, system=True))
    assert mine["Triggers/LogonTrigger/UserId"] == r"EXAMPLE\me"
    assert machines["Triggers/BootTrigger/Enabled"] == "true"
    assert (mine["Principals/Principal/LogonType"], machines["Principals/Principal/LogonType"]) == (
        "InteractiveToken",
        "S4U",
    )
    for task in (mine, machines):
        assert task["Triggers/TimeTrigger/Repetition/Interval"] == "PT1M"
        assert task["Settings/MultipleInstancesPolicy"] == "IgnoreNew"
        assert task["Settings/ExecutionTimeLimit"] == "PT0S"
        assert task["Settings/RestartOnFailure/Interval"] == "PT1M"
        assert 1 <= int(task["Settings/RestartOnFailure/Count"]) <= 255
        assert task["Actions/Exec/WorkingDirectory"] == r"C:\Users\me"
        assert task["Actions/Exec/Command"].endswith("pythonw.exe")


def test_a_task_is_created_from_a_file_that_does_not_stay_and_started_at_once() -> None:
    plan = windows.install(WINDOWS, {})
    path = r"C:\Users\me\AppData\Local\Temp\AdaptiveSchedulerNode.xml"
    assert [one.path for one in plan.actions if isinstance(one, (Write, Remove))] == [path, path]
    assert commands(plan.actions) == [
        f"schtasks /Create /TN AdaptiveSchedulerNode /XML {path} /F",
        "schtasks /Run /TN AdaptiveSchedulerNode",
    ]
    assert "--system" in plan.notes[0]


def test_an_older_task_is_ended_before_the_new_one_comes() -> None:
    older = services.as_installed("windows", WINDOWS)
    changed = replace(WINDOWS, argv=(*WINDOWS.argv, "--label", "gpu"))
    assert commands(windows.install(changed, older).actions)[0] == "schtasks /End /TN AdaptiveSchedulerNode"
    assert commands(windows.uninstall(WINDOWS, older).actions) == [
        "schtasks /End /TN AdaptiveSchedulerNode",
        "schtasks /Delete /TN AdaptiveSchedulerNode /F",
    ]


@pytest.mark.parametrize("lost", ["Description", "Arguments", "Restart", "BootTrigger"])
def test_a_task_edited_by_hand_is_still_ours(lost: str) -> None:
    root = windows._xml(replace(WINDOWS, system=True))
    for parent in root.iter():
        for child in [one for one in parent if one.tag.startswith(lost)]:
            parent.remove(child)
    content = ET.tostring(root, encoding="utf-8")
    found = windows.registered(replace(WINDOWS, system=True), {STORED: Answer(0, content)})
    assert found is not None
    assert found.ours
    assert len(found.faults) == {"Description": 0, "Arguments": 1, "Restart": 2, "BootTrigger": 0}[lost]


def test_a_task_of_a_longer_role_is_foreign() -> None:
    root = windows._xml(WINDOWS)
    for one in root.iter("Arguments"):
        one.text = (one.text or "").replace("cluster node", "cluster nodes")
    for one in root.iter("Description"):
        one.text = "mine"
    found = windows.registered(WINDOWS, {STORED: Answer(0, ET.tostring(root))})
    assert found is not None
    assert not found.ours


# -- launchd -----------------------------------------------------------------------------------------


def test_a_job_is_kept_alive_and_its_scripts_outlive_it() -> None:
    write, _, *rest = launchd.install(MACOS, {}).actions
    assert isinstance(write, Write)
    content = plistlib.loads(write.content)
    assert content["ProgramArguments"] == list(MACOS.argv)
    assert (content["KeepAlive"], content["RunAtLoad"], content["AbandonProcessGroup"]) == (True, True, True)
    assert content["StandardErrorPath"] == "/Users/me/Library/Logs/adaptive-scheduler.AdaptiveSchedulerNode.log"
    assert "UserName" not in content
    assert rest[-1] == Run(("launchctl", "bootstrap", "gui/501", write.path), retry_s=FORGETS_WITHIN_S)


def test_a_daemon_of_the_machine_runs_as_its_user() -> None:
    write, *_ = launchd.install(replace(MACOS, system=True), {}).actions
    assert isinstance(write, Write)
    assert write.path == "/Library/LaunchDaemons/adaptive-scheduler.AdaptiveSchedulerNode.plist"
    assert plistlib.loads(write.content)["UserName"] == "me"


@pytest.mark.parametrize("content", [b"", b"no plist", plistlib.dumps(["a list"]), plistlib.dumps({"KeepAlive": True})])
def test_a_property_list_that_calls_something_else_is_foreign(content: bytes) -> None:
    (file, *_) = launchd.looks(MACOS)
    found = launchd.registered(MACOS, {file: Answer(0, content)})
    assert found is not None
    assert not found.ours
