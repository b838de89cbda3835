"""The metrics of real cycles as node_exporter would read them: counted once, never in the way."""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prometheus_client")
from prometheus_client.parser import text_string_to_metric_families

from adaptive_scheduler import exporter, files, locks
from adaptive_scheduler.codes import Code
from adaptive_scheduler.edges import Report, World
from adaptive_scheduler.exposition import METRICS, PREFIX
from adaptive_scheduler.model import Status
from adaptive_scheduler.textfile import Textfile
from tests.platforms import posix_only
from tests.program import Program
from tests.world import TestWorld

AWKWARD = 'a "quoted" \\ back\nnew 백업'

CONFIG = """\
[metrics]
textfile = "metrics/adaptive.prom"
[tasks.good]
interval = "5m"
script = "good.py"
[tasks.bad]
interval = "5m"
script = "bad.py"
"""


def read(path: Path) -> dict[tuple[str, ...], float]:
    """Return every sample by its name without the prefix and the values of its labels, in their alphabet's order."""
    found = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        for one in family.samples:
            labels = (value for _, value in sorted(one.labels.items()))
            found[one.name.removeprefix(PREFIX), *labels] = one.value
    return found


class Exported:
    """A world whose cycles leave metrics."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics" / "adaptive.prom"
        self.path.parent.mkdir()
        self.textfile = Textfile(str(self.path))
        self.world = TestWorld(folder)

    def export(self, report: Report, *, config_ok: bool = True) -> list[str]:
        """Export, and return what was complained of."""
        before = len(report.notes)
        exporter.export(self.world.world, self.textfile, report, config_ok=config_ok)
        return report.notes[before:]

    def cycle(self, *only: str) -> "Exported":
        self.report = self.world.cycle(*only).report
        self.told = self.export(self.report)
        return self

    @property
    def totals(self) -> Path:
        return self.world.folder / exporter.NAME

    @property
    def values(self) -> dict[tuple[str, ...], float]:
        return read(self.path)

    @property
    def warnings(self) -> list[str]:
        return [line.partition("[WARNING] ")[2] for line in self.world.log if "[WARNING]" in line]


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    return Exported(tmp_path)


def test_a_cycle_leaves_its_metrics_where_node_exporter_looks(exported: Exported) -> None:
    exported.world.task("a", 10)
    exported.cycle()
    found = exported.values
    assert exported.told == []
    assert (found["cycles_total",], found["config_ok",], found["cpu_usage_ratio",]) == (1, 1, 0.5)
    assert (found["task_runs_total", "ok", "a"], found["task_running", "a"]) == (1, 0)
    assert [path.name for path in exported.path.parent.iterdir()] == ["adaptive.prom"]


def test_a_broken_tasks_toml_is_a_metric(exported: Exported) -> None:
    exported.world.task("a", 10)
    exported.export(exported.world.cycle().report, config_ok=False)
    assert exported.values["config_ok",] == 0


def test_counters_go_on_over_cycles(exported: Exported) -> None:
    exported.world.task("a", 5).task("b", 5, ends=Status.FAILED)
    for _ in range(4):
        exported.cycle()
        exported.world.later(minutes=5)
    found = exported.values
    assert (found["task_runs_total", "ok", "a"], found["task_runs_total", "failed", "b"]) == (4, 4)
    assert (found["cycles_total",], found["task_consecutive_failures", "b"]) == (4, 4)


def test_a_run_that_outlives_its_cycle_is_counted_by_the_one_that_collects_it(exported: Exported) -> None:
    exported.world.task("a", 5, lasts=7)
    seen = []
    for _ in range(3):
        exported.cycle()
        seen.append((exported.values["task_runs_total", "ok", "a"], exported.values["task_running", "a"]))
        exported.world.later(minutes=5)
    assert seen == [(0, 1), (0, 1), (1, 1)]


def test_cycles_that_overlap_count_a_run_once_in_whatever_order_they_end(exported: Exported) -> None:
    exported.world.task("a", 5).task("b", 5)
    exported.cycle()
    earlier = exported.world.later(minutes=5).cycle("a").report
    exported.cycle("b")
    later = exported.report
    assert exported.export(earlier) == exported.export(later) == []
    found = exported.values
    assert (found["task_runs_total", "ok", "a"], found["task_runs_total", "ok", "b"]) == (2, 2)


def test_a_run_whose_cycle_was_killed_before_it_could_count_is_counted_by_the_next(exported: Exported) -> None:
    exported.world.task("a", 10)
    exported.cycle()
    exported.world.later(minutes=10).cycle()
    exported.world.later(minutes=5)
    exported.cycle()
    assert exported.values["task_runs_total", "ok", "a"] == 2


def test_cycles_that_hold_a_task_back_are_counted_by_reason(exported: Exported) -> None:
    exported.world.task("a", 10).load(memory=80)
    for _ in range(3):
        exported.cycle()
        exported.world.later(minutes=5)
    found = exported.values
    assert found["task_deferrals_total", Code.MEMORY_GATE, "a"] == 3
    assert found["task_waiting_seconds", "a"] == 600
    assert ("task_last_run_success", "a") not in found


def test_a_cycle_of_some_tasks_has_a_word_about_all(exported: Exported) -> None:
    exported.world.task("a", 10).task("b", 10)
    exported.cycle("a")
    found = exported.values
    assert {key[1] for key in found if key[0] == "task_adaptive_interval_seconds"} == {"a", "b"}
    assert found["task_runs_total", "ok", "b"] == 0


def test_the_series_of_a_task_that_has_gone_go_with_it(exported: Exported) -> None:
    exported.world.task("a", 10).task("b", 10)
    exported.cycle()
    exported.world.later(minutes=5).without("a")
    exported.cycle()
    assert [key for key in exported.values if "a" in key] == []
    assert list(json.loads(exported.totals.read_text())["tasks"]) == ["b"]


def test_any_name_comes_back_as_it_was_written(exported: Exported) -> None:
    exported.textfile = replace(exported.textfile, project=AWKWARD)
    exported.world.task(AWKWARD, 10)
    exported.cycle()
    assert exported.values["task_runs_total", AWKWARD, "ok", AWKWARD] == 1
    assert exported.values["cycles_total", AWKWARD] == 1


def test_every_metric_is_one_of_the_table_with_its_kind_and_its_labels(exported: Exported) -> None:
    exported.world.task("a", 10).task("b", 10, depends_on=("a",)).ends("a", Status.FAILED)
    exported.cycle()
    exported.world.later(minutes=10)
    exported.cycle()
    seen = set()
    for family in text_string_to_metric_families(exported.path.read_text(encoding="utf-8")):
        for one in family.samples:
            name = one.name.removeprefix(PREFIX)
            assert (family.type, set(one.labels)) == (METRICS[name].kind, set(METRICS[name].labels))
            seen.add(name)
    assert METRICS.keys() - seen == {"foreign_cpu_usage_ratio"}, "which the machine of this test does not know"


# -- bad days ----------------------------------------------------------------------------------------


def test_a_missing_extra_is_told_once_and_its_end_too(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    exported.world.task("a", 10)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, exporter.LIBRARY, None)
        assert exported.cycle().told == [f"{exporter.lacking()}, continuing"]
        assert "pip install '.[metrics]'" in exported.told[0]
        exported.world.later(minutes=5)
        assert exported.cycle().told == []
        assert not exported.path.exists()
    exported.world.later(minutes=5)
    assert exported.cycle().told == []
    assert len(exported.warnings) == 1
    assert f"[INFO] [SCHEDULER] the metrics are written again to '{exported.path}'" in exported.world.log[-1]
    assert exported.values["task_runs_total", "ok", "a"] == 2, "what was counted meanwhile is there"


def test_a_folder_that_is_not_there_is_told_once_and_none_is_made(exported: Exported) -> None:
    exported.world.task("a", 10)
    exported.path.parent.rmdir()
    (told,) = exported.cycle().told
    assert told.startswith(f"cannot write '{exported.path}': ")
    assert told.endswith(", continuing")
    exported.world.later(minutes=5)
    assert exported.cycle().told == []
    assert exported.warnings == [f"[SCHEDULER] {told}"]
    assert not exported.path.parent.exists()


def test_a_change_of_what_is_wrong_is_told_again(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    exported.world.task("a", 10)
    exported.path.parent.rmdir()
    exported.cycle()
    monkeypatch.setitem(sys.modules, exporter.LIBRARY, None)
    exported.world.later(minutes=5)
    assert exported.cycle().told == [f"{exporter.lacking()}, continuing"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"version": 99, "problem": "", "tasks": {}}', 500 * b"["])
def test_damaged_totals_are_told_and_the_counters_begin_again(exported: Exported, content: bytes) -> None:
    exported.world.task("a", 10)
    exported.cycle()
    exported.totals.write_bytes(content)
    exported.world.later(minutes=10)
    (told,) = exported.cycle().told
    assert told.startswith(f"'{exported.totals}' cannot be used (")
    assert told.endswith("): the counters of the metrics begin again at 0, continuing")
    assert exported.values["task_runs_total", "ok", "a"] == 1
    exported.world.later(minutes=10)
    assert exported.cycle().told == []
    assert exported.values["task_runs_total", "ok", "a"] == 2


def test_lost_totals_are_told_where_there_were_metrics_before(exported: Exported) -> None:
    exported.world.task("a", 10)
    assert exported.cycle().told == []
    exported.totals.unlink()
    exported.world.later(minutes=5)
    assert exported.cycle().told == [
        f"'{exported.totals}' is missing: the counters of the metrics begin again at 0, continuing"
    ]


def test_totals_that_cannot_be_kept_never_let_a_counter_go_back(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported.world.task("a", 5)
    exported.cycle()
    write = files.replace_file

    def full(path: Path, content: bytes, **more: Any) -> None:
        if path.name == exporter.NAME:
            raise OSError(28, "No space left on device")
        write(path, content, **more)

    with monkeypatch.context() as disk:
        disk.setattr(files, "replace_file", full)
        exported.world.later(minutes=5)
        assert exported.cycle().told == [f"cannot write '{exported.totals}': No space left on device, continuing"]
        assert (exported.values["task_runs_total", "ok", "a"], exported.values["cycles_total",]) == (1, 2)
    exported.world.later(minutes=1)
    assert exported.cycle().told == []
    assert exported.values["task_runs_total", "ok", "a"] == 2, "what could not be kept is counted later"


def test_a_lock_that_stays_taken_costs_the_metrics_of_one_cycle(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported.world.task("a", 10)
    monkeypatch.setattr(exporter, "LOCK_WAIT_S", 0.0)
    report = exported.world.cycle().report
    with locks.hold(exported.world.folder / f"{exporter.NAME}.lock"):
        (told,) = exported.export(report)
    assert told.startswith("the metrics cannot be written: TimeoutError: ")
    assert not exported.path.exists()
    assert exported.export(report) == []


def test_what_cannot_be_logged_either_is_left_to_stderr(exported: Exported, tmp_path: Path) -> None:
    exported.world.task("a", 10)
    report = exported.world.cycle().report
    exported.path.parent.rmdir()
    world: World = exported.world.world
    blocked = replace(world, journal=replace(world.journal, folder=world.store.path))
    exporter.export(blocked, exported.textfile, report, config_ok=True)
    assert not report.logged
    assert len(report.notes) == 1


@posix_only("modes of files")
def test_another_user_may_read_the_metrics_and_no_more(exported: Exported) -> None:
    exported.world.task("a", 10)
    before = os.umask(0o077)
    try:
        exported.cycle()
    finally:
        os.umask(before)
    assert exported.path.stat().st_mode & 0o777 == 0o644
    assert exported.totals.stat().st_mode & 0o777 == 0o600


def test_many_cycles_at_once_lose_nothing(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread exports another cycle's report, as cycles that overlap do."""
    monkeypatch.setattr(exporter, "LOCK_WAIT_S", 60.0)
    exported.world.task("a", 5)
    exported.cycle()
    reports = [exported.world.later(minutes=5).cycle().report for _ in range(12)]
    threads = [threading.Thread(target=exported.export, args=(one,)) for one in reports]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.notes for one in reports] == [[]] * 12
    assert exported.values["task_runs_total", "ok", "a"] == 13


# -- the whole program -------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "metrics").mkdir()
    made = Program(tmp_path).config(CONFIG)
    return made.script("good.py", "").script("bad.py", "sys.exit(3)\n")


def test_real_cycles_leave_metrics_and_a_dry_run_none(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "metrics" / "adaptive.prom"
    assert program("run", "--dry-run").code == 0
    assert not path.exists()
    assert program("run").code == 1
    found = read(path)
    assert (found["task_runs_total", "ok", "good"], found["task_runs_total", "failed", "bad"]) == (1, 1)
    assert found["task_last_run_exit_code", "bad"] == 3
    (tmp_path / "tasks.toml").write_text(f"{CONFIG}what = 1\n", encoding="utf-8")
    assert program("run").code == 2
    assert read(path)["config_ok",] == 0


def test_what_is_wrong_with_the_metrics_changes_no_exit_code(program: Program, tmp_path: Path) -> None:
    program.script("bad.py", "")
    (tmp_path / "metrics").rmdir()
    answer = program("run")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.startswith("adaptive-scheduler: cannot write '")
    assert answer.err.rstrip().endswith(", continuing")
    assert "[WARNING] [SCHEDULER] cannot write '" in program.log
    assert program("run").err == ""


def test_a_cycle_without_metrics_never_imports_the_library(program: Program, tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    program.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), program.environ.get("PYTHONPATH", "")])
    program.script("bad.py", "").config(CONFIG.partition("[tasks.good]")[1] + CONFIG.partition("[tasks.good]")[2])
    assert program("run").err == ""
    program.config(CONFIG)
    assert "the metrics cannot be written: RuntimeError: imported, continuing" in program("run").err
