"""Keep a process going: it is started again whenever it ends, at first at once, then after longer and longer pauses.

The engine's worker ends with exit code 0 whenever its scheduler is gone, which no service manager takes for a
failure. The child holds the other end of a pipe: it ends when we do, however we do.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

PAUSE_FIRST_S, PAUSE_LONGEST_S = 1.0, 30.0

STEADY_S = 60.0
"""A child that lived so long starts the pauses afresh."""

GRACE_S = 5.0

LOOK_S = 0.2
"""How long a signal may be left unheard: on Windows it wakes nobody who waits."""


def pauses(lived_s: float, before_s: float) -> float:
    """Return how long to wait before the next start, after a child that lived so long."""
    return PAUSE_FIRST_S if lived_s >= STEADY_S else min(PAUSE_LONGEST_S, max(PAUSE_FIRST_S, 2 * before_s))


def keep_going(argv: Sequence[str], say: Callable[[str], None]) -> int:
    """Start a command again and again until we are told to stop; returns 0 then."""
    over = threading.Event()
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    pause_s = 0.0
    while not over.is_set():
        began_s = time.monotonic()
        try:
            child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=_ours(sys.stdout), stderr=_ours(sys.stderr))
        except OSError as error:  # of memory or of processes there may be more when it is tried again
            end = f"cannot be started: {error}"
        else:
            while child.poll() is None and not over.wait(LOOK_S):
                pass
            if over.is_set():
                _end(child)
                return 0
            end = f"ended with exit code {child.returncode}"
        pause_s = pauses(time.monotonic() - began_s, pause_s)
        say(f"{end}; started again in {pause_s:g} s")
        _rest(over, pause_s)
    return 0


def end_with_parent(then: Callable[[], None]) -> None:
    """Call `then` when the process that keeps us going is gone; called by the child."""

    def wait() -> None:
        # Not sys.stdin: the interpreter wants its lock when it ends, and dies where a thread has it.
        while os.read(0, 1024):
            pass
        then()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _ours(stream: object) -> int | None:
    """Return what a child gets for a stream of ours: where pythonw has none, a pipe would break at its first word."""
    return subprocess.DEVNULL if stream is None else None


def _rest(over: threading.Event, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while not over.is_set() and (left_s := until_s - time.monotonic()) > 0:
        over.wait(min(LOOK_S, left_s))


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
