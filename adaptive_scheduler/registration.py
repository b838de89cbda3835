"""The story of a registration: which scheduler, what it shall call, done, read back, undone.

A project has one registration; what is in force is always asked of the system.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

from adaptive_scheduler import record, registrar
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Action, Answers, Plan, Registration, Standing
from adaptive_scheduler.config import current_platform
from adaptive_scheduler.durations import words
from adaptive_scheduler.errors import RegistrationError, UsageError
from adaptive_scheduler.settings import Config

DEFAULT_NAME = "AdaptiveScheduler"
AUTO = "auto"

PREFERRED = {"linux": ("systemd", "cron"), "macos": ("launchd", "cron"), "windows": ("windows",)}
"""What `auto` tries on each system, in this order."""

ANEW = "'adaptive-scheduler install' registers it anew"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def checked_name(name: str) -> str:
    """Return a name that every scheduler can carry; UsageError for another."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name '{name}': write up to 64 letters, digits, '-', '_' or '.', a letter or digit first")
    return name


def choose(backend: str, wish: Registration) -> tuple[str, Answers]:
    """Return the scheduler to use and what it told; UsageError says why none can be."""
    if backend not in (AUTO, *BACKENDS):
        raise UsageError(f"unknown --backend '{backend}'; choose one of: {', '.join((AUTO, *BACKENDS))}")
    reasons = []
    for name in PREFERRED[current_platform()] if backend == AUTO else (backend,):
        answers = registrar.ask(BACKENDS[name].looks(wish))
        reason = BACKENDS[name].missing(wish, answers)
        if reason is None:
            return name, answers
        reasons.append(f"{name}: {reason}")
    if backend != AUTO:
        raise UsageError(f"--backend {reasons[0]}")
    raise UsageError("no scheduler of this system can be used; " + "; ".join(reasons))


def plan_install(config: Config, backend: str, wish: Registration, answers: Answers) -> Plan:
    """Return the plan; UsageError when the name is another project's, or this project is registered elsewhere."""
    before = record.recorded(config)
    if before is not None:
        _refuse_second(config, before, (backend, wish))
    found = BACKENDS[backend].registered(wish, answers)
    if found is not None and not found.ours and not _was_ours(before, wish, answers):
        raise UsageError(f"{found.summary} is there and does not call '{config.path}'; choose another --name")
    return BACKENDS[backend].install(wish, answers)


def install(config: Config, backend: str, wish: Registration, plan: Plan, done: registrar.Done) -> Standing:
    """Carry out the plan and return what is read back; RegistrationError when that is not what was wished.

    The wish is remembered first: what an install that fails half-way leaves behind, `uninstall` finds.
    """
    record.remember(config, backend, wish)
    registrar.carry_out(plan.actions, done)
    standing = read_back(config)
    if standing is None or standing.faults:
        faults = "; ".join(standing.faults) if standing else "nothing is there"
        raise RegistrationError(f"'{wish.name}' was registered with {backend}, but reads back otherwise: {faults}")
    return standing


def plans_uninstall(wish: Registration, named: str | None) -> list[tuple[str, Plan]]:
    """Return what removes the registrations of this project under the wished name, by scheduler; often none.

    Raises RegistrationError when a scheduler that was named cannot be asked, or one that has files of ours:
    removing those alone would leave it calling.
    """
    found = []
    for name in (named,) if named else PREFERRED[current_platform()]:
        backend = BACKENDS[name]
        answers = registrar.ask(backend.looks(wish))
        missing = backend.missing(wish, answers)
        try:
            standing = backend.registered(wish, answers)
        except RegistrationError:
            if missing is None:
                raise
            standing = None
        ours = standing is not None and standing.ours
        if missing is not None and (named or ours):
            raise RegistrationError(f"nothing is removed, for {name} cannot be asked: {missing}")
        if ours:
            found.append((name, backend.uninstall(wish, answers)))
    return found


def uninstall(backend: str, wish: Registration, actions: tuple[Action, ...], done: registrar.Done) -> None:
    """Carry out a plan of `plans_uninstall` and see that nothing is left; raises RegistrationError."""
    registrar.carry_out(actions, done)
    one = BACKENDS[backend]
    registrar.wait_until_gone(lambda: one.registered(wish, registrar.ask(one.looks(wish))))


def read_back(config: Config) -> Standing | None:
    """Return how the registration of this project stands now, asked of the system; None when `install` made none."""
    known = record.recorded(config)
    if known is None:
        return None
    backend, wish = known
    once = f"registered with {backend}"
    if record.is_of_another_user(wish):
        note = f"it is registered for user '{wish.user}', and only they can ask for it"
        return Standing(backend, wish.name, f"{once} for user '{wish.user}'", (), (note,))
    answers = registrar.ask(BACKENDS[backend].looks(wish))
    missing = BACKENDS[backend].missing(wish, answers)
    if missing is not None:
        return Standing(backend, wish.name, once, (f"{backend} cannot be asked: {missing}",))
    try:
        found = BACKENDS[backend].registered(wish, answers)
    except RegistrationError as error:
        return Standing(backend, wish.name, once, (str(error),))
    if found is None or not found.ours:
        return Standing(backend, wish.name, once, (f"'{wish.name}' is not registered with {backend}",), (), ANEW)
    faults = (*found.faults, *_drifted(config, wish))
    notes = list(found.notes)
    if Path(sys.executable) != Path(wish.argv[0]):
        notes.append(f"it calls '{wish.argv[0]}', and this is '{sys.executable}'")
    return Standing(backend, wish.name, found.summary, faults, tuple(notes), ANEW if faults else "")


def _refuse_second(config: Config, before: tuple[str, Registration], now: tuple[str, Registration]) -> None:
    """Raise UsageError when a project is registered already, and elsewhere: it would be called twice."""
    (old_backend, old), (backend, wish) = before, now
    if (old_backend, old.name, old.system) == (backend, wish.name, wish.system) and not record.is_of_another_user(old):
        return
    answers = registrar.ask(BACKENDS[old_backend].looks(old))
    whose = f" for user '{old.user}'" if record.is_of_another_user(old) else ""
    if whose or BACKENDS[old_backend].registered(old, answers) is not None:
        raise UsageError(
            f"'{config.path}' is registered with {old_backend} as '{old.name}'{whose} already; "
            "'adaptive-scheduler uninstall' first, or it would be called twice"
        )


def _was_ours(before: tuple[str, Registration] | None, wish: Registration, answers: Answers) -> bool:
    """Say whether what is registered calls this project by a path that it had before it was moved, or by a link."""
    if before is None or before[1].name != wish.name:
        return False
    found = BACKENDS[before[0]].registered(replace(wish, config=before[1].config, argv=before[1].argv), answers)
    return found is not None and found.ours


def _drifted(config: Config, wish: Registration) -> list[str]:
    """Return how far the wish of that day is from what the project is now."""
    faults = []
    if not record.is_same(wish.config, config.path):
        faults.append(f"it calls '{wish.config}', and this is '{config.path}'")
    if wish.every != config.rules.tick:
        faults.append(f"it comes every {words(wish.every)}, and scheduler.tick is {words(config.rules.tick)}")
    if not Path(wish.argv[0]).exists():
        faults.append(f"it calls '{wish.argv[0]}', which is gone")
    return faults
