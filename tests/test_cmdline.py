"""Words become the one line that Windows passes on, also for cmd.exe."""

import pytest

from adaptive_scheduler.trees.cmdline import command_line

CMD = r"C:\Windows\System32\cmd.exe"


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        pytest.param(["python.exe", r"C:\a b\job.py"], r'python.exe "C:\a b\job.py"', id="spaces"),
        pytest.param(["python.exe", "C:\\ends with\\"], r'python.exe "C:\ends with\\"', id="a backslash at the end"),
        pytest.param(["python.exe", 'say "hi"'], r'python.exe "say \"hi\""', id="quotes"),
        pytest.param(["python.exe", "/c", "a&b"], "python.exe /c a&b", id="/c is nobody else's"),
        pytest.param([CMD, "/c", r"C:\a & b\job.bat"], CMD + r' /s /c ""C:\a & b\job.bat""', id="an ampersand"),
        pytest.param(["CMD", "/C", "job.bat", "c&d", ""], 'CMD /s /C "job.bat "c&d" """', id="arguments"),
        pytest.param([CMD, "/d", "/c", "job.bat"], CMD + ' /d /s /c "job.bat"', id="other switches"),
        pytest.param(["cmd", "/d", "a b"], 'cmd /d "a b"', id="without /c"),
    ],
)
def test_a_command_is_one_line(argv: list[str], line: str) -> None:
    assert command_line(argv) == line
