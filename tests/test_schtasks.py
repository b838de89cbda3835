"""`install` and `uninstall` with the Task Scheduler's own schtasks, and the registered command, run as it stands."""

import os
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adaptive_scheduler import registrar, service_wish
from adaptive_scheduler.backends import taskstore
from adaptive_scheduler.backends.base import Write
from adaptive_scheduler.backends.services import KEEPERS
from adaptive_scheduler.backends.services.base import DEFAULT_NAMES
from tests.platforms import on_wine
from tests.processes import until
from tests.program import Program

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="the Task Scheduler is of Windows")

WINE_LOSES: set[str] = set()
if on_wine():
    WINE_LOSES = {
        "Triggers/TimeTrigger/Repetition/Interval",
        "Triggers/TimeTrigger/StartBoundary",
        "Principals/Principal/LogonType",
        "Settings/MultipleInstancesPolicy",
        "Settings/IdleSettings/StopOnIdleEnd",
        "Actions/Exec/Command",
        "Actions/Exec/Arguments",
        "Actions/Exec/WorkingDirectory",
    }
"""What Wine 8 does not keep of a task; a real Windows keeps all of it."""

CONFIG = """\
[tasks.job]
priority = "critical"
interval = "10m"
script = "job.py"
"""


@dataclass
class Project:
    """A project and the name that it is registered under: one of its own, for the store is the machine's."""

    program: Program
    name: str

    @property
    def stored(self) -> Path:
        return Path(os.environ["SYSTEMROOT"]) / "System32" / "Tasks" / self.name

    @property
    def written(self) -> Path:
        return self.program.outputs / "registration" / f"{self.name}.xml"

    def values(self) -> dict[str, str]:
        return taskstore.leaves(ET.fromstring(taskstore.decoded(self.stored.read_bytes())))


@pytest.fixture(params=["project", "내 작업 100%"], ids=["plain", "Korean with spaces"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / request.param
    folder.mkdir()
    made = Project(Program(folder).config(CONFIG).script("job.py", "print('done')\n"), f"Test-{uuid.uuid4().hex[:8]}")
    yield made
    subprocess.run(["schtasks", "/Delete", "/TN", made.name, "/F"], stdin=subprocess.DEVNULL, capture_output=True)


def lost(faults: list[str]) -> list[str]:
    """The names of the values that read back otherwise."""
    return [fault.split()[1] for fault in faults]


def install(project: Project) -> None:
    """Register it; under Wine, whose store loses values, all is told that it loses and nothing else."""
    answer = project.program("install", "--name", project.name)
    assert "\nran 'schtasks /Create" in answer.out, answer.err
    if on_wine():
        assert answer.code == 3
        assert f"'{project.name}' was registered with windows, but reads back otherwise: its " in answer.err
    else:
        assert (answer.code, answer.err) == (0, "")
        assert f"registered: the Task Scheduler's task '{project.name}', every 5 min" in answer.out


def test_a_project_is_registered_read_back_and_removed(project: Project) -> None:
    program = project.program
    install(project)
    wanted = taskstore.leaves(ET.fromstring(taskstore.decoded(project.written.read_bytes())))
    found = {path: project.values().get(path, taskstore.DEFAULTS.get(path, "")) for path in wanted}
    compared = [path for path in wanted if not path.startswith(taskstore.NOT_COMPARED)]
    assert {path for path in compared if found[path] != wanted[path]} == WINE_LOSES
    assert found["RegistrationInfo/Description"].endswith(str(program.folder / "tasks.toml"))

    standing = program("status", "--json").json["registration"]
    assert (standing["backend"], standing["name"]) == ("windows", project.name)
    assert set(lost(standing["faults"])) == {path.rpartition("/")[2] for path in WINE_LOSES}

    assert program("uninstall").code == 0
    assert not project.stored.exists()
    twice = program("uninstall", "--name", project.name)
    assert (twice.code, twice.err) == (0, "")
    assert "nothing to do" in twice.out
    assert program("status", "--json").json["registration"] is None


def test_the_registered_command_runs_a_cycle_with_no_console_and_no_streams(project: Project) -> None:
    program = project.program
    install(project)
    wanted = taskstore.leaves(ET.fromstring(taskstore.decoded(project.written.read_bytes())))
    assert wanted["Actions/Exec/Command"].endswith("pythonw.exe")
    line = f'"{wanted["Actions/Exec/Command"]}" {wanted["Actions/Exec/Arguments"]}'
    detached_process = 0x0008
    process = subprocess.Popen(
        line, cwd=wanted["Actions/Exec/WorkingDirectory"], env=program.environ, creationflags=detached_process
    )
    assert process.wait(120) == 0
    until(lambda: "Cycle 1" in program.log)
    assert len(program.starts("job.py")) == 1
    assert program("logs", "job").out.split() == ["done"]


def test_a_task_edited_by_hand_is_told(project: Project) -> None:
    install(project)
    text = project.written.read_bytes().decode("utf-16").replace("PT0S", "PT72H").replace("<Priority>5", "<Priority>7")
    edited = project.program.folder / "edited.xml"
    edited.write_bytes(text.encode("utf-16"))
    command = ["schtasks", "/Create", "/TN", project.name, "/XML", str(edited), "/F"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    faults = project.program("status", "--json").json["registration"]["faults"]
    assert {"its ExecutionTimeLimit is 'PT72H', not 'PT0S'", "its Priority is '7', not '5'"} <= set(faults)


@pytest.mark.parametrize("role", DEFAULT_NAMES)
def test_a_service_is_taken_by_schtasks_and_found_again(role: str, tmp_path: Path) -> None:
    """Written, created and deleted; it is not started, for it would be again and again."""
    keeper, name = KEEPERS["windows"], f"Test-{uuid.uuid4().hex[:8]}"
    who = service_wish.myself()
    made = service_wish.service(role, ("--slots", "4"), name, who=who, system=False)
    wish = replace(made, folder=str(tmp_path))
    write, create, *_ = keeper.install(wish, {}).actions
    assert isinstance(write, Write)
    disabled = write.content.decode("utf-16").replace(">true</Enabled>", ">false</Enabled>").encode("utf-16")
    registrar.carry_out((replace(write, content=disabled), create), lambda _: None)
    try:
        found = keeper.registered(wish, registrar.ask(keeper.looks(wish)))
        assert found is not None
        assert found.ours
        if not on_wine():
            assert set(lost(list(found.faults))) == {"Enabled"}
    finally:
        registrar.carry_out(keeper.uninstall(wish, registrar.ask(keeper.looks(wish))).actions, lambda _: None)
    assert keeper.registered(wish, registrar.ask(keeper.looks(wish))) is None
