"""What a cycle with nothing due costs, and `status` and `why`, against `python -c pass`: `--help` for options.

The steady state of a machine: tick after tick, five pretended minutes apart, so that every cycle finds
the counters of the one before and takes no short sample. Each measurement is paired with one of Python alone.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ground import TICK, Ground, names, tables
from measured import PASS, Case, Cost, compared, cost, shown

TARGET_MS = 250.0
TARGET_GROWTH = 2.0


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
    cycles = [one.cost.wall_ms for name, one in cases.items() if name.startswith("run, ")]
    print(f"\n{asked.tasks[0]} tasks, nothing due: {cycles[0]:.0f} ms (target {TARGET_MS:.0f})")
    if len(cycles) > 1:
        print(f"{asked.tasks[-1]} tasks: {cycles[-1] / cycles[0]:.2f} times that (target {TARGET_GROWTH:g})")


def measure(counts: list[int], runs: int) -> Iterator[tuple[str, Case]]:
    """Yield each command with its medians."""
    with tempfile.TemporaryDirectory() as alone:
        pairs = [_pair(Ground(Path(alone), ""), list(PASS)) for _ in range(runs)]
        yield "python -c pass", compared(pairs)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            ground = Ground(Path(folder), tables(count, "30d"))
            ground.all_ran_just_now(names(count))
            cycles, views, reasons = [], [], []
            for number in range(-2, runs):
                ground.now += TICK
                cycle = _pair(ground, ground.argv("run"))
                if number < 0:  # the first cycles check tasks.toml, and have no counters to compare with
                    continue
                cycles.append(cycle)
                ground.now += timedelta(minutes=1)
                views.append(_pair(ground, ground.argv("status")))
                reasons.append(_pair(ground, ground.argv("why", names(count)[-1])))
                ground.now -= timedelta(minutes=1)
            if (ground.folder / "outputs" / "runs").exists():
                raise RuntimeError("something ran: these were no idle cycles")
            yield f"run, {count} tasks", compared(cycles)
            yield f"status, {count} tasks", compared(views)
            yield f"why, {count} tasks", compared(reasons)


def _pair(ground: Ground, argv: list[str]) -> tuple[Cost, Cost]:
    env = ground.environ()
    return cost(PASS, env=env, cwd=ground.folder), cost(argv, env=env, cwd=ground.folder)


if __name__ == "__main__":
    main()
