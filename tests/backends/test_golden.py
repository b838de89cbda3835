"""The files of install/units are what the renderers give, and what `install --print` shows."""

import codecs
import os
import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Write
from adaptive_scheduler.commands import plans
from tests.backends import golden, services


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_ready_to_copy_files_are_what_the_renderer_gives(backend: str) -> None:
    expected = golden.files_of(backend)
    assert expected
    assert {name: (golden.UNITS / name).read_bytes() for name in expected} == expected


def test_no_other_file_lies_beside_them() -> None:
    names = {name for backend in BACKENDS for name in golden.files_of(backend)}
    names |= {name for keeper, role in services.EXAMPLES for name in services.files_of(keeper, role)}
    assert {path.name for path in golden.UNITS.iterdir()} == names


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_printed_plan_shows_every_byte_of_the_files(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    plans.show(BACKENDS[backend].install(golden.EXAMPLES[backend], {}))
    shown = capsys.readouterr().out
    for content in golden.files_of(backend).values():
        text = content.decode("utf-16" if content.startswith(codecs.BOM_UTF16_LE) else "utf-8")
        assert text.replace("\r\n", "\n").rstrip("\n") in shown


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_installed_already_needs_nothing_more(backend: str) -> None:
    """The golden files, read back as the system would give them, are the wish."""
    wish = golden.EXAMPLES[backend]
    answers = golden.as_installed(backend)
    found = BACKENDS[backend].registered(wish, answers)
    assert found is not None
    assert found.ours
    assert found.faults == ()
    assert BACKENDS[backend].install(wish, answers).actions == ()
    assert BACKENDS[backend].uninstall(wish, answers).actions != ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_installed_needs_no_removal(backend: str) -> None:
    assert BACKENDS[backend].registered(golden.EXAMPLES[backend], {}) is None
    assert BACKENDS[backend].uninstall(golden.EXAMPLES[backend], {}).actions == ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_registration_of_another_project_is_none_of_ours(backend: str) -> None:
    mine = golden.EXAMPLES[backend]
    path = mine.config.replace("tasks.toml", "other.toml")
    argv = tuple(path if word == mine.config else word for word in mine.argv)
    other = replace(mine, config=path, argv=argv)
    found = BACKENDS[backend].registered(other, golden.as_installed(backend))
    assert found is not None
    assert not found.ours
    assert found.faults == ()


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is of Linux")
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("whose", ["--user", "--system"])
@pytest.mark.parametrize("strange", [False, True], ids=["plain", "strange paths"])
def test_systemd_itself_finds_nothing_to_complain_of(whose: str, strange: bool, tmp_path: Path) -> None:
    folder = tmp_path / ('a "b" 50% $c \\ d' if strange else "plain")
    folder.mkdir()
    python = folder / "python"
    python.symlink_to(sys.executable)
    config = str(folder / "tasks.toml")
    argv = (str(python), *golden.LINUX.argv[1:7], config, "run")
    wish = golden.example(argv=argv, config=config, home=str(tmp_path), environment={"PATH": str(folder)})
    for action in BACKENDS["systemd"].install(wish, {}).actions:
        if isinstance(action, Write):
            (tmp_path / Path(action.path).name).write_bytes(action.content)
    units = [str(tmp_path / f"{wish.name}.{kind}") for kind in ("service", "timer")]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    verified = subprocess.run(["systemd-analyze", whose, "verify", *units], capture_output=True, text=True, env=environ)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_task_for_windows_is_the_xml_of_utf_16_that_it_declares() -> None:
    content = golden.files_of("windows")["AdaptiveScheduler.xml"]
    assert content.startswith(codecs.BOM_UTF16_LE)
    assert b"\r\x00\n\x00" in content
    root = ET.fromstring(content)
    assert root.tag == "{http://schemas.microsoft.com/windows/2004/02/mit/task}Task"
    assert root.attrib["version"] == "1.2"


def test_the_property_list_is_one() -> None:
    content = plistlib.loads(golden.files_of("launchd")["adaptive-scheduler.AdaptiveScheduler.plist"])
    assert content["StartInterval"] == 300
    assert content["AbandonProcessGroup"] is True
