"""XML of the Task Scheduler, as the GUI, schtasks and PowerShell write it, and as nobody should."""

import codecs
from typing import Any

import pytest

from adaptive_scheduler.backends.taskxml import NAMESPACE
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.imports.base import Piece
from adaptive_scheduler.imports.taskxml import pieces

DAILY = (
    "<CalendarTrigger><StartBoundary>2024-01-01T03:00:00</StartBoundary>"
    "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>"
)
EXEC = "<Exec><Command>C:\\x.exe</Command><Arguments>/q</Arguments></Exec>"


def document(settings: str = "", *, triggers: str = DAILY, actions: str = EXEC, rest: str = "") -> str:
    return (
        f'<Task version="1.2" xmlns="{NAMESPACE}">\r\n{rest}<Triggers>{triggers}</Triggers>\r\n'
        f'<Settings>{settings}</Settings>\r\n<Actions Context="Author">{actions}</Actions>\r\n</Task>'
    )


def read(text: str, encoding: str = "utf-8") -> list[Piece]:
    return pieces(text.encode(encoding), "file", {})


def only(text: str) -> Piece:
    (found,) = read(text)
    return found


def values(text: str) -> Any:
    found = only(text)
    assert found.values is not None, found.remarks
    return found.values


def told(text: str) -> str:
    return " ".join(only(text).remarks)


def test_a_task_becomes_one_with_its_keys() -> None:
    info = "<RegistrationInfo><URI>\\My\\Nightly Job</URI><Description>Saves\nall</Description></RegistrationInfo>"
    found = only(
        document(rest=info, actions=EXEC.replace("</Exec>", "<WorkingDirectory>C:\\w</WorkingDirectory></Exec>"))
    )
    assert (found.name, found.source, found.remarks) == ("Nightly Job", "\\My\\Nightly Job", ())
    assert found.values == {
        "description": "Saves all",
        "os": "windows",
        "interval": "22h",
        "window": ["03:00-05:00"],
        "script": "C:\\x.exe",
        "args": ["/q"],
        "interpreter": ["cmd", "/c"],
        "cwd": "C:\\w",
        "timeout": "3d",
    }


@pytest.mark.parametrize(
    "data",
    [
        document().encode(),
        codecs.BOM_UTF8 + document().encode(),
        codecs.BOM_UTF16_LE + ('<?xml version="1.0" encoding="UTF-16"?>\r\n' + document()).encode("utf-16-le"),
        ('<?xml version="1.0" encoding="UTF-16"?>\r\n' + document()).encode("utf-16-le"),
        ('<?xml version="1.0" encoding="UTF-16"?>\r\n' + document()).encode(),
        codecs.BOM_UTF16_BE + document().encode("utf-16-be"),
    ],
    ids=["plain", "mark", "utf-16", "utf-16 without mark", "declared wrongly", "big-endian"],
)
def test_the_encoding_is_the_real_one_whatever_is_declared(data: bytes) -> None:
    assert [one.kind for one in pieces(data, "file", {})] == ["task"]


def test_many_documents_behind_one_another_are_read_each_by_itself() -> None:
    declared = '<?xml version="1.0" encoding="UTF-16"?>\r\n'
    text = "".join(f"{declared}<!-- \\Folder\\{name} -->\r\n{document()}\r\n\r\n" for name in ("one", "two"))
    assert [(piece.name, piece.line) for piece in read(f"<Tasks>\r\n{text}</Tasks>")] == [("one", 4), ("two", 12)]


def test_a_task_that_is_broken_hides_no_other() -> None:
    broken = document().replace("<Settings>", "<Settings><")
    first, second = read(broken + "\n" + document())
    assert (first.values, first.kind) == (None, "left out")
    assert "it cannot be read" in first.remarks[0]
    assert second.values


def test_what_stands_between_tasks_and_a_task_without_an_end_are_told() -> None:
    found = read(f"words{document()}<Task >never ended")
    assert [(one.kind, one.source) for one in found] == [
        ("left out", "words"),
        ("task", "file"),
        ("left out", "<Task >never ended"),
    ]
    assert found[2].remarks == ("it is no <Task>",)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + document(),
        '<!doctype x SYSTEM "file:///etc/passwd">' + document(),
    ],
)
def test_entities_and_document_types_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="refused"):
        read(text)


@pytest.mark.parametrize("text", ["", "<x/>", "<Tasks></Tasks>", "<Task>" * 100_000, "<!--" * 100_000])
def test_what_holds_no_task_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="holds no <Task>"):
        read(text)


def test_an_entity_that_nobody_declared_is_told() -> None:
    assert "it cannot be read" in told(document(rest="&boom;"))


# -- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ("<ExecutionTimeLimit>PT2H</ExecutionTimeLimit>", {"timeout": "2h"}),
        ("<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>", {"timeout": "30d"}),
        ("<Enabled>false</Enabled>", {"enabled": False}),
        ("<Priority>5</Priority>", {"background": False}),
        (
            "<RestartOnFailure><Interval>PT5M</Interval><Count>3</Count></RestartOnFailure>",
            {"retries": 3, "retry_delay": "5m"},
        ),
        (
            "<RestartOnFailure><Interval>PT0S</Interval><Count>999</Count></RestartOnFailure>",
            {"retries": 100, "retry_delay": "1m"},
        ),
    ],
)
def test_settings_with_an_equivalent_are_kept(settings: str, keys: dict[str, Any]) -> None:
    found = values(document(settings))
    assert {key: found[key] for key in keys} == keys


def test_a_priority_below_normal_is_what_tasks_have_here_too() -> None:
    assert "background" not in values(document("<Priority>7</Priority>"))


def test_no_settings_at_all_are_the_usual_ones() -> None:
    assert values(document().replace("<Settings></Settings>", ""))["timeout"] == "3d"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("<MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>", "never runs twice at once"),
        ("<MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>", "comes at the next beat"),
        ("<MultipleInstancesPolicy>StopExisting</MultipleInstancesPolicy>", "`timeout` ends it"),
        ("<DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>", "on battery"),
        ("<RunOnlyIfIdle>true</RunOnlyIfIdle>", "calm moments"),
        ("<DeleteExpiredTaskAfter>PT0S</DeleteExpiredTaskAfter>", "nothing is deleted"),
        ("<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>", "no limit"),
        ("<RestartOnFailure><Interval>PT5M</Interval><Count>3</Count></RestartOnFailure>", "doubled"),
        ("<ExecutionTimeLimit>soon</ExecutionTimeLimit>", "'soon' is no duration"),
    ],
)
def test_settings_without_an_equivalent_are_told(settings: str, says: str) -> None:
    assert says in told(document(settings))


def test_settings_that_are_the_same_here_are_not_told() -> None:
    same = "<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy><RunOnlyIfIdle>false</RunOnlyIfIdle>"
    assert told(document(same)) == ""


def test_whose_rights_it_had_is_told() -> None:
    principal = (
        "<Principals><Principal><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>"
    )
    text = told(document(rest=principal))
    assert "it ran as 'S-1-5-18'" in text
    assert "the highest rights" in text


# -- actions -------------------------------------------------------------------------------------------


def test_several_actions_are_steps_that_go_on() -> None:
    found = values(document(actions=EXEC + "<Exec><Command>b.ps1</Command></Exec>"))
    assert found["keep_going"] is True
    assert [step["script"] for step in found["steps"]] == ["C:\\x.exe", "b.ps1"]
    assert "script" not in found


def test_actions_in_several_folders_are_told() -> None:
    other = EXEC.replace("</Exec>", "<WorkingDirectory>C:\\w</WorkingDirectory></Exec>")
    assert "had different folders" in told(document(actions=other + EXEC))


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ("<ComHandler><ClassId>x</ClassId></ComHandler>", "ComHandler has no equivalent"),
        ("<SendEmail/>", "SendEmail has no equivalent"),
        ("<Exec/>", "it names no program"),
        ("", "it runs no program"),
    ],
)
def test_actions_that_run_no_program_are_told(actions: str, says: str) -> None:
    found = only(document(actions=actions))
    assert found.values is None
    assert says.replace("it names", "names") in " ".join(found.remarks)


def test_a_task_without_a_beat_is_left_out_with_all_its_remarks() -> None:
    found = only(document("<WakeToRun>true</WakeToRun>", triggers="<BootTrigger/>"))
    assert (found.values, found.kind) == (None, "left out")
    assert "BootTrigger" in found.remarks[0]
    assert "woke" in found.remarks[1]


def test_a_task_without_triggers_or_actions_is_left_out() -> None:
    assert only("<Task><Actions/></Task>").values is None
    assert "it runs no program" in told(f"<Task><Triggers>{DAILY}</Triggers></Task>")


def test_the_task_of_install_is_left_out() -> None:
    ours = EXEC.replace("/q", "-m adaptive_scheduler --config C:\\tasks.toml run --faults-only")
    assert told(document(actions=ours)) == "it calls this program itself"
