"""Whether anything grows: a month of cycles in pretended time with random faults, or an hour of real ones.

    python benchmarks/soak.py --fast                 # 10,000 cycles, half an hour to an hour
    python benchmarks/soak.py --real-time --minutes 60

Of the fast cycles 5 % are the real command, half of them killed at some moment; the others run in one process that
is watched for leaks. What else goes wrong by the dice: supervisors are killed, the state is damaged, tasks.toml is
edited or broken, the clock jumps; scripts fail, hang and print too much all the time. Prints a verdict on each
thing that must not grow, and exits with 1 when one does. Linux only.
"""

import argparse
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import soak_ground as ground
from soak_verdict import table

BEGIN = datetime(2025, 11, 2, 0, 30, tzinfo=UTC)
TICK = timedelta(minutes=5)
REAL_EVERY_S = 10.0
PR_SET_CHILD_SUBREAPER = 36

SETTLING = 30
"""Calm cycles at the end, after which nothing may be left."""

MOST_DEAD = 8
"""Supervisors that end after the worker's cycle are collected by its next one; more than a few cannot be so many."""

EXPECTED_CODES = {0, 1}
DAMAGED = 3

LONGEST_RUN_S = 10.0


@dataclass
class Soak:
    """One life: its folder, its dice, and what has been seen."""

    folder: Path
    dice: random.Random
    mark: str
    now: datetime = BEGIN
    real: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    ledger: ground.Ledger = field(default_factory=ground.Ledger)
    broken_for: int = 0
    excused: bool = False
    damaged: bool = False

    @property
    def outputs(self) -> Path:
        """The state folder."""
        return self.folder / "outputs"

    @property
    def config(self) -> Path:
        """Its tasks.toml."""
        return self.folder / "tasks.toml"

    def environ(self) -> dict[str, str]:
        """Return the environment of a cycle."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ADAPTIVE_")}
        if not self.real:
            clean["ADAPTIVE_FAKE_NOW"] = self.now.isoformat()
            clean |= {} if (load := self.load()) == "-" else {"ADAPTIVE_FAKE_SAMPLE": load}
        return clean | {ground.MARK: self.mark}

    def load(self) -> str:
        """Return the load that a cycle pretends to see: every other day none, for only what is measured is learned."""
        if self.now.toordinal() % 2:
            return "-"
        return f"cpu={self.dice.choice((10, 45, 85))},memory={self.dice.choice((30, 50, 70))}"

    def start(self, wait: str) -> "subprocess.Popen[bytes]":
        """Start a cycle by the real command."""
        argv = [sys.executable, "-m", "adaptive_scheduler", "--config", str(self.config), "run", "--wait", wait]
        env, log = self.environ(), (self.folder / "said").open("ab")
        with log:
            return subprocess.Popen([*argv, "--quiet"], env=env, cwd=self.folder, stdout=log, stderr=log)

    def judge(self, code: int, by: str) -> None:
        """Note an exit code that nothing explains."""
        if code == DAMAGED:
            self.damaged = False
        if code in EXPECTED_CODES or (self.excused and code in (2, DAMAGED)):
            return
        self.faults.append(f"a cycle at {self.now:%m-%d %H:%M} by {by} ended with {code}")

    def collect(self) -> None:
        """Collect the dead that were given to us: whatever outlived its cycle."""
        with suppress(ChildProcessError):
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and dead.si_pid:
                os.waitpid(dead.si_pid, 0)

    def harm(self) -> None:
        """Let something go wrong, by the dice."""
        roll = self.dice.random()
        # A cycle that was killed has said nothing of what it met.
        self.excused = self.broken_for > 0 or self.damaged
        if self.broken_for:
            self.broken_for -= 1
            if not self.broken_for:
                ground.lay_out(self.folder, ground.FAST)
        elif roll < 0.01:
            self.done["edits"] += 1
            with self.config.open("a", encoding="utf-8") as file:
                file.write(ground.GUEST.format(number=self.dice.randrange(3)))
            self.broken_for = self.dice.randint(5, 60)
        elif roll < 0.013:
            self.done["broken edits"] += 1
            self.config.write_text("[tasks.often\n", encoding="utf-8")
            self.broken_for = self.dice.randint(1, 5)
            self.excused = True
        elif roll < 0.018:
            self.done["clock jumps"] += 1
            self.now += timedelta(minutes=self.dice.choice((-300, -30, -10, 20, 90, 700)))
        elif roll < 0.025 and (state := self.outputs / "adaptive_scheduler_state.json").exists():
            self.done["damaged states"] += 1
            content = state.read_bytes()
            state.write_bytes(self.dice.choice((b"", b"{", bytes(len(content)), content[: len(content) // 2])))
            self.excused = self.damaged = True
        if self.dice.random() < 0.02:
            for pid in list(ground.live_supervisors(self.outputs))[:1]:
                self.done["killed supervisors"] += 1
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def by_command(self) -> None:
        """Run a cycle by the real command, and kill every other one at some moment."""
        process = self.start(self.dice.choice(("0s", "1s")))
        if self.dice.random() < 0.5:
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.dice.uniform(0.05, 0.7))
        if process.poll() is None and self.dice.random() < 0.5:
            self.done["killed cycles"] += 1
            process.kill()
            process.wait()
            return
        self.done["cycles by the command"] += 1
        self.judge(process.wait(), "the command")


def fast(soak: Soak, cycles: int, every: int) -> None:
    """Run a month of cycles, and measure now and then."""
    ground.lay_out(soak.folder, ground.FAST)
    worker = Path(__file__).with_name("soak_worker.py")
    with (soak.folder / "said").open("ab") as said:
        argv = [sys.executable, str(worker), str(soak.config)]
        pipe = subprocess.PIPE
        child = subprocess.Popen(argv, env=soak.environ(), stdin=pipe, stdout=pipe, stderr=said, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    began_s = time.monotonic()
    for number in range(1, cycles + SETTLING + 1):
        soak.now += TICK
        if number <= cycles:
            soak.harm()
        if number <= cycles and soak.dice.random() < 0.05:
            soak.by_command()
            continue
        wait_s = 5.0 if number > cycles else soak.dice.choice((0, 0, 0.1, 1))
        code, short, *held = in_worker(child.stdin, child.stdout, f"{soak.now.isoformat()} {wait_s} {soak.load()}")
        soak.done["short cycles"] += short
        soak.judge(code, "the worker")
        if number % 10 == 0:
            soak.collect()
            soak.ledger.read(soak.outputs / "history.sqlite3")
        if number % every == 0 and number > every:
            spent_s, began_s = time.monotonic() - began_s, time.monotonic()
            own = dict(zip(("resident KB", "descriptors", "threads"), map(float, held), strict=True))
            row = {
                "cycle": float(number),
                **ground.sizes(soak.outputs),
                **own,
                "dead": float(ground.zombies(child.pid)),
            }
            note(soak, row | {"cycle s": spent_s / every})
    # What started in the last cycle ends after it, by the real clock; one more collects it.
    time.sleep(LONGEST_RUN_S)
    soak.now += TICK
    in_worker(child.stdin, child.stdout, f"{soak.now.isoformat()} 5 cpu=10,memory=30")
    child.stdin.close()
    child.wait()


def in_worker(to: IO[str], back: IO[str], cycle: str) -> list[int]:
    """Run one cycle in the worker; returns its exit code, whether it was a short one, and what the worker holds."""
    to.write(f"{cycle}\n")
    to.flush()
    return [int(word) for word in back.readline().split()]


def real_time(soak: Soak, minutes: float) -> None:
    """Call the real command every 10 seconds, as cron would, and measure every time."""
    ground.lay_out(soak.folder, ground.REAL)
    soak.real = True
    until_s = time.monotonic() + minutes * 60
    while time.monotonic() < until_s:
        began_s, soak.now = time.monotonic(), datetime.now(UTC)
        process = soak.start("5s")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        soak.judge(process.returncode, "the command")
        soak.collect()
        soak.ledger.read(soak.outputs / "history.sqlite3")
        cost = {"cycle s": used.ru_utime + used.ru_stime, "resident KB": float(used.ru_maxrss)}
        others = float(len(ground.marked(soak.mark)))
        note(
            soak,
            {"minute": (minutes * 60 - until_s + began_s) / 60, **ground.sizes(soak.outputs), **cost, "live": others},
        )
        time.sleep(max(0.0, REAL_EVERY_S - (time.monotonic() - began_s)))
    process = soak.start("30s")
    soak.judge(process.wait(), "the command")


def note(soak: Soak, row: dict[str, float]) -> None:
    """Keep a row of measures and print it as a line."""
    soak.rows.append(row)
    print(json.dumps({name: round(value, 3) for name, value in row.items()}), flush=True)


def verdict(soak: Soak) -> bool:
    """Print what grew and what did not fit; returns whether all is well."""
    time.sleep(2)
    soak.collect()
    soak.ledger.read(soak.outputs / "history.sqlite3")
    marks = ground.marks(soak.folder)
    faults = [*soak.faults, *soak.ledger.faults(marks)]
    faults += [f"process {pid} was left over: {words}" for pid, words in ground.marked(soak.mark).items()]
    if (dead := max((row.get("dead", 0) for row in soak.rows), default=0)) > MOST_DEAD:
        faults.append(f"{dead:g} dead processes were not collected")
    counted = dict(sorted(soak.done.items())) | {"runs": len(soak.ledger.statuses), "marks": len(marks)}
    print(", ".join(f"{count} {what}" for what, count in counted.items()))
    fine = table(soak.rows, real=soak.real) and not faults
    for fault in faults[:40]:
        print(f"FAULT  {fault}")
    print(
        "nothing grows, every run is counted once, nothing is left over" if fine else f"{len(faults)} faults, or growth"
    )
    return fine


def main() -> None:
    """Soak and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--fast", action="store_true", help="pretended time, with faults")
    how.add_argument("--real-time", action="store_true", help="a cycle every 10 s")
    parser.add_argument("--cycles", type=int, default=10_000, help="with --fast (default: 10000, a month)")
    parser.add_argument("--minutes", type=float, default=60.0, help="with --real-time (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default: 1)")
    parser.add_argument("--keep", type=Path, help="soak in this new folder and leave it there")
    asked = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("soaking looks into /proc: it needs Linux")
    os.nice(5)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        if asked.keep:
            asked.keep.mkdir(parents=True)
        soak = Soak((asked.keep or Path(folder)).resolve(), random.Random(asked.seed), os.urandom(8).hex())
        with suppress(KeyboardInterrupt):  # the verdict is on what there is
            if asked.fast:
                fast(soak, asked.cycles, max(10, asked.cycles // 100))
            else:
                real_time(soak, asked.minutes)
        sys.exit(0 if verdict(soak) else 1)


if __name__ == "__main__":
    main()
