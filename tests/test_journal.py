"""The log: whole lines whoever writes, none lost in a rotation, none forged."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from adaptive_scheduler import journal, locks
from adaptive_scheduler.codes import Code
from adaptive_scheduler.journal import Journal, Line
from adaptive_scheduler.model import Decision, Status
from adaptive_scheduler.runners.base import StepResult
from adaptive_scheduler.settings import Rhythm
from tests.builders import NOW, ended, minutes, sample
from tests.platforms import is_private

AT = datetime.fromisoformat("2025-11-02T22:34:43+09:00")

WRITER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from adaptive_scheduler.journal import Journal, Line
log = Journal(Path(sys.argv[1]), max_bytes=2000, keep=1000)
sys.stdin.readline()
for number in range(60):
    log.write([Line(datetime(2025, 11, 2, tzinfo=UTC), "INFO", sys.argv[2], f"line {number}")])
"""


def line(text: str, source: str = "SCHEDULER") -> Line:
    return Line(AT, "INFO", source, text)


def read(folder: Path, name: str = journal.NAME) -> list[str]:
    return (folder / name).read_text(encoding="utf-8").splitlines()


def test_a_line_reads_as_the_field_expects_and_its_file_is_private(tmp_path: Path) -> None:
    Journal(tmp_path / "outputs").write([journal.opening(AT)])
    assert read(tmp_path / "outputs") == ["[2025-11-02 22:34:43] [INFO] [SCHEDULER] Adaptive Scheduler Started"]
    assert is_private(tmp_path / "outputs" / journal.NAME)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_a_line_break_in_a_text_forges_no_line(tmp_path: Path, end: str) -> None:
    forged = f"harmless{end}[2025-11-02 22:34:43] [ERROR] [SCHEDULER] forged"
    Journal(tmp_path).write([line(forged)])
    assert len(read(tmp_path)) == 1
    Journal(tmp_path, "json").write([line(forged)])
    assert len((tmp_path / journal.NAME).read_bytes().split(b"\n")) == 3


def test_an_escape_code_is_shown_and_half_a_character_breaks_nothing(tmp_path: Path) -> None:
    for form in ("text", "json"):
        Journal(tmp_path, form).write([line("\x1b[31mred \udc80 한국어")])
    text, as_json = read(tmp_path)
    assert text.endswith("\\x1b[31mred \\udc80 한국어")
    assert json.loads(as_json)["text"] == "\x1b[31mred \udc80 한국어"


def test_the_json_form_is_one_object_a_line(tmp_path: Path) -> None:
    Journal(tmp_path, "json").write([line("one"), line('say "two"', "job")])
    assert [json.loads(one) for one in read(tmp_path)] == [
        {"at": "2025-11-02T13:34:43+00:00", "level": "INFO", "source": "SCHEDULER", "text": "one"},
        {"at": "2025-11-02T13:34:43+00:00", "level": "INFO", "source": "job", "text": 'say "two"'},
    ]


def test_nothing_to_say_makes_no_file(tmp_path: Path) -> None:
    Journal(tmp_path / "outputs").write([])
    assert not (tmp_path / "outputs").exists()


def test_a_full_log_is_rotated_and_the_oldest_beyond_keep_is_dropped(tmp_path: Path) -> None:
    log = Journal(tmp_path, max_bytes=10, keep=2)
    for number in range(5):
        log.write([line(f"number {number}")])
    names = [journal.NAME, f"{journal.NAME}.1", f"{journal.NAME}.2"]
    assert [read(tmp_path, name)[0][-1] for name in names] == ["4", "3", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, f"{journal.NAME}.lock"])


def test_writers_at_once_lose_no_line_while_the_log_is_rotated(tmp_path: Path) -> None:
    names = [f"writer{number}" for number in range(4)]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stdin=subprocess.PIPE) for name in names
    ]
    for one in writers:
        one.communicate(b"go\n", timeout=60) if one is writers[-1] else one.stdin and one.stdin.close()
    assert [one.wait(timeout=60) for one in writers] == [0] * 4
    files = [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    found = [text.split("] ", 2)[2] for path in files for text in read(tmp_path, path.name)]
    assert len(files) > 5
    assert sorted(found) == sorted(f"[{name}] line {number}" for name in names for number in range(60))


def test_a_log_that_stays_locked_is_said_after_a_bounded_wait(tmp_path: Path) -> None:
    with locks.hold(tmp_path / f"{journal.NAME}.lock"), pytest.raises(TimeoutError, match=r"adaptive_scheduler\.log"):
        Journal(tmp_path, lock_wait_s=0.05).write([line("never")])
    assert not (tmp_path / journal.NAME).exists()


@pytest.mark.parametrize(
    ("cpu", "tempo", "words"),
    [
        (18, "faster", "Low CPU (18%) detected - increasing frequency"),
        (20, "base", "Normal CPU (20%) detected - back to base frequency"),
        (70, "base", "Normal CPU (70%) detected - back to base frequency"),
        (75.5, "slower", "High CPU (75.5%) detected - decreasing frequency"),
        (None, "base", "Normal CPU (unknown) detected - back to base frequency"),
    ],
)
def test_the_tempo_is_told_in_the_classic_words(cpu: float | None, tempo: str, words: str) -> None:
    assert Rhythm().tempo(cpu) == tempo
    assert journal.tempo_changed(NOW, "job", tempo, cpu) == Line(NOW, "INFO", "job", words)


def test_a_start_names_its_first_step_where_one_runs() -> None:
    decision = Decision("job", Code.RUN, "", NOW)
    assert [one.text for one in journal.task_started(NOW, decision, "Save")] == [
        "=== Starting Task: job ===",
        "Executing: Save",
    ]
    assert len(journal.task_started(NOW, decision, None)) == 1


def step(name: str, status: str, offset_s: float = 0, duration_s: float = 1, cause: str = "") -> StepResult:
    return StepResult(name=name, status=status, offset_s=offset_s, duration_s=duration_s, cause=cause)


@pytest.mark.parametrize(
    ("status", "cause", "level", "last"),
    [
        (Status.OK, "", "INFO", "=== Task Complete: job ==="),
        (Status.WARNING, "exit code 10", "WARNING", "=== Task Complete with a warning: job (exit code 10) ==="),
        (Status.FAILED, "exit code 3", "ERROR", "=== Task Failed: job (failed: exit code 3) ==="),
    ],
)
def test_an_end_tells_each_step_that_ran_at_its_own_time(status: Status, cause: str, level: str, last: str) -> None:
    result = ended(0, status, cause=cause)
    steps = [
        step("one", "ok"),
        step("two", "skipped"),
        step("three", "failed", 2, cause="exit code 3"),
        step("four", "timeout", 3),
        step("five", "not_run"),
    ]
    lines = journal.task_ended("job", result, steps, ["left 1 process behind"])
    assert [((one.at - result.started_at).total_seconds(), one.level, one.text) for one in lines] == [
        (1, "INFO", "Completed: one"),
        (2, "INFO", "Executing: three"),
        (3, "ERROR", "Failed: three (exit code 3)"),
        (3, "INFO", "Executing: four"),
        (4, "ERROR", "Failed: four (timeout)"),
        (0, "WARNING", "left 1 process behind"),
        (0, level, last),
    ]


@pytest.mark.parametrize(("started", "shown"), [([], "none"), (["a", "b"], "a, b")])
def test_the_last_line_sums_the_cycle_up(started: list[str], shown: str) -> None:
    told = journal.closing(AT + minutes(1), AT, 7, sample(18, 45.9), started)
    assert told.text == f"[Cycle 7 @ 22:34:43] CPU: 18% | Memory: 45.9% | Tasks: {shown}"
    assert told.at == AT + minutes(1)


def test_a_refusal_is_told_with_its_code() -> None:
    told = journal.waiting(NOW, Decision("job", Code.MEMORY_GATE, "memory 65 % is above 60 %", NOW))
    assert told.text == "Waiting [MEMORY_GATE]: memory 65 % is above 60 %"
