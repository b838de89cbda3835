"""Addresses of schedulers, and what is refused without asking anybody."""

import pytest

from adaptive_scheduler.cluster.tls import loopback, parse, refusal


@pytest.mark.parametrize(
    ("address", "means"),
    [
        ("tcp://127.0.0.1:8786", ("tcp", "127.0.0.1", 8786)),
        ("tls://localhost:1", ("tls", "localhost", 1)),
        ("tcp://[::1]:9000", ("tcp", "::1", 9000)),
        ("tls://Master.Example", ("tls", "master.example", 8786)),
        ("tls://10.0.0.5/", None),
        ("master:8786", None),
        ("master", None),
        ("", None),
        ("https://master:8786", None),
        ("tls://", None),
        ("tls://:8786", None),
        ("tls://master:0", None),
        ("tls://master:99999", None),
        ("tls://master:port", None),
        ("tls://me@master:1", None),
        ("tls://::1:8786", None),
        ("tls://[::1", None),
        ("tls://master:1?x=y", None),
    ],
)
def test_an_address_is_a_scheme_a_host_and_a_port(address: str, means: tuple[str, str, int] | None) -> None:
    if means:
        assert parse(address) == means
        return
    for asks in (parse, loopback):
        with pytest.raises(ValueError, match=r"is no address of a scheduler; write tls://HOST:PORT") as refused:
            asks(address)
        assert f"'{address}'" in str(refused.value)
    assert refusal(address, None, 5) == str(refused.value)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tls://localhost:1", True),
        ("tls://LOCALHOST", True),
        ("tcp://[::1]:8786", True),
        ("tcp://127.8.9.10:8786", True),
        ("tcp://0.0.0.0:8786", False),
        ("tcp://[::]:8786", False),
        ("tcp://10.0.0.5:8786", False),
        ("tcp://localhost.example:8786", False),
    ],
)
def test_loopback_is_this_machine_alone(address: str, here: bool) -> None:
    assert loopback(address) is here


@pytest.mark.parametrize("host", ["10.0.0.5", "master", "0.0.0.0", "[fe80::1]"])
def test_nothing_leaves_this_machine_without_tls(host: str) -> None:
    assert refusal(f"tcp://{host}:8786", None, 5) == (
        f"'tcp://{host}:8786' is not on this machine, and TLS is required off loopback; "
        "make certificates with 'adaptive-scheduler cluster certs' and use tls://"
    )


def test_tls_needs_certificates() -> None:
    assert "'tls://localhost:1' needs certificates; make them with" in refusal("tls://localhost:1", None, 5)
