"""`install` and `uninstall` of the two commands that never end: have the system keep one alive, or no longer."""

from collections.abc import Callable, Sequence

from adaptive_scheduler import registration, service_wish, services
from adaptive_scheduler.backends.services import KEEPERS
from adaptive_scheduler.backends.services.base import DEFAULT_NAMES, Service
from adaptive_scheduler.commands import output, plans
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.service_wish import Account


def install(
    role: str,
    options: Sequence[str],
    *,
    backend: str,
    name: str | None,
    system: bool,
    user: str | None,
    print_only: bool,
    account: Callable[..., Account] = service_wish.account,
    service: Callable[..., Service] = service_wish.service,
) -> int:
    """Have the system keep the command of a role alive, read back what it understood, and say what was done."""
    who = account(user=user, system=system)
    wish = service(role, options, _name(role, name), who=who, system=system)
    chosen, named = services.checked_keeper(backend, wish), backend != registration.AUTO
    if print_only:
        _print_install(chosen, wish, named=named)
        return 0
    answers = services.ask(chosen, wish, named=named)
    plan = services.plan_install(chosen, wish, answers)
    service_wish.try_out(wish)
    found = services.install(chosen, wish, plan, plans.done)
    output.line(f"{'registered' if plan.actions else 'registered already'}: {found.summary}")
    for note in dict.fromkeys((*plan.notes, *found.notes)):
        output.line(f"note: {note}")
    return 0


def uninstall(
    role: str,
    *,
    backend: str | None,
    name: str | None,
    system: bool,
    print_only: bool,
    account: Callable[[], Account] = service_wish.myself,
) -> int:
    """Remove the service of a role; that there is none is fine."""
    wish = service_wish.service(role, (), _name(role, name), who=account(), system=system)
    if backend is not None:
        backend = services.checked_keeper(backend, wish)
    found = services.plans_uninstall(wish, backend)
    if not found:
        output.line(f"'{wish.name}' is not registered as a service '{role}'; nothing to do")
    for chosen, plan in found:
        if print_only:
            plans.show(plan)
        else:
            services.uninstall(chosen, wish, plan, plans.done)
            output.line(f"'{wish.name}' is no longer registered with {chosen}; what it started goes on")
    return 0


def checked_role(role: str) -> str:
    """Return the role that a word names; UsageError for another word."""
    if role not in DEFAULT_NAMES:
        roles = " or ".join(f"'{one}'" for one in DEFAULT_NAMES)
        raise UsageError(f"unknown service '{role}'; write {roles}, or nothing for the cycle of a tasks.toml")
    return role


def _name(role: str, name: str | None) -> str:
    return registration.checked_name(name or DEFAULT_NAMES[role])


def _print_install(chosen: str, wish: Service, *, named: bool) -> None:
    """Print what would be done here, now; where nothing would, or nothing can, what it takes from scratch."""
    try:
        answers = services.ask(chosen, wish, named=named)
    except UsageError as error:
        output.line(f"# {error}; on a machine that has it:")
        answers = {}
    plan = services.plan_install(chosen, wish, answers)
    if not plan.actions:
        output.line("# registered already, nothing would be done; from scratch:")
        plan = KEEPERS[chosen].install(wish, {})
    plans.show(plan)
