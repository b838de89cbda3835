"""The words of a message, and the secrets that are in none."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import wording
from adaptive_scheduler.notify import About, Notice
from tests.builders import NOW


def notice(about: About = About.FAILURE, task: str = "backup", reason: str = "failed: exit code 3") -> Notice:
    return Notice(about, NOW, reason, task, "r1" if task else "")


@pytest.mark.parametrize(
    ("notices", "title"),
    [
        ([notice()], "[box] backup is failing"),
        ([notice(About.RECOVERY), notice(task="sync")], "[box] backup is well again, sync is failing"),
        ([notice()] * 5, "[box] backup is failing, backup is failing, backup is failing and 2 more"),
        ([notice(About.MISSED_CYCLES, "", "9 cycles\nare missing")], "[box] 9 cycles are missing"),
    ],
)
def test_a_title_says_what_it_is_about_and_where(notices: list[Notice], title: str) -> None:
    assert wording.title(notices, "box") == title


def test_a_message_has_the_reason_the_last_lines_and_where_to_look_further() -> None:
    assert wording.body([notice()], {"r1": "one\ntwo\n"}, "/etc/my tasks.toml").splitlines() == [
        "backup is failing: failed: exit code 3",
        "at 2025-11-02 22:30:00 +0000",
        "last lines of its output:",
        "  | one",
        "  | two",
        'look further: adaptive-scheduler --config "/etc/my tasks.toml" logs backup --run r1',
    ]


@pytest.mark.parametrize(
    ("about", "command"),
    [
        *[(one, "logs backup --run r1") for one in (About.FAILURE, About.LONG_RUN, About.SHORT_RUN, About.HEAVY_RUN)],
        *[(one, "why backup") for one in (About.OVERDUE, About.STARVING)],
        (About.RECOVERY, "history backup"),
        (About.MISSED_CYCLES, "check"),
        (About.EVENT, "events"),
    ],
)
def test_each_notice_names_the_command_that_tells_more(about: About, command: str) -> None:
    assert wording.body([notice(about)], {}, "t").endswith(f"--config t {command}")


def test_of_many_notices_the_first_twenty_are_told() -> None:
    told = wording.body([notice()] * 50, {}, "t")
    assert told.count("is failing") == 20
    assert told.endswith("and 30 more: adaptive-scheduler --config t status")


def test_what_a_script_printed_cannot_spoil_a_message() -> None:
    lines = wording.tail("first\n" * 100 + "\x1b[31mred\x1b[0m\n" + "x" * 10_000 + "\n\n").splitlines()
    assert len(lines) == 20
    assert lines[-2] == "\\x1b[31mred\\x1b[0m"
    assert lines[-1] == "x" * 200 + "..."


@pytest.mark.parametrize(
    ("abouts", "tone"),
    [
        ([About.RECOVERY], "success"),
        ([About.RECOVERY, About.SHORT_RUN], "info"),
        ([About.SHORT_RUN, About.STARVING], "warning"),
        ([About.EVENT, About.FAILURE], "failure"),
    ],
)
def test_the_tone_is_that_of_the_gravest(abouts: list[About], tone: str) -> None:
    assert wording.tone([notice(one) for one in abouts]) == tone


def test_a_host_and_a_port_are_no_secrets() -> None:
    said = wording.redacted("POST https://u:pass@hooks.example:8443/T0/B00/xyzt?key=abcd failed", SLACK)
    assert said == "POST *** failed"
    said = wording.redacted("hooks.example:8443 refused, path T0/B00/xyzt, user pass, key=abcd", SLACK)
    assert said == "hooks.example:8443 refused, path T0/B00/***, user ***, ***"


SLACK = "https://u:pass@hooks.example:8443/T0/B00/xyzt?key=abcd"


@given(
    st.text("abcdefghij/:@?&=%#[]0123456789", min_size=4, max_size=60),
    st.text(max_size=20),
    st.sampled_from(["https://example.org/", "mailto://", "", "http://["]),
)
def test_no_address_is_ever_quoted(secret: str, around: str, scheme: str) -> None:
    address = scheme + secret
    for written in (address, address.upper(), quote(address, safe="")):
        assert address not in wording.redacted(f"{around}{written}{around}", address)


@given(st.text("abcdefgh", min_size=4, max_size=20), st.text("jklmnop", min_size=4, max_size=20))
def test_neither_is_a_part_of_it(token: str, password: str) -> None:
    said = wording.redacted(f"{token} or {password}", f"https://x:{password}@example.org/hook/{token}")
    assert said == "*** or ***"
