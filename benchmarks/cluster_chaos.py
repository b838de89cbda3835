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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from chaos_project import PATIENCE_S, Project, Tally
from members import MARK, Member, Namespaces, Place, alive, do, has_namespaces

AT_ONCE = 5

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
            if any(name in " ".join(psutil.Process(pid).cmdline()) for name in ("supervisor.py", "nursery.py")):
                psutil.Process(pid).kill()


def kill_nursery(go: Go, number: int, dice: random.Random) -> None:
    """SIGKILL what forks the supervisors of a node, at any moment from before the submit to after the last end."""
    time.sleep(dice.uniform(0.5, 5.0))
    for child in go.node_of(number).both()[1:]:
        with suppress(psutil.Error):
            for one in child.children():
                if any("nursery.py" in word for word in one.cmdline()):
                    one.kill()


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
    "nursery": (kill_nursery, AT_ONCE),
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
        tally.left_over += len(left := alive(mark))
        tally.troubles += [f"left over: {one}" for one in left]
    finally:
        for member in members:
            with suppress(ProcessLookupError):
                member.process.kill()
        for process in alive(mark):
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


def main() -> int:
    """Go through the cases and print a table."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--times", type=int, default=20, help="repetitions of each case")
    ask.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    ask.add_argument("--seed", type=int, default=7)
    asked = ask.parse_args()
    if "cut" in asked.only and os.environ.get(MARK) != "inside":
        if has_namespaces():
            # Devices and addresses are made where nobody else lives; the loopback is there as well.
            return subprocess.run(
                ["unshare", "-n", sys.executable, *sys.argv], env=os.environ | {MARK: "inside"}, check=False
            ).returncode
        print("cut: this system gives us no network namespaces, skipped")
        asked.only.remove("cut")
    if os.environ.get(MARK) == "inside":
        do("ip", "link", "set", "lo", "up")
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
