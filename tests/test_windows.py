"""What only Windows has: code pages, cmd.exe, pythonw, consoles, mandatory locks."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adaptive_scheduler import files, locks, trust
from tests.platforms import windows_only
from tests.processes import Supervised, until
from tests.program import Program

pytestmark = windows_only

NAME, SCRIPT = "백업_밤", "한글 — 😀.py"
TASK = f'[tasks."{NAME}"]\ninterval = "1h"\ndescription = "— 😀"\nscript = "{SCRIPT}"\n'
DETACHED_PROCESS = 0x0008


@pytest.fixture
def run(tmp_path: Path) -> Supervised:
    return Supervised(tmp_path)


@pytest.fixture
def korean(tmp_path: Path) -> Program:
    """A task, a script and a folder with names in Korean, and streams in the code page of this system."""
    folder = tmp_path / "작업 폴더 & 100%"
    folder.mkdir()
    program = Program(folder).config(TASK).script(SCRIPT, "print('끝 — \\U0001f600')\n")
    del program.environ["PYTHONIOENCODING"]
    return program


# -- code pages ----------------------------------------------------------------------------------------


def said(program: Program, *words: str) -> tuple[int, bytes, bytes]:
    """Call the program and return its exit code and the bytes that it printed."""
    done = subprocess.run(
        program.argv(*words), env=program.environ, cwd=program.folder, stdin=subprocess.DEVNULL, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


def test_names_and_output_that_the_code_page_cannot_say_fail_nothing(korean: Program) -> None:
    assert said(korean, "run") == (0, b"", b"")
    for words in (["status"], ["why", NAME], ["history"], ["check"], ["run", "--dry-run"], ["logs", NAME]):
        code, out, err = said(korean, *words)
        assert (code, err) == (0, b""), words
        assert out, words
    assert korean.history()[0]["task"] == NAME
    assert next(korean.outputs.glob("runs/*/*/output.log")).read_text(encoding="utf-8") == "끝 — \U0001f600\n"


def test_a_failure_of_such_a_task_is_told_on_stderr(korean: Program) -> None:
    korean.script(SCRIPT, "raise SystemExit('나쁨 — \\U0001f600')\n")
    code, out, err = said(korean, "run")
    assert (code, out) == (1, b"")
    assert b"failed" in err


def test_output_in_the_code_page_of_the_system_is_read_as_such(korean: Program) -> None:
    raw = b"\xb0\xa1\xb3\xaa"
    korean.script(SCRIPT, f"os.write(1, {raw!r} + b'\\r\\n')\n")
    assert korean("run").code == 0
    korean.environ["PYTHONIOENCODING"] = "utf-8"
    assert korean("logs", NAME).out.strip() == raw.decode("oem")


def test_a_tasks_toml_of_notepad_is_read(korean: Program) -> None:
    (korean.folder / "tasks.toml").write_bytes(b"\xef\xbb\xbf" + TASK.replace("\n", "\r\n").encode())
    assert said(korean, "run") == (0, b"", b"")


# -- cmd.exe -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["job.bat", "two words.cmd", "this & that.bat", "(100%) ^ done!.bat"])
def test_a_batch_file_runs_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "one & two"
    folder.mkdir()
    program = Program(folder).config(
        '[interpreters]\n".bat" = ["cmd", "/c"]\n".cmd" = ["cmd", "/c"]\n'
        f'[tasks.job]\ninterval = "1h"\nscript = \'{name}\'\nargs = ["a b", "c&d"]\n'
    )
    (folder / name).write_bytes(b"@echo off\r\necho ran %1 %2\r\nexit /b 7\r\n")
    (ended,) = program("run", "--json").json["runs"]
    assert (ended["status"], ended["exit_code"]) == ("failed", 7), program("logs", "job").out
    assert program("logs", "job").out.split() == ["ran", '"a', 'b"', '"c&d"']


@pytest.mark.parametrize("word", ["a b", 'say "hi"', "C:\\ends with\\", "%PATH%", "&|<>^", "", "끝 — 😀"])
def test_every_word_reaches_a_script_as_it_is(run: Supervised, word: str) -> None:
    run.python("import sys; sys.stdout.buffer.write(ascii(sys.argv[1]).encode())", args=(word,)).run()
    assert run.output().decode() == ascii(word)


# -- pythonw -------------------------------------------------------------------------------------------


def test_a_cycle_without_a_console_runs_its_tasks_and_keeps_their_output(korean: Program) -> None:
    pythonw = Path(sys.executable).with_name("pythonw.exe")
    argv = [str(pythonw), *korean.argv("run")[1:]]
    process = subprocess.Popen(argv, env=korean.environ, cwd=korean.folder, creationflags=DETACHED_PROCESS)
    assert process.wait(60) == 0
    (row,) = korean.history()
    assert row["status"] == "ok"
    assert row["output_bytes"] > 0
    assert "Adaptive Scheduler Started" in korean.log


# -- processes -----------------------------------------------------------------------------------------


def test_an_exception_of_the_system_is_named_by_its_number(run: Supervised) -> None:
    done = run.python("import ctypes; ctypes.windll.kernel32.ExitProcess(0xC0000005)").run()
    assert (done["status"], done["cause"]) == ("failed", "exit code 3221225477 (0xC0000005)")


def test_background_takes_for_the_script(run: Supervised) -> None:
    code = """
import ctypes, time
kernel = ctypes.WinDLL("kernel32")
kernel.GetCurrentProcess.restype = ctypes.c_void_p
kernel.GetPriorityClass.argtypes = (ctypes.c_void_p,)
while kernel.GetPriorityClass(kernel.GetCurrentProcess()) != 0x4000:
    time.sleep(0.01)
"""
    done = run.python(code).run(background=True)
    assert (done["status"], done["background_took"]) == ("ok", True)


def test_much_output_is_cut_while_the_script_writes(run: Supervised) -> None:
    run.python("import os\nblock = b'0123456789abcde\\n' * 65536\nfor _ in range(100): os.write(1, block)")
    done = run.run(output_max_bytes=100_000)
    assert done["status"] == "ok"
    assert b" MB cut: output.log keeps the first 50 kB and the last 50 kB" in run.output()
    assert len(run.output()) < 101_000


def test_names_of_variables_know_no_case(tmp_path: Path) -> None:
    program = Program(tmp_path).config(
        '[tasks.job]\ninterval = "1h"\nscript = "job.py"\nenv = { Mixed_Case = "ours", path = "C:\\\\mine" }\n'
    )
    program.environ["MIXED_CASE"] = "theirs"
    program.script("job.py", "print(os.environ['mixed_case'], os.environ['PATH'])\n")
    assert program("run").code == 0
    assert program("logs", "job").out.split() == ["ours", "C:\\mine"]


# -- files and locks -----------------------------------------------------------------------------------


def test_a_file_that_somebody_reads_is_replaced_as_soon_as_it_is_free(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        with pytest.raises(PermissionError):
            (tmp_path / "other").write_bytes(b"x")
            (tmp_path / "other").replace(target)
        writer = threading.Thread(target=files.replace_file, args=(target, b"new"))
        writer.start()
        until(lambda: any(one.suffix == ".tmp" for one in tmp_path.iterdir()))
        assert reader.read() == b"old"
    writer.join()
    assert files.read_bytes(target) == b"new"


def test_a_locked_file_can_be_read_and_written_and_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    with locks.hold(path) as fd:
        os.write(fd, b"mark\n")
        assert path.read_bytes() == b"mark\n"
        assert os.lseek(fd, 0, os.SEEK_CUR) == len(b"mark\n")
        with path.open("ab") as other:
            other.write(b"more\n")
    assert path.read_bytes() == b"mark\nmore\n"


def test_who_may_write_is_not_looked_at(tmp_path: Path) -> None:
    assert trust.objection(str(tmp_path / "gone"), {}) == trust.objection_to_folder(str(tmp_path), {}) == ""
