"""An order -> the spec.json of its run: everything is decided here, the supervisor only does it.

A step that cannot be run carries its error, a step for another system says so: there is one way to run a
thing, and one way in which a thing fails.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptive_scheduler import dispatch
from adaptive_scheduler.errors import DispatchError
from adaptive_scheduler.events import as_text
from adaptive_scheduler.model import Step
from adaptive_scheduler.norms import time_limit
from adaptive_scheduler.runfolder import VERSION
from adaptive_scheduler.runners.base import Order
from adaptive_scheduler.settings import Config, without_addresses

EVENT = "ADAPTIVE_EVENT"
"""Set for the runs that an event starts, and for no other."""

GRACE_S = 5.0
"""How long a script has between being asked to end and being killed."""


def spec_of(order: Order, config: Config) -> dict[str, Any]:
    """Return what the supervisor of this order is to do."""
    task, folder = order.task, Path(config.path).absolute().parent
    environ = environment(order, config)
    steps = [_step(step, config, folder, environ) for step in task.steps]
    return {**frame(order, config), "steps": steps, "cwd": str(dispatch.absolute(task.cwd or ".", folder))}


def frame(order: Order, config: Config) -> dict[str, Any]:
    """Return what of it is the same on whatever machine."""
    task, limit = order.task, time_limit(order.task, order.footprint)
    return {
        "version": VERSION,
        "task": task.name,
        "run_id": order.run_id,
        "timeout_s": limit.most.total_seconds(),
        "timeout_source": limit.source if task.timeout is None else "",
        "grace_s": GRACE_S,
        "keep_going": task.keep_going,
        "success_codes": list(task.success_codes),
        "warning_codes": list(task.warning_codes),
        "background": task.in_background,
        "output_max_bytes": config.output_max_bytes,
    }


def environment(order: Order, config: Config, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of the supervisor and its scripts: ours, the task's, and the decision's facts.

    It goes from process to process and never into a file: it may hold secrets. Those of [notify] stay here.
    """
    return merged(without_addresses(environ, config), told(order))


def told(order: Order) -> dict[str, str]:
    """Return what the scripts of an order are told by their environment: the task's own, and the decision's facts."""
    mine = {
        "PYTHONUTF8": "1",
        **order.task.env,
        "ADAPTIVE_TASK": order.task.name,
        "ADAPTIVE_RUN_ID": order.run_id,
        "ADAPTIVE_REASON": order.reason,
        "ADAPTIVE_CPU": _number(order.sample_cpu),
        "ADAPTIVE_MEMORY": _number(order.sample_memory),
    }
    if order.event is not None:
        mine[EVENT] = as_text(order.event)
    return mine


def merged(environ: Mapping[str, str], mine: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with what a run is told laid over it."""
    if sys.platform == "win32":  # names of variables know no case there
        mine = {name.upper(): value for name, value in mine.items()}
    # A cycle that was called from a script has that script's event, which is none of this run's.
    return {**{name: value for name, value in environ.items() if name != EVENT}, **mine}


def skip(step: Step, platform: str) -> str | None:
    """Return why a step does not run on this system, None when it does."""
    return None if step.os in (None, platform) else f"'{step.name}' is for {step.os}, this is {platform}"


def _step(step: Step, config: Config, folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": step.name, "argv": None, "guarded": [], "error": None, "skip": None}
    platform = config.rules.platform
    plain["skip"] = skip(step, platform)
    if plain["skip"] is None:
        try:
            words = dispatch.command(
                step, folder=folder, interpreters=config.interpreters, platform=platform, path=environ.get("PATH")
            )
            plain["guarded"] = dispatch.guarded(words, step)
            dispatch.demand_trust(plain["guarded"], environ)
            plain["argv"] = words
        except DispatchError as error:
            plain["error"] = str(error)
    return plain


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
