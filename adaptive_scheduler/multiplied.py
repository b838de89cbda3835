"""The tasks of a story about many machines: any node will do, and there may be many times as many. Pure."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from adaptive_scheduler.fleet import Where
from adaptive_scheduler.model import State, Task, TaskState

ANY = Where()


def anywhere(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks, each to run on any node: nothing is known of what the nodes to come will have."""
    return {name: replace(task, where=ANY) for name, task in tasks.items()}


def repeated(tasks: Mapping[str, Task], count: int) -> dict[str, Task]:
    """Return the tasks over and over, till there are so many: 'backup-001', 'backup-002'.

    A copy depends on what was copied with it; in the last round, which may break off, what is not there is left out.
    """
    originals, found = list(tasks.values()), dict[str, Task]()
    digits = max(3, len(str(-(-count // len(originals)))))
    for number in range(count):
        task, suffix = originals[number % len(originals)], f"-{number // len(originals) + 1:0{digits}}"
        found[task.name + suffix] = replace(
            task, name=task.name + suffix, depends_on=tuple(name + suffix for name in task.depends_on)
        )
    return {
        name: replace(task, depends_on=tuple(needed for needed in task.depends_on if needed in found))
        for name, task in found.items()
    }


def spread(tasks: Mapping[str, Task], at: datetime, seed: int) -> State:
    """Return the state in which each task had its last beat at some moment within one interval before, by dice."""
    dice = random.Random(seed)  # noqa: S311 - a simulation wants repeatable numbers, not secret ones
    return State(
        tasks={
            name: TaskState(first_seen=at, anchor=at - dice.random() * task.interval if task.beats else None)
            for name, task in tasks.items()
        }
    )
