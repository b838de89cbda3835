"""What is refused without asking anybody."""

import socket
import subprocess
import sys

import pytest

from adaptive_scheduler.cluster.tls import refusal


def test_what_is_no_address_is_said_to_be_none() -> None:
    assert refusal("master", None, 5) == "'master' must be an address such as \"tls://master.example:8786\""


@pytest.mark.parametrize("host", ["10.0.0.5", "master", "0.0.0.0", "[fe80::1]"])
def test_nothing_leaves_this_machine_without_tls(host: str) -> None:
    assert refusal(f"tcp://{host}:8786", None, 5) == (
        f"'tcp://{host}:8786' is not on this machine, and TLS is required off loopback; "
        "make certificates with 'adaptive-scheduler cluster certs' and use tls://"
    )


def test_tls_needs_certificates() -> None:
    assert "'tls://localhost:1' needs certificates; make them with" in refusal("tls://localhost:1", None, 5)


def test_a_scheduler_whose_port_is_taken_says_so_in_one_line() -> None:
    pytest.importorskip("distributed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        argv = [sys.executable, "-m", "adaptive_scheduler", "cluster", "scheduler", "--port", str(port), "--child"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = process.stderr.read().splitlines()
    assert process.returncode == 2
    assert said[-1].startswith(f"adaptive-scheduler: cannot listen at 127.0.0.1:{port}: ")
    assert "a fault of the program" not in said[-1]
