"""Who a registration is for, and with what it calls a cycle: user, interpreter, environment, host."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adaptive_scheduler import trust
from adaptive_scheduler.backends import grid
from adaptive_scheduler.backends.base import Registration, Wish
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.settings import Config

FOLDER = "registration"
"""Below state_dir: what was registered, and what was there before."""

UTF8 = "C.UTF-8"
TRIAL_PATIENCE_S = 60.0


def registration(config: Config, name: str, *, system: bool, environ: Mapping[str, str] = os.environ) -> Registration:
    """Return what is to be registered for a configuration.

    `-P` keeps the current folder out of the way of the modules, `-X utf8` makes every text UTF-8, wherever
    the call comes from. A registration with the machine runs as the owner of tasks.toml, who may change it.
    """
    import socket

    python = Path(sys.executable)
    user, home, uid = _user(config.path, system=system)
    return Registration(
        name=name,
        argv=(str(python), "-P", "-X", "utf8", "-m", "adaptive_scheduler", "--config", config.path, "run"),
        config=config.path,
        folder=str(Path(config.state_dir) / FOLDER),
        every=config.rules.tick,
        offset=grid.offset(socket.gethostname(), name, config.rules.tick),
        user=user,
        home=home,
        uid=uid,
        system=system,
        environment=environment_of(environ),
        windowless=windowless(python),
    )


def try_out(wish: Wish) -> None:
    """Start the program as the system's scheduler will, as its user, anywhere and with next to no environment.

    Raises UsageError when it is not to be found there: it was started from a checkout, not installed.
    """
    words = [*wish.argv[: wish.argv.index("adaptive_scheduler") + 1], "--version"]
    code, complaint = trial(words, wish.uid)
    if code != 0:
        problem = " ".join(complaint.split())[-200:]
        raise UsageError(
            f"'{wish.argv[0]}', called by '{wish.user}' from elsewhere, does not find the program ({problem}); "
            "install it where it does: pip install, in a virtual environment"
        )


def trial(
    words: Sequence[str],
    uid: int | None,
    *,
    folder: str = Path(sys.executable).anchor,
    environment: Mapping[str, str] = MappingProxyType({}),
    groups: Sequence[int] = (),
) -> tuple[int, str]:
    """Return the exit code and the complaint of a command, run as a user and with this environment alone.

    On Windows it is the present user, and the environment is what a session there has.
    """
    import subprocess

    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    options: dict[str, Any] = {"env": {**kept, **environment}}
    if sys.platform != "win32":
        options["env"] = dict(environment)
        if os.geteuid() == 0 and uid:
            import pwd

            options |= {"user": uid, "group": pwd.getpwuid(uid).pw_gid, "extra_groups": list(groups)}
    try:
        done = subprocess.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_PATIENCE_S, **options
        )
    except (OSError, subprocess.SubprocessError) as error:
        return 1, str(error)
    return done.returncode, done.stderr.decode(errors="replace")


def _user(config: str, *, system: bool) -> tuple[str, str, int | None]:
    """Return name, home and number of the user whose task this is."""
    if sys.platform == "win32":
        return user_of()
    me = os.geteuid()
    try:
        owner = Path(config).stat().st_uid
    except OSError:  # it is gone, and only to be unregistered
        owner = me
    if me == 0 and owner != 0 and not system:
        raise UsageError(
            f"'{config}' belongs to user number {owner}, who could have anything run as root; "
            "do this as that user, or register with the machine: --system runs it as them"
        )
    return user_of(owner if system else me)


def user_of(number: int | None = None) -> tuple[str, str, int | None]:
    """Return name, home and number of a user, the present one unless numbered; Windows has no numbers.

    UsageError for one that the system does not list.
    """
    if sys.platform == "win32":
        import getpass

        name, domain = getpass.getuser(), os.environ.get("USERDOMAIN")
        return f"{domain}\\{name}" if domain else name, str(Path.home()), None
    import pwd

    uid = os.geteuid() if number is None else number
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise UsageError(f"user number {uid} has no entry in the system's list of users") from None
    return entry.pw_name, entry.pw_dir, uid


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a cycle's scripts need and the system's scheduler does not give.

    The search path is the present user's, for that is what the scripts were tried with; the language must
    be one of UTF-8, and what the user vouched for stays so. Windows knows all by itself; there it is where the task
    store lies.
    """
    if sys.platform == "win32":
        return {"SYSTEMROOT": environ["SYSTEMROOT"]} if "SYSTEMROOT" in environ else {}
    entries = [one for one in environ.get("PATH", os.defpath).split(os.pathsep) if Path(one).is_absolute()]
    language = environ.get("LC_ALL") or environ.get("LANG") or ""
    is_utf8 = language.upper().replace("-", "").endswith("UTF8")
    plain = "en_US.UTF-8" if sys.platform == "darwin" else UTF8
    told = {trust.VARIABLE: "1"} if trust.is_off(environ) else {}
    return {"PATH": os.pathsep.join(dict.fromkeys(entries)), "LANG": language if is_utf8 else plain, **told}


def windowless(python: Path) -> str | None:
    """Return the interpreter that opens no console window, where there is one."""
    beside = python.with_name("pythonw.exe")
    return str(beside) if beside.exists() else None


def differing_tick(config: Config, every: timedelta, text: str) -> str | None:
    """Return what to change for calls `every` so often, None when scheduler.tick says so already."""
    if every == config.rules.tick:
        return None
    from adaptive_scheduler.durations import compact
    from adaptive_scheduler.toml_lines import lines

    known = lines(text)
    line = known.get(("scheduler", "tick"))
    wanted, present = f'tick = "{compact(every)}"', f'tick = "{compact(config.rules.tick)}"'
    place = f"{config.path}:{line}: change {present} to {wanted}"
    if line is None:
        place = f"{config.path}: write {wanted} under [scheduler], where {compact(config.rules.tick)} is the default"
    return f"--every {compact(every)} is not scheduler.tick, which every cycle reckons with; {place}"
