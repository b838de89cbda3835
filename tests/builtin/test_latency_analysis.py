"""What the scheduler ran and let wait around a high latency, from its own answers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.builtin import latency_analysis
from adaptive_scheduler.events import as_text
from tests.builders import event
from tests.builtin.scripts import FOLDER, run

NOW = datetime(2025, 11, 2, 22, 30, tzinfo=UTC)
SLOW: dict[str, Any] = {"unit": "ms", "value": 91.0, "expected": 40.0, "reason": "a durable write took 91 ms"}


def ran(task: str, start: float, stop: float | None, **more: Any) -> dict[str, Any]:
    """A row of the history, in minutes before now."""

    def moment(ago: float | None) -> str | None:
        return None if ago is None else (NOW - timedelta(minutes=ago)).isoformat()

    return {"task": task, "started_at": moment(start), "ended_at": moment(stop), "status": "ok", "cpu_s": 1.5, **more}


def told(*entries: dict[str, Any]) -> tuple[list[str], list[str]]:
    onset, begin = NOW - timedelta(minutes=5), NOW - timedelta(minutes=20)
    rows, at_onset = latency_analysis.ran(list(entries), begin, onset, "mine")
    return [" ".join(row.split()) for row in rows], at_onset


def clock(ago: float) -> str:
    return f"{(NOW - timedelta(minutes=ago)).astimezone():%H:%M:%S}"


@pytest.mark.parametrize(
    ("entry", "row", "during"),
    [
        pytest.param(
            ran("a", 9, 2), f"a {clock(9)} to {clock(2)}, ok, 1.5 s of CPU, when it began", True, id="across it"
        ),
        pytest.param(ran("a", 9, None), f"a runs since {clock(9)}, when it began", True, id="still"),
        pytest.param(ran("a", 4, None), f"a runs since {clock(4)}", False, id="began later"),
        pytest.param(ran("a", 9, 6, cpu_s=None), f"a {clock(9)} to {clock(6)}, ok", False, id="ended before"),
        pytest.param(ran("a", 90, 21), "nothing", False, id="long ago"),
        pytest.param(ran("a", 9, 2, run_id="mine"), "nothing", False, id="the run that asks"),
        pytest.param({"task": "a", "started_at": "2025-11-02T22:29:00"}, "nothing", False, id="a time without offset"),
        pytest.param({"task": "a", "started_at": 5}, "nothing", False, id="no time"),
    ],
)
def test_what_ran_around_it_is_told(entry: dict[str, Any], row: str, during: bool) -> None:
    assert told(entry) == ([row], ["a"] if during else [])


def test_many_runs_stay_a_page() -> None:
    rows, _ = told(*[ran("a", 9, 2)] * 40)
    assert len(rows) == latency_analysis.MOST_ROWS + 1
    assert rows[-1] == "and 25 more"


@pytest.mark.parametrize(
    ("source", "at_onset", "advice"),
    [
        ("disk", ["backup", "backup", "index"], "to do: 'backup', 'index' ran when it began: give it a window"),
        ("disk", [], "to do: none of these ran when it began: see who else writes"),
        ("db", [], "to do: none of these ran when it began: look at what 'db' asks"),
        ("", [], None),
    ],
)
def test_what_to_look_at_first(source: str, at_onset: list[str], advice: str | None) -> None:
    lines = list(latency_analysis.advice({"source": source}, at_onset))
    assert [line.startswith(advice or "?") for line in lines] == ([True] if advice else [])


def test_what_waits_is_told_with_its_reason() -> None:
    tasks: list[Any] = [
        {"name": "report", "code": "MEMORY_GATE", "reason": "memory 71 % > 60 %"},
        {"name": "backup", "code": "NOT_DUE", "reason": "due in 5 min"},
        "nonsense",
    ]
    assert [" ".join(line.split()) for line in latency_analysis.waiting([{"tasks": tasks}])] == [
        "report MEMORY_GATE: memory 71 % > 60 %"
    ]
    assert list(latency_analysis.waiting([{}])) == ["nothing waits"]


def test_the_answers_of_a_real_scheduler_are_told(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text('[tasks.nap]\ninterval = "10m"\nscript = "nap.py"\n', encoding="utf-8")
    env = {
        "PYTHONPATH": str(FOLDER.parents[1]),
        "ADAPTIVE_EVENT": as_text(event("high_latency", source="disk", **SLOW)),
    }
    done = run("latency_analysis", cwd=tmp_path, env=env)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("high_latency: a durable write took 91 ms\n  91 ms, expected 40 ms, since ")
    assert "\n  'disk' is the scheduler's own small write" in done.out
    assert "\n  nothing\n  to do: none of these ran" in done.out
    assert "\nWhat waits now\n  nothing waits\n" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.toml"]


def test_without_a_scheduler_it_says_so(tmp_path: Path) -> None:
    done = run("latency_analysis", "--config", "nowhere.toml", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("no event started this\n")
    assert done.out.count("  not known: ") == 2
