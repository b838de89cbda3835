"""This machine once more, in namespaces: its own processes, users, timers and files, all gone when it is left.

Daemons can be proved against here that this machine runs itself, or must not run. Needs Linux, root, and a
kernel that lets root make namespaces and overlays; `UnavailableError` says what is missing.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = Path(sys.executable)
TOOLS = ("unshare", "nsenter", "setpriv", "runuser", "useradd", "pivot_root", "mount")
NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
CGROUP_NAME = "isolated-"

REAPER = (str(PYTHON), "-c", "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); signal.pause()")
"""The least that a first process has to do; a signal that is ignored interrupts no pause."""

START_S, COMMAND_S, END_S = 30.0, 300.0, 10.0
POLL_S = 0.2


class UnavailableError(Exception):
    """Such a machine cannot be had here; the text says why."""


class Isolated:
    """The machine; a context, for it must be left."""

    def __init__(self, init: Sequence[str] = REAPER, *, needs: Sequence[str] = (), network: bool = False) -> None:
        """Say what its first process is, and what else must be installed; without `network` it has none."""
        self.init, self.network = tuple(init), network
        self.needs = (*TOOLS, *needs)
        self.outer: subprocess.Popen[str] | None = None
        self.pid = 0
        self.cgroup: Path | None = None

    def __enter__(self) -> Self:
        """Start it; raises UnavailableError."""
        if sys.platform != "linux" or os.geteuid() != 0:
            raise UnavailableError("only root on Linux can make namespaces with daemons in them")
        missing = [tool for tool in self.needs if shutil.which(tool, path=SEARCH_PATH) is None]
        if missing:
            raise UnavailableError(f"not installed: {', '.join(missing)}")
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, lambda number, _: sys.exit(128 + number))
        try:
            self._start()
        except BaseException:
            self.leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave it."""
        self.leave()

    def run(self, *words: str, user: str = "root", env: dict[str, str] | None = None, **more: Any) -> "Said":
        """Run a command in it, in an environment of its own, and return what it said."""
        ended = subprocess.run(
            self._words(words, user, env or {}),
            capture_output=True,
            timeout=COMMAND_S,
            stdin=subprocess.DEVNULL,
            **more,
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *words: str) -> None:
        """Start a daemon in it that does not detach itself."""
        silent = subprocess.DEVNULL
        subprocess.Popen(self._words(words, "root", {}), stdin=silent, stdout=silent, stderr=silent)

    def path(self, path: str | Path) -> Path:
        """Return a path of that machine as one of this."""
        return Path(f"/proc/{self.pid}/root/{path}")

    def add_user(self, name: str) -> Path:
        """Make a user who can start our Python, and return their home there."""
        self.must("useradd", "--create-home", "--shell", "/bin/sh", name)
        for needed in (CHECKOUT, PYTHON, PYTHON.resolve()):
            for folder in needed.parents:
                self.run("chmod", "o+x", str(folder))
        self.must(str(PYTHON), "-P", "-m", "adaptive_scheduler", "--version", user=name)
        return Path("/home", name)

    def must(self, *words: str, **more: Any) -> "Said":
        """Run a command that has to end well; raises UnavailableError with its complaint."""
        said = self.run(*words, **more)
        if said.code:
            raise UnavailableError(f"'{' '.join(words)}' fails: {said.text.strip() or said.code}")
        return said

    def leave(self) -> None:
        """End every process of it; its files were in memory."""
        if self.outer is not None:
            self.outer.kill()
            self.outer.wait()
        if self.cgroup is not None:
            until(lambda: _removed(self.cgroup), END_S)

    def _start(self) -> None:
        self.cgroup = _new_cgroup()
        joined = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"'
        namespaces = NAMESPACES if self.network else (*NAMESPACES, "--net")
        script = str(Path(__file__).with_suffix(".sh"))
        # The kernel ends the outer process with this one, and the inner ones with it, whatever ends this one.
        joining = ("setpriv", "--pdeathsig", "KILL", "sh", "-c", joined, "sh", str(self.cgroup))
        self.outer = subprocess.Popen(
            [*joining, "unshare", *namespaces, "sh", script, *_mounts(), "--", *self.init],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then ends that one
        )
        assert self.outer.stdout is not None
        assert self.outer.stderr is not None
        if self.outer.stdout.readline() != "ready\n":
            raise UnavailableError(f"no such machine can be made here: {self.outer.stderr.read().strip()}")
        (inner,) = psutil.Process(self.outer.pid).children()
        self.pid = inner.pid

    def _words(self, words: Sequence[str], user: str, env: dict[str, str]) -> list[str]:
        home = "/root" if user == "root" else f"/home/{user}"
        settings = {"PATH": SEARCH_PATH, "HOME": home, "USER": user, "LOGNAME": user, "LANG": "C.UTF-8", **env}
        return [
            *("nsenter", "--target", str(self.pid), "--all", "--"),
            *("env", "-i", "-C", "/", *(f"{name}={value}" for name, value in settings.items())),
            *(("runuser", "-u", user, "--") if user != "root" else ()),
            *words,
        ]


class Said:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        """Keep the bytes."""
        self.code, self.out, self.err = code, out, err

    @property
    def text(self) -> str:
        """Return all of it as text."""
        return (self.out + self.err).decode(errors="replace")


def until(condition: Callable[[], Any], patience_s: float) -> bool:
    """Wait for a condition; False when it does not come in time."""
    give_up_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up_s:
            return False
        time.sleep(POLL_S)
    return True


def _mounts() -> list[str]:
    """Return the file systems besides the root one that the checkout and Python lie on."""
    found = set()
    for needed in (CHECKOUT, PYTHON, PYTHON.resolve(), Path(sys.base_prefix)):
        found.add(next(str(folder) for folder in (needed, *needed.parents) if folder.is_mount()))
    return sorted(found - {"/"})


def _new_cgroup() -> Path:
    """Return a fresh control group, which becomes the root of what the machine sees of them."""
    root = next((root for root in CGROUPS if (root / "cgroup.controllers").exists()), None)
    if root is None:
        raise UnavailableError("control groups of version 2 are not mounted")
    for left in root.glob(f"{CGROUP_NAME}*"):  # of one that was killed
        if not psutil.pid_exists(int(left.name.removeprefix(CGROUP_NAME))):
            _removed(left)
    cgroup = root / f"{CGROUP_NAME}{os.getpid()}"
    try:
        cgroup.mkdir()
    except OSError as error:
        raise UnavailableError(f"no control group can be made: {error}") from error
    return cgroup


def _removed(cgroup: Path | None) -> bool:
    """Remove a control group and those in it; False while there are processes in one."""
    if cgroup is None or not cgroup.exists():
        return True
    for folder, _, _ in os.walk(cgroup, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    return not cgroup.exists()
