"""How many decisions a second `simulate` makes: 91 made-up days of 5-minute rows, three tasks.

Once the decision loop alone, in this process; once the whole command, which also reads the trace, replays
it under the fixed policy for comparison, and sums up.
"""

import argparse
import csv
import json
import math
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from ground import BEGIN, TICK, Ground
from measured import cost

from adaptive_scheduler import config as configuration
from adaptive_scheduler import simulate, trace

DAYS = 91

CONFIG = """\
[tasks.often]
priority = "high"
interval = "10m"
script = "nothing.py"
[tasks.hourly]
interval = "1h"
depends_on = ["often"]
script = "nothing.py"
expected_duration = "4m"
[tasks.daily]
priority = "low"
interval = "1d"
script = "nothing.py"
expected_duration = "20m"
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="measurements of each kind (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), CONFIG)
        write_trace(ground.folder / "trace.csv")
        loops = [decisions_a_second(ground) for _ in range(asked.runs)]
        argv = ground.argv("simulate", "--trace", "trace.csv", "--json")
        commands = [cost(argv, env=ground.environ(), cwd=ground.folder) for _ in range(asked.runs)]
    found = {
        "decisions_per_second": round(median(loops)),
        "command_s": round(median(one.wall_ms for one in commands) / 1e3, 2),
        "command_peak_mb": round(median(one.peak_mb for one in commands), 1),
    }
    if asked.json:
        print(json.dumps({"days": DAYS, "tasks": 3, "runs": asked.runs, **found}))
        return
    print(f"{found['decisions_per_second']} decisions a second")
    print(f"{DAYS} days: {found['command_s']} s, {found['command_peak_mb']} MB for the whole command")


def write_trace(path: Path) -> None:
    """Write a load that is low at night and high by day, with noise and some spikes; always the same."""
    dice = random.Random(91)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["timestamp", "cpu_percent", "memory_percent"])
        for number in range(DAYS * (timedelta(days=1) // TICK)):
            at = BEGIN + number * TICK
            day = math.sin((at.hour + at.minute / 60 - 8) / 24 * 2 * math.pi)
            spike = 40 if dice.random() < 0.03 else 0
            cpu = min(100.0, max(0.0, 40 + 35 * day + spike + dice.gauss(0, 8)))
            rows.writerow([at.isoformat(), f"{cpu:.2f}", f"{45 + 12 * day + dice.gauss(0, 3):.2f}"])


def decisions_a_second(ground: Ground) -> float:
    """Return the rate of one replay under the seed policy."""
    config = configuration.load(ground.folder / "tasks.toml", platform="linux")
    start, known = trace.slots(trace.read(ground.folder / "trace.csv"), TICK)
    ticks = list(simulate.late_and_lossy(trace.samples(start, known, TICK), timedelta(0), 0.0, 0))
    began_s = time.perf_counter()
    made = sum(1 for _ in simulate.simulate(config, ticks))
    return made / (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
