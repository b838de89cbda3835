"""Event analysis reads each log from where it stopped, groups what differs by numbers alone, never fails on it."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.builtin import event_analysis as events
from tests.builtin.scripts import run

SPAN = events.Span(1_000.0, 2_000.0)
LINES = """\
Nov  2 22:34:43 host kernel: ata1: hard resetting link, error 17
Nov  2 22:34:44 host sshd[811]: Accepted publickey for kim
2025-11-02T22:34:45.123456+09:00 host backup[9]: upload failed after 31 s
"""


def journal(folder: Path, *entries: object, code: int = 0) -> tuple[str, ...]:
    """Make a journal folder and a journalctl that answers with the entries and writes down what it was asked."""
    (folder / "machine").mkdir(parents=True)
    (folder / "machine" / "system.journal").touch()
    (folder / "answer").write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    program = folder / "journalctl"
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >> '{folder}/asked'\ncat '{folder}/answer'\n"
        f"[ {code} = 0 ] || {{ echo 'Failed to seek to cursor' >&2; exit {code}; }}\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return (str(folder),)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'journal'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "journal"


posix_only = pytest.mark.skipif(os.name == "nt", reason="a journalctl of a shell script")


@posix_only
def test_the_journal_is_read_from_a_time_first_and_from_its_cursor_then(on_path: Path) -> None:
    roots = journal(on_path, {"MESSAGE": "disk 1 on fire", "SYSLOG_IDENTIFIER": "kernel", "__CURSOR": "s=1"})
    first = events.journal({}, SPAN, roots)
    assert first.events == [events.Event("kernel", "disk 1 on fire")]
    assert first.place == {"cursor": "s=1"}
    events.journal(first.place, SPAN, roots)
    asked = (on_path / "asked").read_text(encoding="utf-8").splitlines()
    assert "--since=@1000" in asked[0]
    assert "--after-cursor=s=1" in asked[1]
    assert "--since" not in asked[1]


@posix_only
def test_a_journal_with_nothing_new_keeps_its_cursor(on_path: Path) -> None:
    seen = events.journal({"cursor": "s=1"}, SPAN, journal(on_path))
    assert (seen.events, seen.place, seen.failed) == ([], {"cursor": "s=1"}, "")


@posix_only
def test_a_stale_cursor_falls_back_to_the_time(on_path: Path) -> None:
    seen = events.journal({"cursor": "gone"}, SPAN, journal(on_path, code=1))
    asked = (on_path / "asked").read_text(encoding="utf-8").splitlines()
    assert "--after-cursor=gone" in asked[0]
    assert "--since=@1000" in asked[1]
    assert seen.failed == "journalctl: Failed to seek to cursor"


@posix_only
@pytest.mark.parametrize(
    ("entry", "event"),
    [
        pytest.param({"MESSAGE": [104, 105, 255]}, events.Event("unknown", "hi\ufffd"), id="bytes"),
        pytest.param({"MESSAGE": None, "_COMM": "x"}, events.Event("x", ""), id="nothing"),
        pytest.param({"_COMM": "x"}, events.Event("x", ""), id="no message"),
    ],
)
def test_a_journal_entry_that_is_no_text_is_read_all_the_same(
    entry: object, event: events.Event, on_path: Path
) -> None:
    assert events.journal({}, SPAN, journal(on_path, entry)).events == [event]


def test_a_system_without_a_journal_is_said(tmp_path: Path) -> None:
    assert events.journal({}, SPAN, (str(tmp_path),)).failed == "none is kept here"


def test_a_syslog_file_is_read_once_and_then_only_its_new_part(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text(LINES, encoding="utf-8")
    first = events.syslog({}, SPAN, (str(path),))
    assert [event.source for event in first.events] == ["kernel", "backup"]
    with path.open("a", encoding="utf-8") as file:
        file.write("Nov  2 22:40:00 host cron[1]: fatal: no more room\nNov  2 22:40:01 host cron[1]: fatal, but unfi")
    second = events.syslog(first.place, SPAN, (str(path),))
    assert second.events == [events.Event("cron", "fatal: no more room")]
    assert events.syslog(second.place, SPAN, (str(path),)).events == []


@pytest.mark.parametrize("how", ["replaced", "truncated"])
def test_a_rotated_syslog_file_is_read_from_its_beginning(how: str, tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text(LINES * 3, encoding="utf-8")
    place = events.syslog({}, SPAN, (str(path),)).place
    if how == "replaced":
        path.rename(tmp_path / "syslog.1")
    path.write_text(LINES, encoding="utf-8")
    assert len(events.syslog(place, SPAN, (str(path),)).events) == 2


def test_of_a_huge_syslog_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_text("Nov  2 22:34:43 host x: error\n" + "\n" * events.MOST_BYTES + LINES, encoding="utf-8")
    assert len(events.syslog({}, SPAN, (str(path),)).events) == 2


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ata1: error 17 at 0xDEADbeef", "ata#: error # at #"),
        ("pid 4711 took 3.5 s from 10.0.0.7 at 22:34:43", "pid # took # s from # at #"),
        ("disk 123e4567-e89b-12d3-a456-426614174000 gone", "disk # gone"),
        ("object deadbeef01 and feedface", "object # and feedface"),
        ("two\nlines\tand \x1b[31mcolour", "two lines and [#mcolour"),
    ],
)
def test_what_varies_in_a_message_is_left_out(message: str, kind: str) -> None:
    assert events.normalised(message) == kind


@given(st.text())
def test_a_normalised_message_has_no_digit_no_control_character_and_an_end(message: str) -> None:
    kind = events.normalised(message)
    assert kind.isprintable()
    assert not any(char.isdecimal() for char in kind)
    assert len(kind) <= events.MESSAGE_CHARS


@given(st.text(max_size=events.MESSAGE_CHARS))
def test_normalising_twice_changes_nothing(message: str) -> None:
    assert events.normalised(events.normalised(message)) == events.normalised(message)


EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Disk'/>"
    "<EventID>7</EventID></System>{}</Event>"
)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        pytest.param(
            EVENT.format("<RenderingInfo Culture='en-US'><Message>A bad block.</Message></RenderingInfo>"),
            events.Event("Disk", "A bad block."),
            id="rendered",
        ),
        pytest.param(
            EVENT.format("<EventData><Data>C:</Data><Data Name='n'>3</Data></EventData>"),
            events.Event("Disk", "event 7: C: 3"),
            id="data alone",
        ),
        pytest.param("<Event><oops></Event>", events.Event("unknown", "an event that cannot be read"), id="no XML"),
    ],
)
def test_a_windows_event_is_read(text: str, event: events.Event) -> None:
    assert [events.event_of_xml(one) for one in events.EVENT_XML.findall(f"<x/>{text}\n")] == [event]


@pytest.mark.parametrize("read", [events.windows_log, events.macos_log])
def test_a_log_tool_that_is_not_there_is_said(read: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert callable(read)
    assert "not found" in read({}, SPAN).failed


def test_the_most_frequent_kinds_come_first_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    many = [events.Event("disk", f"bad block {number}") for number in range(5)]
    few = [events.Event("net", "link down"), *(events.Event("app", letter) for letter in "abc")]
    events.tell(events.Seen("journal", [*few, *many], {}), 0.0, 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("9 errors, 5 different, in journal since ")
    assert lines[1] == "     5 x disk: bad block #"
    assert "4 rarer kinds" in lines[2]


@pytest.mark.parametrize("content", ["", "[1]", '{"until": "x", "journal": 3}', '{"until": 1e99}', "\x00"])
def test_a_damaged_place_means_the_first_look(content: str, tmp_path: Path) -> None:
    (tmp_path / events.FILE).write_text(content, encoding="utf-8")
    ran = run("event_analysis", "--data", tmp_path, cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert json.loads((tmp_path / events.FILE).read_text(encoding="utf-8"))["until"] > 1e9
