"""Counters from fake trees, from this machine, and the arithmetic between two readings."""

import multiprocessing
import os
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.counters import cpu_percent, read_counters
from adaptive_scheduler.machine import Reading
from tests.platforms import beyond_wine
from tests.test_limits import machine, write

needs_ticks = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="/proc/stat counts in ticks of sysconf")

BOOT = "8b1c"


def stat(root: Path, *cpus: str) -> None:
    """Write a /proc/stat of CPUs, each with its number and ten fields in seconds."""
    ticks = os.sysconf("SC_CLK_TCK")
    lines = ["cpu  1 2 3 4 5 6 7 8 9 10"]
    for cpu in cpus:
        number, *fields = cpu.split()
        lines.append(" ".join([f"cpu{number}", *(str(int(field) * ticks) for field in fields)]))
    write(root / "proc/stat", "\n".join([*lines, "intr 5 6 7", "", "ctxt 1", ""]))
    write(root / "proc/sys/kernel/random/boot_id", f"{BOOT}\n")


def reading(busy_s: float, total_s: float, **more: float | str) -> Reading:
    return {"boot": BOOT, "cpus": 2.0, "source": "host", "busy_s": busy_s, "total_s": total_s, **more}


# user nice system idle iowait irq softirq steal guest guest_nice
FIRST = "0 10 1 2 60 20 3 4 5 10 1"
SECOND = "1 20 0 0 80 0 0 0 0 0 0"
FOURTH = "3 100 0 0 0 0 0 0 0 0 0"


@needs_ticks
def test_work_is_all_but_idling_and_waiting_for_disks_and_guests_count_once(tmp_path: Path) -> None:
    stat(tmp_path, FIRST)
    found = read_counters(tmp_path, {0})
    assert found["busy_s"] == 10 + 1 + 2 + 3 + 4 + 5
    assert found["total_s"] == 105
    assert (found["boot"], found["cpus"], found["source"]) == (BOOT, 1.0, "host")


@needs_ticks
def test_only_the_cpus_that_this_process_may_use_count_by_their_number(tmp_path: Path) -> None:
    stat(tmp_path, FIRST, SECOND, FOURTH)  # the third one is offline
    found = read_counters(tmp_path, {1, 3})
    assert (found["busy_s"], found["total_s"], found["cpus"]) == (120, 200, 2.0)


@needs_ticks
def test_a_container_below_the_cpus_is_measured_by_its_own_limit(tmp_path: Path) -> None:
    stat(tmp_path, FIRST, SECOND)
    outer, _ = machine(tmp_path)
    write(outer / "cpu.max", "50000 100000\n")
    write(outer / "cpu.stat", "usage_usec 7000000\n")
    before = read_counters(tmp_path, {0, 1})
    assert (before["source"], before["cpus"], before["busy_s"]) == ("cgroup", 0.5, 7.0)
    # Ten seconds later it has had two CPU seconds of the five that its limit allows.
    after = {**before, "busy_s": 9.0, "total_s": float(before["total_s"]) + 10 * 0.5}
    assert cpu_percent(before, after) == 40.0


@needs_ticks
@pytest.mark.parametrize("limit", ["200000 100000", "400000 100000", "max 100000"])
def test_a_limit_that_is_not_below_the_cpus_changes_nothing(tmp_path: Path, limit: str) -> None:
    stat(tmp_path, FIRST, SECOND)
    _, inner = machine(tmp_path)
    write(inner / "cpu.max", f"{limit}\n")
    write(inner / "cpu.stat", "usage_usec 7000000\n")
    assert read_counters(tmp_path, {0, 1})["source"] == "host"


@needs_ticks
def test_a_limit_without_figures_of_use_falls_back_to_the_host(tmp_path: Path) -> None:
    stat(tmp_path, FIRST, SECOND)
    _, inner = machine(tmp_path)
    write(inner / "cpu.max", "50000 100000\n")
    assert read_counters(tmp_path, {0, 1})["source"] == "host"


def test_where_there_is_no_proc_psutil_is_asked(tmp_path: Path) -> None:
    found = read_counters(tmp_path)
    count = psutil.cpu_count() or 1
    whole = read_counters(tmp_path, range(count))
    assert 0 < float(found["busy_s"]) <= float(whole["busy_s"]) < float(whole["total_s"])
    assert found["boot"] == str(round(psutil.boot_time() / 60))
    assert whole["cpus"] == count


@needs_ticks
def test_psutil_is_asked_only_about_the_cpus_that_this_process_may_use(tmp_path: Path) -> None:
    if (psutil.cpu_count() or 1) < 2:
        pytest.skip("needs two CPUs")
    one, all_of_them = read_counters(tmp_path, {0}), read_counters(tmp_path)
    assert float(one["total_s"]) < float(all_of_them["total_s"])


def test_this_machine_has_counters_that_belong_together() -> None:
    before = read_counters()
    deadline = time.monotonic() + 10
    percent = None
    while percent is None and time.monotonic() < deadline:
        percent = cpu_percent(before, read_counters())
    assert percent is not None
    assert 0.0 <= percent <= 100.0


def _spin() -> None:
    while True:
        pass


@beyond_wine("it tells our own CPU time when asked for that of another process")
def test_a_busy_process_raises_the_mean() -> None:
    before, began_s = read_counters(), float(read_counters()["total_s"])
    busy = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    busy.start()
    try:
        deadline = time.monotonic() + 20
        now = psutil.Process(busy.pid)
        while sum(now.cpu_times()[:2]) < 0.5 and time.monotonic() < deadline:
            pass
        after = read_counters()
    finally:
        busy.kill()
        busy.join()
    used = cpu_percent(before, after)
    assert used is not None
    assert used >= 50.0 / (float(after["total_s"]) - began_s)


MISFITS = {
    "another boot": reading(20, 200, boot="other"),
    "more CPUs": reading(20, 200, cpus=4.0),
    "another source": reading(20, 200, source="cgroup"),
    "work went back": reading(9, 200),
    "no time passed": reading(20, 100),
    "time went back": reading(20, 99),
    "no figures": {"boot": BOOT, "cpus": 2.0, "source": "host"},
    "words": {**reading(20, 200), "busy_s": "many"},
    "not a number": reading(20, float("nan")),
}


@pytest.mark.parametrize("after", MISFITS.values(), ids=MISFITS.keys())
def test_readings_that_do_not_belong_together_give_no_mean(after: Reading) -> None:
    assert cpu_percent(reading(10, 100), after) is None


@pytest.mark.parametrize(("less_s", "expected"), [(0.0, 40.0), (10.0, 30.0), (40.0, 0.0), (99.0, 0.0)], ids=str)
def test_what_is_known_to_be_ours_is_left_out(less_s: float, expected: float) -> None:
    assert cpu_percent(reading(10, 100), reading(50, 200), less_s=less_s) == expected


SECONDS = st.floats(0, 1e9)


@given(SECONDS, SECONDS, SECONDS, SECONDS, SECONDS)
def test_the_mean_is_a_percentage_and_leaving_out_never_raises_it(
    busy: float, total: float, more_busy: float, more_total: float, less_s: float
) -> None:
    before, after = reading(busy, total), reading(busy + more_busy, total + more_total)
    whole = cpu_percent(before, after)
    part = cpu_percent(before, after, less_s=less_s)
    assert (whole is None) == (part is None)
    if whole is not None and part is not None:
        assert 0.0 <= part <= whole <= 100.0
