"""Throws made-up files at every reader of files and keeps what breaks one.

    python benchmarks/fuzz.py [--minutes 60] [--target NAME]... [--keep]

Each target of tests/fuzz/targets.py gets its share of the time in a process of its own, which may take 200 MB more
than it has at the start, and ten seconds of CPU for an input. Where atheris is installed (`pip install atheris`;
Linux) it says which inputs went new ways through the program, and those are changed further; else a new outcome is
what counts. What breaks a reader is kept in `crashes/TARGET`, one input for each place that raised; `--keep` puts the
inputs that went new ways into tests/fuzz/corpus, which the suite replays. Exit code 1: something broke.
"""

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PACKAGE = "adaptive_scheduler"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
CRASHES = ROOT / "crashes"
MORE_BYTES = 200_000_000
INPUT_S = 10
SMALL, FEW = 3000, 12_000
"""An input of the corpus is at most so long, all those of one target together too."""


class TooSlowError(Exception):
    """A reader took more than ten seconds."""


def memory_of_this_process() -> int:
    """Return the bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


class Hunt:
    """One target in this process: what was tried, what broke, what went new ways."""

    def __init__(self, name: str, seconds: float, seed: int, found: Path) -> None:
        """Import the target, with the counters of atheris in the program where that is installed."""
        try:
            import atheris

            with atheris.instrument_imports(include=[PACKAGE]):
                from tests.fuzz import targets
        except ImportError:
            atheris = None
            from tests.fuzz import targets
        from tests.fuzz.mutate import mutated

        self.atheris, self.mutated, self.target = atheris, mutated, targets.TARGETS[name]
        self.name, self.dice, self.found = name, Random(seed), found
        self.until_s = time.monotonic() + seconds
        self.tried, self.outcomes, self.broken = 0, dict[str, int](), dict[str, str]()
        self.slowest_s = 0.0
        self.folder = Path(tempfile.mkdtemp(dir=Path(os.environ["FUZZ_REPORT"]).parent))
        self.inputs = [*self.target.seeds, *(one.read_bytes() for one in sorted((CORPUS / name).glob("*")))]

    def run(self) -> None:
        """Try inputs until the time is over."""
        signal.signal(signal.SIGPROF, self._too_slow)
        for data in self.inputs:
            self.one(data)
        limit = memory_of_this_process() + MORE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        if self.atheris is None:
            self._blindly()
            return
        work = Path(tempfile.mkdtemp(dir=Path(os.environ["FUZZ_REPORT"]).parent))
        for number, data in enumerate(self.inputs):
            (work / f"seed{number}").write_bytes(data)
        seconds = max(1, round(self.until_s - time.monotonic()))
        options = [f"-max_total_time={seconds}", "-max_len=20000", "-verbosity=0", "-rss_limit_mb=0", "-timeout=60"]
        self.found = work
        self.atheris.Setup([sys.argv[0], *options, f"-seed={self.dice.randrange(1 << 30)}", str(work)], self.one,
                           custom_mutator=self._changed)  # fmt: skip
        self.atheris.Fuzz()

    def one(self, data: bytes) -> None:
        """Try one input; whatever it raises is kept, and the hunt goes on."""
        self.tried += 1
        # Seconds of CPU: other programs of this machine are not this input's fault.
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, INPUT_S)
        try:
            outcome = self.target.read(data, self.folder)
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        except Exception as error:
            self._broke(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        took_s = time.process_time() - began_s
        if took_s > self.slowest_s:
            self.slowest_s = took_s
            if took_s > 1:
                self._keep(data, f"slow-{took_s:.1f}s")
        if self.tried % 200 == 0 or time.monotonic() > self.until_s:
            self.report()

    def report(self) -> None:
        """Leave the numbers so far, whatever ends this process."""
        numbers = {"tried": self.tried, "slowest_s": round(self.slowest_s, 2), "outcomes": self.outcomes}
        text = json.dumps({**numbers, "broken": self.broken, "corpus": str(self.found)})
        Path(os.environ["FUZZ_REPORT"]).write_text(text, encoding="utf-8")

    def _blindly(self) -> None:
        while time.monotonic() < self.until_s:
            before = set(self.outcomes)
            data = self.mutated(self.dice.choice(self.inputs), self.dice, self.inputs, self.target.words)
            self.one(data)
            if self.outcomes.keys() - before:
                self.inputs.append(data)

    def _changed(self, data: bytes, most: int, seed: int) -> bytes:
        dice = Random(seed)
        if dice.random() < 0.2:
            return bytes(self.atheris.Mutate(data, most))
        if dice.random() < 0.4:
            data = dice.choice(self.inputs)
        return bytes(self.mutated(data, dice, self.inputs, self.target.words)[:most])

    def _broke(self, data: bytes, error: Exception) -> None:
        ours = [
            one
            for one in traceback.extract_tb(error.__traceback__)
            if PACKAGE in one.filename or "fuzz" in one.filename
        ]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        what = f"{type(error).__name__} at {place}"
        if what not in self.broken:
            self.broken[what] = str(error)[:200]
            self._keep(data, what.replace(" at ", "-").replace(":", "-"))
            self.report()

    def _keep(self, data: bytes, name: str) -> None:
        folder = CRASHES / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    def _too_slow(self, _number: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"more than {INPUT_S} s")


def hunted(name: str, seconds: float, seed: int, report: Path) -> dict[str, Any]:
    """Hunt one target in a process of its own; what ended it before its time is told."""
    command = [sys.executable, str(Path(__file__)), "--child", name, str(seconds), str(seed)]
    child = subprocess.run(
        command, env={**os.environ, "FUZZ_REPORT": str(report)}, cwd=ROOT, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    numbers: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"broken": {}}
    if child.returncode:
        numbers["broken"][f"exit code {child.returncode}"] = child.stderr.decode(errors="replace")[-600:]
    return numbers


def keep(name: str, found: Path) -> None:
    """Add inputs that went new ways to the corpus: the smallest first, as long as there is room."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    room = FEW - sum(one.stat().st_size for one in folder.iterdir())
    for one in sorted(found.glob("*"), key=lambda path: path.stat().st_size):
        data = one.read_bytes()
        if len(data) > SMALL or len(data) > room or one.name.startswith("seed"):
            continue
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
        room -= len(data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Hunt each target in turn and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--target", action="append")
    parser.add_argument("--seed", type=int, default=int(time.monotonic()))
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args(arguments)
    from tests.fuzz.targets import TARGETS

    names = asked.target or list(TARGETS)
    broke = False
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            numbers = hunted(name, asked.minutes * 60 / len(names), asked.seed, Path(folder, f"{name}.json"))
            outcomes = ", ".join(f"{key} {count}" for key, count in sorted(numbers.get("outcomes", {}).items()))
            print(
                f"{name:10} {numbers.get('tried', 0):8} tried, slowest {numbers.get('slowest_s', 0)} s: {outcomes}",
                flush=True,
            )
            for what, text in numbers["broken"].items():
                broke = True
                print(f"   BROKE {what}: {text}", flush=True)
            if asked.keep and "corpus" in numbers:
                keep(name, Path(numbers["corpus"]))
    return int(broke)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        os.nice(19)
        hunt = Hunt(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), Path())
        hunt.run()
        hunt.report()
    else:
        sys.exit(main())
