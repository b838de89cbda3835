"""How good `forecast` is on recorded loads: its errors beside those of naive forecasts, and what its band holds.

It walks forward over each trace: every 5 hours, from the 21st day on, the hours 1, 6, 12 and 24 from then are
forecast from what was known then, 28 days of it at most. Every 31 hours also the next starts of three tasks by the
classic rule are foretold, and compared with those that the real load of the next hours makes. The traces are CSV files
as `simulate --trace` reads them.
"""

import argparse
import json
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean, median

from adaptive_scheduler import simulate, trace
from adaptive_scheduler.codes import Code
from adaptive_scheduler.horizon import Present
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, State, Task, TaskState
from adaptive_scheduler.outlook import Outlook
from adaptive_scheduler.prospects import Prospect, forecast
from adaptive_scheduler.rolling import FILLED, HUNDREDTHS, Rolling
from adaptive_scheduler.settings import Config, Rules

TRACES = Path(__file__).resolve().parents[2] / "shared" / "data" / "traces"
TICK = timedelta(minutes=5)
HORIZONS_H = (1, 6, 12, 24)
FROM_DAY = 21
EVERY_H = 5
"""Has no divisor in common with 24: every hour of the day has its turn."""

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STARTS_EVERY_H = 31
TASKS = {name: Task(name=name, interval=hours * HOUR, steps=()) for name, hours in (("1h", 1), ("6h", 6), ("1d", 24))}

KINDS = ("forecast", "last", "yesterday", "held")

Errors = dict[str, list[float]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="?", type=Path, default=TRACES, help="a folder with *.csv or *.csv.gz")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args()
    files = sorted(asked.traces.glob("*.csv*")) if asked.traces.is_dir() else []
    files = [file for file in files if file.name != "index.csv"]
    if not files:
        print(f"no traces in '{asked.traces}': nothing measured")
        return
    found = {file.name.partition(".")[0]: walk(file) for file in files}
    starts = [one for file in files for one in first_starts(file)]
    told = started(starts)
    if asked.json:
        print(json.dumps({"traces": len(files), "by_trace": found, "all": summary(found), "starts": told}))
        return
    print("hours ahead: mean error of forecast, last value, yesterday; median ratio to the better of both; in the band")
    for hours, one in summary(found).items():
        print(f"{hours:>2} h: " + "  ".join(f"{name} {value:.2f}" for name, value in one.items()))
    print(
        "next starts: mean distance in minutes, the share within the told bounds (a tick to either side), their width"
    )
    for name, mine in told.items():
        print(f"{name}: " + "  ".join(f"{key} {value:.2f}" for key, value in mine.items()))


def walk(file: Path) -> dict[str, dict[str, float]]:
    """Return the mean errors over one trace, and the share of hours inside the band, for each horizon."""
    _, known = trace.slots(trace.read(file), TICK)
    load = simulate.load_of(known, TICK)
    hour, kept = load.grid.steps(1), load.grid.kept
    cells = array("H", load.cells)
    errors: dict[int, Errors] = {hours: {kind: [] for kind in KINDS} for hours in HORIZONS_H}
    for origin in range(FROM_DAY * load.grid.day, len(cells) - 24 * hour, EVERY_H * hour):
        outlook = Outlook(Rolling(load.grid, origin - 1, cells[max(0, origin - kept) : origin], 0.0, 1))
        last = mean(cells[origin - hour : origin])
        for hours in HORIZONS_H:
            begin = origin + (hours - 1) * hour
            truth = cells[begin : begin + hour]
            if sum(cell & FILLED > 0 for cell in truth) * 2 >= hour:
                continue
            one, met = outlook.over(range(begin, begin + hour)), mean(truth)
            before = mean(cells[begin - 24 * hour : begin - 23 * hour])
            mine = errors[hours]
            mine["forecast"].append(abs(one.cpu - met))
            mine["last"].append(abs(last - met))
            mine["yesterday"].append(abs(before - met))
            if one.low is not None and one.high is not None:
                mine["held"].append(float(one.low <= met <= one.high))
    return {str(hours): {name: fmean(values) for name, values in one.items()} for hours, one in errors.items()}


def first_starts(file: Path) -> Iterator[tuple[str, datetime, Prospect]]:
    """Yield when each task really started first after each origin, and what had been foretold of it."""
    begin, known = trace.slots(trace.read(file), TICK)
    load = simulate.load_of(known, TICK)
    cells, kept = array("H", load.cells), load.grid.kept
    config = Config(path="", state_dir="", rules=Rules(), tasks=TASKS)
    for origin in range(FROM_DAY * load.grid.day, len(cells) - 2 * load.grid.day, STARTS_EVERY_H * load.grid.steps(1)):
        # Both clocks are the trace's own: without summer time a step of the load is a row of the trace.
        now = (begin + origin * TICK).astimezone()
        age = timedelta(hours=origin % 7 / 7)
        state = State(
            tasks={
                name: TaskState(first_seen=now, anchor=now - age * (task.interval / HOUR))
                for name, task in TASKS.items()
            },
            nominal_at=now,
        )
        outlook = Outlook(Rolling(load.grid, load.first + origin - 1, cells[max(0, origin - kept) : origin], 0.0, 1))
        decided = {name: Decision(name, Code.NOT_DUE, "", None) for name in TASKS}
        present = Present(now, config, state, Sample(now, None, 40.0), decided, 0.0, datetime.astimezone)
        foretold = {one.name: one for one in forecast(present, outlook, timedelta(hours=36)).tasks}
        ticks = [
            (
                now + number * TICK,
                Sample(now + number * TICK, (cells[origin + number - 1] & ~FILLED) / HUNDREDTHS, 40.0),
            )
            for number in range(1, 36 * 12)
        ]
        seen = set()
        for made in simulate.simulate(config, ticks, None, state):
            if made.decision.code.starts and made.decision.task not in seen:
                seen.add(made.decision.task)
                yield made.decision.task, made.at, foretold[made.decision.task]


def started(found: Sequence[tuple[str, datetime, Prospect]]) -> dict[str, dict[str, float]]:
    """Return for each task how far off the foretold starts were, and how many came within what was told."""
    told = {}
    for name in TASKS:
        mine = [(at, one) for task, at, one in found if task == name]
        off = [abs((one.next_start - at) / MINUTE) for at, one in mine if one.next_start is not None]
        bounds = [(at, one.earliest, one.latest) for at, one in mine if one.earliest and one.latest]
        within = [low - TICK <= at <= high + TICK for at, low, high in bounds]
        width = fmean((high - low) / MINUTE for _, low, high in bounds)
        told[name] = {"starts": float(len(mine)), "off": fmean(off), "within": fmean(within), "width": width}
    return told


def mean(cells: "array[int]") -> float:
    """Return the mean CPU of some cells in per cent."""
    return fmean(cell & ~FILLED for cell in cells) / HUNDREDTHS


def summary(found: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the means over all traces, the ratio to the better naive forecast, and the share inside the band."""
    told = {}
    for hours in map(str, HORIZONS_H):
        all_of = [one[hours] for one in found.values()]
        ratios = [one["forecast"] / max(0.01, min(one["last"], one["yesterday"])) for one in all_of]
        told[hours] = {name: fmean(one[name] for one in all_of) for name in ("forecast", "last", "yesterday")}
        told[hours] |= {"ratio": median(ratios), "worst": max(ratios), "held": fmean(one["held"] for one in all_of)}
        told[hours] |= {"least held": min(one["held"] for one in all_of)}
    return told


if __name__ == "__main__":
    main()
