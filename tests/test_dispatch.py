"""A script becomes the words that run it, or a sentence that names the way out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive_scheduler.dispatch import command, python_with_output
from adaptive_scheduler.errors import DispatchError
from adaptive_scheduler.model import Step
from tests.platforms import WINDOWS, posix_only

POWERSHELL = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]


PYTHON = sys.executable
PROGRAM = ".EXE" if WINDOWS else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with scripts, and with programs in `bin`."""
    for name in ("a.py", "B.PY", "a.ps1", "a.sh", "a.rb", "plain", "with space.py", "ünï.py"):
        (tmp_path / name).touch()
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("bash", "pwsh", "ruby", "mine"):
        (tmp_path / "bin" / f"{name}{PROGRAM}").touch(0o755)
    (tmp_path / "bin" / "powershell.exe").touch(0o755)
    return tmp_path


def words(folder: Path, script: str, **more: object) -> list[str]:
    """Return the command of a script with paths in the folder written as '@'."""
    step = Step("step", script, more.pop("args", ()), more.pop("interpreter", ()))  # type: ignore[arg-type]
    settings = {"interpreters": {}, "platform": "linux", "path": str(folder / "bin"), "python": PYTHON}
    got = command(step, folder=folder, **(settings | more))  # type: ignore[arg-type]
    return [plain(word, folder) for word in got]


def plain(text: str, folder: Path) -> str:
    """Return a text with the folder written as '@', and as POSIX spells paths and programs."""
    short = text.replace(str(folder) + os.sep, "@")
    return re.sub(r"^@bin\\(\w+)(?:\.EXE)?$", r"@bin/\1", short, flags=re.IGNORECASE) if WINDOWS else short


@pytest.mark.parametrize(
    ("script", "more", "expected"),
    [
        pytest.param("a.py", {}, [PYTHON, "@a.py"], id="python is our own interpreter"),
        pytest.param("B.PY", {}, [PYTHON, "@B.PY"], id="extensions know no case"),
        pytest.param("with space.py", {}, [PYTHON, "@with space.py"], id="one word whatever its spaces"),
        pytest.param("ünï.py", {}, [PYTHON, "@ünï.py"], id="unicode"),
        pytest.param("a.py", {"args": ("-x", "a b", "$(y)")}, [PYTHON, "@a.py", "-x", "a b", "$(y)"], id="arguments"),
        pytest.param("a.ps1", {}, ["@bin/pwsh", *POWERSHELL, "@a.ps1"], id="pwsh"),
        pytest.param("a.ps1", {"platform": "windows"}, ["@bin/pwsh", *POWERSHELL, "@a.ps1"], id="pwsh on Windows"),
        pytest.param("a.sh", {"interpreters": {".sh": ("bash", "-e")}}, ["@bin/bash", "-e", "@a.sh"], id="added"),
        pytest.param("a.py", {"interpreters": {".PY": ("mine",)}}, ["@bin/mine", "@a.py"], id="replaced"),
        pytest.param(
            "a.py",
            {"interpreters": {".py": ("bash",)}, "interpreter": ("mine", "-u")},
            ["@bin/mine", "-u", "@a.py"],
            id="the step's interpreter wins",
        ),
        pytest.param("plain", {"interpreter": ("bash",)}, ["@bin/bash", "@plain"], id="no extension"),
        pytest.param("a.rb", {"interpreter": ("bin/ruby",)}, ["@bin/ruby", "@a.rb"], id="relative to the folder"),
        pytest.param("./bin/../a.py", {}, [PYTHON, "@a.py"], id="dots"),
    ],
)
def test_golden_commands(folder: Path, script: str, more: dict[str, object], expected: list[str]) -> None:
    assert words(folder, script, **more) == expected


def test_windows_powershell_serves_where_pwsh_is_missing(folder: Path) -> None:
    (folder / "bin" / f"pwsh{PROGRAM}").unlink()
    expected = ["@bin/powershell" if WINDOWS else "@bin/powershell.exe", *POWERSHELL, "@a.ps1"]
    assert words(folder, "a.ps1", platform="windows") == expected


@pytest.mark.parametrize(
    ("script", "more", "sentence"),
    [
        pytest.param("x.py", {}, "script 'x.py' not found (looked for '@x.py')", id="missing"),
        pytest.param("a\0b.py", {}, "script 'a\0b.py' not found (looked for '@a\0b.py')", id="impossible name"),
        pytest.param("folder.py", {}, "script 'folder.py' is a folder ('@folder.py'); name a file in it", id="folder"),
        pytest.param(
            "a.rb",
            {},
            "unknown script type '.rb' of 'a.rb'; name its interpreter under [interpreters], "
            'for example ".rb" = ["ruby"]',
            id="unknown type",
        ),
        pytest.param(
            "plain",
            {},
            "script 'plain' has no extension; name its program, for example interpreter = [\"bash\"]",
            id="no type",
        ),
        pytest.param(
            "a.sh",
            {"interpreters": {".sh": ("zsh5",)}},
            "interpreter 'zsh5' not found on PATH; install it, or name another under [interpreters] "
            "or with interpreter = [...] (cron's PATH is short: an absolute path always works)",
            id="missing interpreter",
        ),
    ],
)
def test_what_cannot_be_run_is_a_sentence(folder: Path, script: str, more: dict[str, object], sentence: str) -> None:
    with pytest.raises(DispatchError) as refusal:
        words(folder, script, **more)
    assert str(refusal.value).replace(str(folder) + os.sep, "@") == sentence


def test_a_missing_powershell_is_named(folder: Path) -> None:
    (folder / "bin" / f"pwsh{PROGRAM}").unlink()
    with pytest.raises(DispatchError, match="interpreter 'pwsh' not found on PATH"):
        words(folder, "a.ps1")


def test_scripts_of_a_pythonw_run_with_the_python_beside_it_which_can_print(tmp_path: Path) -> None:
    alone = tmp_path / "pythonw.exe"
    assert python_with_output(str(alone)) == str(alone)
    beside = tmp_path / "python.exe"
    beside.touch()
    assert python_with_output(str(alone)) == python_with_output(str(beside)) == str(beside)


@pytest.mark.parametrize("name", ["builtin:none.py", "builtin:../dispatch.py", "builtin:"])
def test_only_what_is_shipped_is_built_in(folder: Path, name: str) -> None:
    with pytest.raises(DispatchError, match=f"script '{name}' is not shipped; there are .*check_health.py"):
        words(folder, name)


def test_a_shipped_script_is_found(folder: Path) -> None:
    assert Path(words(folder, "builtin:check_health.py")[1]).is_file()


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root reads everything")
def test_an_unreadable_script_is_said_to_be_so(folder: Path) -> None:
    (folder / "a.py").chmod(0)
    with pytest.raises(DispatchError, match="script 'a.py' cannot be read"):
        words(folder, "a.py")


@pytest.mark.parametrize(
    ("name", "content", "interpreter"),
    [
        pytest.param("seven.py", "raise SystemExit(7)\n", {}, id="python"),
        pytest.param("seven.sh", "exit 7\n", {".sh": ("sh",)}, id="shell", marks=posix_only("sh")),
    ],
)
def test_each_interpreter_passes_the_exit_code_on(
    tmp_path: Path, name: str, content: str, interpreter: dict[str, tuple[str, ...]]
) -> None:
    (tmp_path / name).write_text(content)
    argv = command(Step("seven", name), folder=tmp_path, interpreters=interpreter)
    assert subprocess.run(argv, check=False).returncode == 7
