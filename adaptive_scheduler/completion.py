"""What a shell offers behind Tab: names of tasks.toml, runs on the disk, times, choices.

It reads and never writes, and whatever goes wrong means that nothing is offered: nobody reads an error in the middle
of a line. tasks.toml is read as TOML alone, without the models that check it.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

Offer = Callable[[typer.Context, str], list[str]]

PAST = ("10m ago", "1h ago", "2h ago", "1d ago", "03:00", "yesterday 03:00", "yesterday 12:00", "yesterday 22:00")
FUTURE = ("in 30m", "in 2h", "in 8h", "in 1d", "18:00", "tomorrow 08:00", "tomorrow 18:00")
RUNS_OFFERED = 50
LARGEST_FILE_BYTES = 4_000_000
"""Far above any tasks.toml; a larger file would be waited for."""

_BASH, _POWERSHELL = "complete_bash", "complete_powershell"
_VARIABLE = "_ADAPTIVE_SCHEDULER_COMPLETE"
"""Where typer's script says which shell asks; the name is made of the program's."""


class _Typed(str):
    """A value as the shell is to insert it; typer compares what was typed, quotes taken off, with the value itself."""

    value: str

    def startswith(self, prefix: Any, *_: Any) -> bool:
        return self.value.startswith(prefix)


def tasks(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the tasks."""
    return _names(context, incomplete, lambda told: told.get("tasks", {}), "a task")


def events(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the events: the built-in ones and those of tasks.toml."""
    from adaptive_scheduler.events import BUILT_IN

    return _names(context, incomplete, lambda told: dict.fromkeys([*BUILT_IN, *told.get("events", {})]), "an event")


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the ids of the task's runs whose output is kept, the newest first."""
    return _quietly(lambda: _starting(incomplete, _run_ids(context)))


def topics(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the topics of `help` by their next word: a verb, what stands below it, or another topic."""

    def offer() -> list[str]:
        from adaptive_scheduler.commands.topics import TOPICS

        group: Any = context.find_root().command
        words = context.params.get("topic") or ()
        for word in words:
            group = group.commands[word]
        return _starting(incomplete, [*group.commands, *(() if words else TOPICS)])

    return _quietly(offer)


def past_times(_context: typer.Context, incomplete: str) -> list[str]:
    """Offer times that are over, in words."""
    counted = [f"{incomplete}{unit} ago" for unit in "mhd"] if re.fullmatch(r"[1-9]\d{0,3}", incomplete) else []
    return _quietly(lambda: _starting(incomplete, [*counted, *PAST]))


def future_times(_context: typer.Context, incomplete: str) -> list[str]:
    """Offer times that are to come, in words."""
    counted = [f"{incomplete}{unit}" for unit in "mhd"] if re.fullmatch(r"in [1-9]\d{0,3}", incomplete) else []
    return _quietly(lambda: _starting(incomplete, [*counted, *FUTURE]))


def one_of(*choices: str) -> Offer:
    """Return what offers these words."""

    def offer(_context: typer.Context, incomplete: str) -> list[str]:
        return _quietly(lambda: _starting(incomplete, choices))

    return offer


def paths(_context: typer.Context, _incomplete: str) -> list[str]:
    """Offer nothing: the shell itself then offers files, and knows how to quote them."""
    return []


def _quietly(offer: Callable[[], list[str]]) -> list[str]:
    try:
        return offer()
    except Exception:  # a fault here would be printed into the line that somebody is writing
        return []


def _names(context: typer.Context, incomplete: str, take: Callable[[Any], Iterable[str]], kind: str) -> list[str]:
    """Offer the names that tasks.toml may have; others it would refuse, and a shell might obey them."""
    from adaptive_scheduler.names import impossible

    def offer() -> list[str]:
        possible = (name for name in take(_tables(_tasks_toml(context))) if impossible(name, kind) is None)
        return _starting(incomplete, possible)

    return _quietly(offer)


def _starting(incomplete: str, values: Iterable[str]) -> list[str]:
    """Return the values that begin so and that this console can say, each as the asking shell wants it inserted."""
    bare = incomplete.lstrip("'\"")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    wanted = (one for one in values if one.startswith(bare))
    return [_typed(one) for one in dict.fromkeys(wanted) if one.encode(encoding, "ignore").decode(encoding) == one]


def _typed(value: str) -> str:
    shell = os.environ.get(_VARIABLE)
    text = value
    if shell == _BASH and not _word_of_bash().startswith(("'", '"')):
        text = re.sub(r"[^\w.:@%+/-]", r"\\\g<0>", value)
    elif shell == _POWERSHELL and re.search(r"[^\w.:-]", value):
        text = f"'{value}'"
    typed = _Typed(text)
    typed.value = value
    return typed


def _word_of_bash() -> str:
    """Return the word before the cursor as it stands in the line, with the quote that it may begin with."""
    words, at = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    return words[int(at)] if at.isdecimal() and int(at) < len(words) else ""


def _tasks_toml(context: typer.Context) -> Path:
    from adaptive_scheduler.config import find

    return find(context.find_root().params.get("config"), os.environ, Path.cwd())


def _tables(path: Path) -> dict[str, Any]:
    """Return what a file says; ValueError or OSError where it says nothing."""
    import tomllib

    if not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
        return {}  # a pipe would be waited for
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def _run_ids(context: typer.Context) -> Iterator[str]:
    from itertools import islice

    from adaptive_scheduler.names import impossible
    from adaptive_scheduler.places import DEFAULT_STATE_DIR, absolute

    # Behind a "--run" that lacks its value the parser gives up, and leaves the words unsorted.
    path, task = _tasks_toml(context), context.params.get("task") or next(iter(context.args), None)
    if not isinstance(task, str) or impossible(task, "a task") is not None:
        return
    written = _tables(path).get("scheduler", {}).get("state_dir", DEFAULT_STATE_DIR)
    with os.scandir(Path(absolute(path.absolute(), written), "runs", task)) as found:
        names = sorted((one.name for one in found), reverse=True)
    yield from islice((name for name in names if re.fullmatch(r"\d{8}T[\w.-]+", name, re.ASCII)), RUNS_OFFERED)
