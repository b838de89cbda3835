"""Small files as we write and read them: what somebody may have put in their place is not followed, nor waited for."""

import os
import stat
from pathlib import Path

import pytest

from adaptive_scheduler import files
from adaptive_scheduler.output import Output
from tests.platforms import links, modes


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious"
    path.write_text("precious")
    return path


def test_a_replaced_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    files.replace_file(tmp_path / "a", b"one")
    files.replace_file(tmp_path / "a", b"two", durable=False)
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert files.read_bytes(tmp_path / "a") == b"two"


def test_nobody_can_foresee_the_name_of_a_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []

    def replace(source: Path, target: Path) -> None:
        names.append(source.name)
        source.replace(target)

    monkeypatch.setattr(files, "replace", replace)
    for _ in range(2):
        files.replace_file(tmp_path / "a", b"x")
    assert len(set(names)) == 2
    assert not any(str(os.getpid()) == one.split(".")[2] for one in names)


@links
@pytest.mark.parametrize("kind", ["symlink", "hard link", "file"])
def test_what_lies_at_the_name_of_a_temporary_file_is_not_written(
    tmp_path: Path, precious: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)  # as if it could be foreseen
    there = tmp_path / f".a.{bytes(6).hex()}.tmp"
    if kind == "file":
        there.touch()
    else:
        (there.symlink_to if kind == "symlink" else there.hardlink_to)(precious)
    with pytest.raises(FileExistsError):
        files.replace_file(tmp_path / "a", b"x")
    assert precious.read_text() == "precious"
    assert os.path.lexists(there), "what is not ours is not removed"


@links
def test_a_link_is_replaced_and_not_written_through(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "a").symlink_to(precious)
    files.replace_file(tmp_path / "a", b"mine")
    assert (precious.read_text(), (tmp_path / "a").read_text()) == ("precious", "mine")


@links
def test_nothing_is_appended_to_a_link_or_to_a_file_of_two_names(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "second").hardlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"):
        files.append(tmp_path / "link", b"x")
    with pytest.raises(OSError, match="it has a second name"):
        files.append(tmp_path / "second", b"x")
    with pytest.raises(OSError, match="it has a second name"):
        Output(tmp_path / "second", 1000)
    assert precious.read_text() == "precious"


@links
def test_a_file_of_ours_is_not_read_through_a_link_and_one_that_a_user_names_is(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "link").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"):
        files.read_bytes(tmp_path / "link")
    assert files.read_named(tmp_path / "link") == b"precious"


@modes
def test_a_pipe_is_neither_read_nor_written_nor_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (files.read_bytes, files.read_named):
        with pytest.raises(OSError, match="it is a pipe or a device, and no file"):
            read(pipe)
    with pytest.raises(OSError, match=r"No such device or address|it is a pipe"):  # by whether somebody reads it
        files.append(pipe, b"x")
    with pytest.raises(OSError, match="it is a pipe or a device, and no file"):
        os.close(files.open_to_write(pipe, os.O_RDWR))


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError if os.name == "posix" else PermissionError):
        files.read_named(tmp_path)


@modes
def test_a_new_file_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.append(tmp_path / "a", b"x")
        files.replace_file(tmp_path / "b", b"x")
        files.replace_file(tmp_path / "c", b"x", mode=files.FOR_ALL_TO_READ)
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / one).stat().st_mode) for one in "abc"] == [0o600, 0o600, 0o644]
