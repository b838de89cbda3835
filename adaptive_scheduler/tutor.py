"""Learning as time goes by, over a recorded load: every week anew, from the past alone; numpy.

What `simulate --policy learned` follows: the same tables and the same back-test as `learn`, walked forward.
Where the back-test speaks against the table, or too little is known, there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.backtest import Verdict, walk_forward
from adaptive_scheduler.learn import Past, Subject, fit, signals, subject
from adaptive_scheduler.lessons import LEAST_DAYS, too_little
from adaptive_scheduler.model import Task
from adaptive_scheduler.rolling import FILLED, Rolling, step_of
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.staircases import Learned, Table

REFIT = timedelta(days=7)


def past_of(rolling: Rolling) -> Past:
    """Return the kept load as arrays."""
    known = np.array([not cell & FILLED for cell in rolling.cells])
    return Past(np.array(rolling.values()), known, rolling.grid, rolling.first % rolling.grid.day)


def _enough(past: Past, until: int) -> bool:
    """Whether enough is known before a step to learn anything then."""
    known = past.known[:until]
    return not too_little(known[-past.grid.kept :].sum() / past.grid.day, until / past.grid.day)


@dataclass
class Pupil:
    """One task in a walk: what is learned of it so far."""

    subject: Subject
    tables: dict[int, Table] = field(default_factory=dict)
    table: Table | None = None
    signal: NDArray[np.float64] | None = None
    slots: NDArray[np.intp] | None = None
    verdict: Verdict | None = None


class Tutor:
    """Walks over a past and says at each moment what a `learn` every `refit` would have taught."""

    def __init__(
        self, rolling: Rolling, tasks: Sequence[Task], rhythm: Rhythm, run_s: Callable[[Task], float], refit: timedelta
    ) -> None:
        self._past, self._first, self._grid = past_of(rolling), rolling.first, rolling.grid
        self._rhythm, self._refit = rhythm, int(refit / timedelta(minutes=rolling.grid.minutes))
        self._next = LEAST_DAYS * self._grid.day
        self.pupils: dict[str, Pupil] = {}
        for task in tasks:
            found = subject(task, rhythm, self._grid, run_s(task))
            if isinstance(found, Subject):
                self.pupils[task.name] = Pupil(found)

    def learned(self, now: datetime) -> Mapping[str, Learned]:
        """Return the learned staircases at a moment of the walk, which only goes forward."""
        step = step_of(now, self._grid) - self._first
        if not 0 <= step <= len(self._past.values):
            return {}
        if step >= self._next and _enough(self._past, step):
            for pupil in self.pupils.values():
                self._teach(pupil, step)
            self._next = step + self._refit
        level = float(self._past.bank.level[step])
        return {
            name: Learned(one.table, int(one.slots[step]), level, level + float(one.signal[step]))
            for name, one in self.pupils.items()
            if one.table is not None and one.slots is not None and one.signal is not None
        }

    def _teach(self, pupil: Pupil, step: int) -> None:
        def at(moment: int) -> Table:
            if moment not in pupil.tables:
                pupil.tables[moment] = fit(self._past, pupil.subject, moment)
            return pupil.tables[moment]

        pupil.verdict = walk_forward(self._past, pupil.subject, self._rhythm, step, at)
        pupil.table = None
        if pupil.verdict is not None and pupil.verdict.holds:
            pupil.table = at(step)
            pupil.signal, pupil.slots = signals(self._past, pupil.table), self._past.slots(pupil.table.stride)
