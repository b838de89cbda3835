"""Outputs that come home in pieces: whole, cut as anywhere, and never more than is kept."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.cluster.printed import PIECE, Piece, piece, understood, whole
from adaptive_scheduler.output import MARK_BYTES, Output
from adaptive_scheduler.runfolder import RunFolder


def answering(output: bytes, most: int = PIECE) -> Any:
    def ask(offset: int, limit: int) -> Piece:
        content = output[offset : offset + min(limit, most)]
        return Piece(content, offset + len(content), len(output))

    return ask


@given(st.binary(max_size=700), st.integers(0, 700), st.integers(1, 300), st.integers(0, 900))
def test_what_is_kept_is_all_of_it_or_its_head_and_its_tail(output: bytes, begun: int, most: int, cap: int) -> None:
    half = max(cap, 2) // 2
    begun = min(begun, half)
    found = whole(output[:begun], len(output), cap, answering(output, most))
    assert found is not None
    if len(output) <= 2 * half + MARK_BYTES:
        assert found == output
    else:
        assert (found[:half], found[-half:], len(found)) == (output[:half], output[-half:], 2 * half + MARK_BYTES)


def test_a_cut_looks_as_a_supervisor_makes_it(tmp_path: Path) -> None:
    output = b"".join(b"%06d\n" % number for number in range(3000))
    (tmp_path / "output.log").write_bytes(output)
    Output(tmp_path / "output.log", 1000).finish()
    assert whole(b"", len(output), 1000, answering(output)) == (tmp_path / "output.log").read_bytes()


def test_what_nobody_answers_is_fetched_another_time() -> None:
    assert whole(b"begun", 100, 1000, lambda *_: None) is None


def test_what_cannot_be_read_there_is_missing_and_keeps_nobody_waiting() -> None:
    assert whole(b"begun", 100, 1000, lambda offset, _: Piece(b"", offset, 0)) == b"begun"


def test_a_run_that_is_not_known_has_printed_nothing(tmp_path: Path) -> None:
    assert piece(RunFolder(tmp_path / "gone"), 0, 100) == Piece(b"", 0, 0)


@pytest.mark.parametrize(
    "answer",
    [None, (), (b"", 1, 1), ("text", 1, 1, True), (b"", "1", 1, True), (b"more than was asked for", 23, 23, True), 7],
)
def test_an_answer_that_makes_no_sense_is_none(answer: Any) -> None:
    assert understood(answer, 10) is None
