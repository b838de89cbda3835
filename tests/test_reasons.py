"""Every code of the closed list, made by the real program, asked for now and in the past."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.codes import MEANINGS, Code
from tests.processes import kill, until
from tests.program import Program, with_run_id

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
LATER = NOW + timedelta(minutes=10)

TASKS = """
[scheduler]
max_parallel = 1

[cluster]
master = "tcp://127.0.0.1:1"

[tasks.run]
priority = "critical"
interval = "10m"
adaptive = false
script = "ok.py"

[tasks.forced]
priority = "critical"
interval = "8m"
max_defer = "1s"
script = "ok.py"

[tasks.error]
priority = "critical"
interval = "10m"
adaptive = false
script = "ok.py"

[tasks.not_due]
interval = "1h"
script = "ok.py"

[tasks.cpu_ceiling]
interval = "10m"
script = "ok.py"

[tasks.memory_gate]
interval = "10m"
adaptive = false
script = "ok.py"

[tasks.memory_need]
interval = "10m"
adaptive = false
memory_limit = 100
memory = "1GB"
script = "ok.py"

[tasks.broken]
interval = "1h"
script = "broken.py"

[tasks.dep_failed]
interval = "10m"
adaptive = false
depends_on = ["broken"]
script = "ok.py"

[tasks.dep_wait]
interval = "10m"
adaptive = false
depends_on = ["disabled"]
script = "ok.py"

[tasks.disabled]
enabled = false
interval = "10m"
script = "ok.py"

[tasks.paused]
interval = "10m"
script = "ok.py"

[tasks.window]
interval = "10m"
window = ["03:00-04:00"]
script = "ok.py"

[tasks.backoff]
interval = "10m"
retries = 1
retry_delay = "1h"
script = "broken.py"

[tasks.no_slot]
interval = "10m"
adaptive = false
memory_limit = 100
script = "ok.py"

[tasks.no_node]
interval = "10m"
where = { labels = ["gpu"] }
script = "ok.py"

[tasks.running]
priority = "low"
interval = "30m"
script = "long.py"
"""

EXPECTED: dict[str, tuple[str, float | None, float | None, timedelta | None]] = {
    "run": ("RUN", 600, 600, timedelta(0)),
    "forced": ("FORCED", 120, 1, timedelta(0)),
    "not_due": ("NOT_DUE", 600, 5400, timedelta(minutes=80)),
    "cpu_ceiling": ("CPU_CEILING", 75, 70, timedelta(minutes=5)),
    "memory_gate": ("MEMORY_GATE", 65, 60, timedelta(minutes=5)),
    "memory_need": ("MEMORY_NEED", 300e6, 1e9, timedelta(minutes=5)),
    "dep_failed": ("DEP_FAILED", None, None, timedelta(minutes=5)),
    "dep_wait": ("DEP_WAIT", None, None, timedelta(minutes=5)),
    "disabled": ("DISABLED", None, None, None),
    "paused": ("PAUSED", None, None, timedelta(minutes=80)),
    "window": ("WINDOW", None, None, timedelta(minutes=260)),
    "backoff": ("BACKOFF", 1, 1, timedelta(minutes=50)),
    "no_slot": ("NO_SLOT", 1, 1, timedelta(minutes=5)),
    "no_node": ("NO_NODE", None, None, timedelta(minutes=5)),
    "running": ("RUNNING", 600, 3600, timedelta(minutes=5)),
}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path).config(TASKS).at(NOW)
    program.script("ok.py", "").script("broken.py", "sys.exit(3)\n").script("long.py", "time.sleep(300)\n")
    program("pause", "paused", "--until", "2025-11-03T00:00")
    program("run", "--wait", "10s", "--quiet")
    until(lambda: len(program.starts("long.py")) == 1)
    yield program.at(LATER).load(cpu=75, memory=65, available="300MB")
    for run_id in program.starts("long.py"):
        for pid in with_run_id(run_id):
            kill(pid)


@pytest.fixture
def small(tmp_path: Path) -> Program:
    program = Program(tmp_path).config('[tasks.run]\ninterval = "10m"\nscript = "ok.py"\n').script("ok.py", "")
    program.at(NOW)("run", "--quiet")
    return program.at(LATER)


def told(answer: Any) -> tuple[str, float | None, float | None, timedelta | None]:
    look = answer["next_look"] and datetime.fromisoformat(answer["next_look"]) - LATER
    value = answer["value"]
    if value is not None and value > 100:
        value = round(value / 60) * 60
    rounded = None if look is None else timedelta(minutes=round(look / timedelta(minutes=1) / 5) * 5)
    return answer["code"], value, answer["limit"], rounded


def test_why_and_why_at_answer_for_every_code(program: Program) -> None:
    now = {name: told(program("why", name, "--json").json) for name in EXPECTED}
    # In the plan the three critical starts take slots too; in the cycle they have ended.
    assert now == EXPECTED | {"no_slot": ("NO_SLOT", 4, 1, timedelta(minutes=5))}
    runs = program.outputs / "runs" / "error"
    for path in [*runs.rglob("*")][::-1]:
        path.rmdir() if path.is_dir() else path.unlink()
    runs.rmdir()
    runs.write_text("in the way")
    answer = program("run", "--wait", "10s", "--json")
    assert answer.code == 1
    program.at(LATER + timedelta(minutes=2)).load(cpu=1, memory=1)
    then = {name: told(program("why", name, "--at", "22:41", "--json").json) for name in EXPECTED}
    started = {"run": timedelta(minutes=5), "forced": timedelta(minutes=5)}
    assert then == {name: (*want[:3], started.get(name, want[3])) for name, want in EXPECTED.items()}
    error = program("why", "error", "--at", "22:40", "--json").json
    assert error["code"] == "ERROR"
    assert "cannot be set up in '" in error["reason"]
    for name in EXPECTED:
        text = program("why", name, "--at", "22:41").out
        assert EXPECTED[name][0] in text
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_every_code_has_a_meaning_and_is_in_this_table() -> None:
    assert set(MEANINGS) == set(Code)
    assert {want[0] for want in EXPECTED.values()} | {"ERROR", "EVENT", "HEAVY_PAIR"} == {code.value for code in Code}


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("23:59 tomorrow", "is no time; write"),
        ("tomorrow 12:00", "is in the future"),
        ("2020-01-01", "the history knows nothing of 'run' before 2020-01-01"),
        ("21:00", "the history knows nothing"),
    ],
)
def test_a_question_about_a_time_without_an_answer_is_refused_with_a_sentence(
    small: Program, at: str, words: str
) -> None:
    answer = small("why", "run", "--at", at)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


def test_a_misspelt_task_is_refused_with_the_likely_one(small: Program) -> None:
    answer = small("why", "rum")
    assert answer.code == 2
    assert answer.err.endswith("did you mean 'run'?\n")


def test_a_question_about_a_time_when_nobody_looked_says_so(small: Program) -> None:
    small.at(NOW + timedelta(hours=5))
    answer = small("why", "run", "--at", "2h ago")
    assert answer.code == 2
    assert "the last one before was at 2025-11-02 22:30: the machine or its scheduler was off" in answer.err
