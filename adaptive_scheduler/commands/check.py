"""`check`: every fault of tasks.toml at once, then the world around it."""

from adaptive_scheduler.checkup import Finding, findings
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import ConfigError, TrustError
from adaptive_scheduler.opening import open_world

FINE, FOUND, CONFIG_FAULT = 0, 1, 2


def check(config: str | None, *, as_json: bool) -> int:
    """Print all findings; returns 2 for a broken configuration, 1 for other errors."""
    try:
        world = open_world(config, strict=True, write=False).world
    except ConfigError as error:
        # A fault of the file's has a line and a key; that nobody should read it has none.
        split = (lambda line: Finding("error", "", line)) if isinstance(error, TrustError) else _fault
        found = [split(line) for line in error.faults]
        _print(found, "", as_json=as_json)
        return CONFIG_FAULT
    found = findings(world)
    _print(found, world.config.path, as_json=as_json)
    return FOUND if any(one.severity == "error" for one in found) else FINE


def _fault(line: str) -> Finding:
    """Split `tasks.toml:LINE: key.path: sentence` into where and what; both keep every word."""
    parts = line.split(": ", 2)
    where, message = (": ".join(parts[:2]), parts[2]) if len(parts) == 3 else ("", line)
    return Finding("error", where, message)


def _print(found: list[Finding], path: str, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"severity": one.severity, "where": one.where, "message": one.message, "hint": one.hint} for one in found
        ]
        output.as_json({"ok": not any(one.severity == "error" for one in found), "findings": rows})
        return
    from adaptive_scheduler import render

    render.findings(found, path)
