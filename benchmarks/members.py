"""Schedulers and nodes as processes to be killed, frozen and cut off: on the loopback, or in networks of their own."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAM = [sys.executable, "-m", "adaptive_scheduler"]
MARK = "ADAPTIVE_CHAOS"
"""The variable by which what one cluster started is told from all else."""


class Member:
    """A scheduler or a node, as the command makes it: a process and a child that it starts again and again."""

    def __init__(self, argv: list[str], env: dict[str, str], log: Path) -> None:
        self.argv, self.env, self.log = argv, env, log
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def both(self) -> list[psutil.Process]:
        """Return the process and its child, those of them that are there."""
        with suppress(psutil.Error):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children()]
        return []

    def kill_child(self) -> None:
        """SIGKILL what does the work."""
        for one in self.both()[1:]:
            with suppress(psutil.Error):
                one.kill()

    def kill_and_restart(self, pause_s: float) -> None:
        """SIGKILL both, and start it anew after a while."""
        for one in self.both():
            with suppress(psutil.Error):
                one.kill()
        self.process.wait()
        time.sleep(pause_s)
        self.process = self._started()

    def signal(self, number: int) -> None:
        """Send a signal to both."""
        for one in self.both():
            with suppress(psutil.Error):
                one.send_signal(number)

    def stop(self) -> None:
        """End it as a service manager does."""
        self.signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(30)


class Place:
    """Where scheduler and nodes live: on the loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.master = f"tcp://127.0.0.1:{self.port}"
        self.certificates = ""

    def scheduler(self) -> list[str]:
        """Return the command of the scheduler."""
        return [*PROGRAM, "cluster", "scheduler", "--port", str(self.port)]

    def node(self, name: str) -> list[str]:
        """Return the command of a node."""
        options = ["--master", self.master, "--name", name, "--slots", "4", "--dir", str(self.folder / name)]
        return [*PROGRAM, "cluster", "node", *options]

    def close(self) -> None:
        """Leave nothing behind."""


class Namespaces(Place):
    """Every node in a network of its own, joined to the scheduler's by a pair of devices, with TLS."""

    def __init__(self, folder: Path, nodes: list[str]) -> None:
        self.folder, self.port = folder, 8786
        self.master = "tls://10.77.0.1:8786"
        self.certificates = 'certificates = "../certs/master"\n'
        self.number = {name: place + 1 for place, name in enumerate(nodes)}
        hosts = [f"--host={name}=10.77.{number}.2" for name, number in self.number.items()]
        do(*PROGRAM, "cluster", "certs", str(folder / "certs"), "--host=master=10.77.0.1", *hosts)
        do("ip", "link", "set", "lo", "up")
        do("ip", "addr", "replace", "10.77.0.1/32", "dev", "lo")
        self.holders = {name: subprocess.Popen(["unshare", "-n", "sleep", "infinity"]) for name in nodes}
        for name, number in self.number.items():
            pid = self.holders[name].pid
            while Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
                time.sleep(0.01)
            do("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "e0", "netns", str(pid))
            do("ip", "addr", "add", f"10.77.{number}.1/24", "dev", f"v{number}")
            do("ip", "link", "set", f"v{number}", "up")
            inside = self._inside(name)
            do(*inside, "ip", "addr", "add", f"10.77.{number}.2/24", "dev", "e0")
            do(*inside, "ip", "link", "set", "lo", "up")
            do(*inside, "ip", "link", "set", "e0", "up")
            do(*inside, "ip", "route", "add", "default", "via", f"10.77.{number}.1")

    def _inside(self, name: str) -> list[str]:
        return ["nsenter", "-t", str(self.holders[name].pid), "-n"]

    def scheduler(self) -> list[str]:
        """Return the command of the scheduler."""
        listen = ["--host", "10.77.0.1", "--certificates", str(self.folder / "certs" / "master")]
        return [*super().scheduler(), *listen]

    def node(self, name: str) -> list[str]:
        """Return the command of a node, in its own network."""
        return [*self._inside(name), *super().node(name), "--certificates", str(self.folder / "certs" / name)]

    def link(self, name: str, state: str) -> None:
        """Take the line of a node down, or up."""
        do("ip", "link", "set", f"v{self.number[name]}", state)

    def close(self) -> None:
        """End the networks of the nodes."""
        for name, holder in self.holders.items():
            do("ip", "link", "del", f"v{self.number[name]}")  # both ends; the system would do it some time later
            holder.kill()
            holder.wait()


def alive(mark: str) -> list[psutil.Process]:
    """Return the processes that were started with this mark and are still there."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def do(*argv: str) -> None:
    """Run a command of the system that must succeed."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def has_namespaces() -> bool:
    """Say whether we may make networks of our own."""
    try:
        return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
