"""The story of a service: which keeper, done, read back, undone. What is in force is always asked of the system."""

from adaptive_scheduler import registrar
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Answers, Plan, Registered
from adaptive_scheduler.backends.services import KEEPERS
from adaptive_scheduler.backends.services.base import Service
from adaptive_scheduler.config import current_platform
from adaptive_scheduler.errors import RegistrationError, UsageError
from adaptive_scheduler.registration import AUTO, PREFERRED


def checked_keeper(backend: str, wish: Service) -> str:
    """Return the name of what keeps a service alive here, AUTO resolved; UsageError for what cannot."""
    if backend not in (AUTO, *BACKENDS):
        raise UsageError(f"unknown --backend '{backend}'; choose one of: {', '.join((AUTO, *KEEPERS))}")
    if backend == AUTO:
        return _keepers()[0]
    if backend not in KEEPERS:
        raise UsageError(f"--backend {backend} cannot keep a service alive; {_way_out(wish)}")
    return backend


def ask(backend: str, wish: Service, *, named: bool) -> Answers:
    """Return what a keeper tells; UsageError says why it cannot be used, `named` whether the user chose it."""
    answers = registrar.ask(KEEPERS[backend].looks(wish))
    reason = KEEPERS[backend].missing(wish, answers)
    if reason is None:
        return answers
    if named:
        raise UsageError(f"--backend {backend}: {reason}")
    raise UsageError(f"nothing here keeps a service alive; {backend}: {reason}; {_way_out(wish)}")


def plan_install(backend: str, wish: Service, answers: Answers) -> Plan:
    """Return the plan; UsageError when the name is taken by what is not this service."""
    found = KEEPERS[backend].registered(wish, answers)
    if found is not None and not found.ours:
        raise UsageError(
            f"{found.summary} is there and not of 'adaptive-scheduler install {wish.role}'; choose another --name"
        )
    return KEEPERS[backend].install(wish, answers)


def install(backend: str, wish: Service, plan: Plan, done: registrar.Done) -> Registered:
    """Carry out the plan and return what is read back; RegistrationError when that is not what was wished."""
    registrar.carry_out(plan.actions, done)
    found = KEEPERS[backend].registered(wish, registrar.ask(KEEPERS[backend].looks(wish)))
    if found is None or not found.ours or found.faults:
        faults = "; ".join(found.faults) if found and found.ours else "it is not there"
        raise RegistrationError(f"'{wish.name}' was registered with {backend}, but reads back otherwise: {faults}")
    return found


def plans_uninstall(wish: Service, named: str | None) -> list[tuple[str, Plan]]:
    """Return what removes this service, by keeper; none where it is not registered.

    Raises RegistrationError when a keeper that was named cannot be asked, or one that has a file of ours:
    removing that alone would leave the service running.
    """
    found = []
    for name in (named,) if named else _keepers():
        keeper = KEEPERS[name]
        answers = registrar.ask(keeper.looks(wish))
        missing, standing = keeper.missing(wish, answers), keeper.registered(wish, answers)
        ours = standing is not None and standing.ours
        if missing is not None and (named or ours):
            raise RegistrationError(f"nothing is removed, for {name} cannot be asked: {missing}")
        if ours:
            found.append((name, keeper.uninstall(wish, answers)))
    return found


def uninstall(backend: str, wish: Service, plan: Plan, done: registrar.Done) -> None:
    """Carry out a plan of `plans_uninstall` and see that nothing is left; raises RegistrationError."""
    registrar.carry_out(plan.actions, done)
    keeper = KEEPERS[backend]
    registrar.wait_until_gone(lambda: keeper.registered(wish, registrar.ask(keeper.looks(wish))))


def _keepers() -> tuple[str, ...]:
    return tuple(name for name in PREFERRED[current_platform()] if name in KEEPERS)


def _way_out(wish: Service) -> str:
    return (
        f"cron starts a command at a time, and does not see it end; have what supervises programs here (a container, "
        f"runit, OpenRC) run 'adaptive-scheduler cluster {wish.role} ...', and start it again whenever it ends"
    )
