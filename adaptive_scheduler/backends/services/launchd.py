"""launchd: a job that is loaded at once and kept alive; an agent of the user, or a daemon that runs as a user."""

from adaptive_scheduler.backends import plists
from adaptive_scheduler.backends.base import UNKNOWN, Answers, Look, Plan, Registered
from adaptive_scheduler.backends.services.base import STOPS_WITHIN_S, Service, calls


def looks(wish: Service) -> tuple[Look, ...]:
    """Read the property list, and ask launchd about the job."""
    return (plists.file(wish), plists.question(wish))


def missing(wish: Service, answers: Answers) -> str | None:
    """There must be a launchd."""
    return plists.silence(wish, answers)


def registered(wish: Service, answers: Answers) -> Registered | None:
    """Compare the property list with the wish, and see whether launchd has loaded it."""
    if answers.get(plists.file(wish), UNKNOWN).code is None and not plists.is_loaded(wish, answers):
        return None
    called = plists.content_of(wish, answers).get("ProgramArguments")
    ours = isinstance(called, list) and calls(wish.role, called)
    return Registered(ours, plists.job(wish), plists.faults(wish, _content(wish), answers) if ours else ())


def install(wish: Service, answers: Answers) -> Plan:
    """Write the property list and have launchd load it, in place of an older one."""
    found = registered(wish, answers)
    if found is not None and found.ours and not found.faults:
        return Plan()
    return Plan(plists.loading(wish, _content(wish), answers))


def uninstall(wish: Service, answers: Answers) -> Plan:
    """Have launchd end and forget the job, and remove its property list; scripts go on."""
    return Plan() if registered(wish, answers) is None else Plan(plists.unloading(wish))


def _content(wish: Service) -> dict[str, object]:
    return {
        "Label": plists.label(wish),
        "ProgramArguments": list(wish.argv),
        "WorkingDirectory": wish.home,
        "RunAtLoad": True,
        "KeepAlive": True,
        # Else launchd would end the scripts that run, with those that watch them, whenever the command ends.
        "AbandonProcessGroup": True,
        "ExitTimeOut": STOPS_WITHIN_S,
        "EnvironmentVariables": dict(sorted(wish.environment.items())),
        "StandardErrorPath": f"{wish.home}/Library/Logs/{plists.label(wish)}.log",
        **({"UserName": wish.user} if wish.system else {}),
    }
