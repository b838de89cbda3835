"""A service that people wait for, and the people: real processes, as many workers as there are CPUs, one socket.

The people are an open loop: each request is sent at its own time, however long the earlier ones take, and its
latency counts from the time it was meant to be sent. Run as a program it is one of the two; nothing but the
standard library, for each starts anew for every measurement.
"""

import gc
import hashlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from array import array
from contextlib import suppress
from pathlib import Path
from types import TracebackType

WORK_MS = 3.0
"""What a request costs in CPU time."""

QUEUE = 4096
"""How many requests may wait for a worker."""

PATIENCE_S = 10.0
"""How long after the last request answers are waited for."""

AHEAD_NICE = -19
"""The niceness of what goes before all others: 70 times the usual weight. It takes root."""

READY_S = 0.5
"""How long before their first request the people are started."""


def rounds_for(work_ms: float) -> int:
    """Return how many rounds of hashing take that long here, at best."""
    best_s = min(_timed(2000) for _ in range(50))
    return round(2000 * work_ms / 1e3 / best_s)


def _timed(rounds: int) -> float:
    began_s = time.perf_counter()
    work(rounds)
    return time.perf_counter() - began_s


def work(rounds: int) -> None:
    """Keep a CPU busy."""
    hashlib.pbkdf2_hmac("sha256", b"request", b"salt", rounds)


class Foreground:
    """The service, and the people who are about to ask it; a context."""

    def __init__(self, folder: Path, rounds: int, workers: int, due_s: list[float], *, apart: bool = False) -> None:
        """Start both; `due_s` is when each request is sent, in seconds after `begin_s`.

        `apart` puts them before whatever else runs here.
        """
        path = folder / f"service-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(QUEUE)
            # Sessions of their own, as services have: on Linux each has its own share of the CPUs.
            self.service = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, "serve", str(listener.fileno()), str(workers), str(rounds)],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        if apart:
            go_ahead(self.service.pid)
        for _ in range(4 * workers):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                probe.sendall(b"?")
                probe.recv(1)
        self.begin_s = time.monotonic() + READY_S
        self.people = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, "ask", str(path), repr(self.begin_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        if apart:
            go_ahead(self.people.pid)
        assert self.people.stdin is not None
        self.people.stdin.write(array("d", due_s).tobytes())
        self.people.stdin.close()

    def __enter__(self) -> "Foreground":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both."""
        self.people.kill()
        self.people.wait()
        assert self.people.stdout is not None
        assert self.service.stdin is not None
        self.people.stdout.close()
        self.service.stdin.close()
        self.service.wait()

    def answers(self) -> tuple["array[float]", "array[float]"]:
        """Wait for the end, and return each request's latency, and how late it was sent, in seconds.

        A request that was never answered has the time that was waited for it, and it is negative.
        """
        assert self.people.stdout is not None
        both = array("d")
        both.frombytes(self.people.stdout.read())
        return both[: len(both) // 2], both[len(both) // 2 :]


def go_ahead(pid: int) -> None:
    """Put the session of a process before all others; on Linux its share of the CPUs counts, not its niceness."""
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text(str(AHEAD_NICE))


def serve(listener: socket.socket, workers: int, rounds: int) -> None:
    """Answer with as many workers, until the standard input ends: with whoever started this."""
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if not pid:
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(1)
                    work(rounds)
                    connection.sendall(b"!")
        pids.append(pid)
    sys.stdin.read()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def ask(path: str, begin_s: float, due_s: "array[float]") -> tuple["array[float]", "array[float]"]:
    """Send each request at its time, and return latencies and how late each was sent, in seconds."""
    _go_first()
    took, late = array("d", bytes(8 * len(due_s))), array("d", bytes(8 * len(due_s)))
    poll = selectors.DefaultSelector()
    last_s = begin_s + (due_s[-1] if due_s else 0.0)

    def send() -> None:
        for number, due in enumerate(due_s):
            left_s = begin_s + due - time.monotonic()
            if left_s > 0:
                time.sleep(left_s)
            late[number] = time.monotonic() - begin_s - due
            one = socket.socket(socket.AF_UNIX)
            one.connect(path)
            one.sendall(b"?")
            poll.register(one, selectors.EVENT_READ, number)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    missing = len(due_s)
    while missing and time.monotonic() < last_s + PATIENCE_S:
        for key, _ in poll.select(0.5):
            now_s = time.monotonic()
            one = key.fileobj
            assert isinstance(one, socket.socket)
            poll.unregister(one)
            answered = one.recv(1) == b"!"
            one.close()
            if answered:
                took[key.data] = now_s - begin_s - due_s[key.data]
                missing -= 1
    for number, due in enumerate(due_s):
        if not took[number]:
            took[number] = begin_s + due - time.monotonic()
    return took, late


def _go_first() -> None:
    """Real people sit at other machines: where allowed, no neighbour here delays what they send or notice."""
    gc.disable()
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def main(role: str, *words: str) -> None:
    """Be the service or the people."""
    if role == "serve":
        serve(socket.socket(fileno=int(words[0])), int(words[1]), int(words[2]))
        return
    due_s = array("d")
    due_s.frombytes(sys.stdin.buffer.read())
    for numbers in ask(words[0], float(words[1]), due_s):
        sys.stdout.buffer.write(numbers.tobytes())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
