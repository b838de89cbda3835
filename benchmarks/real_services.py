"""The services under a real systemd: started again for ever, and what they started outlives each of their ends.

In namespaces of their own (isolated.py). A shell script stands in for the interpreter: it takes every option, and
as a service starts one detached child, then ends, or hangs in its shutdown when told to. Takes two minutes.
"""

import time

from claims import Claims, prove
from isolated import CHECKOUT, PYTHON, Isolated, Said, UnavailableError, until
from real_systemd import BOOT, PATIENCE_S, SYSTEMD, USER

STAND_IN = """\
#!/bin/sh
case "$*" in *--version | *distributed* | *--check) exit 0 ;; esac
for last; do mine=$HOME/$last; done
grep NoNewPrivs /proc/self/status >>"$mine.starts"
[ -e "$mine.pid" ] || { setsid sleep 1000000 & echo $! >"$mine.pid"; }
[ ! -e "$mine.hangs" ] || { trap '' TERM; exec sleep 1000000; }
"""
DRIVER = """\
import sys
from functools import partial
from adaptive_scheduler import service_wish
from adaptive_scheduler.commands import services
role, name, user = sys.argv[1:]
service = partial(service_wish.service, python=f"/home/{user or 'USER'}/python")
asked = dict(backend="auto", name=name, system=bool(user), user=user or None, print_only=False, service=service)
sys.exit(services.install(role, ("--label", name), **asked))
"""
STARTS, RESTARTS_S, KILLED_WITHIN_S = 4, 40.0, 15.0


class Service:
    """A service that a user or the machine keeps."""

    def __init__(self, machine: Isolated, role: str, name: str, uid: str, *, system: bool) -> None:
        """Know what it will be."""
        self.machine, self.role, self.name, self.system = machine, role, name, system
        self.user = "root" if system else USER
        self.env = {} if system else {"XDG_RUNTIME_DIR": f"/run/user/{uid}"}
        self.unit = f"{'/etc/systemd/system' if system else f'/home/{USER}/.config/systemd/user'}/{name}.service"

    def run(self, *words: str) -> Said:
        """Run a command as who registers."""
        return self.machine.run(*words, user=self.user, env=self.env)

    def install(self) -> Said:
        """Register it."""
        driver = DRIVER.replace("USER", USER)
        return self.run(str(PYTHON), "-P", "-c", driver, self.role, self.name, USER if self.system else "")

    def uninstall(self) -> Said:
        """Register it no longer."""
        words = ("uninstall", self.role, "--name", self.name, *(("--system",) if self.system else ()))
        return self.run(str(PYTHON), "-P", "-m", "adaptive_scheduler", *words)

    def systemctl(self, *words: str) -> Said:
        """Ask or tell its manager."""
        return self.run("systemctl", *(() if self.system else ("--user",)), *words)

    def read(self, kind: str) -> str:
        """Return a file that the stand-in wrote."""
        path = self.machine.path(f"/home/{USER}/{self.name}.{kind}")
        return path.read_text() if path.exists() else ""

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self.read("starts").splitlines())

    @property
    def child_lives(self) -> bool:
        """Whether what it started first is still there."""
        return self.machine.run("kill", "-0", self.read("pid").strip() or "0").code == 0


def story(claims: Claims) -> None:
    """Live it."""
    with Isolated(("sh", "-c", BOOT), needs=("systemctl", "dbus-daemon", "loginctl", SYSTEMD)) as machine:
        if not until(lambda: machine.run("systemctl", "is-system-running").out.strip() == b"running", PATIENCE_S):
            raise UnavailableError(f"systemd does not come up: {machine.run('systemctl', '--failed').text}")
        home = machine.add_user(USER)
        uid = machine.run("id", "-u", USER).text.strip()
        machine.must("loginctl", "enable-linger", USER)
        until(machine.path(f"/run/user/{uid}/systemd/private").exists, PATIENCE_S)
        machine.path(home / "python").write_text(STAND_IN)
        machine.must("chmod", "755", f"{home}/python")
        services = [
            Service(machine, "node", "Mine", uid, system=False),
            Service(machine, "node", "Machines", uid, system=True),
            Service(machine, "scheduler", "Master", uid, system=True),
        ]
        for service in services:
            installed(claims, service)
        for service in services:
            restarted(claims, service)
        for service in services:
            hung(claims, service)
        for service in services:
            removed(claims, service)


def installed(claims: Claims, service: Service) -> None:
    """Register it, twice, and have systemd look at what was written."""
    said = service.install()
    claims.claim(f"{service.name}: install registers and reads back", said.code == 0, said.text)
    again = service.install()
    claims.claim(f"{service.name}: again is the same as once", "registered already" in again.text, again.text)
    whose = () if service.system else ("--user",)
    verified = service.run("systemd-analyze", *whose, "verify", service.unit)
    claims.claim(f"{service.name}: systemd-analyze has nothing to say", not verified.text, verified.text)


def restarted(claims: Claims, service: Service) -> None:
    """See it started again after each end, with code 0, and its child live on."""
    again = until(lambda: service.starts >= STARTS, RESTARTS_S)
    claims.claim(f"{service.name}: each time that it ended, with code 0, it was started again", again, service.starts)
    claims.claim(f"{service.name}: and what it started first lives on", service.child_lives)
    hardened = {line.split()[1] for line in service.read("starts").splitlines()}
    expected = {"1" if service.role == "scheduler" else "0"}
    claims.claim(f"{service.name}: new privileges are barred for the scheduler alone", hardened == expected, hardened)


def hung(claims: Claims, service: Service) -> None:
    """Restart it while it ignores that it is asked to end."""
    service.machine.path(f"/home/{USER}/{service.name}.hangs").touch()
    service.systemctl("restart", f"{service.name}.service")
    began_s = time.monotonic()
    service.systemctl("restart", f"{service.name}.service")
    took_s = time.monotonic() - began_s
    claims.claim(f"{service.name}: one that hangs is killed", took_s < KILLED_WITHIN_S, f"{took_s:.0f} s")
    claims.remark(f"after {took_s:.1f} s")
    claims.claim(f"{service.name}: and what it started first lives on", service.child_lives)


def removed(claims: Claims, service: Service) -> None:
    """Take it away again."""
    said = service.uninstall()
    claims.claim(f"{service.name}: uninstall ends well", said.code == 0, said.text)
    folders = ("/etc/systemd", f"/home/{USER}/.config", f"/home/{USER}/.local")
    left = service.machine.run("find", *folders, "-name", f"*{service.name}*").out.decode()
    listed = service.systemctl("list-units", "--all", "--plain", "--no-legend", f"{service.name}*").text
    # The manager keeps the bare name as long as there are processes in its control group.
    left += "".join(line for line in listed.splitlines() if " not-found inactive " not in line)
    claims.claim(f"{service.name}: and leaves nothing", not left, left)
    claims.claim(f"{service.name}: but what it started lives on", service.child_lives)


if __name__ == "__main__":
    prove(f"Services under systemd ({CHECKOUT}):", story)
