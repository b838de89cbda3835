"""Reaching a scheduler over a bare socket, by a deadline, as far as its first words: dask's server speaks first."""

import socket
import ssl
import sys
import threading
import time

LENGTH_BYTES = 8
LONGEST_GREETING = 1 << 16
"""Dask's takes some hundred bytes."""
IN_EVERY_GREETING = b"pickle-protocol"
"""Without this word in the first message dask's own client gives up (distributed.comm.core)."""


class NotReachedError(Exception):
    """There is no connection; the text is a sentence that says why."""


def left_s(deadline_s: float) -> float:
    """Return the seconds until a monotonic deadline; TimeoutError when it is over."""
    seconds = deadline_s - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def connect(host: str, port: int, deadline_s: float) -> socket.socket:
    """Return a connection; raises NotReachedError when there is none by the deadline."""
    try:
        places = _look_up(host, port, deadline_s)
    except TimeoutError as error:
        raise NotReachedError(
            f"the host '{host}' could not be looked up in time; ask who runs its name server"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: no name at all, such as one with a label of 64 letters
        raise NotReachedError(f"the host '{host}' is unknown here; use another name of it, or its address") from error
    reason: OSError | None = None
    for number, place in enumerate(places):
        try:
            # A dead address must not eat the time of those after it.
            share_s = left_s(deadline_s) / (len(places) - number)
            return socket.create_connection(place, share_s)
        except OSError as error:
            reason = error
    raise NotReachedError(_why_not(reason, host, port)) from reason


def greeted(connection: socket.socket, deadline_s: float) -> bool:
    """Return whether the first words are those of dask; raises OSError, and ssl.SSLError for a refused certificate."""
    size = int.from_bytes(_exactly(LENGTH_BYTES, connection, deadline_s), sys.byteorder)
    return size <= LONGEST_GREETING and IN_EVERY_GREETING in _exactly(size, connection, deadline_s)


def silent(connection: socket.socket, seconds: float) -> bool:
    """Return whether nothing at all is said for a while; what is said stays to be read. Raises OSError."""
    connection.settimeout(seconds)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    return False


def speaks_tls(host: str, port: int, deadline_s: float) -> bool:
    """Return whether whoever listens there answers to a TLS handshake, whatever it thinks of us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: who it is does not matter here
    try:
        with connect(host, port, deadline_s) as plain:
            plain.settimeout(left_s(deadline_s))
            with context.wrap_socket(plain):
                return True
    except ssl.SSLError as error:
        return is_alert(error)
    except (OSError, NotReachedError):
        return False


def is_alert(error: ssl.SSLError) -> bool:
    """Return whether an error is the other side's word, in TLS, and not our own verdict."""
    return "ALERT" in (error.reason or "")


def _look_up(host: str, port: int, deadline_s: float) -> list[tuple[str, int]]:
    """Return the addresses of a name; raises OSError, ValueError, and TimeoutError: the system alone has no limit."""
    found: list[tuple[str, int]] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend((str(answer[4][0]), port) for answer in answers)
        except (OSError, ValueError) as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # left behind when the system goes on asking
    asking.start()
    asking.join(left_s(deadline_s))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found


def _why_not(reason: OSError | None, host: str, port: int) -> str:
    if isinstance(reason, ConnectionRefusedError):
        return f"nobody listens at {host}, port {port}; start it there: adaptive-scheduler cluster scheduler"
    if reason is None or isinstance(reason, TimeoutError):
        return f"{host} does not answer at port {port}; is it on, and does its firewall let this machine in?"
    return f"{host} cannot be reached at port {port}: {reason.strerror or reason}"


def _exactly(count: int, connection: socket.socket, deadline_s: float) -> bytes:
    """Return this many bytes; raises OSError, ConnectionResetError when the other side leaves before."""
    parts: list[bytes] = []
    while count:
        connection.settimeout(left_s(deadline_s))
        part = connection.recv(count)
        if not part:
            raise ConnectionResetError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
