"""Each way of asking against servers and commands that behave, and that do not."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import probes
from adaptive_scheduler.events import Probe
from adaptive_scheduler.probes import command
from adaptive_scheduler.probes.base import LONGEST, in_words
from tests import servers
from tests.platforms import linux_only, modes, signals
from tests.processes import SLEEP, alive_in, kill_all, until
from tests.servers import Treat, answer, server

TIMEOUT = timedelta(seconds=10)


def said(way: str, *target: str, timeout: timedelta = TIMEOUT, cwd: str = os.curdir) -> tuple[float | None, str]:
    """Milliseconds and problem, as the prober has them."""
    try:
        return probes.way(way)(Probe(name="p", way=way, target=target, timeout=timeout), cwd)
    except Exception as error:
        return None, in_words(error, timeout)


def test_there_is_no_other_way() -> None:
    with pytest.raises(ValueError, match="'base' is none of tcp, http, command"):
        probes.way("base")


# -- tcp -------------------------------------------------------------------------------------------------


def test_who_accepts_has_answered_whatever_comes_then() -> None:
    with server(servers.silent) as port:
        ms, problem = said("tcp", f"127.0.0.1:{port}")
        assert ms is not None
        assert 0 < ms < 10_000
        assert problem == ""


def test_who_refuses_has_not() -> None:
    with servers.nobody() as port:
        assert said("tcp", f"127.0.0.1:{port}") == (None, "refused")


@linux_only  # others refuse, or have a longer queue
def test_a_full_queue_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        try:
            for _ in range(16):
                one = socket.socket()
                one.setblocking(False)
                waiting.append(one)
                one.connect_ex(("127.0.0.1", port))
            found = said("tcp", f"127.0.0.1:{port}", timeout=timedelta(seconds=0.3))
        finally:
            for one in waiting:
                one.close()
    assert found == (None, "no answer within 0.3 s")


def test_a_name_that_cannot_be_one_is_not_known_in_both_ways() -> None:
    host = "a" * 70 + ".invalid"
    assert said("tcp", f"{host}:80") == (None, "name not known")
    assert said("http", f"http://{host}/") == (None, "name not known")


@pytest.mark.parametrize("target", ["db", ":80", "db:", "db:http"])
def test_what_is_no_address_is_said(target: str) -> None:
    assert said("tcp", target) == (None, f"'{target}' is not HOST:PORT")


@pytest.mark.skipif(not socket.has_ipv6, reason="about IPv6")
def test_an_address_of_version_6_stands_in_brackets() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert said("tcp", f"[::1]:{listener.getsockname()[1]}")[1] == ""


# -- http ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("treat", "problem"),
    [
        pytest.param(answer(servers.OK), "", id="well"),
        pytest.param(answer(b"HTTP/1.0 200 OK\r\n\r\nno length"), "", id="of the old kind"),
        pytest.param(answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "", id="not found"),
        pytest.param(answer(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), "HTTP 500", id="in trouble"),
        pytest.param(answer(b"HTTP/1.1 503 Oh\r\n\r\n"), "HTTP 503", id="overloaded"),
        pytest.param(
            answer(b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            "",
            id="elsewhere",
        ),
        pytest.param(servers.flood, "", id="10 MB"),
    ],
)
def test_a_web_server_answers(treat: Treat, problem: str) -> None:
    with server(treat) as port:
        ms, found = said("http", f"http://127.0.0.1:{port}/health?a=1")
    assert ms is not None
    assert ms > 0
    assert found == problem


@pytest.mark.parametrize(
    ("treat", "problem"),
    [
        pytest.param(servers.hang_up, "hung up without an answer", id="hangs up"),
        pytest.param(answer(b"\0\xff\xfe garbage \r\n\r\n"), "answered with garbage", id="garbage"),
        pytest.param(answer(b"220 mail.example ESMTP\r\n"), "answered with garbage", id="a mail server"),
        pytest.param(answer(b"x" * 10_000_000), "answered with garbage", id="10 MB of garbage"),
        pytest.param(
            answer(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"), "answered with garbage", id="500 headers"
        ),
        pytest.param(
            answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "answered with garbage",
            id="bad chunks",
        ),
        pytest.param(servers.silent, "no answer within 0.3 s", id="silence"),
    ],
)
def test_a_web_server_does_not_answer(treat: Treat, problem: str) -> None:
    with server(treat) as port:
        assert said("http", f"http://127.0.0.1:{port}/", timeout=timedelta(seconds=0.3)) == (None, problem)


def test_a_slow_answer_takes_what_it_takes() -> None:
    with server(servers.late(0.3)) as port:
        ms, problem = said("http", f"http://127.0.0.1:{port}")
    assert ms is not None
    assert ms >= 290
    assert problem == ""


def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    sent: list[int] = []

    def treat(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70_000)
        sent.append(1)
        over.wait()  # the rest never comes

    with server(treat) as port:
        assert said("http", f"http://127.0.0.1:{port}/")[1] == ""
    assert sent == [1]


def test_the_request_is_plain_and_odd_letters_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    heard: list[bytes] = []

    def treat(connection: socket.socket, _over: threading.Event) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(servers.OK)

    with server(treat) as port:
        assert said("http", f"http://127.0.0.1:{port}/상태 1%20?q=가&r=%20#part")[1] == ""
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /%EC%83%81%ED%83%9C%201%20?q=%EA%B0%80&r=%20 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "User-Agent: adaptive-scheduler" in lines


@pytest.mark.parametrize("target", ["127.0.0.1:80", "ftp://127.0.0.1/", "http://", "http:///x"])
def test_what_is_no_url_is_said(target: str) -> None:
    assert said("http", target) == (None, f"'{target}' is not a URL that begins with http:// or https://")
    assert said("http", "http://127.0.0.1:port/")[0] is None


def test_a_server_without_tls_is_no_https_server() -> None:
    with server(answer(servers.OK)) as port:
        ms, problem = said("http", f"https://127.0.0.1:{port}/")
    assert ms is None
    assert problem.startswith("no TLS was agreed on")


OPENSSL = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [*OPENSSL, key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def treat(connection: socket.socket, _over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as line:
            line.recv(65536)
            line.sendall(servers.OK)

    with server(treat) as port:
        ms, problem = said("http", f"https://localhost:{port}/")
    assert ms is None
    assert problem.startswith("certificate not accepted: self")


# -- command ---------------------------------------------------------------------------------------------


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-E", "-c", code)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        pytest.param("pass", "", id="well"),
        pytest.param("raise SystemExit(3)", "exit code 3", id="badly"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL", id="killed", marks=signals),
        pytest.param("import sys; sys.stdout.write('x' * 10_000_000)", "", id="with 10 MB"),
        pytest.param("import sys; sys.exit(0 if sys.stdin.read() == '' else 5)", "", id="without input"),
        pytest.param("import os, sys; sys.exit('ADAPTIVE_TEST' not in os.environ)", "", id="in our environment"),
        pytest.param("import os, sys; sys.exit(not os.path.exists('here'))", "", id="in the folder it was told"),
    ],
)
def test_a_command_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, problem: str) -> None:
    monkeypatch.setenv("ADAPTIVE_TEST", "yes")
    (tmp_path / "here").touch()
    ms, found = said("command", *python(code), cwd=str(tmp_path), timeout=timedelta(seconds=60))
    assert ms is not None
    assert ms > 0
    assert found == problem


def test_a_slow_command_takes_what_it_takes() -> None:
    ms, problem = said("command", *python("import time; time.sleep(0.3)"), timeout=timedelta(seconds=60))
    assert ms is not None
    assert ms >= 290
    assert problem == ""


def test_a_command_that_is_not_there_is_named() -> None:
    ms, problem = said("command", "no-such-command-anywhere", "-x")
    assert ms is None
    assert problem.startswith("cannot start 'no-such-command-anywhere': ")


def test_a_command_that_does_not_end_is_ended_with_all_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"test-{os.urandom(6).hex()}"
    monkeypatch.setenv("ADAPTIVE_RUN_ID", token)
    code = f"import subprocess, time; subprocess.Popen({SLEEP!r}); open('ready', 'w').close(); time.sleep(600)"
    try:
        found: list[tuple[float | None, str]] = []
        timeout = timedelta(seconds=5)
        asking = threading.Thread(
            target=lambda: found.append(said("command", *python(code), cwd=str(tmp_path), timeout=timeout))
        )
        asking.start()
        until((tmp_path / "ready").exists)
        assert len(alive_in(token)) >= 3  # its keeper, itself, its child
        asking.join()
        assert found == [(None, "no answer within 5 s")]
        until(lambda: not alive_in(token))
    finally:
        kill_all(token)


def test_a_command_is_ended_even_when_the_prober_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = f"test-{os.urandom(6).hex()}"
    monkeypatch.setenv("ADAPTIVE_RUN_ID", token)
    order = json.dumps({"argv": SLEEP, "cwd": os.curdir, "timeout_s": 0.5})
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", command.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        keeper.stdout.close()  # as if whoever waits had died
        keeper.stdin.write(order.encode())
        keeper.stdin.close()
        assert keeper.wait(30) == 1
        until(lambda: not alive_in(token))
    finally:
        kill_all(token)


def test_a_keeper_that_says_nothing_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mute = tmp_path / "mute.py"
    mute.write_text("")
    monkeypatch.setattr(command, "__file__", str(mute))
    assert said("command", *python("pass")) == (None, "could not be watched")


# -- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was broken off"),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError("odd"), "odd"),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            "Temporary failure in name resolution",
        ),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name not known"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (ValueError("two\nlines" + "x" * 900), "ValueError: two lines" + "x" * 179),
    ],
)
def test_whatever_comes_is_one_short_line(error: Exception, words: str) -> None:
    found = in_words(error, TIMEOUT)
    assert found == words
    assert len(found) <= LONGEST


@modes
def test_a_command_that_others_can_write_is_not_run(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\ntouch '{tmp_path / 'ran'}'\n")
    tool.chmod(0o755)
    assert said("command", "./tool", cwd=str(tmp_path))[1] == ""
    (tmp_path / "ran").unlink()
    tool.chmod(0o757)
    problem = said("command", "./tool", cwd=str(tmp_path))[1]
    # It is cut where it gets long, as this path may be.
    assert problem.startswith(f"'{tmp_path}/./tool' is not run: ")
    assert not (tmp_path / "ran").exists()
