"""The pager of the user on a terminal, plain text everywhere else."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from adaptive_scheduler import pager
from tests.console import Stream, streams
from tests.platforms import posix_only
from tests.program import Program
from tests.terminals import on_a_terminal

terminals = posix_only("pseudo-terminals")


@terminals
@pytest.mark.parametrize(
    ("named", "first"),
    [
        ("sed s/^/.../", "...NAME\n"),
        ("sed 's/^/one two/'", "one twoNAME\n"),
        ("", "NAME\n"),
        ("cat", "NAME\n"),
        ("no-such-pager", "NAME\n"),
        ("'", "NAME\n"),
        ("sh -c 'trap : INT; kill -INT 0; sed s/^/.../'", "...NAME\n"),
    ],
)
def test_a_terminal_has_the_pager_that_is_named_or_none(tmp_path: Path, named: str, first: str) -> None:
    code, seen = on_a_terminal(Program(tmp_path), "help", "why", PAGER=named)
    assert (code, seen[: len(first)]) == (0, first)
    assert seen.count("NAME\n") == 1
    assert "SEE ALSO\n" in seen
    assert "\x1b" not in seen


@terminals
def test_a_pager_that_ends_early_is_no_fault(tmp_path: Path) -> None:
    assert on_a_terminal(Program(tmp_path), "help", "tasks.toml", PAGER="true") == (0, "")


@terminals
def test_less_is_taken_where_none_is_named_and_ends_by_itself_after_a_short_page(tmp_path: Path) -> None:
    if shutil.which("less") is None:
        pytest.skip("there is no less here")
    program = Program(tmp_path)
    (tmp_path / "less").write_text('#!/bin/sh\necho "less was called: $LESS"\n')
    (tmp_path / "less").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    called = on_a_terminal(program, "help", "resume", PAGER=None, LESS=None, PATH=path)
    assert called == (0, "less was called: FRX\n")
    code, seen = on_a_terminal(program, "help", "resume", PAGER=None, LESS="FX", LINES="100")
    assert (code, "SEE ALSO" in seen) == (0, True)


def test_a_pipe_has_plain_text_whatever_pager_there_is(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.environ["PAGER"] = f"{sys.executable} -c pass"
    answer = program("help", "why")
    assert (answer.code, answer.out[:5], answer.err) == (0, "NAME\n", "")


def test_without_streams_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptive_scheduler.pager.sys.stdout", None)
    pager.page("text")


def test_a_pager_that_cannot_be_started_is_no_reason_to_say_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF no program")
    broken.chmod(0o755)
    out = Stream(terminal=True)
    with streams(out, out):
        pager.page("text\n", {"PAGER": str(broken), "PATH": str(tmp_path)})
    assert out.text == "text\n"
