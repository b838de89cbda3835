"""Addresses of schedulers."""

import pytest

from adaptive_scheduler.addresses import parse


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
        assert parse(str(parse(address))) == means
        return
    with pytest.raises(ValueError, match=r'must be an address such as "tls://master.example:8786"'):
        parse(address)


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
    assert parse(address).is_loopback is here


def test_tls_is_what_encrypts() -> None:
    assert [parse(f"{scheme}://localhost").is_encrypted for scheme in ("tls", "tcp")] == [True, False]
