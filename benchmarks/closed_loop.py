"""Does gentle scheduling help the people on the machine? A service and maintenance beside it, day after day.

A service answers requests that come as a made-up day has them, and maintenance tasks run beside it: never, at their
plain interval, by the classic rule, by what `learn` finds in 28 earlier made-up days. A tick of five minutes is
shortened to a fraction of a second; requests, latencies, CPU and runs are real, and so is the CPU that decisions
see. Every repetition is another day, the same for all policies, which take turns in being first.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np
import upkeep
from foreground import AHEAD_NICE, WORK_MS, go_ahead, rounds_for
from live_day import NOISY, Day, Setting, live, request_cost_s, wait_for_calm
from made_up_days import DAY, TICK, arrivals, loads

from adaptive_scheduler.settings import Config
from adaptive_scheduler.signals import KEPT_DAYS
from adaptive_scheduler.simulate import Policy, lasts

NONE = "none"
POLICIES = (NONE, *(policy.value for policy in Policy))

LIMIT_MS = 10 * WORK_MS
"""A request that takes ten times its work had somebody in its way."""

QUICK_TICKS = 5 * DAY // 24


@dataclass(frozen=True)
class Score:
    """What one day came to; times in milliseconds, CPU in per cent."""

    p50: float
    p99: float
    p999: float
    slow: float
    cpu_met: float
    cpu_sd: float
    runs: float
    run_s: float
    others: float
    late: float
    unanswered: float


COLUMNS: dict[str, tuple[str, str]] = {
    "p50": ("p50 ms", ".1f"),
    "p99": ("p99 ms", ".0f"),
    "p999": ("p99.9 ms", ".0f"),
    "slow": (f"% > {LIMIT_MS:g} ms", ".1f"),
    "cpu_met": ("CPU met %", ".1f"),
    "cpu_sd": ("CPU sd", ".1f"),
    "runs": ("runs", ".0f"),
    "run_s": ("CPU s", ".1f"),
}
OF_RUNS = ("cpu_met", "runs", "run_s")
"""Columns that say nothing where nothing is maintained."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, help="days of each policy (default: 3)")
    parser.add_argument("--tick", type=float, default=0.24, metavar="SECONDS", help="what five minutes become")
    parser.add_argument(
        "--ticks", type=int, default=DAY, help="ticks of a day that are lived, from six in the morning on"
    )
    parser.add_argument("--quick", action="store_true", help="one morning of each policy: a minute, and no proof")
    parser.add_argument("--background", action="store_true", help="runs at the priority that the supervisor gives them")
    parser.add_argument(
        "--patience",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help=f"where others work too: wait for calm, and live a day again that had over {NOISY:g} %% of other work",
    )
    parser.add_argument(
        "--apart",
        action="store_true",
        help="where others work too: go before them (Linux, root), and see no CPU but our own",
    )
    parser.add_argument("--seed", type=int, default=4, help="another seed, other days (default: 4)")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing that was started lives on
    repetitions, ticks = (1, min(asked.ticks, QUICK_TICKS)) if asked.quick else (asked.repetitions, asked.ticks)
    with tempfile.TemporaryDirectory() as folder:
        give_up_s = time.monotonic() + 60 * asked.patience
        wait_for_calm(give_up_s)
        if asked.apart:
            try:
                os.setpriority(os.PRIO_PROCESS, 0, AHEAD_NICE)
                go_ahead(os.getpid())
            except PermissionError:
                parser.error("--apart takes root; --patience only takes time")
        setting = calibrated(Path(folder), asked.tick, background=asked.background, apart=asked.apart)
        said, scores = measure(setting, repetitions, ticks, asked.seed, give_up_s)
    if asked.json:
        machine = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "python": platform.python_version(), "cpus": os.cpu_count()}
        plain = {
            "repetitions": repetitions,
            "ticks": ticks,
            "tick_s": asked.tick,
            "background": asked.background,
            "apart": asked.apart,
            "request_cpu_ms": round(setting.request_s * 1e3, 3),
            "not_learned": said,
            "days": {policy: [_rounded(one) for one in mine] for policy, mine in scores.items()},
        }
        print(json.dumps(machine | plain))
        return
    print(table(scores))
    for sentence in said:
        print(sentence)


def calibrated(folder: Path, tick_s: float, *, background: bool, apart: bool) -> Setting:
    """Find out what a request costs here."""
    cpus = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    rounds = rounds_for(WORK_MS)
    half_busy = 0.5 * cpus / (WORK_MS / 1e3)
    due_s = arrivals([half_busy] * 4, 1.0, random.Random(0))
    cost_s = request_cost_s(folder, rounds, cpus, due_s, apart=apart)
    return Setting(folder, cpus, rounds, cost_s, tick_s, background, apart)


def measure(
    setting: Setting, repetitions: int, ticks: int, seed: int, give_up_s: float
) -> tuple[list[str], dict[str, list[Score]]]:
    """Return for each task whose lesson is not used the reason, and the scores of each policy, a day each.

    Until the monotonic clock says `give_up_s`, days that much else disturbed are lived again, however they went.
    """
    config = upkeep.config(setting.folder)
    past = upkeep.history(KEPT_DAYS, seed, setting.requests_a_tick)
    knowledge, refused = upkeep.learned(past, config)
    scores: dict[str, list[Score]] = {policy: [] for policy in POLICIES}
    for number in range(repetitions):
        today = f"{seed} {number}"
        share = loads(1, random.Random(f"load {today}"))[:ticks]
        rates = [one * setting.requests_a_tick / setting.tick_s for one in share]
        due_s = arrivals(rates, setting.tick_s, random.Random(f"arrivals {today}"))
        turn = number % len(POLICIES)
        days: dict[str, Day] = {}
        for policy in POLICIES[turn:] + POLICIES[:turn]:
            mine = None
            if policy != NONE:
                mine = upkeep.settled(Policy(policy), config, past, knowledge, random.Random(f"beats {today}"))
            again = True
            while again:
                wait_for_calm(give_up_s)
                day = days[policy] = live(setting, due_s, ticks, mine and replace(mine), past[-1])
                again = day.others > NOISY and not setting.apart and time.monotonic() < give_up_s
                told = f"p99 {_ms(day, 99):.0f} ms, {day.others:.1f} % other work{', again' if again else ''}"
                print(f"day {number + 1}, {policy}: {told}", file=sys.stderr, flush=True)
        for policy, day in days.items():
            scores[policy].append(score(day, days[NONE].cpu, config))
    return [f"'{name}' keeps the classic rule: {why}" for name, why in refused.items()], scores


def score(day: Day, undisturbed: Sequence[float], config: Config) -> Score:
    """Return what a day came to; `undisturbed` is the CPU of the day without maintenance, which its runs met."""
    met = []
    for tick, name in day.starts:
        ticks = max(1, round(lasts(config.tasks[name]) / TICK))
        met.append(fmean(undisturbed[tick : tick + ticks]))
    return Score(
        p50=_ms(day, 50),
        p99=_ms(day, 99),
        p999=_ms(day, 99.9),
        slow=100 * float((day.latency_s * 1e3 > LIMIT_MS).mean()),
        cpu_met=fmean(met) if met else 0.0,
        cpu_sd=stdev(day.cpu),
        runs=len(day.starts),
        run_s=day.chores_cpu_s,
        others=day.others,
        late=float(np.percentile(day.late_s, 99)) * 1e3,
        unanswered=day.unanswered,
    )


def table(scores: dict[str, list[Score]]) -> str:
    """Return a table for people: medians of the days, and between which values they lay."""
    days = len(scores[NONE])
    rows = [["", *(title for title, _ in COLUMNS.values()), "p99 x fixed"]]
    for policy, mine in scores.items():
        cells = [_spread([getattr(one, key) for one in mine], form) for key, (_, form) in COLUMNS.items()]
        ratios = [one.p99 / fixed.p99 for one, fixed in zip(mine, scores[Policy.FIXED.value], strict=True)]
        if policy == NONE:
            cells = ["-" if key in OF_RUNS else cell for key, cell in zip(COLUMNS, cells, strict=True)]
        rows.append([policy, *cells, _spread(ratios, ".2f")])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    every = [one for mine in scores.values() for one in mine]
    others = [one.others for one in every]
    doubtful = sum(one > NOISY for one in others)
    lines += [
        "",
        f"{days} days of each; requests left at most {max(one.late for one in every):.1f} ms late (p99 of a day), "
        f"{sum(one.unanswered for one in every):.0f} were not answered.",
        f"Other work took {min(others):.1f} to {max(others):.1f} % of the CPUs"
        + (f": {doubtful} of {len(every)} days are doubtful." if doubtful else "."),
    ]
    return "\n".join(lines)


def _spread(values: Sequence[float], form: str) -> str:
    middle = format(median(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}}-{max(values):{form}})"


def _ms(day: Day, percentile: float) -> float:
    return float(np.percentile(day.latency_s, percentile)) * 1e3


def _rounded(one: Score) -> dict[str, float]:
    return {key: round(value, 3) for key, value in vars(one).items()}


if __name__ == "__main__":
    main()
