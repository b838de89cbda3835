"""A command of a crontab -> script, args and interpreter, which never see a shell unless they name one. Pure.

What a shell would only split into words is split here; what it would work out (pipes, redirections, variables,
patterns, several commands) stays its own, as `/bin/sh -c`. In doubt the shell keeps it.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Look = Callable[[str, str], str | None]
"""From a bare name and a search path to the program that it is there."""

SHELL = "/bin/sh"
PATH = "/usr/bin:/bin"
"""What cron has where the crontab sets nothing."""

ENV = ["env"]
"""What starts a program as it is: a script of any type then says itself, in its first line, what runs it."""

_WORKED_OUT = re.compile(r"[|&;<>()$`\\*?\[\]{}#!\n\r]|(?<![\w./:=-])~(?!/)|(?<=[:=])~")
_IN_DOUBLE = re.compile(r"[$`\\!]")
_QUOTED = re.compile(r"'[^']*'|\"([^\"]*)\"")
_OF_A_SHELL = frozenset(
    re.findall(
        r"\S+",
        """. alias bg break builtin case cd command continue eval exec exit export fc fg for function getopts hash if
        jobs read readonly return select set shift source time times trap type ulimit umask unalias unset until wait
        while""",
    )
)
"""Words that no file stands for, or that mean something else where one does."""

_RUN_SCRIPTS = re.compile(r"(?:python|perl|ruby|node|php|lua|Rscript|pwsh|bash|dash|zsh|ksh|sh)[\d.]*")
_KEPT_ANYWAY = re.compile(r">>?\s*(?!/dev/null\b)(?:[\w./~-]|\$[\w{])|>\s*/dev/null(?:\s+2>&1)?\s*$")
_ASKED = re.compile(r"\[\s.*?\s\]|\btest\s[^&|;]*|\bcd\s+\S+")
"""What a command asks or where it goes, before it comes to its work."""
WRAPPERS = {
    "flock": "a task never runs twice at once here, so flock may go",
    "timeout": "a run is ended after `timeout` here, with all its processes",
    "chronic": "output is kept here and mailed by nobody, so chronic may go",
    "nice": "tasks that are not critical run at a lower priority here, so nice may go",
    "ionice": "tasks that are not critical run at a lower priority here, so ionice may go",
    "anacron": "a start that was missed is made up for here, so anacron may go",
    "run-parts": "each script of that folder could be a task of its own, with an interval of its own",
}
"""Programs that do what is built in here; they stay, and it is told."""

_SCRIPT = re.compile(r"\.(?:sh|bash|py|pl|rb|php|js|R|lua|ps1)$")
_UNTELLING = {*WRAPPERS, *_OF_A_SHELL, "bash", "env", "esac", "fi", "do", "done", "else", "root", "sh", "sudo", "then"}


@dataclass(frozen=True, slots=True)
class Work:
    """What a task runs: its keys, a name, and what to know."""

    values: Mapping[str, Any]
    name: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What cron would start a command in."""

    home: str
    shell: str = SHELL
    path: str = PATH


def stdin_apart(command: str) -> tuple[str, str | None]:
    r"""Return what cron gives to the shell, and to its standard input: `%` ends the one and the lines of the other.

    `\%` is a plain one.
    """
    first, *rest = re.split(r"(?<!\\)%", command)
    lines = "\n".join(part.replace("\\%", "%") for part in rest)
    return first.replace("\\%", "%"), lines if rest else None


def work(command: str, around: Surroundings, look: Look) -> Work:
    """Return what a task runs for a command of a crontab; ValueError for one that no file could hold."""
    script, given = stdin_apart(command.strip())
    if "\0" in script or not script.strip():
        raise ValueError("it holds the character NUL" if script.strip() else "it has no command")
    name = _name(script)
    if given is not None:
        text = f"{{ {script}\n}} <<'{_mark(given)}'\n{given}\n{_mark(given)}"
        told = "cron gave what follows the % to it as its input; here the shell does"
        return _in_shell(text, name, around, (told, *_known(script)))
    words = _split(script, around.home)
    if words is None or words[0] in _OF_A_SHELL or "=" in words[0]:
        return _in_shell(script, name, around, (*_known(script), *_redirected(script)))
    program = words[0] if words[0].startswith("/") else _found(words[0], around, look)
    if program is None:
        told = f"'{words[0]}' was not found on cron's PATH ({around.path}) here; a shell looks for it at each run"
        return _in_shell(script, name, around, (told, *_known(script)))
    return Work(_plain(program, words[1:], around.home), name, _known(script))


def _plain(program: str, args: list[str], home: str) -> Mapping[str, Any]:
    """Return the keys for a program with its arguments; an interpreter with a script becomes one."""
    base = program.rpartition("/")[2]
    if args and _RUN_SCRIPTS.fullmatch(base) and re.fullmatch(r"[^-].*(/.*|\.\w+)", args[0]):
        script = args[0] if args[0].startswith("/") else f"{home}/{args[0]}"
        return {"script": script, "args": args[1:] or None, "interpreter": [program]}
    return {"script": program, "args": args or None, "interpreter": ENV}


def _in_shell(text: str, name: str, around: Surroundings, remarks: tuple[str, ...]) -> Work:
    return Work({"script": around.shell, "args": ["-c", text], "interpreter": ENV}, name, remarks)


def _split(script: str, home: str) -> list[str] | None:
    """Return the words of a command that means the same to every shell and to nobody, else None."""
    bare = _QUOTED.sub("", script)
    doubles = [found[1] or "" for found in _QUOTED.finditer(script)]
    if _WORKED_OUT.search(bare) or re.search(r"['\"]", bare) or any(map(_IN_DOUBLE.search, doubles)):
        return None
    if re.search(r"['\"]~|~['\"]", script):
        return None
    words = shlex.split(script)
    quoted = {found.group()[1:-1] for found in _QUOTED.finditer(script)}
    return [home + word[1:] if word.startswith("~/") and word not in quoted else word for word in words]


def _found(word: str, around: Surroundings, look: Look) -> str | None:
    return f"{around.home}/{word.removeprefix('./')}" if "/" in word else look(word, around.path)


def _known(script: str) -> tuple[str, ...]:
    """Return what to know of the programs of a command that do what is built in here."""
    words = {word.rpartition("/")[2] for word in re.split(r"[\s;|&()'\"]+", script)}
    return tuple(remark for name, remark in WRAPPERS.items() if name in words)


def _redirected(script: str) -> tuple[str, ...]:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", script)
    told = "what it prints is kept here ('adaptive-scheduler logs TASK'): the redirection may go, and mostly the shell"
    return (told,) if _KEPT_ANYWAY.search(bare) else ()


def _mark(given: str) -> str:
    """Return a word that is no line of the text."""
    mark = "END"
    while mark in given.split("\n"):
        mark += "_"
    return mark


def _name(script: str) -> str:
    """Return what a command is about: its script, else its first program, without what is wrapped around it."""
    about = _ASKED.sub(" ", re.sub(r"'[^']*'|\"[^\"]*\"", " ", script))
    words = [word for word in re.split(r"[\s;|&()<>`{}\[\]$]+", about) if re.fullmatch(r"[\w./~+@:][\w./~+@:-]*", word)]
    files = [word for word in words if not word.startswith("/dev/")]
    scripts = [word for word in files if _SCRIPT.search(word)]
    programs = [word for word in files if re.search(r"[A-Za-z]", word) and _tells(word.rpartition("/")[2])]
    named = next(iter([*scripts, *programs, *files]), "task")
    return _SCRIPT.sub("", named.rstrip("/").rpartition("/")[2])


def _tells(program: str) -> bool:
    return program not in _UNTELLING and not _RUN_SCRIPTS.fullmatch(program)
