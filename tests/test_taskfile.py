"""tasks.toml is replaced as a whole or not at all, and stays what it was otherwise: mode, link, encoding."""

import codecs
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from adaptive_scheduler import files, places, taskfile
from adaptive_scheduler.errors import ConfigError, UsageError
from tests.platforms import links, modes

SOUND = '[tasks.a]\ninterval = "1h"\nscript = "a.py"\n'
MORE = SOUND + '\n[tasks.b]\ninterval = "1h"\nscript = "b.py"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "tasks.toml"
    found.write_bytes(SOUND.encode())
    return found


def test_a_sound_text_replaces_the_file_and_the_one_before_stays_beside_it(path: Path) -> None:
    found = taskfile.write(taskfile.read(path), MORE)
    assert list(found.tasks) == ["a", "b"]
    assert path.read_text() == MORE
    assert (path.parent / "tasks.toml.bak").read_text() == SOUND
    assert sorted(one.name for one in path.parent.iterdir()) == ["tasks.toml", "tasks.toml.bak"]


def test_a_text_with_faults_is_refused_with_all_of_them_and_changes_nothing(path: Path) -> None:
    broken = MORE.replace('"1h"\nscript = "b.py"', '"often"\nscript = 5')
    with pytest.raises(ConfigError) as error:
        taskfile.write(taskfile.read(path), broken)
    assert ":6: tasks.b.interval" in error.value.faults[0]
    assert ":7: tasks.b.script" in error.value.faults[1]
    assert "nothing was written" in error.value.faults[-1]
    assert [one.name for one in path.parent.iterdir()] == ["tasks.toml"]
    assert path.read_text() == SOUND


def test_a_file_with_faults_is_not_edited(path: Path) -> None:
    path.write_text("[tasks.a]\n")
    with pytest.raises(ConfigError, match="interval"):
        taskfile.read(path)


def test_a_file_that_is_not_there_is_made_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tasks.toml"
    with pytest.raises(ConfigError, match="not found"):
        taskfile.read(path)
    file = taskfile.read(path, make=True)
    assert (file.before, file.text, file.tasks) == (None, "", {})
    taskfile.write(file, SOUND)
    assert path.read_text() == SOUND
    with pytest.raises(UsageError, match="cannot be written"):
        taskfile.write(file, MORE)
    assert path.read_text() == SOUND


def test_a_file_that_somebody_else_changed_meanwhile_is_left_alone(path: Path) -> None:
    file = taskfile.read(path)
    path.write_text(SOUND + "# mine\n")
    with pytest.raises(UsageError, match="changed by somebody else meanwhile"):
        taskfile.write(file, MORE)
    assert path.read_text() == SOUND + "# mine\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-8"),
    ],
)
def test_the_encoding_and_its_mark_stay(path: Path, mark: bytes, encoding: str) -> None:
    path.write_bytes(mark + (SOUND + "# \u00e9\r\n").encode(encoding))
    file = taskfile.read(path)
    assert file.text == SOUND + "# \u00e9\r\n"
    taskfile.write(file, MORE)
    assert path.read_bytes() == mark + MORE.encode(encoding)


@modes
def test_the_mode_stays_and_is_that_of_the_copy_too(path: Path) -> None:
    path.chmod(0o640)
    taskfile.write(taskfile.read(path), MORE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE((path.parent / "tasks.toml.bak").stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays_when_root_edits(path: Path) -> None:
    shutil.chown(path, 1234, 1235)
    taskfile.write(taskfile.read(path), MORE)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


@links
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "mine.toml", tmp_path / "tasks.toml"
    real.write_text(SOUND)
    link.symlink_to(real)
    taskfile.write(taskfile.read(link), MORE)
    assert link.is_symlink()
    assert real.read_text() == MORE
    assert (tmp_path / "real" / "mine.toml.bak").read_text() == SOUND


@links
def test_a_link_to_nowhere_is_no_place_for_a_new_file(tmp_path: Path) -> None:
    link = tmp_path / "tasks.toml"
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="not found"):
        taskfile.read(link, make=True)


def test_a_folder_that_cannot_be_written_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    file = taskfile.read(path)
    monkeypatch.setattr(files, "replace_file", full)
    with pytest.raises(UsageError, match="No space left on device.*nothing was changed"):
        taskfile.write(file, MORE)
    assert path.read_text() == SOUND


def test_the_file_in_force_is_found_or_one_is_made_here(path: Path, tmp_path: Path) -> None:
    assert taskfile.find(None, {}, tmp_path) == path
    assert taskfile.find("other.toml", {}, tmp_path) == Path("other.toml")
    path.unlink()
    assert taskfile.find(None, {}, tmp_path) == tmp_path / places.FILE_NAME
