"""The story of a registration: which scheduler, what it shall call, done, read back, remembered.

A project has one registration. What it is stands in `registration.json`, for the wish of that day is what
the system is compared with; what is in force is always asked of the system.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import files, registrar
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Action, Answers, Plan, Registration, Standing
from adaptive_scheduler.config import current_platform
from adaptive_scheduler.durations import words
from adaptive_scheduler.errors import RegistrationError, UsageError
from adaptive_scheduler.model import Config
from adaptive_scheduler.whoami import FOLDER

DEFAULT_NAME = "AdaptiveScheduler"
AUTO = "auto"
RECORD = "registration.json"
VERSION = 1

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
    before = recorded(config)
    if before is not None and (before[0], before[1].name, before[1].system) != (backend, wish.name, wish.system):
        old = before[0], before[1]
        if BACKENDS[old[0]].registered(old[1], registrar.ask(BACKENDS[old[0]].looks(old[1]))) is not None:
            raise UsageError(
                f"'{config.path}' is registered with {old[0]} as '{old[1].name}' already; "
                "'adaptive-scheduler uninstall' first, or it would be called twice"
            )
    found = BACKENDS[backend].registered(wish, answers)
    if found is not None and not found.ours:
        raise UsageError(f"{found.summary} is there and does not call '{config.path}'; choose another --name")
    return BACKENDS[backend].install(wish, answers)


def install(config: Config, backend: str, wish: Registration, plan: Plan, done: registrar.Done) -> Standing:
    """Carry out the plan, remember the wish, and return what is read back; RegistrationError when that differs."""
    registrar.carry_out(plan.actions, done)
    _remember(config, backend, wish)
    standing = read_back(config)
    if standing is None or standing.faults:
        faults = "; ".join(standing.faults) if standing else "nothing is there"
        raise RegistrationError(f"'{wish.name}' was registered with {backend}, but reads back otherwise: {faults}")
    return standing


def plans_uninstall(backend: str | None, wish: Registration) -> list[tuple[str, Plan]]:
    """Return what removes the registrations of this project under the wished name, by scheduler; often none."""
    found = []
    for name in (backend,) if backend else PREFERRED[current_platform()]:
        answers = registrar.ask(BACKENDS[name].looks(wish))
        standing = BACKENDS[name].registered(wish, answers)
        if standing is not None and standing.ours:
            found.append((name, BACKENDS[name].uninstall(wish, answers)))
    return found


def uninstall(backend: str, wish: Registration, actions: tuple[Action, ...], done: registrar.Done) -> None:
    """Carry out a plan of `plans_uninstall` and see that nothing is left; raises RegistrationError."""
    registrar.carry_out(actions, done)
    left = BACKENDS[backend].registered(wish, registrar.ask(BACKENDS[backend].looks(wish)))
    if left is not None:
        raise RegistrationError(f"{left.summary} is still there")


def read_back(config: Config) -> Standing | None:
    """Return how the registration of this project stands now, asked of the system; None when `install` made none."""
    record = recorded(config)
    if record is None:
        return None
    backend, wish = record
    answers = registrar.ask(BACKENDS[backend].looks(wish))
    missing = BACKENDS[backend].missing(wish, answers)
    found = BACKENDS[backend].registered(wish, answers)
    if missing is not None:
        return Standing(backend, wish.name, f"registered with {backend}", (f"{backend} cannot be asked: {missing}",))
    if found is None or not found.ours:
        gone = f"'{wish.name}' is registered with {backend} no longer"
        return Standing(backend, wish.name, f"registered with {backend} once", (gone,), (), ANEW)
    faults = (*found.faults, *_drifted(config, wish))
    return Standing(backend, wish.name, found.summary, faults, found.notes, ANEW if faults else "")


def recorded(config: Config) -> tuple[str, Registration] | None:
    """Return scheduler and wish of the last `install`; None without a legible record."""
    try:
        plain: dict[str, Any] = json.loads(_record(config).read_bytes())
        if plain["version"] != VERSION or plain["backend"] not in BACKENDS:
            return None
        wish = plain["registration"]
        wish["argv"] = tuple(wish["argv"])
        wish["every"], wish["offset"] = timedelta(seconds=wish["every"]), timedelta(seconds=wish["offset"])
        return plain["backend"], Registration(**wish)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(config: Config) -> None:
    """Remove the record."""
    with contextlib.suppress(OSError):
        _record(config).unlink()


def _drifted(config: Config, wish: Registration) -> list[str]:
    """Return how far the wish of that day is from what the project is now."""
    faults = []
    if wish.config != config.path:
        faults.append(f"it calls '{wish.config}', and this is '{config.path}'")
    if wish.every != config.rules.tick:
        faults.append(f"it comes every {words(wish.every)}, and scheduler.tick is {words(config.rules.tick)}")
    if not Path(wish.argv[0]).exists():
        faults.append(f"it calls '{wish.argv[0]}', which is gone")
    return faults


def _remember(config: Config, backend: str, wish: Registration) -> None:
    plain = asdict(replace(wish, environment=dict(wish.environment)))
    plain["every"], plain["offset"] = wish.every.total_seconds(), wish.offset.total_seconds()
    path = _record(config)
    content = {"version": VERSION, "backend": backend, "registration": plain}
    try:
        with _acting_as(wish):
            files.private_folder(path.parent)
            files.replace_file(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise RegistrationError(f"cannot write '{path}': {error.strerror or error}") from error


@contextlib.contextmanager
def _acting_as(wish: Registration) -> Iterator[None]:
    """Touch the files of another user with that user's rights only, when root registers for them.

    What they own they may have filled with links; root must not follow those.
    """
    if sys.platform == "win32" or wish.uid in (None, 0) or os.geteuid() != 0:
        yield
        return
    import pwd

    os.setegid(pwd.getpwuid(wish.uid).pw_gid)
    os.seteuid(wish.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _record(config: Config) -> Path:
    return Path(config.state_dir) / FOLDER / RECORD
