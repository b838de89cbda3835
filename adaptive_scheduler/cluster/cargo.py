"""An order <-> the plain values that go to a node: scripts by their content, or by their hash where they lie there.

What depends on the machine is filled in there: paths, interpreters, the base of the environment. Secrets of a
node never leave it, and those of the master go no further than the task's own `env`.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import dispatch, files
from adaptive_scheduler.errors import DispatchError
from adaptive_scheduler.fleet import PROTOCOL, Deploy
from adaptive_scheduler.model import Step
from adaptive_scheduler.reconcile import REMEMBERED
from adaptive_scheduler.runners.base import Order
from adaptive_scheduler.runners.spec import frame, skip, told
from adaptive_scheduler.settings import Config

Plain = dict[str, Any]

LARGEST = 1 << 20
"""Larger scripts are deployed by hand: content travels with every run."""


def pack(order: Order, config: Config) -> Plain:
    """Return an order as plain values; a script that cannot be sent is the error of its step."""
    folder, task = Path(config.path).absolute().parent, order.task
    environ = {**os.environ, **task.env}
    return {
        "protocol": PROTOCOL,
        "run_id": order.run_id,
        "node": order.node,
        "spec": frame(order, config),
        "steps": [_packed(step, folder, task.deploy, environ) for step in task.steps],
        "cwd": task.cwd or "",
        "deploy": task.deploy.value,
        "env": told(order),
    }


def _packed(step: Step, folder: Path, deploy: Deploy, environ: Mapping[str, str]) -> Plain:
    plain: Plain = {"name": step.name, "os": step.os, "args": list(step.args), "interpreter": list(step.interpreter)}
    try:
        path = dispatch.script_path(step.script, folder)
        if not step.script.startswith(dispatch.BUILTIN):
            dispatch.demand_trust([str(path)], environ)
        content = path.read_bytes()
    except (DispatchError, OSError) as error:
        return {**plain, "error": str(error)}
    plain |= {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    if deploy is Deploy.PATH:
        if Path(step.script).is_absolute() or step.script.startswith(dispatch.BUILTIN):
            return {**plain, "error": f"script '{step.script}' has no place below a node's --scripts folder"}
        return {**plain, "path": Path(step.script).as_posix()}
    if len(content) > LARGEST:
        return {
            **plain,
            "error": f"script '{step.script}' is larger than 1 MiB; put it on the nodes: deploy = \"path\"",
        }
    return {**plain, "content": content}


def spoilt(cargo: Plain, problem: str) -> Plain:
    """Return an order as a run whose first step fails, for nothing of it can be set up here."""
    steps = [{"name": step["name"], "argv": None, "error": problem, "skip": None} for step in cargo["steps"]]
    return {**cargo["spec"], "keep_going": False, "steps": steps, "cwd": os.sep}


class Hold:
    """Where a node keeps the scripts it was sent, and finds those that lie there already."""

    def __init__(self, folder: Path, scripts: Path | None, interpreters: Mapping[str, tuple[str, ...]]) -> None:
        """Touch nothing yet; `scripts` is the root of what was deployed by hand."""
        self.sent, self.work, self.scripts, self.interpreters = (
            folder / "scripts",
            folder / "work",
            scripts,
            interpreters,
        )
        self._writing = threading.Lock()

    def spec(self, cargo: Plain, env: Mapping[str, str]) -> Plain:
        """Return what a supervisor here is to do; raises OSError when scripts or the work folder cannot be written."""
        base = self.scripts if cargo["deploy"] == Deploy.PATH and self.scripts is not None else self.work
        cwd = dispatch.absolute(cargo["cwd"] or ".", base)
        if base == self.work and not cargo["cwd"]:
            files.private_folder(self.work)
        return {**cargo["spec"], "steps": [self._step(step, env) for step in cargo["steps"]], "cwd": str(cwd)}

    def forget(self, now: datetime, live: Iterable[Plain]) -> None:
        """Remove sent scripts that no run has used for two weeks, and that none of the live, by its spec, is using.

        What is needed once more is there again: it travels with every run.
        """
        if not self.sent.exists():
            return
        words = [word for spec in live for step in spec["steps"] for word in step.get("argv") or ()]
        for folder in self.sent.iterdir():
            with self._writing, suppress(OSError):
                unused = now - datetime.fromtimestamp(folder.stat().st_mtime, now.tzinfo)
                if unused > REMEMBERED and not any(folder.name in word for word in words):
                    shutil.rmtree(folder)

    def _step(self, plain: Plain, env: Mapping[str, str]) -> Plain:
        done: Plain = {"name": plain["name"], "argv": None, "guarded": [], "error": plain.get("error"), "skip": None}
        step = Step(
            plain["name"], plain.get("file", ""), tuple(plain["args"]), tuple(plain["interpreter"]), plain["os"]
        )
        done["skip"] = skip(step, dispatch.PLATFORM)
        if done["skip"] is None and done["error"] is None:
            try:
                script = self._here(plain)
                step = Step(step.name, str(script), step.args, step.interpreter)
                words = dispatch.command(
                    step, folder=script.parent, interpreters=self.interpreters, path=env.get("PATH")
                )
                done["guarded"] = dispatch.guarded(words, step)
                dispatch.demand_trust(done["guarded"], env)
                done["argv"] = words
            except DispatchError as error:
                done["error"] = str(error)
        return done

    def _here(self, plain: Plain) -> Path:
        """Return the script as it lies here; DispatchError when it is another one than the master planned with."""
        wanted, name = str(plain["sha256"]), Path(plain["file"]).name
        if "content" in plain:
            path = self.sent / wanted / name
            if hashlib.sha256(plain["content"]).hexdigest() != wanted:
                raise DispatchError(f"script '{name}' was damaged on its way here")
            with self._writing:  # tasks may share a script, and their runs begin together
                if _hash(path) != wanted:
                    files.private_folder(path.parent)
                    files.replace_file(path, plain["content"])
                with suppress(OSError):  # then it is sent once more, some day
                    os.utime(path.parent)
            return path
        if self.scripts is None:
            raise DispatchError("this node has no folder of deployed scripts; start it with --scripts FOLDER")
        path = dispatch.absolute(plain["path"], self.scripts)
        if not path.is_relative_to(dispatch.absolute(".", self.scripts)):
            raise DispatchError(f"script '{plain['path']}' lies outside the folder of deployed scripts")
        found = _hash(path)
        if found is None:
            raise DispatchError(f"script '{plain['path']}' is not deployed here (looked for '{path}')")
        if found != wanted:
            raise DispatchError(f"script '{path}' is another one than the master's; deploy it anew")
        return path


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
