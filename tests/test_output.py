"""The head and the tail of what a script prints, and bytes of any encoding as text."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from adaptive_scheduler.output import MARK_BYTES, Output, decode, read_from
from tests.platforms import holes, utf8_console, windows_only

WAYS = pytest.mark.parametrize(
    "punch", [pytest.param(True, id="by a hole", marks=holes), pytest.param(False, id="by moving the tail")]
)
HEAD, TAIL = b"first line\n", b"last line\n"


def write(output: Output, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(output.script_fd, view) :]


def blocks(path: Path) -> int:
    """What a file takes on the disk; Windows tells its length alone, which here is the same."""
    return int(getattr(path.stat(), "st_blocks", path.stat().st_size / 512) * 512)


def test_what_fits_stays_as_it_is(tmp_path: Path) -> None:
    output = Output(tmp_path / "log", 1000)
    write(output, b"x" * 1000)
    assert output.trim() == 1000
    assert output.finish() == 1000
    assert (tmp_path / "log").read_bytes() == b"x" * 1000


def test_a_disk_that_cannot_say_how_much_was_printed_is_no_fault_of_the_run(tmp_path: Path) -> None:
    output = Output(tmp_path / "log", 1000)
    os.close(output.file.fileno())
    os.close(output.script_fd)
    assert output.finish() is None


@WAYS
def test_the_middle_is_given_back_while_the_script_writes(tmp_path: Path, punch: bool) -> None:
    output = Output(tmp_path / "log", 100_000, punch=punch)
    write(output, HEAD)
    for _ in range(30):
        write(output, b"0123456789abcde\n" * 65_536)
        output.trim()
        assert blocks(tmp_path / "log") < 3_000_000
    write(output, TAIL)
    assert output.finish() == len(HEAD) + 30 * 2**20 + len(TAIL)
    content = (tmp_path / "log").read_bytes()
    assert content.startswith(HEAD)
    assert content.endswith(TAIL)
    assert len(content) == 100_000 + MARK_BYTES
    assert blocks(tmp_path / "log") < 120_000


@WAYS
def test_the_mark_says_how_much_was_cut(tmp_path: Path, punch: bool) -> None:
    output = Output(tmp_path / "log", 1_000_000, punch=punch)
    for _ in range(3):
        write(output, b"x" * 1_500_000)
        output.trim()
    output.finish()
    content = (tmp_path / "log").read_bytes()
    mark = content[500_000 : 500_000 + MARK_BYTES]
    assert mark.strip() == b"[... 3.5 MB cut: output.log keeps the first 500 kB and the last 500 kB ...]"
    assert content.replace(mark, b"") == b"x" * 1_000_000


def test_our_headers_are_not_counted_as_output(tmp_path: Path) -> None:
    output = Output(tmp_path / "log", 1000)
    output.header("--- one ---")
    write(output, b"hello\n")
    assert output.finish() == 6
    assert (tmp_path / "log").read_bytes() == b"--- one ---\nhello\n"


@given(
    cap=some.integers(0, 3000),
    pieces=some.lists(some.binary(max_size=1500), max_size=8),
    punch=some.booleans(),
)
def test_whatever_is_written_the_ends_are_kept_and_all_is_counted(
    tmp_path_factory: pytest.TempPathFactory, cap: int, pieces: list[bytes], punch: bool
) -> None:
    path = tmp_path_factory.mktemp("output") / "log"
    output = Output(path, cap, punch=punch)
    for piece in pieces:
        write(output, piece)
        output.trim()
    written = b"".join(pieces)
    assert output.finish() == len(written)
    content = path.read_bytes()
    assert len(content) <= max(cap, 2) + MARK_BYTES
    half = max(cap, 2) // 2
    if len(content) < len(written):
        assert (content[:half], content[-half:]) == (written[:half], written[-half:])
    elif len(written) <= cap:
        assert content == written


@holes
def test_a_reader_of_a_live_run_passes_over_the_hole(tmp_path: Path) -> None:
    output = Output(tmp_path / "log", 20_000)
    write(output, HEAD + b"x" * 8_000_000 + TAIL)
    output.trim()
    head, offset = read_from(tmp_path / "log")
    tail, end = read_from(tmp_path / "log", offset)
    output.finish()
    assert head.startswith(HEAD)
    assert tail.endswith(TAIL)
    assert end == len(HEAD + TAIL) + 8_000_000
    assert len(head) + len(tail) < 50_000


def test_a_reader_at_the_end_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc")
    assert read_from(tmp_path / "log", 3) == (b"", 3)
    assert read_from(tmp_path / "log", 1, 1) == (b"b", 2)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("Größe\n".encode(), "Größe\n", id="UTF-8"),
        pytest.param("Größe\n".encode("utf-8-sig"), "Größe\n", id="UTF-8 with a mark"),
        pytest.param("Größe\n".encode("utf-16"), "Größe\n", id="UTF-16 with a mark"),
        pytest.param("\ufeffGröße\n".encode("utf-16-be"), "Größe\n", id="UTF-16 big endian"),
        pytest.param(b"\xff\xfeG\x00r", "G\ufffd", id="UTF-16 cut in a character"),
        pytest.param("wörter\n".encode() + b"\xc3", "wörter\n\ufffd", id="cut in a character", marks=utf8_console),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_any_encoding_becomes_text(data: bytes, text: str) -> None:
    assert decode(data) == text


@windows_only
def test_a_line_that_is_no_utf_8_is_in_the_code_page_of_the_console() -> None:
    assert decode("Größe\n".encode() + b"\xb0\xa1\r\n") == "Größe\n" + b"\xb0\xa1".decode("oem") + "\r\n"


@given(some.binary())
def test_decoding_never_raises(data: bytes) -> None:
    decode(data).encode()
