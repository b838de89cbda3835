"""The law of the rhythm through the real `run`: two pretended days of ticks, real processes, runs counted.

A 10-minute task runs 180 times a day at 18 % CPU, 144 times at 50 % and 96 times at 75 %; a 5-minute
task at 50 % at every tick. Takes some minutes for each load; `--days 1` takes half of that.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from ground import TICK, Ground

EXPECTED = {18: {"ten": 180, "five": 288}, 50: {"ten": 144, "five": 288}, 75: {"ten": 96, "five": 192}}
"""Runs a day by CPU. Ticks are 5 minutes apart: the 5-minute task cannot run every 4 at 18 %."""

CONFIG = """\
[interpreters]
".nothing" = ["true"]
[tasks.ten]
interval = "10m"
script = "script.nothing"
[tasks.five]
interval = "5m"
script = "script.nothing"
"""


def main() -> None:
    """Count, print, and exit with 1 when a rate is off by more than one run a day."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2, help="pretended days (default: 2)")
    parser.add_argument("--cpu", type=int, nargs="+", choices=sorted(EXPECTED), default=sorted(EXPECTED))
    asked = parser.parse_args()
    off = False
    print("CPU %  task  runs a day  the law")
    for cpu in asked.cpu:
        counted = count(cpu, asked.days)
        for task, law in EXPECTED[cpu].items():
            a_day = counted[task] / asked.days
            off = off or abs(a_day - law) > 1
            print(f"{cpu:5}  {task:4}  {a_day:10.1f}  {law:7}", flush=True)
    sys.exit(1 if off else 0)


def count(cpu: int, days: int) -> dict[str, int]:
    """Return how often each task ran in that many days of constant load."""
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), CONFIG)
        (ground.folder / "script.nothing").touch()
        load = {"ADAPTIVE_FAKE_SAMPLE": f"cpu={cpu},memory=40"}
        for _ in range(days * (timedelta(days=1) // TICK)):
            subprocess.run(ground.argv("run"), env=ground.environ(**load), cwd=folder, check=True)
            ground.now += TICK
        listing = ground.argv("history", "--limit", str(1000 * days), "--json")
        said = subprocess.run(listing, env=ground.environ(), cwd=folder, check=True, capture_output=True, text=True)
    runs = [json.loads(line) for line in said.stdout.splitlines()]
    return {task: sum(run["task"] == task and run["status"] == "ok" for run in runs) for task in EXPECTED[cpu]}


if __name__ == "__main__":
    main()
