"""The readers of what whole cycles leave for short ones, and short ones for whole ones."""

import json
from pathlib import Path
from unittest.mock import patch

from adaptive_scheduler import __version__, beatfile, codec, counters, recent, short_cycle, standing
from adaptive_scheduler.archive import Archive
from adaptive_scheduler.beats import localised
from adaptive_scheduler.history import History
from adaptive_scheduler.reading import Reading
from adaptive_scheduler.store import Store
from adaptive_scheduler.times import iso
from tests.builders import NOW, mine, minutes, sample
from tests.builders import state as state_of
from tests.fuzz import day

TICK = minutes(5)
_READING: Reading = {
    "boot": "b",
    "busy_s": 1.0,
    "total_s": 10.0,
    "cpus": 2.0,
    "source": "host",
    "own_s": 0.1,
    "uptime_s": 9.0,
}


def _line(cycle: int) -> bytes:
    seen = {
        "cycle": cycle, "at": iso(NOW + cycle * TICK), "reading": _READING, "cpu": 12.5, "memory": 40.0,
        "available": 2**32, "total": 2**33, "pressure": {"cpu": 0.5, "io": 0.0}, "processes": [[7, "x", 1.5, 2**20]],
    }  # fmt: skip
    return json.dumps(seen).encode() + b"\n"


BEATS = (_line(2), b"".join(map(_line, range(2, 7))), _line(2) + _line(3)[:40])
STANDING = (
    json.dumps({
        "version": standing.VERSION, "program": "PROGRAM", "config": "CONFIG", "state": "STATE", "path": "PATH",
        "cycle": 1, "at": iso(NOW), "until": iso(NOW + 100 * TICK), "tick_s": 300.0, "tempo": "base", "low_cpu": 0.0,
        "high_cpu": 100.0, "reading": _READING, "census": False,
        "log": {"form": "text", "max_bytes": 5000, "keep": 1},
    }).encode(),
)  # fmt: skip


def _folder(folder: Path) -> Path:
    """Make a project whose state is older than what short cycles saw."""
    place = folder / "outputs"
    if not (place / standing.STATE).exists():
        (folder / "tasks.toml").write_bytes(b"")
        with Store(place).transaction(NOW) as transaction:
            transaction.state = state_of(a=mine(10))
    return place


def beats(data: bytes, folder: Path) -> str:
    """What short cycles saw is in the state, the samples and the history, as far as it makes sense."""
    place = _folder(folder)
    (place / beatfile.NAME).write_bytes(data)
    (place / "history.sqlite3").unlink(missing_ok=True)
    read = Store(place).read()
    day.cycle(read.state)
    codec.decode_state(json.loads(json.dumps(codec.encode_state(read.state))))
    seen = recent.read(place) + Archive(place).samples(NOW - TICK, NOW + 1000 * TICK)
    past = localised(read.beats, NOW)
    History(place).record(NOW, 1, sample(), (), TICK, past=past)
    recent.write(place, [one.sample for one in past])
    (place / recent.NAME).unlink(missing_ok=True)
    assert len(seen) <= 2 * data.count(b"\n")
    return "some" if past else "none"


def note(data: bytes, folder: Path) -> str:
    """A note makes a short cycle whose line makes sense, or a whole one."""
    place, path = _folder(folder), folder / "tasks.toml"
    (place / beatfile.NAME).unlink(missing_ok=True)
    signed = {b'"CONFIG"': standing.signature(path), b'"STATE"': standing.signature(place / standing.STATE)}
    for word, value in {**signed, b'"PATH"': str(path), b'"PROGRAM"': __version__}.items():
        data = data.replace(word, json.dumps(value).encode())
    (place / standing.NAME).write_bytes(data)
    (place / standing.NAME).chmod(0o600)
    later: Reading = {**_READING, "busy_s": 2.0, "total_s": 20.0}
    with patch.object(counters, "read_counters", lambda: later):
        short = short_cycle.attempt(["--config", str(path), "run"], {"ADAPTIVE_FAKE_NOW": iso(NOW + TICK)})
    return beats((place / beatfile.NAME).read_bytes(), folder) if short else "none"
