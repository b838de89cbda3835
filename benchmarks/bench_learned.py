"""What learning costs: one lesson, its file, and a cycle with 50 learned tasks against the same by the classic rule.

`--help` for options. The two cycles are measured in turns (A B B A) on the same folder, five pretended
minutes apart, with nothing due; only `[rhythm] learned` differs. The 50 tasks have three tables, as tasks of
three intervals have; with `--apart` no two have the same.
"""

import argparse
import json
import math
import random
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from ground import TICK, Ground
from measured import cost

from adaptive_scheduler import config as configuration
from adaptive_scheduler import notation, rolling, study
from adaptive_scheduler.almanac import Almanac
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import State
from adaptive_scheduler.staircases import Table
from adaptive_scheduler.store import Store

TARGET_CYCLE_MS, TARGET_LESSON_S, TARGET_BYTES = 10.0, 1.0, 50_000
INTERVALS = ("1h", "6h", "24h")
DAYS = 28


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=50, help="how many learned tasks (default: 50)")
    parser.add_argument("--runs", type=int, default=25, help="measurements of each cycle (default: 25)")
    parser.add_argument("--apart", action="store_true", help="give every task ceilings of its own")
    asked = parser.parse_args()
    if asked.runs < 2:
        parser.error("a median of differences takes two runs at least")
    with tempfile.TemporaryDirectory() as folder:
        lessons(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        cycles(Path(folder), asked.tasks, asked.runs, apart=asked.apart)


def tables(count: int, learned: str) -> str:
    """Return a tasks.toml of that many tasks."""
    rows = [
        f'[tasks.task_{number:04}]\ninterval = "{INTERVALS[number % len(INTERVALS)]}"\nscript = "nothing.py"\n'
        for number in range(count)
    ]
    return f'[scheduler]\ntick = "5m"\n[rhythm]\nlearned = "{learned}"\n' + "".join(rows)


def samples(ground: Ground) -> list[Sample]:
    """Return made-up weeks of load: a day wave, noise that lasts, and a busy minute every hour."""
    dice, noise, found = random.Random(1), 0.0, []
    for number in range(DAYS * 288):
        noise = 0.9 * noise + dice.gauss(0, 3)
        wave = 25 - 20 * math.cos(2 * math.pi * number / 288)
        found.append(
            Sample(ground.now + (number - DAYS * 288) * TICK, max(0.0, wave + noise + 15 * (number % 12 == 0)), 40)
        )
    return found


def turned(table: Table | None, number: int) -> Table | None:
    """Return the table with its day begun so many slots later."""
    if table is None:
        return None
    cut = number * table.ages * table.levels % len(table.ceilings)
    return replace(table, ceilings=table.ceilings[cut:] + table.ceilings[:cut])


def teach(ground: Ground, count: int, *, apart: bool = False) -> None:
    """Write rhythm.json and the rolling load, with a lesson for every task whatever its back-test said."""
    config = configuration.load(ground.folder / "tasks.toml", platform="linux")
    load = rolling.gathered([replace(one, at=one.at.astimezone()) for one in samples(ground)], TICK)
    first = dict(list(config.tasks.items())[: len(INTERVALS)])
    found = list(study.study(load, replace(config, tasks=first), State(), lambda: None))
    every = [
        replace(found[number % len(found)], task=task, refused="") for number, task in enumerate(config.tasks.values())
    ]
    if apart:
        every = [replace(one, table=turned(one.table, number)) for number, one in enumerate(every)]
    Almanac(Path(config.state_dir)).write(study.encode(every[:count], [], load, ground.now, None), rolling.latest(load))


def lessons(folder: Path) -> None:
    """Measure one fit and the size of its lesson, for each interval."""
    ground = Ground(folder, tables(len(INTERVALS), "auto"))
    config = configuration.load(folder / "tasks.toml", platform="linux")
    load = rolling.gathered(samples(ground), TICK)
    from adaptive_scheduler.learn import Subject, fit, subject
    from adaptive_scheduler.tutor import past_of

    print(f"one lesson from {DAYS} days (targets {TARGET_LESSON_S:g} s, {TARGET_BYTES} bytes):")
    for task in config.tasks.values():
        times = []
        for _ in range(5):
            past = past_of(load)  # afresh: what it works out once is part of the cost
            what = subject(task, config.rules.rhythm, past.grid, 300.0)
            if not isinstance(what, Subject):
                raise TypeError(what)
            began = time.perf_counter()
            table = fit(past, what, len(past.values))
            times.append(time.perf_counter() - began)
        size = len(json.dumps(notation.encode(table)))
        print(f"  every {task.interval}: {statistics.median(times):.2f} s, {size} bytes")


def tick(ground: Ground) -> float:
    """Run the next cycle, in which every task had its last beat just before; returns its milliseconds of CPU."""
    ground.now += TICK
    with Store(ground.folder / "outputs").transaction(ground.now) as transaction:
        tasks = {name: replace(mine, anchor=ground.now) for name, mine in transaction.state.tasks.items()}
        transaction.state = replace(transaction.state, tasks=tasks)
    return cost(ground.argv("run"), env=ground.environ(), cwd=ground.folder).cpu_ms


def cycles(folder: Path, count: int, runs: int, *, apart: bool = False) -> None:
    """Measure the cycle with and without what was learned, in turns."""
    ground = Ground(folder, tables(count, "auto"))
    ground.all_ran_just_now([f"task_{number:04}" for number in range(count)])
    teach(ground, count, apart=apart)
    told = subprocess.run(ground.argv("status", "--json"), env=ground.environ(), capture_output=True, check=False)
    if {one["rhythm"] for one in json.loads(told.stdout)["tasks"]} != {"learned"}:
        raise RuntimeError("not every task follows what was learned")
    found: dict[str, list[float]] = {"auto": [], "off": []}
    for number in range(-1, runs):
        for learned in ("auto", "off") if number % 2 else ("off", "auto"):
            (folder / "tasks.toml").write_text(tables(count, learned), encoding="utf-8")
            tick(ground)  # checks tasks.toml, which changed
            one = tick(ground)
            if number >= 0:
                found[learned].append(one)
    with_it, without = statistics.median(found["auto"]), statistics.median(found["off"])
    pairs = [a - b for a, b in zip(found["auto"], found["off"], strict=True)]
    low, median, high = statistics.quantiles(pairs, n=4, method="inclusive")
    print(
        f"a cycle with {count} learned tasks: {with_it:.0f} ms of CPU, by the classic rule {without:.0f} ms; "
        f"median of the {runs} differences {median:.1f} ms, half of them {low:.1f} to {high:.1f} "
        f"(target {TARGET_CYCLE_MS:g})"
    )


if __name__ == "__main__":
    main()
