"""What `report` costs: seconds and megabytes (medians of three), over 90 days of a recorded load with ten tasks.

With a trace on the command line over that one: CSV as `simulate --trace` reads it. `--keep FOLDER` leaves the
history and the page there to be looked at.
"""

import argparse
import sqlite3
import tempfile
from pathlib import Path
from statistics import median

import quarter
from ground import Ground
from measured import cost

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "traces" / "bitbrains-vm384.csv.gz"
TIMES = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", nargs="?", type=Path, default=TRACE)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    if not asked.trace.exists():
        print(f"no trace '{asked.trace}': nothing measured")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        ground = Ground(folder, quarter.config_text())
        if not (folder / "outputs" / "history.sqlite3").exists():
            ground.now = quarter.make(folder, asked.trace, asked.days)
        else:
            ground.now = quarter.last_cycle(folder)
        measure(ground, asked.days)


def measure(ground: Ground, days: int) -> None:
    """Learn, make the report three times, and print the medians."""
    seam = {"ADAPTIVE_FAKE_SAMPLE": "cpu=18,memory=30"}
    cost(ground.argv("learn"), env=ground.environ(), cwd=ground.folder)
    argv = ground.argv("report", "--days", str(days))
    found = [cost(argv, env=ground.environ(**seam), cwd=ground.folder) for _ in range(TIMES)]
    page = ground.folder / "outputs" / "report.html"
    with sqlite3.connect(ground.folder / "outputs" / "history.sqlite3") as database:
        counts = [database.execute(f"select count(*) from {name}").fetchone()[0] for name in ("samples", "runs")]
    print(f"{counts[0]:,} samples, {counts[1]:,} runs")
    wall_s, cpu_s = (median(times) / 1e3 for times in zip(*((one.wall_ms, one.cpu_ms) for one in found), strict=True))
    print(f"{wall_s:.1f} s, {cpu_s:.1f} s of CPU, {median(one.peak_mb for one in found):.0f} MB of memory")
    print(f"{page.stat().st_size / 1e6:.2f} MB written to '{page}'")


if __name__ == "__main__":
    main()
