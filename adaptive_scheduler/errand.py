"""The few command lines that machines say, and people say most, understood without loading a parser of options.

A parser, its help and its colours are for people: loading them takes several times what a cycle takes. What is not
plainly one of these lines is none of them, and the parser of cli.py has the word: it knows all of them too.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adaptive_scheduler import guard
from adaptive_scheduler.short_cycle import config_of

Flags = Mapping[str, bool]


@dataclass(frozen=True)
class _Verb:
    """The flags and the number of arguments of a verb, and its body."""

    flags: frozenset[str]
    arguments: int
    body: Callable[[str | None, Flags, Sequence[str]], int]
    is_view: bool = True


def understood(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what the words ask for, as a function that does it and returns the exit code; None for the parser."""
    config, rest = config_of(words)
    verb = _VERBS.get(rest[0]) if rest else None
    if verb is None:
        return None
    flags = [word for word in rest[1:] if word.startswith("-")]
    arguments = [word for word in rest[1:] if not word.startswith("-")]
    if len(arguments) != verb.arguments or len(set(flags)) != len(flags) or not verb.flags.issuperset(flags):
        return None
    given = {flag: flag in flags for flag in verb.flags}
    if not verb.is_view:
        return lambda: guard.outcome(verb.body, config, given, arguments)
    return lambda: _without_garbage(lambda: guard.outcome(verb.body, config, given, arguments))


def _without_garbage(act: Callable[[], int]) -> int:
    """Do what ends at once: to look for garbage among all that it loads would take a twentieth of its time."""
    gc.disable()
    try:
        return act()
    finally:
        gc.enable()


def _run(config: str | None, flags: Flags, _arguments: Sequence[str]) -> int:
    from adaptive_scheduler.commands.run import run

    return run(
        config,
        tasks=[],
        dry_run=flags["--dry-run"],
        force=False,
        wait=None,
        as_json=flags["--json"],
        quiet=flags["--quiet"],
        faults_only=flags["--faults-only"],
    )


def _status(config: str | None, flags: Flags, _arguments: Sequence[str]) -> int:
    from adaptive_scheduler.commands.status import status

    return status(config, as_json=flags["--json"], watch=False)


def _why(config: str | None, flags: Flags, arguments: Sequence[str]) -> int:
    from adaptive_scheduler.commands.why import why

    return why(config, arguments[0], at=None, as_json=flags["--json"])


_VERBS = {
    "run": _Verb(frozenset({"--dry-run", "--json", "--quiet", "--faults-only"}), 0, _run, is_view=False),
    "status": _Verb(frozenset({"--json"}), 0, _status),
    "why": _Verb(frozenset({"--json"}), 1, _why),
}
