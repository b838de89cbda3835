"""What it costs to run a script that does nothing (`true`): its supervisor alone, and its share of a cycle.

The supervisor's account includes the script. A run's share of a cycle is what a cycle with runs takes
longer than one without, through `max_parallel = 1`, divided by the runs: supervisor, waiting, planning
again, state, log and history.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from ground import TICK, Ground, names, tables
from measured import PASS, Case, Cost, compared, cost, shown

from adaptive_scheduler import config as configuration
from adaptive_scheduler.runners.base import Order
from adaptive_scheduler.runners.local import LocalRunner
from adaptive_scheduler.runners.spawn import SUPERVISOR
from adaptive_scheduler.runners.spec import environment

RUNS_A_CYCLE = 10
LOAD = "cpu=50,memory=40"
"""Pretended, so that every task is due at every tick however busy this machine is."""

HEAD = '[scheduler]\nmax_parallel = 1\n[interpreters]\n".py" = ["true"]\n'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="supervisors to measure (default: 15)")
    parser.add_argument("--cycles", type=int, default=5, help="cycles to measure (default: 5)")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), HEAD + tables(1, "5m"))
        cases = {
            "true": compared(list(_pairs(ground, ["true"], asked.runs))),
            "supervisor": supervisors(ground, asked.runs),
        }
    with tempfile.TemporaryDirectory() as folder:
        share_ms = share_of_a_cycle(Ground(Path(folder), HEAD + tables(RUNS_A_CYCLE, "5m")), asked.cycles)
    if asked.json:
        plain = {name: one.as_plain() for name, one in cases.items()}
        print(json.dumps({"runs": asked.runs, "cases": plain, "share_of_a_cycle_ms": round(share_ms, 1)}))
        return
    print(shown(cases))
    print(f"\na run's share of a cycle with {RUNS_A_CYCLE} runs: {share_ms:.0f} ms")


def supervisors(ground: Ground, runs: int) -> Case:
    """Return what the supervisor of a run costs, its script included."""
    config = configuration.load(ground.folder / "tasks.toml", platform="linux")
    runner = LocalRunner(ground.folder / "outputs" / "runs", config)
    pairs = []
    for _ in range(runs):
        (task,) = config.tasks.values()
        order = Order(task, runner.new_id(ground.now), "measured")
        runner.prepare(order)
        try:
            argv = [sys.executable, "-I", "-S", str(SUPERVISOR), str(runner.runs_dir / task.name / order.run_id)]
            pairs.append(_pair(ground, argv, environment(order, config, ground.environ())))
        finally:
            os.close(runner.prepared.pop(order.run_id))
        finished = runner.outcome(task.name, order.run_id)
        if finished is None or not finished.outcome.status.succeeded:
            raise RuntimeError(f"the run did not succeed: {finished}")
    return compared(pairs)


def share_of_a_cycle(ground: Ground, cycles: int) -> float:
    """Return how many milliseconds longer a cycle takes for each of its runs."""
    every = names(RUNS_A_CYCLE)
    ground.all_ran_just_now(every)
    idle, busy = [], []
    for number in range(-1, cycles):
        ground.now += TICK
        full = cost(ground.argv("run"), env=ground.environ(ADAPTIVE_FAKE_SAMPLE=LOAD), cwd=ground.folder)
        ground.now += TICK / 5  # nothing is due again before half a tick
        empty = cost(ground.argv("run"), env=ground.environ(ADAPTIVE_FAKE_SAMPLE=LOAD), cwd=ground.folder)
        ground.now -= TICK / 5
        if number >= 0:  # the first cycle checks tasks.toml and makes the history
            busy.append(full.wall_ms)
            idle.append(empty.wall_ms)
    done = sum(1 for _ in (ground.folder / "outputs" / "runs").glob("*/*/done.json"))
    if done != RUNS_A_CYCLE * (cycles + 1):
        raise RuntimeError(f"{done} runs instead of {RUNS_A_CYCLE * (cycles + 1)}")
    return (median(busy) - median(idle)) / RUNS_A_CYCLE


def _pairs(ground: Ground, argv: list[str], runs: int) -> Iterator[tuple[Cost, Cost]]:
    for _ in range(runs):
        yield _pair(ground, argv, ground.environ())


def _pair(ground: Ground, argv: list[str], env: dict[str, str]) -> tuple[Cost, Cost]:
    return cost(PASS, env=env, cwd=ground.folder), cost(argv, env=env, cwd=ground.folder)


if __name__ == "__main__":
    main()
