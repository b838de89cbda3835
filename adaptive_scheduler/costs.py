"""Finished runs -> what each task uses, and how its durations change. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import sqrt
from statistics import median

from adaptive_scheduler.model import Result

MIN_RUNS = 10
"""With fewer runs nothing is said about a change."""

CHANGE = 1.2
CHANGE_S = 1.0
"""A change below a fifth, or below a second, is nobody's business, however certain it is."""

CERTAIN_Z = 2.58
"""Of a hundred tasks whose durations only scatter, one is said to change."""

GROUPS = 200
"""More runs than this are made into so many medians first: every pair of them is looked at."""

THINGS = ("cpu_s", "duration_s", "peak_memory_bytes", "output_bytes")
"""What a run uses, in the order of the fields of Cost."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a task used of one thing: in all, in how many runs it is known, the most in one run, its share of all."""

    total: float
    known: int
    most: float | None
    share: float | None

    @property
    def per_run(self) -> float | None:
        """The mean of the runs in which it is known."""
        return self.total / self.known if self.known else None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a task used: CPU and wall seconds, bytes of memory at the peak, bytes of output."""

    runs: int
    failed: int
    cpu_s: Use
    wall_s: Use
    memory_bytes: Use
    output_bytes: Use


class Change(StrEnum):
    """How the durations of a task change."""

    GREW = "grew"
    SHRANK = "shrank"
    STEADY = "steady"
    TOO_FEW = "too few runs"


@dataclass(frozen=True, slots=True)
class Drift:
    """How durations changed: the medians of the first and the last third of the runs, and over how many days."""

    change: Change
    runs: int
    days: float
    first_s: float | None = None
    last_s: float | None = None


def costs(runs: Sequence[tuple[str, Result]]) -> dict[str, Cost]:
    """Return what each task used, the heaviest in CPU time first, then in wall time."""
    by_task = dict[str, list[Result]]()
    for name, result in runs:
        by_task.setdefault(name, []).append(result)
    totals = [sum(_known([result for _, result in runs], what)) for what in THINGS]
    found = {
        name: Cost(
            len(mine),
            sum(not one.status.succeeded for one in mine),
            *(_use(_known(mine, what), total) for what, total in zip(THINGS, totals, strict=True)),
        )
        for name, mine in by_task.items()
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1].cpu_s.total, -item[1].wall_s.total, item[0])))


def _known(runs: Iterable[Result], what: str) -> list[float]:
    return [value for one in runs if (value := getattr(one, what)) is not None]


def _use(known: Sequence[float], total: float) -> Use:
    return Use(float(sum(known)), len(known), max(known, default=None), sum(known) / total if total else None)


def usable(runs: Sequence[Result]) -> list[Result]:
    """Return the runs whose durations tell something: those that were done with their work."""
    return [one for one in runs if one.status.succeeded]


def drift(runs: Sequence[Result]) -> Drift:
    """Return how the durations of one task's runs changed; the runs come in the order of time.

    Whether they changed is Mann's test against trend (H. B. Mann, Econometrica 13 (1945) 245-259; M. G. Kendall,
    Rank Correlation Methods, 1975): it looks at ranks alone, so no outlier and no shape of the distribution matters.
    """
    done = usable(runs)
    days = (done[-1].started_at - done[0].started_at).total_seconds() / 86_400 if done else 0.0
    if len(done) < MIN_RUNS:
        return Drift(Change.TOO_FEW, len(done), days)
    durations = [one.duration_s for one in done]
    third = len(durations) // 3
    first_s, last_s = median(durations[:third]), median(durations[-third:])
    z = mann(_grouped(durations))
    change = Change.STEADY
    if abs(last_s - first_s) >= CHANGE_S:
        if z >= CERTAIN_Z and last_s >= CHANGE * first_s:
            change = Change.GREW
        if z <= -CERTAIN_Z and first_s >= CHANGE * last_s:
            change = Change.SHRANK
    return Drift(change, len(done), days, first_s, last_s)


def mann(values: Sequence[float]) -> float:
    """Return how many standard deviations the order of the values is away from chance: positive where they rise.

    Ties count as neither, while the deviation is the one without ties: with many ties it errs on the side of chance.
    """
    count = len(values)
    score = sum(
        (later > earlier) - (later < earlier) for at, earlier in enumerate(values) for later in values[at + 1 :]
    )
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return score / deviation if deviation else 0.0


def _grouped(values: Sequence[float]) -> list[float]:
    count = min(GROUPS, len(values))
    edges = [len(values) * group // count for group in range(count + 1)]
    return [median(values[start:end]) for start, end in pairwise(edges)]
