"""`events`: what happened and what it started, how it stands with each, and a recorded signal through the detectors."""

import gzip
import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import files, recall
from adaptive_scheduler.events import Culprit, Event
from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.recall import Remembered
from adaptive_scheduler.store import Store
from tests.builders import NOW, ended, event, minutes
from tests.console import Inside
from tests.test_watching import three_days

TICK = minutes(5)
START = datetime(2025, 10, 1, tzinfo=UTC)
STORM = 4 * 288
LEAK = event(
    "memory_leak",
    at=NOW - minutes(30),
    source="leaker",
    value=6e9,
    expected=5e8,
    unit="bytes",
    reason="leaker (pid 8) grows by 512 MB an hour",
    culprit=Culprit(name="leaker", pid=8, created=1.5, rss=6_000_000_000, growth_per_hour=512_000_000),
)
OURS = event(at=NOW - minutes(60), caused_by="r9")
TOML = """
[events.full]
when = "memory_usage > 85 for 2 cycles"
[events.slow]
when = "probes.db > 20"
[probes.db]
tcp = "localhost:1"
[tasks.only]
on = ["cpu_spike"]
script = "only.py"
"""


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    made = Inside(tmp_path)
    made.script("only.py", "print(os.environ.get('ADAPTIVE_EVENT'))").config(TOML).at(NOW)
    made.environ["COLUMNS"] = "200"
    return made


def happened(program: Inside, *events: Event) -> History:
    files.private_folder(program.outputs)
    history = History(program.outputs)
    history.record(NOW, 1, Sample(NOW, 50, 40), [], TICK, events=events)
    return history


def known(program: Inside) -> None:
    """Let this machine be known for three days."""
    files.private_folder(program.outputs)
    recall.write(program.outputs, Remembered(three_days()))


# -- what happened -----------------------------------------------------------------------------------


def test_past_events_come_with_value_expectation_culprit_and_what_they_started(program: Inside) -> None:
    history = happened(program, OURS, LEAK)
    history.take_in([("cleanup", ended(25, run_id="r1", event=LEAK.id)), ("other", ended(20, run_id="r2"))])
    newest, oldest = program("events", "--json").lines
    assert newest == {
        "at": "2025-11-02T22:00:00+00:00",
        "event": "memory_leak",
        "source": "leaker",
        "value": 6e9,
        "expected": 5e8,
        "unit": "bytes",
        "since": "2025-11-02T22:00:00+00:00",
        "reason": "leaker (pid 8) grows by 512 MB an hour",
        "culprit": {
            "name": "leaker",
            "pid": 8,
            "created": 1.5,
            "rss_bytes": 6_000_000_000,
            "growth_bytes_per_hour": 512_000_000,
            "cpu_percent": None,
            "run_id": None,
            "processes": 1,
        },
        "caused_by": None,
        "started": [{"task": "cleanup", "run_id": "r1", "status": "ok"}],
    }
    assert (oldest["event"], oldest["source"], oldest["culprit"]) == ("cpu_spike", None, None)
    assert (oldest["caused_by"], oldest["started"]) == ("r9", [])


def test_the_page_tells_the_same_to_people(program: Inside) -> None:
    history = happened(program, OURS, LEAK)
    runs = [(name, ended(25, run_id=f"r{number}", event=LEAK.id)) for number, name in enumerate(("one", "two"))]
    history.take_in(runs)
    lines = program("events").out.splitlines()
    (leak,) = [line for line in lines if "memory_leak (leaker)" in line]
    assert "leaker (pid 8) grows by 512 MB an hour" in leak
    assert "one ok, two ok" in leak
    (ours,) = [line for line in lines if "caused by run r9, so it starts nothing" in line]
    assert ours.split()[:2] == ["21:30", "cpu_spike"]


def test_only_one_kind_and_only_so_many_are_shown(program: Inside) -> None:
    happened(program, OURS, LEAK, event(at=NOW - minutes(90)))
    assert [one["event"] for one in program("events", "--kind", "cpu_spike", "--json").lines] == ["cpu_spike"] * 2
    assert [one["event"] for one in program("events", "--limit", "1", "--json").lines] == ["memory_leak"]
    assert "memory_leak (leaker)" not in program("events", "--kind", "cpu_spike").out


def test_without_a_history_there_are_none_and_it_is_said_how_it_stands_with_each(program: Inside) -> None:
    told = program("events")
    assert (told.code, told.out.splitlines()[:2]) == (
        0,
        ["ADAPTIVE_FAKE_SAMPLE=cpu=50,memory=40 is in force", f"ADAPTIVE_FAKE_NOW={NOW.isoformat()} is in force"],
    )
    assert "no events yet" in told.out
    assert program("events", "--json").out == ""
    stands = {line[:24].strip(): line[24:].split("  ")[0] for line in told.out.splitlines()}
    assert any(name.startswith("high_latency (db)") for name in stands)
    assert "learning, 2 d to go" in told.out
    assert not program.outputs.exists()


def test_a_damaged_baseline_is_as_none_for_people(program: Inside) -> None:
    known(program)
    assert re.search(r"cpu_spike +calm +watching", program("events").out)
    (program.outputs / recall.NAME).write_text("{")
    assert re.search(r"cpu_spike +calm +learning, 2 d to go", program("events").out)
    assert "events: 6 watched for, cpu_spike is learning, 2 d to go" in program("status").out


def test_what_is_not_watched_for_any_more_is_still_told(program: Inside) -> None:
    happened(program, event("long_gone", at=NOW - minutes(30)))
    assert [one["event"] for one in program("events", "--kind", "long_gone", "--json").lines] == ["long_gone"]
    assert program("events", "--kind", "long_gone", "--trace", trace(program, count=2)).code == 2


def test_a_kind_that_is_mistyped_is_refused_with_what_was_meant(program: Inside) -> None:
    refused = program("events", "--kind", "cpu_spik")
    assert refused.code == 2
    assert "no event 'cpu_spik'; did you mean 'cpu_spike'?" in refused.err
    other = program("events", "--kind", "zzz")
    assert "there are: cpu_spike, memory_leak, high_latency, missed_cycles, full, slow" in " ".join(other.err.split())


def test_a_spike_in_life_starts_its_task_with_the_facts_and_is_told_by_all(program: Inside) -> None:
    known(program)
    told = program.load(cpu=95).at(NOW + TICK)("run", "--json").json
    assert [(one["task"], one["code"]) for one in told["decisions"]] == [("only", "EVENT")]
    facts = json.loads(program("logs", "only").out)
    assert (facts["kind"], facts["value"], facts["unit"]) == ("cpu_spike", 95.0, "percent")
    (one,) = program("events", "--json").lines
    assert one["started"] == [{"task": "only", "run_id": told["runs"][0]["run_id"], "status": "ok"}]
    page = program("events").out
    assert "only ok" in page
    assert "fired, and not calm again yet" in page
    assert "last was cpu_spike" in program("status").out
    assert program("run", "--json").json["decisions"][0]["code"] == "NOT_DUE"
    assert Store(program.outputs).read().state.latches


# -- a recorded signal ---------------------------------------------------------------------------------


def load(number: int) -> float:
    return round(20 + 5 * math.sin(number / 46) + number % 5, 2)


def trace(
    program: Inside,
    cpu: Callable[[int], float | str] = load,
    memory: Callable[[int], float | str] = lambda _: 40,
    count: int = STORM + 20,
    tick: timedelta = TICK,
) -> str:
    """Write a recorded load; returns the name of its file."""
    rows = [f"{(START + n * tick).isoformat().replace('+00:00', 'Z')},{cpu(n)},{memory(n)}" for n in range(count)]
    return written(program, "timestamp,cpu_percent,memory_percent", rows)


def values(program: Inside, ms: Callable[[int], float | str], count: int = STORM + 20) -> str:
    return written(program, "timestamp,value", [f"{(START + n * TICK).isoformat()},{ms(n)}" for n in range(count)])


def written(program: Inside, head: str, rows: Sequence[str]) -> str:
    path = program.folder / "trace.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return str(path)


def storm(*numbers: int) -> Callable[[int], float]:
    return lambda number: 95 if number in numbers else load(number)


def replayed(program: Inside, kind: str, path: str) -> list[Any]:
    told = program("events", "--trace", path, "--kind", kind, "--json")
    assert (told.code, told.err) == (0, "")
    return told.lines


def test_each_event_of_a_trace_is_one_line_with_the_stamp_of_its_row(program: Inside) -> None:
    (one,) = replayed(program, "cpu_spike", trace(program, storm(STORM, STORM + 1)))
    assert datetime.fromisoformat(one["at"]) == START + STORM * TICK
    assert (one["event"], one["value"], one["unit"]) == ("cpu_spike", 95.0, "percent")
    assert one["expected"] == pytest.approx(24, abs=5)
    assert one["started"] == []
    assert not program.outputs.exists()


def test_a_trace_that_was_packed_is_read_too(program: Inside) -> None:
    plain = Path(trace(program, storm(STORM)))
    packed = plain.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert replayed(program, "cpu_spike", str(packed)) == replayed(program, "cpu_spike", str(plain)) != []


def test_what_was_cut_off_changes_nothing_of_before(program: Inside) -> None:
    whole = replayed(program, "cpu_spike", trace(program, storm(STORM, STORM + 10)))
    for count in (STORM, STORM + 1, STORM + 5):
        cut = replayed(program, "cpu_spike", trace(program, storm(STORM, STORM + 10), count=count))
        end = START + count * TICK
        assert cut == [one for one in whole if datetime.fromisoformat(one["at"]) < end]


def test_rows_closer_than_a_tick_are_averaged(program: Inside) -> None:
    minute = minutes(1)
    path = trace(program, lambda n: 95 if n // 5 == STORM else load(n // 5), count=5 * STORM + 20, tick=minute)
    (one,) = replayed(program, "cpu_spike", path)
    assert (datetime.fromisoformat(one["at"]), one["value"]) == (START + STORM * TICK, 95.0)
    once = trace(program, lambda n: 95 if n == 5 * STORM else load(n // 5), count=5 * STORM + 20, tick=minute)
    assert [one["value"] for one in replayed(program, "cpu_spike", once)] in ([], [pytest.approx(38, abs=5)])


def test_latency_that_is_not_above_nothing_is_no_row(program: Inside) -> None:
    odd: dict[int, float | str] = {STORM - 9: 0, STORM - 8: -5, STORM - 7: "", STORM: 900}
    (one,) = replayed(program, "high_latency", values(program, lambda n: odd.get(n, 20 + n % 5)))
    assert (one["source"], one["unit"]) == ("trace", "ms")
    assert datetime.fromisoformat(one["at"]) == START + STORM * TICK
    assert one["value"] == pytest.approx(900, rel=1e-3)


def test_a_leak_needs_no_cpu(program: Inside) -> None:
    path = trace(program, lambda _: "", lambda n: round(40 + max(0, n - STORM) / 12 * 3, 2), count=STORM + 72)
    (one,) = replayed(program, "memory_leak", path)
    assert one["reason"].startswith("memory creeps up: ")


def test_a_condition_of_the_user_is_replayed_by_the_column_it_is_about(program: Inside) -> None:
    path = trace(program, lambda _: "", lambda n: 90 if n > 10 else 40, count=20)
    (one,) = replayed(program, "full", path)
    assert (datetime.fromisoformat(one["at"]), one["value"], one["expected"]) == (START + 12 * TICK, 90.0, 85.0)


def test_the_page_of_a_trace_sums_up(program: Inside) -> None:
    path = trace(program, storm(STORM, STORM + 200), count=9 * 288)
    page = program("events", "--trace", path, "--kind", "cpu_spike").out
    assert page.startswith("cpu_spike would have fired 2 times in 9 d, 1.56 times a week\n")
    assert "CPU 95 % where" in page
    once = program("events", "--trace", trace(program, storm(STORM)), "--kind", "cpu_spike").out
    assert once.startswith("cpu_spike would have fired once in 4 d 2 h\n")
    never = program("events", "--trace", trace(program, count=2), "--kind", "cpu_spike").out
    assert never == "cpu_spike would not have fired in 10 min\n"


def test_on_a_terminal_progress_is_shown_and_the_page_stays_the_same(program: Inside) -> None:
    path = trace(program, storm(STORM))
    plain = program("events", "--trace", path, "--kind", "cpu_spike").out
    program.terminal = True
    told = program("events", "--trace", path, "--kind", "cpu_spike")
    assert "looking" in told.err
    assert plain.split()[0] in told.out


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ((), "name the event to look for with --kind, such as --kind cpu_spike"),
        (("--kind", "missed_cycles"), "a trace tells nothing of missed_cycles: name another --kind"),
        (("--kind", "slow"), "a trace tells nothing of 'probes.db', which events.slow looks at"),
        (("--kind", "cpu_spik"), "did you mean 'cpu_spike'?"),
    ],
    ids=["no kind", "missed cycles", "a field that no trace has", "a typo"],
)
def test_what_a_trace_cannot_tell_is_refused(program: Inside, kind: tuple[str, ...], said: str) -> None:
    refused = program("events", "--trace", trace(program, count=2), *kind)
    assert (refused.code, refused.out) == (2, "")
    assert said in " ".join(refused.err.split())


def test_an_event_that_is_off_is_refused(program: Inside) -> None:
    program.config(TOML + '[events.cpu_spike]\nlevel = "off"\n')
    refused = program("events", "--trace", trace(program, count=2), "--kind", "cpu_spike")
    assert refused.code == 2
    assert "events.cpu_spike.level is 'off' in" in " ".join(refused.err.split())


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("cpu_spike", "", "has no column 'timestamp'"),
        ("cpu_spike", "timestamp,value\n", "has no column 'cpu_percent'"),
        ("memory_leak", "timestamp,cpu_percent\n", "has no column 'memory_percent'"),
        ("high_latency", "timestamp,cpu_percent\n", "has no column 'value'; it needs timestamp, value"),
        ("cpu_spike", "timestamp,cpu_percent\n", "has no CPU value at all"),
        ("memory_leak", "timestamp,memory_percent\n2025-11-02T00:00:00Z,\n", "has no memory value at all"),
        ("high_latency", "timestamp,value\n2025-11-02T00:00:00Z,\n", "has no value at all"),
        ("high_latency", "timestamp,value\n2025-11-02T00:00:00Z,fast\n", "line 2: 'fast' is no number"),
        ("high_latency", "timestamp,value\n2025-11-02T00:00:00Z,inf\n", "line 2: 'inf' is no number"),
        ("high_latency", "timestamp,value\nnoon,5\n", "line 2: 'noon' is no ISO 8601 time"),
        ("cpu_spike", "timestamp,cpu_percent\n2025-11-02T00:00:00Z,101\n", "line 2: '101' is not between 0 and 100"),
        (
            "cpu_spike",
            "timestamp,cpu_percent\n2025-11-02T00:05:00Z,1\n2025-11-02T00:00:00Z,1\n",
            "line 3: '2025-11-02T00:00:00Z' is earlier than the line before",
        ),
    ],
)
def test_a_bad_trace_is_named_by_its_line(program: Inside, kind: str, text: str, said: str) -> None:
    path = program.folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    refused = program("events", "--trace", str(path), "--kind", kind)
    assert (refused.code, refused.out) == (2, "")
    assert said in " ".join(refused.err.split())


def test_a_trace_that_is_not_there_is_named(program: Inside) -> None:
    refused = program("events", "--trace", str(program.folder / "none.csv"), "--kind", "cpu_spike")
    assert refused.code == 2
    assert "cannot read the trace" in " ".join(refused.err.split())


# -- in a simulation -----------------------------------------------------------------------------------


def simulated(program: Inside, path: str) -> tuple[list[datetime], dict[str, int]]:
    """When the task starts, and how often each event fired."""
    *made, last = program("simulate", "--trace", path, "--policy", "seed", "--json").lines
    return [datetime.fromisoformat(one["at"]) for one in made], last["summary"]["events"]


def test_a_simulation_starts_a_task_one_tick_after_the_row_of_its_event(program: Inside) -> None:
    starts, counts = simulated(program, trace(program, storm(STORM)))
    assert (starts, counts) == ([START + (STORM + 1) * TICK], {"cpu_spike": 1})


def test_a_storm_of_a_day_fires_at_most_once_per_cool_down(program: Inside) -> None:
    flapping = trace(program, lambda n: 95 if n >= STORM and n % 2 else load(n), count=STORM + 288)
    starts, counts = simulated(program, flapping)
    assert 1 <= counts["cpu_spike"] <= 12
    assert len(starts) == counts["cpu_spike"]
    assert all(b - a >= timedelta(hours=2) for a, b in pairwise(starts))


def test_a_gap_of_a_day_is_an_absence_in_a_simulation(program: Inside) -> None:
    path = trace(program, count=STORM + 600)
    lines = Path(path).read_text().splitlines()
    assert simulated(program, written(program, lines[0], lines[1:STORM] + lines[STORM + 288 :])) == ([], {})


def test_events_that_no_task_waits_for_are_not_looked_for(program: Inside) -> None:
    program.config('[tasks.only]\ninterval = "1h"\nscript = "only.py"\n')
    assert simulated(program, trace(program, storm(STORM)))[1] == {}
