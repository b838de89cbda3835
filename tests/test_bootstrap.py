"""The bootstrap, as its own process in small projects made for it; no package index is ever asked."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "install" / "bootstrap.py"

OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_CONFIG_FILE": os.devnull,
}

can_make_venvs = pytest.mark.skipif(
    importlib.util.find_spec("venv") is None, reason="this Python, the embeddable one of Windows, comes without venv"
)

PROGRAM = """
import sys
print(*sys.argv[1:])
sys.exit(7 if "run" in sys.argv else 1)
"""


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a program of the right name that needs nothing, and the bootstrap."""
    for folder in ("install", "adaptive_scheduler"):
        (tmp_path / folder).mkdir()
    (tmp_path / "install" / "bootstrap.py").write_bytes(SCRIPT.read_bytes())
    (tmp_path / "adaptive_scheduler" / "__init__.py").touch()
    (tmp_path / "adaptive_scheduler" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["a-builder-that-no-folder-has"]\nbuild-backend = "a_builder"\n'
        '[project]\nname = "small"\nversion = "1"\n',
        encoding="utf-8",
    )
    return tmp_path


def start(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(project / "install" / "bootstrap.py"), *arguments],
        env={**os.environ, **OFFLINE},
        capture_output=True,
        text=True,
        timeout=120,
    )


@can_make_venvs
def test_without_an_index_it_says_so_in_one_sentence_and_goes_on_from_there_next_time(project: Path) -> None:
    refused = start(project, "run")
    assert refused.returncode == 2
    assert refused.stderr.startswith("bootstrap: pip reaches no package index")
    assert "PIP_FIND_LINKS" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert f"making '{project / '.venv'}'" in refused.stdout
    assert "making" not in start(project, "run").stdout


@can_make_venvs
def test_a_broken_environment_is_mended(project: Path, bootstrap: ModuleType) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text("half made", encoding="utf-8")
    assert f"mending '{project / '.venv'}'" in start(project, "run").stdout
    python = project / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert bootstrap.works(python)


@can_make_venvs
def test_an_installed_project_runs_at_once_with_its_options_and_the_exit_code_of_the_cycle(
    project: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(project, "run")
    python = project / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setattr(bootstrap, "ROOT", project)
    (project / ".venv" / "installed-for.txt").write_text(f"{bootstrap.fingerprint(python)} dev\n", encoding="utf-8")
    done = start(project, "run", "--task", "a", "--dry-run")
    assert done.returncode == 7
    said = done.stdout.splitlines()
    assert said[1:] == [
        f"--config {project / 'tasks.toml'} run --task a --dry-run",
        f"--config {project / 'tasks.toml'} status",
    ]


def test_it_installs_again_when_pyproject_or_the_place_changed(
    project: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", project)
    before = bootstrap.fingerprint(Path(sys.executable))
    assert bootstrap.fingerprint(Path(sys.executable)) == before
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert bootstrap.fingerprint(Path(sys.executable)) != before


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (2, 7)])
def test_an_old_python_is_refused_with_the_way_out(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"3\.11 or newer is needed, 'py' is .*bootstrap\.py"):
        bootstrap.check_python(version, "py")


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_a_newer_python_is_welcome(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    bootstrap.check_python(version, "py")


def test_a_python_without_venv_names_the_package_to_install(project: Path) -> None:
    hiding = (
        "import runpy, sys; sys.modules['ensurepip'] = None; "
        "sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    script = str(project / "install" / "bootstrap.py")
    refused = subprocess.run([sys.executable, "-c", hiding, script, "run"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "-venv" in refused.stderr
    assert not (project / ".venv").exists()


def test_what_pip_complains_of_is_its_last_error(bootstrap: ModuleType) -> None:
    assert bootstrap.last_line("ERROR: a\nERROR: b\n\n[notice] c\n") == "ERROR: b"
    assert bootstrap.last_line("one\ntwo\n") == "two"
    assert bootstrap.last_line("") == "it does not say why"
