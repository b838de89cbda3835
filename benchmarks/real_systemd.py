"""A whole life under a real systemd: a user's timer and one of the machine, runs that outlive their cycle.

In namespaces with files, processes and control groups of their own (isolated.py), so this machine needs no
systemd that runs, and one that does is not touched. Takes about four minutes, most of it waiting for ticks.
"""

import json
import re
import shlex
from datetime import datetime
from typing import Any

from claims import Claims, prove
from isolated import CHECKOUT, PYTHON, Isolated, Said, UnavailableError, until

SYSTEMD = "/lib/systemd/systemd"
TARGET = """\
[Unit]
Description=What a registration needs, and nothing that would touch the machine below
DefaultDependencies=no
Requires=dbus.service systemd-journald.service systemd-logind.service
After=dbus.service systemd-logind.service
"""
# Nothing of a usual boot: it would mount, load modules, and clean up.
BOOT = f"""\
rm -rf /lib/systemd/system/*.target.wants /etc/systemd/system/*.wants
printf %s {shlex.quote(TARGET)} >/etc/systemd/system/isolated.target
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin {SYSTEMD} --system --unit=isolated.target
"""

USER = "ada"
TICK_S, LONG_S = 60.0, 90
PATIENCE_S = 30.0
ON_TIME_S = 10

TABLE = """\
[tasks.{name}]
priority = "critical"
interval = "{every}"
adaptive = false
script = "{name}.py"
"""
SCRIPTS = {
    "works": "import os\nopen('uid', 'w').write(str(os.getuid()))\n",
    "fails": "raise SystemExit(7)\n",
    "long": f"import os, time\nopen('long.pid', 'w').write(str(os.getpid()))\ntime.sleep({LONG_S})\n",
    "endless": "import os, time\nopen('endless.pid', 'w').write(str(os.getpid()))\ntime.sleep(1e6)\n",
}


class Project:
    """A tasks.toml of the user, registered by them or by root for the machine."""

    def __init__(self, machine: Isolated, name: str, tasks: tuple[str, ...], *, system: bool, uid: str) -> None:
        """Write it."""
        self.machine, self.name = machine, name
        self.folder = f"/home/{USER}/{name} 50%"
        self.as_user = () if system else ("--user",)
        self.user = "root" if system else USER
        self.env = {} if system else {"XDG_RUNTIME_DIR": f"/run/user/{uid}"}
        self.options = ("--name", name, *(("--system",) if system else ()))
        self.units = "/etc/systemd/system" if system else f"/home/{USER}/.config/systemd/user"
        machine.must("mkdir", self.folder, user=USER)
        tables = "".join(TABLE.format(name=one, every="1m" if one in ("works", "fails") else "1h") for one in tasks)
        machine.path(f"{self.folder}/tasks.toml").write_text('[scheduler]\ntick = "1m"\n' + tables)
        for one in tasks:
            machine.path(f"{self.folder}/{one}.py").write_text(SCRIPTS[one])
        machine.must("chown", "-R", f"{USER}:", self.folder)

    def scheduler(self, *words: str) -> Said:
        """Run the program as who registers."""
        program = (str(PYTHON), "-P", "-m", "adaptive_scheduler", "--config", f"{self.folder}/tasks.toml")
        return self.machine.run(*program, *words, user=self.user, env=self.env)

    def install(self) -> Said:
        """Register it."""
        return self.scheduler("install", "--backend", "systemd", *self.options)

    def systemctl(self, *words: str) -> Said:
        """Ask or tell the manager that it is registered with."""
        return self.machine.run("systemctl", *self.as_user, *words, user=self.user, env=self.env)

    def shown(self, unit: str, key: str) -> str:
        """Return a property of one of its units."""
        return self.systemctl("show", f"{self.name}.{unit}", f"--property={key}", "--value").text.strip()

    def history(self, task: str) -> list[dict[str, Any]]:
        """Return the collected runs of a task."""
        lines = self.machine.run(
            *(str(PYTHON), "-P", "-m", "adaptive_scheduler", "--config", f"{self.folder}/tasks.toml"),
            *("history", task, "--json"),
            user=USER,
        ).out
        return [json.loads(line) for line in lines.splitlines()]

    def read(self, name: str) -> str:
        """Return a file of the project, empty when there is none."""
        path = self.machine.path(f"{self.folder}/{name}")
        return path.read_text() if path.exists() else ""

    @property
    def log(self) -> str:
        """The log of the scheduler."""
        return self.read("outputs/adaptive_scheduler.log")

    def lives(self, task: str) -> bool:
        """Say whether the process that a task started first is still there."""
        return self.machine.run("kill", "-0", self.read(f"{task}.pid") or "0").code == 0

    @property
    def left(self) -> list[str]:
        """What the manager's folders still know of it."""
        folders = (self.units, "/var/lib/systemd", f"/home/{USER}/.local/share/systemd")
        found = self.machine.run("find", *folders, "-name", f"*{self.name}*").out.decode().splitlines()
        loaded = self.systemctl("list-units", "--all", "--plain", "--no-legend", f"{self.name}*").out.decode()
        return found + [line for line in loaded.splitlines() if " not-found " not in line or " failed " in line]


def story(claims: Claims) -> None:
    """Live it."""
    with Isolated(("sh", "-c", BOOT), needs=("systemctl", "dbus-daemon", "loginctl", SYSTEMD)) as machine:
        if not until(lambda: machine.run("systemctl", "is-system-running").out.strip() == b"running", PATIENCE_S):
            raise UnavailableError(f"systemd does not come up: {machine.run('systemctl', '--failed').text}")
        machine.add_user(USER)
        uid = machine.run("id", "-u", USER).text.strip()
        machine.must("loginctl", "enable-linger", USER)
        until(machine.path(f"/run/user/{uid}/systemd/private").exists, PATIENCE_S)
        mine = Project(machine, "Mine", tuple(SCRIPTS), system=False, uid=uid)
        machines = Project(machine, "Machines", ("works", "fails"), system=True, uid=uid)
        for project in (mine, machines):
            installed(claims, project)
        ticked(claims, mine)
        outlived(claims, mine)
        collected(claims, mine)
        claims.claim("the machine's timer ran its tasks as their owner", machines.read("uid") == uid, machines.log)
        quiet(claims, mine, machines)
        removed(claims, mine, machines)


def installed(claims: Claims, project: Project) -> None:
    """Register, twice, and have systemd look at what was written."""
    said = project.install()
    claims.claim(f"{project.name}: install registers and reads back", said.code == 0, said.text)
    again = project.install()
    claims.claim(f"{project.name}: again is the same as once", "registered already" in again.text, again.text)
    units = [f"{project.units}/{project.name}.{kind}" for kind in ("service", "timer")]
    verified = project.machine.run(
        "systemd-analyze", *project.as_user, "verify", *units, user=project.user, env=project.env
    )
    claims.claim(
        f"{project.name}: systemd-analyze has nothing to say", (verified.code, verified.text) == (0, ""), verified.text
    )


def ticked(claims: Claims, project: Project) -> None:
    """Wait for the first tick."""
    came = until(lambda: project.read("long.pid") and project.read("endless.pid"), TICK_S + PATIENCE_S)
    claims.claim("a tick comes and starts what is due", came, project.log)
    began = datetime.fromisoformat(project.log[1:20])
    (second,) = re.findall(
        r"^OnCalendar=.*:(\d+)$", project.machine.path(f"{project.units}/{project.name}.timer").read_text(), re.M
    )
    late_s = (began.second - int(second)) % 60
    claims.claim("at the second that the timer names", late_s < ON_TIME_S, f"{second}, {began}")
    claims.remark(f"seconds after it: {late_s}")


def outlived(claims: Claims, project: Project) -> None:
    """See the runs live through all that happens to their service."""
    ended = until(lambda: "[Cycle 1 " in project.log, TICK_S) and until(
        lambda: project.shown("service", "ActiveState") == "inactive", PATIENCE_S
    )
    claims.claim("the cycle ends before the next tick", ended, project.log)

    def all_live(what: str) -> None:
        claims.claim(f"its runs live on after {what}", project.lives("long") and project.lives("endless"))

    all_live("the end of the service")
    project.systemctl("daemon-reload")
    all_live("daemon-reload")
    project.systemctl("stop", f"{project.name}.timer", f"{project.name}.service")
    all_live("'systemctl stop' of timer and service")
    said = project.install()
    claims.claim("install starts the timer again", said.code == 0 and "registered:" in said.text, said.text)
    project.scheduler("uninstall")
    all_live("uninstall")
    said = project.install()
    claims.claim("it can be installed again", said.code == 0, said.text)


def collected(claims: Claims, project: Project) -> None:
    """Wait for a later cycle that collects the long run."""
    came = until(lambda: project.history("long")[-1]["status"] != "running", LONG_S + 2 * TICK_S)
    claims.claim("a later cycle collects the long run", came, project.log)
    run = project.history("long")[-1]
    claims.claim("it ran to its end", run["status"] == "ok" and run["duration_s"] >= LONG_S, run)
    claims.claim("and was started once", project.log.count("Starting Task: long") == 1, project.log)
    claims.claim("the endless one still lives", project.lives("endless"))


def quiet(claims: Claims, *projects: Project) -> None:
    """Look for noise."""
    for project in projects:
        failed = [run["exit_code"] for run in project.history("fails")]
        claims.claim(f"{project.name}: a task failed at each tick", failed and set(failed) == {7}, failed)
        listed = project.systemctl("list-units", "--failed", "--plain", "--no-legend").text
        claims.claim(f"{project.name}: and no unit counts as failed", not listed.strip(), listed)
    journal = projects[0].machine.run("journalctl", "--no-pager", "-o", "json", "-q").out.splitlines()
    entries = [json.loads(line) for line in journal]
    said = [
        one["MESSAGE"]
        for one in entries
        if one.get("_TRANSPORT") == "stdout" and "adaptive" in str(one.get("_CMDLINE"))
    ]
    others = [line for line in said if not line.startswith("adaptive-scheduler: task 'fails' failed: exit code 7; ")]
    claims.claim("the journal has the failed tasks and nothing else", said and not others, others)
    noise = [one["MESSAGE"] for one in entries if "left-over process" in str(one.get("MESSAGE"))]
    claims.claim("and no warnings of runs that outlive their cycle", not noise, noise)


def removed(claims: Claims, *projects: Project) -> None:
    """Take all of it away again."""
    for project in projects:
        said = project.scheduler("uninstall", *(project.options if project.user == "root" else ()))
        claims.claim(f"{project.name}: uninstall ends well", said.code == 0, said.text)
        claims.claim(f"{project.name}: and leaves nothing", not project.left, project.left)
        claims.claim(f"{project.name}: but tasks.toml and the log", project.read("tasks.toml") and project.log)
    claims.claim("a run that goes on is not ended by it", projects[0].lives("endless"))


if __name__ == "__main__":
    prove(f"A life under systemd ({CHECKOUT}):", story)
