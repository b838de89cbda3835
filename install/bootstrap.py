"""From a fresh checkout to a run, or to the tests, in one command; standard library only.

    python3 install/bootstrap.py run  [options of `adaptive-scheduler run`]
    python3 install/bootstrap.py test [options of pytest]

It makes `.venv` beside pyproject.toml, or mends a broken one, installs the project into it when
pyproject.toml changed since, and touches nothing outside the checkout. This file must be legible to an
old Python, down to 3.6, to be able to say that it is too old: hence the quoted annotations.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed-for.txt"
OLDEST = (3, 11)

CANNOT_SET_UP = 2

UNREACHABLE = re.compile(
    "No matching distribution|ConnectionError|NewConnectionError|NameResolutionError|Could not fetch URL"
    "|Max retries exceeded|ReadTimeout|Connection refused|Network is unreachable"
)
"""What pip says when it finds no package index, or none that has the package."""


class SetupError(Exception):
    """What cannot be set up, and the way out, in one line."""


def main(arguments: "list[str]") -> int:
    """Set up what the action needs, do it, and return its exit code; 2 when setting up failed."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description="Make .venv, install the project into it, then run it or test it."
    )
    parser.add_argument("action", choices=["run", "test"], help="one cycle of the sample tasks, or the tests")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="options for the action, passed on")
    asked = parser.parse_args(arguments)
    try:
        check_python(sys.version_info[:2], sys.executable)
        python = environment()
        install(python, "dev" if asked.action == "test" else "")
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return CANNOT_SET_UP
    return (test if asked.action == "test" else run)(python, asked.rest)


def check_python(version: "tuple[int, ...]", executable: str) -> None:
    """Raise SetupError when this Python is too old."""
    if version < OLDEST:
        raise SetupError(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, '{executable}' is {version[0]}.{version[1]}; "
            "start this file with a newer one, such as python3.12 install/bootstrap.py"
        )


def environment() -> Path:
    """Return the Python of a `.venv` that works, made or mended where needed."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if works(python):
        return python
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise SetupError(
                f"this Python has no '{module}'; on Debian and Ubuntu: apt-get install {package} "
                "(or python3-venv), then start again"
            )
    say("mending '{}'" if VENV.exists() else "making '{}'", VENV)
    # --clear empties what a broken or interrupted attempt has left behind.
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], stderr=subprocess.PIPE, text=True)
    if made.returncode != 0 or not works(python):
        raise SetupError(f"cannot make '{VENV}': {last_line(made.stderr)}; remove it and start again")
    return python


def works(python: Path) -> bool:
    """Say whether a virtual environment's Python starts, is new enough and has pip."""
    question = f"import sys, pip; sys.exit(sys.version_info[:2] < {OLDEST})"
    try:
        return subprocess.run([str(python), "-c", question], capture_output=True).returncode == 0
    except OSError:
        return False


def install(python: Path, extra: str) -> None:
    """Install the project and an extra, editable, unless that was done for this very pyproject.toml."""
    wanted = fingerprint(python)
    done = STAMP.read_text(encoding="utf-8").split() if STAMP.exists() else []
    if done[:1] == [wanted] and extra in ["", *done[1:]]:
        return
    say(
        "installing {} into '{}' (a minute or two the first time)",
        "the project and its tools" if extra else "the project",
        VENV,
    )
    what = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", what]
    result = subprocess.run(pip, stderr=subprocess.PIPE, text=True, errors="replace")
    if result.returncode != 0:
        if UNREACHABLE.search(result.stderr):
            raise SetupError(
                "pip reaches no package index that has what is needed; connect to a network, or name an index in "
                f"PIP_INDEX_URL or a folder of wheels in PIP_FIND_LINKS ({last_line(result.stderr)})"
            )
        raise SetupError(f"pip cannot install the project: {last_line(result.stderr)}")
    # The cycle runs 288 times a day: it must not compile the modules each time where it may not write.
    subprocess.run([str(python), "-m", "compileall", "-q", str(ROOT / "adaptive_scheduler")], check=False)
    STAMP.write_text(f"{wanted} {extra}\n", encoding="utf-8")


def fingerprint(python: Path) -> str:
    """Return a digest of what an installation depends on: pyproject.toml, this place and the interpreter."""
    about = subprocess.run([str(python), "-VV"], capture_output=True).stdout
    return hashlib.sha256(b"\0".join([(ROOT / "pyproject.toml").read_bytes(), os.fsencode(ROOT), about])).hexdigest()


def run(python: Path, options: "list[str]") -> int:
    """Run one cycle of the sample tasks, show the status, and return the cycle's exit code."""
    command = [str(python), "-m", "adaptive_scheduler", "--config", str(ROOT / "tasks.toml")]
    say("running one cycle of '{}'", ROOT / "tasks.toml")
    # A checkout is often another user's, or open to a group. Whoever starts this file runs what stands there already.
    environ = {**os.environ, "ADAPTIVE_TRUST_WRITABLE": "1"}
    code = subprocess.run([*command, "run", *options], cwd=str(ROOT), env=environ).returncode
    subprocess.run([*command, "status"], cwd=str(ROOT), env=environ)
    return code


def test(python: Path, options: "list[str]") -> int:
    """Run the test suite with coverage on all cores, and return pytest's exit code."""
    cores = os.cpu_count() or 1
    say("running the tests on {} cores", cores)
    return subprocess.run(
        [str(python), "-m", "pytest", "-n", str(cores), "--cov", "--cov-report=term", *options], cwd=str(ROOT)
    ).returncode


def say(sentence: str, *values: object) -> None:
    """Print one step, before the output of the step itself."""
    print("bootstrap:", sentence.format(*values), flush=True)


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it does not say why"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
