"""One shortened day on this machine: a service, people, and maintenance beside them; real processes, real CPU."""

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from foreground import AHEAD_NICE, Foreground
from made_up_days import BEGIN, TICK
from numpy.typing import NDArray
from upkeep import CHORES, Upkeep

from adaptive_scheduler.counters import cpu_percent, read_counters
from adaptive_scheduler.machine import Reading
from adaptive_scheduler.trees.base import BACKGROUND_NICE

NOISY = 5.0
"""Per cent of the CPUs from which on other work on the machine makes a day doubtful."""

CALM_S = 5.0
"""How long a machine has to be calm to be called so."""

LOOK_S = 0.01
"""How often it is looked whether a run has ended."""

CHORE = """
import hashlib, os, sys, threading, time
cpu_s, threads, nicer, group_nice = float(sys.argv[1]), *map(int, sys.argv[2:])
os.nice(nicer)
if group_nice and os.path.exists("/proc/self/autogroup"):
    with open("/proc/self/autogroup", "w") as group:
        group.write(str(group_nice))
def burn():
    while time.thread_time() < cpu_s:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 500)
for _ in range(threads - 1):
    threading.Thread(target=burn).start()
burn()
"""
"""What a run does: CPU seconds on so many threads; the niceness is what the supervisor gives to background tasks."""


@dataclass(frozen=True)
class Setting:
    """What is the same for every day."""

    folder: Path
    cpus: int
    rounds: int
    request_s: float
    """CPU seconds of a request, for the service and those who send it."""
    tick_s: float
    background: bool
    apart: bool
    """Whether all of it goes before other work on this machine, and CPU is what it uses itself."""

    @property
    def requests_a_tick(self) -> float:
        """How many requests keep all CPUs busy for a tick."""
        return self.cpus * self.tick_s / self.request_s


@dataclass(frozen=True)
class Day:
    """What happened on a day; CPU in per cent of all CPUs, one a tick."""

    latency_s: NDArray[np.float64]
    late_s: NDArray[np.float64]
    unanswered: int
    cpu: list[float]
    starts: list[tuple[int, str]]
    chores_cpu_s: float
    others: float
    """CPU of what belongs neither to the service nor to the people nor to us."""


@dataclass
class Runs:
    """The live runs, and what they have used."""

    setting: Setting
    live: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a task in a session of its own, as the supervisor does."""
        setting, chore = self.setting, CHORES[name]
        nicer = BACKGROUND_NICE if setting.background else 0
        group_nice = nicer + (AHEAD_NICE if setting.apart else 0)
        numbers = (chore.ticks * setting.tick_s, chore.threads(setting.cpus), nicer, group_nice)
        argv = [sys.executable, "-I", "-S", "-c", CHORE, *map(str, numbers)]
        self.live[name] = subprocess.Popen(argv, start_new_session=True)

    def ended(self) -> list[str]:
        """Return the tasks whose runs have ended since the last look; RuntimeError when one failed."""
        over = [name for name, process in self.live.items() if process.poll() is not None]
        for name in over:
            if code := self.live.pop(name).returncode:
                raise RuntimeError(f"a run of '{name}' ended with {code}")
        return over

    def cpu_s(self) -> float:
        """Return what all runs have used so far, give or take."""
        return _reaped_s() + _used_s([psutil.Process(one.pid) for one in self.live.values()])

    def end(self) -> None:
        """End all that still runs."""
        for process in self.live.values():
            process.kill()
            process.wait()
        self.live.clear()


def _used_s(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds of living processes, to the hundredth."""
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def _reaped_s() -> float:
    """Return the CPU seconds of all children that have been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def live(setting: Setting, due_s: list[float], ticks: int, upkeep: Upkeep | None, cpu: float) -> Day:
    """Live through so many ticks; `cpu` is the load of the tick before the first one."""
    runs = Runs(setting)
    series: list[float] = []
    starts: list[tuple[int, str]] = []
    foreign, reaped_s = cpu, _reaped_s()
    with Foreground(setting.folder, setting.rounds, setting.cpus, due_s, apart=setting.apart) as foreground:
        try:
            theirs = [psutil.Process(foreground.people.pid), *psutil.Process(foreground.service.pid).children()]
            _sleep_until(foreground.begin_s)
            first = read_counters()
            before = _reading(setting, runs, theirs)
            used_s = runs.cpu_s()
            for number in range(ticks):
                end_s = foreground.begin_s + (number + 1) * setting.tick_s
                if upkeep is not None:
                    starts += [(number, name) for name in _tick(setting, runs, upkeep, number, cpu, foreign, end_s)]
                _sleep_until(end_s)
                after, now_used_s = _reading(setting, runs, theirs), runs.cpu_s()
                # Deciding takes milliseconds of five minutes; of a shortened tick it would be a share worth seeing.
                us_s = float(after["own_s"]) - float(before["own_s"])
                cpu = cpu_percent(before, after, less_s=us_s) or 0.0
                foreign = cpu_percent(before, after, less_s=us_s + now_used_s - used_s) or 0.0
                before, used_s = after, now_used_s
                series.append(cpu)
            last, chores_s = read_counters(), used_s - reaped_s
            latency, late = (np.array(numbers) for numbers in foreground.answers())
        finally:
            runs.end()
    busy_s, whole_s, us_s = (float(last[key]) - float(first[key]) for key in ("busy_s", "total_s", "own_s"))
    others = 100 * (busy_s - us_s - (_reaped_s() - reaped_s)) / whole_s
    return Day(np.abs(latency), late, int((latency < 0).sum()), series, starts, chores_s, others)


def _reading(setting: Setting, runs: Runs, theirs: list[psutil.Process]) -> Reading:
    """Return the counters of this machine, or what they would be if we were alone on it."""
    counters = read_counters()
    if not setting.apart:
        return counters
    ours_s = _used_s(theirs) + runs.cpu_s() + float(counters["own_s"])
    return {**counters, "busy_s": ours_s, "total_s": time.monotonic() * setting.cpus}


def _tick(
    setting: Setting, runs: Runs, upkeep: Upkeep, number: int, cpu: float, foreign: float, end_s: float
) -> list[str]:
    """Collect and decide, and again whenever a run ends, until the next tick is near; return what was started."""
    now = BEGIN + number * TICK
    for name in runs.ended():
        upkeep.ended(name, now)
    starts = upkeep.cycle(now, cpu, foreign)
    for name in starts:
        runs.start(name)
    started = list(starts)
    leave_s = end_s - 0.1 * setting.tick_s
    while runs.live and (left_s := leave_s - time.monotonic()) > 0:
        time.sleep(min(LOOK_S, left_s))
        if over := runs.ended():
            now = BEGIN + (number + 1) * TICK - TICK * max(0.0, (end_s - time.monotonic()) / setting.tick_s)
            for name in over:
                upkeep.ended(name, now)
            starts = upkeep.again(now)
            for name in starts:
                runs.start(name)
            started += starts
    return started


def wait_for_calm(give_up_s: float) -> None:
    """Wait until little else runs here, at most until that time of the monotonic clock."""
    calm = False
    while not calm and time.monotonic() < give_up_s:
        before = read_counters()
        time.sleep(CALM_S)
        calm = (cpu_percent(before, read_counters()) or 0.0) <= NOISY


def request_cost_s(folder: Path, rounds: int, cpus: int, due_s: Sequence[float], *, apart: bool) -> float:
    """Return the CPU seconds of a request: what service and people use for some, less what they use for none."""
    used = []
    for due in ([], list(due_s)):
        before_s = _reaped_s()
        with Foreground(folder, rounds, cpus, due, apart=apart) as foreground:
            foreground.answers()
        used.append(_reaped_s() - before_s)
    return (used[1] - used[0]) / len(due_s)


def _sleep_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))
