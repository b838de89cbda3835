"""What is no text, no TOML, or defined twice; and what is forgiven."""

import codecs

import pytest

from tests.faults import ONE, fault, read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"\n{ONE}\n{ONE}", "6: tasks.a: task 'a' is defined twice, first in line 2; rename one of them"),
        (f"[log]\n{ONE}\n[log]\n", "6: log: table 'log' is defined twice, first in line 1; join them"),
        (f'{ONE}"script" = "b.py"\n', '4: "script": \'"script"\' is defined twice; keep one of them'),
        (f"{ONE}env = {{ A = '1', A = '2' }}\n", "4: env: 'env' is defined twice; keep one of them"),
        (
            f"{ONE}interval 5\n",
            "4: syntax: not valid TOML: expected '=' after a key in a key/value pair; a line is",
        ),
        (
            f"{ONE}timeout = 10m\n",
            "4: syntax: not valid TOML: expected newline or end of document after a statement",
        ),
        (f"{ONE}timeout = ten\n", "4: syntax: not valid TOML: invalid value; text stands in quotes"),
        (f'{ONE}cwd = "C:\\Users"\n', "4: syntax: not valid TOML: "),
        (
            f'{ONE}cwd = "C:\\my"\n',
            "4: syntax: not valid TOML: unescaped '\\' in a string; write paths of Windows",
        ),
        (f'{ONE}cwd = "x\n', "4: syntax: not valid TOML: illegal character '\\n'; a text ends on the line"),
        (f'{ONE}args = ["x"\n', "4: syntax: not valid TOML: unclosed array; is a closing ] missing?"),
        (f"{ONE}x = {'[' * 20_000}", "1: syntax: brackets are nested too deeply"),
        (f"{ONE}x = {'9' * 5_000}", "4: syntax: not valid TOML: exceeds the limit"),
    ],
    ids=lambda value: value[-40:],
)
def test_what_is_no_toml_is_told_in_one_sentence(text: str, told: str) -> None:
    assert fault(text).startswith(f"tasks.toml:{told}")


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + ONE.encode(),
        codecs.BOM_UTF16_LE + ONE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + ONE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + ONE.encode("utf-32-le"),
        ONE.replace("\n", "\r\n").encode(),
    ],
    ids=["UTF-8 with a mark", "UTF-16-LE", "UTF-16-BE", "UTF-32-LE", "Windows line ends"],
)
def test_what_editors_of_windows_write_is_read(content: bytes) -> None:
    assert read(content) == read(ONE)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ONE.encode() + b"# caf\xe9\n", "4: encoding: byte '0xe9' is no UTF-8 text; save the file as UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", "1: encoding: byte '0x61' is no UTF-16 text; save the file as UTF-8"),
        (b"\0\0\0\0", "1: syntax: not valid TOML: invalid statement"),
    ],
    ids=["Latin-1", "half a UTF-16", "NUL"],
)
def test_what_is_no_text_is_told(content: bytes, told: str) -> None:
    assert fault(content).startswith(f"tasks.toml:{told}")


def test_a_text_with_a_lone_surrogate_is_a_fault_not_a_crash() -> None:
    assert "encoding" in fault(ONE + "# \ud800")
