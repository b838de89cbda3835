"""The state file: transactions, damage, versions, and that nothing is ever read as a first run."""

import errno
import json
import multiprocessing
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import codec, files
from adaptive_scheduler import state as folds
from adaptive_scheduler.codes import Code
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import Live, Result, State, Status, TaskState
from adaptive_scheduler.store import Store
from tests.builders import NOW, ended, live, mine, minutes, state
from tests.platforms import is_private

FULL = State(
    cycle=7,
    last_cycle_at=NOW,
    nominal_at=NOW,
    readings=({"busy_s": 1.5, "boot": "x", "cpus": 2},),
    spent_s=2.5,
    tasks={
        "a": mine(5, live=live(), last=ended(9, Status.FAILED, signal="SIGKILL", exit_code=None), failures=2),
        "작업": mine(None, paused=True, paused_until=NOW, retry_at=NOW, retries_used=1, retried_interruption=True),
        "c": mine(5, tempo="faster", code="NOT_DUE", missing_since=NOW),
    },
    unrecorded=(("a", ended(1)),),
)


def change(store: Store, after: State) -> None:
    with store.transaction(NOW) as transaction:
        transaction.state = after


def test_a_state_survives_the_way_to_disk_and_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "outputs")
    change(store, FULL)
    assert Store(store.folder).read().state == FULL
    assert is_private(store.path)
    assert is_private(store.folder)


def test_a_file_that_is_as_it_was_is_not_understood_a_second_time(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    assert store.read().state is FULL
    change(Store(tmp_path), state())
    assert store.read().state == state()
    assert store.read().state is store.read().state


moments = st.datetimes(
    min_value=NOW.replace(tzinfo=None, year=1990), max_value=NOW.replace(tzinfo=None, year=2090)
).map(lambda moment: moment.replace(tzinfo=NOW.tzinfo))
results = st.builds(
    Result, st.text(), st.sampled_from(Status), moments, moments, st.floats(0, 1e6), st.none() | st.integers(0, 255)
)
task_states = st.builds(
    TaskState,
    first_seen=moments,
    anchor=st.none() | moments,
    live=st.none() | st.builds(Live, st.text(), moments, st.sampled_from(Code), st.text()),
    last=st.none() | results,
    failures=st.integers(0, 99),
    paused=st.booleans(),
)


@given(st.builds(State, cycle=st.integers(0, 2**62 - 1), tasks=st.dictionaries(st.text(), task_states)))
def test_every_state_round_trips_through_json(before: State) -> None:
    assert codec.decode_state(json.loads(json.dumps(codec.encode_state(before)))) == before


def test_a_result_says_by_which_event_it_was_started_only_where_there_was_one() -> None:
    plain = codec.encode_result(ended(1))
    assert "event" not in plain
    caused = ended(1, event="cpu_spike:2025-11-02T22:30:00+00:00")
    assert codec.encode_result(caused) == plain | {"event": caused.event}
    assert codec.decode_result(json.loads(json.dumps(codec.encode_result(caused)))) == caused


def test_an_older_state_is_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = codec.encode_state(FULL)
    monkeypatch.setitem(codec.UPGRADES, -1, lambda old: {**old, "cycle": old["count"]})
    monkeypatch.setitem(codec.UPGRADES, 0, lambda old: {**old, "cycle": old["cycle"] + 1})
    older = {key: value for key, value in plain.items() if key != "cycle"} | {"version": -1, "count": 6}
    assert codec.decode_state(older) == FULL


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf")])
def test_an_account_that_is_no_number_is_damage(value: object) -> None:
    plain = codec.encode_state(FULL)
    name = next(iter(plain["tasks"]))
    plain["tasks"][name]["behind"] = value
    with pytest.raises(TypeError):
        codec.decode_state(plain)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    found = Store(tmp_path / "outputs").read()
    assert (found.state, found.damaged) == (State(), False)
    assert list(tmp_path.iterdir()) == []


def test_an_unchanged_state_is_not_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    before = store.path.stat().st_mtime_ns
    with store.transaction(NOW):
        pass
    assert store.path.stat().st_mtime_ns == before


def test_a_transaction_tells_how_long_the_disk_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    # A disk that takes its time; the clock of the stand-in is the one that measures.
    monkeypatch.setattr(files, "sync_folder", lambda _folder: time.sleep(0.05))
    with store.transaction(NOW) as transaction:
        transaction.state = FULL
        assert transaction.write_s is None
    assert transaction.write_s is not None
    assert transaction.write_s >= 0.045
    with store.transaction(NOW) as transaction:
        pass
    assert transaction.write_s is None
    assert store.read().write_s is None


def test_an_error_inside_a_transaction_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    with pytest.raises(RuntimeError), store.transaction(NOW) as transaction:
        transaction.state = State()
        raise RuntimeError
    assert store.read().state == FULL


DAMAGE = {
    "empty": b"",
    "NUL bytes": b"\0" * 300,
    "half": b'{"version": 1, "cyc',
    "no object": b"[1, 2]",
    "no version": b"{}",
    "wrong types": b'{"version": 1, "cycle": "many", "readings": [], "tasks": {}, "unrecorded": []}',
    "no name": b'{"version":1,"cycle":1,"readings":[],"tasks":{},"unrecorded":[{"task":5}]}',
    "bad time": b'{"version":1,"cycle":1,"readings":[],"unrecorded":[],"tasks":{"a":{"first_seen":"noon"}}}',
    "bad bytes": b"\xff\xfe\x00\x01",
    "deep": b"[" * 100_000,
    "a number for no float": b'{"version":1,"cycle":1,"readings":[],"tasks":{},"unrecorded":[],"spent_s":1'
    + b"0" * 400
    + b"}",
    "a count beyond all counts": b'{"version":1,"cycle":9223372036854775807,"readings":[],"tasks":{},"unrecorded":[]}',
    "counters that are words": b'{"version":1,"cycle":1,"readings":[{"cpus":"x"}],"tasks":{},"unrecorded":[]}',
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("duration_s", one) for one in ("1", None, -1.0, 1e13, float("nan"), float("inf"), 10**400)),
        *(("cpu_s", one) for one in ("1", -1.0, True, float("inf"))),
        *(("exit_code", one) for one in ("3", 3.5, [1], 2**63)),
        *(("peak_memory_bytes", one) for one in ("big", [1], 2**63)),
        ("output_bytes", {"a": 1}),
        ("signal", 9),
    ],
)
def test_a_result_with_a_value_that_no_run_has_is_damage(field: str, value: object) -> None:
    plain = {**codec.encode_result(ended(1)), field: value}
    with pytest.raises((TypeError, ValueError)):
        codec.decode_result(plain)


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_state_is_set_aside_and_the_copy_before_it_used(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    change(store, replace(FULL, cycle=8))
    store.path.write_bytes(content)
    with store.transaction(NOW) as transaction:
        assert transaction.damaged
        assert transaction.state == FULL
        transaction.state = replace(transaction.state, cycle=9)
    aside = tmp_path / f"{store.path.name}.corrupt-20251102T223000"
    assert aside.read_bytes() == content
    assert (store.read().state.cycle, store.read().damaged) == (9, False)
    assert any(aside.name in note for note in transaction.notes)


def test_of_many_damaged_states_the_latest_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(files.KEPT_ASIDE + 2):
        change(store, FULL)
        store.path.write_bytes(b"{")
        store.backup.unlink(missing_ok=True)
        # The clock was set back before the last one: its name is the smallest.
        hour = number if number <= files.KEPT_ASIDE else 0
        with store.transaction(NOW.replace(month=1 if not hour else 2, hour=hour)) as transaction:
            assert transaction.damaged
    kept = sorted(one.name.partition("corrupt-")[2] for one in tmp_path.glob("*.corrupt-*"))
    assert [name[4:6] + name[9:11] for name in kept] == ["0100", "0202", "0203"]


def test_a_missing_state_beside_its_copy_is_a_lost_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    change(store, replace(FULL, cycle=8))
    store.path.unlink()
    found = store.read()
    assert (found.damaged, found.state.cycle) == (True, 7)


def test_state_and_copy_both_damaged_is_said_and_both_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, FULL)
    change(store, replace(FULL, cycle=8))
    store.path.write_bytes(b"")
    store.backup.write_bytes(b"x")
    with store.transaction(NOW) as transaction:
        assert (transaction.damaged, transaction.state) == (True, State())
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 2


def test_a_newer_state_is_refused_with_the_likely_cause_and_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = json.dumps({"version": codec.VERSION + 1, "whatever": True}).encode()
    store.path.write_bytes(content)
    with pytest.raises(StateError, match="a newer adaptive-scheduler wrote it"), store.transaction(NOW):
        pass
    assert store.path.read_bytes() == content


def test_a_folder_that_cannot_be_used_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(StateError, match=r"outputs'.*set scheduler.state_dir"):
        change(Store(tmp_path / "outputs"), FULL)


def test_a_full_disk_leaves_the_state_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    change(store, FULL)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="cannot use the state"):
        change(store, replace(FULL, cycle=8))
    assert store.read().state == FULL
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_new_state_folder_outlives_a_power_cut_with_all_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    change(Store(tmp_path / "deep" / "outputs"), FULL)
    assert synced == [tmp_path, tmp_path / "deep", tmp_path / "deep" / "outputs"]
    change(Store(tmp_path / "deep" / "outputs"), replace(FULL, cycle=8))
    assert synced[3:] == [tmp_path / "deep" / "outputs"]


def test_a_folder_whose_past_cannot_be_asked_is_no_first_run(tmp_path: Path) -> None:
    class Unreadable(Store):
        def _has_a_past(self) -> bool:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(StateError, match=r"cannot use the state in .*set scheduler.state_dir"):
        Unreadable(tmp_path).read()


def test_what_killed_writers_left_is_swept_away_when_it_is_old(tmp_path: Path) -> None:
    old, young, other = tmp_path / ".state.json.1.tmp", tmp_path / ".state.json.2.tmp", tmp_path / ".keep"
    for path, hours in ((old, 2), (young, 0), (other, 2)):
        path.touch()
        moment = (NOW - timedelta(hours=hours)).timestamp()
        os.utime(path, (moment, moment))
    Store(tmp_path).sweep(NOW)
    assert sorted(tmp_path.iterdir()) == [other, young]


def _count(folder: Path, times: int) -> None:
    store = Store(folder)
    for _ in range(times):
        with store.transaction(NOW) as transaction:
            transaction.state = folds.beat(transaction.state, NOW, minutes(5))


def test_no_update_is_lost_between_processes(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    counters = [spawn.Process(target=_count, args=(tmp_path, 25)) for _ in range(4)]
    for one in counters:
        one.start()
    for one in counters:
        one.join()
    assert Store(tmp_path).read().state.cycle == 100


def test_a_user_s_pause_and_a_cycle_s_write_both_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    change(store, state(a=mine(5)))
    seen_before = store.read().state
    change(store, folds.paused(store.read().state, "a", None))
    with store.transaction(NOW) as transaction:
        assert transaction.state != seen_before
        transaction.state = folds.beat(transaction.state, NOW, minutes(5))
    assert store.read().state.tasks["a"].paused
