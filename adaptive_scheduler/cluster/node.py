"""The process that is a node: the engine's worker with a ledger, and a heartbeat that tells of the whole machine."""

import asyncio
import errno
import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptive_scheduler import files, locks
from adaptive_scheduler.cluster import remote, respawn
from adaptive_scheduler.cluster.cargo import Hold
from adaptive_scheduler.cluster.ledger import Ledger
from adaptive_scheduler.cluster.tls import Certificates, refusal, security
from adaptive_scheduler.cluster.vitals import Vitals, interpreters
from adaptive_scheduler.errors import UsageError

SPARE = 2
"""Threads beyond the slots: critical runs need no slot, and the master counts slots exactly."""

REFUSAL_S = 5.0

JOIN_S = 30.0
"""A scheduler that has not noticed yet that an older line of this node is dead may never answer its joining."""

REFUSED = 1


@dataclass(frozen=True)
class Wish:
    """How a node is to be: `host` is where the scheduler calls back, `scripts` the root of what is deployed by hand."""

    master: str
    name: str
    folder: Path
    slots: int
    host: str
    port: int
    labels: tuple[str, ...] = ()
    certificates: Certificates | None = None
    scripts: Path | None = None
    env_file: Path | None = None
    interpreters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Node:
    """What a worker knows beyond the engine: its name, its ledger, its vitals."""

    def __init__(self, wish: Wish) -> None:
        """Open the ledger and measure once; raises OSError."""
        known = interpreters(wish.interpreters)
        self.name = wish.name
        self.ledger = Ledger(wish.folder, Hold(wish.folder, wish.scripts, known), env_file=wish.env_file)
        self.vitals = Vitals(self.ledger, wish.slots, wish.labels, wish.folder, known)

    def expects(self, cargo: Mapping[str, Any]) -> None:
        """Refuse an order that is for another node: an address may have had another owner when it was given."""
        if (cargo["node"], cargo["ledger"]) != (self.name, self.ledger.identity):
            raise ValueError(f"this is '{self.name}', and the run is for '{cargo['node']}'")


def serve(wish: Wish) -> int:
    """Be the node until the scheduler, or the process that keeps us going, ends; returns an exit code.

    Raises OSError when the folder of the node cannot be used, UsageError when another node uses it.
    """
    import dask

    from adaptive_scheduler.cluster.engine import SETTINGS, QuietWorker

    respawn.end_with_parent(lambda: os._exit(0))
    if problem := refusal(wish.master, wish.certificates, REFUSAL_S):
        print(f"node '{wish.name}': {problem}", file=sys.stderr, flush=True)
        return REFUSED
    files.private_folder(wish.folder)
    lock = locks.open_lockable(wish.folder / "node.lock", os.O_CREAT)
    if not locks.try_lock(lock):
        raise UsageError(f"another node uses '{wish.folder}'; give this one a --dir of its own")
    node = Node(wish)
    node.ledger.forget(node.ledger.clock.now())
    node.vitals.watch()

    patience = threading.Timer(JOIN_S, _give_up, (wish.name,))
    patience.daemon = True
    patience.start()

    async def run() -> None:
        worker = QuietWorker(
            wish.master,
            name=wish.name,
            nthreads=wish.slots + SPARE,
            host=wish.host,
            port=wish.port,
            security=security(wish.certificates),
            memory_limit=0,
            dashboard=False,
            local_directory=str(wish.folder / "engine"),
            metrics={"node": lambda _worker: node.vitals.latest},
        )
        setattr(worker, remote.NODE, node)
        async with worker:
            patience.cancel()
            print(f"node '{wish.name}' joined {wish.master} with {wish.slots} slots", flush=True)
            await worker.finished()  # type: ignore[no-untyped-call]  # the engine types little of itself

    logging.getLogger("distributed").setLevel(logging.ERROR)
    code = 0
    try:
        with dask.config.set(SETTINGS):
            asyncio.run(run())
    except (OSError, RuntimeError) as error:  # the engine says RuntimeError, and means its cause
        print(f"node '{wish.name}': {_why_not(error, wish)}", file=sys.stderr, flush=True)
        code = REFUSED
    # The engine waits for its threads; what they wait for lives on without them.
    os._exit(code)


def _why_not(error: Exception, wish: Wish) -> str:
    """Say why we could not join."""
    cause = error.__cause__ or error
    if "name taken" in str(cause):
        return (
            f"'{wish.master}' has a node of this name; give one of them another --name "
            "(one whose line was cut is forgotten within half a minute)"
        )
    if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
        return f"port {wish.port} of {wish.host} is taken; give it another --port"
    return f"cannot join '{wish.master}': {cause}"


def _give_up(name: str) -> None:
    """End this process, whatever the engine waits for: it is started again."""
    print(f"node '{name}': the scheduler did not answer its joining in {JOIN_S:g} s", file=sys.stderr, flush=True)
    os._exit(REFUSED)
