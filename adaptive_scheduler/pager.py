"""Long text on a terminal goes through the pager that the user has; elsewhere it is printed.

$PAGER says which, `less` is taken where it is there, and an empty $PAGER or `cat` means none.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

LESS = "FRX"
"""For less, unless $LESS says otherwise: end at once when a page fits, leave the text on the screen."""


def page(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Show a text, and return when it was read; a pager that cannot be started is no reason not to."""
    if sys.stdout is None:
        return
    argv = _pager(environ) if sys.stdout.isatty() else []
    if not argv or not _paged(argv, text, environ):
        sys.stdout.write(text)


def _pager(environ: Mapping[str, str]) -> list[str]:
    """Return the command of the pager, empty for none."""
    named = environ.get("PAGER")
    if named is None:
        named = "less"
    try:
        argv = shlex.split(named, posix=os.name == "posix")
    except ValueError:  # a quote is missing
        return []
    program = shutil.which(argv[0], path=environ.get("PATH")) if argv else None
    return [] if program is None or argv == ["cat"] else [program, *argv[1:]]


def _paged(argv: list[str], text: str, environ: Mapping[str, str]) -> bool:
    """Hand a text to a pager and wait for its end; False when there is nobody to hand it to."""
    encoding = sys.stdout.encoding
    # ^C is the pager's: less stays, and so does its reader. A handler of ours, unlike an order to ignore, ends with us.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        try:
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, env={"LESS": LESS, **environ})
        except OSError:
            return False
        assert process.stdin is not None
        # One that ends early has not read all, as is its right.
        with suppress(OSError), process.stdin as pipe:
            pipe.write(text.encode(encoding, "replace"))
        process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return True
