"""The readers of what the program keeps beside its state; none of it is needed, so none of it may cost a cycle."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from adaptive_scheduler import (
    __version__,
    consumers,
    exporter,
    files,
    probefiles,
    recall,
    rolling,
    tally,
    watching,
    wording,
)
from adaptive_scheduler import lastgood as copies
from adaptive_scheduler import outbox as outgoing
from adaptive_scheduler import recent as samples
from adaptive_scheduler import record as registration
from adaptive_scheduler.almanac import LOAD_NAME, NAME, Almanac
from adaptive_scheduler.backends.base import Registration
from adaptive_scheduler.baseline import Baseline
from adaptive_scheduler.cluster.mirror import Mirror
from adaptive_scheduler.edges import Seen
from adaptive_scheduler.events import Answer
from adaptive_scheduler.history import History
from adaptive_scheduler.lookout import MachineLookout
from adaptive_scheduler.model import State, Status
from adaptive_scheduler.notify import About, Notice, Ping, Signal
from adaptive_scheduler.plan import plan
from adaptive_scheduler.runfolder import RunFolder
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.textfile import Textfile
from adaptive_scheduler.validation import validate
from adaptive_scheduler.whoami import FOLDER
from tests import tables
from tests.builders import NOW, ended, mine, minutes, sample, tasks
from tests.builders import state as state_of
from tests.fuzz import by_hand, day
from tests.sights import process, watches
from tests.world import HandCensus

TICK = minutes(5)

JOB = tasks(tables.hourly("job"))
_RHYTHM = tables.rhythm(job=tables.lesson(tables.table()))
_LOAD = {"version": 1, **rolling.encode(tables.load(days=2))}
RHYTHMS = (json.dumps(_RHYTHM).encode(),)
LOADS = (json.dumps(_LOAD).encode(), json.dumps({"version": 1, **rolling.encode(tables.load(days=8))}).encode())
RECENTS = (
    b'[{"cpu_load":18,"memory_usage":45.9,"timestamp":"2025-11-02T22:30:00+00:00","foreign_cpu":null,"source":"x"}]',
)
INTENTS = (
    b'{"node":"n1","ledger":"0123456789abcdef","at":"2025-11-02T22:29:00+00:00"}',
    b'{"node":"n1","ledger":"l","at":"2025-11-02T22:29:00+00:00","event":{"kind":"cpu_spike","at":"2025-11-02T22:29:00+00:00",'
    b'"value":1.5,"unit":"percent","since":"2025-11-02T22:20:00+00:00","reason":"r"}}',
)
ANSWERS = (b'{"version":1,"answers":{"web":{"at":"2025-11-02T22:29:00+00:00","ms":12.5,"problem":""}}}',)
_ITEMS = (Notice(About.FAILURE, NOW, "exit code 3", "a", "r1"), Ping("URL", Signal.FAIL, NOW, "x", "a", "r1"))
OUTBOX = (
    *(json.dumps(outgoing.encode(one)).encode() for one in _ITEMS),
    b'{"version":1,"config":"t","secrets":"s","names":["OPS"],"log":["text",5000000,5]}',
    b'{"since":"2025-11-02T22:00:00+00:00","problem":"no answer"}',
)
OUTBOX_WORDS = tuple(f'"{one}"'.encode() for one in (*About, *Signal, "about", "signal", "at", "names", "log", "since"))
TOTALS = (
    b'{"version":1,"problem":"","tasks":{"a":{"runs":{"ok":3,"failed":1},"deferrals":{"MEMORY_GATE":2},"counted":["r"]}}}',
)
_PLACE = "/project/outputs"
_WISH = Registration(
    name="x", argv=("/bin/x", "run"), folder="/f", user="me", home="/h", config="/project/tasks.toml", every=TICK,
    offset=minutes(1),
)  # fmt: skip
RECORDS = (
    json.dumps(
        {"version": 1, "backend": "cron", "registration": {**asdict(_WISH), "every": 300.0, "offset": 60.0}}
    ).encode(),
)
COPIES = tuple(
    json.dumps({
        "version": copies.VERSION, "program": __version__, "platform": "linux", "path": "PATH", "sha256": "SHA",
        "config": validate(one, "tasks.toml"),
    }).encode()
    for one in by_hand.CONFIGS[:3]
)  # fmt: skip


def _baseline() -> bytes:
    """What a day of cycles leaves behind."""
    usual = Baseline()
    for count in range(30):
        usual = watching.remembered(usual, sample(20 + count % 7, 40 + count, NOW - (31 - count) * TICK), TICK)
    seen = consumers.tally([process(mib=100)], NOW - TICK)
    met, written = {"web": Answer(NOW - TICK, 3.0)}, Answer(NOW - TICK, 2.0)
    return recall._text(recall.Remembered(watching.primed(usual, TICK), seen, 100.0, met, written)).encode()


BASELINES = (_baseline(),)


def lastgood(data: bytes, folder: Path) -> str:
    """A copy is believed as a whole, and then planned with, or not at all."""
    path, place = folder / "tasks.toml", folder / "outputs"
    files.private_folder(place)
    path.write_bytes(b"broken =")
    (place / copies.FILE_NAME).write_bytes(data.replace(b'"PATH"', json.dumps(str(path)).encode()))
    found = copies.last_good(path, platform="linux")
    if found is None:
        return "none"
    return "believed"


def load(data: bytes, folder: Path) -> str:
    """The rolling load is used, or not at hand."""
    return _learned(folder, RHYTHMS[0], data)


def rhythm(data: bytes, folder: Path) -> str:
    """What was learned is used, or one line says why not."""
    return _learned(folder, data, LOADS[1])


def _learned(folder: Path, learned: bytes, of_load: bytes) -> str:
    (folder / NAME).write_bytes(learned)
    (folder / LOAD_NAME).write_bytes(of_load)
    almanac = Almanac(folder)
    config = Config(path="tasks.toml", state_dir="outputs", rules=Rules(), tasks=JOB)
    found = almanac.learning(config, sample(), NOW, 2.0)
    plan(JOB, state_of(job=mine(70)), sample(), found.rules, NOW)
    day.cycle(state_of(job=mine(70)), replace(config, rules=found.rules))
    assert all("\n" not in why for why in found.why.values())
    if found.load is not None:
        almanac.keep(found.load)
        assert almanac.load() is not None
    return "learned" if found.rules.learned else "classic"


def baseline(data: bytes, folder: Path) -> str:
    """Whatever is there, the look goes well, and leaves what the next one can use."""
    (folder / recall.NAME).write_bytes(data)
    config = Config(path="tasks.toml", state_dir=str(folder), rules=Rules(), tasks={}, watches=watches())
    census = HandCensus()
    census.processes[7] = process(mib=200)
    recall.shown(folder, TICK)

    def looked(minutes_later: float) -> list[str]:
        now = NOW + minutes(minutes_later)
        seen = Seen(now, sample(at=now), None, (day.READING,), (day.READING,))
        lookout = MachineLookout(config, History(folder), pretended=True, who=census)
        lookout.look(seen)
        lookout.notice(State(), now)
        return lookout.close(now, 0.002).complaints

    first = looked(0)
    assert len(first) <= 1
    assert looked(5) == []
    return "used" if not first else "made anew"


def recent(data: bytes, folder: Path) -> str:
    """Samples are read as far as they make sense, and a new one is added."""
    (folder / samples.NAME).write_bytes(data)
    before = samples.read(folder)
    samples.write(folder, [sample()])
    assert samples.read(folder)[-1] == sample()
    return "some" if before else "none"


def totals(data: bytes, folder: Path) -> str:
    """What was counted is counted on, or lost in a sentence."""
    (folder / exporter.NAME).write_bytes(data)
    found, problem = exporter._read(folder, Textfile("/m.prom"))
    state = day.cycle(State())
    counted = tally.added(found, day.TASKS, state, [("a", ended(1, Status.FAILED, "r9"))], [])
    assert not exporter._keep(folder, found, counted)
    assert exporter._read(folder, Textfile("/m.prom")) == (counted, "")
    return "lost" if problem else "kept"


def answers(data: bytes, folder: Path) -> str:
    """The answers of probes are taken in as far as they make sense; an order is one or none."""
    (folder / probefiles.ANSWERS).write_bytes(data)
    (folder / probefiles.ORDER).write_bytes(data)
    found = probefiles.read_answers(folder)
    probefiles.write_answers(folder, found)
    assert probefiles.read_answers(folder) == found
    try:
        probefiles.read_order(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return "some" if found else "none"
    return "order"


def intent(data: bytes, folder: Path) -> str:
    """What was intended with a run elsewhere is known or not, and known again when written anew."""
    one = Mirror(RunFolder(folder / "run"))
    folder.joinpath("run").mkdir(exist_ok=True)
    one.folder.intent.write_bytes(data)
    found = one.intent()
    if found is None:
        return "unknown"
    one.write_intent(found)
    assert one.intent() == found
    return "known" if found.event is None else "for an event"


def outbox(data: bytes, folder: Path) -> str:
    """What waits is understood and worded, or refused with what the sender expects."""
    for name in (outgoing.ORDER, outgoing.TROUBLE, "1.json"):
        (folder / name).write_bytes(data)
    outgoing.read_trouble(folder)
    said = []
    for read in (lambda: outgoing.read_order(folder), lambda: outgoing.read(folder / "1.json")):
        try:
            found = read()
        except (OSError, ValueError, KeyError, TypeError):
            continue
        said.append(type(found).__name__)
        if isinstance(found, Notice):
            NOW - found.at
            wording.title([found], "host")
            wording.body([found], {}, "tasks.toml")
    return " ".join(said) or "refused"


def record(data: bytes, folder: Path) -> str:
    """A registration is remembered, or there is none."""
    files.private_folder(folder / FOLDER)
    (folder / FOLDER / registration.RECORD).write_bytes(data)
    config = Config(path="/project/tasks.toml", state_dir=str(folder), rules=Rules(), tasks={})
    return "none" if registration.recorded(config) is None else "known"
