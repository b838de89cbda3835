"""A checked copy of tasks.toml under state_dir: it opens an unchanged file fast, and outlives a broken one.

The copy is believed only when program, platform and path are those that made it and its own state_dir
is the folder it lies in; for the fast way the hash of the file's bytes must match too. Any doubt: no copy.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import __version__, config, files, places, trust
from adaptive_scheduler.errors import ConfigError, TrustError
from adaptive_scheduler.files import private_folder, replace_file
from adaptive_scheduler.settings import Config

FILE_NAME = "tasks.validated.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Opened:
    """The configuration in force; `faults` says why it is an older copy, if it is one."""

    config: Config
    faults: tuple[str, ...] = ()
    from_last_good: bool = False
    saved_at: datetime | None = None


def open_config(
    path: Path, *, strict: bool, write: bool, platform: str | None = None, environ: Mapping[str, str] = os.environ
) -> Opened:
    """Return the configuration in a file, or the last good copy of it when the file is broken.

    `strict` refuses the copy, `write` renews it. Raises ConfigError when there is nothing to go by, TrustError where
    somebody else could change the file or the state; a file that is gone is no broken file.
    """
    system = platform or config.current_platform()
    try:
        data = config.read_bytes(path, environ)
    except ConfigError as error:
        if strict or isinstance(error, TrustError) or isinstance(error.__cause__, FileNotFoundError):
            raise
        return _fall_back(path, b"", system, error)
    cached = _cached(path, data, system)
    if cached is not None:
        return Opened(cached)
    from adaptive_scheduler.validation import validate

    try:
        plain = validate(data, config.shown(path))
    except ConfigError as error:
        if strict:
            raise
        return _fall_back(path, data, system, error)
    fresh = config.build(plain, path, platform=system)
    _demand_trust(fresh.state_dir, environ)
    if write:
        # Without a copy cycles are slower, and a file broken later silences them: no reason to stop now.
        with contextlib.suppress(OSError):
            save(plain, fresh, data)
        # Somebody may have made the folder before we could.
        _demand_trust(fresh.state_dir, environ)
    return Opened(fresh)


def _demand_trust(folder: str, environ: Mapping[str, str]) -> None:
    """Raise TrustError where what lies in a state folder, or will, may be somebody else's."""
    if problem := trust.objection_to_folder(folder, environ):
        raise TrustError([f"scheduler.state_dir '{folder}' is not used: {problem}"])


def explanation(opened: Opened) -> str:
    """Return one line that says which copy is in force and why; empty when the file itself is."""
    if not opened.from_last_good:
        return ""
    count = len(opened.faults)
    when = f"{opened.saved_at.astimezone():%Y-%m-%d %H:%M}" if opened.saved_at else "an unknown time"
    faults = "a fault" if count == 1 else f"{count} faults"
    return (
        f"'{opened.config.path}' has {faults} ({opened.faults[0]}), continuing with the last good copy of "
        f"{when}; 'adaptive-scheduler check' shows {'it' if count == 1 else 'all'}"
    )


def load_cached(path: Path, *, platform: str | None = None) -> Config | None:
    """Return the configuration of a file that has not changed since its copy was saved, or None."""
    try:
        data = config.read_bytes(path)
    except ConfigError:
        return None
    return _cached(path, data, platform or config.current_platform())


def last_good(path: Path, *, platform: str | None = None) -> tuple[Config, datetime] | None:
    """Return the copy last saved for a file, whatever the file says now, and when; or None."""
    try:
        data = config.read_bytes(path)
    except TrustError:
        return None
    except ConfigError:
        data = b""
    return _last_good(path, data, platform or config.current_platform())


def save(plain: dict[str, Any], fresh: Config, data: bytes) -> None:
    """Write the copy of a configuration just checked; `data` is its file's content. Raises OSError."""
    folder = Path(fresh.state_dir)
    content = {
        "version": VERSION,
        "program": __version__,
        "platform": fresh.rules.platform,
        "path": fresh.path,
        "sha256": hashlib.sha256(data).hexdigest(),
        "config": plain,
    }
    private_folder(folder, durable=True)
    replace_file(folder / FILE_NAME, json.dumps(content).encode())


def _fall_back(path: Path, data: bytes, platform: str, error: ConfigError) -> Opened:
    found = _last_good(path, data, platform)
    if found is None:
        raise error
    return Opened(found[0], tuple(error.faults), from_last_good=True, saved_at=found[1])


def _cached(path: Path, data: bytes, platform: str) -> Config | None:
    digest = hashlib.sha256(data).hexdigest()
    for file in _copies(path, data):
        content = _read(file)
        if content.get("sha256") == digest:
            found = _built(content, path, file, platform)
            if found is not None:
                return found
    return None


def _last_good(path: Path, data: bytes, platform: str) -> tuple[Config, datetime] | None:
    for file in _copies(path, data):
        found = _built(_read(file), path, file, platform)
        if found is not None:
            with contextlib.suppress(OSError):
                return found, datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return None


def _copies(path: Path, data: bytes) -> Iterator[Path]:
    """Yield where a copy may lie: not where somebody else may have put it."""
    for folder in places.state_folders(path, data):
        if not trust.objection_to_folder(str(folder), os.environ):
            yield folder / FILE_NAME


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(files.read_bytes(file))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _built(content: dict[str, Any], path: Path, file: Path, platform: str) -> Config | None:
    """Return the configuration of a copy that is wholly what it claims to be, else None."""
    claims = (content.get("version"), content.get("program"), content.get("platform"))
    if claims != (VERSION, __version__, platform):
        return None
    try:
        found = config.build(content["config"], path, platform=platform)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        return None
    if content.get("path") != found.path or found.state_dir != str(file.parent):
        return None
    return found
