"""Command lines of Windows: split as its C runtime does, and what runs them here."""

import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.imports.windows import split, step


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a \t b ", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        (r'"a\b" c\d\ "e\\"', ["a\\b", "c\\d\\", "e\\"]),
        (r"\"a\"", ['"a"']),
        (r'a\\\"b "c\\" d', [r"a\"b", "c\\", "d"]),
        ('""', [""]),
        ('"a ""b"" c"', ['a "b" c']),
        ('a"b c"d', ["ab cd"]),
        ('"open end', ["open end"]),
        ("\\\\server\\share", ["\\\\server\\share"]),
    ],
)
def test_a_line_is_split_as_the_c_runtime_does(line: str, words: list[str]) -> None:
    assert split(line) == words


@given(st.lists(st.text('ab "\\\t', max_size=8)))
def test_what_python_quotes_for_windows_comes_out_whole(words: list[str]) -> None:
    assert split(subprocess.list2cmdline(words)) == words


def of(command: str, arguments: str = "", **environ: str) -> tuple[Any, tuple[str, ...]]:
    return step(command, arguments, environ)


@pytest.mark.parametrize(
    ("command", "arguments", "keys"),
    [
        (
            "powershell.exe",
            r'-NoProfile -ExecutionPolicy Bypass -File "C:\My Scripts\b.ps1" -To "D:\x y"',
            {"script": r"C:\My Scripts\b.ps1", "args": ["-To", r"D:\x y"]},
        ),
        (r"C:\Program Files\PowerShell\7\pwsh.exe", "-f x.ps1", {"script": "x.ps1"}),
        ('"C:\\Py\\python.exe"', "x.py -v", {"script": "x.py", "args": ["-v"], "interpreter": ["C:\\Py\\python.exe"]}),
        ("cmd", '/c "C:\\a b\\x.bat" 1', {"script": "C:\\a b\\x.bat", "args": ["1"], "interpreter": ["cmd", "/c"]}),
        (r"C:\x.bat", "", {"script": r"C:\x.bat", "interpreter": ["cmd", "/c"]}),
        (r"C:\x.ps1", "a", {"script": r"C:\x.ps1", "args": ["a"]}),
        (r"C:\x.py", "", {"script": r"C:\x.py"}),
        (r"C:\x.exe", "/q", {"script": r"C:\x.exe", "args": ["/q"], "interpreter": ["cmd", "/c"]}),
        (r"%windir%\notepad.exe", "", {"script": r"C:\Windows\notepad.exe", "interpreter": ["cmd", "/c"]}),
    ],
)
def test_an_action_becomes_a_script_with_what_runs_it(command: str, arguments: str, keys: dict[str, Any]) -> None:
    assert of(command, arguments)[0] == keys


@pytest.mark.parametrize("arguments", ['-Command "Get-Date"', "-EncodedCommand AAAA", "-File", "-File x.txt", ""])
def test_powershell_without_a_script_stays_powershell(arguments: str) -> None:
    keys, _ = of("powershell.exe", arguments)
    assert keys["script"] == r"C:\Windows\System32\powershell.exe"
    assert keys["interpreter"] == ["cmd", "/c"]


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        ("robocopy", "a b", r"here it is 'C:\Windows\System32\robocopy.exe'"),
        (r"C:\x.exe", "%MINE% %TEMP%", "%MINE% is not known here"),
        ("cmd.exe", "/c dir & x.bat", "reads quotes in its own way"),
        ("cmd.exe", "/c x.bat > y", "reads quotes in its own way"),
        ("powershell", "-File x.ps1", "with pwsh where that is there"),
    ],
)
def test_what_is_not_the_same_is_told(command: str, arguments: str, says: str) -> None:
    assert says in " ".join(of(command, arguments)[1])


def test_on_a_windows_its_own_variables_count() -> None:
    own = {"SystemRoot": r"D:\Win", "Mine": "m"}
    assert of("tool", "%MINE%", **own)[0] == {
        "script": r"D:\Win\System32\tool.exe",
        "args": ["m"],
        "interpreter": ["cmd", "/c"],
    }


def test_elsewhere_variables_of_the_same_name_do_not_count() -> None:
    assert of(r"%PUBLIC%\x.exe", "", PUBLIC="/srv")[0]["script"] == r"C:\Users\Public\x.exe"


@pytest.mark.parametrize(("command", "says"), [("", "no program"), ('""', "no program"), ("a\0", "NUL")])
def test_an_action_that_runs_nothing_is_an_error(command: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        of(command)
