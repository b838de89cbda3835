"""What every sample script promises: no package needed, no console too poor, no input, no trace elsewhere."""

import ast
import sys
from pathlib import Path

import pytest

from tests.builtin.scripts import FOLDER, NAMES, run

ALLOWED = {*sys.stdlib_module_names, "psutil"}


@pytest.mark.parametrize("name", NAMES)
def test_a_script_can_be_copied_because_it_imports_nothing_of_ours(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported <= ALLOWED


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.p*")), ids=lambda path: path.name)
def test_a_script_says_nothing_that_a_poor_console_cannot_show(path: Path) -> None:
    assert path.read_bytes().isascii()


@pytest.mark.parametrize("name", NAMES)
def test_a_script_explains_itself_and_does_nothing_then(name: str, tmp_path: Path) -> None:
    ran = run(name, "--help", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("usage:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_script_runs_without_arguments_on_an_ascii_console_and_writes_only_its_data(
    name: str, tmp_path: Path
) -> None:
    ran = run(name, cwd=tmp_path, env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert ran.code in (0, 10)
    assert ran.err == ""
    assert ran.out.strip()
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.startswith("outputs/data/") for path in written)


@pytest.mark.parametrize("name", ["benchmark", "daily_routine", "event_analysis"])
def test_a_data_folder_that_cannot_be_made_is_one_clear_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    ran = run(name, cwd=tmp_path, env={"ADAPTIVE_DATA": str(tmp_path / "file")})
    assert ran.code == 1
    assert ran.err == ""
    assert "--data" in ran.out.splitlines()[-1]
