"""Nothing that users or scripts wrote moves a cursor."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.printable import in_json, many_lines, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("exit code 7", "exit code 7", id="plain"),
        pytest.param("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m", id="ANSI colour"),
        pytest.param("\x1b]0;title\x07", "\\x1b]0;title\\x07", id="window title"),
        pytest.param("\x9b2J", "\\x9b2J", id="eight-bit escape"),
        pytest.param("one\r\ntwo\nthree", "one two three", id="line breaks"),
        pytest.param("a\u2028b", "a b", id="line separator"),
        pytest.param("safe\u202etxt.exe", "safe\\u202etxt.exe", id="turned writing direction"),
        pytest.param("\udc80", "\\udc80", id="half a character"),
        pytest.param(
            "한국어 \U0001f468\u200d\U0001f469", "한국어 \U0001f468\u200d\U0001f469", id="other scripts and emoji"
        ),
        pytest.param("[red]x[/red]", "[red]x[/red]", id="markup"),
        pytest.param("a\tb\0", "a\\tb\\x00", id="tab and NUL"),
    ],
)
def test_a_line_shows_what_would_control_the_terminal(text: str, line: str) -> None:
    assert one_line(text) == line


def test_a_longer_text_keeps_its_lines_and_tabs() -> None:
    assert many_lines("a\tb\r\nc\n\x1b[2Jd\r50 %\r") == "a\tb\nc\n\\x1b[2Jd\\r50 %\\r"


@given(st.text(st.characters()))
def test_nothing_harmful_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)
    assert one_line(line) == line
    line.encode()


@given(st.text(st.characters()), st.booleans())
def test_json_means_the_same_and_controls_nothing(text: str, escaped: bool) -> None:
    written = in_json(json.dumps({"cause": text}, ensure_ascii=escaped))
    assert json.loads(written) == {"cause": text}
    assert one_line(written) == written
