"""The text of tasks.toml -> plain values, or every fault in it at once, each with its line.

The plain values hold only what the file says, in JSON's types: durations in seconds, sizes in bytes,
windows in minutes after midnight. Defaults are those of settings.py and model.py.
"""

import re
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from adaptive_scheduler import tables
from adaptive_scheduler.crosschecks import Fault, crosschecks
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.kinds import EXAMPLE_PROM, spoken
from adaptive_scheduler.toml_lines import line_of, lines
from adaptive_scheduler.toml_text import TomlTextError, decode, parse

Plain = dict[str, Any]
Path = tuple[str | int, ...]

_ALIASES = {
    "task": {
        **dict.fromkeys(("every", "frequency", "period", "schedule"), "interval"),
        **dict.fromkeys(("cmd", "command", "path", "program", "run"), "script"),
        **dict.fromkeys(("after", "dependencies", "deps", "needs", "requires"), "depends_on"),
        "arguments": "args",
        "directory": "cwd",
        "disabled": "enabled",
        "environment": "env",
        "hours": "window",
        "mem": "memory",
        **dict.fromkeys(("event", "events", "trigger", "triggers", "when"), "on"),
        "nice": "background",
        "scripts": "steps",
        "workdir": "cwd",
        **dict.fromkeys(("host", "node", "labels", "on_node", "worker"), "where"),
    },
    "file": {
        "jobs": "tasks",
        "memory": "memory_gate",
        "runners": "interpreters",
        "alerts": "events",
        "prometheus": "metrics",
    },
    "event": {"condition": "when", "if": "when", "cooldown": "cool_down", "sensitivity": "level"},
    "probe": {"url": "http", "https": "http", "port": "tcp", "host": "tcp", "script": "command"},
    "where": {"label": "labels", "tags": "labels", "host": "node", "name": "node", "platform": "os"},
    "cluster": {"scheduler": "master", "address": "master", "url": "master", "certs": "certificates"},
    "metrics": dict.fromkeys(("file", "path", "prom"), "textfile") | dict.fromkeys(("label", "name"), "project"),
    "scheduler": {"every": "tick", "interval": "tick", "output": "state_dir", "parallel": "max_parallel"},
}
"""What users of other schedulers write -> our key; tried where nothing of ours looks alike."""

_MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "scheduler": (tables.SchedulerTable, "[scheduler]"),
    "rhythm": (tables.RhythmTable, "[rhythm]"),
    "memory_gate": (tables.MemoryGateTable, "[memory_gate]"),
    "log": (tables.LogTable, "[log]"),
    "metrics": (tables.MetricsTable, "[metrics]"),
    "history": (tables.HistoryTable, "[history]"),
    "notify": (tables.NotifyTable, "[notify]"),
    "cluster": (tables.ClusterTable, "[cluster]"),
}


def validate(data: bytes, shown: str) -> Plain:
    """Return the plain values of a tasks.toml; `shown` is its name in messages.

    Raises ConfigError with every fault as `shown:LINE: key.path: sentence`, in the order of lines.
    """
    try:
        text = decode(data)
        raw = parse(text)
    except TomlTextError as fault:
        raise ConfigError([_line(shown, fault.line, fault.where, fault.sentence)]) from fault
    faults = list(crosschecks(raw))
    try:
        checked = tables.File.model_validate(raw)
    except ValidationError as error:
        faults = _faults(error, faults)
    else:
        if not faults:
            return checked.model_dump(exclude_unset=True)
    known = lines(text)
    placed = sorted({(line_of(known, path), _dotted(path), sentence) for path, sentence in faults})
    raise ConfigError([_line(shown, *fault) for fault in placed])


def _line(shown: str, line: int, path: str, sentence: str) -> str:
    """Return a fault as one printable line, whatever characters the culprit holds."""
    text = f"{shown}:{line}: {path}: {sentence}"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _faults(error: ValidationError, faults: list[Fault]) -> list[Fault]:
    """Add pydantic's errors as sentences; a key missing only because it is misspelt is not told twice."""
    meant: set[Path] = set()
    for one in error.errors(include_url=False):
        path: Path = tuple(part for part in one["loc"] if part != "[key]")
        if one["type"] == "extra_forbidden":
            sentence, target = _unknown(path)
            meant.add((*path[:-1], _TOLD_AT.get(target, target)))
        elif one["type"] == "missing":
            sentence = f'{_MISSING}; add {path[-1]} = "{_EXAMPLES[path[-1]]}"'
        else:
            sentence = _sentence(one["type"], one.get("ctx", {}), one["input"])
        faults.append((path, sentence))
    return [fault for fault in faults if not (fault[0] in meant and fault[1].startswith(_MISSING))]


def _sentence(kind: str, limits: dict[str, Any], value: Any) -> str:
    """Return what is wrong with one value, in words."""
    said = spoken(value)
    if kind == "value_error":
        return str(limits["error"])
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", limits["expected"])
        close = get_close_matches(str(value).lower(), choices, n=1)
        return f"{said.removeprefix('the text ')} is not one of {', '.join(choices)}" + (
            f"; did you mean '{close[0]}'?" if close else ""
        )
    if kind in _KINDS:
        quoted = isinstance(value, str) and kind in ("int_type", "float_type", "bool_type")
        return f"{said} is not {_KINDS[kind]}" + ("; leave the quotes out" if quoted and _bare(value) else "")
    bound = next(iter(limits.values()), "")
    bound = f"{bound:g}" if isinstance(bound, float) else bound
    return _BOUNDS[kind].format(bound=bound, said=said) if kind in _BOUNDS else f"{said} is not possible here"


_MISSING = "is missing"
_EXAMPLES: dict[str | int, str] = {"script": "backup.py", "textfile": EXAMPLE_PROM}
"""For the keys that a step and [metrics] must have."""
_TOLD_AT = {"steps": "script", "on": "interval", "http": "tcp", "command": "tcp"}
"""Where it is told that one of several keys is missing."""
_KINDS = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "list_type": 'a list; write it in brackets, such as ["a", "b"]',
    "dict_type": "a table",
    "model_type": "a table",
}
_BOUNDS = {
    "greater_than_equal": "must be at least {bound}, not {said}",
    "less_than_equal": "must be at most {bound}, not {said}",
    "greater_than": "must be above {bound}, not {said}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def _bare(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?|true|false", text.strip(), re.IGNORECASE) is not None


def _unknown(path: Path) -> tuple[str, str]:
    """Return the sentence for an unknown key, and the key that is probably meant."""
    key = str(path[-1])
    model, aliases, place = _table_at(path[:-1])
    own = list(model.model_fields)
    close = get_close_matches(key.lower(), [*own, *aliases], n=1)
    if close:
        meant = aliases.get(close[0], close[0])
        return f"unknown key '{key}'; did you mean '{meant}'?", meant
    homes = [home for name, (other, home) in _MODELS.items() if name != "cluster" and key in other.model_fields]
    if homes:
        return f"unknown key '{key}'; it belongs under {homes[0]}", ""
    valid = sorted(own)
    return f"unknown key '{key}'; {place} knows: {', '.join(valid)}", ""


def _table_at(path: Path) -> tuple[type[BaseModel], dict[str, str], str]:
    """Return the model of the table at a path, other words for its keys, and its name in a sentence."""
    if not path:
        return tables.File, _ALIASES["file"], "the file"
    if path[0] == "tasks":
        if len(path) == 2:
            return tables.TaskTable, _ALIASES["task"], "a task"
        is_where = path[2] == "where"
        return (tables.WhereTable, _ALIASES["where"], "where") if is_where else (tables.StepTable, {}, "a step")
    if path[0] == "events":
        return tables.EventTable, _ALIASES["event"], "an event"
    if path[0] == "probes":
        return tables.ProbeTable, _ALIASES["probe"], "a probe"
    model, place = _MODELS[str(path[0])]
    return model, _ALIASES.get(str(path[0]), {}), place


def _dotted(path: Path) -> str:
    """Return a path as people read it: `tasks.backup.steps[0].script`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[\w-]+", part) is not None
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text
