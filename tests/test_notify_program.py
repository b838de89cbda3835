"""The whole program tells people: real cycles, a real sender, real servers, and no secret in any file."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.processes import until
from tests.program import Program
from tests.receivers import Heard, receiver

pytest.importorskip("apprise", reason="apprise sends notices")

TASKS = """
[metrics]
textfile = "node.prom"

[notify]
to = ["OPS"]
ping = "CYCLE"
secrets = "secrets.env"

[tasks.bad]
interval = "10m"
script = "bad.py"
ping = "RUNS"
description = "<script>alert(1)</script>"
"""
SECRET = "t0p-s3cret-w0rd"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    spill = "print('x' * 10_000)\nprint('\\x1b]0;title\\x07<b>it broke</b>')\n"
    bad = f"{spill}assert {SECRET[::-1]!r}[::-1] not in str(os.environ)\n"
    return Program(tmp_path).config(TASKS).script("bad.py", f"{bad}sys.exit(3)\n")


@pytest.fixture
def heard() -> Iterator[Heard]:
    with receiver() as one:
        yield one


def secrets(program: Program, **addresses: str) -> None:
    path = program.folder / "secrets.env"
    path.write_text("".join(f"{name}={one}\n" for name, one in addresses.items()), encoding="utf-8")
    path.chmod(0o600)


def everywhere(program: Program, port: int) -> None:
    """Let one server hear everything."""
    web = f"http://127.0.0.1:{port}/{SECRET}"
    secrets(program, OPS=f"json://127.0.0.1:{port}/{SECRET}", CYCLE=f"{web}/cycle", RUNS=f"{web}/runs")


def written(program: Program) -> list[Path]:
    """Every file in the project that holds the secret, but for the one it was given in."""
    files = [path for path in program.folder.rglob("*") if path.is_file() and path.name != "secrets.env"]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_failing_run_is_told_to_people_and_switches_and_its_secrets_to_nobody(program: Program, heard: Heard) -> None:
    everywhere(program, heard.port)
    answer = program("run")
    assert answer.code == 1
    paths = heard.wait_for(5)
    assert sorted(paths[:5]) == sorted(paths)
    assert [path.split("?")[0] for path in paths if "runs" in path] == [f"/{SECRET}/runs/start", f"/{SECRET}/runs/fail"]
    assert [path for path in paths if "cycle" in path] == [f"/{SECRET}/cycle/start", f"/{SECRET}/cycle"]
    [message] = [text for path, text in heard.told if path == f"/{SECRET}"]
    assert "failed: exit code 3" in message
    assert "<b>it broke</b>" in message
    assert "\x1b" not in message.encode().decode("unicode_escape")
    looks = (("status",), ("why", "bad"), ("check",), ("history",), ("logs", "bad"), ("report",), ("task", "list"))
    answers = [answer, *(program(*words) for words in looks)]
    assert not any(SECRET in one.out + one.err for one in answers)
    assert written(program) == []


def test_a_cycle_waits_for_no_server(program: Program) -> None:
    asked, over = threading.Event(), []

    def slow(connection: object, end: threading.Event) -> None:
        asked.set()
        over.append(end.wait(30))

    with servers.server(slow) as port:
        everywhere(program, port)
        assert program("run").code == 1
        assert asked.wait(60)
        assert over == []  # the cycle has ended, and nobody has had an answer yet


def test_servers_that_refuse_or_cannot_prove_who_they_are_leave_one_line_each(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography makes the certificate")
    from tests.cluster.making import make

    make(tmp_path / "certs", "localhost")
    own = next(path.parent for path in (tmp_path / "certs").rglob("cert.pem"))
    with servers.nobody() as nobody, receiver(tls=(own / "cert.pem", own / "key.pem")) as forged:
        secrets(
            program,
            OPS=f"jsons://localhost:{forged.port}/{SECRET}",
            CYCLE=f"https://localhost:{forged.port}/{SECRET}",
            RUNS=f"http://127.0.0.1:{nobody}/{SECRET}",
        )
        for _ in range(2):
            assert program("run", "--force", "--task", "bad").code == 1
            assert program("run").code in (0, 1)

        def lines() -> list[str]:
            log = (program.outputs / "adaptive_scheduler.log").read_text(encoding="utf-8")
            return sorted(re.findall(r"'(\w+)' cannot be told", log))

        until(lambda: len(lines()) >= 3, "a line for each address")
        until(lambda: not _sending(program), "the end of the sender")
        assert lines() == ["CYCLE", "OPS", "RUNS"]
        assert forged.told == []
    assert "'RUNS' cannot be told since" in program("status").out
    assert written(program) == []


def _sending(program: Program) -> bool:
    from adaptive_scheduler import locks, outbox

    return locks.is_held(program.outputs / outbox.NAME / outbox.LOCK)


def test_an_address_in_tasks_toml_is_refused_and_repeated_nowhere(program: Program) -> None:
    everything = TASKS.replace("OPS", f"json://x/{SECRET}").replace("CYCLE", f"https://x/{SECRET}")
    program.config(everything.replace("RUNS", f"https://x/{SECRET}"))
    for words in (("check",), ("run", "--dry-run"), ("run",), ("status",)):
        answer = program(*words)
        assert answer.code in (1, 2)
        assert SECRET not in answer.out + answer.err
    assert "tasks.toml:6: notify.to[0]: must be the NAME of a variable" in program("check").err + program("check").out
    assert [path.name for path in written(program)] == ["tasks.toml"]


def test_notify_tries_every_address_now(program: Program, heard: Heard) -> None:
    everywhere(program, heard.port)
    answer = program("notify")
    assert (answer.code, answer.out, heard.paths) == (0, "OPS: told\n", [f"/{SECRET}"])
    secrets(program, OPS=f"json://127.0.0.1:1/{SECRET}")
    answer = program("notify", "--json")
    assert answer.code == 1
    assert answer.json["told"][0]["name"] == "OPS"
    assert "error occurred" in answer.json["told"][0]["problem"]
    assert SECRET not in answer.out + answer.err


def test_notify_without_anybody_to_tell_says_what_to_write(program: Program) -> None:
    answer = program.config(TASKS.replace('to = ["OPS"]', ""))("notify")
    assert answer.code == 2
    assert 'add [notify] with to = ["NAME_OF_A_VARIABLE"]' in answer.err
