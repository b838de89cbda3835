"""What becomes of a project when any of the calls that touch its files is the last one, or fails?

    python benchmarks/fault_matrix.py --docs docs/faults.md
    python benchmarks/fault_matrix.py --quick
    python benchmarks/fault_matrix.py --only supervisor --seconds 120

Needs Linux and strace. A cycle or a supervisor is watched once; then each of its calls is met by SIGKILL and by the
errors of full, broken and locked disks, and plain cycles follow until all is quiet. Exit code 1 when a run was lost,
doubled or reported twice, a task was taken for a new one, or something was left behind.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fault_project import KILLED, Answer, Place
from fault_sites import CALLS, KILL, Fault, calls_of, faults_for, role
from fault_verdict import Verdict, judge

WORKERS = 2
WHO = ("cycle", "first cycle", "supervisor")
QUICK = 40
AIMS = 3


class Case(NamedTuple):
    """A fault and what became of the project."""

    fault: Fault
    role: str
    verdict: Verdict | None
    """None when the fault never met what it was aimed at."""


def begin(place: Place, who: str, trace: Sequence[str]) -> Answer:
    """Put the project back and let a process of it be watched, or harmed."""
    place.put_back("new" if who == "first cycle" else "used")
    place.log.unlink(missing_ok=True)
    if who == "supervisor":
        return place.cycle(0, "--task", "quick", python=place.supervisor(trace))
    return place.cycle(0, *(["--task", "quick"] if who == "first cycle" else []), trace=trace)


def harm(place: Place, fault: Fault) -> Case:
    """Let a fault meet the project, and judge what became of it."""
    here = fault._replace(path=str(place.folder) + fault.path)
    met = False
    for _ in range(AIMS):
        answer = begin(place, fault.who, here.options())
        met = place.log.exists() and here.met(place.log.read_text(errors="replace"))
        if met:
            break
    name = role(here.path, place.folder)
    if not met:
        return Case(fault, name, None)
    killed = fault.what == KILL and fault.who != "supervisor"
    return Case(fault, name, judge(place, answer, killed=killed))


def plan(place: Place, who: str, *, dense: bool) -> list[Fault]:
    """Watch a process and return the faults for what it did, their paths from the project on."""
    begin(place, who, ["-e", f"trace={CALLS}"])
    calls = calls_of(place.log.read_text(errors="replace"), place.folder)
    return [
        one._replace(path=one.path.removeprefix(str(place.folder))) for one in faults_for(who, calls, dense=dense)
    ]


_place: list[Place] = []


def _open_place(root: str, at: float) -> None:
    place = Place(Path(tempfile.mkdtemp(dir=root)))
    place.at = place.at.fromtimestamp(at, place.at.tzinfo)
    place.make()
    _place.append(place)


def _harm(fault: Fault) -> Case:
    return harm(_place[0], fault)


def main() -> int:
    """Go through the matrix and print what should not be."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--quick", action="store_true", help=f"{QUICK} faults, spread over all")
    ask.add_argument("--dense", action="store_true", help="every call, also those that only read; hours")
    ask.add_argument("--only", nargs="+", choices=WHO, default=list(WHO))
    ask.add_argument("--seconds", type=float, default=780.0, help="take no more faults than fit, spread over all")
    ask.add_argument("--docs", type=Path, help="write the table there")
    asked = ask.parse_args()
    if shutil.which("strace") is None:
        print("strace is missing: apt-get install strace")
        return 2
    began_s = time.monotonic()
    at = time.time() // 1
    with tempfile.TemporaryDirectory(prefix="faults-") as root:
        _open_place(root, at)
        faults = [one for who in asked.only for one in plan(_place[0], who, dense=asked.dense)]
        print(len(faults), "faults", flush=True)
        random.Random(7).shuffle(faults)
        if asked.quick:
            faults = faults[:QUICK]
        _place.clear()
        cases: list[Case] = []
        with multiprocessing.get_context("fork").Pool(WORKERS, _open_place, (root, at)) as pool:
            for case in pool.imap_unordered(_harm, faults):
                cases.append(case)
                if case.verdict and case.verdict.troubles:
                    print(case.fault, *case.verdict.troubles, sep="\n    ", flush=True)
                if time.monotonic() - began_s > asked.seconds:
                    pool.terminate()
                    break
    print(f"{len(cases)} of {len(faults)} faults in {time.monotonic() - began_s:.0f} s,",
          sum(one.verdict is None for one in cases), "not met")
    return 1 if any(one.verdict and one.verdict.troubles for one in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
