"""install.ps1, read rather than run: it has not met a real Windows, so what can be held without one is held."""

import re

from tests.test_bootstrap import SCRIPT as BOOTSTRAP

INSTALL = BOOTSTRAP.parent
TEXT = (INSTALL / "install.ps1").read_text(encoding="ascii")
CODE = re.sub(r"^\s*#.*$", "", TEXT.partition("#>")[2], flags=re.MULTILINE)


def test_every_exit_code_of_another_program_is_looked_at() -> None:
    lines = [line.strip() for line in CODE.splitlines() if line.strip()]
    calls = [number for number, line in enumerate(lines) if line.startswith("& ")]
    assert len(calls) >= 7
    for number in calls:
        assert "LASTEXITCODE" in "".join(lines[number + 1 : number + 4]), lines[number]


def test_only_its_own_files_are_ever_removed() -> None:
    assert re.findall(r"Remove-Item\b.*", CODE) == [
        "Remove-Item -LiteralPath $log",
        "Remove-Item -LiteralPath $Venv -Recurse -Force",
    ]
    before = CODE[: CODE.index("Remove-Item -LiteralPath $Venv")]
    assert "if (-not (Test-Path -LiteralPath $Mark))" in before[before.index("function Uninstall-All") :]


def test_it_says_nothing_that_windows_powershell_cannot_read() -> None:
    assert not re.search(r"&&|\|\||\?\?|\?\.|\bternary\b|-AsByteStream|-Parallel", CODE)
    assert not re.search(r"\b(iex|Invoke-Expression|Start-Process|cmd)\b", CODE)


def test_the_installers_know_the_same_complaints_of_pip_as_the_bootstrap() -> None:
    stated = BOOTSTRAP.read_text(encoding="utf-8").partition("UNREACHABLE = re.compile(")[2].partition(")")[0]
    known = "".join(re.findall(r'"([^"]*)"', stated)).split("|")
    assert len(known) >= 9
    for installer in ("install.sh", "install.ps1"):
        text = (INSTALL / installer).read_text(encoding="utf-8")
        assert [words for words in known if words not in text] == []


def test_both_installers_take_the_same_words() -> None:
    shell = (INSTALL / "install.sh").read_text(encoding="utf-8")
    for option in ("venv", "config", "uninstall"):
        assert f"--{option}" in shell
        assert re.search(rf"\[(string|switch)\] \${option}\b", CODE, re.IGNORECASE)
