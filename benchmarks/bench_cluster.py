"""A scheduler and four nodes on this machine: makespan, runs a second, latency of one run, and who gets how many.

    python benchmarks/bench_cluster.py              # all of it, some 3 minutes on two CPUs
    python benchmarks/bench_cluster.py makespan     # or: rate, latency, busy

Everything is started by the documented commands. Bare dask is its client and its own workers with a subprocess a
task: no ledger, no supervisor, nothing that outlives them. For `busy` one node is held to the first CPU, on which a
program burns, the others to the last: each node sees the load of the CPUs it may use.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-P", "-X", "utf8", "-m", "adaptive_scheduler"]
NODES, SLOTS = 4, 4
QUIET = {**os.environ, "ADAPTIVE_FAKE_SAMPLE": "cpu=10,memory=10"}


@contextmanager
def started(argv: list[str], says: str, folder: Path, **more: Any) -> Iterator[str]:
    """Start a long-lived command, wait until it has said so, and end it with all it started."""
    log = folder / f"{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True, **more)
    try:
        give_up_s = time.monotonic() + 60
        while not (said := re.search(says, log.read_text())):
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise SystemExit(f"'{' '.join(argv)}' did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield said[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@contextmanager
def cluster(
    folder: Path, env: Callable[[int], dict[str, str]], cpus: Callable[[int], set[int]] | None = None
) -> Iterator[str]:
    """Start a scheduler and four nodes; yields the scheduler's address."""
    scheduler = [*PROGRAM, "cluster", "scheduler", "--port", "0"]
    with started(scheduler, r"tcp://127.0.0.1:\d+", folder) as master:
        stack: list[Any] = []
        try:
            for number in range(NODES):
                argv = [*PROGRAM, "cluster", "node", "--master", master, "--name", f"n{number}", "--slots", str(SLOTS)]
                held = {} if cpus is None else {"preexec_fn": partial(os.sched_setaffinity, 0, cpus(number))}
                one = started([*argv, "--dir", str(folder / f"n{number}")], "joined", folder, env=env(number), **held)
                one.__enter__()
                stack.append(one)
            yield master
        finally:
            for one in stack:
                one.__exit__(None, None, None)


class Project:
    """A tasks.toml and its cycles."""

    def __init__(self, folder: Path, master: str, tasks: int, script: str, *, elsewhere: bool) -> None:
        """Write it; all tasks are due at once."""
        self.folder = folder / f"project-{time.monotonic_ns()}"
        self.folder.mkdir()
        (self.folder / "job.sh").write_text(script)
        where = 'where = "any"\n' if elsewhere else ""
        tables = [f'[tasks.t{n:03}]\ninterval = "1h"\nscript = "job.sh"\n{where}' for n in range(tasks)]
        head = f'[scheduler]\nmax_parallel = {NODES * SLOTS}\n[cluster]\nmaster = "{master}"\n'
        head += '[interpreters]\n".sh" = ["sh"]\n'
        (self.folder / "tasks.toml").write_text(head + "".join(tables))
        self("check", "--json")

    def __call__(self, *arguments: str, **env: str) -> Any:
        """Run a command of the program and return its JSON."""
        argv = [*PROGRAM, "--config", str(self.folder / "tasks.toml"), *arguments]
        answer = subprocess.run(argv, capture_output=True, text=True, env=QUIET | env)
        if answer.stderr:
            print(answer.stderr, file=sys.stderr)
        return json.loads(answer.stdout)

    def cycle(self, **env: str) -> tuple[float, list[dict[str, Any]]]:
        """Run one cycle and return how long it took, and the runs that it collected."""
        began_s = time.monotonic()
        report = self("run", "--wait", "120s", "--json", **env)
        return time.monotonic() - began_s, [run for run in report["runs"] if run["ended_at"]]


def makespan(folder: Path) -> None:
    """64 sleeps of 2 s on 16 slots."""
    with cluster(folder, lambda _: QUIET) as master:
        took_s, runs = Project(folder, master, 64, "sleep 2\n", elsewhere=True).cycle()
    ideal_s = 64 * 2 / (NODES * SLOTS)
    each = sorted(Counter(run["node"] for run in runs).items())
    shown = f"64 x 2 s on {NODES} x {SLOTS} slots: {took_s:.1f} s, {took_s / ideal_s:.2f} x ideal"
    print(f"makespan: {shown}; {len(runs)} collected; {each}")


def rate(folder: Path) -> None:
    """200 runs of nothing: on nodes, here, and by bare dask."""
    with cluster(folder, lambda _: QUIET) as master:
        there_s, runs = Project(folder, master, 200, ":\n", elsewhere=True).cycle()
        here_s, here = Project(folder, master, 200, ":\n", elsewhere=False).cycle()
    bare_s = bare(200)
    print(
        f"rate: 200 runs on nodes {there_s:.1f} s ({200 / there_s:.0f}/s, {len(runs)} ok), here {here_s:.1f} s ", end=""
    )
    print(f"({200 / here_s:.0f}/s, {len(here)} ok), bare dask {bare_s:.1f} s ({200 / bare_s:.0f}/s)")


def bare(count: int) -> float:
    """Run as many subprocesses as tasks of dask's own cluster, connected already."""
    from distributed import Client, LocalCluster

    options = {"n_workers": NODES, "threads_per_worker": SLOTS, "dashboard_address": None}
    with LocalCluster(**options) as local, Client(local) as client:  # type: ignore[no-untyped-call]
        began_s = time.monotonic()
        client.gather(client.map(lambda _: subprocess.run(["sh", "-c", ":"]).returncode, range(count), pure=False))
        return time.monotonic() - began_s


def latency(folder: Path) -> None:
    """One run: the whole cycle that starts it and collects it."""
    took: dict[bool, list[float]] = {True: [], False: []}
    with cluster(folder, lambda _: QUIET) as master:
        for _ in range(10):
            for elsewhere in took:
                took[elsewhere].append(Project(folder, master, 1, ":\n", elsewhere=elsewhere).cycle()[0])
    there, here = (statistics.median(took[elsewhere]) for elsewhere in (True, False))
    shown = f"{there * 1000:.0f} ms on a node, {here * 1000:.0f} ms here"
    print(f"latency: a cycle with one run of nothing {shown} (medians of 10)")


def busy(folder: Path) -> None:
    """200 runs over four nodes, one of which has something else to do; the first round makes beats for the second."""
    real = {name: value for name, value in os.environ.items() if name != "ADAPTIVE_FAKE_SAMPLE"}
    last = max(os.sched_getaffinity(0))
    burner = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=partial(os.sched_setaffinity, 0, {0})
    )
    try:
        with cluster(folder, lambda _: real, lambda number: {last if number else 0}) as master:
            project = Project(folder, master, 200, "sleep 1\n", elsewhere=True)
            for age in (timedelta(0), timedelta(minutes=66)):  # an interval of 1 h and 6 min: due, and not yet overdue
                time.sleep(35)  # a node's CPU is a mean over half a minute
                now = datetime.now().astimezone() + age
                took_s, runs = project.cycle(ADAPTIVE_FAKE_NOW=now.isoformat())
                each = Counter(run["node"] for run in runs)
                share = each["n0"] / max(1, len(runs) / NODES)
                what = "after an interval" if age else "never ran before"
                shown = f"{len(runs)} runs in {took_s:.1f} s: {sorted(each.items())}"
                print(f"busy, {what}: {shown}; n0 got {share:.2f} of its fair share", flush=True)
    finally:
        burner.kill()
        burner.wait()


def main() -> None:
    """Do what is asked for."""
    parts = {"makespan": makespan, "rate": rate, "latency": latency, "busy": busy}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    for name in parser.parse_args().parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
