"""What every keeper of services must do, and the files of install/units that it gives."""

import codecs
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Answers, Registered, Run, Write
from adaptive_scheduler.backends.services import KEEPERS
from adaptive_scheduler.backends.services.base import DEFAULT_NAMES, Service, calls
from adaptive_scheduler.commands import plans
from tests.backends import golden, services

every_example = pytest.mark.parametrize(("keeper", "role"), services.EXAMPLES)


def registered(keeper: str, wish: Service, answers: Answers) -> Registered:
    found = KEEPERS[keeper].registered(wish, answers)
    assert found is not None
    return found


@every_example
def test_the_ready_to_copy_files_are_what_the_keeper_writes(keeper: str, role: str) -> None:
    (name,) = expected = services.files_of(keeper, role)
    assert DEFAULT_NAMES[role] in name
    assert (golden.UNITS / name).read_bytes() == expected[name]


@every_example
def test_a_printed_plan_shows_every_byte_of_the_file(
    keeper: str, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plans.show(KEEPERS[keeper].install(services.EXAMPLES[keeper, role], {}))
    shown = capsys.readouterr().out
    (content,) = services.files_of(keeper, role).values()
    text = content.decode("utf-16" if content.startswith(codecs.BOM_UTF16_LE) else "utf-8")
    assert text.replace("\r\n", "\n").rstrip("\n") in shown


@every_example
@pytest.mark.parametrize("system", [False, True], ids=["a user's", "the machine's"])
def test_again_is_the_same_as_once(keeper: str, role: str, system: bool) -> None:
    wish = replace(services.EXAMPLES[keeper, role], system=system)
    answers = services.as_installed(keeper, wish)
    found = registered(keeper, wish, answers)
    assert (found.ours, found.faults) == (True, ())
    assert wish.name in found.summary
    assert KEEPERS[keeper].install(wish, answers).actions == ()
    assert KEEPERS[keeper].missing(wish, answers) is None


@every_example
def test_other_options_replace_the_older_ones(keeper: str, role: str) -> None:
    wish = services.EXAMPLES[keeper, role]
    changed = replace(wish, argv=(*wish.argv, "--label", "gpu"))
    answers = services.as_installed(keeper, wish)
    found = registered(keeper, changed, answers)
    assert found.ours
    assert found.faults
    writes = [one for one in KEEPERS[keeper].install(changed, answers).actions if isinstance(one, Write)]
    assert [one.content.replace(b"\0", b"").count(b"gpu") for one in writes] == [1]


@every_example
def test_a_removal_needs_no_options_and_names_nothing_else(keeper: str, role: str) -> None:
    wish = services.EXAMPLES[keeper, role]
    without = replace(wish, argv=wish.argv[: wish.argv.index(role) + 1])
    actions = KEEPERS[keeper].uninstall(without, services.as_installed(keeper, wish)).actions
    assert actions
    for one in actions:
        words = one.argv if isinstance(one, Run) else (one.path,)
        assert wish.name in " ".join(words) or words == ("systemctl", "--user", "daemon-reload")


@every_example
def test_what_is_not_there_needs_no_removal(keeper: str, role: str) -> None:
    assert KEEPERS[keeper].registered(services.EXAMPLES[keeper, role], {}) is None
    assert KEEPERS[keeper].uninstall(services.EXAMPLES[keeper, role], {}).actions == ()


@pytest.mark.parametrize("keeper", KEEPERS)
def test_the_other_role_under_the_same_name_is_none_of_ours(keeper: str) -> None:
    node = services.EXAMPLES[keeper, "node"]
    scheduler = replace(services.EXAMPLES[keeper, "scheduler"], name=node.name)
    found = registered(keeper, scheduler, services.as_installed(keeper, node))
    assert (found.ours, found.faults) == (False, ())


@pytest.mark.parametrize("keeper", KEEPERS)
def test_a_cycle_and_a_service_under_one_name_are_not_taken_for_each_other(keeper: str) -> None:
    cycle, node = golden.EXAMPLES[keeper], services.EXAMPLES[keeper, "node"]
    assert not registered(keeper, replace(node, name=cycle.name), golden.as_installed(keeper)).ours
    answers = services.as_installed(keeper, node)
    found = BACKENDS[keeper].registered(replace(cycle, name=node.name), answers)
    assert found is not None
    assert not found.ours


@pytest.mark.parametrize("keeper", KEEPERS)
def test_two_names_do_not_disturb_each_other(keeper: str) -> None:
    node = services.EXAMPLES[keeper, "node"]
    second = replace(node, name="Second")
    assert KEEPERS[keeper].registered(second, services.as_installed(keeper, node)) is None
    assert not set(KEEPERS[keeper].looks(second)) & set(KEEPERS[keeper].looks(node)) - {
        look for look in KEEPERS[keeper].looks(node) if "linger" in str(look)
    }


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["python", "-m", "adaptive_scheduler", "cluster", "node"], True),
        (["python", "-P", "-m", "adaptive_scheduler", "cluster", "node", "--slots", "4"], True),
        (["python", "-m", "adaptive_scheduler", "cluster", "scheduler"], False),
        (["python", "-m", "adaptive_scheduler", "run", "node"], False),
        (["python", "-m", "adaptive_scheduler", "cluster"], False),
        ([], False),
    ],
)
def test_a_command_is_known_by_its_role(argv: list[str], expected: bool) -> None:
    assert calls("node", argv) is expected


@pytest.mark.skipif(sys.platform == "win32", reason="systemd is of Linux")
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("role", DEFAULT_NAMES)
@pytest.mark.parametrize("system", [False, True], ids=["a user's", "the machine's"])
@pytest.mark.parametrize("strange", [False, True], ids=["plain", "strange paths"])
def test_systemd_itself_finds_nothing_to_complain_of(role: str, system: bool, strange: bool, tmp_path: Path) -> None:
    folder = tmp_path / ('a "b" 50% $c \\ d' if strange else "plain")
    folder.mkdir()
    python = folder / "python"
    python.symlink_to(sys.executable)
    wish = services.of_role(services.LINUX, role, home=str(tmp_path), system=system)
    wish = replace(wish, argv=(str(python), *wish.argv[1:], str(folder)), environment={"PATH": str(folder)})
    (content,) = (one.content for one in KEEPERS["systemd"].install(wish, {}).actions if isinstance(one, Write))
    unit = tmp_path / f"{wish.name}.service"
    unit.write_bytes(content)
    whose = "--system" if system else "--user"
    verified = subprocess.run(
        ["systemd-analyze", whose, "verify", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
