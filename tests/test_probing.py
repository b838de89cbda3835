"""The prober beside the cycle: real ones against real servers and commands, and what the next cycle takes in."""

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from adaptive_scheduler import locks, probefiles, prober, probing
from adaptive_scheduler.events import Answer, Probe
from adaptive_scheduler.probefiles import Order
from tests import servers
from tests.builders import NOW, minutes
from tests.platforms import is_private, posix_only
from tests.processes import PATIENCE_S, SLEEP, alive_in, kill_all, until
from tests.servers import answer, server

LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.5)


def probe(name: str, way: str, *target: str, timeout: timedelta = LONG) -> Probe:
    return Probe(name=name, way=way, target=target, timeout=timeout)


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", code]


def answers(folder: Path) -> dict[str, Answer]:
    """What a prober leaves, as soon as it does."""
    until((folder / probefiles.ANSWERS).exists, "answers")
    return probing.take_in(folder, datetime.now(UTC), LONG)


def gone(folder: Path) -> bool:
    """Whether no prober is at it."""
    return not locks.is_held(folder / probefiles.LOCK)


# -- a whole prober --------------------------------------------------------------------------------------


def test_all_are_asked_at_once_and_each_gets_an_answer_of_its_own(tmp_path: Path) -> None:
    token = f"test-{os.urandom(6).hex()}"
    child = (
        "import os, subprocess, time\n"
        f"subprocess.Popen({SLEEP!r}, env={{**os.environ, 'ADAPTIVE_RUN_ID': {token!r}}})\n"
        "open('has a child', 'w').close(); time.sleep(600)"
    )
    with ExitStack() as stack:
        stack.callback(kill_all, token)

        def web(treat: servers.Treat) -> str:
            return f"http://127.0.0.1:{stack.enter_context(server(treat))}/"

        asked = [
            probe("well", "tcp", f"127.0.0.1:{stack.enter_context(server(servers.silent))}"),
            probe("refuses", "tcp", f"127.0.0.1:{stack.enter_context(servers.nobody())}"),
            probe("silent", "http", web(servers.silent), timeout=SHORT),
            probe("drips", "http", web(servers.drip), timeout=SHORT),
            probe("drips headers", "http", web(servers.drip_headers), timeout=SHORT),
            probe("slow", "http", web(servers.late(0.3))),
            probe("too slow", "http", web(servers.late(0.8)), timeout=SHORT),
            probe("in parts", "http", web(servers.in_parts), timeout=SHORT),
            probe("garbage", "http", web(answer(b"\0garbage\r\n"))),
            probe("10 MB", "http", web(servers.flood)),
            probe("in trouble", "http", web(answer(b"HTTP/1.1 500 Oh\r\n\r\n"))),
            probe("prints 10 MB", "command", *python("print('x' * 10_000_000)")),
            probe("fails", "command", *python("raise SystemExit(3)")),
            probe("sleeps", "command", *python(child), timeout=timedelta(seconds=5)),
            probe("is not there", "command", "no-such-command-anywhere"),
            probe("unheard of", "icmp", "127.0.0.1"),
        ]
        asked.append(
            probe("is no run", "command", *python("import os, sys; sys.exit('ADAPTIVE_RUN_ID' in os.environ)"))
        )
        environ = {**os.environ, "ADAPTIVE_RUN_ID": "another scheduler's"}
        probing.start(tmp_path, asked, timedelta(seconds=120), cwd=tmp_path, environ=environ)
        found = answers(tmp_path)
        assert (tmp_path / "has a child").exists()
        until(lambda: not alive_in(token), "the end of the command's child")
    assert {name: one.problem for name, one in found.items()} == {
        "well": "",
        "refuses": "refused",
        "silent": "no answer within 0.5 s",
        "drips": "no answer within 0.5 s",
        "drips headers": "no answer within 0.5 s",
        "slow": "",
        "too slow": "no answer within 0.5 s",
        "in parts": "no answer within 0.5 s",
        "garbage": "answered with garbage",
        "10 MB": "",
        "in trouble": "HTTP 500",
        "prints 10 MB": "",
        "fails": "exit code 3",
        "sleeps": "no answer within 5 s",
        "is not there": found["is not there"].problem,
        "is no run": "",
        "unheard of": "ValueError: 'icmp' is none of tcp, http, command",
    }
    assert found["is not there"].problem.startswith("cannot start 'no-such-command-anywhere'")
    measured = {name for name, one in found.items() if one.ms is not None}
    assert measured == {"well", "slow", "10 MB", "in trouble", "prints 10 MB", "fails", "is no run"}
    assert (found["slow"].ms or 0) >= 290
    assert is_private(tmp_path / probefiles.ANSWERS)
    assert is_private(tmp_path / probefiles.ORDER)


def test_a_prober_lives_on_by_itself_and_keeps_nothing_of_ours_open(tmp_path: Path) -> None:
    # Whoever starts it ends at once; its output is a pipe that would stay open in a prober that inherited it.
    code = (
        "import sys; from datetime import timedelta; from pathlib import Path\n"
        "from adaptive_scheduler import probing; from adaptive_scheduler.events import Probe\n"
        "one = Probe(name='p', way='command', target=tuple(sys.argv[2:]), timeout=timedelta(seconds=60))\n"
        "probing.start(Path(sys.argv[1]), [one], timedelta(seconds=120))"
    )
    go = tmp_path / "go"
    waits = python(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    folder = tmp_path / "state"
    done = subprocess.run([sys.executable, "-c", code, str(folder), *waits], capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until(lambda: locks.is_held(folder / probefiles.LOCK), "the prober")
    assert not (folder / probefiles.ANSWERS).exists()
    go.touch()
    assert answers(folder)["p"].problem == ""


def test_while_one_prober_is_at_it_the_next_leaves_at_once(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = python(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    probing.start(tmp_path, [probe("first", "command", *waits)], timedelta(seconds=120))
    until(lambda: locks.is_held(tmp_path / probefiles.LOCK), "the first prober")
    probefiles.write_order(tmp_path, Order((probe("second", "command", *python("pass")),), LONG, str(tmp_path)))
    second = subprocess.run([sys.executable, "-I", "-S", prober.__file__, str(tmp_path)], timeout=PATIENCE_S)
    assert second.returncode == prober.FINE
    assert not (tmp_path / probefiles.ANSWERS).exists()
    go.touch()
    assert list(answers(tmp_path)) == ["first"]


def test_a_prober_keeps_within_its_budget_whatever_the_timeouts_say(tmp_path: Path) -> None:
    with server(servers.drip) as port:
        asked = [probe("drips", "http", f"http://127.0.0.1:{port}/", timeout=timedelta(hours=1))]
        probing.start(tmp_path, asked, timedelta(seconds=4))
        assert answers(tmp_path)["drips"].problem == "no answer within 2 s"
    until(lambda: gone(tmp_path))


def test_where_nothing_is_to_be_asked_nothing_is_started(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    probing.start(folder, [], LONG)
    probing.start(folder, [probe("p", "tcp", "127.0.0.1:1")], timedelta(0))
    assert not folder.exists()


def test_who_cannot_start_a_prober_hears_of_it(tmp_path: Path) -> None:
    one = [probe("p", "tcp", "127.0.0.1:1")]
    with pytest.raises(OSError):
        probing.start(tmp_path, one, LONG, python=str(tmp_path / "no-python"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        probing.start(tmp_path / "file", one, LONG)


# -- parts of a prober -----------------------------------------------------------------------------------


def test_the_prober_s_own_end_is_told_by_its_exit_code(tmp_path: Path) -> None:
    assert prober.main(str(tmp_path / "absent")) == prober.NOT_WRITTEN
    assert prober.main(str(tmp_path)) == prober.NOT_WRITTEN, "no order"
    (tmp_path / probefiles.ORDER).write_bytes(b"[" * 100_000)
    assert prober.main(str(tmp_path)) == prober.NOT_WRITTEN, "an order that is nested too deeply"
    order = Order((probe("p", "command", *python("raise SystemExit(3)")),), LONG, str(tmp_path))
    probefiles.write_order(tmp_path, order)
    assert prober.main(str(tmp_path)) == prober.FINE
    assert answers(tmp_path)["p"].problem == "exit code 3"
    (tmp_path / probefiles.ANSWERS).unlink()
    with locks.hold(tmp_path / probefiles.LOCK):
        assert prober.main(str(tmp_path)) == prober.FINE
    assert not (tmp_path / probefiles.ANSWERS).exists()
    (tmp_path / probefiles.ANSWERS).mkdir()
    assert prober.main(str(tmp_path)) == prober.NOT_WRITTEN


def test_a_prober_that_hangs_ends_when_its_budget_is_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order((probe("p", "command", *python("pass")),), timedelta(seconds=0.2), str(tmp_path))
    probefiles.write_order(tmp_path, order)
    left = threading.Event()
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        left.set()

    monkeypatch.setattr(probefiles, "write_answers", lambda *_: left.wait(PATIENCE_S))
    prober.main(str(tmp_path), leave=leave)
    assert codes == [prober.OUT_OF_TIME]


# -- what the next cycle takes in ------------------------------------------------------------------------

TWO_TICKS = minutes(10)
GOOD = {"at": NOW.isoformat(), "ms": 2.5, "problem": ""}


def taken(folder: Path, now: datetime = NOW, max_age: timedelta = TWO_TICKS) -> dict[str, Answer]:
    return probing.take_in(folder, now, max_age)


def test_answers_survive_the_way_to_disk_while_they_are_fresh(tmp_path: Path) -> None:
    found = {"db": Answer(NOW, None, "refused"), "웹": Answer(NOW - minutes(5), 312.5, "HTTP 500")}
    probefiles.write_answers(tmp_path, found)
    assert taken(tmp_path) == found
    assert taken(tmp_path, NOW + minutes(6)) == {"db": found["db"]}
    assert taken(tmp_path, NOW - minutes(1)) == {"웹": found["웹"]}, "a stamp from the future is no answer"
    assert taken(tmp_path, NOW + minutes(11)) == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version": 1, "answers": {"db": {"at": "20', id="truncated"),
        pytest.param(b"\xff\xfe\0", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"{}", id="foreign"),
        pytest.param(json.dumps({"version": 2, "answers": {"db": GOOD}}).encode(), id="newer"),
        pytest.param(json.dumps({"version": 1, "answers": [GOOD]}).encode(), id="answers in a list"),
        pytest.param(b" " * 1_000_001 + json.dumps({"version": 1, "answers": {"db": GOOD}}).encode(), id="huge"),
    ],
)
def test_what_is_no_file_of_answers_holds_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / probefiles.ANSWERS).write_bytes(content)
    assert taken(tmp_path) == {}


def test_where_no_file_is_there_are_no_answers(tmp_path: Path) -> None:
    assert taken(tmp_path) == {}
    (tmp_path / probefiles.ANSWERS).mkdir()
    assert taken(tmp_path) == {}


@posix_only("pipes with a name")
def test_a_pipe_in_the_place_of_the_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / probefiles.ANSWERS)
    assert taken(tmp_path) == {}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {**GOOD, "at": "noon"},
        {**GOOD, "at": "2025-11-02T22:30:00"},
        {**GOOD, "at": 7},
        {**GOOD, "ms": "fast"},
        {**GOOD, "ms": True},
        {**GOOD, "ms": -1},
        {**GOOD, "ms": 10**400},
        {**GOOD, "ms": float("nan")},
        {**GOOD, "ms": float("inf")},
        {"at": GOOD["at"], "ms": 1},
    ],
)
def test_an_answer_that_makes_no_sense_hides_no_other(tmp_path: Path, bad: Any) -> None:
    plain = {"version": 1, "answers": {"bad": bad, "db": GOOD}}
    (tmp_path / probefiles.ANSWERS).write_text(json.dumps(plain))
    assert taken(tmp_path) == {"db": Answer(NOW, 2.5, "")}


def test_a_prober_has_a_session_of_its_own(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = python(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    probing.start(tmp_path, [probe("p", "command", *waits)], timedelta(seconds=120))
    until(lambda: locks.is_held(tmp_path / probefiles.LOCK), "the prober")
    (mine,) = [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in (one.info["cmdline"] or [])]
    if sys.platform != "win32":
        assert os.getsid(mine.pid) == mine.pid
    go.touch()
    assert answers(tmp_path)["p"].problem == ""
