"""install.sh for real, with a wheel that needs nothing and writes down what it was called with; no index is asked."""

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")

INSTALL = Path(__file__).parent.parent / "install"
SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}

PROGRAM = """
import os, pathlib, sys
def main():
    words = sys.argv[1:]
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(" | ".join(words) + "\\n")
    verb = words[2] if words[0] == "--config" else words[0]
    if verb == "init":
        pathlib.Path(words[1], "tasks.toml").write_text("# new\\n")
    sys.exit(int(os.environ.get("CODE", "2")) if verb == os.environ.get("FAILS") else 0)
"""

METADATA = "Metadata-Version: 2.1\nName: adaptive-rhythm-scheduler\nVersion: 99\n"
FILES = {
    "adaptive_stand_in.py": PROGRAM,
    "adaptive_rhythm_scheduler-99.dist-info/METADATA": METADATA,
    "adaptive_rhythm_scheduler-99.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "adaptive_rhythm_scheduler-99.dist-info/entry_points.txt": (
        "[console_scripts]\nadaptive-scheduler = adaptive_stand_in:main\n"
    ),
}


@dataclass
class Place:
    """A user's home with a quote and a space in its name, and the calls of the stand-in program."""

    folder: Path
    environ: dict[str, str]
    shell: str = "sh"

    @property
    def venv(self) -> Path:
        return self.folder / "home" / ".local" / "share" / "adaptive-scheduler" / "venv"

    @property
    def config(self) -> Path:
        return self.folder / "home" / ".config" / "adaptive-scheduler" / "tasks.toml"

    @property
    def wheel(self) -> str:
        return str(self.folder / "adaptive_rhythm_scheduler-99-py3-none-any.whl")

    @property
    def calls(self) -> list[str]:
        path = Path(self.environ["CALLS"])
        return path.read_text().replace(str(self.folder), "@").splitlines() if path.exists() else []

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.shell, str(INSTALL / "install.sh"), *words],
            env=self.environ | more,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "it's here"
    (folder / "home").mkdir(parents=True)
    record = "".join(f"{name},,\n" for name in [*FILES, "adaptive_rhythm_scheduler-99.dist-info/RECORD"])
    environ = {**os.environ, **OFFLINE, "HOME": str(folder / "home"), "CALLS": str(folder / "calls")}
    for name in ("XDG_CONFIG_HOME", "FAILS", "CODE"):
        environ.pop(name, None)
    place = Place(folder, {**environ, "PYTHON": sys.executable})
    with zipfile.ZipFile(place.wheel, "w") as wheel:
        for name, content in {**FILES, "adaptive_rhythm_scheduler-99.dist-info/RECORD": record}.items():
            wheel.writestr(name, content)
    return place


@pytest.mark.parametrize("shell", SHELLS)
def test_one_command_installs_writes_a_starter_checks_and_registers_and_another_undoes_it(
    place: Place, shell: str
) -> None:
    place.shell = shell
    done = place(place.wheel, "--", "--backend", "cron")
    config = "@/home/.config/adaptive-scheduler"
    registered = f"--config | {config}/tasks.toml | install | --backend | cron"
    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == [
        f"init | {config}",
        f"--config | {config}/tasks.toml | check",
        registered,
    ]
    removal = done.stdout.splitlines()[-1].split("remove", 1)[1].strip()

    place.config.write_text("# mine\n")
    again = place(place.wheel, "--", "--backend", "cron")
    assert (again.returncode, "making" in again.stdout, place.calls[-1]) == (0, False, registered)
    assert place.config.read_text() == "# mine\n"

    undone = subprocess.run([shell, "-c", removal], env=place.environ, capture_output=True, text=True)
    assert (undone.returncode, undone.stderr) == (0, "")
    assert place.calls[-1] == f"--config | {config}/tasks.toml | uninstall"
    assert (place.venv.exists(), place.config.read_text()) == (False, "# mine\n")
    nothing = place("--uninstall")
    assert (nothing.returncode, "nothing is installed" in nothing.stdout) == (0, True)


@pytest.mark.parametrize("verb", ["check", "install", "uninstall"])
def test_what_fails_is_said_stops_it_and_can_be_done_again(place: Place, verb: str) -> None:
    first = place(place.wheel, FAILS=verb)
    if verb == "uninstall":
        first = place("--uninstall", FAILS=verb)
    assert first.returncode == 2
    assert first.stderr.startswith("install: ")
    assert place.calls[-1].endswith(f"| {verb}")
    assert place.venv.exists()
    again = place("--uninstall") if verb == "uninstall" else place(place.wheel)
    assert again.returncode == 0


def test_what_check_finds_in_a_sound_file_stops_nothing_for_it_may_be_the_registration_to_mend(place: Place) -> None:
    answer = place(place.wheel, FAILS="check", CODE="1")
    assert answer.returncode == 0
    assert place.calls[-1].endswith("| install")


def test_the_folders_can_be_chosen_and_an_environment_of_the_user_loses_only_the_package(place: Place) -> None:
    subprocess.run([sys.executable, "-m", "venv", place.folder / "my venv"], check=True)
    words = ("--venv", "my venv", "--config", "my tasks/tasks.toml")
    assert place(*words, place.wheel).returncode == 0
    assert (place.folder / "my tasks" / "tasks.toml").read_text() == "# new\n"
    undone = place("--uninstall", *words)
    assert (undone.returncode, undone.stderr) == (0, "")
    assert not (place.folder / "my venv" / "bin" / "adaptive-scheduler").exists()
    assert (place.folder / "my venv" / "bin" / "python").exists()


def test_without_an_index_it_says_so_and_goes_on_from_there_next_time(place: Place) -> None:
    refused = place()  # the checkout: what builds it is in no folder of wheels
    assert refused.returncode == 2
    assert "pip reaches no package index" in refused.stderr.splitlines()[-1]
    assert not place.config.exists()
    assert "making" not in place(place.wheel).stdout


def test_an_attempt_that_was_stopped_half_way_is_made_anew(place: Place) -> None:
    place.venv.mkdir(parents=True)
    (place.venv / "made-by-install.sh").touch()
    (place.venv / "half").touch()
    assert place(place.wheel).returncode == 0
    assert not (place.venv / "half").exists()


def test_a_folder_that_is_no_environment_is_left_alone(place: Place) -> None:
    (place.folder / "photos").mkdir()
    (place.folder / "photos" / "one.jpg").touch()
    refused = place("--venv", "photos", place.wheel)
    assert (refused.returncode, "choose another with --venv" in refused.stderr) == (2, True)
    assert [one.name for one in (place.folder / "photos").iterdir()] == ["one.jpg"]
    assert place("--uninstall", "--venv", "photos").returncode == 0
    assert (place.folder / "photos" / "one.jpg").exists()


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        pytest.param(
            "case $1 in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac",
            "Python 3.11 or newer is needed (found: Python 3.9.2)",
            id="old",
        ),
        pytest.param(
            'case "$*" in *ensurepip*) exit 1 ;; esac; exit 0', "apt-get install python3-venv", id="without venv"
        ),
    ],
)
def test_a_python_that_does_not_do_is_one_clear_sentence(place: Place, python: str, sentence: str) -> None:
    stub = place.folder / "python"
    stub.write_text(f"#!/bin/sh\n{python}\n")
    stub.chmod(0o755)
    refused = place(place.wheel, PYTHON=str(stub))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert sentence in refused.stderr
    assert not place.venv.exists()


def test_no_python_at_all_is_one_clear_sentence(place: Place) -> None:
    tools = place.folder / "tools"
    tools.mkdir()
    for name in ("dirname", "uname"):
        (tools / name).symlink_to(str(shutil.which(name)))
    del place.environ["PYTHON"]
    place.shell = str(shutil.which("sh"))
    refused = place(place.wheel, PATH=str(tools))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "Python 3.11 or newer is needed (found: none)" in refused.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--backend", "cron"], "unknown option '--backend'; options of the registration stand behind --"),
        (["--venv"], "--venv needs a value"),
        (["a.whl", "b.whl"], "one wheel is enough"),
        (["none.whl"], "there is no wheel 'none.whl'"),
        (["--config", "my.toml"], "one can be written for you where its name is tasks.toml"),
        (["--uninstall", "a.whl"], "--uninstall takes no wheel"),
    ],
)
def test_words_that_make_no_sense_are_refused(place: Place, words: list[str], sentence: str) -> None:
    refused = place(*words)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert sentence in refused.stderr
    assert not place.venv.exists()


def test_without_a_home_the_folders_must_be_named(place: Place) -> None:
    del place.environ["HOME"]
    refused = place(place.wheel)
    assert (refused.returncode, "give --venv and --config" in refused.stderr) == (2, True)


def test_it_can_explain_itself_and_every_shell_can_read_it(place: Place) -> None:
    assert "--uninstall" in place("--help").stdout
    for shell in SHELLS:
        assert subprocess.run([shell, "-n", str(INSTALL / "install.sh")]).returncode == 0


def test_shellcheck_has_nothing_to_say() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    said = subprocess.run(["shellcheck", str(INSTALL / "install.sh")], capture_output=True, text=True)
    assert said.stdout == ""
