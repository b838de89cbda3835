"""What `install` remembers: the scheduler and the wish of that day, with which the system is compared later.

`registration.json` in the state folder is no truth about what is in force; that is always asked of the system.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import files
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Registration
from adaptive_scheduler.errors import RegistrationError
from adaptive_scheduler.settings import Config
from adaptive_scheduler.whoami import FOLDER

RECORD = "registration.json"
VERSION = 1


def recorded(config: Config) -> tuple[str, Registration] | None:
    """Return scheduler and wish of this project's last `install`; None without a legible record, or with another's.

    A folder that was copied brings a record along that is not its own; one that was moved brings its own.
    """
    try:
        plain: dict[str, Any] = files.read_json(_record(config))
        if plain["version"] != VERSION or plain["backend"] not in BACKENDS:
            return None
        wish = plain["registration"]
        wish["argv"] = tuple(wish["argv"])
        wish["every"], wish["offset"] = timedelta(seconds=wish["every"]), timedelta(seconds=wish["offset"])
        known = Registration(**wish)
        is_ours = is_same(known.config, config.path) or not Path(known.config).exists()
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return (plain["backend"], known) if is_ours else None


def forget(config: Config) -> None:
    """Remove the record."""
    with contextlib.suppress(OSError):
        _record(config).unlink()


def is_of_another_user(wish: Registration) -> bool:
    """Say whether a registration is in the hands of a user that we are not."""
    return sys.platform != "win32" and not wish.system and wish.uid not in (None, os.geteuid())


def is_same(one: str, other: str) -> bool:
    """Say whether two paths lead to one file."""
    with contextlib.suppress(OSError):
        return one == other or Path(one).samefile(other)
    return False


def remember(config: Config, backend: str, wish: Registration) -> None:
    """Write the record; raises RegistrationError."""
    plain = asdict(replace(wish, environment=dict(wish.environment)))
    plain["every"], plain["offset"] = wish.every.total_seconds(), wish.offset.total_seconds()
    path = _record(config)
    content = {"version": VERSION, "backend": backend, "registration": plain}
    try:
        with _acting_as(wish):
            files.private_folder(path.parent)
            files.replace_file(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise RegistrationError(f"cannot write '{path}': {error.strerror or error}") from error


@contextlib.contextmanager
def _acting_as(wish: Registration) -> Iterator[None]:
    """Touch the files of another user with that user's rights only, when root registers for them.

    What they own they may have filled with links; root must not follow those.
    """
    if sys.platform == "win32" or wish.uid in (None, 0) or os.geteuid() != 0:
        yield
        return
    import pwd

    os.setegid(pwd.getpwuid(wish.uid).pw_gid)
    os.seteuid(wish.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _record(config: Config) -> Path:
    return Path(config.state_dir) / FOLDER / RECORD
