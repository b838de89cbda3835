"""scheduler_metrics.json: the last 24 samples, for people and small tools."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adaptive_scheduler import beatfile, files
from adaptive_scheduler.beats import decoded
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.times import from_iso, iso

NAME = "scheduler_metrics.json"
KEPT = 24


def write(folder: Path, samples: Iterable[Sample]) -> None:
    """Append samples and drop the oldest beyond 24; a damaged file is begun anew. Raises OSError."""
    entries = [*_entries(folder), *map(_entry, samples)][-KEPT:]
    content = "[\n" + ",\n".join(json.dumps(one) for one in entries) + "\n]\n"
    files.replace_file(folder / NAME, content.encode(), durable=False)


def _entry(sample: Sample) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "cpu_load": sample.cpu,
        "memory_usage": sample.memory,
        "timestamp": iso(sample.at),
        "foreign_cpu": sample.foreign_cpu,
        "source": sample.source,
    }
    return entry | {f"pressure_{kind}": value for kind, value in sample.pressure.items()}


def read(folder: Path) -> list[Sample]:
    """Return the last samples, the oldest first, those of short cycles too; entries that make no sense are left out."""
    found = []
    for entry in _entries(folder):
        try:
            at = from_iso(entry["timestamp"])
            cpu, memory, foreign = (_percent(entry.get(key)) for key in ("cpu_load", "memory_usage", "foreign_cpu"))
        except (KeyError, TypeError, ValueError):
            continue
        found.append(Sample(at, cpu, memory, foreign, {}, str(entry.get("source", ""))))
    last = found[-1].at if found else None
    found += [one.sample for one in decoded(beatfile.lines(folder)) if last is None or one.at > last]
    return found[-KEPT:]


def _percent(value: object) -> float | None:
    """Return a number from 0 to 100 or None; ValueError for anything else, NaN included."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError(f"'{value}' is no percentage")
    return float(value)


def _entries(folder: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(files.read_bytes(folder / NAME))
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
