"""The master's folder of a run elsewhere: what is missing there, damaged, or cannot be looked at."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adaptive_scheduler.cluster.mirror import Intent, Mirror
from adaptive_scheduler.runfolder import RunFolder
from adaptive_scheduler.runners.prune import prune, run_ids

AT = datetime(2025, 11, 2, 22, 35, tzinfo=UTC)
INTENT = Intent("n1", "0123456789abcdef", AT)
WRONG = b'{"node": "n1", "ledger": "l", "at": "2025-11-02T22:35:00+00:00", "event": %s}'
DONE = {
    "version": 1,
    "run_id": "r",
    "status": "ok",
    "started_at": AT.isoformat(),
    "ended_at": AT.isoformat(),
    "duration_s": 0.0,
}


def mirror(tmp_path: Path, name: str = "r") -> Mirror:
    return Mirror(RunFolder(tmp_path / "job" / name))


def test_what_was_intended_is_read_again(tmp_path: Path) -> None:
    one = mirror(tmp_path)
    assert (one.is_ours, one.intent()) == (False, None)
    one.write_intent(INTENT)
    assert (one.is_ours, one.intent(), one.has_ended) == (True, INTENT, False)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 80, b"[]", b'{"node": "n1"}', b"[" * 9999, WRONG % b"[]", WRONG % b"{}", WRONG % b"7"]
)
def test_an_intent_that_a_power_cut_has_damaged_is_none(tmp_path: Path, content: bytes) -> None:
    one = mirror(tmp_path)
    one.write_intent(INTENT)
    one.folder.intent.write_bytes(content)
    assert (one.is_ours, one.intent()) == (True, None)


def test_a_folder_that_cannot_be_looked_at_is_nobodys_and_no_fault(tmp_path: Path) -> None:
    one = mirror(tmp_path, "a name that no disk takes" * 20)
    assert (one.is_ours, one.intent(), one.has_ended) == (False, None, False)


def test_what_a_cycle_left_that_was_killed_at_the_same_run_goes(tmp_path: Path) -> None:
    one = mirror(tmp_path)
    one.write_intent(INTENT)
    for name in (".intent.json.0123456789ab.tmp", ".output.log.0123456789ab.tmp"):
        (one.folder.path / name).touch()
    one.write_intent(INTENT)
    assert [path.name for path in one.folder.path.iterdir()] == ["intent.json"]
    (one.folder.path / ".done.json.0123456789ab.tmp").touch()
    one.take_in(DONE, b"said")
    assert sorted(path.name for path in one.folder.path.iterdir()) == ["done.json", "intent.json", "output.log"]


def test_of_runs_that_their_node_never_began_nothing_is_kept_once_another_has_run(tmp_path: Path) -> None:
    for name in ("r1", "r2", "r4"):
        mirror(tmp_path, name).write_intent(INTENT)
    prune(tmp_path / "job", 10, 10**9, {"r2"})
    assert run_ids(tmp_path / "job") == ["r1", "r2", "r4"], "each may just be being made"
    mirror(tmp_path, "r3").write_intent(INTENT)
    mirror(tmp_path, "r3").take_in(DONE, b"said")
    prune(tmp_path / "job", 10, 10**9, {"r2"})
    assert run_ids(tmp_path / "job") == ["r2", "r3", "r4"]
