"""What a look of each detector costs, and how often it speaks where nobody labelled anything.

Looks: CPU time of each look over four weeks of recorded hosts; on a full series with nothing remembered, and right
after a gap of three days. Injected: rises put into those hosts, how many are seen, and how often the untouched ones
fire. Strange: series that look like memory and hold no leak. It needs ../shared/data, some 10 minutes; --quick: one.
"""

import argparse
import os
from array import array
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import median

from injected_rises import POINTS, STEPS, Tally, added_up, recall, tallied
from replayed import DATA, DAY, PIECE, Host, Moment, alarms, hosts, looked, moments
from strange_memory import Strange, all_of

from adaptive_scheduler.detectors.base import Detector
from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.events import Level
from adaptive_scheduler.series import ABSENT, Series, latency_cell, percent_cell

MEMBERS: tuple[Detector, ...] = (CpuSpike(), MemoryLeak(), HighLatency())
GAP = 3 * DAY
ROBBED_LOOKS = 15
"""Looks after everything was forgotten: one for each day that is remembered, and one more."""

Costs = dict[str, list[float]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few hosts and series, a minute")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: one a CPU)")
    parser.add_argument("--level", choices=["calm", "keen"], default="calm")
    asked = parser.parse_args()
    level, every = Level(asked.level), 9 if asked.quick else 1
    pieces = hosts(1 if asked.quick else 3)
    if not pieces:
        print(f"no traces in '{DATA / 'traces'}': nothing measured")
        return
    first = [host for host in pieces if host.name.endswith("#0")]
    with ProcessPoolExecutor(asked.jobs) as pool:
        show_looks(pool.map(looks, [host for host in first if any(host.memory)][:: 3 * every]))
        numbered = list(enumerate(pieces))[::every]
        show_rises(list(pool.map(partial(rises, level), numbered)))
        strange = all_of(first)
        show_strange(pool.map(partial(told, level), strange[:: 2 if asked.quick else 1]))


def looks(host: Host) -> Costs:
    """Return what the looks at one host cost, by detector and situation."""
    costs: Costs = {}
    for detector in MEMBERS:
        values = host.memory if isinstance(detector, MemoryLeak) else host.cpu
        cell = latency_cell if isinstance(detector, HighLatency) else percent_cell
        last: Moment | None = None
        for last in moments(detector, values, start=host.start, cell=cell):
            costs.setdefault(f"{detector.kind}, in life", []).append(last.cpu_ms)
        assert last is not None
        memory: dict[str, object] = {}
        for _ in range(ROBBED_LOOKS):
            _, memory, cost = looked(detector, last.series, memory)
            costs.setdefault(f"{detector.kind}, nothing remembered", []).append(cost)
        costs[f"{detector.kind}, after a gap"] = [looked(detector, after_gap(last.series), last.remembered)[2]]
    return costs


def after_gap(series: Series) -> Series:
    """Return a series whose last step comes three days after those before it."""
    cells = array("H", [*series.cells[GAP:], *[ABSENT] * (GAP - 1), series.cells[-1]])
    return Series(series.grid, series.end + GAP, cells, series.total, series.count)


def show_looks(found: Iterable[Costs]) -> None:
    """Print median and slowest of each kind of look."""
    costs: Costs = {}
    for one in found:
        for name, mine in one.items():
            costs.setdefault(name, []).extend(mine)
    print("CPU of a look in ms: median, slowest; CPU seconds of four weeks of 5-minute steps")
    for name, mine in costs.items():
        weeks = f"  {sum(mine) / len(mine) * PIECE / 1e3:.1f} s" if name.endswith("in life") else ""
        print(f"  {name:34} {median(mine):6.2f} {max(mine):6.2f}{weeks}")


def rises(level: Level, numbered: tuple[int, Host]) -> tuple[str, int, float, Tally]:
    """Return name, alarms and weeks of one untouched host, and how many rises put into it are seen."""
    number, host = numbered
    detector = CpuSpike()
    life = list(moments(detector, host.cpu, level, host.start))
    return host.name, *alarms(life, host.cpu), tallied(detector, level, number, life)


def show_rises(found: Sequence[tuple[str, int, float, Tally]]) -> None:
    """Print the share of rises that are seen, by height and length, and the alarms of untouched hosts."""
    tally = added_up([one[3] for one in found])
    print(f"rises seen within half an hour: {recall(tally):.2f} of all kinds, {sum(of for _, of in tally.values())}")
    print("  points above the day before" + "".join(f"{steps:>5} steps" for steps in STEPS))
    for points in POINTS:
        print(f"  {points:>27}" + "".join(f"{share(*tally[points, steps]):>11}" for steps in STEPS))
    ordinary = [one for one in found if one[0].endswith("#0") and not one[0].startswith("smd")]
    for name, hosts_ in (("ordinary hosts, first four weeks", ordinary), ("all of them", found)):
        fired, weeks = sum(one[1] for one in hosts_), sum(one[2] for one in hosts_)
        worst = max(one[1] / one[2] for one in hosts_)
        print(f"alarms a week, {name}: {fired / weeks:.2f} (worst {worst:.2f})")


def share(seen: int, of: int) -> str:
    """Return a share for people."""
    return f"{seen / of:.2f}" if of else "-"


def told(level: Level, strange: Strange) -> tuple[str, int, float, float]:
    """Return family, alarms, weeks and the slowest look of one strange series."""
    life = list(moments(MemoryLeak(), strange.values, level))
    return strange.family, *alarms(life, strange.values), max(moment.cpu_ms for moment in life)


def show_strange(found: Iterable[tuple[str, int, float, float]]) -> None:
    """Print alarms a week by family; series that rise a lot are also where a look is dearest."""
    every = list(found)
    print(f"memory without a leak: {rate(every):.2f} alarms a week; slowest look {max(one[3] for one in every):.2f} ms")
    for family in dict.fromkeys(one[0] for one in every):
        print(f"  {family:14} {rate([one for one in every if one[0] == family]):.2f}")


def rate(found: Sequence[tuple[str, int, float, float]]) -> float:
    """Return alarms a week of some strange series."""
    return sum(one[1] for one in found) / sum(one[2] for one in found)


if __name__ == "__main__":
    main()
