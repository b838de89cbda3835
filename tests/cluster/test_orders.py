"""Orders into the ledger of one node: whatever comes twice, too late, or at a bad moment."""

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from adaptive_scheduler import dispatch
from adaptive_scheduler.cluster.cargo import Hold, pack
from adaptive_scheduler.cluster.ledger import Ledger
from adaptive_scheduler.cluster.mirror import Intent, Mirror
from adaptive_scheduler.cluster.printed import PIECE, Piece, understood, whole
from adaptive_scheduler.config import load
from adaptive_scheduler.model import TaskState
from adaptive_scheduler.runfolder import RunFolder
from adaptive_scheduler.runid import of_beat
from adaptive_scheduler.runners.base import Order
from adaptive_scheduler.runners.many import FEW, Starter
from tests.processes import alive_in, kill_all, until

TASKS = """
[cluster]
master = "tcp://127.0.0.1:8786"
[tasks.job]
interval = "1h"
script = "job.py"
where = "any"
"""

RUN = "20251102T223500.000Z-abcdef"

COUNT = "with open({counted!r}, 'a') as starts:\n    starts.write('start\\n')\nprint('done')\n"


@pytest.fixture
def cargo(tmp_path: Path) -> dict[str, Any]:
    """An order whose script leaves a line in the file `starts`."""
    (tmp_path / "tasks.toml").write_text(TASKS)
    (tmp_path / "job.py").write_text(COUNT.format(counted=str(tmp_path / "starts")))
    config = load(tmp_path / "tasks.toml", platform=dispatch.PLATFORM)
    return {**pack(Order(config.tasks["job"], RUN, "for a test", node="n1"), config), "ledger": "ours"}


def opened(tmp_path: Path, **more: Any) -> Ledger:
    return Ledger(tmp_path / "node", Hold(tmp_path / "node", None, {}), **more)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    (tmp_path / "node").mkdir()
    return opened(tmp_path)


def starts(tmp_path: Path) -> int:
    return (tmp_path / "starts").read_text().count("start") if (tmp_path / "starts").exists() else 0


def perform(ledger: Ledger, cargo: dict[str, Any]) -> Any:
    return ledger.perform(cargo, {}, lambda: True)


def test_the_same_order_from_many_sides_at_once_is_one_run(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(8) as hands:
        told = list(hands.map(lambda _: perform(ledger, cargo), range(8)))
    assert starts(tmp_path) == 1
    assert {one["done"]["status"] for one in told} == {"ok"}
    assert {one["output"].strip() for one in told} == {b"done"}


def test_the_same_order_after_the_node_was_started_again_is_the_run_that_was(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    first = perform(ledger, cargo)
    assert perform(opened(tmp_path), cargo) == first
    assert starts(tmp_path) == 1


def test_an_order_that_comes_after_its_run_was_voided_starts_nothing(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    assert ledger.entries([RUN]) == {RUN: ("unknown", "")}
    assert ledger.void([RUN]) == {RUN: ("void", "")}
    assert perform(ledger, cargo) is None
    assert ledger.entries([RUN]) == {RUN: ("void", "")}
    assert starts(tmp_path) == 0


def test_a_run_that_has_begun_cannot_be_voided(ledger: Ledger, cargo: dict[str, Any], tmp_path: Path) -> None:
    perform(ledger, cargo)
    assert ledger.void([RUN]) == {RUN: ("done", "")}


@pytest.mark.parametrize("left", ["nothing but its folder", "its spec too"])
def test_a_node_that_died_before_its_supervisor_lived_says_that_nothing_began(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path, left: str
) -> None:
    folder = ledger.runs / RUN
    folder.mkdir()
    if left == "its spec too":
        (folder / "spec.json").write_text(json.dumps({"version": 1, "run_id": RUN}))
    assert ledger.entries([RUN]) == {RUN: ("void", "")}
    assert perform(opened(tmp_path), cargo) is None
    assert starts(tmp_path) == 0


def test_what_a_node_cannot_set_up_is_a_run_that_fails(cargo: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    told = perform(opened(tmp_path, env_file=tmp_path / "gone.env"), cargo)
    assert told["done"]["status"] == "error"
    assert "this node cannot set it up" in told["done"]["cause"]
    assert "gone.env" in told["done"]["cause"]
    assert starts(tmp_path) == 0


def test_supervisors_that_have_ended_leave_no_zombies(ledger: Ledger, cargo: dict[str, Any], tmp_path: Path) -> None:
    orders = [{**cargo, "run_id": f"{RUN}{number}"} for number in range(12)]
    with ThreadPoolExecutor(12) as hands:
        told = list(hands.map(lambda order: perform(ledger, order), orders))
    assert [one["done"]["status"] for one in told] == 12 * ["ok"]

    def reaped() -> bool:
        ledger.reap()
        return len(ledger._children) <= 1 and not any(psutil.Process(one.pid).children() for one in ledger._children)

    until(reaped, "the end of all but who forks the others")
    assert starts(tmp_path) == 12


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands open files on to a nursery here")
def test_many_threads_at_once_each_have_their_own_supervisor_forked(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    orders = [{**cargo, "run_id": f"{RUN}{number}"} for number in range(24)]
    with ThreadPoolExecutor(24) as hands:
        told = list(hands.map(lambda order: perform(ledger, order), orders))
    assert [one["done"]["status"] for one in told] == 24 * ["ok"]
    assert starts(tmp_path) == 24
    assert isinstance(ledger.start, Starter)
    assert ledger.start.nursery is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands open files on to a nursery here")
def test_a_nursery_that_was_killed_costs_no_run(ledger: Ledger, cargo: dict[str, Any], tmp_path: Path) -> None:
    for number in range(FEW + 1):
        perform(ledger, {**cargo, "run_id": f"{RUN}{number}"})
    assert isinstance(ledger.start, Starter)
    assert ledger.start.nursery is not None
    ledger.start.nursery.process.kill()
    ledger.start.nursery.process.wait()
    told = [perform(ledger, {**cargo, "run_id": f"{RUN}-after-{number}"}) for number in range(2)]
    assert [one["done"]["status"] for one in told] == ["ok", "ok"]
    assert starts(tmp_path) == FEW + 3


def test_a_run_goes_on_without_the_thread_that_waited_for_it(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    assert ledger.perform(cargo, {}, lambda: False) is None or starts(tmp_path) == 1
    until(lambda: ledger.fetch(RUN), "the end of the run")
    assert starts(tmp_path) == 1
    until(lambda: not alive_in(RUN))
    kill_all(RUN)


def test_what_one_cycle_took_in_is_not_overwritten_by_a_slower_one(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    told = perform(ledger, cargo)
    mirror = Mirror(RunFolder(tmp_path / "mirror"))
    mirror.write_intent(Intent("n1", ledger.identity, datetime.now().astimezone()))
    mirror.take_in(told["done"], told["output"])
    ledger.ack([RUN])
    late = ledger.fetch(RUN)
    assert late is not None
    assert late["output"] == b""
    assert mirror.take_in(late["done"], late["output"]) == mirror.outcome()
    assert mirror.folder.output.read_bytes() == told["output"] != b""


def test_tasks_that_began_together_never_share_a_run() -> None:
    state = TaskState(first_seen=datetime(2025, 11, 2, 22, 35).astimezone())
    assert len({of_beat("outputs", f"task{number}", state) for number in range(20_000)}) == 20_000


def test_scripts_that_no_run_used_for_two_weeks_are_removed_and_sent_again(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    perform(ledger, cargo)
    (sent,) = ledger.hold.sent.iterdir()
    now = datetime.now().astimezone()
    ledger.forget(now + timedelta(days=13))
    assert sent.exists()
    ledger.forget(now + timedelta(days=15))
    assert not sent.exists()
    assert perform(ledger, {**cargo, "run_id": f"{RUN}2"})["done"]["status"] == "ok"


def test_a_script_is_kept_from_its_last_use_on(ledger: Ledger, cargo: dict[str, Any], tmp_path: Path) -> None:
    perform(ledger, cargo)
    (sent,) = ledger.hold.sent.iterdir()
    now = datetime.now().astimezone()
    long_ago = (now - timedelta(days=20)).timestamp()
    os.utime(sent, (long_ago, long_ago))
    perform(ledger, {**cargo, "run_id": f"{RUN}2"})
    ledger.forget(now)
    assert sent.exists()


def test_a_script_of_a_live_run_is_kept_however_long_that_takes(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    (step,) = cargo["steps"]
    script = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n".encode()
    step |= {"content": script, "sha256": hashlib.sha256(script).hexdigest()}
    ledger.begin(cargo, {})
    later = datetime.now().astimezone() + timedelta(days=30)
    ledger.forget(later)
    assert (ledger.hold.sent / step["sha256"] / "job.py").exists()
    (tmp_path / "go").touch()
    told = perform(ledger, cargo)
    assert told["done"]["status"] == "ok"
    ledger.forget(later)
    assert not (ledger.hold.sent / step["sha256"]).exists()


def test_a_large_output_travels_in_pieces_and_never_with_the_end_of_its_run(
    ledger: Ledger, cargo: dict[str, Any], tmp_path: Path
) -> None:
    cargo["spec"]["output_max_bytes"] = 10_000_000
    (step,) = cargo["steps"]
    script = b"import sys\nfor number in range(500_000):\n    sys.stdout.buffer.write(b'%06d\\n' % number)\n"
    step |= {"content": script, "sha256": hashlib.sha256(script).hexdigest()}
    told = perform(ledger, cargo)
    assert (told["done"]["status"], told["output"], told["bytes"]) == ("ok", b"", 3_500_000)
    asked = []

    def ask(offset: int, limit: int) -> Piece | None:
        asked.append(found := understood(ledger.printed(RUN, offset, 1 << 40), limit))
        return found

    output = whole(b"", told["bytes"], 10_000_000, ask)
    assert output == (ledger.runs / RUN / "output.log").read_bytes()
    assert max(len(found.content) for found in asked if found) <= PIECE
    assert len(asked) == 4
