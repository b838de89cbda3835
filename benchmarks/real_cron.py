"""A whole life under a real cron daemon: installed, called every minute, a fault mailed, removed without a trace.

In namespaces with files and processes of their own (isolated.py): this machine's crontabs, and a cron that it
may run, are not touched. Takes about six minutes, most of it waiting for full minutes.
"""

import json
import re
import shlex
from datetime import datetime
from pathlib import Path

from claims import Claims, prove
from isolated import CHECKOUT, PYTHON, Isolated, Said, until
from pip_settings import pip_settings

USER = "ada"
SPOOL = "/var/spool/cron/crontabs"
MAIL = Path("/run/mail")
SENDMAIL = f"#!/bin/sh\n{{ cat; echo; echo '-- end'; }} >>{MAIL}\n"
TICKS, PATIENCE_S = 3, 300.0
COMES_WITHIN_S = 10

FOREIGN = (
    b"# my lines, one made on Windows\r\n"
    b"MAILTO=ada\n"
    b"\t 5 4 * * 0   echo 100\\% sure\r\n"
    b"\n"
    b"* * * * * cat >foreign.txt%read from%a percent sign\n"
    b"* * * * * echo a foreign line speaks\n"
    b"# caf\xe9, no UTF-8\n"
)

TASKS = """\
[scheduler]
tick = "1m"
[tasks.works]
priority = "critical"
interval = "1m"
adaptive = false
script = "works.py"
[tasks.fails]
priority = "critical"
interval = "1m"
adaptive = false
script = "fails.py"
"""
WORKS = """\
import json, os
with open("environment.jsonl", "a") as file:
    file.write(json.dumps({**os.environ, "cwd": os.getcwd()}) + "\\n")
print("it works")
"""
FAILS = "import sys\nprint('no luck', file=sys.stderr)\nsys.exit(7)\n"


class Life:
    """The machine, the user's folder and the program there."""

    def __init__(self, machine: Isolated) -> None:
        """Make the user, their project, and a mail service that keeps every letter."""
        self.machine = machine
        self.home = machine.add_user(USER)
        self.folder = self.home / "my tasks 50%"
        self.config = str(self.folder / "tasks.toml")
        self.venv = self.home / "a venv"
        self.program: tuple[str, ...] = (str(PYTHON), "-P", "-m", "adaptive_scheduler")
        self.write("/usr/sbin/sendmail", SENDMAIL.encode(), "755")
        self.write(MAIL, b"", "666")
        self.write("/etc/crontab", b"", "644")
        machine.must("sh", "-c", "rm -f /etc/cron.d/*")
        machine.must("mkdir", str(self.folder), user=USER)
        for name, content in (("tasks.toml", TASKS), ("works.py", WORKS), ("fails.py", FAILS)):
            self.write(self.folder / name, content.encode(), "644")

    def write(self, path: str | Path, content: bytes, mode: str) -> None:
        """Write a file there."""
        self.machine.path(path).write_bytes(content)
        self.machine.must("chmod", mode, str(path))

    def scheduler(self, *words: str) -> Said:
        """Run the program as the user."""
        return self.machine.run(*self.program, "--config", self.config, *words, user=USER)

    @property
    def crontab(self) -> bytes | None:
        """The user's crontab, without the head that Debian's crontab writes and dates."""
        if not self.machine.path(f"{SPOOL}/{USER}").exists():
            return None
        return self.machine.must("crontab", "-l", user=USER).out

    @property
    def letters(self) -> list[str]:
        """What was mailed."""
        return self.machine.path(MAIL).read_text(errors="replace").split("-- end\n")[:-1]

    @property
    def log(self) -> str:
        """The log of the scheduler."""
        path = self.machine.path(self.folder / "outputs" / "adaptive_scheduler.log")
        return path.read_text() if path.exists() else ""

    def install(self, claims: Claims) -> None:
        """Install with install.sh from the checkout, or without a package index register what runs us."""
        words = ["--venv", str(self.venv), "--config", self.config, "--", "--backend", "cron"]
        script = str(CHECKOUT / "install" / "install.sh")
        settings = {**pip_settings(), "PYTHON": str(PYTHON.resolve())}
        said = self.machine.run("sh", script, *words, user=USER, env=settings)
        if "no package index" in said.text:
            claims.remark("no package index, so install.sh is not proved here; going on with the present environment")
            said = self.scheduler("install", "--backend", "cron")
        else:
            self.program = (str(self.venv / "bin" / "adaptive-scheduler"),)
        claims.claim("install.sh makes an environment, checks, and registers with cron", said.code == 0, said.text)


def story(claims: Claims) -> None:
    """Live it."""
    with Isolated(needs=("cron", "crontab"), network=True) as machine:
        life = Life(machine)
        absent_stays_absent(claims, life)
        machine.start("cron", "-f")
        machine.path(MAIL.parent / "foreign").write_bytes(FOREIGN)
        machine.must("crontab", str(MAIL.parent / "foreign"), user=USER)
        before = life.crontab or b""
        life.install(claims)
        installed(claims, life, before)
        came = until(lambda: life.log.count("Cycle ") >= TICKS, PATIENCE_S)
        claims.claim(f"{TICKS} ticks come", came, life.log)
        ticked(claims, life)
        a_fault_is_mailed(claims, life)
        removed(claims, life, before)


def absent_stays_absent(claims: Claims, life: Life) -> None:
    """Install and uninstall where there is no crontab."""
    said = life.scheduler("install", "--backend", "cron")
    claims.claim("a daemon that does not run is told of", "no cron daemon" in said.text, said.text)
    made = life.crontab
    life.scheduler("uninstall")
    claims.claim("an absent crontab is begun, and absent again afterwards", made and life.crontab is None, made)


def installed(claims: Claims, life: Life, before: bytes) -> None:
    """Look at the crontab."""
    first = life.crontab or b""
    claims.claim("every byte of the foreign lines is still there, and in front", first.startswith(before), first)
    again = life.scheduler("install", "--backend", "cron")
    claims.claim("a second install changes no byte", again.code == 0 and life.crontab == first, again.text)
    claims.claim("the daemon that now runs is seen", "no cron daemon" not in again.text, again.text)
    checked = json.loads(life.scheduler("check", "--json").out)
    claims.claim("'check' finds the registration", checked["ok"], checked)


def ticked(claims: Claims, life: Life) -> None:
    """Look at what the ticks have done."""
    starts = [
        datetime.fromisoformat(one) for one in re.findall(r"\[([\d :-]+)\] .*Adaptive Scheduler Started", life.log)
    ]
    late = [start.second for start in starts]
    claims.claim("each comes at its full minute", max(late) < COMES_WITHIN_S, late)
    claims.remark(f"seconds after the full minute: {late}")
    rows = [json.loads(line) for line in life.scheduler("history", "--json").out.splitlines()]
    ended = {name: [row["status"] for row in rows if row["task"] == name] for name in ("works", "fails")}
    claims.claim("a task ran at every tick, and well", ended["works"][:TICKS] == ["ok"] * TICKS, ended)
    claims.claim("another failed at every tick", ended["fails"][:TICKS] == ["failed"] * TICKS, ended)
    failures = life.log.count("=== Task Failed: fails (failed: exit code 7) ===")
    claims.claim("and the log says so", failures >= TICKS, life.log)
    told = [json.loads(line) for line in life.machine.path(life.folder / "environment.jsonl").read_text().splitlines()]
    as_said = all(one["LOGNAME"] == USER and one["HOME"] == str(life.home) for one in told)
    claims.claim("they ran in cron's environment, as the user", as_said and "SUDO_USER" not in told[0], told[0])
    claims.claim("with a language of UTF-8 and the search path of the installer", _fit(told[0]), told[0])
    foreign = life.machine.path(life.home / "foreign.txt").read_bytes()
    claims.claim("foreign lines run as before", foreign == b"read from\na percent sign\n", foreign)
    subjects = {
        re.sub(r".*> ", "", one) for letter in life.letters for one in re.findall(r"^Subject: .*", letter, re.M)
    }
    claims.claim("only a foreign line is mailed, no failed task", subjects == {"echo a foreign line speaks"}, subjects)


def _fit(environment: dict[str, str]) -> bool:
    return environment["LANG"] == "C.UTF-8" and "/usr/local/bin" in environment["PATH"].split(":")


def a_fault_is_mailed(claims: Claims, life: Life) -> None:
    """Take the state away from the program, and wait for its letter."""
    outputs = str(life.folder / "outputs")
    life.machine.must("mv", outputs, f"{outputs}.aside")
    life.write(outputs, b"a file where the folder was", "644")
    came = until(lambda: any("adaptive-scheduler: " in letter for letter in life.letters), PATIENCE_S)
    claims.claim("a fault of the program itself is mailed", came, life.letters[-3:])
    life.machine.must("rm", outputs)
    life.machine.must("mv", f"{outputs}.aside", outputs)


def removed(claims: Claims, life: Life, before: bytes) -> None:
    """Take it away again."""
    script = str(CHECKOUT / "install" / "install.sh")
    if len(life.program) == 1:
        words = ["sh", script, "--uninstall", "--venv", str(life.venv), "--config", life.config]
        said = life.machine.run(*words, user=USER)
        gone = not life.machine.path(life.venv).exists()
        claims.claim(
            "install.sh --uninstall ends well and takes its environment away", said.code == 0 and gone, said.text
        )
    else:
        said = life.scheduler("uninstall")
        claims.claim("uninstall ends well", said.code == 0, said.text)
    claims.claim("the crontab is byte for byte what it was", life.crontab == before, life.crontab)
    kept = life.machine.path(life.config).exists() and life.log
    claims.claim("tasks.toml and the log are still there", kept)
    until(lambda: not life.machine.run("pgrep", "-u", USER).out, PATIENCE_S / 10)
    left = life.machine.run("pgrep", "-u", USER, "-a").text
    claims.claim("no process of the user is left", not left, left)


if __name__ == "__main__":
    prove(f"A life under cron ({shlex.quote(str(CHECKOUT))}):", story)
