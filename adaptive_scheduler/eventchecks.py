"""What [events], [probes] and the tasks that wait for events say about each other.

As in crosschecks.py, values come as TOML gave them, and a fault is the path of a key and a sentence.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from adaptive_scheduler import conditions, names
from adaptive_scheduler.clauses import PROBES
from adaptive_scheduler.events import BUILT_IN, Level

Fault = tuple[tuple[str | int, ...], str]
Raw = Mapping[str, Any]

WAYS = ("tcp", "http", "command")
"""How a probe asks."""

_EXAMPLE = 'when = "memory_usage > 85 for 3 cycles"'


def eventchecks(events: Raw, probes: Raw, tasks: Mapping[str, Raw]) -> Iterator[Fault]:
    """Yield every fault in what is watched, and in who waits for it."""
    for kind, table, taken in (("event", events, BUILT_IN), ("probe", probes, ())):
        for name, sentence in names.faults(table, f"a{'n' * (kind == 'event')} {kind}", taken):
            yield (f"{kind}s", name), sentence
    for name, event in events.items():
        for key, sentence in _event(name, event, probes) if isinstance(event, dict) else ():
            yield ("events", name, key), sentence
    for name, probe in probes.items():
        if isinstance(probe, dict) and (fault := _probe(probe)):
            yield ("probes", name, *fault[0]), fault[1]
    known = [*BUILT_IN, *(name for name in events if name not in BUILT_IN)]
    for name, task in tasks.items():
        for place, sentence in _waits_for(task.get("on"), known):
            yield ("tasks", name, "on", place), sentence


def _event(name: str, event: Raw, probes: Raw) -> Iterator[tuple[str, str]]:
    when = event.get("when")
    if name in BUILT_IN:
        if when is not None:
            yield "when", f"'{name}' is built in and has its own rule; leave it out, or give your event another name"
        return
    if when is None:
        close = get_close_matches(name.casefold(), BUILT_IN, n=1)
        meant = f"did you mean the built-in '{close[0]}'? An event of your own needs it, such as" if close else "add"
        yield "when", f"is missing; {meant} {_EXAMPLE}"
    if event.get("level") in (Level.KEEN, Level.CALM):
        yield (
            "level",
            f"'{event['level']}' is for built-in events; yours fires as its `when` says: leave it out, or off",
        )
    if isinstance(when, str):
        try:
            fields = conditions.parse(when).fields
        except ValueError as error:
            yield "when", str(error)
            return
        for probe in (one.removeprefix(PROBES) for one in fields if one.startswith(PROBES)):
            if probe not in probes:
                way = names.instead(probe, probes, "probes") if probes else f"add a table [probes.{probe}]"
                yield "when", f"unknown probe '{probe}'; {way}"


def _probe(probe: Raw) -> tuple[tuple[str, ...], str] | None:
    ways = [way for way in WAYS if way in probe]
    if not ways:
        return (WAYS[0],), 'is missing; add tcp = "host:port", http = "https://..." or command = ["..."]'
    if len(ways) > 1:
        return (ways[1],), f"'{ways[0]}' and '{ways[1]}' exclude each other; keep one"
    return None


def _waits_for(listed: object, known: list[str]) -> Iterator[tuple[int, str]]:
    given = listed if isinstance(listed, list) else []
    for place, name in enumerate(given):
        if not isinstance(name, str):
            continue
        if name in given[:place]:
            yield place, f"'{name}' is named twice"
        elif name not in known:
            yield place, f"unknown event '{name}'; {names.instead(name, known, 'events')}"
