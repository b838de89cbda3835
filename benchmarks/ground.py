"""A folder to measure in: a tasks.toml of many tasks, and a state that says when each ran the last time."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adaptive_scheduler.model import TaskState
from adaptive_scheduler.store import Store

BEGIN = datetime(2025, 11, 2, 0, 30, tzinfo=UTC)
TICK = timedelta(minutes=5)

FOOTPRINT = " ".join(f"{60 + number},{2.5 + number / 10},{52.4 + number / 10}" for number in range(20))
"""What is remembered of a task that has run often."""


class Ground:
    """A tasks.toml in a folder, its environment, and the pretended time of its next tick."""

    def __init__(self, folder: Path, config: str) -> None:
        """Write the configuration; the environment is this one without our variables."""
        self.folder, self.now = folder, BEGIN
        (folder / "tasks.toml").write_text(config, encoding="utf-8")
        (folder / "nothing.py").write_text("", encoding="utf-8")
        self._environ = {key: value for key, value in os.environ.items() if not key.startswith("ADAPTIVE_")}

    def argv(self, *words: str) -> list[str]:
        """Return the command line of a verb here."""
        return [sys.executable, "-m", "adaptive_scheduler", "--config", str(self.folder / "tasks.toml"), *words]

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment at the present pretended time."""
        return {**self._environ, "ADAPTIVE_FAKE_NOW": self.now.isoformat(), **more}

    def all_ran_just_now(self, names: list[str]) -> None:
        """Write a state in which every task had its last of many beats at the present time."""
        with Store(self.folder / "outputs").transaction(self.now) as transaction:
            tasks = {name: TaskState(first_seen=self.now, anchor=self.now, footprint=FOOTPRINT) for name in names}
            transaction.state = type(transaction.state)(tasks=tasks)


def names(count: int) -> list[str]:
    """Return that many task names."""
    return [f"task_{number:04}" for number in range(count)]


def tables(count: int, interval: str) -> str:
    """Return that many tables of tasks.toml, with priorities and dependencies mixed in."""
    priorities = ("critical", "high", "medium", "low")
    return "".join(
        f'[tasks.{name}]\npriority = "{priorities[number % 4]}"\ninterval = "{interval}"\nscript = "nothing.py"\n'
        + (f'depends_on = ["{names(number)[-1]}"]\n' if number % 5 == 4 else "")
        for number, name in enumerate(names(count))
    )
