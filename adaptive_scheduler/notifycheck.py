"""What `check` finds of [notify] and of `ping`: addresses that nobody could find at night."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from adaptive_scheduler import apprising, envfile, outbox
from adaptive_scheduler.settings import Config

Fault = tuple[str, str, str]
"""Where, what, and the way out."""


def faults(config: Config, now: datetime, environ: Mapping[str, str] = os.environ) -> Iterator[Fault]:
    """Yield what keeps people and dead-man's switches from being told; no value of a variable is in it."""
    wish = config.notify
    way_out = "write it as NAME=address into the file of notify.secrets"
    said = set[str]()
    for where, name in _names(config):
        _, problem = envfile.lookup(name, environ, wish.secrets)
        if problem and problem not in said:  # one about the file holds for every name
            said.add(problem)
            yield where, problem, way_out if f"'{name}'" in problem else ""
        elif not problem and not _in_file(name, wish.secrets):
            hint = "what the system's scheduler starts may not have it: " + way_out
            yield where, f"'{name}' stands in this shell's environment alone", hint
    if wish.to and (problem := apprising.lacking()):
        yield "notify.to", problem, ""
    yield from (("notify", complaint, "") for complaint in outbox.complaints(config, now))


def _names(config: Config) -> Iterator[tuple[str, str]]:
    yield from (("notify.to", name) for name in config.notify.to)
    if config.notify.ping:
        yield "notify.ping", config.notify.ping
    yield from ((f"tasks.{task.name}.ping", task.ping) for task in config.tasks.values() if task.ping)


def _in_file(name: str, path: str) -> bool:
    try:
        return bool(path) and name in envfile.read(Path(path))
    except (OSError, ValueError):
        return False
