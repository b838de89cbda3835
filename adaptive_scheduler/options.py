"""Options that several verbs have, and the texts of options as values."""

from datetime import timedelta
from typing import Annotated

import typer

from adaptive_scheduler import completion
from adaptive_scheduler.errors import UsageError

Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help="The tasks.toml to use.",
        envvar="ADAPTIVE_SCHEDULER_CONFIG",
        autocompletion=completion.paths,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ProjectName = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Its name there; AdaptiveScheduler, ...Master or ...Node by default."),
]
PrintOnly = Annotated[bool, typer.Option("--print", help="Print what would be done, and change nothing.")]
System = Annotated[
    bool, typer.Option("--system", help="Register with the machine: runs without anybody logged in; needs its rights.")
]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task of tasks.toml.", autocompletion=completion.tasks)]


def duration(option: str, text: str | None) -> timedelta | None:
    """Return the duration that an option gives, None for an option left out; UsageError quotes both."""
    from adaptive_scheduler.durations import parse

    if text is None:
        return None
    if text in ("0", "0s"):
        return timedelta(0)
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option} '{text}': {error}") from error


def share(text: str) -> float:
    """Return the share that a percentage gives, from 0 up to 1; UsageError for anything else."""
    try:
        share = float(text.removesuffix("%")) / 100.0
    except ValueError as error:
        raise UsageError(f"--drop '{text}' is no percentage; write 1%") from error
    if not 0.0 <= share < 1.0:
        raise UsageError(f"--drop '{text}' is not between 0% and 100%")
    return share


def size(option: str, text: str | None) -> int | None:
    """Return the bytes that an option gives, None for an option left out; UsageError quotes both."""
    from adaptive_scheduler.sizes import parse_size

    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{option} '{text}': {error}") from error
