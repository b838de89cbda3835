"""What of a soak must not grow, and by how much it may."""

from collections.abc import Sequence
from statistics import fmean

MOST_GROWTH = {
    "files": 0.05,
    "other bytes": 0.10,
    "history bytes": 0.05,
    "log bytes": 0.10,
    "run folders": 0.05,
    "aside": 0.05,
    "temporary": 0.0,
    "resident KB": 0.02,
    "descriptors": 0.0,
    "threads": 0.0,
    "cycle s": 0.25,
}
"""How much of its mean each may grow over the second half."""

NOT_IN_AN_HOUR = ("history bytes", "log bytes")
"""What the settings allow to grow for longer than a life in real time lasts."""


def table(rows: Sequence[dict[str, float]], *, real: bool) -> bool:
    """Print what each measure came to, and return whether none grows."""
    fine = True
    print(f"{'':16}{'first':>12}{'middle':>12}{'last':>12}{'growth':>9}{'at most':>9}")
    for name, most in MOST_GROWTH.items():
        values = [row[name] for row in rows if name in row]
        if len(values) < 4 or (real and name in NOT_IN_AN_HOUR):
            continue
        grown = growth(values)
        fine = fine and grown <= most
        three = "".join(f"{values[place]:12.6g}" for place in (0, len(values) // 2, -1))
        print(f"{name:16}{three}{grown:9.1%}{most:9.0%}  {'ok' if grown <= most else 'GROWS'}")
    return fine


def growth(values: list[float]) -> float:
    """Return by how much of its mean the second half of a series grows: its fitted slope over its length."""
    half = values[len(values) // 2 :]
    mean, middle = fmean(half), (len(half) - 1) / 2
    spread = sum((place - middle) ** 2 for place in range(len(half)))
    if not spread or not mean:
        return 0.0
    slope = sum((place - middle) * (value - mean) for place, value in enumerate(half)) / spread
    return slope * (len(half) - 1) / mean
