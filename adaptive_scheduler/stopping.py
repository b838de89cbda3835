"""When to stop waiting: the chain of a day -> the ceiling for each slot, age and account; numpy.

Optimal stopping by backward induction. The state is (slot of the day, age, runs behind, bin of the
signal): a task of this age either runs now, which costs what the chain says, or waits a slot. The runs
behind are the rate account (account.py): each start adds age / interval - 1; no start goes below the credit,
and at the top there is no more waiting. So the table itself knows when it may wait for the night
and when it has to make up for what it waited.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptive_scheduler.chain import BINS, Chain

Floats = NDArray[np.float64]

LEVELS = 9
"""How many amounts of runs behind a table knows."""

PRICE = 0.5
"""Quantile of the costs that a run is worth: cheaper ones are made beyond the rate, as far as credit goes."""

SETTLING_DAYS = 10
"""How many days are walked back before the recorded one, for the account changes over days."""

TOO_LATE = 0.5
"""What a slot of waiting past the latest age costs, in spreads of the cost; only a closed window can force that."""


OVERDUE = 0.001
"""What waiting an interval beyond its own costs, in spreads of the cost: where nothing is gained, nothing waits."""


@dataclass(frozen=True)
class Limits:
    """What a task is held to, in slots of the table where not said otherwise."""

    interval: float
    first: int
    """The first age at which it may start."""
    last: int
    """The age at which it must start."""
    credit: float
    """How many runs ahead the account remembers."""
    cap: float
    """How many runs behind it allows."""


def solve(chain: Chain, worth: float, limits: Limits, opens: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the ceilings as bin numbers, (slots, ages from first to last - 1, LEVELS): run when the bin is below.

    `worth` is the price of a run in the chain's unit; `opens` says of each slot whether the task's window
    lets it start.
    """
    slots, ages = len(chain.cost), limits.last + 1
    waiting = slice(limits.first, limits.last)
    behind = np.linspace(-limits.credit, limits.cap, LEVELS)
    after = behind[None, :] + (np.arange(ages) / limits.interval - 1.0)[:, None]
    spread = float(np.quantile(chain.cost, 0.95) - np.quantile(chain.cost, 0.05)) + 1e-6
    # More runs ahead than the credit would be lost on the account: such a start waits.
    ahead = after < -limits.credit - 1e-9
    ahead[limits.last] = False
    beyond = spread * np.maximum(after - limits.cap, 0.0)[..., None]
    place = np.clip((after + limits.credit) / (limits.credit + limits.cap) * (LEVELS - 1), 0, LEVELS - 1)
    lower = np.minimum(place.astype(np.intp), LEVELS - 2)
    share = (place - lower)[..., None]

    overdue = (OVERDUE * spread / limits.interval * (np.arange(ages) + 1 > limits.interval))[:, None, None]

    value = np.zeros((ages, LEVELS, BINS))
    table = np.zeros((slots, limits.last - limits.first, LEVELS), dtype=np.uint8)
    settling = max(SETTLING_DAYS, -(-2 * limits.last // slots))
    for number in range((settling + 1) * slots):
        slot = -1 - number % slots
        later = (value.reshape(-1, BINS) @ chain.onward[slot].T).reshape(value.shape)
        fresh = later[min(1, limits.last)]
        run = fresh[lower] * (1 - share) + fresh[lower + 1] * share + (chain.cost[slot] - worth) + beyond
        wait = np.concatenate([later[1:], later[-1:] + TOO_LATE * spread]) + overdue
        value = wait.copy()
        if opens[slot]:
            run[ahead] = np.inf
            value[waiting] = np.minimum(run[waiting], wait[waiting])
            value[waiting, -1] = run[waiting, -1]
            value[-1] = run[-1]
        if number >= settling * slots and opens[slot]:
            table[slot] = _ceilings(wait[waiting] - run[waiting], chain.seen[slot])
        value -= value[0, LEVELS // 2, 0]
    table[opens, :, -1] = BINS
    # What was allowed is not taken back as a task grows older: rhythm.py applies it so, a back-test has to.
    return np.maximum.accumulate(table, axis=1)


def _ceilings(gain: Floats, seen: Floats) -> NDArray[np.intp]:
    """Return the best rule of the form 'run below this bin': the one whose bins gain most together."""
    together = np.cumsum(np.maximum(gain, -1e9) * (seen + 1e-6), axis=2)
    best: NDArray[np.intp] = np.concatenate([np.zeros((*gain.shape[:2], 1)), together], axis=2).argmax(axis=2)
    return best
