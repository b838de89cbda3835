"""One process that has loaded all a supervisor needs, and becomes one for each run that it is told of.

Started by the path of this file as `python -I -S nursery.py`, by a cycle that starts many runs: to fork costs a
tenth of starting Python anew. Standard input is a socket; a letter on it is the length, the run folder, and the
environment of its scripts, with spec.json and the supervisor's log as open files. It ends when the cycle does:
what it has begun has a session of its own and lives on. Linux only.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

if not __package__:
    # At the end, so that no file of site-packages can stand in for a module of the standard library.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from adaptive_scheduler import supervisor, trees

LENGTH_BYTES = 4
FILES = 2


def send(line: socket.socket, folder: Path, env: Sequence[tuple[str, str]], files: tuple[int, int]) -> None:
    """Send a letter; raises OSError, and ValueError for an environment that no process can have."""
    pairs = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env]
    words = [os.fsencode(folder), *pairs]
    if any(b"\0" in word for word in words) or any("=" in name or not name for name, _ in env):
        raise ValueError("illegal environment variable name, or embedded null byte")
    letter = b"\0".join(words)
    socket.send_fds(line, [len(letter).to_bytes(LENGTH_BYTES, "big")], files)
    line.sendall(letter)


def main() -> int:
    """Fork a supervisor for each letter, until there are no more."""
    line = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, _collect)
    trees.of_this_system()  # loads what is for this system, once for all
    # What is there now is never freed: looking for garbage would only copy pages that are shared.
    gc.freeze()
    while letter := _received(line):
        words, files = letter
        if not os.fork():
            _become(line, words, files)
        for descriptor in files:
            os.close(descriptor)
    return 0


def _received(line: socket.socket) -> tuple[list[bytes], list[int]] | None:
    """Return the words and the open files of the next letter, None at the end or when the sender died amid one."""
    head, files, _, _ = socket.recv_fds(line, LENGTH_BYTES, FILES)
    missing, parts = int.from_bytes(head, "big"), []
    while missing and (part := line.recv(missing)):
        parts.append(part)
        missing -= len(part)
    return None if missing or not parts else (b"".join(parts).split(b"\0"), files)


def _become(line: socket.socket, words: list[bytes], files: list[int]) -> None:
    """Be the supervisor of a run and end with it, in whatever way: only the first process goes on listening."""
    code = supervisor.NOT_WRITTEN
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        line.close()
        os.setsid()
        for place, descriptor in zip((0, 2), files, strict=True):
            os.dup2(descriptor, place)
            os.close(descriptor)
        folder, *env = words
        os.environb.clear()
        os.environb.update((name, value) for name, _, value in (one.partition(b"=") for one in env))
        code = supervisor.main(os.fsdecode(folder))
    except Exception:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _collect(_number: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    sys.exit(main())
