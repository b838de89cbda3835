"""What is counted over all cycles for the metrics: the ends of runs, and the cycles that held a task back. Pure.

A cycle counts what it collected. It also counts the latest run of each task that nobody has counted: the
cycle that collected it was killed before it could. Run ids keep either from counting a run twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from adaptive_scheduler.codes import HELD_BACK, Code
from adaptive_scheduler.model import Decision, Result, State, Status

Plain = dict[str, Any]

Key = TypeVar("Key", Status, Code)

VERSION = 1

IDS_KEPT = 16
"""A task starts at most once a cycle: more cycles than this never overlap."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted of one task: its runs by result, cycles that held it back by reason, the last run ids."""

    runs: Mapping[Status, int] = field(default_factory=dict)
    deferrals: Mapping[Code, int] = field(default_factory=dict)
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of all tasks; `problem` is what was wrong with the metrics the last time, empty for nothing."""

    tasks: Mapping[str, Count] = field(default_factory=dict)
    problem: str = ""


def added(
    tally: Tally,
    names: Iterable[str],
    state: State,
    runs: Sequence[tuple[str, Result]],
    decisions: Iterable[Decision],
) -> Tally:
    """Return the tally with the runs and decisions of a cycle; of tasks that are not among `names` nothing is kept.

    A task that is new here begins with this cycle: what it did before is counted as seen.
    """
    held = {one.task: one.code for one in decisions if one.code in HELD_BACK}
    by_task: dict[str, list[Result]] = {}
    for name, result in runs:
        by_task.setdefault(name, []).append(result)
    tasks = {}
    for name in names:
        ended = by_task.get(name, [])
        last = state.tasks[name].last if name in state.tasks else None
        count = tally.tasks.get(name)
        if count is None:
            count = Count(counted=() if last is None or last in ended else (last.run_id,))
        elif last is not None:
            ended = [*ended, last]
        for result in ended:
            count = _with_run(count, result)
        tasks[name] = count if name not in held else replace(count, deferrals=_one_more(count.deferrals, held[name]))
    return replace(tally, tasks=tasks)


def _with_run(count: Count, result: Result) -> Count:
    if result.run_id in count.counted:
        return count
    counted = (*count.counted, result.run_id)[-IDS_KEPT:]
    return replace(count, runs=_one_more(count.runs, result.status), counted=counted)


def _one_more(counts: Mapping[Key, int], key: Key) -> dict[Key, int]:
    return {**counts, key: counts.get(key, 0) + 1}


def encode(tally: Tally) -> Plain:
    """Return the tally as JSON values."""
    tasks = {
        name: {"runs": dict(one.runs), "deferrals": dict(one.deferrals), "counted": list(one.counted)}
        for name, one in tally.tasks.items()
    }
    return {"version": VERSION, "problem": tally.problem, "tasks": tasks}


def decode(plain: Plain) -> Tally:
    """Return the tally in JSON values; ValueError, KeyError, TypeError or AttributeError when they are damaged."""
    if plain["version"] != VERSION:
        raise ValueError(f"it has version {plain['version']!r}, this program knows {VERSION}")
    tasks = {
        str(name): Count(
            {Status(key): _whole(value) for key, value in one["runs"].items()},
            {Code(key): _whole(value) for key, value in one["deferrals"].items()},
            tuple(str(run_id) for run_id in one["counted"]),
        )
        for name, one in plain["tasks"].items()
    }
    return Tally(tasks, str(plain["problem"]))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
