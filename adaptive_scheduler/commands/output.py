"""Plain output: JSON to stdout, one line a problem to stderr; both may be missing (pythonw) or go away."""

import errno
import json
import os
import stat
import sys
from typing import Any

from adaptive_scheduler.printable import in_json, many_lines, one_line


def as_json(value: Any) -> None:
    """Print one JSON value on one line; letters that the stream cannot say are escaped, never replaced."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    every_letter = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    line(in_json(json.dumps(value, ensure_ascii=not every_letter, default=str)))


def line(text: str) -> None:
    """Print one line to stdout, if there is one; on a terminal nothing in it is obeyed."""
    if sys.stdout is not None:
        sys.stdout.write((many_lines(text) if sys.stdout.isatty() else text) + "\n")


def problem(text: str) -> None:
    """Print a problem to stderr, if there is one; each of its lines says whose it is."""
    if sys.stderr is not None:
        sys.stderr.writelines(f"adaptive-scheduler: {one_line(part)}\n" for part in text.split("\n"))


def text(content: str) -> None:
    """Print what a script printed, at once; on a terminal it is shown, never obeyed."""
    if sys.stdout is not None:
        sys.stdout.write(many_lines(content) if sys.stdout.isatty() else content)
        sys.stdout.flush()


def survive_any_console() -> None:
    """Make both streams replace what their encoding cannot say, as on a cp949 console."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def flush() -> None:
    """Print what is still buffered for stdout; raises OSError, for a reader that has gone BrokenPipeError."""
    if sys.stdout is not None:
        sys.stdout.flush()


def reader_has_gone(error: Exception) -> bool:
    """Say whether an error means that nobody reads our stdout any more."""
    if sys.platform != "win32" or isinstance(error, BrokenPipeError):
        return isinstance(error, BrokenPipeError)
    # Windows calls that an invalid argument, as it calls much else.
    if not isinstance(error, OSError) or error.errno != errno.EINVAL or error.filename is not None:
        return False
    return sys.stdout is not None and stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)


def give_up_stdout() -> None:
    """Send what could not be printed nowhere, so that the interpreter's end does not try again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)
