"""Whole cycles with the real lookout: what fires when, what it starts, and what no damage may ever do to a cycle."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptive_scheduler import alarms, beatfile, files, probing, recall
from adaptive_scheduler.baseline import CPU, LATENCY, MEMORY, Baseline
from adaptive_scheduler.edges import Seen
from adaptive_scheduler.events import Answer, Event, Level, Watch
from adaptive_scheduler.history import History
from adaptive_scheduler.lookout import MachineLookout
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State
from adaptive_scheduler.notify import Notify
from adaptive_scheduler.recall import Remembered
from adaptive_scheduler.series import latency_of, percent_of
from adaptive_scheduler.settings import Config, Rules
from tests.builders import NOW, minutes
from tests.sights import BORN, GIB, watches
from tests.test_watching import three_days
from tests.world import HandCensus, TestWorld

TICK = minutes(5)
OFF = {"level": Level.OFF}
YEAR_ONE = "0001-01-01T00:00:00+14:00"
"""A time that has no equivalent in UTC."""


@pytest.fixture
def world(tmp_path: Path) -> TestWorld:
    """A machine that has been known for three days, with a task that waits for each kind of event."""
    made = TestWorld(tmp_path).watched(three_days()).load(cpu=12, memory=40).process("calm", 5, 200)
    for kind in ("cpu_spike", "memory_leak", "high_latency", "missed_cycles"):
        made.task(kind, None, on=(kind,))
    return made


def next_tick(world: TestWorld, **more: Any) -> list[str]:
    """What the cycle a tick later starts."""
    return world.later(minutes=5).cycle(**more).ran


def remembered(world: TestWorld) -> Remembered:
    found = recall.read(world.folder, world.rules.tick)
    assert found is not None
    return found


def recorded(world: TestWorld) -> list[Event]:
    return world.world.history.events(100)


# -- CPU -------------------------------------------------------------------------------------------


def test_a_spike_starts_its_task_in_the_same_cycle_once_and_with_the_facts(world: TestWorld) -> None:
    assert next_tick(world) == []
    world.load(cpu=95).process("rogue", 6, 50, uses_s=900, created=BORN + 1)
    assert next_tick(world) == ["cpu_spike"]
    (order,) = world.runner.prepared.values()
    event = order.event
    assert event is not None
    assert (event.name, event.value, event.at, event.since) == ("cpu_spike", 95.0, NOW + 2 * TICK, NOW + TICK)
    assert event.culprit is not None
    assert (event.culprit.name, event.culprit.pid, event.culprit.cpu_percent) == ("rogue", 6, 75.0)
    assert [next_tick(world) for _ in range(10)] == [[]] * 10
    assert recorded(world) == [event]


def test_a_census_tells_who_did_it_between_two_cycles(world: TestWorld) -> None:
    next_tick(world.process("rogue", 6, uses_s=9000))
    world.process("other", 8, uses_s=0)
    next_tick(world)
    next_tick(world.load(cpu=95).process("rogue", 6, uses_s=10).process("other", 8, uses_s=600))
    (event,) = recorded(world)
    assert event.culprit is not None
    assert (event.culprit.name, event.culprit.cpu_percent) == ("other", 50.0)


def test_while_it_learns_nothing_fires_and_that_is_told(tmp_path: Path) -> None:
    world = TestWorld(tmp_path).watched(Baseline()).task("a", None)
    world.load(cpu=10).cycle()
    assert [next_tick(world.load(cpu=95)) for _ in range(3)] == [[]] * 3
    assert recorded(world) == []
    assert len(remembered(world).baseline.signals[CPU].series.cells) == 4


def test_a_heavy_run_of_ours_mutes_spikes_while_it_lasts_and_for_one_slot(world: TestWorld) -> None:
    world.task("heavy", 600, lasts=12).runner.burns["heavy"] = 2.0
    soon = timedelta(0)
    assert world.load(cpu=12).cycle(wait=soon).ran == ["heavy"]
    world.load(cpu=95)
    assert [next_tick(world, wait=soon) for _ in range(4)] == [[]] * 4
    assert recorded(world) == []
    assert next_tick(world, wait=soon) == ["cpu_spike"]


def test_load_of_ours_is_no_spike(world: TestWorld) -> None:
    world.task("light", 600, lasts=60).runner.burns["light"] = 0.3
    soon = timedelta(0)
    world.load(cpu=10).cycle(wait=soon)
    assert next_tick(world.load(cpu=17), wait=soon) == []
    assert percent_of(remembered(world).baseline.signals[CPU].series.cells[-1]) == pytest.approx(9.5, abs=0.1)
    assert next_tick(world.load(cpu=95), wait=soon) == ["cpu_spike"]


# -- memory ----------------------------------------------------------------------------------------


def leaking(world: TestWorld, cycles: int, pid: int = 7, an_hour: float = 0.1, **more: Any) -> list[list[str]]:
    """What so many cycles start while a process grows by this share of all memory in an hour."""
    ran = []
    for number in range(cycles):
        world.process("leaker", pid, 500 + number * an_hour * 10 * GIB / 12 / (1 << 20), **more)
        ran.append(next_tick(world))
    return ran


def test_a_leak_names_its_process_with_its_growth_per_hour_once(world: TestWorld) -> None:
    assert leaking(world, 24) == [[]] * 11 + [["memory_leak"]] + [[]] * 12
    (event,) = recorded(world)
    assert event.culprit is not None
    assert (event.source, event.culprit.pid, event.unit) == ("leaker", 7, "bytes")
    assert event.culprit.growth_per_hour == pytest.approx(GIB, rel=0.01)
    assert event.reason.startswith("leaker (pid 7) grows by 1.1 GB an hour: 1.5 GB now, ")


def test_a_restart_of_a_leaker_resets_it(world: TestWorld) -> None:
    assert leaking(world, 11) == [[]] * 11
    assert world.census is not None
    del world.census.processes[7]
    assert leaking(world, 11, pid=8, created=BORN + 3300) == [[]] * 11
    assert recorded(world) == []


def test_the_total_and_its_process_do_not_tell_the_same_twice(world: TestWorld) -> None:
    ran = []
    for number in range(120):
        world.process("leaker", 7, 500 + 100 * number).load(memory=min(95, 40 + number))
        ran += next_tick(world)
    assert ran == ["memory_leak"]


def test_a_leak_of_a_run_of_ours_is_told_and_starts_nothing(world: TestWorld) -> None:
    assert world.census is not None
    world.census.ours[7] = "r3"
    assert leaking(world, 14) == [[]] * 14
    assert [one.caused_by for one in recorded(world)] == ["r3"]
    assert any("run r3 of ours is behind it: it starts nothing" in line for line in world.log)


def test_the_largest_processes_are_kept_in_the_history_by_name(world: TestWorld) -> None:
    for pid in range(20, 40):
        world.process(f"p{pid}", pid, mib=pid)
    next_tick(world)
    ((at, largest),) = world.world.history.processes(NOW, NOW + minutes(60))
    assert at == NOW + TICK
    assert [one.name for one in largest] == ["calm", *(f"p{pid}" for pid in range(39, 30, -1))]


def test_no_census_is_taken_where_nobody_asks(tmp_path: Path) -> None:
    world = TestWorld(tmp_path).watched(three_days(), cpu_spike=OFF, memory_leak=OFF)
    assert world.census is not None
    world.census.broken = True
    next_tick(world)
    assert not any("WARNING" in line for line in world.log)


def test_no_process_to_be_seen_is_no_trouble(world: TestWorld) -> None:
    assert world.census is not None
    world.census.processes.clear()
    assert next_tick(world) == []
    assert next_tick(world.load(cpu=95)) == ["cpu_spike"]
    (event,) = recorded(world)
    assert event.culprit is None


# -- probes and the disk ---------------------------------------------------------------------------


def latencies(world: TestWorld, source: str) -> list[Answer]:
    return world.world.history.latencies(NOW - minutes(60), NOW + timedelta(days=9)).get(source, [])


def test_a_probe_that_answers_late_starts_its_task(world: TestWorld) -> None:
    world.answered("db", 22.0)
    assert next_tick(world) == []
    world.answered("db", 900.0)
    assert next_tick(world) == ["high_latency"]
    (event,) = recorded(world)
    assert (event.source, event.unit) == ("db", "ms")
    assert event.value == pytest.approx(900, rel=1e-3)
    assert [one.ms for one in latencies(world, "db")] == [22.0, 900.0]


def test_no_answer_counts_as_the_timeout(world: TestWorld) -> None:
    world.answered("db", None)
    assert next_tick(world) == ["high_latency"]
    (event,) = recorded(world)
    assert event.value == pytest.approx(5000, rel=1e-3)
    assert "probe 'db' had no answer (refused)" in event.reason


def test_a_probe_in_trouble_is_told_of_once(world: TestWorld) -> None:
    told = "probe 'db': refused, continuing"
    world.answered("db", None)
    assert told in world.later(minutes=5).cycle().report.notes
    world.answered("db", None)
    assert told not in world.later(minutes=5).cycle().report.notes
    world.answered("db", 20.0)
    assert told not in world.later(minutes=5).cycle().report.notes
    world.answered("db", None)
    assert told in world.later(minutes=5).cycle().report.notes


def test_an_answer_that_two_cycles_meet_counts_once(world: TestWorld) -> None:
    world.answered("db", 30.0)
    world.later(minutes=1).cycle()
    before = remembered(world).baseline.signals[LATENCY + "db"]
    world.later(minutes=1).cycle()
    assert remembered(world).baseline.signals[LATENCY + "db"] == before
    assert len(latencies(world, "db")) == 1


@pytest.mark.parametrize("back", [1, 24], ids=["an hour", "a day"])
def test_a_clock_set_back_does_not_make_the_probes_deaf(world: TestWorld, back: float) -> None:
    world.answered("db", 22.0)
    next_tick(world)
    world.later(hours=-back).answered("db", 900.0)
    assert next_tick(world) == ["high_latency"]


def test_an_answer_of_long_ago_tells_of_another_time(world: TestWorld) -> None:
    world.answered("db", 900.0)
    assert world.later(minutes=13).cycle().ran == []
    assert latencies(world, "db") == []


def test_an_answer_of_a_probe_that_is_gone_is_not_taken_in(world: TestWorld) -> None:
    world.answered("db", 22.0)
    next_tick(world)
    assert set(remembered(world).answered) == {"db"}
    world.answered("db", 900.0).probes.clear()
    assert next_tick(world) == []
    assert len(latencies(world, "db")) == 1
    assert remembered(world).answered == {}


def test_what_a_durable_write_takes_is_measured_by_every_cycle_and_looked_at_by_the_next(world: TestWorld) -> None:
    next_tick(world)
    next_tick(world)
    written = latencies(world, "disk")
    assert [one.at for one in written] == [NOW + TICK, NOW + 2 * TICK]
    assert remembered(world).written == written[1]
    assert remembered(world).baseline.signals[LATENCY + "disk"].series.count == 1


def test_a_write_that_was_none_is_not_the_one_before(tmp_path: Path) -> None:
    alone = Alone(tmp_path, pretended=True)
    alone.cycle()
    assert alone.recall().written is not None
    alone.cycle(NOW + TICK, write_s=None)
    assert alone.recall().written is None


# -- conditions of the user --------------------------------------------------------------------------


def with_own(tmp_path: Path, when: str, **more: Any) -> TestWorld:
    mine = Watch(name="full", when=when, **more)
    return (
        TestWorld(tmp_path)
        .watched(three_days(), mine, cpu_spike=OFF)
        .load(cpu=12, memory=40)
        .task("a", None, on=("full",))
    )


def test_a_condition_fires_once_at_its_third_cycle_in_a_row_and_not_by_cycles_by_hand(tmp_path: Path) -> None:
    world = with_own(tmp_path, "cpu_load > 60 for 3 cycles").load(cpu=61)
    ran = []
    for _ in range(6):
        ran.append(next_tick(world))
        ran.append(world.later(seconds=20).cycle().ran)
        world.later(seconds=-20)
    assert ran == [[], [], [], [], ["a"], *[[]] * 7]
    (event,) = recorded(world)
    assert (event.name, event.value, event.expected) == ("full", 61, 60)
    assert event.since == event.at - 2 * TICK
    assert event.reason == "cpu_load > 60 for 3 cycles: cpu_load is 61 %"


def test_a_condition_begins_anew_after_a_gap(tmp_path: Path) -> None:
    world = with_own(tmp_path, "cpu_load > 60 for 3 cycles").load(cpu=61)
    assert [next_tick(world), next_tick(world)] == [[], []]
    assert world.later(minutes=30).cycle().ran == []
    assert [next_tick(world), next_tick(world)] == [[], ["a"]]


def test_a_condition_is_armed_again_when_it_no_longer_holds_and_the_cool_down_is_over(tmp_path: Path) -> None:
    world = with_own(tmp_path, "cpu_load > 60", cool_down=minutes(30)).load(cpu=61)
    assert next_tick(world) == ["a"]
    assert [next_tick(world.load(cpu=cpu)) for cpu in (10, 61, 10, 10, 10)] == [[]] * 5
    assert next_tick(world.load(cpu=61)) == []
    assert next_tick(world.load(cpu=10)) == []
    assert next_tick(world.load(cpu=61)) == ["a"]


def test_a_condition_fires_so_often_an_hour_and_not_more(tmp_path: Path) -> None:
    world = with_own(tmp_path, "cpu_load > 60", cool_down=minutes(1), max_per_hour=2)
    ran = [next_tick(world.load(cpu=61 if number % 2 else 10)) for number in range(12)]
    assert sum(map(len, ran)) == 2


# -- absences and clocks ------------------------------------------------------------------------------


def test_cycles_that_did_not_come_are_told_with_their_cause(world: TestWorld) -> None:
    assert world.meter.clocks is not None
    next_tick(world)
    world.meter.clocks.slept += timedelta(hours=8)
    assert world.later(hours=8).cycle().ran == ["missed_cycles"]
    (event,) = recorded(world)
    assert (event.value, event.reason) == (95, "95 cycles did not come: the machine slept or was suspended")
    assert next_tick(world) == []
    assert world.later(hours=1).cycle().ran == ["missed_cycles"]
    assert recorded(world)[0].reason == "11 cycles did not come: no scheduler called"


def test_a_late_cycle_is_none_that_did_not_come(world: TestWorld) -> None:
    next_tick(world)
    assert world.later(minutes=14).cycle().ran == []


@pytest.mark.parametrize("by", [-1, -24, 24], ids=["an hour back", "a day back", "a day forward"])
def test_a_clock_that_was_set_fires_nothing_and_breaks_nothing(world: TestWorld, by: float) -> None:
    assert world.meter.clocks is not None
    next_tick(world)
    world.meter.clocks.set_by += timedelta(hours=by)
    world.later(hours=by)
    assert [next_tick(world) for _ in range(5)] == [[]] * 5
    assert recorded(world) == []
    assert not any("look" in line or "baseline" in line for line in world.log)
    if by < 0:
        assert next_tick(world.load(cpu=95)) == ["cpu_spike"]


def test_a_pretended_sample_teaches_nothing(world: TestWorld) -> None:
    world.meter.source, before = "fake", remembered(world).baseline
    assert next_tick(world.load(cpu=95)) == ["cpu_spike"]
    assert remembered(world).baseline == before
    assert remembered(world).tally is not None


# -- what is lost and damaged ---------------------------------------------------------------------------


def with_history(world: TestWorld, *rows: tuple[datetime, float, str], latencies: tuple[Any, ...] = ()) -> None:
    """Let there have been these samples (time, CPU, source), and these latencies (time, source, ms)."""
    with world.world.history.writing() as database:
        database.executemany(
            "insert into samples values(?, 1, ?, 40, null, null, null, null, ?)",
            [(at.isoformat(), cpu, source) for at, cpu, source in rows],
        )
        database.executemany("insert into latencies values(?, ?, ?, '')", latencies)


def days(count: float, cpu: float = 10, source: str = "counters") -> list[tuple[datetime, float, str]]:
    return [(NOW - n * TICK, cpu + n % 7, source) for n in range(round(count * 288))]


def test_a_baseline_that_is_missing_is_made_out_of_the_history(world: TestWorld) -> None:
    slow = [((NOW - n * TICK).isoformat(), source, ms) for n in range(864) for source, ms in (("db", 20 + n % 5),)]
    with_history(world, *days(3), latencies=tuple(slow))
    (world.folder / recall.NAME).unlink()
    world.answered("db", 900.0)
    assert next_tick(world.load(cpu=95)) == ["cpu_spike", "high_latency"]
    assert not any("baseline" in line for line in world.log)
    assert len(remembered(world).baseline.signals[MEMORY].series.cells) == 865


def test_no_answer_in_the_history_counts_as_the_timeout_too(world: TestWorld) -> None:
    rows = [((NOW - n * TICK).isoformat(), "db", None) for n in range(864)]
    with_history(world, latencies=tuple(rows))
    (world.folder / recall.NAME).unlink()
    world.answered("db", 20.0)
    next_tick(world)
    cells = remembered(world).baseline.signals[LATENCY + "db"].series.cells
    assert {round(latency_of(cell)) for cell in cells[:-1]} == {5000}


def test_pretended_samples_in_the_history_teach_nothing(world: TestWorld) -> None:
    with_history(world, *days(3, source="fake"))
    (world.folder / recall.NAME).unlink()
    next_tick(world)
    assert len(remembered(world).baseline.signals[CPU].series.cells) == 1


def test_without_a_history_it_begins_to_learn(tmp_path: Path) -> None:
    world = TestWorld(tmp_path).watched().task("a", 10)
    assert world.cycle().ran == ["a"]
    assert set(remembered(world).baseline.signals) == {CPU, MEMORY}
    assert not any("WARNING" in line for line in world.log)


def test_lines_of_the_history_that_make_no_sense_are_left_out(world: TestWorld) -> None:
    with_history(world, *days(0.1), (NOW - timedelta(days=1), "much", "counters"))  # type: ignore[arg-type]
    with closing(sqlite3.connect(world.world.history.path)) as database, database:
        database.execute("update samples set at = '2025-11-02Tnoon' where at = (select max(at) from samples)")
    (world.folder / recall.NAME).unlink()
    next_tick(world)
    cells = remembered(world).baseline.signals[CPU].series.cells
    assert (len(cells), cells[-2], [cell for cell in cells if not cell]) == (30, 0, [0])


def test_a_history_that_is_locked_is_asked_again_by_the_next_cycle(
    world: TestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_history(world, *days(3))
    (world.folder / recall.NAME).unlink()
    monkeypatch.setattr("adaptive_scheduler.archive.BUSY_S", 0.01)
    monkeypatch.setattr("adaptive_scheduler.history.BUSY_S", 0.01)
    with closing(sqlite3.connect(world.world.history.path, isolation_level=None)) as database:
        database.execute("begin exclusive")
        next_tick(world)
    assert any("the look for events failed (HistoryError: " in line for line in world.log)
    assert not (world.folder / recall.NAME).exists()
    assert next_tick(world.load(cpu=95)) == ["cpu_spike"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-20], id="cut short"),
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: text.replace('"version":1', '"version":2'), id="a newer version"),
        pytest.param(lambda text: text.replace('"step_minutes":5', '"step_minutes":60'), id="of another tick"),
        pytest.param(lambda text: "[" * 100_000, id="nested too deep"),
        pytest.param(
            lambda text: text.replace('"own_at":null', '"own_at":"0001-01-01T00:00:00+14:00"'), id="of year 1"
        ),
        pytest.param(lambda text: text.replace('"uptime_s":null', '"uptime_s":1e999'), id="up for ever"),
        pytest.param(lambda text: text.replace('"tally":null', '"tally":5'), id="a census that is none"),
    ],
)
def test_a_damaged_baseline_is_said_once_and_made_anew(world: TestWorld, damage: Callable[[str], str]) -> None:
    with_history(world, *days(3))
    path = world.folder / recall.NAME
    path.write_text(damage(path.read_text()))
    world.task("a", 5, adaptive=False)
    assert [next_tick(world) for _ in range(3)] == [["a"]] * 3
    assert sum("baseline.json" in line for line in world.log) <= 1
    assert next_tick(world.load(cpu=95)) == ["cpu_spike", "a"]


def test_a_newer_version_is_named_in_the_log(world: TestWorld) -> None:
    path = world.folder / recall.NAME
    path.write_text(path.read_text().replace('"version":1', '"version":2'))
    next_tick(world)
    assert [line.partition("] [SCHEDULER] ")[2] for line in world.log if "WARNING" in line] == [
        f"'{path}' cannot be used (ValueError: version 2 is not 1): made anew out of the history, continuing"
    ]


def test_a_look_that_fails_costs_a_note_and_no_cycle(world: TestWorld) -> None:
    assert world.census is not None
    world.census.broken = True
    assert next_tick(world.task("a", 5, adaptive=False).load(cpu=95)) == ["a"]
    assert any("the look for events failed (RuntimeError: no census today), continuing" in line for line in world.log)
    world.census.broken = False
    assert next_tick(world) == ["cpu_spike", "a"]


def test_latches_that_make_no_sense_cost_a_note_and_no_cycle(world: TestWorld) -> None:
    poison = '{"cpu_spike":{"held_at":[],"disarmed":true,"fired":["2025-11-02T22:00:00+00:00"],"calm_since":[1]}}'
    with world.world.store.transaction(NOW) as transaction:
        transaction.state = State(latches=poison)
    assert next_tick(world.task("a", 5, adaptive=False)) == ["a"]
    assert next_tick(world.load(cpu=95)) == ["cpu_spike", "a"]


def test_an_alarm_that_fails_costs_a_note_and_what_was_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("it cannot be")

    monkeypatch.setattr(alarms, "happened", broken)
    said = ["what is remembered of earlier events is lost (RuntimeError: it cannot be)"]
    assert Alone(tmp_path, pretended=True).cycle() == said


def test_a_baseline_that_cannot_be_written_costs_a_note(world: TestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.replace_file

    def full(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name == recall.NAME:
            raise OSError("no room")
        write(path, *arguments, **options)

    monkeypatch.setattr(files, "replace_file", full)
    before = (world.folder / recall.NAME).read_text()
    assert next_tick(world.task("a", 5, adaptive=False)) == ["a"]
    assert next_tick(world.load(cpu=95)) == ["cpu_spike", "a"]
    assert sum("what is usual cannot be remembered (" in line for line in world.log) == 2
    assert (world.folder / recall.NAME).read_text() == before


def test_a_prober_that_cannot_be_started_costs_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(probing, "start", full)
    lookout = Alone(tmp_path)
    noted = lookout.cycle()
    assert noted == ["the probes cannot be started (OSError: [Errno 28] No space left on device)"]
    assert (tmp_path / recall.NAME).exists()


def test_probes_are_started_beside_the_cycle_with_what_is_left_of_the_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[timedelta] = []
    monkeypatch.setattr(probing, "start", lambda folder, probes, budget, **_: budgets.append(budget))
    Alone(tmp_path).cycle()
    Alone(tmp_path, tick=minutes(1)).cycle()
    Alone(tmp_path, pretended=True).cycle()
    assert budgets == [timedelta(seconds=285), timedelta(seconds=54)]


def test_the_commands_of_probes_do_not_hear_at_which_addresses_people_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, str] = {}
    monkeypatch.setattr(probing, "start", lambda *_, environ, **__: heard.update(environ))
    monkeypatch.setenv("OPS_CHAT", "json://secret")
    monkeypatch.setenv("OTHER", "kept")
    alone = Alone(tmp_path)
    alone.config = replace(alone.config, notify=Notify(("OPS_CHAT",)))
    assert alone.cycle() == []
    assert "OPS_CHAT" not in heard
    assert heard["OTHER"] == "kept"


class Alone:
    """A lookout without a cycle around it."""

    def __init__(self, folder: Path, *, tick: timedelta = TICK, pretended: bool = False) -> None:
        self.folder, self.pretended = folder, pretended
        self.config = Config(
            path=str(folder / "tasks.toml"), state_dir=str(folder), rules=Rules(tick=tick), tasks={}, watches=watches()
        )

    def recall(self) -> Remembered:
        found = recall.read(self.folder, self.config.rules.tick)
        assert found is not None
        return found

    def cycle(self, now: datetime = NOW, *, write_s: float | None = 0.001) -> list[str]:
        """Look once and return the complaints."""
        lookout = MachineLookout(self.config, History(self.folder), pretended=self.pretended, who=HandCensus())
        lookout.look(Seen(now, Sample(now, 50, 40), None, ({"cpus": "many"},), ({"cpus": "many"},)))
        state, _ = lookout.notice(State(), now)
        assert isinstance(state.latches, str)
        return lookout.close(now, write_s).complaints


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(YEAR_ONE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(plain: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path."""
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def with_instead(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(plain) if isinstance(plain, dict) else list(plain)
    copy[path[0]] = with_instead(plain[path[0]], path[1:], value)
    return copy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small baseline with everything in it."""
    world = TestWorld(tmp_path_factory.mktemp("sound")).watched(Baseline())
    for number in range(3):
        world.process("a", 7, 100 + number).answered("db", 20.0)
        next_tick(world)
    return json.loads((world.folder / recall.NAME).read_text())


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_baseline_holds_no_cycle_is_lost_and_it_heals(
    sound: Any, tmp_path: Path, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(places(sound)))
    (tmp_path / recall.NAME).write_text(json.dumps(with_instead(sound, path, data.draw(ANYTHING))))
    alone = Alone(tmp_path, pretended=True)
    alone.cycle()
    assert alone.cycle(NOW + TICK) == []
    assert alone.cycle(NOW + 2 * TICK) == []


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | ANYTHING.map(lambda plain: json.dumps(plain).encode()))
def test_whatever_is_in_place_of_the_baseline_is_said_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / recall.NAME).write_bytes(content)
    alone = Alone(tmp_path, pretended=True)
    (said,) = alone.cycle()
    assert "cannot be used" in said
    assert alone.cycle(NOW + TICK) == []


# -- short cycles ------------------------------------------------------------------------------------


def rested(world: TestWorld, *cpus: float) -> None:
    """Have a short cycle see each of these loads, a tick apart, after the last whole cycle."""
    state = world.state
    assert state.last_cycle_at is not None
    for number, cpu in enumerate(cpus, start=1):
        at = (state.last_cycle_at + number * TICK).isoformat()
        seen = {"cpu": cpu, "memory": 40.0, "available": 2**32, "total": 2**33, "pressure": {}, "processes": []}
        beatfile.add(world.folder, {"cycle": state.cycle + number, "at": at, "reading": {"boot": "b"}, **seen})


def test_what_short_cycles_saw_is_looked_at_by_the_next_whole_one_with_the_time_at_which_it_was(
    world: TestWorld,
) -> None:
    assert next_tick(world) == []
    rested(world, 95, 95, 12)
    assert world.later(minutes=20).cycle().ran == ["cpu_spike"]
    (event,) = recorded(world)
    assert (event.name, event.value, event.at) == ("cpu_spike", 95.0, NOW + 2 * TICK)
    assert not (world.folder / beatfile.NAME).exists()


def test_short_cycles_leave_what_is_usual_as_whole_ones_would(tmp_path: Path) -> None:
    lives = [TestWorld(tmp_path / name).watched(three_days()).load(cpu=12, memory=40) for name in ("short", "whole")]
    for world in lives:
        next_tick(world)
    rested(lives[0], 12, 12, 12)
    lives[0].later(minutes=15)
    for _ in range(4):
        next_tick(lives[1])
    next_tick(lives[0])
    short, whole = (remembered(world).baseline for world in lives)
    assert short.signals[CPU].series == whole.signals[CPU].series
    assert short.signals[MEMORY].series == whole.signals[MEMORY].series
