"""launchd: an agent of the user, or a daemon of the system, that is one cycle every so many seconds.

launchd counts from the moment it loads the job, so no offset is needed, and makes up for a sleep with one
call. It would end what is left of the job's process group when the cycle ends; runs have sessions of their
own, and `AbandonProcessGroup` says so once more. It forgets a job some seconds after it was told to, and loads
no other of that name before.
"""

from adaptive_scheduler.backends import plists
from adaptive_scheduler.backends.base import UNKNOWN, Answers, Look, Plan, Registered, Registration
from adaptive_scheduler.durations import words


def looks(wish: Registration) -> tuple[Look, ...]:
    """Read the property list, and ask launchd about the job."""
    return (plists.file(wish), plists.question(wish))


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a launchd."""
    return plists.silence(wish, answers)


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the property list with the wish, and see whether launchd has loaded it."""
    if answers.get(plists.file(wish), UNKNOWN).code is None and not plists.is_loaded(wish, answers):
        return None
    called = plists.content_of(wish, answers).get("ProgramArguments", ())
    ours = isinstance(called, list) and wish.config in called
    found = plists.faults(wish, _content(wish), answers) if ours else ()
    return Registered(ours, f"{plists.job(wish)}, every {words(wish.every)}", found)


def install(wish: Registration, answers: Answers) -> Plan:
    """Write the property list and have launchd load it, in place of an older one."""
    found = registered(wish, answers)
    if found is not None and found.ours and not found.faults:
        return Plan()
    return Plan(plists.loading(wish, _content(wish), answers))


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Have launchd forget the job, and remove its property list."""
    return Plan() if registered(wish, answers) is None else Plan(plists.unloading(wish))


def _content(wish: Registration) -> dict[str, object]:
    return {
        "Label": plists.label(wish),
        "ProgramArguments": [*wish.argv, "--faults-only"],
        "StartInterval": int(wish.every.total_seconds()),
        "RunAtLoad": True,
        "AbandonProcessGroup": True,
        "EnvironmentVariables": dict(sorted(wish.environment.items())),
        "StandardErrorPath": f"{wish.folder}/launchd.log",
        **({"UserName": wish.user} if wish.system else {}),
    }
