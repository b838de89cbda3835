"""Short cycles: the machine and the scripts are real, the time is pretended, and nothing becomes due."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import beatfile, errand, locks, procstat, recent, short_cycle, standing
from adaptive_scheduler.archive import Archive
from adaptive_scheduler.counters import ROOT, read_counters
from adaptive_scheduler.store import Store
from tests.platforms import linux_only, posix_only
from tests.processes import until
from tests.program import Program

BEGIN = datetime(2025, 11, 2, 0, 30, tzinfo=UTC)
TICK = timedelta(minutes=5)
CONFIG = """
{more}
[rhythm]
low_cpu = 0
high_cpu = 100
[tasks.a]
interval = "{interval}"
script = "a.py"
"""


def some_time_passes() -> None:
    """Wait until the CPU counters have gone on: a test is quicker than their hundredths of a second."""
    before = read_counters()["total_s"]
    until(lambda: read_counters()["total_s"] != before)


class Life:
    """A project, tick after tick; `whole` takes the note away before each, so that every cycle is a whole one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool = False) -> None:
        folder.mkdir()
        self.program = Program(folder).script("a.py", "").config(CONFIG.format(interval="40m", more=""))
        self.monkeypatch, self.whole, self.now, self.kinds = monkeypatch, whole, BEGIN, ""
        monkeypatch.delenv("ADAPTIVE_FAKE_SAMPLE", raising=False)

    def config(self, more: str = "", interval: str = "40m") -> "Life":
        self.program.config(CONFIG.format(interval=interval, more=more))
        return self

    @property
    def outputs(self) -> Path:
        return self.program.outputs

    @property
    def shorts(self) -> int:
        return len(beatfile.lines(self.outputs))

    def call(self, *words: str) -> int:
        """Do what the program does with these words at this moment."""
        some_time_passes()
        self.monkeypatch.setenv("ADAPTIVE_FAKE_NOW", self.now.isoformat())
        line = ["--config", str(self.program.folder / "tasks.toml"), *words]
        if short_cycle.attempt(line, os.environ):
            return 0
        act = errand.understood(line)
        assert act is not None
        return act()

    def tick(self, *words: str, after: timedelta = TICK) -> "Life":
        """Call a cycle; `kinds` gets an `s` for a short one and a `w` for a whole one."""
        if self.whole:
            (self.outputs / standing.NAME).unlink(missing_ok=True)
        self.now += after
        before = self.shorts
        assert self.call("run", *words) == 0
        self.kinds += "s" if self.shorts > before else "w"
        return self

    def ticks(self, count: int) -> "Life":
        for _ in range(count):
            self.tick()
        return self

    def json(self, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
        capsys.readouterr()
        self.call(*words, "--json")
        return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files count as left alone for long although a test has just made them."""
    monkeypatch.setattr(standing, "SETTLED_NS", -(10**18))


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A project whose only task has run, after the first cycle that left a note."""
    life = Life(tmp_path / "life", monkeypatch).ticks(2)
    assert life.kinds == "ww"
    return life


# -- which cycles are short ------------------------------------------------------------------------


def test_between_two_runs_most_cycles_are_short_and_the_sixth_is_a_whole_one(life: Life) -> None:
    assert life.ticks(6).kinds == "ww" + "sssss" + "w"


def test_a_task_for_a_node_needs_none_until_it_could_be_due_on_the_calmest_one(life: Life) -> None:
    elsewhere = '[tasks.b]\ninterval = "40m"\nscript = "a.py"\nwhere = "any"\n[cluster]\nmaster = "tcp://127.0.0.1:9"\n'
    life.config(elsewhere, interval="1d").tick()
    # As if it had run now: nobody listens there who could have.
    store = Store(life.outputs)
    with store.transaction(life.now) as transaction:
        mine = transaction.state.tasks["b"]
        there = {**transaction.state.tasks, "b": replace(mine, anchor=life.now)}
        transaction.state = replace(transaction.state, tasks=there)
    for _ in range(7):
        life.tick()
    assert life.kinds == "ww" + "ww" + "ssss" + "ww", "32 minutes after its start a calm node would have it due"


def test_a_task_that_becomes_due_is_started_by_a_whole_cycle_at_its_tick(life: Life) -> None:
    assert life.ticks(8).kinds == "ww" + "sssss" + "www"
    starts = [run["started_at"] for run in life.program.history()]
    assert [datetime.fromisoformat(one).minute for one in starts] == [15, 35]


@pytest.mark.parametrize("minutes", [0.1, 2.0, 8.0, 60.0, -30.0])
def test_what_comes_at_another_time_than_a_tick_is_a_whole_cycle(life: Life, minutes: float) -> None:
    life.now += timedelta(minutes=minutes)
    assert life.call("run") == 0
    assert life.shorts == 0


def _touch(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def _tear(path: Path) -> None:
    path.write_text('{"cycle": 4')


CHANGES: dict[str, Callable[[Life], object]] = {
    "tasks.toml was written": lambda life: _touch(life.program.folder / "tasks.toml"),
    "tasks.toml has other rights": lambda life: (life.program.folder / "tasks.toml").chmod(0o400),
    "the state was written": lambda life: _touch(life.outputs / standing.STATE),
    "the state is gone": lambda life: (life.outputs / standing.STATE).unlink(),
    "the note is gone": lambda life: (life.outputs / standing.NAME).unlink(),
    "the note is torn": lambda life: _tear(life.outputs / standing.NAME),
    "the note is of another version": lambda life: (life.outputs / standing.NAME).write_text('{"version": 0}'),
    "the note is no object": lambda life: (life.outputs / standing.NAME).write_text("[]"),
    "there is something where short cycles write": lambda life: _tear(life.outputs / beatfile.NAME),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_doubt_means_a_whole_cycle(life: Life, change: Callable[[Life], object]) -> None:
    change(life)
    life.now += TICK
    assert not _attempt(life)


def _attempt(life: Life, *words: str) -> bool:
    some_time_passes()
    environ = {**os.environ, "ADAPTIVE_FAKE_NOW": life.now.isoformat()}
    return short_cycle.attempt(["--config", str(life.program.folder / "tasks.toml"), *(words or ("run",))], environ)


@posix_only("modes")
def test_a_note_that_others_may_read_or_write_is_not_believed(life: Life) -> None:
    life.now += TICK
    (life.outputs / standing.NAME).chmod(0o644)
    assert not _attempt(life)
    (life.outputs / standing.NAME).chmod(0o600)
    assert _attempt(life)


@posix_only("links and pipes")
@pytest.mark.parametrize("kind", ["a link", "a pipe", "a folder"])
def test_a_note_that_is_no_plain_file_is_not_believed(life: Life, kind: str) -> None:
    life.now += TICK
    path = life.outputs / standing.NAME
    kept = path.rename(path.with_suffix(".kept"))
    makers: dict[str, Callable[[], object]] = {
        "a link": lambda: path.symlink_to(kept),
        "a pipe": lambda: os.mkfifo(path, 0o600),
        "a folder": path.mkdir,
    }
    makers[kind]()
    assert not _attempt(life)


@pytest.mark.parametrize("words", [("run", "--json"), ("run", "--dry-run"), ("run", "--task", "a"), ("status",), ()])
def test_only_an_ordinary_run_is_short(life: Life, words: tuple[str, ...]) -> None:
    life.now += TICK
    line = ["--config", str(life.program.folder / "tasks.toml"), *words]
    some_time_passes()
    assert not short_cycle.attempt(line, {**os.environ, "ADAPTIVE_FAKE_NOW": life.now.isoformat()})
    assert _attempt(life, "run", "--quiet", "--faults-only")


def test_a_pretended_load_is_decided_upon_by_a_whole_cycle(life: Life) -> None:
    life.now += TICK
    life.monkeypatch.setenv("ADAPTIVE_FAKE_SAMPLE", "cpu=50")
    assert not _attempt(life)


def test_a_load_that_bends_the_intervals_another_way_takes_a_whole_cycle(life: Life) -> None:
    note = json.loads((life.outputs / standing.NAME).read_text())
    standing.write(life.outputs, {**note, "tempo": "faster"})
    life.now += TICK
    assert not _attempt(life)


def test_while_somebody_changes_the_state_nobody_is_in_the_way(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_cycle, "LOCK_WAIT_S", 0.01)
    life.now += TICK
    with locks.hold(life.outputs / standing.LOCK):
        assert not _attempt(life)
    assert _attempt(life)


def test_in_another_state_folder_short_cycles_come_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(tmp_path / "life", monkeypatch).config('[scheduler]\nstate_dir = "elsewhere"')
    life.ticks(3)
    assert len(beatfile.lines(life.program.folder / "elsewhere")) == 1
    assert not life.outputs.exists()


# -- what they leave -------------------------------------------------------------------------------


def test_a_life_with_short_cycles_leaves_what_one_of_whole_cycles_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {}
    for name, whole in (("short", False), ("whole", True)):
        life = Life(tmp_path / name, monkeypatch, whole=whole).ticks(20)
        past, state = Archive(life.outputs), Store(life.outputs).read().state
        samples = past.samples(BEGIN, life.now)
        told[name] = (
            state.cycle,
            (state.last_cycle_at, state.nominal_at, state.tasks["a"].anchor, state.tasks["a"].code),
            [reading["at"] for reading in state.readings],
            [(one.at, one.source) for one in samples if one.source == "counters"],
            [one.at for one in recent.read(life.outputs)],
            past.held(BEGIN, life.now),
            [run.started_at.replace(microsecond=0) for _, run in past.runs()],
            life.program.log.count("Adaptive Scheduler Started"),
        )
        assert ("s" in life.kinds) is not whole
    assert told["short"] == told["whole"]


def test_before_a_whole_cycle_takes_them_in_every_reader_sees_them(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    life.ticks(3)
    assert life.shorts == 3
    status = life.json(capsys, "status")
    assert datetime.fromisoformat(status["last_cycle_at"]) == life.now
    past = Archive(life.outputs)
    assert past.samples(BEGIN, life.now)[-1].at == life.now
    assert recent.read(life.outputs)[-1].at == life.now
    entry, sample = past.entry_at("a", life.now)
    assert entry is not None
    assert sample is not None
    assert (entry.last_at, sample.at) == (life.now, life.now)
    assert f"[Cycle 5 @ {life.now:%H:%M:%S}] CPU: " in life.program.log


def test_a_dry_run_takes_nothing_in(life: Life) -> None:
    life.ticks(2)
    before = life.program.files()
    assert life.call("run", "--dry-run", "--json") == 0
    assert life.program.files() == before


def test_a_short_cycle_writes_the_log_in_the_form_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(tmp_path / "life", monkeypatch).config('[log]\nformat = "json"').ticks(3)
    assert life.kinds == "wws"
    first, last = (json.loads(line) for line in life.program.log.splitlines()[-2:])
    assert first["text"] == "Adaptive Scheduler Started"
    assert last["text"].startswith("[Cycle 3 @ ")


def test_a_log_that_cannot_be_written_is_told_of_by_the_next_whole_cycle(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    (life.outputs / "adaptive_scheduler.log").unlink()
    (life.outputs / "adaptive_scheduler.log").mkdir()
    assert life.tick().kinds[-1] == "s"
    assert life.call("run", "--json") == 0
    assert "cannot write the log" in capsys.readouterr().err


@linux_only
def test_a_short_cycle_sees_the_largest_processes_and_the_history_gets_them(life: Life) -> None:
    life.ticks(6)
    seen = dict(Archive(life.outputs).processes(BEGIN, life.now))
    sizes = {len(seen[life.now - number * TICK]) for number in range(1, 6)}
    assert sizes == {min(10, sum(row[3] > 0 for row in procstat.rows(ROOT)))}


def test_a_line_that_was_torn_by_a_crash_costs_that_line(life: Life) -> None:
    life.ticks(2)
    with (life.outputs / beatfile.NAME).open("a") as file:
        file.write('{"cycle": 6, "at"')
    assert life.tick().kinds[-1] == "w"
    assert [one.at for one in Archive(life.outputs).samples(BEGIN, life.now)][-3:] == [
        life.now - number * TICK for number in (2, 1, 0)
    ]
    assert not (life.outputs / beatfile.NAME).exists()


def test_when_a_crash_has_left_lines_that_were_taken_in_they_count_once(life: Life) -> None:
    life.ticks(5)
    kept = (life.outputs / beatfile.NAME).read_bytes()
    life.tick()
    (life.outputs / beatfile.NAME).write_bytes(kept)
    state, held = Store(life.outputs).read().state, Archive(life.outputs).held(BEGIN, life.now)
    assert (state.cycle, state.last_cycle_at) == (8, life.now)
    life.tick()
    assert Store(life.outputs).read().state.cycle == 9
    assert sum(one[3] for one in Archive(life.outputs).held(BEGIN, life.now)) == sum(one[3] for one in held) + 1
    assert life.shorts == 0


def test_short_cycles_that_the_history_could_not_take_are_kept_for_it(life: Life) -> None:
    life.ticks(5)
    history = life.outputs / "history.sqlite3"
    kept = history.read_bytes()
    history.unlink()
    history.mkdir()
    life.now += TICK
    assert life.call("run", "--quiet") == 0
    assert life.shorts == 5
    history.rmdir()
    history.write_bytes(kept)
    life.tick()
    assert (life.shorts, life.kinds[-1]) == (0, "w")
    assert len({one.at for one in Archive(life.outputs).samples(life.now - 7 * TICK, life.now)}) == 7


HEAVY = ("dataclasses", "psutil", "sqlite3", "tomllib", "hashlib", "typer", "rich", "pydantic", "subprocess", "logging")
"""What a short cycle must not load: each takes longer than all that it does."""


@linux_only
def test_a_short_cycle_loads_none_of_what_takes_long_to_load(life: Life) -> None:
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom adaptive_scheduler.__main__ import main\nmain()\n"
        f"print(sorted((set(sys.modules) - before) & set({HEAVY!r})))"
    )
    argv = [sys.executable, "-c", code, "--config", str(life.program.folder / "tasks.toml"), "run"]
    environ = {**os.environ, "ADAPTIVE_FAKE_NOW": (life.now + TICK).isoformat()}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert life.shorts == 1


def test_a_tasks_toml_that_was_just_written_could_be_written_again_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "SETTLED_NS", 10**15)
    assert Life(tmp_path / "life", monkeypatch).ticks(4).kinds == "wwww"
