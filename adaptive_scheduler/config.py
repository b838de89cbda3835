"""Where tasks.toml is, and what it says as a Config; cheap to import, since every cycle does.

`read` goes the whole way through the models; `build` makes a Config of values that were checked before,
which is how lastgood.py opens an unchanged file without them.
"""

import os
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from adaptive_scheduler import files, trust
from adaptive_scheduler.durations import NEVER
from adaptive_scheduler.errors import ConfigError, TrustError
from adaptive_scheduler.fleet import Cluster, Deploy, OnLoss, Unreachable, Where
from adaptive_scheduler.model import Priority, Step, Task, Window
from adaptive_scheduler.notify import About, Notify
from adaptive_scheduler.places import DEFAULT_STATE_DIR, FILE_NAME, VARIABLE, absolute
from adaptive_scheduler.settings import Config, MemoryGate, Rhythm, Rules
from adaptive_scheduler.textfile import Textfile
from adaptive_scheduler.watchlist import probes, watches

Plain = Mapping[str, Any]

_WAY_OUT = "name another file with --config, or write a starter with 'adaptive-scheduler init'"
_SECONDS = ("interval", "max_defer", "timeout", "retry_delay", "expected_duration")
_TUPLES = ("depends_on", "on", "success_codes", "warning_codes")
_TO_STEPS = ("script", "steps", "args", "interpreter")
_LIMITS_BY_PRIORITY = tuple(Priority)[1:]
"""Critical tasks pass the memory gate, so they have no limit there."""


def current_platform() -> str:
    """Return the name that `os = ...` in tasks.toml uses for this system."""
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def find(option: str | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file to use: that of --config, of the environment, here, or the user's.

    A file that was named is returned unseen, so that its absence is said by its name. Raises ConfigError
    naming the places when none was named and none is there.
    """
    named = option or environ.get(VARIABLE)
    if named:
        return _home(named, environ)
    places = [
        cwd / FILE_NAME,
        *(folder / "adaptive-scheduler" / FILE_NAME for folder in _user_folders(environ)),
    ]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(f"'{place}'" for place in places)
    raise ConfigError([f"no {FILE_NAME} found; looked for {looked}: {_WAY_OUT}"])


def load(path: Path, *, platform: str) -> Config:
    """Return the configuration in a file; ConfigError holds every fault in it, or why it cannot be read."""
    return read(read_bytes(path), path, platform=platform)


def read(content: bytes | str, path: Path, *, platform: str) -> Config:
    """Return the configuration in a file's content; ConfigError holds every fault in it."""
    from adaptive_scheduler.validation import validate

    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return build(validate(data, shown(path)), path, platform=platform)


def read_bytes(path: Path, environ: Mapping[str, str] = os.environ) -> bytes:
    """Return a file's content; ConfigError says why it cannot be had, TrustError who could change it."""
    try:
        problem = trust.objection(str(path), environ)
        content = b"" if problem else files.read_named(path)
    except FileNotFoundError as error:
        raise ConfigError([f"'{path}' not found; {_WAY_OUT}"]) from error
    except (OSError, ValueError) as error:
        if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises for a name that is too long
            raise ConfigError([f"'{path}' is a folder; name the file in it with --config"]) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([f"'{path}' cannot be read ({reason}); mend its permissions, or {_WAY_OUT}"]) from error
    if problem:
        raise TrustError([f"'{path}' is not followed: {problem}"])
    return content


def shown(path: Path) -> str:
    """Return a file's name as messages give it: short when it lies below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def build(plain: Plain, path: Path, *, platform: str) -> Config:
    """Return the Config of values that `validation.validate` has passed."""
    where = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow a link to another folder
    scheduler, gate = plain.get("scheduler", {}), plain.get("memory_gate", {})
    log, history = plain.get("log", {}), plain.get("history", {})
    general = {name: gate[name] for name in ("limit", "hard_limit") if name in gate}
    special = {priority: gate[priority] for priority in _LIMITS_BY_PRIORITY if priority in gate}
    return Config(
        path=str(where),
        state_dir=absolute(where, scheduler.get("state_dir", DEFAULT_STATE_DIR)),
        rules=Rules(
            **_durations(scheduler, {"tick": "tick"}),
            **_renamed(scheduler, {"max_parallel": "max_parallel"}),
            rhythm=Rhythm(**plain.get("rhythm", {})),
            memory_gate=MemoryGate(**general, by_priority=special),
            platform=platform,
            **_kinds(plain.get("cluster", {}), {"when_unreachable": Unreachable}),
        ),
        tasks={name: _task(name, table) for name, table in plain["tasks"].items()},
        cluster=_cluster(plain["cluster"], where) if "cluster" in plain else None,
        notify=_notify(plain.get("notify", {}), where),
        metrics=_textfile(plain["metrics"], where) if "metrics" in plain else None,
        watches=watches(plain.get("events", {})),
        probes=probes(plain.get("probes", {})),
        interpreters={ending: tuple(argv) for ending, argv in plain.get("interpreters", {}).items()},
        **_durations(history, {"keep": "history_keep"}),
        **_renamed(log, {"format": "log_format", "max_size": "log_max_bytes", "keep": "log_keep"}),
        **_renamed(
            scheduler,
            {"keep_runs": "runs_keep", "keep_bytes": "runs_max_bytes", "output_max": "output_max_bytes"},
        ),
    )


def _renamed(table: Plain, names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: table[theirs] for theirs, ours in names.items() if theirs in table}


def _durations(table: Plain, names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: timedelta(seconds=seconds) for ours, seconds in _renamed(table, names).items()}


def _kinds(table: Plain, kinds: Mapping[str, type]) -> dict[str, Any]:
    return {key: kind(table[key]) for key, kind in kinds.items() if key in table}


def _cluster(table: Plain, path: Path) -> Cluster:
    folder = table.get("certificates")
    return Cluster(
        table["master"],
        "" if folder is None else absolute(path, folder),
        **_durations(table, {"timeout": "timeout", "lost_after": "lost_after"}),
        **_kinds(table, {"on_loss": OnLoss}),
    )


def _notify(table: Plain, path: Path) -> Notify:
    values: dict[str, Any] = _renamed(table, {"failures": "failures", "ping": "ping"})
    if "on" in table:
        values["on"] = frozenset(About(one) for one in table["on"])
    if "secrets" in table:
        values["secrets"] = absolute(path, table["secrets"])
    return Notify(tuple(table.get("to", ())), **values)


def _textfile(table: Plain, path: Path) -> Textfile:
    return Textfile(absolute(path, table["textfile"]), table.get("project", ""))


def _task(name: str, table: Plain) -> Task:
    values = {key: value for key, value in table.items() if key not in _TO_STEPS}
    for key in _SECONDS:
        if key in values:
            values[key] = timedelta(seconds=values[key])
    for key in _TUPLES:
        if key in values:
            values[key] = tuple(values[key])
    if "priority" in values:
        values["priority"] = Priority(values["priority"])
    values |= _kinds(values, {"deploy": Deploy, "on_loss": OnLoss})
    if "where" in values:
        wish = values["where"]
        values["where"] = Where(tuple(wish.get("labels", ())), wish.get("os"), wish.get("node"))
    if "interval" not in values:
        # Without a beat there is nothing that the load could stretch.
        values |= {"interval": NEVER, "adaptive": False}
    values["windows"] = tuple(Window(start, end) for start, end in values.pop("window", ()))
    return Task(name=name, steps=_steps(table), **values)


def _steps(table: Plain) -> tuple[Step, ...]:
    own = tuple(table.get("interpreter", ()))
    listed = table.get("steps") or [{"script": table["script"], "args": table.get("args", ())}]
    return tuple(
        Step(
            step.get("name") or _file_name(step["script"]),
            step["script"],
            tuple(step.get("args", ())),
            tuple(step.get("interpreter", own)),
            step.get("os"),
        )
        for step in listed
    )


def _file_name(script: str) -> str:
    """Return the last part of a script's path, which may be written in the way of either system."""
    return re.split(r"[/\\]", script.removeprefix("builtin:").rstrip("/\\"))[-1] or script


def _home(named: str, environ: Mapping[str, str]) -> Path:
    """Spell out a leading ~ that no shell has: cron lines and `--config=~/x` keep it."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home, named[2:]) if home and named.startswith(("~/", "~\\")) else Path(named)


def _user_folders(environ: Mapping[str, str]) -> list[Path]:
    """Return where a user's configuration may lie, the most particular place first."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if sys.platform == "win32":
        return [Path(environ["APPDATA"])] if environ.get("APPDATA") else []
    folders = [Path(environ["XDG_CONFIG_HOME"])] if environ.get("XDG_CONFIG_HOME") else []
    if home and sys.platform == "darwin":
        folders.append(Path(home, "Library", "Application Support"))
    if home and not folders:
        folders.append(Path(home, ".config"))
    return folders
