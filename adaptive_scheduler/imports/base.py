"""What every import makes of its input: pieces, each a task, or a remark why it is none. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adaptive_scheduler.durations import compact
from adaptive_scheduler.imports.beat import Beat

Values = Mapping[str, Any]
"""The keys of a task as tasks.toml would hold them, in the order in which they are to stand."""

ORDER = (
    "description",
    "enabled",
    "os",
    "interval",
    "window",
    "adaptive",
    "script",
    "args",
    "interpreter",
    "steps",
    "keep_going",
    "cwd",
    "env",
    "timeout",
    "retries",
    "retry_delay",
    "background",
)
LONGEST_DESCRIPTION = 120

UNLIMITED_FROM = timedelta(hours=1)
"""A run without a `timeout` is ended after an hour until more is known; the other schedulers would not end it."""
LONGEST_RUN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of input: its 1-based line, its text, what it is in a word, and what to know about it.

    `values` is None where it becomes no task; `name` is a wish, without a care for what is taken.
    """

    line: int
    source: str
    kind: str
    remarks: tuple[str, ...] = ()
    name: str = ""
    values: Values | None = None


def values(beat: Beat, work: Values, **more: Any) -> Values:
    """Return the values of a task, in the order in which they are to stand; what is None is left out.

    Runs that come seldom may be long ones: they get as much time as lies between two of them, a day at most.
    """
    found: dict[str, Any] = {
        "interval": written(beat.interval),
        "window": list(beat.windows) or None,
        "adaptive": None if beat.adaptive else False,
        "enabled": None if beat.enabled else False,
        "timeout": written(min(beat.interval, LONGEST_RUN)) if beat.interval > UNLIMITED_FROM else None,
        **work,
    } | {key: value for key, value in more.items() if value is not None}
    return {key: found[key] for key in ORDER if found.get(key) is not None}


def written(duration: timedelta) -> str:
    """Return a duration as people write it in tasks.toml; a day is 24 hours there."""
    return "24h" if duration == timedelta(days=1) else compact(duration)


def described(text: str) -> str | None:
    """Return a text as a description: one line, none too long; None where nothing is left."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line[: LONGEST_DESCRIPTION - 3] + "..." if len(line) > LONGEST_DESCRIPTION else line or None
