"""The reading and the doing: real files and real commands; what fails is named and stops the rest."""

import sys
from pathlib import Path

import psutil
import pytest

from adaptive_scheduler import registrar
from adaptive_scheduler.backends.base import Action, Answer, File, Question, Remove, Run, Write
from adaptive_scheduler.errors import RegistrationError

PYTHON = sys.executable


def python(code: str) -> tuple[str, ...]:
    return (PYTHON, "-c", code)


def do(*actions: Action) -> list[Action]:
    done: list[Action] = []
    registrar.carry_out(actions, done.append)
    return done


def test_files_and_commands_are_answered(tmp_path: Path) -> None:
    here, gone = File(str(tmp_path / "here")), File(str(tmp_path / "gone"))
    Path(here.path).write_bytes(b"x\xff")
    fine, failing = Question(python("print('told')")), Question(python("import sys; sys.exit('not  \\n allowed')"))
    absent = Question((str(tmp_path / "no-such-tool"),))
    answers = registrar.ask([here, gone, fine, failing, absent])
    assert answers[here] == Answer(0, b"x\xff")
    assert answers[gone] == Answer(None)
    assert (answers[fine].code, answers[fine].content.strip()) == (0, b"told")
    assert (answers[failing].code, answers[failing].complaint) == (1, "not allowed")
    assert answers[absent].code is None


def test_a_file_that_may_not_be_read_is_there_all_the_same(tmp_path: Path) -> None:
    answer = registrar.ask([File(str(tmp_path))])[File(str(tmp_path))]
    assert answer.code == 1
    assert answer.complaint


def test_complaints_come_in_the_language_they_are_compared_in(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("tools of Windows know no LC_ALL")
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    look = Question(python("import os; print(os.environ['LC_ALL'])"))
    assert registrar.ask([look])[look].content.strip() == b"C"


def test_what_a_tool_leaves_in_the_background_is_not_waited_for() -> None:
    """With a pipe this would take ten minutes, and the leftover would be gone by then."""
    child = "import time; time.sleep(600)"
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-S', '-c', {child!r}]); print(p.pid)"
    look = Question(python(code))
    answer = registrar.ask([look])[look]
    psutil.Process(int(answer.content)).kill()
    assert answer.code == 0


def test_files_are_written_removed_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "unit"
    write, remove = Write(str(path), b"content"), Remove(str(path))
    assert do(write) == [write]
    assert path.read_bytes() == b"content"
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o644
    assert do(remove, remove) == [remove, remove]
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "backup"
    do(Write(str(path), b"secret", private=True))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_command_gets_its_input(tmp_path: Path) -> None:
    into = tmp_path / "into"
    code = f"import sys; open({str(into)!r}, 'wb').write(sys.stdin.buffer.read())"
    do(Run(python(code), b"a\r\n%\xff"))
    assert into.read_bytes() == b"a\r\n%\xff"


def test_what_fails_is_named_and_nothing_follows_it(tmp_path: Path) -> None:
    after = Write(str(tmp_path / "after"), b"")
    failing = Run(python("import sys; sys.exit('it is full')"))
    with pytest.raises(RegistrationError, match="fails: it is full"):
        do(failing, after)
    assert not (tmp_path / "after").exists()


def test_a_silent_failure_has_its_exit_code() -> None:
    with pytest.raises(RegistrationError, match="fails: exit code 7"):
        do(Run(python("import sys; sys.exit(7)")))


def test_what_need_not_succeed_stops_nothing(tmp_path: Path) -> None:
    forgiven = [Run(python("import sys; sys.exit(7)"), must=False), Run((str(tmp_path / "no-tool"),), must=False)]
    assert do(*forgiven) == forgiven


def test_a_tool_that_may_be_absent_may_not_fail(tmp_path: Path) -> None:
    absent = Run((str(tmp_path / "no-tool"),), optional=True)
    assert do(absent) == [absent]
    with pytest.raises(RegistrationError, match="fails: no plist"):
        do(Run(python("import sys; sys.exit('no plist')"), optional=True))


def test_what_needs_time_is_tried_again(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    code = f"import pathlib, sys; p = pathlib.Path({str(tried)!r}); there = p.exists(); p.touch(); sys.exit(not there)"
    with pytest.raises(RegistrationError, match="exit code 1"):
        do(Run(python(code)))
    tried.unlink()
    do(Run(python(code), retry_s=60))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RegistrationError, match="cannot write"):
        do(Write(str(tmp_path / "file" / "below"), b""))


def test_a_folder_is_not_removed_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match="cannot remove"):
        do(Remove(str(tmp_path)))
