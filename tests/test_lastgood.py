"""The checked copy: fast for an unchanged file, a rescue for a broken one, and never believed in doubt."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import config
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.lastgood import FILE_NAME, explanation, last_good, load_cached, open_config
from tests.platforms import is_private

GOOD = 'scheduler.state_dir = "st"\n[tasks.a]\ninterval = "10m"\nscript = "a.py"\nenv = { GREETING = "grüß" }\n'
BROKEN = GOOD + "timeout = ten\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tasks.toml"
    file.write_text(GOOD, encoding="utf-8")
    return file


def opened_once(path: Path) -> Path:
    """Open the file as a cycle does, and return the copy that this leaves."""
    open_config(path, strict=False, write=True)
    return path.parent / "st" / FILE_NAME


def spoil(copy: Path, **changes: Any) -> None:
    copy.write_text(json.dumps(json.loads(copy.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_the_copy_gives_the_very_same_configuration(path: Path) -> None:
    fresh = open_config(path, strict=False, write=True)
    assert not fresh.from_last_good
    assert fresh.config == config.load(path, platform=config.current_platform())
    assert load_cached(path) == fresh.config
    assert open_config(path, strict=True, write=False) == fresh


def test_the_copy_keeps_what_is_watched_and_who_waits_for_it(path: Path) -> None:
    more = '[events.full]\nwhen = "cpu_load > 5"\ncool_down = "1h"\n[probes.db]\ntcp = "db:1"\ntimeout = "250ms"\n'
    path.write_text(f'{GOOD}{more}[tasks.b]\non = ["full"]\nscript = "b.py"\n', encoding="utf-8")
    fresh = open_config(path, strict=False, write=True).config
    assert (fresh.tasks["b"].beats, fresh.probes["db"].timeout) == (False, timedelta(seconds=0.25))
    assert load_cached(path) == fresh


@pytest.mark.parametrize("probe", [{"timeout": 1}, {"tcp": "a", "http": "b"}, 5])
def test_a_copy_with_a_probe_that_is_none_is_not_believed(path: Path, probe: Any) -> None:
    copy = opened_once(path)
    plain = json.loads(copy.read_text(encoding="utf-8"))["config"]
    spoil(copy, config=plain | {"probes": {"db": probe}})
    assert load_cached(path) is None


def test_an_unchanged_file_needs_neither_pydantic_nor_tomllib(path: Path) -> None:
    opened_once(path)
    program = (
        "import sys; before = set(sys.modules)\n"
        "from pathlib import Path; from adaptive_scheduler.lastgood import open_config\n"
        "opened = open_config(Path(sys.argv[1]), strict=False, write=True)\n"
        "print(list(opened.config.tasks), {'pydantic', 'tomllib'} & (set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[0] == "['a'] set()"


@pytest.mark.skipif(os.name == "nt", reason="modes are no custom of Windows")
def test_the_copy_is_its_owners_alone(path: Path) -> None:
    copy = opened_once(path)
    assert is_private(copy)
    assert is_private(copy.parent)


def test_a_dry_run_leaves_nothing_behind(path: Path) -> None:
    open_config(path, strict=True, write=False)
    assert sorted(path.parent.iterdir()) == [path]


def test_an_unchanged_file_leaves_its_copy_untouched(path: Path) -> None:
    copy = opened_once(path)
    before = copy.stat().st_mtime_ns
    open_config(path, strict=False, write=True)
    assert copy.stat().st_mtime_ns == before


def test_a_changed_file_is_read_afresh(path: Path) -> None:
    opened_once(path)
    path.write_text(GOOD.replace("10m", "20m"), encoding="utf-8")
    assert load_cached(path) is None
    assert open_config(path, strict=False, write=True).config.tasks["a"].interval == timedelta(minutes=20)
    cached = load_cached(path)
    assert cached is not None
    assert cached.tasks["a"].interval == timedelta(minutes=20)


def test_a_broken_file_falls_back_on_its_copy_and_says_so(path: Path) -> None:
    copy = opened_once(path)
    good = config.load(path, platform=config.current_platform())
    saved = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    path.write_text(BROKEN, encoding="utf-8")
    opened = open_config(path, strict=False, write=True)
    assert opened.config == good
    assert opened.from_last_good
    assert opened.saved_at == saved
    assert len(opened.faults) == 1
    assert explanation(opened) == (
        f"'{path}' has a fault ({opened.faults[0]}), continuing with the last good copy of "
        f"{saved.astimezone():%Y-%m-%d %H:%M}; 'adaptive-scheduler check' shows it"
    )
    assert last_good(path) == (good, saved)


def test_several_faults_are_counted(path: Path) -> None:
    opened_once(path)
    path.write_text(GOOD + "x = 1\ny = 1\n", encoding="utf-8")
    line = explanation(open_config(path, strict=False, write=False))
    assert " has 2 faults (" in line
    assert line.endswith("'adaptive-scheduler check' shows all")


def test_a_sound_file_needs_no_explanation(path: Path) -> None:
    assert explanation(open_config(path, strict=False, write=False)) == ""


def test_strict_refuses_the_copy_of_a_broken_file(path: Path) -> None:
    opened_once(path)
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tasks\.toml:6: syntax: "):
        open_config(path, strict=True, write=False)


def test_a_broken_file_without_a_copy_is_refused(path: Path) -> None:
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(ConfigError):
        open_config(path, strict=False, write=True)
    assert last_good(path) is None


def test_a_file_that_is_gone_is_no_broken_file(path: Path) -> None:
    path.write_text(GOOD.replace('"st"', '"outputs"'), encoding="utf-8")
    open_config(path, strict=False, write=True)
    path.unlink()
    with pytest.raises(ConfigError, match="not found"):
        open_config(path, strict=False, write=True)
    assert load_cached(path) is None


def test_a_folder_in_place_of_the_file_falls_back(path: Path) -> None:
    path.write_text(GOOD.replace('"st"', '"outputs"'), encoding="utf-8")
    open_config(path, strict=False, write=True)
    path.unlink()
    path.mkdir()
    opened = open_config(path, strict=False, write=True)
    assert opened.from_last_good
    assert "is a folder" in explanation(opened)
    with pytest.raises(ConfigError, match="is a folder"):
        open_config(path, strict=True, write=False)
    rescued = last_good(path)
    assert rescued is not None
    assert rescued[0] == opened.config


@pytest.mark.parametrize(
    "head",
    [
        "[scheduler]\nstate_dir = 'st'\n",
        'scheduler = { tick = "5m", "state_dir" = "st" }\n',
        "",
        "[scheduler]\n",
    ],
    ids=["a table", "inline", "the default", "not set"],
)
def test_the_copy_is_found_however_state_dir_is_written(path: Path, head: str) -> None:
    task = GOOD.split("\n", 1)[1]
    path.write_text(head + task, encoding="utf-8")
    good = open_config(path, strict=False, write=True).config
    assert load_cached(path) == good
    path.write_text(head + task + "timeout = ten\n", encoding="utf-8")
    assert open_config(path, strict=False, write=False).config == good


def test_the_copy_of_a_utf_16_file_is_found_too(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-16")
    good = open_config(path, strict=False, write=True).config
    path.write_text(BROKEN, encoding="utf-16")
    assert open_config(path, strict=False, write=False).config == good


def test_a_state_dir_whose_name_is_not_plain_is_only_slower(path: Path) -> None:
    path.write_text(GOOD.replace('"st"', r'"s\u0074"'), encoding="utf-8")
    opened_once(path)
    assert load_cached(path) is None
    assert open_config(path, strict=False, write=True).config.state_dir == str(path.parent / "st")


@pytest.mark.parametrize(
    "spoiling",
    [
        lambda copy: copy.write_bytes(b""),
        lambda copy: copy.write_bytes(b"\0" * 100),
        lambda copy: copy.write_text("[]"),
        lambda copy: copy.write_text("[" * 100_000),
        lambda copy: spoil(copy, version=2),
        lambda copy: spoil(copy, program="0.0.0"),
        lambda copy: spoil(copy, platform="other"),
        lambda copy: spoil(copy, path="/elsewhere/tasks.toml"),
        lambda copy: spoil(copy, config={}),
        lambda copy: spoil(copy, config=[]),
        lambda copy: spoil(copy, config={"tasks": {"a": {"interval": "x", "script": "a"}}}),
        lambda copy: spoil(copy, config={"tasks": {"a": {"interval": 1e300, "script": "a"}}}),
        lambda copy: spoil(copy, config={"tasks": {"a": {"interval": 5, "script": "a", "unknown": 1}}}),
        lambda copy: spoil(copy, config={"tasks": {"a": {"interval": 5, "script": "a"}}}),
    ],
    ids=[
        "empty",
        "NULs",
        "a list",
        "too deep",
        "newer",
        "other program",
        "other system",
        "other file",
        "no tasks",
        "no table",
        "wrong type",
        "too long",
        "unknown key",
        "other state_dir",
    ],
)
def test_a_copy_in_doubt_is_not_believed(path: Path, spoiling: Callable[[Path], None]) -> None:
    copy = opened_once(path)
    spoiling(copy)
    assert load_cached(path) is None
    assert last_good(path) is None
    assert open_config(path, strict=False, write=True).config == load_cached(path)


def test_a_copy_for_other_content_is_no_fast_way(path: Path) -> None:
    copy = opened_once(path)
    spoil(copy, sha256="0" * 64)
    assert load_cached(path) is None
    assert last_good(path) is not None


def test_the_same_folder_for_two_files_serves_neither_wrongly(path: Path) -> None:
    opened_once(path)
    other = path.with_name("other.toml")
    other.write_text(GOOD, encoding="utf-8")
    assert load_cached(other) is None
    other.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(ConfigError):
        open_config(other, strict=False, write=True)


def test_a_state_dir_that_cannot_be_written_does_not_stop_the_opening(path: Path) -> None:
    (path.parent / "st").write_text("a file where the folder should be")
    assert list(open_config(path, strict=False, write=True).config.tasks) == ["a"]
