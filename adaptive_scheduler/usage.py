"""What a command says about itself -> sections of its page: name, synopsis, options. They cannot go stale.

A command is typer's, whose classes come from click or from a copy of it: nothing but their common attributes is used.
"""

from collections.abc import Iterator
from typing import Any

from adaptive_scheduler.manpage import UNBROKEN, Section, definition

PROGRAM = "adaptive-scheduler"


def verbs(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command below a group by its words, such as "cluster node"; hidden ones are left out."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"{before}{name}", command
            if hasattr(command, "commands"):
                yield from verbs(command, f"{before}{name} ")


def name(words: str, command: Any) -> Section:
    """Return NAME: the command and its first sentence."""
    return Section("NAME", (f"{PROGRAM} {words} - {summary(command)}",))


def summary(command: Any) -> str:
    """Return what a command does, in a line without a full stop."""
    return " ".join((command.help or "").split()).removesuffix(".")


def synopsis(words: str, command: Any) -> Section:
    """Return SYNOPSIS: every option and argument of the command."""
    options = " ".join(_written(one) for one in _shown(command) if one.param_type_name == "option")
    arguments = " ".join(_written(one) for one in _shown(command) if one.param_type_name == "argument")
    last = "COMMAND ..." if hasattr(command, "commands") else arguments
    before = f"{PROGRAM} [--config PATH] {words}"
    return Section("SYNOPSIS", (" ".join(part for part in (before, options, last) if part),))


def options(command: Any, context: Any) -> Section:
    """Return OPTIONS: the arguments and options, with what each means; without lines where there are none."""
    lines = []
    for one in _shown(command):
        record = one.get_help_record(context)
        if record is not None:
            term, meaning = (" ".join(part.split()) for part in record)
            lines.append(definition(one.metavar if one.param_type_name == "argument" else term, meaning))
    return Section("OPTIONS", tuple(lines))


def below(words: str, group: Any) -> Section:
    """Return COMMANDS: what stands below a group."""
    return Section("COMMANDS", tuple(definition(f"{words} {one}", summary(each)) for one, each in verbs(group)))


def _shown(command: Any) -> list[Any]:
    return [one for one in command.params if not getattr(one, "hidden", False) and "--help" not in one.opts]


def _written(parameter: Any) -> str:
    """Return an option or argument as a synopsis writes it; brackets say that it may be left out."""
    if parameter.param_type_name == "argument":
        text = parameter.metavar
    else:
        flag = parameter.is_flag
        text = parameter.opts[0] + ("" if flag else f" {parameter.metavar}")
    many = " ..." if parameter.nargs == -1 or getattr(parameter, "multiple", False) else ""
    written = f"{text}{many}" if parameter.required else f"[{text}]{many}"
    return written.replace(" ", UNBROKEN)
