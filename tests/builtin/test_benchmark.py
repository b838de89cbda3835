"""The benchmark measures for real, keeps a bounded past, and judges only by a past of its own machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.builtin import benchmark
from tests.builtin.scripts import run


def kept(folder: Path) -> list[dict[str, Any]]:
    entries = json.loads((folder / benchmark.FILE).read_text(encoding="utf-8"))
    assert isinstance(entries, list)
    return entries


def write(folder: Path, entries: list[dict[str, Any]]) -> None:
    (folder / benchmark.FILE).write_text(json.dumps(entries), encoding="utf-8")


def past(count: int, *, speed: float, machine: str | None = None) -> list[dict[str, Any]]:
    name = benchmark.this_machine() if machine is None else machine
    return [{"machine": name, "cpu": speed, "memory": speed, "disk": speed}] * count


def test_a_run_is_appended_and_the_next_is_compared_with_it(tmp_path: Path) -> None:
    first = run("benchmark", "--data", tmp_path, cwd=tmp_path)
    second = run("benchmark", "--data", tmp_path, cwd=tmp_path)
    assert (first.code, second.code) == (0, 0)
    assert "first run" in first.out
    assert second.out.count("x its median of 1 run") == 3
    assert len(kept(tmp_path)) == 2
    assert all(entry[name] > 0 for entry in kept(tmp_path) for name in ("cpu", "memory", "disk"))


def test_nothing_but_the_results_stays_behind(tmp_path: Path) -> None:
    run("benchmark", "--data", tmp_path, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [benchmark.FILE]


@pytest.mark.parametrize(
    ("entries", "slow", "code"),
    [
        pytest.param(past(9, speed=1e9), "0.4", 10, id="much slower than its median"),
        pytest.param(past(9, speed=1e9), "0", 0, id="never asked to complain"),
        pytest.param(past(9, speed=1e-9), "0.4", 0, id="faster"),
        pytest.param(past(4, speed=1e9), "0.4", 0, id="too few runs to judge by"),
        pytest.param(past(9, speed=1e9, machine="another"), "0.4", 0, id="the past of another machine"),
    ],
)
def test_much_slower_is_a_warning(entries: list[dict[str, Any]], slow: str, code: int, tmp_path: Path) -> None:
    write(tmp_path, entries)
    ran = run("benchmark", "--data", tmp_path, "--slow", slow, cwd=tmp_path)
    assert ran.code == code
    assert ("much slower" in ran.out) == (code == 10)


def test_the_file_stays_bounded(tmp_path: Path) -> None:
    write(tmp_path, past(benchmark.KEPT_RUNS + 7, speed=1, machine="another"))
    run("benchmark", "--data", tmp_path, cwd=tmp_path)
    assert len(kept(tmp_path)) == benchmark.KEPT_RUNS
    assert kept(tmp_path)[-1]["machine"] == benchmark.this_machine()


@pytest.mark.parametrize(
    "content", ["", "[{", "{}", "\x00" * 40], ids=["empty", "truncated", "another shape", "after a power loss"]
)
def test_a_damaged_file_is_set_aside_and_begun_anew(content: str, tmp_path: Path) -> None:
    (tmp_path / benchmark.FILE).write_text(content, encoding="utf-8")
    ran = run("benchmark", "--data", tmp_path, cwd=tmp_path)
    assert ran.code == 0
    assert "begun anew" in ran.out
    assert len(kept(tmp_path)) == 1
    assert (tmp_path / benchmark.FILE).with_suffix(".damaged").read_text(encoding="utf-8") == content


def test_the_comparison_names_the_ratio_and_the_number_of_runs() -> None:
    text, ratio = benchmark.compared(benchmark.Figure("cpu", 10.2, "x"), past(24, speed=10))
    assert text.endswith("1.02 x its median of 24 runs")
    assert ratio == pytest.approx(1.02)
