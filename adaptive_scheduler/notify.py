"""What is told to people and to dead-man's switches: the wish of [notify], notices and pings. Frozen values, pure.

An address holds a secret, so it is nowhere in them: they carry the name of the variable that holds it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class About(StrEnum):
    """What a notice is about."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    OVERDUE = "overdue"
    STARVING = "starving"
    MISSED_CYCLES = "missed_cycles"
    EVENT = "event"
    LONG_RUN = "long_run"
    SHORT_RUN = "short_run"
    HEAVY_RUN = "heavy_run"


class Signal(StrEnum):
    """What a dead-man's switch is told, in the words of Healthchecks."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Notify:
    """Whom to tell, of what, after how many failures in a row, which switch to ping for each cycle.

    `to` and `ping` are names of variables; `secrets` is the path of a file of NAME=VALUE lines, or empty.
    """

    to: tuple[str, ...] = ()
    on: frozenset[About] = frozenset(About)
    failures: int = 1
    ping: str = ""
    secrets: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell people; `run_id` is the run that it is about, where it is about one."""

    about: About
    at: datetime
    reason: str
    task: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Ping:
    """Something to tell a dead-man's switch: about a run, or without a task about a cycle."""

    to: str
    signal: Signal
    at: datetime
    reason: str = ""
    task: str = ""
    run_id: str = ""
