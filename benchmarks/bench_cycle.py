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
    asked = parser.parse_args()
    cases = dict(measure(asked.tasks, asked.runs))
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


def measure(counts: list[int], runs: int) -> Iterator[tuple[str, Case]]:
    """Yield each command with its medians."""
    with tempfile.TemporaryDirectory() as alone:
        pairs = [_pair(Ground(Path(alone), ""), list(PASS)) for _ in range(runs)]
        yield "python -c pass", compared(pairs)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            ground = Ground(Path(folder), tables(count, "30d"))
            ground.all_ran_just_now(names(count))
            time.sleep(SETTLED_S)
            shorts: list[Pair] = []
            wholes: list[Pair] = []
            views: list[Pair] = []
            reasons: list[Pair] = []
            for number in range(-2, (SHORT_OF_SIX + 1) * runs):
                ground.now += TICK
                before = _rested(ground)
                cycle = _pair(ground, ground.argv("run"))
                if number < 0:  # the first cycles check tasks.toml, and have no counters to compare with
                    continue
                (shorts if _rested(ground) > before else wholes).append(cycle)
                if len(views) == runs:
                    continue
                ground.now += timedelta(minutes=1)
                views.append(_pair(ground, ground.argv("status")))
                reasons.append(_pair(ground, ground.argv("why", names(count)[-1])))
                ground.now -= timedelta(minutes=1)
            if (ground.folder / "outputs" / "runs").exists():
                raise RuntimeError("something ran: these were no idle cycles")
            yield f"short cycle, {count} tasks", compared(shorts)
            yield f"whole cycle, {count} tasks", compared(wholes)
            yield f"status, {count} tasks", compared(views)
            yield f"why, {count} tasks", compared(reasons)


def _rested(ground: Ground) -> int:
    return len(beatfile.lines(ground.folder / "outputs"))


def _pair(ground: Ground, argv: list[str]) -> Pair:
    env = ground.environ()
    return cost(PASS, env=env, cwd=ground.folder), cost(argv, env=env, cwd=ground.folder)


if __name__ == "__main__":
    main()
