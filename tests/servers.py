"""Servers on the loopback for tests: each does one thing to whoever connects, and is gone after the test."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Treat = Callable[[socket.socket, threading.Event], object]
"""Does something to a connection; the event is set when the test is over."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(treat: Treat) -> Iterator[int]:
    """Serve every connection, each in a thread; yields the port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                treat(connection, over)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            with suppress(OSError):  # closing alone does not wake who accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            acceptor.join(10)
            for thread in threads:
                thread.join(10)


@contextmanager
def nobody() -> Iterator[int]:
    """Yield a port on which nobody listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def answer(content: bytes) -> Treat:
    """Read a request and send this."""

    def treat(connection: socket.socket, _over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(content)

    return treat


def late(seconds: float, content: bytes = OK) -> Treat:
    """Answer after a while."""

    def treat(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        over.wait(seconds)
        connection.sendall(content)

    return treat


def silent(_connection: socket.socket, over: threading.Event) -> None:
    """Accept and say nothing, for ever."""
    over.wait()


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Answer one byte at a time, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b".")


def in_parts(connection: socket.socket, over: threading.Event) -> None:
    """Answer well within a second, and no part of it takes half of one."""
    connection.recv(65536)
    for part in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n\r\n", b"ok"):
        over.wait(0.3)
        connection.sendall(part)


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    """Never come to the end of the first line."""
    connection.sendall(b"HTTP/1.1 200 ")
    while not over.wait(0.05):
        connection.sendall(b".")


def hang_up(connection: socket.socket, _over: threading.Event) -> None:
    """Hear the request and go."""
    connection.recv(65536)


def flood(connection: socket.socket, _over: threading.Event) -> None:
    """Answer with 10 MB."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    connection.sendall(b"x" * 10_000_000)
