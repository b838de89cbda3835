"""What a scheduler of an operating system is to us: something to look at, and a plan that changes it.

A backend decides and never acts. It names what must be read first (`looks`), and turns what was read
into what is registered, or into a plan: files to write, commands to run. registrar.py does the reading and
the doing, so that `--print` shows everything and costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar

FORGETS_WITHIN_S = 25.0
"""How long a scheduler may take to let go of a job: launchd gives one that runs 20 s to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a system is to call, under what name and as whom.

    Every path in `argv` is absolute. `folder` takes the files that registering needs. `windowless` is the
    interpreter that opens no console window. `system` asks for a registration with the machine, which
    nobody has to be logged in for.
    """

    name: str
    argv: tuple[str, ...]
    folder: str
    user: str
    home: str
    uid: int | None = None
    system: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    windowless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration(Wish):
    """One cycle of the project whose tasks.toml is `config`, called ever and again.

    `offset` is where between two full ticks the call comes, the same every time.
    """

    config: str
    every: timedelta
    offset: timedelta


@dataclass(frozen=True, slots=True)
class File:
    """A file to read."""

    path: str


@dataclass(frozen=True, slots=True)
class Question:
    """A command that only tells."""

    argv: tuple[str, ...]


Look = File | Question


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look gave: the exit code (0 for a file, None for what is not there), its content, its complaint."""

    code: int | None
    content: bytes = b""
    complaint: str = ""


Answers = Mapping[Look, Answer]

UNKNOWN = Answer(None)
"""What was not looked at is taken for absent: so a plan can be printed on a machine that lacks the backend."""


@dataclass(frozen=True, slots=True)
class Write:
    """A file to write whole; only its owner may read a private one."""

    path: str
    content: bytes
    private: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """A file to remove; one that is gone already is no fault."""

    path: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command to run, again and again for `retry_s` until it succeeds.

    When `must` is false its failure is no fault; when it is `optional` a machine without it does without.
    """

    argv: tuple[str, ...]
    content: bytes | None = None
    must: bool = True
    optional: bool = False
    retry_s: float = 0.0


Action = Write | Remove | Run


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, and what the user should know; nothing to do when all is as wished."""

    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered under a name, as read back from the system.

    `ours` says that it calls this very tasks.toml, or is the service that is wished; `faults` are sentences
    about what is not as wished, `notes` about what the user should know.
    """

    ours: bool
    summary: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a project stands with the system's scheduler: which one, under what name, what is amiss, the way out."""

    backend: str
    name: str
    summary: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str = ""


AnyWish = TypeVar("AnyWish", bound=Wish, contravariant=True)


class Backend(Protocol[AnyWish]):
    """One operating system's scheduler, or keeper of services; a module is the implementation."""

    def looks(self, wish: AnyWish) -> tuple[Look, ...]:
        """Return what must be read to answer the other questions."""

    def missing(self, wish: AnyWish, answers: Answers) -> str | None:
        """Return why this scheduler cannot be used here, as a sentence with the way out; None when it can."""

    def registered(self, wish: AnyWish, answers: Answers) -> Registered | None:
        """Return what is registered under the wished name, None when nothing is."""

    def install(self, wish: AnyWish, answers: Answers) -> Plan:
        """Return what registers the wish; raises UsageError for a wish that cannot be met."""

    def uninstall(self, wish: AnyWish, answers: Answers) -> Plan:
        """Return what removes the registration of this name, and nothing else."""
