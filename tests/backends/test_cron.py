"""The block in the crontab: every other byte stays, and what cron would misread is escaped."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.backends import cron
from adaptive_scheduler.backends.base import Answer, Answers, Plan, Run, Write
from adaptive_scheduler.errors import RegistrationError, UsageError
from tests.backends.golden import LINUX, example

NONE = Answer(1, b"", "no crontab for me")
FOREIGN = (
    b"MAILTO=me@example.org\n# a comment with 100 % \r\n*/5 * * * * date +\\%H > /tmp/a b\r\n@daily x%stdin%more\n"
)


def told(crontab: bytes | None) -> Answers:
    return {cron.LIST: NONE if crontab is None else Answer(0, crontab)}


def after(plan: Plan, before: bytes | None) -> bytes | None:
    """The crontab that a plan leaves."""
    for action in plan.actions:
        if isinstance(action, Run):
            before = None if action.argv == ("crontab", "-r") else action.content
    return before


def installed(before: bytes | None, **wish: Any) -> bytes | None:
    return after(cron.install(example(**wish), told(before)), before)


def uninstalled(before: bytes | None, **wish: Any) -> bytes | None:
    return after(cron.uninstall(example(**wish), told(before)), before)


@pytest.mark.parametrize(
    "crontab",
    [None, b"", FOREIGN, b"# END adaptive-scheduler 'AdaptiveScheduler'\n", b"\xff\xfe latin \xe9\n", b"\n\n\n"],
    ids=["absent", "empty", "foreign lines", "a stray end mark", "no UTF-8", "blank lines"],
)
def test_uninstall_restores_the_crontab_byte_for_byte(crontab: bytes | None) -> None:
    with_block = installed(crontab)
    assert with_block is not None
    assert with_block.startswith(crontab or b"")
    assert b"--faults-only" in with_block
    assert uninstalled(with_block) == crontab


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line and b"adaptive-scheduler" not in line)))
def test_any_foreign_lines_come_back(lines: list[bytes]) -> None:
    crontab = b"".join(line + b"\n" for line in lines)
    assert uninstalled(installed(crontab)) == crontab


def test_a_last_line_without_its_end_gets_one_because_cron_takes_no_other() -> None:
    assert uninstalled(installed(b"@daily x")) == b"@daily x\n"


def test_installing_twice_is_installing_once() -> None:
    once = installed(FOREIGN)
    assert cron.install(LINUX, told(once)).actions == ()


def test_a_changed_wish_takes_the_place_of_the_old_block_where_it_stood() -> None:
    once = installed(FOREIGN)
    assert once is not None
    edited = once + b"@weekly later\n"
    again = installed(edited, environment={"PATH": "/opt/bin"})
    assert again is not None
    assert again.startswith(FOREIGN)
    assert again.endswith(b"@weekly later\n")
    assert again.count(b"# BEGIN") == 1
    assert b"PATH=/opt/bin " in again
    assert uninstalled(again) == FOREIGN + b"@weekly later\n"


def test_two_projects_share_a_crontab_and_leave_it_one_by_one() -> None:
    one = installed(None)
    both = installed(one, name="Other", config="/srv/tasks.toml")
    assert both is not None
    assert uninstalled(uninstalled(both), name="Other") == b"" or uninstalled(uninstalled(both), name="Other") is None
    assert uninstalled(both, name="Other") == one


def test_the_crontab_before_the_change_is_kept_for_its_owner_alone() -> None:
    (backup, _) = cron.install(LINUX, told(FOREIGN)).actions
    assert backup == Write("/home/me/outputs/registration/crontab.backup-AdaptiveScheduler", FOREIGN, private=True)


def test_a_crontab_that_cannot_be_read_is_never_taken_for_an_empty_one() -> None:
    refused: Answers = {cron.LIST: Answer(1, b"", "crontab: you are not allowed to use this program")}
    with pytest.raises(RegistrationError, match="nothing is changed: crontab: you are not allowed"):
        cron.install(LINUX, refused)
    assert "not allowed" in str(cron.missing(LINUX, refused))


@pytest.mark.parametrize(
    "complaint",
    ["no crontab for me", "crontab: no crontab for me", "crontab: can't open 'me': No such file or directory"],
    ids=["Debian and cronie", "macOS", "BusyBox"],
)
def test_where_there_is_no_crontab_one_is_begun_and_ended(complaint: str) -> None:
    answers: Answers = {cron.LIST: Answer(1, b"", complaint)}
    begun = after(cron.install(LINUX, answers), None)
    assert begun is not None
    assert uninstalled(begun) is None


def command_of(crontab: bytes) -> list[str]:
    """The words that cron and then a shell make of the only line of a block."""
    line = crontab.decode().splitlines()[1].split(maxsplit=5)[5]
    out, skip = "", False
    for at, char in enumerate(line):  # as cron does it: an escaped % is a %, a bare one ends the command
        if char == "\\" and line[at + 1 : at + 2] == "%":
            continue
        assert char != "%" or line[at - 1] == "\\", "a bare % ends the command"
        out += char
    assert not skip
    return shlex.split(out)


@pytest.mark.parametrize(
    "name", ["a b", "100%", "50\\%", "it's", 'a "b"', "$HOME `x` ;&|", "한국어", "%", "a\\", "(x)#"]
)
def test_any_path_reaches_the_program_as_it_is(name: str) -> None:
    config = f"/home/{name}/tasks.toml"
    argv = (f"/opt/{name}/python", *LINUX.argv[1:7], config, "run")
    with_block = installed(None, argv=argv, config=config, environment={"PATH": f"/{name}/bin"})
    assert with_block is not None
    assert command_of(with_block) == ["/usr/bin/env", f"PATH=/{name}/bin", *argv, "--faults-only"]
    found = cron.registered(example(argv=argv, config=config, environment={"PATH": f"/{name}/bin"}), told(with_block))
    assert found is not None
    assert found.ours
    assert found.faults == ()


def test_a_line_break_in_a_path_is_refused() -> None:
    with pytest.raises(UsageError, match="line break"):
        cron.install(example(argv=("/a\nb/python", *LINUX.argv[1:])), told(None))


def test_a_search_path_too_long_for_cron_is_cut_at_its_end_and_that_is_told() -> None:
    wish = example(environment={"PATH": ":".join(f"/opt/folder{n}/bin" for n in range(60)), "LANG": "C.UTF-8"})
    plan = cron.install(wish, told(None))
    with_block = after(plan, None)
    assert with_block is not None
    line = with_block.splitlines()[1].split(maxsplit=5)[5]
    assert len(line) <= cron.LONGEST_LINE
    (path,) = [word for word in command_of(with_block) if word.startswith("PATH=")]
    kept = path.removeprefix("PATH=").split(":")
    assert kept == [f"/opt/folder{n}/bin" for n in range(len(kept))]
    assert plan.notes[0].endswith(":".join(f"/opt/folder{n}/bin" for n in range(len(kept), 60)))
    found = cron.registered(wish, told(with_block))
    assert found is not None
    assert found.faults == ()


@pytest.mark.parametrize("config", ["/x" * 600, "/" + "가" * 400], ids=["characters", "bytes"])
def test_a_line_that_cron_would_cut_off_is_refused(config: str) -> None:
    with pytest.raises(UsageError, match="cron takes 998 bytes a line"):
        installed(None, config=config, argv=(*LINUX.argv[:-2], config, "run"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda block: block.replace(b"# END adaptive-scheduler 'AdaptiveScheduler'\n", b""),
        lambda block: block.replace(b"# END adaptive-scheduler 'AdaptiveScheduler'\n", b"") + block,
        lambda block: block + block,
        lambda block: block.replace(b"# END", b"# BEGIN adaptive-scheduler 'Other' (x)\n# END"),
    ],
    ids=["no end", "no end, and a second block", "two blocks", "another one inside"],
)
def test_a_block_with_damaged_marks_is_left_alone_with_all_that_stands_around_it(damage: Any) -> None:
    with_block = installed(None)
    assert with_block is not None
    damaged = damage(with_block) + b"0 3 * * * /home/me/backup\n"
    for change in (cron.install, cron.uninstall, cron.registered):
        with pytest.raises(RegistrationError, match="the marks around 'AdaptiveScheduler' in the crontab are damaged"):
            change(LINUX, told(damaged))


def test_an_end_mark_that_an_editor_of_windows_saved_is_still_one() -> None:
    with_block = installed(FOREIGN)
    assert with_block is not None
    assert uninstalled(with_block[:-1] + b"\r\n@daily x\n") == FOREIGN + b"@daily x\n"


def test_a_crontab_that_busybox_may_not_open_is_not_an_absent_one() -> None:
    refused: Answers = {cron.LIST: Answer(1, b"", "crontab: can't open 'me': Permission denied")}
    with pytest.raises(RegistrationError, match="nothing is changed"):
        cron.install(LINUX, refused)


def test_an_edited_block_is_told() -> None:
    with_block = installed(FOREIGN)
    assert with_block is not None
    found = cron.registered(LINUX, told(with_block.replace(b"2-59/5", b"*/10")))
    assert found is not None
    assert found.faults == ("its lines in the crontab are not those that 'install' wrote",)


@pytest.mark.parametrize(("code", "notes"), [(0, ()), (1, (cron.IDLE,)), (None, ())], ids=["runs", "none", "unknown"])
def test_a_daemon_that_does_not_run_is_told(code: int | None, notes: tuple[str, ...]) -> None:
    answers = {**told(installed(FOREIGN)), cron.DAEMON: Answer(code)}
    found = cron.registered(LINUX, answers)
    assert found is not None
    assert (found.faults, found.notes) == ((), notes)
    assert cron.install(LINUX, answers).notes == notes


def test_a_block_commented_out_by_hand_is_told() -> None:
    with_block = installed(FOREIGN)
    assert with_block is not None
    found = cron.registered(LINUX, told(with_block.replace(b"\n2-59/5", b"\n# 2-59/5")))
    assert found is not None
    assert found.faults


def test_only_the_crontab_and_its_readers_are_looked_at() -> None:
    assert cron.looks(LINUX) == (cron.LIST, cron.DAEMON)


@pytest.mark.parametrize(
    ("answer", "wish", "words"),
    [
        (Answer(None), LINUX, "install the package 'cron'"),
        (NONE, example(system=True), "leave --system out"),
        (NONE, LINUX, None),
        (Answer(0, FOREIGN), LINUX, None),
    ],
    ids=["no cron", "system", "no crontab yet", "fine"],
)
def test_where_cron_cannot_be_used_it_says_why(answer: Answer, wish: Any, words: str | None) -> None:
    told = cron.missing(wish, {cron.LIST: answer})
    assert (told is None) if words is None else (told is not None and words in told)
