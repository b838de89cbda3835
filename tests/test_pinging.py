"""Dead-man's switches: where a signal goes, and what comes of servers of every kind."""

from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import pinging
from adaptive_scheduler.notify import Ping, Signal
from tests import servers
from tests.builders import NOW
from tests.receivers import receiver


def signal(one: Signal = Signal.SUCCESS, run_id: str = "") -> Ping:
    return Ping("PING", one, NOW, run_id=run_id)


@pytest.mark.parametrize(
    ("address", "one", "goes_to"),
    [
        ("https://hc.example/abc", Signal.SUCCESS, "https://hc.example/abc"),
        ("https://hc.example/abc", Signal.START, "https://hc.example/abc/start"),
        (" https://hc.example/abc/ ", Signal.FAIL, "https://hc.example/abc/fail"),
        ("http://hc.example:8000/abc?create=1", Signal.FAIL, "http://hc.example:8000/abc/fail?create=1"),
        ("https://hc.example", Signal.START, "https://hc.example/start"),
    ],
)
def test_a_signal_goes_behind_the_path(address: str, one: Signal, goes_to: str) -> None:
    assert pinging.address_for(address, signal(one)) == goes_to


def test_start_and_end_of_one_run_have_one_id_and_another_run_has_another() -> None:
    start, end, other = (
        pinging.address_for("https://hc.example/abc?x=1", signal(one, run_id)).partition("rid=")[2]
        for one, run_id in ((Signal.START, "r1"), (Signal.FAIL, "r1"), (Signal.START, "r2"))
    )
    assert start == end != other
    assert len(start) == 36


@pytest.mark.parametrize("address", ["ftp://hc.example/x", "file:///etc/passwd", "hc.example/abc", "", "http://["])
def test_what_is_no_address_of_the_web_is_refused_without_being_quoted(address: str) -> None:
    problem = pinging.ping(address, signal(), "")
    assert problem
    assert not address or address not in problem


def test_a_signal_arrives_with_its_text() -> None:
    with receiver() as heard:
        assert pinging.ping(f"http://127.0.0.1:{heard.port}/abc", signal(Signal.FAIL), "exit code 3") == ""
    assert heard.told == [("/abc/fail", "exit code 3")]


def test_an_answer_without_end_has_answered() -> None:
    with servers.server(servers.drip) as port:
        assert pinging.ping(f"http://127.0.0.1:{port}/abc", signal(), "") == ""


def test_a_server_that_says_no_is_told_by_its_status() -> None:
    with receiver() as heard:
        heard.status = 404
        assert pinging.ping(f"http://127.0.0.1:{heard.port}/abc", signal(), "") == "HTTP 404"


def test_who_is_not_there_refuses() -> None:
    with servers.nobody() as port:
        assert pinging.ping(f"http://127.0.0.1:{port}/abc", signal(), "") == "refused"


@pytest.mark.parametrize("treat", [servers.silent, servers.late(30)], ids=["silent", "answers after 30 s"])
def test_who_is_slow_is_given_up(treat: servers.Treat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinging, "PATIENCE", timedelta(milliseconds=200))
    with servers.server(treat) as port:
        assert pinging.ping(f"http://127.0.0.1:{port}/abc", signal(), "").startswith("no answer within")


def test_a_certificate_of_nobody_known_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography makes the certificate")
    from tests.cluster.making import make

    make(tmp_path, "localhost")
    files = next(path.parent for path in tmp_path.rglob("cert.pem"))
    with receiver(tls=(files / "cert.pem", files / "key.pem")) as heard:
        problem = pinging.ping(f"https://localhost:{heard.port}/abc", signal(), "")
    assert problem.startswith("certificate not accepted: ")
    assert heard.told == []


def test_garbage_is_no_answer() -> None:
    with servers.server(servers.answer(b"\x00\x01garbage\r\n\r\n")) as port:
        assert pinging.ping(f"http://127.0.0.1:{port}/abc", signal(), "")
