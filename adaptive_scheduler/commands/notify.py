"""`notify`: a test notice to every address of [notify], now, and what became of each."""

import os
import socket

from adaptive_scheduler import apprising, envfile, wording
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.notify import About, Notice
from adaptive_scheduler.opening import open_world

FINE, NOT_TOLD = 0, 1


def notify(config: str | None, *, as_json: bool) -> int:
    """Send a test notice to everybody and print the outcomes; returns 1 when somebody could not be told."""
    world = open_world(config, strict=True, write=False).world
    wish = world.config.notify
    if not wish.to:
        raise UsageError(f"'{world.config.path}' tells nobody: add [notify] with to = [\"NAME_OF_A_VARIABLE\"]")
    notice = Notice(About.EVENT, world.clock.now(), "this is a test: notices of adaptive-scheduler arrive here")
    title = wording.title([notice], socket.gethostname())
    text = wording.body([notice], {}, world.config.path)
    outcomes = {}
    for name in wish.to:
        address, problem = envfile.lookup(name, os.environ, wish.secrets)
        outcomes[name] = problem or wording.redacted(apprising.send(address, title, text), address)
    if as_json:
        output.as_json({"told": [{"name": name, "problem": problem or None} for name, problem in outcomes.items()]})
    else:
        for name, problem in outcomes.items():
            output.line(f"{name}: told" if not problem else f"{name}: not told: {problem}")
    return NOT_TOLD if any(outcomes.values()) else FINE
