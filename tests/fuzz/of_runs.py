"""The readers of what a cycle rests on: the state, and the folders of runs."""

import json
from dataclasses import replace
from pathlib import Path

from adaptive_scheduler import codec, files
from adaptive_scheduler import state as folds
from adaptive_scheduler.collect import live_runs
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Reading
from adaptive_scheduler.model import Live, State
from adaptive_scheduler.runfolder import DamagedError, RunFolder
from adaptive_scheduler.runners import fate
from adaptive_scheduler.runners.base import Finished
from adaptive_scheduler.settings import Rules
from adaptive_scheduler.store import Store
from tests.builders import NOW, ago, ended, event, footprint, live, mine
from tests.builders import state as state_of
from tests.fuzz import day

LIVE = Live("20251102T222000Z-0001", ago(10))
RUNS = state_of(a=mine(10, live=LIVE))


def _full() -> State:
    """A state with something in every field."""
    a = mine(
        12, live=live(), last=ended(cause="exit code 3", cpu_s=1.5, exit_code=3), failures=2, retry_at=ago(-1),
        retries_used=1, footprint=footprint(*[(5, 20)] * 6), event=event(minutes_ago=5), told="failure",
    )  # fmt: skip
    b = mine(70, last=ended(40, event="cpu_spike:x", node="n1"), paused=True, paused_until=ago(-60), behind=0.5)
    gone = mine(5000, missing_since=ago(100), excused_s=30.0, code="RUN", tempo="faster")
    full = state_of(a=a, b=b, gone=gone)
    latches = '{"cpu_spike":{"disarmed":true,"fired":["2025-11-02T22:00:00+00:00"],"held":2}}'
    waiting = (("a", ended(run_id="20251102T220000Z-0000")),)
    before: Reading = {
        **day.READING,
        "at": "2025-11-02T22:25:00+00:00",
        "uptime_s": 4000.0,
        "busy_s": 90.0,
        "total_s": 8000.0,
    }
    return replace(
        folds.beat(full, ago(5), Rules().tick), readings=(before,), unrecorded=waiting, latches=latches, spent_s=1.0
    )


STATES = tuple(json.dumps(codec.encode_state(one)).encode() for one in (_full(), day.cycle(State()), State()))
_STEP = {
    "name": "a.py",
    "status": "ok",
    "cause": "",
    "exit_code": 0,
    "signal": None,
    "offset_s": 0.0,
    "duration_s": 1.0,
}
_DONE = {
    "version": 1, "run_id": LIVE.run_id, "task": "a", "status": "ok", "exit_code": 0, "signal": None, "cause": "x",
    "started_at": "2025-11-02T22:20:00+00:00", "ended_at": "2025-11-02T22:21:00+00:00", "duration_s": 60.0,
    "cpu_s": 2.5, "peak_memory_bytes": 1000000, "output_bytes": 12, "steps": [_STEP], "left_behind": 1,
    "background_took": True,
}  # fmt: skip
DONES = tuple(json.dumps({**_DONE, "status": status}).encode() for status in ("ok", "failed", "timeout"))
SPECS = (b'{"version":1,"run_id":"r","steps":[{"name":"a","argv":["x"]}],"timeout_s":60.0,"background":true}',)
CLAIMS = (b'{"pid":12}\n{"recovered":true}\n', b"\0")
WORDS = (
    b'"status"', b'"ok"', b'"lost"', b'"version":1', b'"2025-11-02T22:30:00+00:00"', b'"live"', b'"last"', b'"anchor"',
    b'"retry_at"', b'"paused_until"', b'"first_seen"', b'"event"', b'"cpu_spike"', b'"footprint"', b'"1,1,1"', b"1e999",
)  # fmt: skip


def state(data: bytes, folder: Path) -> str:
    """What is read can be lived with; what cannot be read is set aside, and the next cycle has a state again."""
    store = Store(folder / "outputs")
    files.private_folder(store.folder)
    for old in store.folder.iterdir():
        old.unlink()
    store.path.write_bytes(data)
    try:
        found = store.read()
    except StateError:
        return "refused"
    if not found.damaged:
        day.cycle(day.cycle(found.state))
        return "read"
    with store.transaction(NOW) as transaction:
        assert transaction.damaged
        transaction.state = day.cycle(transaction.state)
    assert not store.read().damaged
    return "damaged"


def done(data: bytes, folder: Path) -> str:
    """A result can be taken in by state, log and history; a damaged one is told in a sentence."""
    run = RunFolder(folder)
    run.done.write_bytes(data)
    try:
        found = fate.outcome(run)
    except DamagedError:
        return "damaged"
    assert isinstance(found, Finished)
    told = replace(found, run_id=LIVE.run_id, outcome=replace(found.outcome, run_id=LIVE.run_id))
    after = day.cycle(RUNS, told={"a": told})
    day.cycle(after)
    assert live_runs(after).get("a") != LIVE.run_id
    history = History(folder)
    assert history.take_in(after.unrecorded)
    history.take_in([("a", found.recorded())])
    history.path.unlink()
    return found.outcome.status


def spec(data: bytes, folder: Path) -> str:
    """What is to run is an object, or told to be damaged."""
    run = RunFolder(folder)
    run.spec.write_bytes(data)
    try:
        run.read_spec()
    except DamagedError:
        return "damaged"
    return "read"


def claim(data: bytes, folder: Path) -> str:
    """Who holds a claim is a number, or not known."""
    run = RunFolder(folder)
    run.claim.write_bytes(data)
    return "known" if run.claimed_by() is not None else "not known"
