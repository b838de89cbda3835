"""From an outbox to real servers on the loopback: everything once, in order, and no address anywhere."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import apprising, extras, locks, outbox, pinging, sender
from adaptive_scheduler.errors import SchedulerError
from adaptive_scheduler.notify import About, Notice, Notify, Ping, Signal
from adaptive_scheduler.outbox import Outbox
from adaptive_scheduler.settings import Config
from tests import servers
from tests.builders import RULES, task
from tests.receivers import Heard, receiver

pytest.importorskip("apprise", reason="apprise sends notices")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own, while it loads its services

NOW = datetime.now(UTC)
"""The sender goes by the true time, so these tests do too."""


class Desk:
    """One outbox with its secrets and its log."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets = folder, folder / "secrets.env"
        self.addresses: dict[str, str] = {}
        wish = Notify(("OPS",), ping="CYCLE", secrets=str(self.secrets))
        tasks = {"a": task("a", ping="RUNS")}
        self.outbox = Outbox(
            Config(path="t.toml", state_dir=str(folder / "out"), rules=RULES, tasks=tasks, notify=wish)
        )

    def at(self, **addresses: str) -> "Desk":
        self.addresses |= addresses
        self.secrets.write_text("".join(f"{name}={one}\n" for name, one in self.addresses.items()), encoding="utf-8")
        self.secrets.chmod(0o600)
        return self

    def tell(self, reason: str = "failed", ago: timedelta = timedelta(0), run_id: str = "") -> "Desk":
        self.outbox.tell([Notice(About.FAILURE, NOW - ago, reason, "a", run_id)])
        return self

    def ping(self, one: Signal = Signal.SUCCESS, to: str = "CYCLE", ago: float = 0, **more: str) -> "Desk":
        self.outbox.ping(Ping(to, one, NOW - timedelta(minutes=ago), **more))
        return self

    def send(self) -> int:
        outbox.write_order(self.outbox.folder, outbox.order_of(self.outbox.config))
        return sender.main(str(self.outbox.folder), leave=_no_leave)

    @property
    def waiting(self) -> dict[str, int]:
        return {name: len(items) for name, items in outbox.waiting(self.outbox.folder).items()}

    @property
    def log(self) -> list[str]:
        path = self.folder / "out" / "adaptive_scheduler.log"
        return [line.split("] ", 1)[1].strip() for line in path.read_text().splitlines()] if path.exists() else []


def _no_leave(code: int) -> None:
    raise SchedulerError(f"left with {code}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def heard() -> Iterator[Heard]:
    with receiver() as one:
        yield one


def web(heard: Heard, path: str = "switch") -> str:
    return f"http://127.0.0.1:{heard.port}/{path}"


def chat(heard: Heard) -> str:
    return f"json://127.0.0.1:{heard.port}/t0p-s3cret"


def test_pings_arrive_in_order_and_are_gone(desk: Desk, heard: Heard) -> None:
    desk.at(CYCLE=web(heard)).ping(Signal.START, ago=2).ping(ago=1).ping(Signal.FAIL, reason="broken")
    assert desk.send() == sender.FINE
    assert heard.told == [("/switch/start", ""), ("/switch", ""), ("/switch/fail", "broken")]
    assert (desk.waiting, desk.log) == ({}, [])


def test_the_notices_that_wait_are_one_message(desk: Desk, heard: Heard) -> None:
    desk.at(OPS=chat(heard)).tell("failed: exit code 3").tell("failed: exit code 4")
    assert desk.send() == sender.FINE
    assert desk.log == []
    [(path, text)] = heard.told
    message = json.loads(text)
    assert path == "/t0p-s3cret"
    assert message["title"].endswith("a is failing, a is failing")
    assert message["type"] == "failure"
    assert "exit code 3" in message["message"]
    assert "exit code 4" in message["message"]
    assert desk.waiting == {}


def test_the_end_of_the_output_goes_with_it(desk: Desk, heard: Heard) -> None:
    run = desk.folder / "out" / "runs" / "a" / "r1"
    run.mkdir(parents=True)
    (run / "output.log").write_bytes(b"x" * 50_000 + b"\nthe disk is full\n")
    desk.at(OPS=chat(heard), RUNS=web(heard)).tell(run_id="r1").ping(Signal.FAIL, "RUNS", task="a", run_id="r1")
    desk.send()
    told = sorted(text for _, text in heard.told)
    assert len(told) == 2
    assert all("the disk is full" in text and len(text) < 2000 for text in told)


def test_a_server_that_is_away_leaves_one_line_and_gets_everything_later(desk: Desk) -> None:
    with servers.nobody() as port:
        desk.at(CYCLE=f"http://127.0.0.1:{port}/hidden-word", OPS=f"json://127.0.0.1:{port}/hidden-word")
        desk.ping().tell()
        for _ in range(3):
            assert desk.send() == sender.FINE
    assert desk.waiting == {"CYCLE": 1, "OPS": 1}
    assert len(desk.log) == 2
    assert all("hidden-word" not in line for line in desk.log)
    assert "[WARNING] [SCHEDULER] 'CYCLE' cannot be told: refused; what waits is tried again at each cycle" in desk.log
    assert [line.partition(" cannot")[0] for line in outbox.complaints(desk.outbox.config, NOW)] == ["'CYCLE'", "'OPS'"]
    with receiver() as heard:
        desk.at(CYCLE=web(heard), OPS=chat(heard)).send()
    assert sorted(heard.paths) == ["/switch", "/t0p-s3cret"]
    assert desk.waiting == {}
    assert sum("can be told again" in line for line in desk.log) == 2
    assert outbox.complaints(desk.outbox.config, NOW) == []


def test_a_slow_address_holds_up_no_other(desk: Desk, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinging, "PATIENCE", timedelta(seconds=1))
    with servers.server(servers.late(30)) as port:
        desk.at(CYCLE=f"http://127.0.0.1:{port}/x", OPS=chat(heard)).ping(ago=1).ping().tell()
        desk.send()
    assert heard.paths == ["/t0p-s3cret"]
    # It was asked once: of who does not answer the second question is not asked.
    assert desk.waiting == {"CYCLE": 2}
    assert [line for line in desk.log if "no answer within 1 s" in line]


def test_who_hangs_for_ever_is_left_behind_and_known(desk: Desk, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LIFE_S", 3.0)
    with servers.server(servers.silent) as port:
        desk.at(CYCLE=f"http://127.0.0.1:{port}/x", RUNS=web(heard)).ping().ping(to="RUNS")
        with pytest.raises(SchedulerError, match="left with 4"):
            desk.send()
        # Here the thread that hangs lives on; in a sender it ends with the process.
        assert heard.paths == ["/switch"]
        assert desk.waiting == {"CYCLE": 1}
        assert [line for line in desk.log if "'CYCLE' cannot be told: no answer within 3 s" in line]


def test_old_pings_and_older_notices_are_given_up(desk: Desk, heard: Heard) -> None:
    desk.at(CYCLE=web(heard), OPS=chat(heard))
    desk.ping(ago=61).ping(ago=30).tell(ago=timedelta(days=4)).tell("young", ago=timedelta(days=2))
    desk.send()
    assert len(heard.told) == 2
    assert desk.waiting == {}
    assert sum("1 messages" in line for line in desk.log) == 2


def test_of_too_many_the_oldest_go(desk: Desk, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MOST_WAITING", 3)
    desk.at(CYCLE=web(heard))
    for number in range(5):
        desk.ping(ago=5 - number, reason=str(number))
    desk.send()
    assert [text for _, text in heard.told] == ["2", "3", "4"]


def test_an_address_that_is_nowhere_is_named_by_its_variable(desk: Desk) -> None:
    desk.at().tell()
    desk.send()
    [line] = desk.log
    assert "'OPS' cannot be told: neither the environment nor" in line
    assert desk.waiting == {"OPS": 1}


def test_what_is_no_address_is_said_without_quoting_it(desk: Desk) -> None:
    desk.at(OPS="some-secret-nonsense", CYCLE="ftp://example.org/some-secret-nonsense").tell().ping()
    desk.send()
    assert len(desk.log) == 2
    assert not any("nonsense" in line for line in desk.log)


def test_whatever_a_way_of_telling_does_is_no_end_of_the_sender(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(pinging, "ping", breaks)
    desk.at(CYCLE="http://x").ping()
    assert desk.send() == sender.FINE
    assert [line for line in desk.log if "'CYCLE' cannot be told: RuntimeError: broken" in line]


def test_without_apprise_notices_wait_and_the_log_says_for_what(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprising, "lacking", lambda: extras.lacking("notices", "notify", "no_such_library"))
    desk.at(OPS="json://x/y").tell().send()
    assert [line for line in desk.log if "notices need the extra [notify] ('no_such_library' is not installed)" in line]
    assert desk.waiting == {"OPS": 1}


def test_who_is_no_longer_told_is_forgotten(desk: Desk) -> None:
    desk.at().ping(to="FORMER").send()
    assert not (desk.outbox.folder / "FORMER").exists()
    assert desk.log == []


@pytest.mark.parametrize("content", [b"\x00\x00\x00", b"[" * 100_000], ids=["NUL", "deep"])
def test_a_damaged_file_stops_nothing(desk: Desk, heard: Heard, content: bytes) -> None:
    desk.at(CYCLE=web(heard)).ping(ago=1)
    (desk.outbox.folder / "CYCLE" / "0000000000.000000-000000-1.json").write_bytes(content)
    desk.send()
    assert heard.paths == ["/switch"]
    assert desk.waiting == {}


def test_a_second_sender_leaves_the_work_to_the_first(desk: Desk) -> None:
    desk.at().ping()
    with locks.hold(desk.outbox.folder / outbox.LOCK):
        assert desk.send() == sender.FINE
        desk.outbox.send()  # sees the lock and starts none
    assert desk.waiting == {"CYCLE": 1}


def test_without_an_order_nothing_is_done(desk: Desk) -> None:
    desk.ping()
    assert sender.main(str(desk.outbox.folder)) == sender.NO_ORDER
    (desk.outbox.folder / outbox.ORDER).write_text('{"version": 99}')
    assert sender.main(str(desk.outbox.folder)) == sender.NO_ORDER


def test_a_real_sender_is_started_and_waited_for_by_nobody(desk: Desk, heard: Heard) -> None:
    desk.at(CYCLE=web(heard), OPS=chat(heard)).ping().tell()
    desk.outbox.send()
    assert sorted(heard.wait_for(2)) == ["/switch", "/t0p-s3cret"]


def test_what_nobody_takes_away_is_told(desk: Desk) -> None:
    desk.at().ping(ago=20).tell()
    [told] = outbox.complaints(desk.outbox.config, NOW)
    assert told.startswith("messages to 'CYCLE' wait since 2")
    assert told.endswith("no process takes them away")


def test_nothing_that_waits_starts_no_sender(desk: Desk) -> None:
    desk.outbox.send()
    assert not desk.outbox.folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_what_waits_is_for_its_owner_alone(desk: Desk) -> None:
    desk.at(OPS="json://x/y").tell().send()
    modes = {path.stat().st_mode & 0o777 for path in [desk.outbox.folder, *desk.outbox.folder.rglob("*")]}
    assert modes == {0o700, 0o600}


def test_what_is_put_in_is_read_as_it_was(desk: Desk) -> None:
    desk.tell("first").ping(Signal.START, task="a", run_id="r1")
    [note], [ping] = outbox.waiting(desk.outbox.folder)["OPS"], outbox.waiting(desk.outbox.folder)["CYCLE"]
    assert outbox.read(note) == Notice(About.FAILURE, NOW, "first", "a")
    assert outbox.read(ping) == Ping("CYCLE", Signal.START, NOW, task="a", run_id="r1")
