"""What becomes of a project when any of the calls that touch its files is the last one, or fails?

    python benchmarks/fault_matrix.py --docs docs/faults.md
    python benchmarks/fault_matrix.py --quick
    python benchmarks/fault_matrix.py --only supervisor

Needs Linux and strace; the small disk needs root as well. A cycle or a supervisor is watched once; then each of its
calls is met by SIGKILL and by the errors of full, broken and locked disks, and plain cycles follow until all is quiet.
Exit code 1 when a run was lost, doubled or reported twice, a task was taken for a new one, or something was left
behind. The order of faults is always the same, and mixed: when the time is up, all kinds have been tried.
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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import NamedTuple

import fault_disk
import fault_page
import fault_power
import psutil
from fault_nodes import NODES, THE_NODE, Elsewhere
from fault_page import Lost, Tried
from fault_project import Answer, Place
from fault_sites import CALLS, KILL, Fault, calls_of, calls_of_threads, faults_for, role
from fault_verdict import judge
from members import alive

WORKERS = 2
PROCESSES = ("cycle", "first cycle", "short cycle", NODES, THE_NODE, "supervisor")
POWERED = ("cycle", "first cycle", "short cycle", NODES)
SHORT = 3
"""The short cycle comes so many ticks after the others, behind a whole one that leaves it a note."""
WHAT = (*PROCESSES, "power", "disk")
QUICK = 24
AIMS = 3
POWER_MOST, PARTS = 120, 8


class Part(NamedTuple):
    """A share of the power cuts, as many as `most` in all shares together."""

    who: str
    number: int
    most: int


class Disk(NamedTuple):
    """The small disk."""


Work = Fault | Part | Disk
Found = Tried | list[Lost] | list[fault_disk.Step] | None


def prepare(place: Place, who: str) -> None:
    """Make the project what it is before a process of it."""
    place.put_back({"first cycle": "new", "short cycle": "rested"}.get(who, "used"))
    place.log.unlink(missing_ok=True)
    if who == "short cycle":
        place.cycle(SHORT - 1, measured=True)


def begin(place: Place, who: str, trace: Sequence[str]) -> Answer:
    """Let a process of the project be watched, or harmed."""
    if who == "supervisor":
        return place.cycle(0, "--task", "quick", python=place.supervisor(trace))
    if isinstance(place, Elsewhere) and who == THE_NODE:
        return place.cycle_with_node(trace)
    if who == "short cycle":
        return place.cycle(SHORT, measured=True, trace=trace)
    return place.cycle(0, *(["--task", "quick"] if who == "first cycle" else []), trace=trace)


def after(who: str) -> int:
    """Return how many ticks after the first of the harmed cycles this one comes."""
    return SHORT if who == "short cycle" else 0


def harm(place: Place, fault: Fault) -> Tried:
    """Let a fault meet the project, and judge what became of it."""
    here = fault._replace(path=place.here(fault.path))
    name = role(here.path, place.touched_by(fault.who))
    for _ in range(AIMS):
        prepare(place, fault.who)
        answer = begin(place, fault.who, here.options())
        if place.log.exists() and here.met(place.log.read_text(errors="replace")):
            killed = fault.what == KILL and fault.who not in ("supervisor", THE_NODE)
            return Tried(
                fault, name, judge(place, answer, killed=killed, after=SHORT if fault.who == "short cycle" else 0)
            )
    return Tried(fault, name, None)


def plan(place: Place, who: str, *, dense: bool) -> list[Fault]:
    """Watch a process and return the faults for what it did, their paths from the project on."""
    prepare(place, who)
    begin(place, who, ["-e", f"trace={CALLS}"])
    log = place.log.read_text(errors="replace")
    calls = (calls_of_threads if who == THE_NODE else calls_of)(log, place.touched_by(who))
    return [one._replace(path=place.anywhere(one.path)) for one in faults_for(who, calls, dense=dense)]


def cut_power(place: Place, part: Part) -> list[Lost]:
    """Record a cycle, and judge what becomes of a share of its moments."""
    prepare(place, part.who)
    disk = fault_power.Disk(place.folder, place.marks)
    begin(place, part.who, fault_power.OPTIONS)
    log = place.log.read_text(errors="replace")
    found = []
    for number, cut in enumerate(fault_power.chosen(disk, log, part.most)[part.number :: PARTS]):
        if isinstance(place, Elsewhere):
            prepare(place, part.who)
            begin(place, part.who, ["-e", "trace=none"])
            place.lay_out(cut, known=number % 2 == 0)
        else:
            fault_power.lay_out(place, cut)
        verdict = judge(place, None, after=after(part.who))
        if verdict.troubles:
            print(part.who, cut[:3], *verdict.troubles, sep="\n    ", flush=True)
        found.append(Lost(part.who, cut.names, cut.content, verdict))
    return found


def try_disk(place: Place) -> list[fault_disk.Step] | None:
    """Go through the small disk, None where nobody may mount one."""
    return list(fault_disk.steps(place)) if fault_disk.can_mount() else None


_places: dict[bool, Place] = {}
"""The places of this process, by whether its runs are on a node."""
_until_s: list[float] = []


def _open_place(root: str, at: float, until_s: float, mark: str, places: "Synchronized[int]") -> None:
    with places.get_lock():
        places.value += 2
        second = places.value
    folder, moment = Path(tempfile.mkdtemp(dir=root)), datetime.fromtimestamp(at - second, UTC)
    _places[False] = Place(folder / "here", moment)
    if mark:
        _places[True] = Elsewhere(folder / "elsewhere", moment - timedelta(seconds=1), mark)
    _until_s[:] = [until_s]
    for place in _places.values():
        place.root.mkdir()
        place.make()


def _place(who: str) -> Place:
    return _places[who in (NODES, THE_NODE)]


def _do(work: Work) -> Found:
    if time.monotonic() > _until_s[0]:
        return None
    if isinstance(work, Fault):
        return harm(_place(work.who), work)
    return cut_power(_place(work.who), work) if isinstance(work, Part) else try_disk(_place("cycle"))


@contextmanager
def gone_at_last(mark: str) -> Iterator[None]:
    """End the schedulers and nodes that were started with a mark."""
    try:
        yield
    finally:
        for process in alive(mark) if mark else ():
            with suppress(psutil.Error):
                process.kill()


def main() -> int:
    """Go through the matrix, print what should not be, and write the page."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--quick", action="store_true", help=f"{QUICK} faults and a few power cuts, spread over all")
    ask.add_argument("--dense", action="store_true", help="every call, also those that only read; hours")
    ask.add_argument("--only", nargs="+", choices=WHAT, default=list(WHAT))
    ask.add_argument("--seconds", type=float, default=840.0, help="begin nothing new after this time")
    ask.add_argument("--docs", type=Path, help="write the page there")
    asked = ask.parse_args()
    if shutil.which("strace") is None:
        print("strace is missing: apt-get install strace")
        return 2
    context = multiprocessing.get_context("fork")
    places = context.Value("i", 0)
    began_s, at = time.monotonic(), time.time() // 1
    tried: list[Tried] = []
    power: list[Lost] = []
    disk: list[fault_disk.Step] = []
    mark = os.urandom(8).hex() if {NODES, THE_NODE} & {*asked.only} else ""
    with tempfile.TemporaryDirectory(prefix="faults-") as root, gone_at_last(mark):
        common = (root, at, began_s + asked.seconds, mark, places)
        _open_place(*common)
        faults = [one for who in PROCESSES if who in asked.only for one in plan(_place(who), who, dense=asked.dense)]
        random.Random(7).shuffle(faults)
        cases: list[Work] = list(faults[:QUICK] if asked.quick else faults)
        most = PARTS if asked.quick else POWER_MOST
        if "power" in asked.only:
            parts = [Part(who, number, most) for number in range(PARTS) for who in POWERED if who in asked.only]
            apart = max(1, len(cases) // len(parts))
            for place, part in enumerate(parts[:3] if asked.quick else parts):
                cases.insert(place * (apart + 1), part)
        if "disk" in asked.only and not asked.quick:
            cases.insert(0, Disk())
        with context.Pool(WORKERS, _open_place, common) as pool:
            for found in pool.imap_unordered(_do, cases):
                if isinstance(found, Tried):
                    tried.append(found)
                    if found.verdict is None:
                        print("met nothing:", found.fault, flush=True)
                    if found.verdict and found.verdict.troubles:
                        print(found.fault, *found.verdict.troubles, sep="\n    ", flush=True)
                elif found:
                    power += [one for one in found if isinstance(one, Lost)]
                    disk += [one for one in found if isinstance(one, fault_disk.Step)]
    took = f"{len(tried)} of {len(faults)} faults, {len(power)} power cuts in {time.monotonic() - began_s:.0f} s"
    print(f"{took}; {sum(one.verdict is None for one in tried)} met nothing")
    for one in disk:
        if one.verdict.troubles:
            print(f"disk: {one.what}", *one.verdict.troubles, sep="\n    ")
    verdicts = [one.verdict for one in tried if one.verdict]
    verdicts += [one.verdict for one in power] + [one.verdict for one in disk]
    if asked.docs:
        words = [
            "python benchmarks/fault_matrix.py",
            *(f"--only {' '.join(asked.only)}" for _ in [0] if asked.only != list(WHAT)),
        ]
        user = "root" if os.geteuid() == 0 else "a user"
        about = fault_page.about_here(" ".join(words), f"{datetime.now(UTC):%Y-%m-%d}", user)
        asked.docs.parent.mkdir(exist_ok=True)
        asked.docs.write_text(fault_page.page(tried, power, disk, about, f"Taken were {took}."), encoding="utf-8")
    return 1 if any(one.troubles for one in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
