"""The one way by which tasks.toml is changed: read, edited as text, checked as a whole, and only then replaced.

What it held before stays beside it as `.bak`. A link stays a link; mode and owner stay; the encoding and its mark too.
"""

import codecs
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptive_scheduler import config as configuration
from adaptive_scheduler import files, trust
from adaptive_scheduler.errors import ConfigError, UsageError
from adaptive_scheduler.places import FILE_NAME
from adaptive_scheduler.settings import Config
from adaptive_scheduler.toml_text import decode, parse

BACKUP = ".bak"


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A tasks.toml as it was read: None where there was none yet."""

    path: Path
    before: bytes | None
    text: str

    @property
    def tasks(self) -> Mapping[str, Any]:
        """Return the tables of its tasks, as TOML gives them."""
        found = parse(self.text).get("tasks", {})
        return found if isinstance(found, dict) else {}


def find(option: str | None, environ: Mapping[str, str], here: Path) -> Path:
    """Return the tasks.toml in force, or where one is to be made: the one that was named, or here."""
    try:
        return configuration.find(option, environ, here)
    except ConfigError:
        return here / FILE_NAME


def read(path: Path, *, make: bool = False) -> TaskFile:
    """Return a tasks.toml that is sound; with `make` it need not be there. Raises ConfigError with its faults."""
    if make and not os.path.lexists(path):
        return TaskFile(path, None, "")
    # Nothing of it is run here: root may mend another user's file, whose own cycles look who may write.
    data = configuration.read_bytes(path, {trust.VARIABLE: "1"})
    configuration.read(data, path, platform=configuration.current_platform())
    return TaskFile(path, data, decode(data))


def write(file: TaskFile, text: str) -> Config:
    """Replace a tasks.toml by a text and return what it says; the file of before stays beside it.

    Raises ConfigError, with nothing changed, for a text with faults, and UsageError where it cannot be written or
    somebody else has changed the file meanwhile.
    """
    data = _encoded(text, file.before or b"")
    try:
        found = configuration.read(data, file.path, platform=configuration.current_platform())
    except ConfigError as error:
        raise ConfigError([*error.faults, f"'{file.path}' would have these faults, so nothing was written"]) from error
    try:
        _replace(file, data)
    except OSError as error:
        raise UsageError(f"'{file.path}' cannot be written ({error.strerror or error}); nothing was changed") from error
    return found


def _replace(file: TaskFile, data: bytes) -> None:
    target = file.path.resolve()
    if file.before is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.create(target, data)  # never over one that came meanwhile
        return
    now = target.stat()
    if target.read_bytes() != file.before:
        raise UsageError(f"'{file.path}' was changed by somebody else meanwhile; nothing was written: try again")
    files.replace_file(target.with_name(target.name + BACKUP), file.before, like=now)
    files.replace_file(target, data, like=now)


def _encoded(text: str, before: bytes) -> bytes:
    """Return the text in the encoding of the file before: UTF-8 with its mark or without, or UTF-16."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if before.startswith(mark):
            return mark + text.encode(name)
    return text.encode("utf-8", "surrogatepass")
