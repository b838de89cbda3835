"""The tables [events] and [probes], checked -> what is watched for, and what is asked each cycle."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from adaptive_scheduler.events import BUILT_IN, Level, Probe, Watch

Plain = Mapping[str, Any]


def watches(plain: Plain) -> dict[str, Watch]:
    """Return every event that may fire: the built-in ones first, then the user's in the order of the file."""
    own = [name for name in plain if name not in BUILT_IN]
    return {name: _watch(name, plain.get(name, {})) for name in (*BUILT_IN, *own)}


def probes(plain: Plain) -> dict[str, Probe]:
    """Return the probes in the order of the file."""
    return {name: _probe(name, table) for name, table in plain.items()}


def _watch(name: str, table: Plain) -> Watch:
    values = dict(table)
    if "level" in values:
        values["level"] = Level(values["level"])
    if "cool_down" in values:
        values["cool_down"] = timedelta(seconds=values["cool_down"])
    return Watch(name=name, **values)


def _probe(name: str, table: Plain) -> Probe:
    (way,) = set(table) - {"timeout"}
    target = table[way] if isinstance(table[way], list) else [table[way]]
    given = {"timeout": timedelta(seconds=table["timeout"])} if "timeout" in table else {}
    return Probe(name=name, way=way, target=tuple(target), **given)
