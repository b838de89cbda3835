"""What `help` knows beside the verbs: the groups of its list, and the pages made of tables in the program."""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from adaptive_scheduler.manpage import Section, definition, parse

Sections = list[Section]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "EVERY DAY": ("status", "why", "history", "logs", "run", "stop", "pause", "resume"),
    "SETTING UP": ("init", "check", "schema", "install", "uninstall", "help"),
    "TASKS BY COMMAND": (
        *("task", "task add", "task set", "task enable", "task disable", "task remove", "task list"),
        *("import", "import crontab", "import task-scheduler"),
    ),
    "LOOKING BACK AND AHEAD": ("trends", "forecast", "learn", "events", "notify", "report", "simulate"),
    "MANY MACHINES": ("cluster", "cluster scheduler", "cluster node", "cluster status", "cluster certs"),
}
"""The verbs as the list shows them; one that is in no group stands under OTHERS."""

TOPICS: Mapping[str, str] = {
    "reasons": "What each reason of 'run', 'status' and 'why' means",
    "times": "How times, durations, sizes and conditions are written",
    "tasks.toml": "Every key of tasks.toml, with what it means and its default",
    "files": "What is written where, and the variables of the environment",
    "completion": "How to have the shell complete commands, tasks and times",
}
"""Pages about no verb."""


def written(topic: str) -> Sections:
    """Return what the folder `manual` says about a topic, empty where it has no page."""
    file = resources.files("adaptive_scheduler") / "manual" / f"{topic.replace(' ', '-')}.txt"
    return parse(file.read_text(encoding="utf-8")) if file.is_file() else []


def about(topic: str) -> Sections:
    """Return the page of one of TOPICS."""
    made = {"reasons": _reasons, "tasks.toml": _keys}.get(topic)
    name = Section("NAME", (f"{topic} - {TOPICS[topic]}",))
    text = written(topic)
    return [name, *text[:1], *(made() if made else ()), *text[1:]]


def _reasons() -> Iterator[Section]:
    from adaptive_scheduler.codes import MEANINGS, Code

    groups = {
        "REASONS TO START": [one for one in Code if one.starts],
        "REASONS NOT TO START": [one for one in Code if not one.starts],
    }
    for title, codes in groups.items():
        yield Section(title, tuple(definition(one, MEANINGS[one].replace("`", "'")) for one in codes))


def _keys() -> Iterator[Section]:
    from adaptive_scheduler.schema import schema

    for name, table in schema()["properties"].items():
        named: Mapping[str, Any] = table.get("additionalProperties") or next(
            iter(table.get("patternProperties", {}).values()), {}
        )
        if "properties" in named:
            yield _table(f"[{name}.NAME]", named)
        elif "properties" in table:
            yield _table(f"[{name}]", table)
        else:
            yield Section(f"[{name}]", (f"{table['description']}", "", *_examples(table)))


def _table(title: str, table: Mapping[str, Any]) -> Section:
    """Return the keys of a table; those of tables in it follow under the name of theirs."""
    lines = []
    for name, key in table["properties"].items():
        default = f" Default: {json.dumps(key['default'])}." if "default" in key else ""
        lines.append(definition(name, f"{key['description'].replace('`', chr(39))}{default}"))
        inner = key.get("properties") or key.get("items", {}).get("properties") or {}
        lines.extend(
            definition(f"{name}.{below}", one["description"].replace("`", "'")) for below, one in inner.items()
        )
    return Section(title, tuple(lines))


def _examples(table: Mapping[str, Any]) -> Iterator[str]:
    for example in table.get("examples", []):
        for key, value in example.items():
            yield f"    {json.dumps(key)} = {json.dumps(value)}"
