"""What a cycle with nothing due costs, and `status` and `why`, against `python -c pass`: `--help` for options.

The steady state of a machine: tick after tick, five pretended minutes apart, so that every cycle finds
the counters of the one before. Most cycles are short ones, each sixth is a whole one; the mean of such an hour is what
a machine bears. Each measurement is paired with one of Python alone.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ground import TICK, Ground, names, tables
from measured import PASS, Case, Cost, compared, cost, shown

from adaptive_scheduler import beatfile

TARGETS = {100: 4.0, 1000: 8.0}
"""How many times Python alone a short cycle may cost, by the number of tasks."""

SETTLED_S = 2.5
"""tasks.toml must have been left alone so long before short cycles begin."""

SHORT_OF_SIX = 5

Pair = tuple[Cost, Cost]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[100, 1000], help="how many tasks (default: 100 1000)")
    parser.add_argument("--runs", type=int, default=15, help="measurements of each command (default: 15)")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--base", metavar="CHECKOUT", type=Path, help="measure another checkout too, in turns")
    asked = parser.parse_args()
    cases = dict(measure(asked.tasks, asked.runs, asked.base))
    if asked.json:
        machine = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "python": platform.python_version(), "cpus": os.cpu_count()}
        print(
            json.dumps({**machine, "runs": asked.runs, "cases": {name: one.as_plain() for name, one in cases.items()}})
        )
        return
    print(shown(cases))
    for count in asked.tasks:
        short, whole = cases[f"short cycle, {count} tasks"].ratio, cases[f"whole cycle, {count} tasks"].ratio
        mean = (SHORT_OF_SIX * short.cpu_ms + whole.cpu_ms) / (SHORT_OF_SIX + 1)
        target = f" (target {TARGETS[count]:g})" if count in TARGETS else ""
        print(
            f"{count} tasks, nothing due: {short.wall_ms:.1f} times Python alone, {short.cpu_ms:.1f} times its CPU"
            f"{target}; of six cycles one is whole, the mean CPU is {mean:.1f} times"
        )


def measure(counts: list[int], runs: int, base: Path | None) -> Iterator[tuple[str, Case]]:
    """Yield each command with its medians; that of another checkout is measured after ours, in each turn."""
    with tempfile.TemporaryDirectory() as alone:
        pairs = [_pair(Ground(Path(alone), ""), list(PASS)) for _ in range(runs)]
        yield "python -c pass", compared(pairs)
    for count in counts:
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
            lives = [_Life(Path(ours), count)]
            if base is not None:
                lives.append(_Life(Path(theirs), count, PYTHONPATH=str(base.absolute())))
            time.sleep(SETTLED_S)
            for number in range(-2, (SHORT_OF_SIX + 1) * runs):
                for life in lives:
                    life.tick(number, runs)
            yield f"short cycle, {count} tasks", compared(lives[0].shorts)
            yield f"whole cycle, {count} tasks", compared(lives[0].wholes)
            yield f"status, {count} tasks", compared(lives[0].views)
            yield f"why, {count} tasks", compared(lives[0].reasons)
            for life in lives[1:]:
                yield f"cycle of the base, {count} tasks", compared(life.shorts + life.wholes)
                yield f"status of the base, {count} tasks", compared(life.views)
                yield f"why of the base, {count} tasks", compared(life.reasons)


class _Life:
    """A project in a folder, tick after tick, and what its calls cost."""

    def __init__(self, folder: Path, count: int, **environ: str) -> None:
        self.ground, self.environ, self.last = Ground(folder, tables(count, "30d")), environ, names(count)[-1]
        self.ground.all_ran_just_now(names(count))
        self.shorts: list[Pair] = []
        self.wholes: list[Pair] = []
        self.views: list[Pair] = []
        self.reasons: list[Pair] = []

    def tick(self, number: int, runs: int) -> None:
        """Call a cycle, and as long as some are wanted `status` and `why` a minute later."""
        ground = self.ground
        ground.now += TICK
        before = self._rested()
        cycle = _pair(ground, ground.argv("run"), **self.environ)
        if (ground.folder / "outputs" / "runs").exists():
            raise RuntimeError("something ran: these were no idle cycles")
        if number < 0:  # the first cycles check tasks.toml, and have no counters to compare with
            return
        (self.shorts if self._rested() > before else self.wholes).append(cycle)
        if len(self.views) < runs:
            ground.now += timedelta(minutes=1)
            self.views.append(_pair(ground, ground.argv("status"), **self.environ))
            self.reasons.append(_pair(ground, ground.argv("why", self.last), **self.environ))
            ground.now -= timedelta(minutes=1)

    def _rested(self) -> int:
        return len(beatfile.lines(self.ground.folder / "outputs"))


def _pair(ground: Ground, argv: list[str], **more: str) -> Pair:
    env = ground.environ(**more)
    return cost(PASS, env=env, cwd=ground.folder), cost(argv, env=env, cwd=ground.folder)


if __name__ == "__main__":
    main()
