"""launchd: an agent of the user, or a daemon of the system, that is one cycle every so many seconds.

launchd counts from the moment it loads the job, so no offset is needed, and makes up for a sleep with one
call. It would end what is left of the job's process group when the cycle ends; runs have sessions of their
own, and `AbandonProcessGroup` says so once more. It forgets a job some seconds after it was told to, and loads
no other of that name before.
"""

import plistlib
from xml.parsers.expat import ExpatError

from adaptive_scheduler.backends.base import (
    FORGETS_WITHIN_S,
    UNKNOWN,
    Answers,
    File,
    Look,
    Plan,
    Question,
    Registered,
    Registration,
    Remove,
    Run,
    Write,
)
from adaptive_scheduler.durations import words

SYSTEM_FOLDER = "/Library/LaunchDaemons"
USER_FOLDER = "Library/LaunchAgents"


def looks(wish: Registration) -> tuple[Look, ...]:
    """Read the property list, and ask launchd about the job."""
    return (_file(wish), _question(wish))


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a launchd."""
    if answers.get(_question(wish), UNKNOWN).code is None:
        return "no 'launchctl' on PATH: this is no macOS"
    return None


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the property list with the wish, and see whether launchd has loaded it."""
    file, loaded = answers.get(_file(wish), UNKNOWN), answers.get(_question(wish), UNKNOWN).code == 0
    if file.code is None and not loaded:
        return None
    try:
        found = plistlib.loads(file.content)
    except (plistlib.InvalidFileException, ExpatError, ValueError, OverflowError):
        found = {}
    ours = isinstance(found, dict) and wish.config in found.get("ProgramArguments", ())
    faults = []
    if ours and found != _content(wish):
        faults.append(f"'{_file(wish).path}' is not what 'install' wrote")
    if ours and not loaded:
        faults.append(f"launchd has not loaded '{_label(wish)}'")
    return Registered(ours, f"the {_kind(wish)} '{_label(wish)}', every {words(wish.every)}", tuple(faults))


def install(wish: Registration, answers: Answers) -> Plan:
    """Write the property list and have launchd load it, in place of an older one."""
    found = registered(wish, answers)
    if found is not None and found.ours and not found.faults:
        return Plan()
    path, job = _file(wish).path, f"{_domain(wish)}/{_label(wish)}"
    loaded = answers.get(_question(wish), UNKNOWN).code == 0
    return Plan(
        (
            Write(path, plistlib.dumps(_content(wish), sort_keys=False)),
            Run(("plutil", "-lint", path), optional=True),
            *((Run(("launchctl", "bootout", job), must=False),) if loaded else ()),
            Run(("launchctl", "enable", job), must=False),
            Run(("launchctl", "bootstrap", _domain(wish), path), retry_s=FORGETS_WITHIN_S),
        )
    )


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Have launchd forget the job, and remove its property list."""
    if registered(wish, answers) is None:
        return Plan()
    forget = Run(("launchctl", "bootout", f"{_domain(wish)}/{_label(wish)}"), must=False)
    return Plan((forget, Remove(_file(wish).path)))


def _content(wish: Registration) -> dict[str, object]:
    return {
        "Label": _label(wish),
        "ProgramArguments": [*wish.argv, "--faults-only"],
        "StartInterval": int(wish.every.total_seconds()),
        "RunAtLoad": True,
        "AbandonProcessGroup": True,
        "EnvironmentVariables": dict(sorted(wish.environment.items())),
        "StandardErrorPath": f"{wish.folder}/launchd.log",
        **({"UserName": wish.user} if wish.system else {}),
    }


def _label(wish: Registration) -> str:
    return f"adaptive-scheduler.{wish.name}"


def _kind(wish: Registration) -> str:
    return "daemon" if wish.system else f"agent of user '{wish.user}'"


def _file(wish: Registration) -> File:
    folder = SYSTEM_FOLDER if wish.system else f"{wish.home}/{USER_FOLDER}"
    return File(f"{folder}/{_label(wish)}.plist")


def _domain(wish: Registration) -> str:
    return "system" if wish.system else f"gui/{wish.uid}"


def _question(wish: Registration) -> Question:
    return Question(("launchctl", "print", f"{_domain(wish)}/{_label(wish)}"))
