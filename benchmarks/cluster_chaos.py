"""What is killed, frozen or cut off while runs are on nodes: is each started once, and is its end always known?

    python benchmarks/cluster_chaos.py --times 20
    python benchmarks/cluster_chaos.py --only freeze cut --times 5

A real scheduler, real nodes and real cycles on this machine, and runs of 1 to 4 s; the moments are random. `cut`
needs root on Linux: its nodes live in network namespaces of their own and speak TLS. Exit code 1 when a run was
started twice without leave, or its end was not found out, or a process was left over.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROGRAM = [sys.executable, "-m", "adaptive_scheduler"]
MARK = "ADAPTIVE_CHAOS"
PATIENCE_S = 240.0
WAIT_S = 6.0
RUNS = 3
AT_ONCE = 5
NOISE = ("distributed", "Traceback", "tornado", "Task exception", "Exception ignored", "Fatal")

HEAD = '[scheduler]\ntick = "1m"\nmax_parallel = 8\n[cluster]\nmaster = "{master}"\n{certificates}'
TASK = """
[tasks.{name}]
interval = "6h"
priority = "critical"
script = "{name}.py"
args = ["{seconds}"]
where = {{ node = "{node}" }}
on_loss = "{on_loss}"
"""
SCRIPT = """
import os, sys, time
with open({starts!r}, "a") as starts:
    starts.write(os.environ["ADAPTIVE_RUN_ID"] + "\\n")
time.sleep(float(sys.argv[1]))
print("over")
"""


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
        _do(*PROGRAM, "cluster", "certs", str(folder / "certs"), "--host=master=10.77.0.1", *hosts)
        _do("ip", "link", "set", "lo", "up")
        _do("ip", "addr", "replace", "10.77.0.1/32", "dev", "lo")
        self.holders = {name: subprocess.Popen(["unshare", "-n", "sleep", "infinity"]) for name in nodes}
        for name, number in self.number.items():
            pid = self.holders[name].pid
            while Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
                time.sleep(0.01)
            _do("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "e0", "netns", str(pid))
            _do("ip", "addr", "add", f"10.77.{number}.1/24", "dev", f"v{number}")
            _do("ip", "link", "set", f"v{number}", "up")
            inside = self._inside(name)
            _do(*inside, "ip", "addr", "add", f"10.77.{number}.2/24", "dev", "e0")
            _do(*inside, "ip", "link", "set", "lo", "up")
            _do(*inside, "ip", "link", "set", "e0", "up")
            _do(*inside, "ip", "route", "add", "default", "via", f"10.77.{number}.1")

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
        _do("ip", "link", "set", f"v{self.number[name]}", state)

    def close(self) -> None:
        """End the networks of the nodes."""
        for name, holder in self.holders.items():
            _do("ip", "link", "del", f"v{self.number[name]}")  # both ends; the system would do it some time later
            holder.kill()
            holder.wait()


@dataclass
class Tally:
    """What one case came to."""

    times: int = 0
    runs: int = 0
    starts: int = 0
    doubled: int = 0
    interrupted: int = 0
    lost: int = 0
    collected: int = 0
    left_over: int = 0
    late_s: float = 0.0
    troubles: list[str] = field(default_factory=list)


class Project:
    """A tasks.toml with some runs, and the cycles that are called until all of their ends are known."""

    def __init__(self, folder: Path, place: Place, nodes: list[str], env: dict[str, str], dice: random.Random) -> None:
        self.folder, self.env = folder, env
        folder.mkdir()
        self.tasks = {f"job{number}": round(dice.uniform(1, 4), 2) for number in range(RUNS)}
        text = HEAD.format(master=place.master, certificates=place.certificates)
        self.rerun = {name for number, name in enumerate(self.tasks) if number % 2}
        for number, (name, seconds) in enumerate(self.tasks.items()):
            on_loss, node = "rerun" if name in self.rerun else "report", nodes[number % len(nodes)]
            text += TASK.format(name=name, seconds=seconds, node=node, on_loss=on_loss)
            (folder / f"{name}.py").write_text(SCRIPT.format(starts=str(folder / f"{name}.starts")))
        (folder / "tasks.toml").write_text(text)
        self.late_s = 0.0
        self.said: list[str] = []
        self.cycle: subprocess.Popen[str] | None = None

    def starts(self, name: str) -> list[str]:
        """Return the run ids that a script was started with."""
        path = self.folder / f"{name}.starts"
        return path.read_text().split() if path.exists() else []

    def drive(self) -> bool:
        """Call cycles until every task has ended and waits for nothing; False when the patience is over."""
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            began_s = time.monotonic()
            argv = [*PROGRAM, "--config", str(self.folder / "tasks.toml"), "run", "--wait", f"{WAIT_S:g}s", "--json"]
            self.cycle = subprocess.Popen(
                argv, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            _, errors = self.cycle.communicate()
            self.late_s = max(self.late_s, time.monotonic() - began_s - WAIT_S)
            self.said += [line for line in errors.splitlines() if any(word in line for word in NOISE)]
            if self.is_over():
                return True
            time.sleep(1.0)
        return False

    def is_over(self) -> bool:
        """Whether all ends are known and nothing is to be run again."""
        try:
            tasks = json.loads((self.folder / "outputs" / "adaptive_scheduler_state.json").read_text())["tasks"]
        except OSError:
            return False
        known = [tasks.get(name, {}) for name in self.tasks]
        return all(one.get("last") and not one.get("live") and not one.get("retry_at") for one in known)

    def count(self, tally: Tally, *, may_be_cut_off: bool) -> None:
        """Add what became of the runs, and what should not have."""
        argv = [*PROGRAM, "--config", str(self.folder / "tasks.toml"), "history", "--limit", "1000", "--json"]
        said = subprocess.run(argv, env=self.env, capture_output=True, text=True, check=False).stdout
        past = [json.loads(line) for line in said.splitlines()]
        for name in self.tasks:
            ends = [one for one in past if one["task"] == name]
            starts, cut = self.starts(name), [one for one in ends if one["status"] == "interrupted"]
            allowed = 1 + (len(cut) if name in self.rerun else 0)
            tally.runs += 1
            tally.starts += len(starts)
            tally.doubled += max(0, len(starts) - allowed)
            tally.interrupted += len(cut)
            tally.collected += bool(ends)
            tally.lost += not ends
            fine = {"ok", "interrupted"} if may_be_cut_off else {"ok"}
            told = [(one["run_id"], one["status"], one.get("cause")) for one in ends]
            known = {one["run_id"] for one in ends}
            as_due = len(starts) == allowed and {one["status"] for one in ends} <= fine
            if not as_due or len(known) != len(ends) or not known >= set(starts):
                tally.troubles.append(f"{self.folder}/{name}: starts {starts}, ends {told}")
        tally.late_s = max(tally.late_s, self.late_s)
        tally.troubles += [f"{self.folder}: the cycle printed '{line}'" for line in self.said[:3]]


Harm = Callable[["Go", int, random.Random], None]


@dataclass
class Go:
    """One cluster with some projects, a node each, and what is done to them."""

    place: Place
    nodes: dict[str, Member]
    scheduler: Member
    projects: list[Project]
    folder: Path

    def node_of(self, number: int) -> Member:
        """Return the node of a project."""
        return self.nodes[f"n{number}"]


def kill_node(go: Go, number: int, dice: random.Random) -> None:
    """SIGKILL a node, or only its working half, from before the submit to after the last end."""
    time.sleep(dice.uniform(0.5, 5.0))
    if dice.random() < 0.5:
        go.node_of(number).kill_child()
    else:
        go.node_of(number).kill_and_restart(dice.uniform(0, 2))


def kill_scheduler(go: Go, number: int, dice: random.Random) -> None:
    """SIGKILL the scheduler; one for all projects."""
    if number:
        return
    time.sleep(dice.uniform(0.5, 5.0))
    if dice.random() < 0.5:
        go.scheduler.kill_child()
    else:
        go.scheduler.kill_and_restart(dice.uniform(0, 2))


def kill_cycle(go: Go, number: int, dice: random.Random) -> None:
    """SIGKILL a cycle: at any moment, or within the milliseconds in which it claims its runs and hands them over."""
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0.4, 2.5))
    else:
        give_up_s = time.monotonic() + 30
        while not any(go.projects[number].folder.glob("outputs/runs/*/*/intent.json")):
            if time.monotonic() > give_up_s:
                return
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.06))
    cycle = go.projects[number].cycle
    if cycle is not None:
        cycle.kill()


def kill_supervisor(go: Go, number: int, dice: random.Random) -> None:
    """SIGKILL the supervisors of two runs."""
    for name in dice.sample(sorted(go.projects[number].tasks), 2):
        until_s = time.monotonic() + 30
        while not (starts := go.projects[number].starts(name)) and time.monotonic() < until_s:
            time.sleep(0.02)
        time.sleep(dice.uniform(0, 1.2))
        claim = go.place.folder / f"n{number}" / "runs" / starts[0] / "claim"
        with suppress(psutil.Error):
            pid = json.loads(claim.read_text().splitlines()[0])["pid"]
            if "supervisor.py" in " ".join(psutil.Process(pid).cmdline()):
                psutil.Process(pid).kill()


def freeze(go: Go, number: int, dice: random.Random) -> None:
    """SIGSTOP a node for longer than its heartbeat may be old, then SIGCONT."""
    time.sleep(dice.uniform(0.5, 5.0))
    node = go.node_of(number)
    node.signal(signal.SIGSTOP)
    time.sleep(dice.uniform(33, 45))
    node.signal(signal.SIGCONT)


def cut(go: Go, number: int, dice: random.Random) -> None:
    """Take the line of a node down, for a moment or for longer than the engine keeps a silent connection."""
    assert isinstance(go.place, Namespaces)
    time.sleep(dice.uniform(0.5, 5.0))
    go.place.link(f"n{number}", "down")
    time.sleep(dice.choice((dice.uniform(1, 20), dice.uniform(35, 50))))
    go.place.link(f"n{number}", "up")


CASES: dict[str, tuple[Harm, int]] = {
    "node": (kill_node, AT_ONCE),
    "scheduler": (kill_scheduler, 1),
    "cycle": (kill_cycle, AT_ONCE),
    "supervisor": (kill_supervisor, AT_ONCE),
    "freeze": (freeze, AT_ONCE),
    "cut": (cut, AT_ONCE),
}
"""What is done, and to how many projects of one cluster, each at a moment of its own."""


@contextmanager
def cluster(folder: Path, case: str, projects: int, dice: random.Random, tally: Tally) -> Iterator[Go]:
    """Yield a cluster that has all its nodes; counts what is left over after its end."""
    names = [f"n{number}" for number in range(max(2, projects))]
    place = Namespaces(folder, names) if case == "cut" else Place(folder)
    mark = os.urandom(8).hex()
    env = {name: value for name, value in os.environ.items() if not name.startswith("ADAPTIVE_")} | {MARK: mark}
    members: list[Member] = []
    try:
        scheduler = Member(place.scheduler(), env, folder / "scheduler.log")
        members.append(scheduler)
        nodes = {name: Member(place.node(name), env, folder / f"{name}.log") for name in names}
        members += nodes.values()
        while not all("joined" in node.log.read_text() for node in nodes.values()):
            time.sleep(0.05)
        work = [
            Project(folder / f"project{number}", place, names if case == "scheduler" else [f"n{number}"], env, dice)
            for number in range(projects)
        ]
        yield Go(place, nodes, scheduler, work, folder)
        for member in members:
            member.stop()
        tally.left_over += len(left := _alive(mark))
        tally.troubles += [f"left over: {one}" for one in left]
    finally:
        for member in members:
            with suppress(ProcessLookupError):
                member.process.kill()
        for process in _alive(mark):
            with suppress(psutil.Error):
                process.kill()
        place.close()


def run_case(case: str, times: int, seed: int) -> Tally:
    """Go through one case so many times."""
    harm, at_once = CASES[case]
    tally, dice = Tally(), random.Random(f"{case} {seed}")
    while tally.times < times:
        projects = min(at_once, times - tally.times)
        with (
            tempfile.TemporaryDirectory(prefix=f"chaos-{case}-") as name,
            cluster(Path(name), case, projects, dice, tally) as go,
        ):
            moments = [random.Random(dice.random()) for _ in go.projects]
            with ThreadPoolExecutor(2 * projects) as hands:
                driven = [hands.submit(project.drive) for project in go.projects]
                harmed = [hands.submit(harm, go, number, own) for number, own in enumerate(moments)]
                for number, one in enumerate(driven):
                    if not one.result():
                        tally.troubles.append(f"{go.projects[number].folder}: not over after {PATIENCE_S:g} s")
                for hurt in harmed:
                    hurt.result()
            before = len(tally.troubles)
            for project in go.projects:
                project.count(tally, may_be_cut_off=case == "supervisor")
            if len(tally.troubles) > before:
                tally.troubles += [f"{log.name}: {log.read_text()[-600:]}" for log in go.folder.glob("*.log")]
                tally.troubles += [
                    (project.folder / "outputs" / "adaptive_scheduler.log").read_text()[-2000:]
                    for project in go.projects
                    if any(str(project.folder) in trouble for trouble in tally.troubles[before:])
                ]
        tally.times += projects
    return tally


def _alive(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _do(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def _has_namespaces() -> bool:
    try:
        return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> int:
    """Go through the cases and print a table."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--times", type=int, default=20, help="repetitions of each case")
    ask.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    ask.add_argument("--seed", type=int, default=7)
    asked = ask.parse_args()
    if "cut" in asked.only and os.environ.get(MARK) != "inside":
        if _has_namespaces():
            # Devices and addresses are made where nobody else lives; the loopback is there as well.
            return subprocess.run(
                ["unshare", "-n", sys.executable, *sys.argv], env=os.environ | {MARK: "inside"}, check=False
            ).returncode
        print("cut: this system gives us no network namespaces, skipped")
        asked.only.remove("cut")
    if os.environ.get(MARK) == "inside":
        _do("ip", "link", "set", "lo", "up")
    troubles: list[str] = []
    print("| case | times | runs | starts | doubled | interrupted | lost | collected | left over | late s | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for case in asked.only:
        began_s = time.monotonic()
        one = run_case(case, asked.times, asked.seed)
        figures = [
            one.times,
            one.runs,
            one.starts,
            one.doubled,
            one.interrupted,
            one.lost,
            one.collected,
            one.left_over,
        ]
        cells = [case, *map(str, figures), f"{one.late_s:.1f}", f"{time.monotonic() - began_s:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
        troubles += [f"{case}: {trouble}" for trouble in one.troubles]
    print("\n".join(troubles))
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
