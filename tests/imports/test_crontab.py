"""Crontabs: every line becomes a task, a setting or a remark, and none goes missing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.imports.base import ORDER, Piece
from adaptive_scheduler.imports.crontab import LONGEST_LINE, Tab, decoded, pieces

ME = Tab("me", "/home/me")
SYSTEM = Tab("root", "/root", system=True, home_of=lambda user: {"www-data": "/var/www"}.get(user))


def read(text: str, tab: Tab = ME) -> list[Piece]:
    return pieces(text, tab, lambda name, path: f"/usr/bin/{name}" if name == "prog" else None)


def only(text: str, tab: Tab = ME) -> Piece:
    found = [piece for piece in read(text, tab) if piece.kind not in ("setting", "comment")]
    assert len(found) == 1
    return found[0]


def values(text: str, tab: Tab = ME) -> Any:
    found = only(text, tab)
    assert found.values is not None, found.remarks
    return found.values


def test_a_plain_line_is_a_task_with_its_keys_in_order() -> None:
    found = values("# Save it all\n*/10 * * * * /opt/save.sh -v\n")
    assert found == {
        "description": "Save it all",
        "interval": "10m",
        "script": "/opt/save.sh",
        "args": ["-v"],
        "interpreter": ["env"],
        "cwd": "/home/me",
    }
    assert list(found) == [key for key in ORDER if key in found]


@pytest.mark.parametrize(
    ("when", "interval", "timeout"),
    [
        ("*/10 * * * *", "10m", None),
        ("0 * * * *", "1h", None),
        ("0 */6 * * *", "6h", "6h"),
        ("0 3 * * *", "22h", "22h"),
        ("@weekly", "7d", "24h"),
        ("@monthly", "30d", "24h"),
    ],
)
def test_runs_that_come_seldom_get_time_up_to_the_next_one_and_a_day_at_most(
    when: str, interval: str, timeout: str | None
) -> None:
    found = values(f"{when} /opt/x\n")
    assert (found["interval"], found.get("timeout")) == (interval, timeout)


# -- settings ------------------------------------------------------------------------------------------


def test_settings_hold_for_the_lines_below_them() -> None:
    text = "* * * * * /opt/a\nPATH=/x:/y\n A = 'b c' \nE=\n* * * * * /opt/b\nA=\"d\"\n* * * * * /opt/c\n"
    tasks = [piece.values for piece in read(text) if piece.values]
    assert [one.get("env") for one in tasks] == [
        None,
        {"PATH": "/x:/y", "A": "b c", "E": ""},
        {"PATH": "/x:/y", "A": "d", "E": ""},
    ]


def test_shell_and_home_count_as_cron_has_them() -> None:
    found = values("SHELL=/bin/bash\nHOME=/srv\n* * * * * a | b\n")
    assert (found["script"], found["cwd"], found["env"]) == ("/bin/bash", "/srv", {"HOME": "/srv"})


def test_a_bare_name_is_looked_up_on_the_path_of_the_crontab() -> None:
    asked = []
    pieces("PATH=/x\n* * * * * tool\n", ME, lambda name, path: asked.append((name, path)))
    assert asked == [("tool", "/x")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("MAILTO=root", "nothing is mailed here"),
        ('MAILTO=""', "nothing is mailed here"),
        ("RANDOM_DELAY=5", "wait for calm moments"),
        ("LOGNAME=x", "as whoever calls the scheduler"),
        ("CRON_TZ=Asia/Seoul", "'Asia/Seoul'; windows here are local time"),
        ("PATH=$HOME/bin:/bin", "cron works out no $"),
    ],
)
def test_a_setting_that_has_no_use_is_told(line: str, says: str) -> None:
    (found,) = read(line + "\n")
    assert (found.kind, found.values) == ("setting", None)
    assert says in found.remarks[0]
    assert "env" not in values(f"{line}\n* * * * * /opt/x\n") or line.startswith("PATH")


# -- comments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "description"),
    [
        ("# Save  it\n", "Save it"),
        ("#Save it\n", "Save it"),
        ("# Other\n# Save it\n", "Save it"),
        ("# Save it\n\n", None),
        ("# m h  dom mon dow   command\n", None),
        ("# 5 4 * * * /opt/old\n", None),
        ("#\n", None),
        ("# " + "x" * 200 + "\n", "x" * 117 + "..."),
    ],
)
def test_a_comment_right_above_is_the_description(above: str, description: str | None) -> None:
    assert values(f"{above}* * * * * /opt/x\n").get("description") == description


def test_comments_that_describe_nothing_stay_comments() -> None:
    found = read("# One\n# Two\n* * * * * /opt/x\n# Three\n")
    assert [(piece.kind, piece.line) for piece in found] == [("comment", 1), ("task", 3), ("comment", 4)]


@pytest.mark.parametrize("line", ["#0 4 * * * /opt/old", "# @daily /opt/old", "## */5 * * * mon /opt/old"])
def test_a_job_that_was_commented_out_is_told(line: str) -> None:
    (found,) = read(line)
    assert "switched off by a #" in found.remarks[0]


def test_five_words_of_a_comment_are_no_job() -> None:
    assert read("# this is a comment with words\n# @author me\n")[0].remarks == ()


# -- lines without a task ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("@reboot /opt/x", "systemd (Type=oneshot, WantedBy=multi-user.target)"),
        ("@Reboot /opt/x", "nothing starts at boot"),
        ("@every_minute /opt/x", "'@every_minute' is no time"),
        ("0 0 31 2 * /opt/x", "it never comes"),
        ("61 * * * * /opt/x", "cron would refuse it (bad minute)"),
        ("H * * * * /opt/x", "cron would refuse it"),
        ('""=/x', "no comment, no setting and no job"),
        ("garbage", "no comment, no setting and no job"),
        ("* * * *", "no comment, no setting and no job"),
        ("* * * * * %x", "it has no command"),
        ("*/5 * * * * /opt/adaptive-scheduler --config x run", "it calls this program itself"),
        ("*/5 * * * * /opt/python -m adaptive_scheduler run --faults-only", "it calls this program itself"),
        ("* * * * * /opt/x " + "y" * LONGEST_LINE, "longer than any line"),
    ],
)
def test_what_becomes_no_task_is_told_with_its_line(line: str, says: str) -> None:
    found = only(f"\n{line}\n")
    assert (found.values, found.line, found.kind) == (None, 2, "left out")
    assert says in found.remarks[0]


def test_the_block_of_install_is_left_out_as_one() -> None:
    text = (
        "# BEGIN adaptive-scheduler 'X' ('uninstall' removes it)\n2 * * * * env x run\n# END adaptive-scheduler 'X'\n"
    )
    first, second = read(text + "1 * * * * /opt/x\n")
    assert (first.kind, first.line, second.kind) == ("left out", 1, "task")
    assert "'install' made this block" in first.remarks[0]


def test_a_block_without_an_end_hides_nothing() -> None:
    found = read("# BEGIN adaptive-scheduler 'X'\n2 * * * * /opt/x\n")
    assert [piece.kind for piece in found] == ["task"]


# -- oddities ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-*/15 * * * * /opt/x", "kept it out of the system's log"),
        ("* * * * * /opt/x", "once a tick at most"),
        ("* * * * * * /opt/x", "like a sixth field"),
        ("0 0 3 * * ? /opt/x", "on certain days"),
        ("0~30 3 * * * /opt/x", "a random choice"),
        ("*/7 * * * * /opt/x", "uneven"),
        ("0 2 * * 1-5 /opt/x", "on each Monday"),
        ("0 2 * * * mail me%hello", "as its input"),
    ],
)
def test_what_is_not_kept_is_told(line: str, says: str) -> None:
    assert says in " ".join(only(line + "\n").remarks)


def test_six_fields_are_switched_off() -> None:
    assert values("* * * * * * /opt/x\n")["enabled"] is False


# -- the crontabs of the system ------------------------------------------------------------------------


def test_the_lines_of_the_system_name_users() -> None:
    found = values("*/10 * * * * root /opt/x -a\n", SYSTEM)
    assert (found["script"], found["args"], found["cwd"]) == ("/opt/x", ["-a"], "/root")
    assert "enabled" not in found


def test_the_lines_of_other_users_are_switched_off_and_told() -> None:
    found = only("0 3 * * *\twww-data\t/opt/x\n", SYSTEM)
    assert found.values is not None
    assert (found.values["enabled"], found.values["cwd"]) == (False, "/var/www")
    assert "cron ran it as 'www-data'" in found.remarks[-1]
    assert "switched off" in found.remarks[-1]


def test_a_user_that_this_machine_does_not_know_has_no_home_of_its_own() -> None:
    assert values("0 3 * * * nobody /opt/x\n", SYSTEM)["cwd"] == "/root"


def test_a_line_of_the_system_without_a_command_is_told() -> None:
    assert "it has a user, '/opt/x', and no command" in only("0 3 * * * /opt/x\n", SYSTEM).remarks[0]


PACKAGES = """\
# collects figures
PATH=/usr/lib/collect:/usr/sbin:/usr/bin:/sbin:/bin

# Figures every 10 minutes
5-55/10 * * * * root command -v collect1 > /dev/null && collect1 1 1
59 23 * * * root command -v collect1 > /dev/null && collect1 60 2
30 7-23 * * *   root\t[ -x /etc/init.d/later ] && if [ ! -d /run/systemd/system ]; then service later start; fi
09,39 *     * * *     root   [ -x /usr/lib/php/clean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/clean; fi
57 0 * * 0 root if [ -x /usr/share/raid/check ] && [ $(date +\\%d) -le 7 ]; then /usr/share/raid/check --all; fi
0 */12 * * * root test -x /usr/bin/cert -a \\! -d /run/systemd && perl -e 'sleep int(rand(43200))' && cert -q renew
30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/fs/scrub_all_cron
25 6    * * *   root\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
"""
"""In the manner of the files that packages of Debian bring."""


def test_crontabs_as_packages_bring_them_become_tasks() -> None:
    tasks = [piece for piece in read(PACKAGES, SYSTEM) if piece.values]
    found = [(one.name, one.values["interval"], one.values.get("window")) for one in tasks if one.values]
    assert found == [
        ("collect1", "10m", None),
        ("collect1", "22h", ["23:59-01:59"]),
        ("service", "1h", ["07:30-00:30"]),
        ("clean", "30m", None),
        ("check", "7d", ["00:57-02:57"]),
        ("cert", "12h", None),
        ("scrub_all_cron", "7d", ["03:30-05:30"]),
        ("cron.daily", "22h", ["06:25-08:25"]),
    ]
    assert all(one.values and one.values["args"][0] == "-c" for one in tasks)
    raid = next(one.values for one in tasks if one.name == "check")
    assert raid is not None
    assert "$(date +%d) -le 7" in raid["args"][1]


# -- bytes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text", "says"),
    [
        (b"a\nb\n", "a\nb\n", None),
        (b"\xef\xbb\xbfa\n", "a\n", None),
        (b"a\r\nb\r\n", "a\nb\n", "CR LF"),
        (b"a", "a", "without a line end"),
        (b"a\nb\xe9\n", "a\nb\xe9\n", "line 2 is no UTF-8"),
        (b"", "", None),
    ],
)
def test_bytes_are_read_and_what_was_wrong_is_told(data: bytes, text: str, says: str | None) -> None:
    found, remarks = decoded(data)
    assert found == text
    assert [says in remark for remark in remarks] == [True] if says else remarks == ()


def test_what_holds_the_character_nul_is_no_crontab() -> None:
    with pytest.raises(UsageError, match="NUL"):
        decoded(b"a\0b\n")


LINE = st.one_of(
    st.sampled_from(["@daily x", "*/5 * * * * a|b", "A=b", "# c", "", "MAILTO=", "0 0 31 2 * x", "@reboot x", "x"]),
    st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=40),
    st.builds("* * * * * {}".format, st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]))),
)


@settings(deadline=None)  # the first days to be counted take a moment
@given(st.lists(LINE, max_size=8), st.booleans())
def test_no_line_of_any_text_goes_missing(lines: list[str], system: bool) -> None:
    found = read("\n".join(lines), SYSTEM if system else ME)
    numbers = {piece.line for piece in found}
    for number, line in enumerate(lines, 1):
        described = number + 1 in numbers and line.lstrip().startswith("#")
        assert number in numbers or described or not line.strip()
    assert all(piece.values or piece.remarks or piece.kind in ("setting", "comment") for piece in found)
