"""systemd's units, of whatever kind: where they lie, how they say a word, what their manager is asked and tells."""

import re
from collections.abc import Mapping

from adaptive_scheduler.backends.base import UNKNOWN, Answer, Answers, File, Question, Run, Wish
from adaptive_scheduler.errors import UsageError

SYSTEM_FOLDER = "/etc/systemd/system"
USER_FOLDER = ".config/systemd/user"
LINGER_FOLDER = "/var/lib/systemd/linger"


def unit_file(wish: Wish, kind: str) -> File:
    """Return where a unit of this name belongs."""
    return File(f"{SYSTEM_FOLDER if wish.system else f'{wish.home}/{USER_FOLDER}'}/{wish.name}.{kind}")


def linger(wish: Wish) -> File:
    """Return the file that says that a user's manager lives without a login."""
    return File(f"{LINGER_FOLDER}/{wish.user}")


def question(wish: Wish, kind: str, wanted: str) -> Question:
    """Return what asks the manager about a unit."""
    return Question(_argv(wish, "show", f"{wish.name}.{kind}", f"--property={wanted}"))


def systemctl(wish: Wish, *words: str, must: bool = True) -> Run:
    """Return a command to the manager that the wish is for."""
    return Run(_argv(wish, *words), must=must)


def properties(answer: Answer) -> dict[str, str]:
    """Return what 'systemctl show' printed, by name."""
    lines = answer.content.decode(errors="replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def silence(wish: Wish, answer: Answer) -> str | None:
    """Return why a manager did not answer, None when it did."""
    if answer.code is None:
        return "no 'systemctl' on PATH: this system was not started by systemd"
    if answer.code != 0:
        whose = "system" if wish.system else "user"
        hint = "" if wish.system else "; log in as that user, or register with the machine: --system, as root"
        return f"the {whose} manager does not answer ({answer.complaint or 'no reason given'}){hint}"
    return None


def manager(wish: Wish) -> str:
    """Return whose manager it is, as the first words of a sentence."""
    return "the system's" if wish.system else f"the manager of user '{wish.user}'"


def state_faults(unit: str, told: Mapping[str, str], alive: tuple[str, ...] = ("active",)) -> list[str]:
    """Return what the manager says of a unit that is not as wished."""
    wanted = {
        "LoadState": (("loaded",), f"the manager has not loaded '{unit}' ({{}})"),
        "ActiveState": (alive, f"'{unit}' is not started ({{}})"),
        "UnitFileState": (("enabled",), f"'{unit}' is not enabled ({{}}): the next boot forgets it"),
        "NeedDaemonReload": (("no",), f"the manager has not read the present '{unit}' yet"),
    }
    return [
        sentence.format(told.get(key) or "unknown")
        for key, (wished, sentence) in wanted.items()
        if told.get(key) not in wished
    ]


def drop_ins(unit: str, told: Mapping[str, str]) -> list[str]:
    """Return a note for each file that changes just this unit."""
    paths = told.get("DropInPaths", "").split()
    return [f"'{unit}' is changed by '{path}'" for path in paths if f"/{unit}.d/" in path]


def logout(wish: Wish, answers: Answers, what: str) -> list[str]:
    """Return the note that what a user's manager runs ends with their last login, where that is so."""
    if wish.system or answers.get(linger(wish), UNKNOWN).code == 0:
        return []
    way_out = f"'loginctl enable-linger {wish.user}' keeps them going"
    return [f"the {what} of user '{wish.user}' stop when they log out: {way_out}"]


def command(wish: Wish) -> str:
    """Return the command of a wish as a unit file says it."""
    # An executable's own name must be plain, however it is quoted; `env` takes any.
    argv = ("/usr/bin/env", *wish.argv) if re.search(r"[\"'\\$]", wish.argv[0]) else wish.argv
    return " ".join(map(in_command, argv))


def settings(wish: Wish) -> str:
    """Return the lines of a service that say as whom, and with what around it."""
    user = f"User={wish.user}\n" if wish.system else ""
    pairs = sorted(wish.environment.items())
    return user + "".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in pairs)


def quoted(word: str) -> str:
    """Return a word as a unit file says it: nothing in it is a specifier or an escape."""
    if re.search(r"[\n\r\0]", word):
        raise UsageError(f"a unit file cannot say the line break in {word!r}")
    text = word.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
    return f'"{text}"' if re.search(r"[^\w/.:=,+@%-]", text) or not text else text


def in_command(word: str) -> str:
    """Return a word of a command, where alone `$` begins a variable."""
    return quoted(word).replace("$", "$$")


def _argv(wish: Wish, *words: str) -> tuple[str, ...]:
    return ("systemctl", *(() if wish.system else ("--user",)), *words)
