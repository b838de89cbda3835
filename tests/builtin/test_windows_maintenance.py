"""The PowerShell step parses, only reads, and is plain ASCII; where PowerShell is installed, it runs."""

import re
import shutil
import subprocess

import pytest

from tests.builtin.scripts import FOLDER, LIMIT_S

SCRIPT = FOLDER / "windows_maintenance.ps1"


def test_it_parses_without_an_error_node() -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    assert not parser.parse(SCRIPT.read_bytes()).root_node.has_error
    assert parser.parse(b"if (").root_node.has_error


def test_it_stops_at_the_first_error_and_has_exit_codes() -> None:
    text = SCRIPT.read_text(encoding="ascii")
    assert "$ErrorActionPreference = 'Stop'" in text
    assert set(re.findall(r"\bexit (\d+)", text)) == {"0", "1", "10"}


def test_it_changes_nothing() -> None:
    code = re.sub(r"^\s*#.*$", "", SCRIPT.read_text(encoding="ascii"), flags=re.MULTILINE)
    verbs = set(re.findall(r"\b([A-Z][a-z]+)-[A-Z][A-Za-z]+\b", code))
    assert verbs <= {"Format", "Join", "Measure", "New", "Set", "Test", "Write"}
    assert set(re.findall(r"\b(?:Set|New)-\w+", code)) <= {"Set-StrictMode", "New-Object"}
    assert not re.search(r"\.(?:Delete|Move|Create|Write\w*)\(|\bInvoke\b", code)


def test_it_runs_where_powershell_is_installed() -> None:
    shell = shutil.which("pwsh") or shutil.which("powershell")
    if shell is None:
        pytest.skip("PowerShell is not installed")
    command = [shell, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", str(SCRIPT)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode in (0, 10)
