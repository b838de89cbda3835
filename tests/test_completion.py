"""Tab in real shells: what is offered, how it is quoted, and that it neither writes nor fails nor waits."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adaptive_scheduler import cli, completion
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.simulate import Policy
from adaptive_scheduler.times import parse_time
from tests.console import Stream, environment, streams
from tests.platforms import posix_only
from tests.shells import PROGRAM, Shell, script, with_program

NOW = datetime.fromisoformat("2025-11-02T22:30:00+09:00")
NAMES = ["backup", "backup_db", "상태_점검"]
HOSTILE = ['"$(touch oops)"', "'`touch oops`'", "'two words'", '"-rf"', '"a;b"', '"\\u001b[31m"', '"*"']
TASKS = "".join(f'[tasks."{name}"]\ninterval = "1h"\nscript = "a.py"\n' for name in NAMES)
TASKS += "".join(f'[tasks.{name}]\ninterval = "1h"\n' for name in HOSTILE)
TASKS += '[events.swamped]\nwhen = "memory_usage > 85"\n'
RUNS = ["20251102T223000.000Z-cd34", "20251102T222500.000Z-ab12"]
GROUP: Any = typer.main.get_command(cli.app)
shells = posix_only("pseudo-terminals and these shells")
UNKNOWN = "why no_such"
AS_INSTALLED = f"import sys; sys.argv = [{PROGRAM!r}]; from adaptive_scheduler.cli import main; main()"
"""The name decides which variable is read."""


def fill(folder: Path) -> dict[str, str]:
    """Put a project into a folder, and return the environment of its user."""
    (folder / "tasks.toml").write_text(TASKS, encoding="utf-8")
    (folder / "trace.csv").touch()
    for run in [*RUNS, "no run"]:
        (folder / "outputs" / "runs" / "backup" / run).mkdir(parents=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ADAPTIVE_", "_ADAPTIVE_"))}
    return kept | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "none")}


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def needed(shell: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    return shell


# -- real shells -------------------------------------------------------------------------------------

LINES = {
    "why back": "why backup",
    "why 상": "why 상태_점검 ",
    "run --task backup_": "run --task backup_db ",
    "history backup_": "history backup_db ",
    "logs backup --run 20251102T2225": f"logs backup --run {RUNS[1]} ",
    "events --kind sw": "events --kind swamped ",
    "events --kind cp": "events --kind cpu_spike ",
    "pause backup --until t": "pause backup --until tomorrow\\ ",
    "pause backup --until in\\ 8": "pause backup --until in\\ 8",
    "why backup --at 'yesterday 2": "why backup --at 'yesterday 22:00' ",
    'why backup --at "yesterday 2': 'why backup --at "yesterday 22:00" ',
    "why backup --at yesterday\\ 2": "why backup --at yesterday\\ 22:00 ",
    "why backup --at 1h": "why backup --at 1h\\ ago ",
    "install --backend sy": "install --backend systemd ",
    "simulate --policy le": "simulate --policy learned ",
    "simulate --trace tr": "simulate --trace trace.csv ",
    "--config tas": "--config tasks.toml ",
    "hel": "help ",
    "help rea": "help reasons ",
    "help cluster no": "help cluster node ",
    UNKNOWN: UNKNOWN,
}
"""What is typed before Tab, and what the line is after it."""

QUOTED = [line for line in LINES if any(sign in line for sign in ("상", " --at ", " --until ", "--trace", UNKNOWN))]
"""What a shell other than bash may do otherwise; each Tab starts the program."""

TYPED = [("bash", line) for line in LINES] + [("zsh", line) for line in QUOTED]


@pytest.fixture(scope="module")
def typed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    name = needed(request.param)
    folder = tmp_path_factory.mktemp(name)
    shell = Shell(name, folder, fill(folder))
    before = contents(folder)
    yield shell
    shell.close()
    assert contents(folder) == before


@shells
@pytest.mark.parametrize(("typed", "line"), TYPED, indirect=["typed"])
def test_tab_completes_a_line(typed: Shell, line: str) -> None:
    assert typed.tab(f"{PROGRAM} {line}") == f"{PROGRAM} {LINES[line]}"


@shells
def test_bash_offers_all_that_fits_and_fish_does_too(tmp_path: Path) -> None:
    environ = with_program(fill(tmp_path))
    before = contents(tmp_path)
    words = "COMP_WORDS=(adaptive-scheduler why ''); COMP_CWORD=2"
    for name, line in {
        "bash": f'{words}; _adaptive_scheduler_completion adaptive-scheduler; printf "%s\\n" "${{COMPREPLY[@]}}"',
        "fish": "complete -C 'adaptive-scheduler why '",
    }.items():
        if shutil.which(name) is None:
            continue
        code = f"{script(name, tmp_path, environ)}\n{line}\n"
        argv = [name, "-c", code] if name == "bash" else [name, "--no-config", "-c", code]
        done = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert sorted(done.stdout.decode().split("\n")) == sorted([*NAMES, ""]), name
        assert done.stderr == b""
    assert [path for path in contents(tmp_path) if path not in before and not path.startswith(("none", ".local"))] == []


@shells
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("why backup --at y", ["yesterday 03:00", "yesterday 12:00", "yesterday 22:00"]),
        ("why backup --at 'y", ["yesterday 03:00", "yesterday 12:00", "yesterday 22:00"]),
        ("run --task 상", ["상태_점검"]),
        ("logs backup --run ", RUNS),
        ("--config=tasks.toml why backup_", ["backup_db"]),
        ("simulate --trace tr", ["trace.csv"]),
    ],
)
def test_fish_offers_values_that_it_quotes_itself(tmp_path: Path, line: str, offered: list[str]) -> None:
    needed("fish")
    environ = with_program(fill(tmp_path))
    code = f'{script("fish", tmp_path, environ)}\ncomplete -C "adaptive-scheduler {line}"\n'
    done = subprocess.run(
        ["fish", "--no-config", "-c", code], env=environ, cwd=tmp_path, capture_output=True, timeout=60, check=True
    )
    assert sorted(done.stdout.decode().splitlines()) == sorted(offered)


# -- any shell ---------------------------------------------------------------------------------------


def asked(folder: Path, *words: str, **environ: str) -> tuple[int, list[str], str]:
    """Ask the program as PowerShell's script does; returns its exit code, what it offers, and what it said beside."""
    *_, incomplete = words
    done = subprocess.run(
        [sys.executable, "-c", AS_INSTALLED],
        env=fill_environ(folder)
        | {
            "_ADAPTIVE_SCHEDULER_COMPLETE": "complete_powershell",
            "_TYPER_COMPLETE_ARGS": " ".join([PROGRAM, *words]).rstrip(),
            "_TYPER_COMPLETE_WORD_TO_COMPLETE": incomplete,
            "PYTHONIOENCODING": "utf-8",
        }
        | environ,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    offers = [line.partition(":::")[0] for line in done.stdout.decode().splitlines() if line]
    return done.returncode, offers, done.stderr.decode()


def fill_environ(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ADAPTIVE_", "_ADAPTIVE_"))}
    return kept | {"HOME": str(folder), "APPDATA": str(folder), "XDG_CONFIG_HOME": str(folder / "none")}


def test_powershell_is_given_times_in_quotes(tmp_path: Path) -> None:
    fill(tmp_path)
    assert asked(tmp_path, "why", "backup", "--at", "yes") == (
        0,
        ["'yesterday 03:00'", "'yesterday 12:00'", "'yesterday 22:00'"],
        "",
    )
    assert asked(tmp_path, "why", "상") == (0, ["상태_점검"], "")


@pytest.mark.parametrize(
    "text",
    ["", "[tasks", "tasks = 3", '[tasks]\nbackup = "no table"\n[events]\n"" = 1', "\udc80", "scheduler = 1", None],
    ids=["empty", "broken", "no tables", "odd", "no text", "wrong", "gone"],
)
def test_a_broken_file_offers_no_tasks_and_says_nothing(tmp_path: Path, text: str | None) -> None:
    fill(tmp_path)
    if text is None:
        (tmp_path / "tasks.toml").unlink()
    else:
        (tmp_path / "tasks.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    code, offers, err = asked(tmp_path, "why", "")
    assert (code, [one for one in offers if one != "backup"], err) == (0, [], "")


def context(**found: Any) -> Any:
    made: Any = typer.Context(GROUP)
    made.params |= found
    return made


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    with environment(fill(tmp_path)):
        yield tmp_path


def test_the_file_is_that_of_the_option_then_of_the_environment(project: Path) -> None:
    other = project / "other.toml"
    other.write_text("[tasks.other]\n", encoding="utf-8")
    assert completion.tasks(context(config=str(other)), "") == ["other"]
    with environment({**os.environ, "ADAPTIVE_SCHEDULER_CONFIG": str(project / "tasks.toml")}):
        assert completion.tasks(context(), "") == NAMES
        assert completion.tasks(context(config=str(other)), "") == ["other"]
        assert completion.runs(context(task="backup"), "") == RUNS
        assert completion.runs(context(task="../backup"), "") == []
        assert completion.runs(context(), "") == []
        assert completion.events(context(), "s") == ["swamped"]
    assert completion.tasks(context(config=str(project)), "") == []
    other.write_text("#" * (completion.LARGEST_FILE_BYTES + 1), encoding="utf-8")
    assert completion.tasks(context(config=str(other)), "") == []


@posix_only("named pipes")
def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(project: Path) -> None:
    os.mkfifo(project / "pipe")
    assert completion.tasks(context(config=str(project / "pipe")), "") == []


def test_a_name_that_the_console_cannot_say_is_not_offered(project: Path) -> None:
    with streams(Stream("cp1252"), Stream()):
        assert completion.tasks(context(config=str(project / "tasks.toml")), "") == NAMES[:2]
    with streams(Stream("cp949"), Stream()):
        assert completion.tasks(context(config=str(project / "tasks.toml")), "") == NAMES


@pytest.mark.parametrize(
    ("offer", "begun", "future"),
    [(completion.past_times, ["", "5"], False), (completion.future_times, ["", "in 5"], True)],
)
def test_every_time_that_is_offered_is_one(
    offer: Callable[[Any, str], list[str]], begun: list[str], future: bool
) -> None:
    offered = [one for text in begun for one in offer(context(), text)]
    assert len(offered) > 8
    for one in offered:
        assert (parse_time(one, NOW, future=future) > NOW) is future, one


def test_the_words_that_are_offered_are_those_that_are_taken() -> None:
    def offered(verb: str, option: str) -> list[str]:
        (found,) = (one for one in GROUP.commands[verb].params if option in one.opts)
        return [one.value for one in found.shell_complete(context(), "")]

    assert offered("simulate", "--policy") == [*Policy, "all"]
    assert sorted(offered("install", "--backend")) == sorted(["auto", *BACKENDS])
    assert sorted(offered("uninstall", "--backend")) == sorted(["auto", *BACKENDS])


def test_every_option_that_takes_a_path_leaves_files_to_the_shell() -> None:
    commands = [*GROUP.commands.values(), *GROUP.commands["cluster"].commands.values()]
    for command in commands:
        for one in command.params:
            if one.metavar in ("FILE", "DIR", "FOLDER", "PATH"):
                assert one.shell_complete(context(), "ta") == [], f"{command.name} {one.opts}"
