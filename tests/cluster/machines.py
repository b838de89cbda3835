"""A cluster on this machine, made by the documented commands: a scheduler, nodes, and projects that give them work.

Every process carries a mark in its environment, which what it starts inherits: so that whatever a test killed
half of, all of it is found and ended.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.platforms import WINDOWS, born
from tests.processes import PATIENCE_S, kill, until
from tests.program import Answer, Program

MARK = "ADAPTIVE_TEST_CLUSTER"

COMMAND = [sys.executable, "-m", "adaptive_scheduler", "cluster"]


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until_go(go: str | Path) -> str:
    """A script that runs until a file is there."""
    return f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\nprint('over')\n"


class Member:
    """A scheduler or a node: the process that keeps it going, the one that does the work, and what both said."""

    patience_s = 3 * PATIENCE_S if WINDOWS else PATIENCE_S

    def __init__(self, argv: list[str], log: Path, ready: str, env: dict[str, str], *, is_child: bool = False) -> None:
        self.argv, self.log, self.ready, self.env = argv, log, ready, env
        self.stdin = subprocess.PIPE if is_child else subprocess.DEVNULL
        self.process: subprocess.Popen[bytes] | None = None
        self.times_ready = 0

    def start(self) -> "Member":
        """Start it in a process group of its own, and wait for nothing."""
        reader, writer = os.pipe()  # given a plain file, Python for Windows does not start under Wine
        try:
            self.process = born(
                lambda: subprocess.Popen(
                    self.argv, stdin=self.stdin, stdout=writer, stderr=writer, env=self.env, start_new_session=True
                )
            )
        finally:
            os.close(writer)
        threading.Thread(target=_copied, args=(reader, self.log), daemon=True).start()
        return self

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def is_ready(self) -> bool:
        """Whether it has said so once more than at the last time."""
        if self.said().count(self.ready) <= self.times_ready:
            return False
        self.times_ready = self.said().count(self.ready)
        return True

    def up(self) -> "Member":
        """Start it and wait until it says that it is ready."""
        self.start()
        return self.back()

    def back(self) -> "Member":
        """Wait until it says once more that it is ready."""
        until(self.is_ready, f"'{self.ready}' in {self.log}", self.patience_s)
        return self

    def child(self) -> psutil.Process | None:
        """The process that does the work, None while there is none."""
        assert self.process is not None
        with suppress(psutil.Error):
            return next(iter(psutil.Process(self.process.pid).children()), None)
        return None

    def kill_child(self) -> None:
        """SIGKILL what does the work; it is started again."""
        child = until(self.child)
        kill(child.pid)

    def kill(self) -> None:
        """SIGKILL both at once; runs go on."""
        assert self.process is not None
        child = self.child()
        self.process.kill()
        if child is not None:
            with suppress(psutil.NoSuchProcess):
                kill(child.pid)
        self.process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it as a service manager does; returns its exit code."""
        assert self.process is not None
        self.thaw()
        self.process.terminate()
        return self.process.wait(30)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        for process in (psutil.Process(self.process.pid) if self.process.poll() is None else None, self.child()):
            if process is not None:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)


class Cluster:
    """A scheduler on a free port, and nodes."""

    program = Program
    """What its projects are."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.mark = os.urandom(8).hex()
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("ADAPTIVE_")}
        self.environ[MARK] = self.mark
        self.members: list[Member] = []

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def scheduler(self) -> Member:
        """The scheduler, not started yet."""
        argv = [*COMMAND, "scheduler", "--port", str(self.port)]
        return self._member(argv, "scheduler.log", f"scheduler at {self.address}")

    def node(self, name: str, *options: str, folder: Path | None = None, master: str = "") -> Member:
        """A node, not started yet."""
        argv = [*COMMAND, "node", "--master", master or self.address, "--name", name]
        argv += ["--dir", str(folder or self.dir_of(name)), *options]
        if "--slots" not in options:
            argv += ["--slots", "4"]
        return self._member(argv, f"{name}.log", f"node '{name}' joined")

    def other(self, argv: list[str], name: str, ready: str, *, is_child: bool = False) -> Member:
        """Any other process that belongs to it, not started yet; a child ends when nobody holds its stdin."""
        return self._member(argv, f"{name}.log", ready, is_child=is_child)

    def dir_of(self, name: str) -> Path:
        return self.folder / name

    def runs_of(self, name: str) -> list[str]:
        """The runs in the ledger of a node."""
        folder = self.dir_of(name) / "runs"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def status(self) -> dict[str, Any]:
        """What `cluster status --json` says, by node."""
        argv = [*COMMAND, "status", "--master", self.address, "--json"]
        done = subprocess.run(argv, env=self.environ, capture_output=True, check=False)
        said = json.loads(done.stdout)
        return {"problem": said["problem"], **{node["name"]: node for node in said["nodes"]}}

    def project(self, folder: Path, text: str, cluster: str = "") -> Program:
        """A folder with a tasks.toml whose cluster is this one."""
        folder.mkdir(exist_ok=True)
        program = self.program(folder)
        program.environ |= {MARK: self.mark}
        head = '[scheduler]\ntick = "1m"\nmax_parallel = 8\n'
        return program.config(f'{head}[cluster]\nmaster = "{self.address}"\n{cluster}\n{text}')

    def alive(self) -> list[psutil.Process]:
        """All living processes of this cluster, and what they started."""
        return [process for process in psutil.process_iter() if _is_marked(process, self.mark)]

    def end(self) -> None:
        """End everything, by process id."""
        for member in self.members:
            if member.process is not None:
                member.process.kill()
                member.process.communicate()
        for process in self.alive():
            with suppress(psutil.Error):
                process.kill()
        until(lambda: not self.alive(), "the end of the cluster")

    def _member(self, argv: list[str], log: str, ready: str, *, is_child: bool = False) -> Member:
        self.members.append(Member(argv, self.folder / log, ready, self.environ, is_child=is_child))
        return self.members[-1]


def _copied(reader: int, log: Path) -> None:
    """Write down what comes through a pipe, until nobody can write into it any more."""
    with open(reader, "rb", buffering=0) as source, log.open("ab", buffering=0) as target:
        while said := source.read(4096):
            target.write(said)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster with nothing started yet, ended whatever happens."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()


def cycle(program: Program, *words: str, wait: str = "15s") -> Answer:
    """One cycle, which must say nothing on stderr but what it names itself."""
    return program("run", "--wait", wait, "--json", *words)


def begun(program: Program) -> str:
    """Start the job and leave it to itself; returns its run id once its script is at work."""
    assert cycle(program, wait="0s").err == ""
    return at_work(program)


def at_work(program: Program) -> str:
    """Return the run id of the job once its script is at work."""
    until(lambda: program.starts("job.py"), "the start of the script")
    return program.starts("job.py")[-1]


def collected(program: Program) -> list[tuple[str, str]]:
    """One cycle; returns what it took in, and that it complained of nothing else."""
    answer = cycle(program)
    assert "distributed" not in answer.err
    return [(run["run_id"], run["status"]) for run in answer.json["runs"] if run["status"] != "running"]


def decision(program: Program, task: str = "job", *words: str) -> dict[str, Any]:
    answer = cycle(program, *words)
    assert answer.err == ""
    return next(one for one in answer.json["decisions"] if one["task"] == task)


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
