"""A real second user, and a project that they can reach: what they do to it is done by the kernel's rules."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.program import Answer, Program

STRANGER = 65_534
"""The user `nobody`."""

TASK = '[tasks.{name}]\ninterval = "10m"\nscript = "{script}"\n'


def problem() -> str:
    """What keeps this machine from having a second user in the tests, empty when nothing does."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return "only root can act as a second user"
    reach = subprocess.run(["/bin/sh", "-c", f"cd '{tempfile.gettempdir()}'"], user=STRANGER, extra_groups=[])
    return "" if reach.returncode == 0 else f"'{tempfile.gettempdir()}' is closed to the second user"


class Ground:
    """A project that is sound, and a stranger beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.shared = folder / "shared"
        self.victim = folder / "victim.txt"
        self.folder.mkdir(mode=0o755)
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        self.victim.write_text("precious")
        self.victim.chmod(0o644)
        self.program = Program(self.folder)
        for name in ("a", "b"):
            self.program.script(f"{name}.py", "")
        self.tasks("a.py", "b.py")

    def tasks(self, a: str, b: str = "b.py", head: str = "") -> None:
        self.program.config(head + TASK.format(name="a", script=a) + TASK.format(name="b", script=b))

    def stranger(self, commands: str, *, may: bool = True) -> str:
        """Let the stranger do something, and return what the system said; `may` is whether it lets them."""
        done = subprocess.run(
            ["/bin/sh", "-c", f"set -e; {commands}"],
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) is may, done.stderr
        return done.stderr.strip().splitlines()[-1] if done.stderr else ""

    def run(self, *words: str) -> Answer:
        return self.program(*(words or ("run",)))

    def refused(self, *words: str) -> str:
        """The line by which a cycle is refused as a whole, after which nothing has run."""
        answer = self.run(*words)
        assert answer.code == 2, answer
        assert self.ran() == [], "nothing ran"
        (line,) = answer.err.splitlines()
        return line.removeprefix("adaptive-scheduler: ")

    def refused_task(self) -> str:
        """The line by which the first task is refused, while the other one runs."""
        answer = self.run()
        assert answer.code == 1, answer
        assert self.ran() == ["b.py"]
        (line,) = answer.err.splitlines()
        return line.removeprefix("adaptive-scheduler: ")

    def ran(self) -> list[str]:
        return [name for name in ("a.py", "b.py") if self.program.starts(name)]

    def opened(self, path: Path, commands: str) -> None:
        """Let the stranger at a folder that is open to all for a while, as a mistake of its owner has it."""
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        self.stranger(commands)
        path.chmod(0o700)

    def shown(self, line: str) -> str:
        """The line with the places that every reader knows."""
        return line.replace(str(self.folder), "/srv/project").replace(str(self.folder.parent), "/srv")


@contextmanager
def ground() -> Iterator[Ground]:
    """Make a place that the stranger can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="adaptive-"))
    folder.chmod(0o755)
    try:
        yield Ground(folder)
    finally:
        shutil.rmtree(folder)


def as_user(number: int, words: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user without groups."""
    return subprocess.run(
        words, user=number, group=number, extra_groups=[], capture_output=True, text=True, timeout=120, **options
    )
