"""Who burns the CPU is named when an event asks, without a word of what programs were started with."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adaptive_scheduler.builtin import top_consumers
from adaptive_scheduler.builtin.top_consumers import Seen
from adaptive_scheduler.events import as_text
from tests.builders import event
from tests.builtin.leakers import blaming, leaker, name_of
from tests.builtin.scripts import run

BURN = "import os; print(os.getpid(), flush=True)\nwhile True: pass  # password=hunter2"


@pytest.fixture
def burner() -> Iterator[psutil.Process]:
    with leaker(BURN) as process:
        yield process


def test_by_a_beat_nothing_is_looked_at(tmp_path: Path) -> None:
    ran = run("top_consumers", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "no event started this: nothing is looked at; --always does so all the same\n"


def test_a_spike_names_who_burns_the_cpu(burner: psutil.Process, tmp_path: Path) -> None:
    env = blaming(burner, kind="cpu_spike")
    ran = run("top_consumers", "--seconds", "0.5", "--top", "9999", cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("cpu_spike: ")
    assert "\n  it is still there, with " in ran.out
    (row,) = [line for line in ran.out.splitlines() if f" {burner.pid}  " in line]
    assert float(row.split()[0]) > 0
    assert name_of(burner) in row
    assert "hunter2" not in ran.out


def test_it_can_be_asked_without_an_event(tmp_path: Path) -> None:
    ran = run("top_consumers", "--always", "--seconds", "0.1", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "\n  CPU " in ran.out


def test_the_benchmark_measures_nothing_beside_an_event(tmp_path: Path) -> None:
    ran = run("benchmark", cwd=tmp_path, env={"ADAPTIVE_EVENT": as_text(event())})
    assert (ran.code, ran.err) == (0, "")
    assert "nothing is measured" in ran.out
    assert list(tmp_path.iterdir()) == []


def seen(own_s: float, ended_s: float = 0.0, parent: int = 1) -> Seen:
    return Seen("a", parent, own_s, ended_s)


@pytest.mark.parametrize(
    ("before", "after", "used"),
    [
        pytest.param({5: seen(1)}, {5: seen(1.5)}, {5: 0.5}, id="its own"),
        pytest.param({}, {5: seen(0.25)}, {5: 0.25}, id="born meanwhile"),
        pytest.param({5: seen(1)}, {5: seen(1, 0.5)}, {5: 0.5}, id="a child that lived and died meanwhile"),
        pytest.param(
            {5: seen(1), 6: seen(20, parent=5)}, {5: seen(1, 20.5)}, {5: 0.5}, id="what a child used before is not new"
        ),
        pytest.param(
            {5: seen(1), 6: seen(2, 30, parent=5), 7: seen(10, parent=6)},
            {5: seen(1, 42.5)},
            {5: 0.5},
            id="nor what a grandchild did",
        ),
        pytest.param({5: seen(9)}, {5: seen(1)}, {5: 0.0}, id="never less than nothing"),
    ],
)
def test_what_is_used_in_a_second(before: dict[int, Seen], after: dict[int, Seen], used: dict[int, float]) -> None:
    def keyed(processes: dict[int, Seen]) -> dict[tuple[int, float], Seen]:
        return {(pid, 1.0): one for pid, one in processes.items()}

    assert top_consumers.used(keyed(before), keyed(after)) == {(pid, 1.0): value for pid, value in used.items()}


def test_parents_that_point_in_a_ring_do_not_hang_it() -> None:
    before = {(5, 1.0): seen(1, parent=6), (6, 1.0): seen(1, parent=5)}
    assert top_consumers.used(before, {}) == {}


@pytest.mark.parametrize(
    ("created", "fate"),
    [
        pytest.param(50.5, "it is still there, with 12.5 % of the CPU", id="the same"),
        pytest.param(20.0, "its number is another process now", id="another birth"),
        pytest.param(None, "its number is another process now", id="no birth is told"),
    ],
)
def test_the_fate_of_the_blamed_goes_by_its_birth(created: float | None, fate: str) -> None:
    after = {(5, 50.0): seen(1)}
    (line,) = top_consumers.fate({"culprit": {"pid": 5, "created": created}}, after, {(5, 50.0): 12.5})
    assert fate in line
    assert list(top_consumers.fate({"culprit": {"pid": 6}}, after, {})) == ["  it is gone meanwhile"]
    assert list(top_consumers.fate({"culprit": None}, after, {})) == []


def times(**more: float) -> Any:
    given = {"user": 0.0, "system": 0.0, "idle": 0.0, **more}
    return SimpleNamespace(**given, _asdict=lambda: given)


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        pytest.param(
            times(user=70, system=20, idle=10), ["CPU 90 % busy (user 70, system 20); 1 of 2 CPUs full"], id="work"
        ),
        pytest.param(times(idle=60, iowait=40), ["CPU 0 % busy", "40 % of the time it could only wait"], id="disks"),
        pytest.param(times(user=60, steal=40), ["CPU 100 % busy", "taken by the host of this virtual"], id="the host"),
        pytest.param(times(idle=100), ["CPU 0 % busy; 1 of 2"], id="idle"),
    ],
)
def test_what_the_cpu_did_is_told(spent: Any, told: list[str]) -> None:
    lines = list(top_consumers.processor(spent, [95.0, 89.0]))
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("some avg10=12.34 avg60=5.60 avg300=0.00 total=5\n", "waited for a CPU for 12 %, 6 %, 0 % of 10 s"),
        ("", "pressure: this system does not tell"),
        ("some avg10=x\n", "pressure: this system does not tell"),
        (None, "pressure: this system does not tell"),
    ],
)
def test_pressure_is_told_where_there_is_one(content: str | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "cpu").write_text(content, encoding="ascii")
    load, pressure = top_consumers.waiting(tmp_path)
    assert load.startswith("load")
    assert told in pressure


def test_the_table_is_ranked_and_short() -> None:
    after = {(pid, 1.0): Seen(f"p{pid}", 3 if pid == 1 else 0, 0.0) for pid in range(1, 7)}
    rows = list(top_consumers.table(after, {key: 10.0 / key[0] if key[0] < 6 else 0.0 for key in after}, 2))
    assert [row.split()[0] for row in rows] == ["CPU", "10.0", "5.0", "7.8"]
    assert rows[1].endswith("p1, started by p3")
    assert rows[3].endswith("in 3 more processes")
    assert list(top_consumers.table(after, dict.fromkeys(after, 0.0), 2)) == ["no process used any CPU worth a line"]


def test_whose_a_process_is_may_be_unknown() -> None:
    assert top_consumers.user(os.getpid()) not in ("", "?")
    assert top_consumers.user(2**22 if sys.platform == "win32" else 2**30) == "?"
