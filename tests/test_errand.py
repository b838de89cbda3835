"""Which command lines are understood without the parser of options, and that both understand the same."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adaptive_scheduler import errand
from tests.program import Program

TASKS = '[tasks.a]\ninterval = "10m"\nscript = "a.py"\n'


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "--quiet"],
        ["run", "--faults-only", "--json"],
        ["--config", "tasks.toml", "run", "--dry-run"],
        ["status"],
        ["status", "--json"],
        ["why", "a"],
        ["--config", "x", "why", "--json", "a"],
    ],
)
def test_plain_lines_are_understood(words: Sequence[str]) -> None:
    assert errand.understood(words) is not None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["--version"],
        ["--config"],
        ["--config", "--help", "run"],
        ["--config", "", "run"],
        ["--config=x", "run"],
        ["run", "--help"],
        ["run", "--quiet", "--quiet"],
        ["run", "--task", "a"],
        ["run", "extra"],
        ["run", "--wait", "0"],
        ["status", "--watch"],
        ["why"],
        ["why", "a", "b"],
        ["why", "a", "--at", "10:00"],
        ["history"],
        ["cluster", "status"],
        ["run", "--", "x"],
    ],
)
def test_everything_else_is_the_parsers(words: Sequence[str]) -> None:
    assert errand.understood(words) is None


@pytest.mark.parametrize(
    "words", [("status", "--json"), ("run", "--dry-run", "--json"), ("why", "a"), ("why", "b"), ("why", "--json", "a")]
)
def test_the_parser_does_the_same_with_such_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    program = Program(tmp_path).script("a.py", "").config(TASKS)
    program.environ["ADAPTIVE_FAKE_NOW"] = "2025-11-02T22:30:00+00:00"
    plainly = program(*words)
    argv = program.argv()
    # `--config=PATH` is for the parser alone.
    program.argv = lambda *more: [*argv[:3], f"--config={argv[4]}", *more]  # type: ignore[method-assign]  # this one
    assert program(*words) == plainly
