"""How many runs a second: 1,000 due tasks that each run `true`, against `xargs -P8` and GNU parallel.

One cycle of the real command, from its start until the last result is in the history, in turns with the others.
The accounts are of whole trees: the launcher is the reaper of everything below it and waits for all of it, so that
supervisors count that live on after their cycle. Linux only.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench_simulate import CONFIG, decisions_a_second, write_trace
from ground import Ground, names

SLOTS = 8
HEAD = f"""\
[scheduler]
max_parallel = {SLOTS}
[interpreters]
".nothing" = ["true"]
".long" = ["sh", "-c", "sleep 5"]
"""
LOAD = {"ADAPTIVE_FAKE_SAMPLE": "cpu=50,memory=40"}
"""Pretended, so that every task may start however busy this machine is."""

REAPER = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
given = os.open(sys.argv[1], os.O_RDONLY)
began = time.perf_counter()
first = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, given, 0)])
code, cpu = 0, 0.0
while True:
    try:
        pid, status, used = os.wait4(-1, 0)
    except ChildProcessError:
        break
    cpu += used.ru_utime + used.ru_stime
    if pid == first:
        code = os.waitstatus_to_exitcode(status)
wall = time.perf_counter() - began
os.write(2, f"\\n{code} {wall} {cpu}".encode())
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, and of CPU of a whole tree."""

    wall_s: float
    cpu_s: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000, help="runs in one cycle (default: 1000)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each, in turns (default: 3)")
    parser.add_argument("--base", type=Path, help="another checkout to measure in turns with this one")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("this benchmark needs a system on which a process can be the reaper of others: Linux")
    rivals = contestants(asked.tasks, asked.base)
    costs: dict[str, list[Cost]] = {name: [] for name in rivals}
    for _ in range(asked.repeats):
        for name, measure in rivals.items():
            costs[name].append(measure())
    held = held_by_supervisors(None)
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), CONFIG)
        write_trace(ground.folder / "trace.csv")
        decisions = median(decisions_a_second(ground) for _ in range(asked.repeats))
    if asked.json:
        plain = {name: [vars(one) for one in each] for name, each in costs.items()}
        print(
            json.dumps({"tasks": asked.tasks, "costs": plain, "supervisor_mb": held, "decisions_a_second": decisions})
        )
        return
    print(shown(costs, asked.tasks))
    print(f"\n{SLOTS} live supervisors: {held[0]:.1f} MB each, {held[1]:.1f} MB with what they share split among them")
    print(f"simulate: {decisions:,.0f} decisions a second")


def contestants(count: int, base: Path | None) -> dict[str, Callable[[], Cost]]:
    """Return what is measured, by name; what is missing here is said."""
    rivals: dict[str, Callable[[], Cost]] = {"run": lambda: cycle(count, None)}
    if base is not None:
        rivals["run, base"] = lambda: cycle(count, base)
    # A number as the argument, which `true` ignores, so that each line is one call.
    others = {
        f"xargs -P{SLOTS}": ["xargs", f"-P{SLOTS}", "-n1", "true"],
        f"parallel -j{SLOTS}": ["parallel", f"-j{SLOTS}", "true"],
    }
    for name, argv in others.items():
        if shutil.which(argv[0]) is None:
            print(f"{argv[0]} is not installed here: left out", file=sys.stderr)
        else:
            rivals[name] = lambda argv=argv: lines(argv, count)  # type: ignore[misc]  # mypy cannot infer the default
    return rivals


def cycle(count: int, base: Path | None) -> Cost:
    """Return what one cycle costs that runs each of so many tasks once."""
    tables = "".join(f'[tasks.{name}]\ninterval = "1h"\nscript = "script.nothing"\n' for name in names(count))
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), HEAD + tables)
        (ground.folder / "script.nothing").touch()
        found = cost(ground.argv("run", "--wait", "1h", "--quiet"), environ(ground, base), ground.folder, os.devnull)
        archive = sqlite3.connect(ground.folder / "outputs" / "history.sqlite3")
        (ran,) = archive.execute("select count(*) from runs where status = 'ok'").fetchone()
        archive.close()
        if ran != count:
            raise RuntimeError(f"{ran} runs in the history instead of {count}")
    return found


def lines(argv: list[str], count: int) -> Cost:
    """Return what it costs to give so many lines to another program."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "lines"
        given.write_text("".join(f"{number}\n" for number in range(count)), encoding="utf-8")
        return cost(argv, dict(os.environ), Path(folder), str(given))


def cost(argv: list[str], env: dict[str, str], cwd: Path, given: str) -> Cost:
    """Run a command until its last descendant has ended; RuntimeError with what it said when it fails."""
    launcher = [sys.executable, "-I", "-S", "-c", REAPER, given, *argv]
    launched = subprocess.run(launcher, env=env, cwd=cwd, capture_output=True, text=True, check=True)
    said, _, account = launched.stderr.rpartition("\n")
    code, wall_s, cpu_s = map(float, account.split())
    if code:
        raise RuntimeError(f"'{argv[0]}' ended with {code:g}: {said}")
    return Cost(wall_s, cpu_s)


def held_by_supervisors(base: Path | None) -> tuple[float, float]:
    """Return the megabytes of a live supervisor: resident, and its share where pages are shared."""
    tables = "".join(f'[tasks.{name}]\ninterval = "1h"\nscript = "script.long"\n' for name in names(SLOTS))
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), HEAD + tables)
        (ground.folder / "script.long").touch()
        argv = ground.argv("run", "--wait", "1h", "--quiet")
        waiting = subprocess.Popen(argv, env=environ(ground, base), cwd=folder)
        runs, pids = ground.folder / "outputs" / "runs", set[int]()
        while len(pids) < SLOTS and waiting.poll() is None:
            time.sleep(0.1)
            pids = {json.loads(text)["pid"] for claim in runs.glob("*/*/claim") if (text := claim.read_text())}
        time.sleep(1)
        sizes = [_sizes(pid) for pid in pids]
        waiting.wait()
    return median(size["Rss"] for size in sizes) / 1e6, median(size["Pss"] for size in sizes) / 1e6


def _sizes(pid: int) -> dict[str, int]:
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {field[0].rstrip(":"): int(field[1]) * 1024 for field in fields}


def environ(ground: Ground, base: Path | None) -> dict[str, str]:
    """Return the environment of a cycle, with the code of another checkout where given."""
    return ground.environ(**LOAD) | ({"PYTHONPATH": str(base.resolve())} if base else {})


def shown(costs: dict[str, list[Cost]], count: int) -> str:
    """Return a table for people; the ratios are medians over the turns, to the first row."""
    table = [f"{'':14}  wall s   CPU s  runs/s  ms/run  CPU ms/run  x wall   x CPU"]
    first = next(iter(costs.values()))
    for name, each in costs.items():
        wall_s, cpu_s = median(one.wall_s for one in each), median(one.cpu_s for one in each)
        of_wall = median(one.wall_s / mine.wall_s for one, mine in zip(each, first, strict=True))
        of_cpu = median(one.cpu_s / mine.cpu_s for one, mine in zip(each, first, strict=True))
        table.append(
            f"{name:14}{wall_s:8.2f}{cpu_s:8.2f}{count / wall_s:8.0f}{wall_s / count * 1e3:8.1f}"
            f"{cpu_s / count * 1e3:12.1f}{of_wall:8.2f}{of_cpu:8.2f}"
        )
    return "\n".join(table)


if __name__ == "__main__":
    main()
