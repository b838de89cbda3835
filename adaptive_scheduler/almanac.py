"""rhythm.json and the rolling load beside it: read, kept up to date, and believed only where they fit.

Neither is needed: lost, damaged or foreign, the classic rule holds. `learn` writes both, a cycle only the
rolling load.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import files, lessons, rolling
from adaptive_scheduler.beats import Beat
from adaptive_scheduler.lessons import Knowledge, Learning
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.rolling import Rolling
from adaptive_scheduler.settings import Config

NAME = "rhythm.json"
LOAD_NAME = "rhythm_load.json"
LOAD_VERSION = 1

PRETENDED = "fake"
"""The source of a sample that ADAPTIVE_FAKE_SAMPLE made up."""

DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Almanac:
    """The two files of one state folder."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where rhythm.json is."""
        return self.folder / NAME

    def knowledge(self) -> Knowledge:
        """Return what was learned; a file that cannot be used says so in `problem`."""
        try:
            return lessons.decode(json.loads(files.read_bytes(self.path)))
        except FileNotFoundError:
            return Knowledge()
        except OSError as error:
            return Knowledge(problem=f"rhythm.json cannot be read ({error.strerror})")
        except DAMAGE as error:
            return Knowledge(
                problem=f"rhythm.json is damaged ({type(error).__name__}: {error}); 'adaptive-scheduler learn' "
                "writes a new one"
            )

    def load(self) -> Rolling | None:
        """Return the rolling load, None where there is none that can be read."""
        try:
            plain = json.loads(files.read_bytes(self.folder / LOAD_NAME))
            return rolling.decode(plain) if plain["version"] == LOAD_VERSION else None
        except (OSError, *DAMAGE):
            return None

    def keep(self, load: Rolling) -> None:
        """Write the rolling load; OSError when that cannot be."""
        content = json.dumps({"version": LOAD_VERSION, **rolling.encode(load)})
        files.replace_file(self.folder / LOAD_NAME, content.encode(), durable=False)

    def write(self, learned: dict[str, Any], load: Rolling) -> None:
        """Replace both files; OSError when that cannot be."""
        files.private_folder(self.folder)
        self.keep(load)
        content = json.dumps({"version": lessons.VERSION, **learned}, separators=(",", ":"))
        files.replace_file(self.path, content.encode())

    def learning(
        self, config: Config, sample: Sample, now: datetime, cpus: float | None, past: Iterable[Beat] = ()
    ) -> Learning:
        """Return what holds at this moment, after the short cycles `past`; nothing is written."""
        rules = config.rules
        if rules.rhythm.learned == lessons.OFF:
            return Learning(rules, Knowledge(), {})
        knowledge, load = self.knowledge(), None
        pretended = sample.source == PRETENDED
        if knowledge.made_at is not None:
            load = self.load()
            cpu = sample.cpu if sample.foreign_cpu is None else sample.foreign_cpu
            if load is not None and cpu is not None and load.grid == rolling.grid_for(rules.tick):
                for one in past:
                    load = rolling.added(load, one.at, rules.tick, one.sample.cpu or 0.0)
                load = rolling.added(load, now, rules.tick, cpu)
        learned, why = lessons.standing(config.tasks, knowledge, load, now, rules, cpus)
        pairs = rules.heavy_pairs
        # Where any lesson holds, nothing was in the way of all.
        if learned or not lessons.general_problem(knowledge, load, now, rules.tick, cpus, rules.rhythm):
            pairs |= knowledge.heavy_pairs
        # A pretended load is good for one decision, and nothing to be learned from.
        kept = None if pretended else load
        return Learning(replace(rules, learned=learned, heavy_pairs=pairs), knowledge, why, kept)
