"""The task for the Windows Task Scheduler: every default that would hurt is set, and compared with the store."""

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.backends import taskstore, taskxml, windows
from adaptive_scheduler.backends.base import Answer, Answers, File, Question, Registered, Run, Write
from tests.backends.golden import WINDOWS, as_installed, files_of

STORED = File(r"C:\Windows\System32\Tasks\AdaptiveScheduler")
QUERY = Question(("schtasks", "/Query", "/TN", "AdaptiveScheduler", "/XML"))
XML = files_of("windows")["AdaptiveScheduler.xml"].decode("utf-16")


def values(text: str = XML) -> dict[str, str]:
    return taskstore.leaves(ET.fromstring(taskstore.decoded(text.encode("utf-16"))))


def stored(text: str) -> Registered:
    found = windows.registered(WINDOWS, {STORED: Answer(0, text.encode("utf-16"))})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Triggers/TimeTrigger/Repetition/Interval", "PT5M"),
        ("Triggers/TimeTrigger/StartBoundary", "2025-01-01T00:02:17"),
        ("Settings/MultipleInstancesPolicy", "Parallel"),
        ("Settings/StartWhenAvailable", "true"),
        ("Settings/DisallowStartIfOnBatteries", "false"),
        ("Settings/StopIfGoingOnBatteries", "false"),
        ("Settings/ExecutionTimeLimit", "PT0S"),
        ("Settings/Priority", "5"),
        ("Settings/Hidden", "true"),
        ("Settings/RunOnlyIfIdle", "false"),
        ("Settings/WakeToRun", "false"),
        ("Principals/Principal/LogonType", "InteractiveToken"),
        ("Principals/Principal/RunLevel", "LeastPrivilege"),
        ("Actions/Exec/Command", r"C:\Users\me\venvs\adaptive\Scripts\pythonw.exe"),
        ("Actions/Exec/Arguments", r"-P -X utf8 -m adaptive_scheduler --config C:\Users\me\tasks.toml run"),
        ("Actions/Exec/WorkingDirectory", r"C:\Users\me"),
    ],
)
def test_the_task_says_what_the_defaults_would_get_wrong(path: str, value: str) -> None:
    assert values()[path] == value


def test_it_repeats_for_ever() -> None:
    assert not any(path.endswith(("Duration", "EndBoundary", "DeleteExpiredTaskAfter")) for path in values())


@pytest.mark.parametrize(
    ("every", "text"),
    [(60, "PT1M"), (90, "PT1M30S"), (300, "PT5M"), (3600, "PT1H")],
)
def test_the_tick_is_an_iso_duration(every: int, text: str) -> None:
    document = windows.document(replace(WINDOWS, every=timedelta(seconds=every))).decode("utf-16")
    assert values(document)["Triggers/TimeTrigger/Repetition/Interval"] == text


def test_asked_to_run_for_nobody_logged_on_it_needs_no_password() -> None:
    wish = replace(WINDOWS, system=True)
    assert values(windows.document(wish).decode("utf-16"))["Principals/Principal/LogonType"] == "S4U"
    assert windows.install(wish, {}).notes == ()
    (note,) = windows.install(WINDOWS, {}).notes
    assert "--system" in note


def test_without_a_windowless_python_the_plain_one_is_called() -> None:
    document = windows.document(replace(WINDOWS, windowless=None)).decode("utf-16")
    assert values(document)["Actions/Exec/Command"] == WINDOWS.argv[0]


def test_a_folder_with_spaces_is_quoted_in_the_arguments_and_never_as_working_directory() -> None:
    config = "C:\\My Tasks & 100%\\tasks.toml"
    argv = tuple(config if word == WINDOWS.config else word for word in WINDOWS.argv)
    found = values(windows.document(replace(WINDOWS, config=config, argv=argv)).decode("utf-16"))
    assert f'--config "{config}" run' in found["Actions/Exec/Arguments"]
    assert found["Actions/Exec/WorkingDirectory"] == "C:\\My Tasks & 100%"


def test_the_root_of_a_drive_keeps_its_backslash() -> None:
    assert windows._folder_of("C:\\tasks.toml") == "C:\\"


def test_it_is_registered_from_the_file_that_is_written() -> None:
    write, create = windows.install(WINDOWS, {}).actions
    path = r"C:\Users\me\outputs\registration\AdaptiveScheduler.xml"
    assert isinstance(write, Write)
    assert write.path == path
    assert create == Run(("schtasks", "/Create", "/TN", "AdaptiveScheduler", "/XML", path, "/F"))


@pytest.mark.parametrize("path", sorted(taskstore.DEFAULTS.keys() & values().keys()))
def test_a_setting_that_went_back_to_its_default_is_told(path: str) -> None:
    """Each one that the wish sets otherwise: the store's element is gone, so the default is in force."""
    name, wanted = path.rpartition("/")[2], values()[path]
    lines = XML.splitlines()
    element = f"<{name}>{wanted}</{name}>"
    # Enabled stands in the trigger and in the settings: the last one is that of the settings.
    at = [n for n, line in enumerate(lines) if line.strip() == element][-1 if path.startswith("Settings") else 0]
    faults = stored("\n".join(lines[:at] + lines[at + 1 :])).faults
    expected = (
        () if taskstore.DEFAULTS[path] == wanted else (f"its {name} is '{taskstore.DEFAULTS[path]}', not '{wanted}'",)
    )
    assert faults == expected


def test_a_task_that_was_disabled_or_slowed_by_hand_is_told() -> None:
    assert stored(XML.replace("PT5M", "PT10M")).faults == ("its Interval is 'PT10M', not 'PT5M'",)
    disabled = XML[::-1].replace("<Enabled>true<"[::-1], "<Enabled>false<"[::-1], 1)[::-1]
    assert stored(disabled).faults == ("its Enabled is 'false', not 'true'",)


def test_a_task_whose_action_was_emptied_by_hand_is_still_ours() -> None:
    lines = [line for line in XML.splitlines() if not line.strip().startswith(("<Command>", "<Arguments>"))]
    found = stored("\n".join(lines))
    assert found.ours
    assert [fault.split(" is ")[0] for fault in found.faults] == ["its Command", "its Arguments"]


def test_a_project_whose_path_begins_like_ours_is_another() -> None:
    arguments = "--config C:\\Users\\me\\tasks.toml.old run"
    other = XML.replace("--config C:\\Users\\me\\tasks.toml run", arguments).replace("for C:\\", "for D:\\")
    assert not stored(other).ours


def test_what_the_store_adds_is_no_difference() -> None:
    more = XML.replace("<Author>", "<Date>2025-01-01T00:00:00</Date><URI>\\AdaptiveScheduler</URI><Author>")
    more = more.replace(r"<UserId>EXAMPLE\me", "<UserId>S-1-5-21-1-2-3-1001")
    assert stored(more).faults == ()


@pytest.mark.parametrize(
    "content",
    [XML.encode("utf-16"), XML.encode(), b"\xef\xbb\xbf" + XML.encode(), b"\r\n" + XML.encode()],
    ids=["as the file is", "UTF-8 that declares UTF-16", "with a mark", "as the query prints it"],
)
def test_the_store_is_read_whatever_its_encoding_really_is(content: bytes) -> None:
    answers: Answers = {STORED: Answer(1, b"", "Access is denied"), QUERY: Answer(0, content)}
    found = windows.registered(WINDOWS, answers)
    assert found is not None
    assert found.faults == ()


def test_a_query_in_the_code_page_of_the_console_is_read_as_far_as_it_can_be() -> None:
    printed = XML.replace("<Author>", "<Author>한국 ").encode("cp949")
    found = windows.registered(WINDOWS, {QUERY: Answer(0, printed)})
    assert found is not None
    assert found.faults == ()


def test_a_query_that_prints_nothing_tells_nothing() -> None:
    assert windows.registered(WINDOWS, {QUERY: Answer(0, b"\r\n")}) is None
    assert windows.registered(WINDOWS, {QUERY: Answer(0, b"<broken")}) is None


def test_uninstall_deletes_what_is_there() -> None:
    plan = windows.uninstall(WINDOWS, as_installed("windows"))
    assert plan.actions == (Run(("schtasks", "/Delete", "/TN", "AdaptiveScheduler", "/F")),)


def test_elsewhere_it_says_that_this_is_no_windows() -> None:
    assert windows.missing(WINDOWS, {}) == "no 'schtasks' on PATH: this is no Windows"
    assert windows.missing(WINDOWS, {QUERY: Answer(1)}) is None


@given(st.text(st.sampled_from('ab \\"\t&%'), max_size=12))
def test_words_are_quoted_as_the_c_runtime_reads_them(word: str) -> None:
    for one in (word.replace('"', ""), f" {word}", f"{word} \\"):
        assert taskxml.quoted(one) == subprocess.list2cmdline([one])
