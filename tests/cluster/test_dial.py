"""What answers at an address when no scheduler does: each has its own sentence. Needs neither dask nor certificates."""

import socket
import time

import pytest

from adaptive_scheduler.cluster import dial
from adaptive_scheduler.cluster.tls import refusal
from tests import servers
from tests.platforms import linux_only

PATIENCE_S = 20.0
"""Windows tries for two seconds to reach a port where nobody listens."""
SOON_S = 0.2


def test_where_nobody_listens_the_sentence_says_how_to_start_one() -> None:
    with servers.nobody() as port:
        assert refusal(f"tcp://127.0.0.1:{port}", None, PATIENCE_S) == (
            f"nobody listens at 127.0.0.1, port {port}; start it there: adaptive-scheduler cluster scheduler"
        )


def test_who_accepts_and_is_silent_is_given_up() -> None:
    with servers.server(servers.silent) as port:
        assert refusal(f"tcp://127.0.0.1:{port}", None, SOON_S) == (
            f"'tcp://127.0.0.1:{port}' takes connections but says nothing within 0.2 s; look at its log"
        )


@pytest.mark.parametrize(
    "words",
    [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail\r\n", b"\x08" + 7 * b"\x00" + b"12345678", 8 * b"\x00"],
    ids=["ssh", "mail", "as short as dask", "no words"],
)
def test_who_speaks_first_and_is_not_dask_is_a_stranger(words: bytes) -> None:
    with servers.server(lambda connection, _: connection.sendall(words)) as port:
        assert refusal(f"tcp://127.0.0.1:{port}", None, PATIENCE_S) == (
            f"who answers at 'tcp://127.0.0.1:{port}' is no dask scheduler; look which program has the port"
        )


@pytest.mark.parametrize("words", [b"", b"\x40", b"\x40" + 7 * b"\x00" + b"abc"], ids=["at once", "early", "midway"])
def test_who_hangs_up_is_told_from_who_is_silent(words: bytes) -> None:
    with servers.server(lambda connection, _: connection.sendall(words)) as port:
        assert refusal(f"tcp://127.0.0.1:{port}", None, PATIENCE_S) == (
            f"'tcp://127.0.0.1:{port}' hangs up before it says a word; look at its log"
        )


@pytest.mark.parametrize("host", ["x" * 70, "no..name"])
def test_a_host_that_cannot_be_is_unknown(host: str) -> None:
    with pytest.raises(dial.NotReachedError, match=f"the host '{host}' is unknown here; use another name"):
        dial.connect(host, 1, time.monotonic() + PATIENCE_S)


@linux_only
def test_a_machine_that_is_off_is_given_up() -> None:
    """A listener whose queue is full looks like one: nothing comes back."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        assert refusal(f"tcp://127.0.0.1:{port}", None, SOON_S) == (
            f"127.0.0.1 does not answer at port {port}; is it on, and does its firewall let this machine in?"
        )
        for one in waiting:
            one.close()
