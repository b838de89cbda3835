"""A script -> the words that run it: by its extension, from one table, never through a shell.

`.py` and `.ps1` are built in, [interpreters] of tasks.toml adds or replaces, the interpreter of a step
goes before both. What cannot be run is a sentence that names the way out, and fails that task alone.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adaptive_scheduler import trust
from adaptive_scheduler.errors import DispatchError
from adaptive_scheduler.model import Step

BUILTIN = "builtin:"
BUILTIN_FOLDER = Path(__file__).resolve().parent / "builtin"

POWERSHELL = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")
"""-File passes the exit code of the script on; -Command would turn every failure into 1."""

POWERSHELLS = {"windows": ("pwsh", "powershell.exe")}
"""Which PowerShell to look for, by system: the modern one first."""


def python_with_output(executable: str) -> str:
    """Return the python.exe beside a pythonw.exe: a script of the latter cannot print, and says nothing of its end."""
    beside = Path(executable).with_name("python.exe")
    return str(beside) if Path(executable).name.lower() == "pythonw.exe" and beside.is_file() else executable


PYTHON = python_with_output(sys.executable)
PLATFORM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def command(
    step: Step,
    *,
    folder: Path,
    interpreters: Mapping[str, tuple[str, ...]],
    platform: str = PLATFORM,
    path: str | None = None,
    python: str = PYTHON,
) -> list[str]:
    """Return the words that run a step; what is relative is so to `folder`, the one of tasks.toml.

    `path` is searched for interpreters, by default that of the environment. Raises DispatchError.
    """
    script = script_path(step.script, folder)
    words = step.interpreter or _by_extension(script, interpreters, platform, path, python)
    return [_program(words[0], folder, path), *words[1:], str(script), *step.args]


def guarded(words: Sequence[str], step: Step, python: str = PYTHON) -> list[str]:
    """Return the files among the words of a step that are to be nobody else's, but for those we are made of."""
    program, script = words[0], words[-1 - len(step.args)]
    found = [] if program == python else [program]
    return found if step.script.startswith(BUILTIN) else [*found, script]


def demand_trust(files: Iterable[str], environ: Mapping[str, str]) -> None:
    """Raise DispatchError where somebody else could change one of the files that a step runs."""
    if problem := trust.refusal(files, environ):
        raise DispatchError(problem)


def script_path(script: str, folder: Path) -> Path:
    """Return the absolute path of a script that is there and can be read; raises DispatchError."""
    if script.startswith(BUILTIN):
        name = script.removeprefix(BUILTIN)
        found = BUILTIN_FOLDER / name
        if Path(name).name != name or not found.is_file():
            shipped = sorted(one.name for one in BUILTIN_FOLDER.glob("*.p[sy]*") if one.name != "__init__.py")
            raise DispatchError(f"script '{script}' is not shipped; there are {', '.join(shipped) or 'none'}")
        return found
    found = absolute(script, folder)
    try:
        found.stat()
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise DispatchError(f"script '{script}' cannot be reached ('{found}'): permission denied") from error
        raise DispatchError(f"script '{script}' not found (looked for '{found}')") from error
    if found.is_dir():
        raise DispatchError(f"script '{script}' is a folder ('{found}'); name a file in it")
    if not os.access(found, os.R_OK):
        raise DispatchError(f"script '{script}' cannot be read ('{found}'); give its reader the permission to")
    return found


def absolute(path: str, folder: Path) -> Path:
    """Return a path of tasks.toml as an absolute one, `~` and `..` worked out."""
    return Path(os.path.abspath(folder / os.path.expanduser(path)))  # noqa: PTH100, PTH111 - a link keeps its name, an unknown user is no error


def _by_extension(
    script: Path, interpreters: Mapping[str, tuple[str, ...]], platform: str, path: str | None, python: str
) -> tuple[str, ...]:
    extension = script.suffix.lower()
    named = {one.lower(): words for one, words in interpreters.items()}
    if extension in named:
        return named[extension]
    if extension == ".py":
        return (python,)
    if extension == ".ps1":
        candidates = POWERSHELLS.get(platform, ("pwsh",))
        there = (one for one in candidates if _which(one, path))
        return (next(there, candidates[0]), *POWERSHELL)
    if not extension:
        raise DispatchError(
            f"script '{script.name}' has no extension; name its program, for example interpreter = [\"bash\"]"
        )
    raise DispatchError(
        f"unknown script type '{extension}' of '{script.name}'; name its interpreter under [interpreters], "
        f'for example "{extension}" = [{_guess(extension)}]'
    )


def _guess(extension: str) -> str:
    usual = {
        ".rb": "ruby",
        ".pl": "perl",
        ".js": "node",
        ".sh": "bash",
        ".r": "Rscript",
        ".lua": "lua",
        ".php": "php",
        ".bat": 'cmd", "/c',
        ".cmd": 'cmd", "/c',
    }
    return f'"{usual.get(extension, "program")}"'


def _program(word: str, folder: Path, path: str | None) -> str:
    """Return the absolute path of a program; one with a separator in it is relative to the folder."""
    separators = {os.sep, os.altsep or os.sep}
    wanted = word
    if word.startswith("~") or any(one in word for one in separators):
        wanted = str(absolute(word, folder))
    found = _which(wanted, path)
    if found is None:
        where = "" if wanted != word else " on PATH"
        raise DispatchError(
            f"interpreter '{word}' not found{where}; install it, or name another under [interpreters] "
            "or with interpreter = [...] (cron's PATH is short: an absolute path always works)"
        )
    return str(absolute(found, Path.cwd()))


def _which(program: str, path: str | None) -> str | None:
    import shutil  # few cycles start anything

    return shutil.which(program, path=path)
