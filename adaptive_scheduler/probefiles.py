"""The files in the state folder by which a cycle and its prober meet: the order, and the answers. Stdlib only.

The order is the prober's own copy of what to ask, the answers are what the next cycle takes in; both may be
missing or damaged at any time, and then there is nothing to ask, or to take in.
"""

import json
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import files
from adaptive_scheduler.events import Answer, Probe
from adaptive_scheduler.strict import number
from adaptive_scheduler.times import from_iso, iso

ORDER = "probes.order.json"
ANSWERS = "probes.json"
LOCK = "probes.lock"
"""Held by the prober while it lives."""

VERSION = 1
MOST_BYTES = 1_000_000
"""More than this nobody of ours has written."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a prober is to ask, for how long it may live, and the folder in which commands start."""

    probes: tuple[Probe, ...]
    budget: timedelta
    cwd: str


def write_order(folder: Path, order: Order) -> None:
    """Leave an order for the prober, for its owner's eyes only; raises OSError."""
    probes = [
        {"name": one.name, "way": one.way, "target": list(one.target), "timeout_s": one.timeout.total_seconds()}
        for one in order.probes
    ]
    plain = {"version": VERSION, "budget_s": order.budget.total_seconds(), "cwd": order.cwd, "probes": probes}
    files.replace_file(folder / ORDER, json.dumps(plain).encode(), durable=False)


def read_order(folder: Path) -> Order:
    """Return the order; OSError, ValueError, KeyError or TypeError when there is none."""
    plain = _read(folder / ORDER)
    probes = tuple(
        Probe(
            name=one["name"], way=one["way"], target=tuple(one["target"]), timeout=timedelta(seconds=one["timeout_s"])
        )
        for one in plain["probes"]
    )
    return Order(probes, timedelta(seconds=plain["budget_s"]), plain["cwd"])


def write_answers(folder: Path, answers: Mapping[str, Answer]) -> None:
    """Replace the answers, by the name of the probe, in one piece; raises OSError."""
    plain = {name: {"at": iso(one.at), "ms": one.ms, "problem": one.problem} for name, one in answers.items()}
    content = json.dumps({"version": VERSION, "answers": plain}).encode()
    files.replace_file(folder / ANSWERS, content, durable=False)


def read_answers(folder: Path) -> dict[str, Answer]:
    """Return the latest answers, none where there is nothing that can be understood."""
    try:
        plain = _read(folder / ANSWERS)["answers"]
        entries: Iterable[tuple[str, Any]] = plain.items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    found = {}
    for name, one in entries:
        try:
            found[name] = Answer(from_iso(one["at"]), _milliseconds(one["ms"]), str(one["problem"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _read(path: Path) -> dict[str, Any]:
    there = path.stat()
    # A pipe in its place would keep us waiting.
    if not stat.S_ISREG(there.st_mode) or there.st_size > MOST_BYTES:
        raise ValueError(f"'{path}' is no file of ours")
    plain: dict[str, Any] = files.read_json(path)
    if plain["version"] != VERSION:
        raise ValueError(f"'{path}' has version {plain['version']}")
    return plain


def _milliseconds(value: object) -> float | None:
    if value is None:
        return None
    milliseconds = number(value)
    if milliseconds < 0:
        raise TypeError(f"{value!r} is no time")
    return milliseconds
