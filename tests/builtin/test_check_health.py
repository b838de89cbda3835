"""The health check on this machine, with limits that it must be within and limits that it must be beyond."""

from pathlib import Path

import psutil
import pytest

from adaptive_scheduler.builtin import check_health
from tests.builtin.scripts import command, run

LENIENT = (
    *("--disk-percent", "101", "--memory-percent", "101", "--swap-percent", "101"),
    *("--load", "1e9", "--celsius", "1e9", "--ignore-service", "*"),
)


def test_a_machine_within_every_limit_is_healthy(tmp_path: Path) -> None:
    ran = run("check_health", *LENIENT, cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("healthy: ")
    assert "FINDING" not in ran.out


@pytest.mark.parametrize(
    ("limits", "subject"),
    [
        pytest.param(["--disk-percent", "0", "--disk-enough-gb", "1e9"], "disk", id="disk"),
        pytest.param(["--memory-percent", "0"], "memory", id="memory"),
        pytest.param(
            ["--load", "-1"],
            "load",
            id="load",
            marks=pytest.mark.skipif(psutil.WINDOWS, reason="Windows keeps no load average"),
        ),
    ],
)
def test_a_value_beyond_its_limit_is_a_finding_that_stands_first(
    limits: list[str], subject: str, tmp_path: Path
) -> None:
    ran = run("check_health", *LENIENT, *limits, cwd=tmp_path)
    assert ran.code == 10
    lines = ran.out.splitlines()
    assert "beyond" in lines[0]
    assert lines[1].startswith(f"FINDING  {subject}")
    assert "limit" in lines[1]


@pytest.mark.parametrize(
    ("used", "free_gb", "verdict"),
    [
        pytest.param(89.9, 1, "ok", id="below the limit"),
        pytest.param(90, 1, "FINDING", id="at the limit"),
        pytest.param(97, 600, "ok", id="nearly full, but huge"),
        pytest.param(97, 50, "ok", id="exactly enough free"),
    ],
)
def test_a_disk_is_full_by_percent_unless_enough_is_free(used: float, free_gb: float, verdict: str) -> None:
    limits = check_health.arguments().parse_args([])
    assert check_health.disk("/", used, free_gb, limits).verdict.value == verdict


def test_the_system_disk_is_always_looked_at() -> None:
    mounts = check_health.real_mounts()
    assert mounts
    assert psutil.WINDOWS or mounts[0] == "/"


def test_a_look_that_this_machine_refuses_does_not_spoil_the_others(tmp_path: Path) -> None:
    env = command(tmp_path / "bin", "systemctl", "import sys; sys.exit('no bus here')")
    ran = run("check_health", *LENIENT, cwd=tmp_path, env=env)
    assert ran.code == 0
    assert psutil.WINDOWS or "skipped  services: systemctl: no bus here" in ran.out
    assert "ok       memory" in ran.out


@pytest.mark.skipif(psutil.WINDOWS, reason="no systemd there")
@pytest.mark.parametrize(
    ("ignored", "code"),
    [
        pytest.param([], 10, id="a failed unit is a finding"),
        pytest.param(["--ignore-service", "backup*"], 0, id="an ignored one is not"),
    ],
)
def test_failed_units_are_named(ignored: list[str], code: int, tmp_path: Path) -> None:
    env = command(tmp_path / "bin", "systemctl", "print('backup.service loaded failed failed The backup')")
    ran = run("check_health", *LENIENT[:-2], *ignored, cwd=tmp_path, env=env)
    assert ran.code == code
    assert ("'backup.service'" in ran.out) == (code == 10)


def test_a_missing_systemctl_is_said(tmp_path: Path) -> None:
    ran = run("check_health", *LENIENT, cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert ran.code == 0
    assert psutil.WINDOWS or "systemctl not found" in ran.out


def test_nonsense_as_a_limit_is_refused_by_name(tmp_path: Path) -> None:
    ran = run("check_health", "--load", "much", cwd=tmp_path)
    assert ran.code == 2
    assert "'much'" in ran.err
