"""What `check` finds in the world around a sound tasks.toml."""

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import recent
from adaptive_scheduler.checkup import Finding, findings
from adaptive_scheduler.events import Level, Watch
from adaptive_scheduler.fleet import Where
from adaptive_scheduler.model import Step
from adaptive_scheduler.textfile import Textfile
from tests.builders import minutes, sample, task
from tests.world import TestWorld


@pytest.fixture
def place(tmp_path: Path) -> TestWorld:
    (tmp_path / "job.py").touch()
    return TestWorld(tmp_path)


def found(place: TestWorld, **more: Any) -> dict[str, Finding]:
    config = replace(place.world.config, path=str(place.folder.parent / "tasks.toml"), **more)
    before = sorted(place.folder.parent.rglob("*"))
    told = findings(replace(place.world, config=config))
    assert sorted(place.folder.parent.rglob("*")) == before, "a check makes no file"
    order = ["error", "warning", "info"]
    assert [one.severity for one in told] == sorted((one.severity for one in told), key=order.index)
    return {one.where: one for one in told}


def test_a_sound_machine_gives_no_more_than_information(place: TestWorld) -> None:
    place.task("job").cycle()
    told = found(place.later(minutes=5))
    assert {one.severity for one in told.values()} == {"info"}
    assert told["last cycle"].message == "cycle 1 was 5 min ago"
    assert told["interpreters"].message == f".py scripts run with '{sys.executable}'"


def test_metrics_that_can_be_written_are_nothing_to_tell(place: TestWorld) -> None:
    pytest.importorskip("prometheus_client")
    told = found(place.task("job"), metrics=Textfile(str(place.folder.parent / "a.prom")))
    assert [where for where in told if where.startswith("metrics")] == []


def test_a_missing_extra_of_the_metrics_is_told(place: TestWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    told = found(place.task("job"), metrics=Textfile(str(place.folder.parent / "a.prom")))["metrics"]
    assert told.severity == "warning"
    assert told.message.startswith("metrics need the extra [metrics] ('prometheus_client' is not installed)")


def test_a_textfile_that_cannot_be_written_is_told(place: TestWorld) -> None:
    nowhere = place.folder.parent / "none" / "a.prom"
    told = found(place.task("job"), metrics=Textfile(str(nowhere)))["metrics.textfile"]
    assert (told.severity, told.message) == ("warning", f"the folder '{nowhere.parent}' is not there")
    folder = place.folder.parent / "b.prom"
    folder.mkdir()
    told = found(place, metrics=Textfile(str(folder)))["metrics.textfile"]
    assert told.message == f"'{folder}' cannot be written by this user"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("none.py", "script 'none.py' not found"),
        ("job.xyz", "unknown script type '.xyz'"),
    ],
)
def test_a_script_that_cannot_start_is_an_error_of_its_task(place: TestWorld, script: str, words: str) -> None:
    (place.folder.parent / "job.xyz").touch()
    place.tasks["job"] = replace(task(), steps=(Step("one", script),))
    told = found(place)["tasks.job"]
    assert told.severity == "error"
    assert words in told.message


@pytest.mark.parametrize(
    "more",
    [
        {"enabled": False},
        {"os": "windows"},
        {"steps": (Step("one", "none.py", os="windows"),)},
        {"steps": (Step("one", "none.anything", interpreter=(sys.executable,), os="windows"),)},
    ],
    ids=["disabled", "another system", "a step for another system", "a step with an interpreter"],
)
def test_what_never_runs_here_is_not_looked_at(place: TestWorld, more: dict[str, Any]) -> None:
    place.tasks["job"] = replace(task("none"), **more)
    assert "tasks.none" not in found(place)


def test_an_interval_shorter_than_the_tick_is_a_warning(place: TestWorld) -> None:
    told = found(place.task("job", 2))["tasks.job.interval"]
    assert told.severity == "warning"
    assert told.message == "2 min is shorter than the tick of 5 min: it runs once a tick at most"


@pytest.mark.parametrize("more", [{"enabled": False}, {"os": "windows"}], ids=["disabled", "another system"])
def test_a_dependency_that_never_runs_is_a_warning(place: TestWorld, more: dict[str, Any]) -> None:
    told = found(place.task("base", **more).task("job", depends_on=("base",)))["tasks.job.depends_on"]
    assert (told.severity, told.message) == ("warning", "'base' never runs here, so 'job' never starts")


def test_a_dependency_that_runs_is_no_finding(place: TestWorld) -> None:
    (place.folder.parent / "base.py").touch()
    assert "tasks.job.depends_on" not in found(place.task("base").task("job", depends_on=("base",)))


def test_a_state_folder_that_is_a_file_cannot_be_written(place: TestWorld) -> None:
    place.task("job").folder.touch()
    told = found(place)["scheduler.state_dir"]
    assert told.severity == "error"
    assert str(place.folder) in told.message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_state_folder_open_to_others_is_a_warning(place: TestWorld) -> None:
    place.task("job").folder.mkdir(mode=0o755)
    place.folder.chmod(0o755)
    told = found(place)["scheduler.state_dir"]
    assert (told.severity, told.hint) == ("warning", f"chmod 700 '{place.folder}'")


def test_a_damaged_state_and_one_of_a_newer_version_are_errors(place: TestWorld) -> None:
    place.task("job").cycle()
    path = place.folder / "adaptive_scheduler_state.json"
    path.write_bytes(b"{")
    (place.folder / "adaptive_scheduler_state.json.bak").unlink(missing_ok=True)
    assert "is damaged" in found(place)["state"].message
    path.write_text('{"version": 99}')
    assert "a newer adaptive-scheduler wrote it" in found(place)["state"].message


@pytest.mark.parametrize(
    ("gone", "where", "severity", "words"),
    [
        (minutes(15), "last cycle", "info", "cycle 1 was 15 min ago"),
        (minutes(16), "last cycle", "warning", "it was 16 min ago"),
        (-minutes(4), "last cycle", "info", "cycle 1 was 0 s ago"),
        (-minutes(60), "clock", "warning", "the last cycle was 1 h in the future: the clock was set back"),
    ],
)
def test_the_last_cycle_tells_of_the_timer_and_the_clock(
    place: TestWorld, gone: timedelta, where: str, severity: str, words: str
) -> None:
    place.task("job").cycle()
    place.clock.moment += gone
    told = found(place)[where]
    assert (told.severity, told.message) == (severity, words)


def test_without_any_cycle_the_command_that_registers_is_told(place: TestWorld) -> None:
    told = found(place.task("job"))["last cycle"]
    assert told.severity == "warning"
    assert told.hint.startswith("'adaptive-scheduler install' has the system call one every 5 min")


def test_memory_above_the_limit_is_told_with_how_often_it_was(place: TestWorld) -> None:
    place.task("job").load(memory=65)
    place.folder.mkdir(mode=0o700)
    for memory in (40, 61, None):
        recent.write(place.folder, [sample(50, memory)])
    told = found(place)["memory_gate.limit"]
    assert told.severity == "warning"
    assert told.message.startswith("memory use is 65 % now, above 60 % (and was in 1 of the last 2 samples)")


def test_a_time_limit_that_nobody_set_is_told_once_it_is_not_the_default(place: TestWorld) -> None:
    place.task("job").task("own", timeout=minutes(5)).task("new").learned("job", 600, runs=12).learned("own", 600)
    told = found(place)
    assert told["tasks.job.timeout"].severity == "info"
    assert told["tasks.job.timeout"].message == "is not set: a run is ended after 30 min (learned from 12 runs)"
    assert not {"tasks.own.timeout", "tasks.new.timeout"} & set(told)


def test_a_task_that_needs_more_memory_than_there_is_at_all_is_a_warning(place: TestWorld) -> None:
    place.task("job", memory=10**12).task("fits", memory=10**9).meter.total = 16 * 10**9
    told = found(place)
    assert told["tasks.job.memory"].severity == "warning"
    assert told["tasks.job.memory"].message.startswith(
        "its runs need 1000 GB (declared), this machine has 16 GB: each waits 40 min and is then started"
    )
    assert "tasks.fits.memory" not in told


def test_unknown_memory_is_no_finding(place: TestWorld) -> None:
    place.task("job").meter.memory_now = None
    assert "memory_gate.limit" not in found(place)


def test_a_task_that_waits_for_an_event_that_is_switched_off_is_a_warning(place: TestWorld) -> None:
    place.task("job", 60, on=("cpu_spike", "memory_leak"))
    watches = {name: Watch(name=name, level=Level.OFF) for name in ("cpu_spike",)}
    watches["memory_leak"] = Watch(name="memory_leak")
    told = found(place, watches=watches)["tasks.job.on"]
    assert (told.severity, told.message) == (
        "warning",
        "'cpu_spike' never happens: [events.cpu_spike] has level = \"off\"",
    )
    watches["cpu_spike"] = Watch(name="cpu_spike")
    assert "tasks.job.on" not in found(place, watches=watches)


def test_a_task_without_an_interval_is_no_finding(place: TestWorld) -> None:
    assert "tasks.job.interval" not in found(place.task("job", None))


# -- the cluster ---------------------------------------------------------------------------------------


def test_a_cluster_that_does_not_answer_is_a_warning(place: TestWorld) -> None:
    place.unreachable("nobody listens at master").task("there", where=Where())
    told = found(place)["cluster"]
    assert (told.severity, told.message, told.hint) == (
        *("warning", "nobody listens at master"),
        "tasks with where wait until it answers",
    )


def test_an_unusable_node_and_a_wish_that_nobody_meets_are_warnings(place: TestWorld) -> None:
    place.node("a").node("b", unusable="has been silent for 40 s")
    place.task("fine", where=Where()).task("gpu", where=Where(("gpu",)))
    told = found(place)
    assert told["cluster, node 'b'"].message == "has been silent for 40 s"
    assert told["tasks.gpu.where"].message == "there is no node with label 'gpu' now"
    assert "tasks.fine.where" not in told


def test_without_a_task_that_goes_elsewhere_nobody_is_asked(place: TestWorld) -> None:
    place.unreachable().task("here")
    assert "cluster" not in found(place)
    assert place.runner.asked == 0


def test_what_runs_a_script_elsewhere_is_not_looked_for_here(place: TestWorld) -> None:
    place.node("n1").task("there", where=Where())
    place.tasks["there"] = replace(place.tasks["there"], steps=(Step("s", "s.unknown"),))
    assert "not found" in found(place)["tasks.there"].message
