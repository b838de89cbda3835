"""Durable small files: write a temporary file beside the target, fsync, replace, fsync the folder.

After a crash or a power cut the target holds the old or the new content, never a mixture; a rename
alone is not enough, because the new name may reach the disk before the content does.
"""

import os
import sys
import time
from pathlib import Path

REPLACE_TRIES = 50
REPLACE_PAUSE_S = 0.02
"""On Windows a replace fails while somebody reads the target; readers take milliseconds."""


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and its parents likewise; OSError when that cannot be."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace the file's content atomically, mode 0600; `durable` also survives a power cut.

    Raises OSError, with the temporary file removed, when anything fails.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
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


def replace(source: Path, target: Path) -> None:
    """Rename over the target, waiting out readers on Windows; OSError when it stays impossible."""
    for attempt in range(REPLACE_TRIES):
        try:
            source.replace(target)
        except PermissionError:
            if sys.platform != "win32" or attempt == REPLACE_TRIES - 1:
                raise
            time.sleep(REPLACE_PAUSE_S)
        else:
            return


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows has no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
