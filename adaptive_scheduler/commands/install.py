"""`install` and `uninstall`: have the system's scheduler call a cycle, or no longer."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler import config as configuration
from adaptive_scheduler import places, record, registration, trust, whoami
from adaptive_scheduler.backends import BACKENDS
from adaptive_scheduler.backends.base import Registration
from adaptive_scheduler.commands import output, plans
from adaptive_scheduler.errors import ConfigError, UsageError
from adaptive_scheduler.opening import open_world
from adaptive_scheduler.settings import Config, Rules


def install(
    config: str | None, *, backend: str, every: timedelta | None, name: str | None, system: bool, print_only: bool
) -> int:
    """Register a cycle every tick, read it back, and say what was done; `print_only` only says it.

    What is not said is as it was at the last time, so that doing it again mends.
    """
    # The copy of tasks.toml that this leaves is what cycles go by, should the file be broken before the first.
    world = open_world(config, strict=True, write=not print_only and not system, environ=_for_its_owner(config)).world
    _refuse_other_tick(world.config, every)
    before = record.recorded(world.config)
    if before is not None:
        backend = before[0] if backend == registration.AUTO else backend
        name, system = name or before[1].name, system or before[1].system
    checked = registration.checked_name(name or registration.DEFAULT_NAME)
    wish = whoami.registration(world.config, checked, system=system)
    if print_only:
        _print_install(world.config, backend, wish)
        return 0
    whoami.try_out(wish)
    chosen, answers = registration.choose(backend, wish)
    plan = registration.plan_install(world.config, chosen, wish, answers)
    standing = registration.install(world.config, chosen, wish, plan, plans.done)
    how = "registered" if plan.actions else "registered already"
    output.line(f"{how}: {standing.summary}")
    for note in dict.fromkeys((*plan.notes, *standing.notes)):
        output.line(f"note: {note}")
    return 0


def uninstall(config: str | None, *, backend: str | None, name: str | None, system: bool, print_only: bool) -> int:
    """Remove this project's registration; that there is none is fine."""
    mine = _config_of_anything(config)
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"unknown --backend '{backend}'; choose one of: {', '.join(BACKENDS)}")
    known = record.recorded(mine)
    is_known = known is not None and backend in (None, known[0]) and name in (None, known[1].name)
    if known is not None and is_known:
        backend, wish = known
    else:
        checked = registration.checked_name(name or registration.DEFAULT_NAME)
        wish = whoami.registration(mine, checked, system=system)
    found = registration.plans_uninstall(wish, backend)
    if not found:
        output.line(f"'{wish.name}' is not registered for '{mine.path}'; nothing to do")
    if known is not None and not is_known:
        output.line(f"note: it stays registered with {known[0]} as '{known[1].name}'")
    for chosen, plan in found:
        if print_only:
            plans.show(plan)
        else:
            registration.uninstall(chosen, wish, plan.actions, plans.done)
            output.line(f"'{wish.name}' is no longer registered with {chosen}; tasks.toml, log and history stay")
    if is_known and not print_only:
        record.forget(mine)
    return 0


def _for_its_owner(option: str | None) -> Mapping[str, str]:
    """Return what tasks.toml is opened with: root registers another user's, whose own cycles look who may write."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return os.environ
    try:
        owner = configuration.find(option, os.environ, Path.cwd()).stat().st_uid
    except OSError:
        return os.environ
    return os.environ if owner == 0 else {**os.environ, trust.VARIABLE: "1"}


def _refuse_other_tick(config: Config, every: timedelta | None) -> None:
    if every is not None:
        text = Path(config.path).read_text(encoding="utf-8", errors="replace")
        problem = whoami.differing_tick(config, every, text)
        if problem:
            raise UsageError(problem)


def _config_of_anything(option: str | None) -> Config:
    """Return the configuration, or what can be known of one that is broken or gone: it must go unregistered too."""
    try:
        return open_world(option, strict=False, write=False, environ=_for_its_owner(option)).world.config
    except ConfigError:
        path = configuration.find(option, {}, Path.cwd()) if option else None
        if path is None:
            raise
        state_dir = places.absolute(path.absolute(), places.DEFAULT_STATE_DIR)
        return Config(path=str(path.absolute()), state_dir=state_dir, rules=Rules(), tasks={})


def _print_install(config: Config, backend: str, wish: Registration) -> None:
    """Print what would be done here, now; where nothing would, or nothing can, what it takes from scratch."""
    if backend in BACKENDS:
        try:
            chosen, answers = registration.choose(backend, wish)
        except UsageError as error:
            output.line(f"# {error}; on a machine that has it:")
            chosen, answers = backend, {}
    else:
        chosen, answers = registration.choose(backend, wish)
    plan = registration.plan_install(config, chosen, wish, answers)
    if not plan.actions:
        output.line("# registered already, nothing would be done; from scratch:")
        plan = BACKENDS[chosen].install(wish, {})
    plans.show(plan)
