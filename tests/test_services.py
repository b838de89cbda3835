"""`install` and `uninstall` of a service as a user calls them, with a stand-in for systemd and for the interpreter."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import service_wish, services, whoami
from adaptive_scheduler.commands import services as verbs
from adaptive_scheduler.errors import RegistrationError, UsageError
from adaptive_scheduler.service_wish import Account
from tests.program import Program
from tests.standins import Tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux; the keepers themselves are pure")

SYSTEMCTL = """\
#!/bin/sh
# A manager that believes the files: a unit is what lies in its folder, and a state is a file beside this one.
here=${0%/*} verb=$2
for last; do unit=$last; done
case $verb in
show) unit=$3
    [ -e "$here/fails" ] && { echo "Failed to connect to bus: Host is down" >&2; exit 1; }
    [ -f "UNITS/$unit" ] || { echo LoadState=not-found; exit 0; }
    echo LoadState=loaded
    echo "FragmentPath=UNITS/$unit"
    echo NeedDaemonReload=no
    if [ -e "$here/$unit.enabled" ]; then echo UnitFileState=enabled; else echo UnitFileState=disabled; fi
    if [ -e "$here/$unit.started" ]; then echo ActiveState=active; else echo ActiveState=inactive; fi ;;
enable) : >"$here/$unit.enabled" ;;
restart) [ -e "$here/stuck" ] || : >"$here/$unit.started" ;;
disable) rm -f "$here/$unit.enabled" "$here/$unit.started" ;;
esac
"""

INTERPRETER = """\
#!/bin/sh
# Finds the program and dask unless it is told otherwise, and takes every option but one.
here=${0%/*}
case "$*" in
*--version) [ ! -e "$here/no-program" ] || { echo "No module named adaptive_scheduler" >&2; exit 1; } ;;
*distributed*) [ ! -e "$here/no-dask" ] || {
    printf 'Traceback\\n  line\\nModuleNotFoundError: No module named '"'distributed'"'\\n' >&2; exit 1; } ;;
*--silent*) exit 9 ;;
*--slts*) printf 'Usage: x\\n\\nError: No such option: --slts\\n' >&2; exit 2 ;;
*) printf '%s\\n' "$@" "in $(pwd)" "as $USER at $HOME" >"$here/checked" ;;
esac
"""


@dataclass
class Machine:
    """A user's home, their manager, and the interpreter that a service would call."""

    home: Path
    tools: Tools

    @property
    def units(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.home.rglob("*.service")}

    @property
    def python(self) -> str:
        return str(self.tools.folder / "python")

    def account(self, **_: object) -> Account:
        name, _home, uid = whoami.user_of()
        return Account(name, str(self.home), uid)

    def service(self, *words: Any, **more: Any) -> Any:
        return service_wish.service(*words, **more, python=self.python)

    def install(self, role: str, *options: str, **more: Any) -> int:
        asked: dict[str, Any] = {"backend": "auto", "name": None, "system": False, "user": None, "print_only": False}
        return verbs.install(role, options, **{**asked, **more}, account=self.account, service=self.service)

    def uninstall(self, role: str, **more: Any) -> int:
        asked: dict[str, Any] = {"backend": None, "name": None, "system": False, "print_only": False}
        return verbs.uninstall(role, **{**asked, **more}, account=self.account)

    def is_told(self, name: str) -> None:
        (self.tools.folder / name).touch()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    home = tmp_path / "a home"
    home.mkdir()
    tools = Tools(tmp_path)
    tools.put("systemctl", SYSTEMCTL.replace("UNITS", f"{home}/.config/systemd/user"))
    tools.put("python", INTERPRETER)
    monkeypatch.setenv("PATH", tools.path)
    return Machine(home, tools)


# -- in and out --------------------------------------------------------------------------------------


def test_a_node_is_kept_alive_and_removed_without_a_trace(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--master", "tls://h:8786", "--label", "a b", "--slots", "4")
    assert machine.install("node", *options) == 0
    assert "registered: the manager of user" in capsys.readouterr().out
    once = machine.units
    (unit,) = once.values()
    assert ' -m adaptive_scheduler cluster node --master tls://h:8786 --label "a b" --slots 4\n' in unit

    assert machine.install("node", *options) == 0
    assert "registered already" in capsys.readouterr().out
    assert machine.units == once

    assert machine.uninstall("node", print_only=True) == 0
    assert "would remove" in capsys.readouterr().out
    assert machine.units == once

    assert machine.uninstall("node") == 0
    assert machine.units == {}
    assert machine.uninstall("node") == 0
    assert "nothing to do" in capsys.readouterr().out


def test_other_options_take_the_place_of_the_older_ones(machine: Machine) -> None:
    machine.install("node", "--slots", "4")
    machine.install("node", "--slots", "8")
    (unit,) = machine.units.values()
    assert "cluster node --slots 8\n" in unit


def test_both_services_and_a_second_node_live_side_by_side(machine: Machine) -> None:
    machine.install("scheduler")
    machine.install("node")
    machine.install("node", name="Second")
    names = {"AdaptiveSchedulerMaster.service", "AdaptiveSchedulerNode.service", "Second.service"}
    assert set(machine.units) == names
    machine.uninstall("node")
    assert set(machine.units) == names - {"AdaptiveSchedulerNode.service"}


def test_a_name_that_another_service_has_is_refused_and_never_removed(machine: Machine) -> None:
    machine.install("scheduler", name="Both")
    before = machine.units
    with pytest.raises(UsageError, match=r"'Both.service' is there and not of .*install node'; choose another --name"):
        machine.install("node", name="Both")
    assert machine.uninstall("node", name="Both") == 0
    assert machine.units == before


def test_a_print_shows_the_unit_and_tries_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.install("node", "--slots", "4", print_only=True) == 0
    assert "cluster node --slots 4" in capsys.readouterr().out
    assert machine.units == {}
    assert not (machine.tools.folder / "checked").exists()
    machine.install("node", "--slots", "4")
    capsys.readouterr()
    machine.install("node", "--slots", "4", print_only=True)
    shown = capsys.readouterr().out
    assert "registered already, nothing would be done" in shown
    assert "Restart=always" in shown


# -- tried before it is written ----------------------------------------------------------------------


def test_the_options_are_checked_as_the_service_will_be_started(machine: Machine) -> None:
    machine.install("node", "--label", "a b")
    tried = (machine.tools.folder / "checked").read_text().splitlines()
    assert tried[:-2] == [
        *("-P", "-X", "utf8", "-m", "adaptive_scheduler", "cluster", "node", "--label", "a b", "--check")
    ]
    name = whoami.user_of()[0]
    assert tried[-2:] == [f"in {machine.home}", f"as {name} at {machine.home}"]


@pytest.mark.parametrize(
    ("told", "options", "words"),
    [
        ("no-program", (), "does not find the program (No module named adaptive_scheduler)"),
        ("no-dask", (), "cannot load dask (ModuleNotFoundError: No module named 'distributed'); install the package"),
        ("", ("--slts", "4"), "'cluster node' refuses its options: No such option: --slts"),
        ("", ("--silent",), "'cluster node' refuses its options: exit code 9"),
        ("", ("--check",), "'--check' would end the service at once"),
        ("", ("--slots", "4", "--help"), "'--help' would end the service at once"),
    ],
)
def test_what_could_not_run_is_one_sentence_and_nothing_is_written(
    machine: Machine, told: str, options: tuple[str, ...], words: str
) -> None:
    if told:
        machine.is_told(told)
    with pytest.raises(UsageError) as refused:
        machine.install("node", *options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert machine.units == {}


def test_a_user_without_a_home_is_tried_in_the_root_folder(machine: Machine) -> None:
    machine.home.rmdir()
    machine.install("node")
    assert "in /" in (machine.tools.folder / "checked").read_text().splitlines()


# -- where it cannot be kept -------------------------------------------------------------------------


def test_cron_cannot_and_says_what_can(machine: Machine) -> None:
    with pytest.raises(UsageError, match=r"--backend cron cannot keep a service alive; .*'adaptive-scheduler cluster"):
        machine.install("node", backend="cron")
    with pytest.raises(UsageError, match="--backend cron cannot"):
        machine.uninstall("node", backend="cron")
    with pytest.raises(UsageError, match="unknown --backend 'at'; choose one of: auto, systemd, windows, launchd"):
        machine.install("node", backend="at")


def test_a_system_without_a_manager_says_what_to_do(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.is_told("fails")
    with pytest.raises(UsageError, match=r"nothing here keeps a service alive; systemd: .*Host is down.*; cron starts"):
        machine.install("node")
    with pytest.raises(UsageError, match=r"--backend systemd: the user manager does not answer"):
        machine.install("node", backend="systemd")
    assert machine.install("node", print_only=True) == 0
    assert "on a machine that has it" in capsys.readouterr().out
    assert machine.uninstall("node") == 0


def test_a_service_of_a_manager_that_does_not_answer_is_not_said_to_be_gone(machine: Machine) -> None:
    machine.install("node")
    machine.is_told("fails")
    before = machine.units
    with pytest.raises(RegistrationError, match="nothing is removed, for systemd cannot be asked"):
        machine.uninstall("node")
    assert machine.units == before


def test_a_service_that_does_not_start_is_told_and_can_be_taken_back(machine: Machine) -> None:
    machine.is_told("stuck")
    with pytest.raises(RegistrationError, match=r"reads back otherwise: '.*' is not started"):
        machine.install("node")
    assert machine.uninstall("node") == 0
    assert machine.units == {}


def test_a_unit_that_vanishes_is_told(machine: Machine) -> None:
    wish = machine.service("node", (), "N", who=machine.account(), system=False)
    plan = services.plan_install("systemd", wish, {})
    with pytest.raises(RegistrationError, match="reads back otherwise: it is not there"):
        services.install("systemd", wish, type(plan)(plan.actions[1:]), lambda _: None)


# -- the command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["install", "nod"], "unknown service 'nod'; write 'scheduler' or 'node', or nothing for the cycle"),
        (["install", "--", "--slots", "4"], "unknown service '--slots'"),
        (["uninstall", "nod"], "unknown service 'nod'"),
        (["install", "node", "--every", "5m"], "--every is for the cycle; the service 'node' never ends"),
        (["install", "--user", "ada"], "--user is for a service; a cycle runs as the owner of tasks.toml"),
        (["install", "node", "--system"], "--system needs --user NAME"),
        (["install", "node", "--system", "--user", "daemon", "--name", "a b"], "--name 'a b': write up to 64 letters"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(tmp_path: Path, words: list[str], expected: str) -> None:
    refused = Program(tmp_path)(*words)
    assert (refused.code, refused.out) == (2, "")
    assert expected in refused.err


@pytest.mark.parametrize("keeper", ["systemd", "windows", "launchd"])
def test_a_machine_without_a_tasks_toml_is_shown_what_it_would_take(tmp_path: Path, keeper: str) -> None:
    program = Program(tmp_path)
    program.environ["PATH"] = Tools(tmp_path).path
    before = program.files()
    options = ["--master", "tls://h:8786", "--name", "gpu"]
    words = ["--system", "--user", "daemon", "--print", "--backend", keeper, "--name", "N", "--", *options]
    shown = program("install", "node", *words)
    assert (shown.code, shown.err) == (0, "")
    assert "gpu" in shown.out
    assert "tls://h:8786" in shown.out
    assert program.files() == before
