"""Who a registration is for, and with what it calls a cycle: user, interpreter, environment, host."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler.backends import grid
from adaptive_scheduler.backends.base import Registration
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.model import Config

FOLDER = "registration"
"""Below state_dir: what was registered, and what was there before."""

UTF8 = "C.UTF-8"
TRIAL_PATIENCE_S = 60.0


def registration(config: Config, name: str, *, system: bool, environ: Mapping[str, str] = os.environ) -> Registration:
    """Return what is to be registered for a configuration.

    `-P` keeps the current folder out of the way of the modules, `-X utf8` makes every text UTF-8, wherever
    the call comes from. A registration with the machine runs as the owner of tasks.toml, who may change it.
    """
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
        environment=_environment(environ),
        windowless=_windowless(python),
    )


def try_out(wish: Registration) -> None:
    """Start the program as the system's scheduler will, anywhere and with next to no environment.

    Raises UsageError when it is not to be found there: it was started from a checkout, not installed.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment = kept if sys.platform == "win32" else {}
    words = [*wish.argv[: wish.argv.index("--config")], "--version"]
    trial = subprocess.run(
        words,
        env=environment,
        cwd=Path(sys.executable).anchor,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TRIAL_PATIENCE_S,
    )
    if trial.returncode != 0:
        problem = " ".join(trial.stderr.decode(errors="replace").split())[-200:]
        raise UsageError(
            f"'{wish.argv[0]}' does not find the program when it is called from elsewhere ({problem}); "
            "install it there: pip install, in a virtual environment"
        )


def _user(config: str, *, system: bool) -> tuple[str, str, int | None]:
    """Return name, home and number of the user whose task this is."""
    if sys.platform == "win32":
        import getpass

        name, domain = getpass.getuser(), os.environ.get("USERDOMAIN")
        return f"{domain}\\{name}" if domain else name, str(Path.home()), None
    import pwd

    uid = Path(config).stat().st_uid if system else os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise UsageError(f"user number {uid} has no entry in the system's list of users") from None
    return entry.pw_name, entry.pw_dir, uid


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a cycle's scripts need and the system's scheduler does not give.

    The search path is the present user's, for that is what the scripts were tried with; the language must
    be one of UTF-8. Windows knows both by itself; there it is where the task store lies.
    """
    if sys.platform == "win32":
        return {"SYSTEMROOT": environ["SYSTEMROOT"]} if "SYSTEMROOT" in environ else {}
    entries = [one for one in environ.get("PATH", os.defpath).split(os.pathsep) if Path(one).is_absolute()]
    language = environ.get("LC_ALL") or environ.get("LANG") or ""
    is_utf8 = language.upper().replace("-", "").endswith("UTF8")
    plain = "en_US.UTF-8" if sys.platform == "darwin" else UTF8
    return {"PATH": os.pathsep.join(dict.fromkeys(entries)), "LANG": language if is_utf8 else plain}


def _windowless(python: Path) -> str | None:
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
