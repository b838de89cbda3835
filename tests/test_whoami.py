"""Who and what is registered: absolute, independent of the present shell, and tried before it counts."""

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import config as configuration
from adaptive_scheduler import whoami
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.settings import Config

TOML = '[tasks.job]\ninterval = "1h"\nscript = "job.py"\n'
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows search path and language by itself")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "tasks.toml"
    path.write_text(TOML, encoding="utf-8")
    return configuration.load(path, platform="linux")


def test_every_path_of_the_call_is_absolute_and_the_interpreter_is_the_one_that_runs(config: Config) -> None:
    wish = whoami.registration(config, "Name", system=False)
    assert wish.argv == (
        *(sys.executable, "-P", "-X", "utf8", "-m", "adaptive_scheduler", "--config", config.path, "run"),
    )
    assert Path(wish.config).is_absolute()
    assert wish.every == config.rules.tick
    assert wish.folder == str(Path(config.state_dir) / "registration")


@posix_only
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PATH": "/a:/b:/a", "LANG": "ko_KR.UTF-8"}, {"PATH": "/a:/b", "LANG": "ko_KR.UTF-8"}),
        ({"PATH": "/a:.:b:", "LANG": "C"}, {"PATH": "/a", "LANG": whoami.UTF8}),
        ({"LC_ALL": "de_DE.utf8", "LANG": "C", "PATH": "/a"}, {"PATH": "/a", "LANG": "de_DE.utf8"}),
        ({"LANG": "ko_KR.eucKR", "PATH": "/a"}, {"PATH": "/a", "LANG": whoami.UTF8}),
        ({}, {"PATH": os.defpath, "LANG": whoami.UTF8}),
        (
            {"PATH": "/a", "ADAPTIVE_TRUST_WRITABLE": "1"},
            {"PATH": "/a", "LANG": whoami.UTF8, "ADAPTIVE_TRUST_WRITABLE": "1"},
        ),
    ],
    ids=["as it is", "relative folders and C", "LC_ALL wins", "no UTF-8", "nothing set", "vouched for"],
)
def test_scripts_get_the_users_search_path_and_a_language_of_utf_8(
    config: Config, environ: dict[str, str], expected: dict[str, str]
) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS calls its plain language otherwise")
    assert whoami.registration(config, "N", system=False, environ=environ).environment == expected


@posix_only
def test_a_registration_with_the_machine_runs_as_the_owner_of_the_file(config: Config) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    import pwd

    other = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, os.geteuid()))
    os.chown(config.path, other.pw_uid, -1)
    wish = whoami.registration(config, "N", system=True)
    assert (wish.user, wish.uid, wish.home) == (other.pw_name, other.pw_uid, other.pw_dir)
    with pytest.raises(UsageError, match=f"belongs to user number {other.pw_uid}, who could have anything run as root"):
        whoami.registration(config, "N", system=False)


@posix_only
def test_an_owner_without_an_entry_is_named(config: Config) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(config.path, 54321, -1)
    with pytest.raises(UsageError, match="user number 54321 has no entry"):
        whoami.registration(config, "N", system=True)


def test_the_installed_program_starts_from_anywhere(config: Config) -> None:
    whoami.try_out(whoami.registration(config, "N", system=False))


@posix_only
def test_an_interpreter_that_lacks_the_program_is_found_out_before_it_is_registered(
    config: Config, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named adaptive_scheduler" >&2; exit 1\n', encoding="utf-8")
    python.chmod(0o755)
    wish = whoami.registration(config, "N", system=False)
    with pytest.raises(UsageError, match=r"from elsewhere, does not find the program \(.*No module"):
        whoami.try_out(replace(wish, argv=(str(python), *wish.argv[1:])))


@posix_only
def test_an_interpreter_that_the_owner_may_not_start_is_found_out(config: Config, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    python.parent.chmod(0o700)
    wish = whoami.registration(config, "N", system=False)
    whoami.try_out(replace(wish, argv=(str(python), *wish.argv[1:])))
    with pytest.raises(UsageError, match="does not find the program"):
        whoami.try_out(replace(wish, argv=(str(python), *wish.argv[1:]), uid=1))


def test_a_windowless_interpreter_is_taken_where_there_is_one(tmp_path: Path) -> None:
    assert whoami.windowless(tmp_path / "python.exe") is None
    (tmp_path / "pythonw.exe").touch()
    assert whoami.windowless(tmp_path / "python.exe") == str(tmp_path / "pythonw.exe")


def test_the_same_tick_is_no_difference(config: Config) -> None:
    assert whoami.differing_tick(config, timedelta(minutes=5), TOML) is None
