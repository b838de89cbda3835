"""Who uses the machine: the largest processes, and the one that used most CPU since the census before. Pure.

CPU is what a process used itself, and what those of its children used that ended meanwhile: a build is
`make`, though no compiler lives longer than a second. Siblings of one name share the blame.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from adaptive_scheduler.events import Culprit, Process
from adaptive_scheduler.times import from_iso, iso

Plain = dict[str, Any]

LARGEST = 10
"""How many of the largest processes are worth a line each cycle."""

KEPT = 300
"""How many processes are remembered between two cycles: those with most CPU."""

SAME_S = 2.0
"""Two stamps of one birth differ by this at most: the system derives them from a clock that is adjusted."""

ROUNDED_S = 0.05
"""Seconds of CPU are remembered rounded; a process that has used less than before by more is another one."""

ALONE = 0.8
"""A process with this share of what all of its name used is to blame alone."""

SHARE = 0.05
"""A process with less than this share of what all of its name used is not counted among them."""


@dataclass(frozen=True, slots=True)
class Used:
    """What is remembered of one process: its birth, its parent, seconds of CPU of its own and of ended children."""

    created: float
    parent: int
    cpu_s: float
    children_s: float

    @property
    def total_s(self) -> float:
        """All seconds of CPU."""
        return self.cpu_s + self.children_s


@dataclass(frozen=True, slots=True)
class Tally:
    """A census in short, for the next cycle; processes that are left out had used `floor_s` at most."""

    at: datetime
    floor_s: float
    used: Mapping[int, Used]


def largest(processes: Iterable[Process], count: int = LARGEST) -> tuple[Process, ...]:
    """Return the processes with most resident memory, the largest first; those without any are no consumers."""
    return tuple(sorted((one for one in processes if one.rss > 0), key=lambda one: (-one.rss, one.pid))[:count])


def tally(processes: Iterable[Process], at: datetime, kept: int = KEPT) -> Tally:
    """Return what of a census the next cycle needs; `at` is when it was taken."""
    ranked = sorted(processes, key=lambda one: -(one.cpu_s + one.ended_children_s))
    floor_s = max((one.cpu_s + one.ended_children_s for one in ranked[kept:]), default=0.0)
    used = {one.pid: Used(one.created, one.parent, one.cpu_s, one.ended_children_s) for one in ranked[:kept]}
    return Tally(at, floor_s, used)


def busiest(processes: Sequence[Process], before: Tally, seconds: float, cpus: float) -> Culprit | None:
    """Return who used most CPU in the `seconds` since the census before, of `cpus` CPUs in all.

    None when nobody used any, or when the two censuses have no process in common: another boot, another clock.
    """
    known = {one.pid: was for one in processes if (was := _before(one, before)) is not None}
    if not known or seconds <= 0 or cpus <= 0:
        return None
    debts = _debts(before, known)
    shares = {one.pid: _used(one, known.get(one.pid), debts.get(one.pid, 0.0), before) for one in processes}
    by_name: dict[str, list[Process]] = {}
    for one in processes:
        by_name.setdefault(one.name, []).append(one)
    name = max(by_name, key=lambda name: sum(shares[one.pid] for one in by_name[name]))
    group = sorted(by_name[name], key=lambda one: -shares[one.pid])
    total_s = sum(shares[one.pid] for one in group)
    if total_s <= 0:
        return None
    first = group[0]
    alone = shares[first.pid] >= ALONE * total_s
    blamed = group[:1] if alone else [one for one in group if shares[one.pid] >= SHARE * total_s] or group[:1]
    used_s = shares[first.pid] if alone else total_s
    return Culprit(
        name=name,
        pid=first.pid,
        created=first.created,
        rss=sum(one.rss for one in blamed),
        cpu_percent=round(min(100.0, 100.0 * used_s / (seconds * cpus)), 1),
        run_id=first.run_id,
        processes=len(blamed),
    )


def encode(tally: Tally) -> Plain:
    """Return a tally as JSON-able values: some 40 bytes a process."""
    return {
        "at": iso(tally.at),
        "floor_s": round(tally.floor_s, 2),
        "processes": [
            [pid, round(one.created, 2), one.parent, round(one.cpu_s, 2), round(one.children_s, 2)]
            for pid, one in tally.used.items()
        ],
    }


def decode(plain: Mapping[str, Any]) -> Tally:
    """Return the tally that `encode` wrote; ValueError, KeyError or TypeError when it is none."""
    used = {}
    for pid, created, parent, cpu_s, children_s in plain["processes"]:
        used[_whole(pid)] = Used(_number(created), _whole(parent), _number(cpu_s), _number(children_s))
    return Tally(from_iso(plain["at"]), _number(plain["floor_s"]), used)


def _before(one: Process, before: Tally) -> Used | None:
    """Return what is remembered of a process; a number that went to another process is none of it."""
    was = before.used.get(one.pid)
    if was is None or abs(was.created - one.created) > SAME_S or was.cpu_s > one.cpu_s + ROUNDED_S:
        return None
    return was


def _debts(before: Tally, known: Mapping[int, Used]) -> dict[int, float]:
    """Return, by pid, how much of what ended children used was counted before, while they lived.

    A process that is gone left all it had used to its nearest ancestor that is still there.
    """
    debts: dict[int, float] = {}
    for pid, gone in before.used.items():
        if pid in known:
            continue
        heir, seen = gone.parent, {pid}
        while heir not in known and heir in before.used and heir not in seen:
            seen.add(heir)
            heir = before.used[heir].parent
        debts[heir] = debts.get(heir, 0.0) + gone.total_s
    return debts


def _used(one: Process, was: Used | None, debt_s: float, before: Tally) -> float:
    if was is not None:
        own_s = max(0.0, one.cpu_s - was.cpu_s)
        return own_s + max(0.0, one.ended_children_s - was.children_s - debt_s)
    all_s = one.cpu_s + one.ended_children_s
    # One that was there before and is not remembered had used little, which is not known.
    is_new = one.created > before.at.timestamp() - SAME_S
    return all_s if is_new else max(0.0, all_s - before.floor_s - debt_s)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is not the number of a process")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise TypeError(f"{value!r} is not a number of seconds")
    return float(value)
