"""What [metrics] adds to a cycle with nothing due: the same cycle without and with it, in turn; `--help` for options.

Both have the same tasks and the same past. Each pair is one tick later than the one before, and every second pair
begins with the other of the two, so that what else this machine does falls on both alike.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from ground import TICK, Ground, names, tables
from measured import PASS, Case, Cost, compared, cost, shown

Pairs = list[tuple[Cost, Cost]]

METRICS = '[metrics]\ntextfile = "adaptive.prom"\n'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[10, 100, 1000], help="how many tasks (10 100 1000)")
    parser.add_argument("--runs", type=int, default=15, help="pairs of cycles (default: 15)")
    asked = parser.parse_args()
    cases: dict[str, Case] = {}
    added: dict[int, Cost] = {}
    sizes: dict[int, float] = {}
    for count in asked.tasks:
        without, with_metrics, sizes[count] = measure(count, asked.runs)
        cases[f"{count} tasks without"], cases[f"{count} tasks with"] = compared(without), compared(with_metrics)
        pairs = [(before, after) for (_, before), (_, after) in zip(without, with_metrics, strict=True)]
        added[count] = Cost(
            median(after.wall_ms - before.wall_ms for before, after in pairs),
            median(after.cpu_ms - before.cpu_ms for before, after in pairs),
            median(after.peak_mb - before.peak_mb for before, after in pairs),
        )
    print(shown(cases))
    print("\nadded by [metrics], the medians of the differences of pairs:")
    for count, one in added.items():
        print(
            f"{count:5} tasks: {one.wall_ms:6.1f} ms wall, {one.cpu_ms:6.1f} ms CPU, {one.peak_mb:4.1f} MB; "
            f"the file has {sizes[count]:.0f} kB"
        )


def measure(count: int, runs: int) -> tuple[Pairs, Pairs, float]:
    """Return what cycles without and with metrics cost, each after `python -c pass`, and the kB of the file."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        grounds = [Ground(Path(one), tables(count, "30d")), Ground(Path(other), METRICS + tables(count, "30d"))]
        costs: tuple[Pairs, Pairs] = ([], [])
        for ground in grounds:
            ground.all_ran_just_now(names(count))
        for number in range(-2, runs):
            for which in (0, 1) if number % 2 else (1, 0):
                ground = grounds[which]
                ground.now += TICK
                floor = cost(PASS, env=ground.environ(), cwd=ground.folder)
                used = cost(ground.argv("run"), env=ground.environ(), cwd=ground.folder)
                if number >= 0:  # the first cycles check tasks.toml, and have no counters to compare with
                    costs[which].append((floor, used))
        size = (grounds[1].folder / "adaptive.prom").stat().st_size
        return costs[0], costs[1], size / 1e3


if __name__ == "__main__":
    main()
