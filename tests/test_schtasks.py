"""`install` and `uninstall` with the Task Scheduler's own schtasks, and the registered command, run as it stands."""

import os
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adaptive_scheduler.backends import windows
from tests.processes import until
from tests.program import Program

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="the Task Scheduler is of Windows")

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

    def values(self) -> dict[str, str]:
        return windows._values(ET.fromstring(windows._decoded(self.stored.read_bytes())))


@pytest.fixture(params=["project", "내 작업 100% & more"], ids=["plain", "Korean with spaces"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / request.param
    folder.mkdir()
    made = Project(Program(folder).config(CONFIG).script("job.py", "print('done')\n"), f"Test-{uuid.uuid4().hex[:8]}")
    yield made
    subprocess.run(["schtasks", "/Delete", "/TN", made.name, "/F"], stdin=subprocess.DEVNULL, capture_output=True)


def test_a_project_is_registered_read_back_and_removed(project: Project) -> None:
    program = project.program
    answer = program("install", "--name", project.name)
    assert (answer.code, answer.err) == (0, "")
    assert f"registered: the Task Scheduler's task '{project.name}', every 5 min" in answer.out
    found = project.values()
    assert {path: found.get(path) for path in windows.DEFAULTS if path.startswith("Settings")} == {
        "Settings/MultipleInstancesPolicy": "Parallel",
        "Settings/DisallowStartIfOnBatteries": "false",
        "Settings/StopIfGoingOnBatteries": "false",
        "Settings/AllowHardTerminate": "true",
        "Settings/StartWhenAvailable": "true",
        "Settings/RunOnlyIfNetworkAvailable": "false",
        "Settings/AllowStartOnDemand": "true",
        "Settings/Enabled": "true",
        "Settings/Hidden": "true",
        "Settings/RunOnlyIfIdle": "false",
        "Settings/WakeToRun": "false",
        "Settings/ExecutionTimeLimit": "PT0S",
        "Settings/Priority": "5",
    }
    assert found["Actions/Exec/WorkingDirectory"] == str(program.folder)

    standing = program("status", "--json").json["registration"]
    assert (standing["backend"], standing["name"], standing["faults"]) == ("windows", project.name, [])
    again = program("install", "--name", project.name)
    assert (again.code, again.out.splitlines()[0][:18]) == (0, "registered already")

    assert program("uninstall").code == 0
    assert not project.stored.exists()
    twice = program("uninstall", "--name", project.name)
    assert (twice.code, twice.err) == (0, "")
    assert "nothing to do" in twice.out
    assert program("status", "--json").json["registration"] is None


def test_the_registered_command_runs_a_cycle_with_no_console_and_no_streams(project: Project) -> None:
    program = project.program
    assert program("install", "--name", project.name).code == 0
    found = project.values()
    assert found["Actions/Exec/Command"].endswith("pythonw.exe")
    line = f'"{found["Actions/Exec/Command"]}" {found["Actions/Exec/Arguments"]}'
    detached_process = 0x0008
    process = subprocess.Popen(
        line, cwd=found["Actions/Exec/WorkingDirectory"], env=program.environ, creationflags=detached_process
    )
    assert process.wait(120) == 0
    until(lambda: "Cycle 1" in program.log)
    assert len(program.starts("job.py")) == 1
    assert program("logs", "job").out.split() == ["done"]


def test_a_task_edited_by_hand_is_told(project: Project) -> None:
    program = project.program
    assert program("install", "--name", project.name).code == 0
    written = program.outputs / "registration" / f"{project.name}.xml"
    slower = written.read_bytes().decode("utf-16").replace("PT5M", "PT10M").replace("PT0S", "PT72H")
    edited = program.folder / "edited.xml"
    edited.write_bytes(slower.encode("utf-16"))
    command = ["schtasks", "/Create", "/TN", project.name, "/XML", str(edited), "/F"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    faults = program("status", "--json").json["registration"]["faults"]
    assert faults == ["its Interval is 'PT10M', not 'PT5M'", "its ExecutionTimeLimit is 'PT72H', not 'PT0S'"]
    assert program("install", "--name", project.name).code == 0
    assert program("status", "--json").json["registration"]["faults"] == []
