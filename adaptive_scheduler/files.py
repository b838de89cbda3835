"""Durable small files: write a temporary file beside the target, fsync, replace, fsync the folder.

After a crash or a power cut the target holds the old or the new content, never a mixture; a rename
alone is not enough, because the new name may reach the disk before the content does.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

PRIVATE = 0o600
FOR_ALL_TO_READ = 0o644

PATIENCE_S = 5.0
PAUSE_FIRST_S, PAUSE_LONGEST_S = 0.002, 0.05
"""On Windows a file cannot be replaced while somebody reads it, nor read while it is replaced: milliseconds both."""


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and its parents likewise; OSError when that cannot be."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def replace_file(
    path: Path, content: bytes, *, durable: bool = True, mode: int = PRIVATE, like: os.stat_result | None = None
) -> None:
    """Replace the file's content atomically, whatever the umask; `durable` also survives a power cut.

    It gets the mode and the owner of `like`, where given. Raises OSError, with the temporary file removed, when
    anything fails.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(temporary, flags, PRIVATE)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            if like is not None:
                _owned(descriptor, like)
            elif sys.platform != "win32" and mode != PRIVATE:
                os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _owned(descriptor: int, like: os.stat_result) -> None:
    """Give an open file the owner, where that is ours to give, and the mode of another one."""
    if sys.platform == "win32":  # there a file in a folder has the rights of the folder
        return
    with suppress(PermissionError):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, like.st_mode & 0o7777)


def replace(source: Path, target: Path) -> None:
    """Rename over the target, waiting out readers on Windows; OSError when it stays impossible."""
    _patiently(lambda: source.replace(target), target)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that others replace, waiting that out on Windows; raises OSError."""
    return _patiently(path.read_bytes, path)


def read_json(path: Path) -> Any:
    """Return what the JSON in such a file says; raises OSError, or ValueError where it is none."""
    try:
        return json.loads(read_bytes(path))
    except RecursionError as error:
        raise ValueError(f"'{path}' is nested too deeply") from error


def remove(path: Path) -> None:
    """Remove a file if it is there, waiting out readers on Windows; raises OSError."""
    _patiently(lambda: path.unlink(missing_ok=True), path)


def _patiently(act: Callable[[], Result], path: Path) -> Result:
    """Act again and again as long as Windows says that somebody else has the file; elsewhere act once."""
    give_up_at_s, pause_s = time.monotonic() + PATIENCE_S, PAUSE_FIRST_S
    while True:
        try:
            return act()
        except PermissionError:
            # A folder in the place of a file is refused with the same words, and stays.
            if sys.platform != "win32" or time.monotonic() > give_up_at_s or path.is_dir():
                raise
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_LONGEST_S)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows has no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Make a file that was written before durable, with its name; raises OSError."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """Append to a file, mode 0600 when it is new; OSError when not everything could be written."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
