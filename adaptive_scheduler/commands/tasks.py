"""`task`: tasks.toml edited by command; every other letter of it stays, and a faulty result is never written."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from adaptive_scheduler import config as configuration
from adaptive_scheduler import taskfile, toml_edit
from adaptive_scheduler.commands import output
from adaptive_scheduler.commands.common import known_tasks
from adaptive_scheduler.errors import DispatchError, UsageError
from adaptive_scheduler.model import Task
from adaptive_scheduler.settings import Config
from adaptive_scheduler.toml_write import table

_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


def add(config: str | None, name: str, values: Mapping[str, Any]) -> int:
    """Add a task at the end; a script that is not there, or a type that nothing runs, is a warning."""
    file = taskfile.read(taskfile.find(config, os.environ, Path.cwd()), make=True)
    if name in file.tasks:
        raise UsageError(f"'{name}' is in '{file.path}' already; 'task set' changes it, 'task remove' takes it out")
    kept = {key: value for key, value in values.items() if value not in (None, [])}
    found = taskfile.write(file, toml_edit.added(file.text, _lines(name, kept)))
    output.line(f"added '{name}' to '{file.path}'")
    _warn(found, name)
    return 0


def remove(config: str | None, name: str) -> int:
    """Take a task out, with the comments that belong to it; UsageError names the tasks that depend on it."""
    file, old = _open(config, name)
    needing = [task.name for task in old.tasks.values() if name in task.depends_on]
    if needing:
        names = ", ".join(f"'{one}'" for one in needing)
        raise UsageError(f"'{name}' is needed by {names}: take it out of depends_on there, or remove those first")
    taskfile.write(file, toml_edit.without(file.text, name))
    output.line(f"removed '{name}' from '{file.path}'; a run of it that is live goes on, its history stays")
    return 0


def change(config: str | None, name: str, key: str, words: Sequence[str]) -> int:
    """Set one key of a task to a value, or to a list of several; the models say whether it can be."""
    file, _ = _open(config, name)
    found = taskfile.write(file, toml_edit.with_value(file.text, name, key, _typed(key, words)))
    output.line(f"set {key} of '{name}' in '{file.path}'")
    if key in ("script", "interpreter"):
        _warn(found, name)
    return 0


def switch(config: str | None, name: str, *, enabled: bool) -> int:
    """Switch a task on or off for good; `pause` holds it for a while."""
    file, old = _open(config, name)
    word = "on" if enabled else "off"
    if old.tasks[name].enabled is enabled:
        output.line(f"'{name}' is {word} already")
        return 0
    taskfile.write(file, toml_edit.with_value(file.text, name, "enabled", enabled))
    output.line(f"switched '{name}' {word} in '{file.path}'")
    return 0


def show(config: str | None, *, as_json: bool) -> int:
    """List the tasks as tasks.toml has them; nothing else is read."""
    path = configuration.find(config, os.environ, Path.cwd())
    found = configuration.load(path, platform=configuration.current_platform())
    rows = [_row(task) for task in found.tasks.values()]
    if as_json:
        for row in rows:
            output.as_json(row)
        return 0
    from adaptive_scheduler.render.tasks import tasks

    tasks(rows)
    return 0


def _row(task: Task) -> dict[str, Any]:
    """Return what the list says of a task; the keys are a contract, more may come, none may go."""
    return {
        "name": task.name,
        "priority": task.priority.value,
        "interval_s": task.interval.total_seconds() if task.beats else None,
        "on": list(task.on),
        "window": [
            f"{one.start // 60:02}:{one.start % 60:02}-{one.end // 60:02}:{one.end % 60:02}" for one in task.windows
        ],
        "scripts": [step.script for step in task.steps],
        "enabled": task.enabled,
        "description": task.description,
    }


def _open(config: str | None, name: str) -> tuple[taskfile.TaskFile, Config]:
    """Return the tasks.toml in force and what it says; UsageError when it has no such task."""
    path = configuration.find(config, os.environ, Path.cwd())
    file = taskfile.read(path)
    found = configuration.read(file.text, path, platform=configuration.current_platform())
    known_tasks(found, [name])
    return file, found


def _lines(name: str, values: Mapping[str, Any]) -> list[str]:
    try:
        return table(("tasks", name), values)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _typed(key: str, words: Sequence[str]) -> Any:
    """Return words of a command line as the type that a key of a task has."""
    from adaptive_scheduler.tables import TaskTable

    field = TaskTable.model_fields.get(key)
    kind = field.annotation if field is not None else None
    if get_origin(kind) is list:
        of_numbers = get_origin(get_args(kind)[0]) is not None and get_args(get_args(kind)[0])[0] is int
        return [int(word) if of_numbers and _NUMBER.fullmatch(word) else word for word in words]
    if len(words) != 1:
        raise UsageError(f"'{key}' takes one value, not {len(words)}; quote one that has spaces in it")
    if kind is bool and words[0].lower() in ("true", "false"):
        return words[0].lower() == "true"
    if kind in (int, float) and _NUMBER.fullmatch(words[0]):
        return float(words[0]) if "." in words[0] else int(words[0])
    return words[0]


def _warn(found: Config, name: str) -> None:
    """Say what would keep a new task from running here."""
    from adaptive_scheduler.dispatch import command

    task = found.tasks[name]
    for step in task.steps:
        try:
            command(
                step, folder=Path(found.path).parent, interpreters=found.interpreters, platform=found.rules.platform
            )
        except DispatchError as error:
            output.problem(f"warning: {error}")
