"""Whose a test is, where that is not everybody's: each mark says what it needs and whose gap that is."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Process = TypeVar("Process")

WINDOWS = sys.platform == "win32"


def on_wine() -> bool:
    """Whether this Windows is Wine: only there does ntdll have this call."""
    return sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def born(start: Callable[[], Process]) -> Process:
    """Start a process; Wine now and then loses one at its birth and calls that an internal error (1359)."""
    for _ in range(3):
        try:
            return start()
        except OSError as error:
            if not on_wine() or getattr(error, "winerror", None) != 1359:
                raise
    return start()


def posix_only(what: str) -> pytest.MarkDecorator:
    """Skip a test that is about something which Windows does not have."""
    return pytest.mark.skipif(os.name != "posix", reason=f"POSIX alone has {what}")


def beyond_wine(what: str) -> pytest.MarkDecorator:
    """Skip a test under Wine that a real Windows passes or is expected to."""
    return pytest.mark.skipif(on_wine(), reason=f"Wine's gap, not Windows': {what}")


windows_only = pytest.mark.skipif(not WINDOWS, reason="about Windows")


def is_private(path: Path) -> bool:
    """Whether its owner alone can read it, as far as the mode tells; Windows' folders have access lists instead."""
    return WINDOWS or path.stat().st_mode & 0o077 == 0


modes = posix_only("modes of files")
signals = posix_only("signals that a process can send and catch")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
holes = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone gives the middle of a file back to the disk")
utf8_console = posix_only("consoles that are UTF-8 throughout")
full_device = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has /dev/full, a device without room")
links = posix_only("links that anybody may make")
