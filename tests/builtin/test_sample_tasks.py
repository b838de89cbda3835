"""The shipped tasks.toml: the five classic tasks and one that learns, which can run at once, and two for events."""

from datetime import timedelta
from pathlib import Path

import pytest

from adaptive_scheduler.config import load
from adaptive_scheduler.durations import NEVER
from adaptive_scheduler.settings import Config
from tests.builtin.scripts import FOLDER

SAMPLE = Path(__file__).parents[2] / "tasks.toml"


@pytest.fixture(scope="module")
def config() -> Config:
    return load(SAMPLE, platform="linux")


def test_the_classic_tasks_are_there_one_that_learns_and_two_for_events(config: Config) -> None:
    table = {name: (task.interval, task.priority.value) for name, task in config.tasks.items()}
    assert table == {
        "health_check": (timedelta(minutes=10), "critical"),
        "performance_analysis": (timedelta(minutes=30), "high"),
        "system_maintenance": (timedelta(minutes=60), "medium"),
        "event_analysis": (timedelta(minutes=60), "medium"),
        "daily_routine": (timedelta(hours=24), "low"),
        "learn_rhythm": (timedelta(days=7), "low"),
        "leak_response": (NEVER, "critical"),
        "latency_analysis": (NEVER, "critical"),
    }


def test_each_of_the_classic_events_has_its_task(config: Config) -> None:
    waiting = {event: name for name, task in config.tasks.items() for event in task.on}
    assert waiting == {
        "cpu_spike": "performance_analysis",
        "memory_leak": "leak_response",
        "high_latency": "latency_analysis",
    }


def test_no_process_may_be_ended_as_shipped(config: Config) -> None:
    (ending,) = [step for step in config.tasks["leak_response"].steps if step.script == "builtin:end_leaker.py"]
    assert ending.args == ()


def test_every_script_is_shipped(config: Config) -> None:
    scripts = {step.script for task in config.tasks.values() for step in task.steps}
    assert all(script.startswith("builtin:") for script in scripts)
    shipped = {f"builtin:{path.name}" for path in FOLDER.glob("*.p*") if path.name != "__init__.py"}
    assert scripts == shipped


def test_a_first_run_may_start_all_of_them_at_any_hour(config: Config) -> None:
    assert all(task.enabled and not task.windows and task.os is None for task in config.tasks.values())


def test_findings_are_a_warning_and_powershell_is_for_windows(config: Config) -> None:
    assert config.tasks["health_check"].warning_codes == (10,)
    assert config.tasks["performance_analysis"].depends_on == ("health_check",)
    assert "Save Performance Benchmark" in [step.name for step in config.tasks["performance_analysis"].steps]
    assert [step.os for step in config.tasks["system_maintenance"].steps] == [None, "windows"]


def test_nothing_is_removed_as_shipped(config: Config) -> None:
    assert config.tasks["system_maintenance"].steps[0].args == ()


def test_every_commented_key_is_valid_when_it_is_uncommented(tmp_path: Path) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and ("=" in line or line.startswith("# [")) else line
        for line in text.splitlines()
    ]
    copy = tmp_path / "tasks.toml"
    copy.write_text("\n".join(lines), encoding="utf-8")
    loaded = load(copy, platform="linux")
    assert "backup" in loaded.tasks
    assert "memory_full" in loaded.watches
    assert loaded.probes["db"].target == ("db:5432",)
