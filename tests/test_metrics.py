"""The sample of a cycle: which readings it compares, what it falls back to, what the seam pretends."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import metrics
from adaptive_scheduler.absence import Mark
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.machine import Memory, Reading, Sample
from adaptive_scheduler.times import iso
from tests.builders import NOW, ago, minutes
from tests.test_limits import PRESSURE, machine, write

TICK = minutes(5)


def reading(minutes_ago: float, **more: float | str) -> Reading:
    return {"boot": "b", "cpus": 2.0, "source": "host", "at": iso(ago(minutes_ago)), **more}


# -- which reading a cycle compares with ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("ages", "chosen"),
    [
        pytest.param([], None, id="no reading"),
        pytest.param([5], 5, id="the cycle before"),
        pytest.param([10, 5], 5, id="the latest of two"),
        pytest.param([5, 0.2], 5, id="a manual run seconds ago does not count"),
        pytest.param([0.2], None, id="only seconds old"),
        pytest.param([2.5], 2.5, id="exactly half a tick"),
        pytest.param([10 + 9 / 60], 10 + 9 / 60, id="two ticks and a late start"),
        pytest.param([10 + 11 / 60], None, id="more than two ticks"),
        pytest.param([-3], None, id="the clock was set back"),
    ],
)
def test_a_cycle_compares_with(ages: list[float], chosen: float | None) -> None:
    found = metrics.choose([reading(age) for age in ages], NOW, TICK)
    assert found == (None if chosen is None else reading(chosen))


def test_a_reading_without_a_legible_stamp_is_passed_over() -> None:
    good = reading(5)
    assert metrics.choose([good, {"at": "noon"}, {"boot": "b"}], NOW, TICK) == good


@pytest.mark.parametrize(
    ("ages", "kept"),
    [
        pytest.param([], [0], id="the first reading"),
        pytest.param([5], [5, 0], id="the one before stays for cycles seconds from now"),
        pytest.param([10, 5], [5, 0], id="two at most"),
        pytest.param([5, 1], [5, 1], id="a cycle a minute later keeps what is there"),
        pytest.param([5, 2.5], [2.5, 0], id="half a tick is enough"),
        pytest.param([-3], [-3, 0], id="one from the future is replaced"),
    ],
)
def test_what_is_kept_for_the_next_cycle(ages: list[float], kept: list[float]) -> None:
    current: Reading = {"boot": "b", "cpus": 2.0, "source": "host"}
    found = metrics.keep([reading(age) for age in ages], current, NOW, TICK)
    assert found == tuple(reading(age) for age in kept)


def test_a_reading_of_another_boot_is_replaced_at_once() -> None:
    old = reading(1, boot="a")
    assert metrics.keep([old], {"boot": "b", "cpus": 2.0, "source": "host"}, NOW, TICK) == (old, reading(0))


@given(st.lists(st.floats(0.05, 5.0), min_size=1, max_size=40))
def test_however_often_cycles_come_there_is_a_usable_reading_after_half_a_tick(gaps: list[float]) -> None:
    kept: tuple[Reading, ...] = ()
    now = first = NOW
    for gap in gaps:
        found = metrics.choose(kept, now, TICK)
        assert (found is not None) == (now - first >= TICK / 2)
        kept = metrics.keep(kept, {"boot": "b"}, now, TICK)
        assert len(kept) <= 2
        now += minutes(gap)


# -- measuring a machine that is written on disk --------------------------------------------------------


class Machine:
    """A Linux machine of one CPU per number we may use, as files; time passes when somebody sleeps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.numbers = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        self.busy_s = self.idle_s = 0.0
        self.load = 0.0
        self.slept: list[float] = []
        write(root / "proc/sys/kernel/random/boot_id", "b\n")
        self.passes(100.0)

    def passes(self, seconds: float) -> None:
        """Let time pass at the present load, a share of all CPUs."""
        self.busy_s += seconds * self.load
        self.idle_s += seconds * (1 - self.load)
        ticks = os.sysconf("SC_CLK_TCK")
        fields = f"{self.busy_s * ticks:.0f} 0 0 {self.idle_s * ticks:.0f} 0 0 0 0 0 0"
        write(self.root / "proc/stat", "".join(f"cpu{number} {fields}\n" for number in self.numbers))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passes(seconds)

    def read(self) -> Reading:
        return metrics.read_counters(self.root)

    def measure(
        self, readings: tuple[Reading, ...] = (), *, started: Reading | None = None, own: float = 0, fake: str = ""
    ) -> tuple[Sample, Reading]:
        return metrics.measure(
            readings,
            NOW,
            TICK,
            started=started or self.read(),
            own_cpu_s=own,
            environ={"ADAPTIVE_FAKE_SAMPLE": fake} if fake else {},
            root=self.root,
            sleep=self.sleep,
        )


@pytest.fixture
def written(tmp_path: Path) -> Machine:
    if not hasattr(os, "sysconf"):
        pytest.skip("/proc/stat counts in ticks of sysconf")
    return Machine(tmp_path)


def test_cpu_is_the_mean_since_the_cycle_before(written: Machine) -> None:
    (before,) = metrics.keep((), written.read(), NOW - TICK, TICK)
    written.load = 0.42
    written.passes(300)
    sample, _ = written.measure((before,))
    assert (sample.cpu, sample.source) == (42.0, "counters")
    assert written.slept == []


def test_foreign_load_is_what_our_own_runs_did_not_use(written: Machine) -> None:
    (before,) = metrics.keep((), written.read(), NOW - TICK, TICK)
    written.load = 0.5
    written.passes(300)
    sample, _ = written.measure((before,), own=90 * len(written.numbers))
    assert (sample.cpu, sample.foreign_cpu) == (50.0, 20.0)


def test_foreign_load_is_never_below_zero(written: Machine) -> None:
    (before,) = metrics.keep((), written.read(), NOW - TICK, TICK)
    written.passes(300)
    sample, _ = written.measure((before,), own=1e6)
    assert sample.foreign_cpu == 0.0


def test_the_first_cycle_takes_one_short_sample(written: Machine) -> None:
    started = written.read()
    written.load = 1.0
    sample, current = written.measure(started=started)
    assert written.slept == [pytest.approx(0.25)]
    assert sample.cpu == pytest.approx(100.0, abs=20.0)  # what this very process used is left out
    assert (sample.foreign_cpu, sample.source) == (None, "short sample")
    assert current["busy_s"] == written.read()["busy_s"]


def test_a_short_sample_waits_only_for_what_is_missing(written: Machine) -> None:
    started = written.read()
    written.passes(0.2)
    written.measure(started=started)
    assert written.slept == [pytest.approx(0.05)]


def test_a_short_sample_does_not_wait_when_loading_took_long_enough(written: Machine) -> None:
    started = written.read()
    written.load = 0.5
    written.passes(2)
    sample, _ = written.measure(started=started)
    assert written.slept == []
    assert sample.cpu == pytest.approx(50.0, abs=10.0)


def test_a_short_sample_leaves_out_what_this_process_used_since_it_started(written: Machine) -> None:
    count = len(written.numbers)
    started = {**written.read(), "own_s": float(written.read()["own_s"]) - count * 1.0}
    written.load = 0.5
    written.passes(4)
    sample, _ = written.measure(started=started)
    assert sample.cpu == pytest.approx(25.0, abs=5.0)


def test_a_short_sample_stands_in_when_the_machine_was_restarted(written: Machine) -> None:
    (before,) = metrics.keep((), written.read(), NOW - TICK, TICK)
    write(written.root / "proc/sys/kernel/random/boot_id", "c\n")
    sample, _ = written.measure((before,))
    assert (sample.cpu, sample.foreign_cpu, sample.source) == (0.0, None, "short sample")


def test_a_machine_whose_counters_stand_still_has_no_known_load(written: Machine) -> None:
    sample, _ = metrics.measure(
        (), NOW, TICK, started=written.read(), own_cpu_s=0, environ={}, root=written.root, sleep=lambda _: None
    )
    assert sample.cpu is None


def test_memory_is_the_share_of_the_containers_limit(written: Machine) -> None:
    outer, _ = machine(written.root)
    write(outer / "memory.max", "1000000\n")
    write(outer / "memory.current", "655555\n")
    assert metrics.read_memory(written.root).percent == 65.6
    assert written.measure()[0].memory == 65.6
    assert metrics.memory_now({}, written.root).percent == 65.6


def test_what_is_left_is_that_of_the_container_where_it_is_limited(written: Machine) -> None:
    outer, _ = machine(written.root)
    write(outer / "memory.max", "1000000\n")
    write(outer / "memory.current", "700000\n")
    write(outer / "memory.stat", "inactive_file 100000\n")
    sample, _ = written.measure()
    assert (sample.memory, sample.available_bytes, sample.total_bytes) == (60.0, 400_000, 1_000_000)
    assert metrics.read_memory(written.root) == Memory(60.0, 400_000, 1_000_000)


def test_a_container_may_not_have_what_its_host_lacks(written: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    outer, _ = machine(written.root)
    write(outer / "memory.max", "1000000\n")
    write(outer / "memory.current", "100000\n")
    real = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: real._replace(available=5_000))
    assert metrics.read_memory(written.root).available_bytes == 5_000


@pytest.mark.parametrize("limit", [str(2**60), "max"], ids=["above the host's memory", "none"])
def test_a_limit_that_is_not_below_the_hosts_memory_changes_nothing(written: Machine, limit: str) -> None:
    _, inner = machine(written.root)
    write(inner / "memory.max", f"{limit}\n")
    write(inner / "memory.current", "0\n")
    assert metrics.read_memory(written.root).percent != 0.0


def test_pressure_comes_with_the_sample(written: Machine) -> None:
    write(written.root / "proc/pressure/memory", PRESSURE.format("3.50"))
    assert written.measure()[0].pressure == {"memory": 3.5}


def test_a_limited_container_tells_its_own_pressure(written: Machine) -> None:
    write(written.root / "proc/pressure/cpu", PRESSURE.format("3.50"))
    _, inner = machine(written.root)
    write(inner / "cpu.max", "1000 100000\n")
    write(inner / "cpu.pressure", PRESSURE.format("88.00"))
    assert written.measure()[0].pressure == {"cpu": 88.0}


# -- the test seam ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["cpu=75,memory=65", " cpu = 75 , memory=65.0"])
def test_the_seam_pretends_cpu_and_memory(written: Machine, text: str) -> None:
    sample, _ = written.measure(fake=text)
    assert (sample.cpu, sample.memory, sample.foreign_cpu, sample.source) == (75.0, 65.0, None, "fake")
    assert written.slept == []


def test_either_half_of_the_seam_may_be_missing(written: Machine) -> None:
    outer, _ = machine(written.root)
    write(outer / "memory.max", "1000\n")
    write(outer / "memory.current", "300\n")
    cpu_only, _ = written.measure(fake="cpu=0")
    assert (cpu_only.cpu, cpu_only.memory, cpu_only.source) == (0.0, 30.0, "fake")
    memory_only, _ = written.measure(fake="memory=0")
    assert (memory_only.cpu, memory_only.memory, memory_only.source) == (0.0, 0.0, "fake")
    assert metrics.memory_now({"ADAPTIVE_FAKE_SAMPLE": "memory=99"}, written.root).percent == 99.0
    assert metrics.memory_now({"ADAPTIVE_FAKE_SAMPLE": "cpu=99"}, written.root).percent == 30.0


def test_a_pretended_machine_has_only_the_room_that_it_names(written: Machine) -> None:
    sample, _ = written.measure(fake="memory=40")
    assert (sample.available_bytes, sample.total_bytes) == (None, None)
    assert written.measure(fake="cpu=3")[0].available_bytes is None
    assert written.measure(fake="memory=40,available=1.5GB")[0].available_bytes == 1_500_000_000


@pytest.mark.parametrize(
    "text",
    [
        *("busy", "cpu", "cpu=", "cpu=much", "cpu=101", "memory=-1", "cpu=nan", "load=3", "cpu=5;memory=5", ","),
        *("available", "available=5", "available=0MB", "available=40%"),
    ],
)
def test_nonsense_is_refused_with_the_variable_its_value_and_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="cpu=75,memory=65") as refused:
        metrics.memory_now({"ADAPTIVE_FAKE_SAMPLE": text})
    assert f"ADAPTIVE_FAKE_SAMPLE='{text}'" in str(refused.value)


# -- this machine -----------------------------------------------------------------------------------------


def test_this_machine_can_be_measured() -> None:
    started = metrics.read_counters()
    sample, current = metrics.measure((), NOW, TICK, started=started, own_cpu_s=0.0, environ={})
    assert sample.cpu is not None
    assert 0.0 <= sample.cpu <= 100.0
    assert sample.memory is not None
    assert 0.0 < sample.memory < 100.0
    assert sample.available_bytes is not None
    assert sample.total_bytes is not None
    assert 0 < sample.available_bytes < sample.total_bytes
    (before,) = metrics.keep((), started, NOW - TICK, TICK)
    again, _ = metrics.measure((before,), NOW, TICK, started=current, own_cpu_s=0.0, environ={})
    assert again.source == "counters"
    assert again.at - NOW == timedelta(0)


def test_outside_containers_memory_is_what_psutil_says(tmp_path: Path) -> None:
    assert metrics.read_memory(tmp_path).percent == pytest.approx(psutil.virtual_memory().percent, abs=5.0)


# -- the clocks of a reading -----------------------------------------------------------------------------


def test_a_kept_reading_tells_the_clocks_of_its_cycle() -> None:
    uptime_s = Clock().uptime()
    _, before = metrics.measure((), NOW, TICK, started=metrics.read_counters(), own_cpu_s=0, environ={})
    (kept,) = metrics.keep((), before, NOW, TICK)
    mark = metrics.mark(kept)
    assert mark is not None
    assert (mark.at, mark.boot) == (NOW, before["boot"])
    if uptime_s is not None:
        assert mark.uptime_s is not None
        assert mark.uptime_s >= uptime_s - 0.001


def test_what_the_cpus_counted_is_the_time_awake_but_in_a_container() -> None:
    one = reading(5, total_s=700.0, uptime_s=500.0)
    assert metrics.mark(one) == Mark(ago(5), "b", 500.0, 350.0)
    assert metrics.mark({**one, "source": "cgroup"}) == Mark(ago(5), "b", 500.0, None)


def test_under_a_pretended_time_there_is_no_time_since_boot() -> None:
    environ = {"ADAPTIVE_FAKE_NOW": iso(NOW)}
    _, kept = metrics.measure((), NOW, TICK, started=metrics.read_counters(), own_cpu_s=0, environ=environ)
    assert "uptime_s" not in kept


@pytest.mark.parametrize(
    "bad",
    [
        {"at": "noon"},
        {"at": 7},
        {"total_s": "much"},
        {"total_s": [1]},
        {"cpus": 0},
        {"uptime_s": "long"},
    ],
)
def test_a_reading_that_makes_no_sense_tells_no_clocks(bad: Any) -> None:
    good = reading(5, total_s=700.0)
    assert metrics.mark(good) == Mark(ago(5), "b", None, 350.0)
    assert metrics.mark({**good, **bad}) is None
    for key in ("at", "boot", "source", "cpus", "total_s"):
        assert metrics.mark({name: value for name, value in good.items() if name != key}) is None
