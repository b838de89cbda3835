"""Plain output: JSON to stdout, one line a problem to stderr; both may be missing (pythonw)."""

import json
import sys
from typing import Any


def as_json(value: Any) -> None:
    """Print one JSON value on one line."""
    line(json.dumps(value, ensure_ascii=False, default=str))


def line(text: str) -> None:
    """Print one line to stdout, if there is one."""
    if sys.stdout is not None:
        sys.stdout.write(text + "\n")


def problem(text: str) -> None:
    """Print a problem to stderr, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"adaptive-scheduler: {text}\n")


def survive_any_console() -> None:
    """Make both streams replace what their encoding cannot say, as on a cp949 console."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def text(content: str) -> None:
    """Print text as it is, and show it at once."""
    if sys.stdout is not None:
        sys.stdout.write(content)
        sys.stdout.flush()
