"""launchd's jobs, whatever they call: where their property lists lie, and how they are loaded and forgotten."""

import plistlib
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from adaptive_scheduler.backends.base import (
    FORGETS_WITHIN_S,
    UNKNOWN,
    Action,
    Answers,
    File,
    Question,
    Remove,
    Run,
    Wish,
    Write,
)

SYSTEM_FOLDER = "/Library/LaunchDaemons"
USER_FOLDER = "Library/LaunchAgents"


def label(wish: Wish) -> str:
    """Return the name that launchd knows a job by."""
    return f"adaptive-scheduler.{wish.name}"


def job(wish: Wish) -> str:
    """Return what and whose a job is, as the first words of a sentence."""
    kind = "daemon" if wish.system else f"agent of user '{wish.user}'"
    return f"the {kind} '{label(wish)}'"


def file(wish: Wish) -> File:
    """Return where the property list belongs."""
    folder = SYSTEM_FOLDER if wish.system else f"{wish.home}/{USER_FOLDER}"
    return File(f"{folder}/{label(wish)}.plist")


def question(wish: Wish) -> Question:
    """Return what asks launchd about a job."""
    return Question(("launchctl", "print", f"{_domain(wish)}/{label(wish)}"))


def silence(wish: Wish, answers: Answers) -> str | None:
    """Return why launchd did not answer, None when it did."""
    if answers.get(question(wish), UNKNOWN).code is None:
        return "no 'launchctl' on PATH: this is no macOS"
    return None


def is_loaded(wish: Wish, answers: Answers) -> bool:
    """Say whether launchd has loaded the job."""
    return answers.get(question(wish), UNKNOWN).code == 0


def content_of(wish: Wish, answers: Answers) -> dict[str, object]:
    """Return what the property list holds; nothing where it is none."""
    try:
        found = plistlib.loads(answers.get(file(wish), UNKNOWN).content)
    except (plistlib.InvalidFileException, ExpatError, ValueError, OverflowError):
        return {}
    return found if isinstance(found, dict) else {}


def faults(wish: Wish, wanted: Mapping[str, object], answers: Answers) -> tuple[str, ...]:
    """Return what is not as wished of a job that is ours."""
    edited = f"'{file(wish).path}' is not what 'install' wrote"
    unloaded = f"launchd has not loaded '{label(wish)}'"
    return (
        *((edited,) if content_of(wish, answers) != wanted else ()),
        *(() if is_loaded(wish, answers) else (unloaded,)),
    )


def loading(wish: Wish, content: dict[str, object], answers: Answers) -> tuple[Action, ...]:
    """Return what writes a property list and has launchd load it, in place of an older one."""
    path, job = file(wish).path, f"{_domain(wish)}/{label(wish)}"
    return (
        Write(path, plistlib.dumps(content, sort_keys=False)),
        Run(("plutil", "-lint", path), optional=True),
        *((Run(("launchctl", "bootout", job), must=False),) if is_loaded(wish, answers) else ()),
        Run(("launchctl", "enable", job), must=False),
        Run(("launchctl", "bootstrap", _domain(wish), path), retry_s=FORGETS_WITHIN_S),
    )


def unloading(wish: Wish) -> tuple[Action, ...]:
    """Return what has launchd forget a job, and removes its property list."""
    forget = Run(("launchctl", "bootout", f"{_domain(wish)}/{label(wish)}"), must=False)
    return forget, Remove(file(wish).path)


def _domain(wish: Wish) -> str:
    return "system" if wish.system else f"gui/{wish.uid}"
