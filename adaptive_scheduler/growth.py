"""Which process grows, how fast, and is it a leak: the sizes of the largest processes, cycle by cycle. Pure.

One process that grows is better evidence than the total, and it has a name. A leak is a steady rise of one
process over twelve blocks in a row, as in detectors/memory_leak.py, beyond the height that any process of
its name had before: caches fill once, and what fills again to the old height is no news.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from math import isfinite
from typing import Any

from adaptive_scheduler.detectors.base import median
from adaptive_scheduler.events import Culprit, Process

Plain = dict[str, Any]

SLOT = timedelta(minutes=5)
"""Sizes are remembered this far apart at least: a program that loads its data for ten minutes is no leak."""

KEPT = 144
"""Sizes that are remembered of a process: 12 hours at a tick of 5 minutes or less."""

BLOCKS = 12
SPANS = (12, 36, 144)
"""Over so many sizes it is looked for: an hour, three, twelve."""

RISE = 3.0
"""The least growth, in per cent of all memory."""

ABOVE = 2.0
"""The least height above what its name had before, in per cent of all memory."""

STEP = 0.35
"""The largest share of the rise that one step may be."""

TREND = 0.8
"""The least Mann-Kendall tau: a single process is steadier than the sum of all."""

WORTH_A_WORD = 1.0
"""The least growth, in per cent of all memory, for which a process is named at all."""

PEAK_DAYS = 14
NAMES = 200
"""Names whose heights are remembered, at most."""

SAME_S = 2.0
"""Two stamps of one birth differ by this at most."""

MIB = 1 << 20
PAIRS = tuple(combinations(range(BLOCKS), 2))


@dataclass(frozen=True, slots=True)
class Sizes:
    """One process: when it began, and its resident MiB at the last cycles, with their times in seconds since 1970."""

    name: str
    created: float
    at: tuple[int, ...]
    mib: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """The largest processes by pid, and by name the largest size of each past day (days since 1970)."""

    processes: Mapping[int, Sizes] = field(default_factory=dict)
    peaks: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grower:
    """A process that grew: `excess` is 1 at the limit of a leak; sizes in bytes, `since` when the rise began."""

    culprit: Culprit
    excess: float
    value: int
    expected: int
    since: datetime


def grown(growth: Growth, processes: Iterable[Process], now: datetime, tick: timedelta) -> Growth:
    """Return the growth with the largest processes of this cycle; one too soon after the last adds nothing."""
    apart = max(tick / 2, SLOT - tick / 2).total_seconds()
    seconds, day = int(now.timestamp()), int(now.timestamp() // 86400)
    followed: dict[int, Sizes] = {}
    peaks = {
        name: {past: mib for past, mib in days.items() if day - PEAK_DAYS <= past <= day}
        for name, days in growth.peaks.items()
    }
    for one in processes:
        mib = one.rss // MIB
        was = growth.processes.get(one.pid)
        if was is None or was.name != one.name or abs(was.created - one.created) > SAME_S or was.at[-1] > seconds:
            was = Sizes(one.name, one.created, (), ())
        if was.at and seconds - was.at[-1] < apart:
            followed[one.pid] = was
            continue
        followed[one.pid] = Sizes(one.name, one.created, (*was.at, seconds)[-KEPT:], (*was.mib, mib)[-KEPT:])
        days = peaks.setdefault(one.name, {})
        days[day] = max(mib, days.get(day, 0))
    kept = sorted(((max(days.values()), name) for name, days in peaks.items() if days), reverse=True)[:NAMES]
    return Growth(followed, {name: peaks[name] for _, name in kept})


def growers(growth: Growth, total_bytes: int, now: datetime) -> list[Grower]:
    """Return the processes that grow steadily, the one nearest to a leak, or furthest beyond it, first."""
    found = []
    for pid, sizes in growth.processes.items():
        over = [_grower(pid, sizes, span, growth.peaks, total_bytes, now) for span in SPANS]
        if rises := [one for one in over if one is not None]:
            found.append(max(rises, key=lambda one: one.excess))
    return sorted(found, key=lambda one: -one.excess)


def grown_most(growth: Growth, total_bytes: int, now: datetime) -> Grower | None:
    """Return the process that grew most while it was followed, steadily or not; None when none grew worth a word."""
    most = max(growth.processes.items(), key=lambda one: one[1].mib[-1] - min(one[1].mib), default=None)
    if most is None:
        return None
    pid, sizes = most
    low = min(sizes.mib)
    began = max(at for at, mib in zip(sizes.at, sizes.mib, strict=True) if mib == low)
    seconds, net = sizes.at[-1] - began, (sizes.mib[-1] - low) * MIB
    if seconds <= 0 or net < WORTH_A_WORD / 100 * total_bytes:
        return None
    culprit = Culprit(
        name=sizes.name,
        pid=pid,
        created=sizes.created,
        rss=sizes.mib[-1] * MIB,
        growth_per_hour=round(net * 3600 / seconds),
    )
    return Grower(culprit, 0.0, sizes.mib[-1] * MIB, low * MIB, now - timedelta(seconds=seconds))


def _grower(
    pid: int, sizes: Sizes, span: int, peaks: Mapping[str, Mapping[int, int]], total_bytes: int, now: datetime
) -> Grower | None:
    if len(sizes.mib) < span or total_bytes <= 0:
        return None
    at, mib = sizes.at[-span:], sizes.mib[-span:]
    width = span // BLOCKS
    floors = [min(mib[number * width : (number + 1) * width]) for number in range(BLOCKS)]
    net = floors[-1] - floors[0]
    trend = sum((floors[b] > floors[a]) - (floors[b] < floors[a]) for a, b in PAIRS) / len(PAIRS)
    if net <= 0 or trend < TREND or max(b - a for a, b in pairwise(floors)) > STEP * net:
        return None
    before = _height_before(peaks.get(sizes.name, {}), at[0])
    point = total_bytes / MIB / 100
    excess = net / (RISE * point)
    if before is not None:
        excess = min(excess, (floors[-1] - before) / (ABOVE * point))
    slope = median((floors[b] - floors[a]) / (b - a) for a, b in PAIRS) / ((at[-1] - at[0]) / (span - 1) * width)
    culprit = Culprit(
        name=sizes.name, pid=pid, created=sizes.created, rss=mib[-1] * MIB, growth_per_hour=round(slope * 3600 * MIB)
    )
    expected = floors[0] if before is None else max(before, floors[0])
    since = now - timedelta(seconds=at[-1] - at[0])
    return Grower(culprit, excess, mib[-1] * MIB, expected * MIB, since)


def _height_before(days: Mapping[int, int], began: int) -> int | None:
    """Return the largest size that the name had on the days before the rise began, None where none is known."""
    return max((mib for day, mib in days.items() if day < began // 86400), default=None)


def encode(growth: Growth) -> Plain:
    """Return the growth as JSON-able values."""
    return {
        "processes": [
            [pid, one.name, one.created, [list(pair) for pair in zip(one.at, one.mib, strict=True)]]
            for pid, one in growth.processes.items()
        ],
        "peaks": {name: [list(pair) for pair in days.items()] for name, days in growth.peaks.items()},
    }


def decode(plain: Mapping[str, Any]) -> Growth:
    """Return the growth that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    processes = {}
    for pid, name, created, pairs in plain["processes"]:
        times, sizes = zip(*(_pair(pair) for pair in pairs), strict=True)
        if not isinstance(name, str) or not isfinite(created) or any(b <= a for a, b in pairwise(times)):
            raise ValueError(f"{name!r} is no process that was followed")
        processes[_whole(pid)] = Sizes(name, float(created), times[-KEPT:], sizes[-KEPT:])
    peaks = {str(name): dict(_pair(pair) for pair in pairs) for name, pairs in plain["peaks"].items()}
    return Growth(processes, peaks)


def _pair(plain: Sequence[Any]) -> tuple[int, int]:
    first, then = plain
    return _whole(first), _whole(then)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise TypeError(f"{value!r} is not a whole number")
    return value
