"""What a container may use, read from trees of cgroup files on disk."""

from pathlib import Path

import pytest

from adaptive_scheduler.limits import Limits, cpu_seconds, limits, memory_percent, pressure

PRESSURE = "some avg10=1.00 avg60={} avg300=3.00 total=99\nfull avg10=0.00 avg60=77.00 avg300=0.00 total=1\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def machine(root: Path, cgroup: str = "0::/outer/inner\n") -> tuple[Path, Path]:
    """Write a machine whose process is in a cgroup within another; return the folders of the two."""
    write(root / "proc/self/cgroup", cgroup)
    outer = root / "sys/fs/cgroup/outer"
    (outer / "inner").mkdir(parents=True)
    return outer, outer / "inner"


def test_a_machine_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert limits(tmp_path) == Limits()


def test_version_one_alone_has_no_limits_for_us(tmp_path: Path) -> None:
    machine(tmp_path, "4:memory:/outer\n1:cpu:/outer\n")
    assert limits(tmp_path) == Limits()


def test_a_cgroup_that_says_max_has_no_limits(tmp_path: Path) -> None:
    _, inner = machine(tmp_path)
    write(inner / "cpu.max", "max 100000\n")
    write(inner / "memory.max", "max\n")
    assert limits(tmp_path) == Limits()


def test_the_limits_of_the_own_cgroup_are_found(tmp_path: Path) -> None:
    _, inner = machine(tmp_path, "1:name=systemd:/x\n0::/outer/inner\n")
    write(inner / "cpu.max", "150000 100000\n")
    write(inner / "memory.max", "1048576\n")
    assert limits(tmp_path) == Limits(1.5, inner, 1_048_576, inner)


def test_the_smallest_limit_on_the_way_up_counts_for_each_kind(tmp_path: Path) -> None:
    outer, inner = machine(tmp_path)
    write(inner / "cpu.max", "150000 100000\n")
    write(inner / "memory.max", "1000\n")
    write(outer / "cpu.max", "50000 100000\n")
    write(outer / "memory.max", "2000\n")
    assert limits(tmp_path) == Limits(0.5, outer, 1_000, inner)


def test_the_root_of_a_container_may_hold_the_limit(tmp_path: Path) -> None:
    machine(tmp_path, "0::/\n")
    mount = tmp_path / "sys/fs/cgroup"
    write(mount / "memory.max", "1000\n")
    assert limits(tmp_path) == Limits(memory_bytes=1_000, memory_group=mount)


def test_nothing_above_the_mount_point_is_read(tmp_path: Path) -> None:
    machine(tmp_path)
    write(tmp_path / "sys/fs/memory.max", "1000\n")
    assert limits(tmp_path) == Limits()


@pytest.mark.parametrize("text", ["", "abc\n", "100000\n", "100000 0\n", "-1 100000\n"])
def test_a_cpu_limit_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    _, inner = machine(tmp_path)
    write(inner / "cpu.max", text)
    assert limits(tmp_path) == Limits()


def test_cpu_seconds_come_from_the_usage(tmp_path: Path) -> None:
    write(tmp_path / "cpu.stat", "usage_usec 2500000\nuser_usec 2000000\n")
    assert cpu_seconds(tmp_path) == 2.5
    assert cpu_seconds(tmp_path / "elsewhere") is None


def test_file_pages_that_can_be_dropped_at_once_do_not_count_as_used(tmp_path: Path) -> None:
    write(tmp_path / "memory.current", "700\n")
    assert memory_percent(tmp_path, 1_000) == 70.0
    write(tmp_path / "memory.stat", "anon 400\ninactive_file 300\n")
    assert memory_percent(tmp_path, 1_000) == 40.0
    assert memory_percent(tmp_path, 100) == 100.0
    assert memory_percent(tmp_path, 0) is None
    assert memory_percent(tmp_path / "elsewhere", 1_000) is None


def test_pressure_is_the_share_of_time_in_which_somebody_waited(tmp_path: Path) -> None:
    write(tmp_path / "proc/pressure/cpu", PRESSURE.format("12.50"))
    write(tmp_path / "proc/pressure/io", PRESSURE.format("0.25"))
    assert pressure(tmp_path) == {"cpu": 12.5, "io": 0.25}


def test_a_kernel_without_pressure_figures_gives_none(tmp_path: Path) -> None:
    assert pressure(tmp_path) == {}


def test_a_limited_cgroup_tells_its_own_pressure_and_the_host_the_rest(tmp_path: Path) -> None:
    group = tmp_path / "group"
    write(tmp_path / "proc/pressure/cpu", PRESSURE.format("12.50"))
    write(tmp_path / "proc/pressure/memory", PRESSURE.format("1.00"))
    write(group / "cpu.pressure", PRESSURE.format("99.00"))
    assert pressure(tmp_path, group) == {"cpu": 99.0, "memory": 1.0}
