"""`report` as a command: where it writes and what it refuses to write over, and what it needs."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_scheduler.codes import Code
from adaptive_scheduler.events import Culprit
from adaptive_scheduler.history import History
from adaptive_scheduler.model import Decision, Status
from tests.builders import NOW, event, minutes
from tests.console import Inside
from tests.platforms import is_private, posix_only
from tests.reports import TICK, runs, samples

pytest.importorskip("plotly", reason="the report needs plotly")

CONFIG = '[tasks.job]\ninterval = "10m"\nscript = "job.py"\n'
FOREIGN = "<!DOCTYPE html><title>my holidays</title>"


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    inside = Inside(tmp_path)
    inside.config(CONFIG).script("job.py", "").at(NOW)
    return inside


@pytest.fixture
def lived(program: Inside) -> Inside:
    """A machine with a day of history."""
    program.outputs.mkdir()
    history = History(program.outputs)
    waits = Decision("job", Code.CPU_CEILING, "waits for CPU", None)
    culprit = Culprit(name="leaker", pid=7, created=0.0)
    for number, sample in enumerate(samples(4)):
        happened = [event("cpu_spike", at=sample.at, culprit=culprit)] if number == 9 else []
        history.record(sample.at, number, sample, [waits], TICK, events=happened)
    ran = runs("job", 20, n3=Status.FAILED)
    history.take_in([*ran, ("far", replace(ran[0][1], run_id="far-1", node="n1"))])
    return program


def page_of(program: Inside, path: Path | None = None) -> str:
    """The page without what it brings along."""
    text = (path or program.outputs / "report.html").read_text(encoding="utf-8")
    return re.sub(r"<script>.*?</script>", "", text, flags=re.S)


def test_it_writes_one_private_file_and_prints_where(program: Inside) -> None:
    before = program.files()
    answer = program("report")
    target = program.outputs / "report.html"
    assert (answer.code, answer.out, answer.err) == (0, f"{target}\n", "")
    assert set(program.files()) - set(before) == {"outputs", str(Path("outputs", "report.html"))}
    assert is_private(target)
    assert "No samples and no runs in this time" in page_of(program)


def test_the_page_tells_the_history(lived: Inside) -> None:
    assert lived("report").code == 0
    text = page_of(lived)
    for words in ("leaker (pid 7)", "CPU_CEILING", "exit code 3", 'Task far"', "<b>21</b>", "4 h"):
        assert words in text


def test_it_looks_back_as_far_as_it_is_told(lived: Inside) -> None:
    lived.at(NOW + minutes(26 * 60))
    assert lived("report", "--days", "1").code == 0
    assert "No samples and no runs in this time" in page_of(lived)
    assert lived("report", "--days", "2").code == 0
    assert "<b>21</b>" in page_of(lived)
    assert lived("report", "--days", "0").code == 2


def test_a_report_is_written_anew_over_the_one_before(program: Inside) -> None:
    assert program("report").code == program("report").code == 0


def test_a_file_of_somebody_else_is_written_over_only_when_it_is_named(program: Inside) -> None:
    target = program.outputs / "report.html"
    target.parent.mkdir()
    target.write_text(FOREIGN)
    answer = program("report")
    assert answer.code == 2
    assert f"'{target}' is no report of ours, and stays as it is" in answer.err
    assert target.read_text() == FOREIGN
    assert program("report", "--output", str(target)).code == 0
    assert "No samples" in page_of(program)


def test_what_is_no_page_at_all_is_never_written_over(program: Inside) -> None:
    config = program.folder / "tasks.toml"
    answer = program("report", "--output", str(config))
    assert answer.code == 2
    assert "is no report and no .html file" in answer.err
    assert config.read_text(encoding="utf-8") == CONFIG


@pytest.mark.parametrize(("name", "says"), [("outputs", "is a folder"), ("none/page.html", "there is no folder")])
def test_a_place_that_cannot_hold_it_is_named(program: Inside, name: str, says: str) -> None:
    program.outputs.mkdir()
    answer = program("report", "--output", str(program.folder / name))
    assert answer.code == 2
    assert says in answer.err
    assert str(Path(name).parts[0]) in answer.err


def test_a_new_file_may_have_any_name(program: Inside) -> None:
    target = program.folder / "monday"
    assert program("report", "--output", str(target)).out == f"{target}\n"
    assert is_private(target)


@posix_only("names of 255 bytes at most, and files that are made beside them")
@pytest.mark.parametrize(("letters", "code"), [(300, 2), (245, 3)], ids=["too long", "too long for its temporary file"])
def test_a_name_that_the_system_refuses_is_told_with_the_way_out(program: Inside, letters: int, code: int) -> None:
    answer = program("report", "--output", str(program.folder / ("x" * letters + ".html")))
    assert answer.code == code
    assert "File name too long" in answer.err
    assert "name another file with --output" in answer.err
    assert list(program.folder.glob("*x*")) == []


def test_without_plotly_it_says_what_to_install(program: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    answer = program("report")
    assert answer.code == 2
    assert "pip install '.[report]'" in answer.err
    assert not program.outputs.exists()


def test_on_a_terminal_it_tells_more_and_shows_how_far_it_is(program: Inside) -> None:
    program.terminal = True
    answer = program("report")
    assert answer.code == 0
    assert re.search(r"written to '.*report\.html' \(4\.\d MB\); open it", answer.out.replace("\n", " "))
    assert "report" in answer.err


def test_a_broken_configuration_is_told_on_the_page(program: Inside) -> None:
    assert program("run").code == 0
    program.config(CONFIG.replace('"10m"', '"soon"'))
    assert program("report").code == 0
    assert "tasks.toml" in page_of(program)
    assert "soon" in page_of(program)


def test_a_decision_that_this_program_does_not_know_is_left_out(lived: Inside) -> None:
    with History(lived.outputs).writing() as database:
        database.execute("update decisions set code = 'FROM_TOMORROW'")
    assert lived("report").code == 0
    assert "FROM_TOMORROW" not in page_of(lived)


def test_other_commands_load_nothing_of_it(program: Inside) -> None:
    """What is imported is paid for 288 times a day."""
    look = (
        "import sys; from adaptive_scheduler import cli\n"
        f"sys.argv = {['x', '--config', str(program.folder / 'tasks.toml'), 'status']!r}\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name.startswith(('plotly', 'adaptive_scheduler.report')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", look], env=program.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
