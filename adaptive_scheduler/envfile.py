"""Files of NAME=VALUE lines that hold secrets: read anew each time, never copied, never quoted."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from adaptive_scheduler import files


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file: NAME=VALUE lines, # comments, `export` and quotes as in a shell; OSError."""
    lines = (line.strip() for line in files.read_named(path).decode("utf-8-sig").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip().removeprefix("export ").strip(): value.strip().strip("\"'") for name, _, value in pairs}


def open_to_others(path: Path) -> str:
    """Return what is wrong with the permissions of a file of secrets, empty when it is its owner's alone.

    Raises OSError. On Windows, where a file inherits its access list, nothing is said.
    """
    if sys.platform == "win32":
        return ""
    there = path.stat()
    if stat.S_IMODE(there.st_mode) & 0o077:
        return f"'{path}' can be read by others: chmod 600 '{path}'"
    if there.st_uid not in (0, os.geteuid()):
        return f"'{path}' belongs to another user"
    return ""


def lookup(name: str, environ: Mapping[str, str], path: str) -> tuple[str, str]:
    """Return the value of a variable, of the environment or else of a file of secrets, and what is wrong.

    One of the two is empty; `path` is empty where there is no file.
    """
    if environ.get(name):
        return environ[name], ""
    if not path:
        return "", f"the environment has no variable '{name}', and notify.secrets names no file"
    try:
        problem = open_to_others(Path(path))
        value = "" if problem else read(Path(path)).get(name, "")
    except (OSError, ValueError) as error:
        return "", f"'{path}' cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
    if value or problem:
        return value, problem
    return "", f"neither the environment nor '{path}' has a variable '{name}'"
