"""The daily page tells what there is and does without the rest."""

import json
import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.builtin import daily_routine
from tests.builtin.scripts import FOLDER, run

NOW = datetime(2025, 11, 2, 22, 34, tzinfo=UTC)


def ran(task: str, status: str, *, hours_ago: float = 1, **more: Any) -> dict[str, Any]:
    started = (NOW - timedelta(hours=hours_ago)).isoformat()
    return {"task": task, "status": status, "started_at": started, "duration_s": 2.0, **more}


def test_the_page_is_printed_and_kept(tmp_path: Path) -> None:
    done = run("daily_routine", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    kept = (tmp_path / "outputs" / "data" / daily_routine.FILE).read_text(encoding="utf-8")
    assert kept == done.out
    assert kept.startswith(f"Daily summary of {platform.node()}")
    for part in ("Machine", "Disks", "Programs", "Load", "Runs"):
        assert f"\n{part}" in kept
    assert len(kept.splitlines()) < 70


def test_without_a_scheduler_the_page_says_so(tmp_path: Path) -> None:
    done = run("daily_routine", "--config", "nowhere.toml", cwd=tmp_path)
    assert done.code == 0
    assert "no samples yet" in done.out
    assert "not available: " in done.out


def test_the_history_of_a_real_scheduler_is_told(tmp_path: Path) -> None:
    config = tmp_path / "tasks.toml"
    config.write_text('[tasks.nap]\ninterval = "10m"\nscript = "nap.py"\n', encoding="utf-8")
    # The checkout that is tested, installed or not.
    done = run("daily_routine", cwd=tmp_path, env={"PYTHONPATH": str(FOLDER.parents[1])})
    assert done.code == 0
    assert "Runs of the last 24 hours\n  nothing ran" in done.out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param('[{"cpu_load": 10, "memory_usage": 40}, {"cpu_load": 30}]', "20.0 % on average", id="samples"),
        pytest.param('[{"cpu_load": null}, 7]', None, id="unknown values"),
        pytest.param("{}", "no samples yet", id="another shape"),
        pytest.param("[", "cannot be read", id="truncated"),
    ],
)
def test_the_samples_are_told(content: str, told: str | None, tmp_path: Path) -> None:
    (tmp_path / "scheduler_metrics.json").write_text(content, encoding="utf-8")
    lines = "\n".join(daily_routine.samples(tmp_path))
    assert lines == "" if told is None else told in lines


def test_runs_are_counted_by_task_and_result_and_failures_quoted() -> None:
    entries = [
        *[ran("health_check", "ok")] * 3,
        ran("health_check", "warning", duration_s=7.25),
        ran("backup", "failed", cause="exit code 3"),
        ran("backup", "ok", hours_ago=25),
    ]
    lines = list(daily_routine.runs(entries, NOW))
    assert [" ".join(line.split()) for line in lines[:2]] == [
        "backup 1 failed; the longest took 2.0 s",
        "health_check 3 ok, 1 warning; the longest took 7.2 s",
    ]
    assert lines[2].endswith("'backup': exit code 3")


@pytest.mark.parametrize(
    "entry",
    [{}, {"started_at": None}, {"started_at": "yesterday"}, {"started_at": "2025-11-02T22:00:00"}],
    ids=["empty", "no time", "no ISO time", "no offset"],
)
def test_an_entry_that_makes_no_sense_is_left_out(entry: dict[str, Any]) -> None:
    assert list(daily_routine.runs([entry], NOW)) == ["nothing ran"]


def test_the_page_stays_one_page_however_many_tasks_there_are() -> None:
    entries = [ran(f"task{number}", "failed", cause="x") for number in range(500)]
    lines = list(daily_routine.runs(entries, NOW))
    assert len(lines) == daily_routine.MOST_ROWS + 1 + daily_routine.MOST_FAILURES
    assert "and 480 more tasks" in lines


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (99, "99.0 s"), (720, "12 min"), (18_000, "5.0 h"), (181_440, "2.1 d")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert daily_routine.words(seconds) == text


def test_a_page_with_a_hostile_process_name_is_kept_as_text(tmp_path: Path) -> None:
    daily_routine.save(tmp_path / "page", json.loads('"\\ud800 lone surrogate"'))
    assert (tmp_path / "page").read_text(encoding="utf-8") == "? lone surrogate"
