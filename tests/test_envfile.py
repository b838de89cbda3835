"""Files of secrets: read as a shell would, and refused when others can read them."""

import os
from pathlib import Path

import pytest

from adaptive_scheduler import envfile

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")


def secret(folder: Path, text: str = "OPS=json://x/y\n", mode: int = 0o600) -> Path:
    path = folder / "secrets.env"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_lines_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    text = "\ufeff# addresses\n\nA=1\nexport B = \"two words\"\nC='x=y'\nno line of ours\nD=\n"
    assert envfile.read(secret(tmp_path, text)) == {"A": "1", "B": "two words", "C": "x=y", "D": ""}


def test_the_environment_comes_first(tmp_path: Path) -> None:
    path = str(secret(tmp_path))
    assert envfile.lookup("OPS", {"OPS": "mine"}, path) == ("mine", "")
    assert envfile.lookup("OPS", {"OPS": ""}, path) == ("json://x/y", "")


@pytest.mark.parametrize(
    ("name", "file", "problem"),
    [
        ("NO", "", "the environment has no variable 'NO', and notify.secrets names no file"),
        ("NO", "secrets.env", "neither the environment nor '{}' has a variable 'NO'"),
        ("OPS", "gone.env", "'{}' cannot be read: No such file or directory"),
    ],
)
def test_what_is_not_there_is_named_with_the_place(tmp_path: Path, name: str, file: str, problem: str) -> None:
    secret(tmp_path)
    path = str(tmp_path / file) if file else ""
    assert envfile.lookup(name, {}, path) == ("", problem.format(path))


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    path = secret(tmp_path, mode=mode)
    assert envfile.lookup("OPS", {}, str(path)) == ("", f"'{path}' can be read by others: chmod 600 '{path}'")


@POSIX
def test_a_file_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = secret(tmp_path)
    os.chown(path, 12_345, -1)
    assert envfile.lookup("OPS", {}, str(path)) == ("", f"'{path}' belongs to another user")


def test_a_file_that_is_no_text_is_no_fault_of_the_program(tmp_path: Path) -> None:
    path = secret(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    assert envfile.lookup("OPS", {}, str(path)) == ("", f"'{path}' cannot be read: UnicodeDecodeError")
