"""File locks of the operating system: held while the holder lives, released by the kernel when it dies.

A lock file is never removed: whoever unlinks one makes two files of the same name, and two holders.
On Windows a byte far behind the data is locked, so that the content stays readable for everybody.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adaptive_scheduler import files

WINDOWS_BYTE = 2**30
"""Locks on Windows are mandatory: the byte that stands for the lock must never hold data."""

POLL_FIRST_S = 0.001
POLL_LONGEST_S = 0.05

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    EXCLUSIVE, AT_ONCE = 0x2, 0x1
    LOCK_VIOLATION = 33

    class _Place(ctypes.Structure):
        """OVERLAPPED, of which only the offset matters here."""

        _fields_ = [
            ("internal", ctypes.c_size_t * 2),
            ("offset", wintypes.DWORD),
            ("offset_high", wintypes.DWORD),
            ("event", wintypes.HANDLE),
        ]

    # Not msvcrt.locking, which moves the file's position and cannot say why it failed.
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.LockFileEx.argtypes = (wintypes.HANDLE, *(4 * [wintypes.DWORD]), ctypes.POINTER(_Place))
    _kernel32.UnlockFileEx.argtypes = (wintypes.HANDLE, *(3 * [wintypes.DWORD]), ctypes.POINTER(_Place))

    def try_lock(fd: int) -> bool:
        """Take the exclusive lock of an open file; False when somebody else has it."""
        handle, place = msvcrt.get_osfhandle(fd), _Place(offset=WINDOWS_BYTE)
        if _kernel32.LockFileEx(handle, EXCLUSIVE | AT_ONCE, 0, 1, 0, ctypes.byref(place)):
            return True
        error = ctypes.get_last_error()
        if error == LOCK_VIOLATION:
            return False
        raise ctypes.WinError(error)

    def unlock(fd: int) -> None:
        """Give the lock back; closing the file does so too."""
        place = _Place(offset=WINDOWS_BYTE)
        if not _kernel32.UnlockFileEx(msvcrt.get_osfhandle(fd), 0, 1, 0, ctypes.byref(place)):
            raise ctypes.WinError(ctypes.get_last_error())

    def lock(fd: int) -> None:
        """Take the exclusive lock of an open file, however long that takes."""
        while not try_lock(fd):
            time.sleep(POLL_LONGEST_S)

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Take the exclusive lock of an open file; False when somebody else has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Give the lock back; closing the file does so too."""
        fcntl.flock(fd, fcntl.LOCK_UN)

    def lock(fd: int) -> None:
        """Take the exclusive lock of an open file, however long that takes."""
        fcntl.flock(fd, fcntl.LOCK_EX)


def open_lockable(path: Path, flags: int = 0) -> int:
    """Open an existing file for reading, writing and locking; no child inherits it. Raises OSError."""
    return os.open(path, os.O_RDWR | files.AS_IT_IS | flags, files.PRIVATE)


@contextmanager
def hold(
    path: Path,
    timeout_s: float = 30.0,
    *,
    first_pause_s: float = POLL_FIRST_S,
    longest_pause_s: float = POLL_LONGEST_S,
) -> Iterator[int]:
    """Hold the lock of a file, made when missing (mode 0600); yields its descriptor.

    Raises TimeoutError when it is still taken after `timeout_s`, OSError when it cannot be opened.
    """
    fd = open_lockable(path, os.O_CREAT)
    try:
        give_up_at = time.monotonic() + timeout_s
        pause_s = first_pause_s
        while not try_lock(fd):
            if time.monotonic() >= give_up_at:
                raise TimeoutError(f"'{path}' stays locked by another process ({timeout_s:g} s waited)")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_pause_s)
        try:
            yield fd
        finally:
            unlock(fd)
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Say whether somebody, perhaps this very process, holds the lock of a file; a missing file has none."""
    try:
        fd = open_lockable(path)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)
