"""What is carried out inside the scheduler and inside nodes: called by name, with plain values in and out.

Both need this package installed. Nothing here may wait: it runs where heartbeats are answered.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adaptive_scheduler.cluster.vitals import versions
from adaptive_scheduler.fleet import PROTOCOL
from adaptive_scheduler.reconcile import Word

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

ENGINE_WORDS = {
    "processing": Word.PROCESSING,
    "queued": Word.PROCESSING,
    "waiting": Word.PROCESSING,
    "no-worker": Word.NO_WORKER,
}
"""What the engine calls the states of what it has not finished."""

PREFIX = "adaptive-"

NODE = "adaptive_node"
"""The attribute of a worker that holds the Node."""


def key_of(run_id: str) -> str:
    """Return the engine's name for a run: one prefix for all, for it keeps a record of every prefix for ever."""
    return f"{PREFIX}{run_id}"


def survey(keys: Sequence[str], dask_scheduler: "Scheduler") -> dict[str, Any]:
    """Return what the scheduler knows of itself, its nodes, and these keys."""
    from distributed.metrics import time

    nodes = {}
    for state in dask_scheduler.workers.values():
        nodes[str(state.name)] = {
            "address": state.address,
            "vitals": state.metrics.get("node") or {},
            "silent_s": time() - state.last_seen,
            "handed": [
                str(task.key).removeprefix(PREFIX) for task in state.processing if str(task.key).startswith(PREFIX)
            ],
        }
    words = {}
    for key in keys:
        task = dask_scheduler.tasks.get(key)
        words[key] = (Word.GONE if task is None else ENGINE_WORDS.get(task.state, Word.GONE)).value
    return {
        "protocol": PROTOCOL,
        "versions": versions(),
        "allowed_failures": dask_scheduler.allowed_failures,
        "nodes": nodes,
        "words": words,
    }


def drop(keys: Sequence[str], dask_scheduler: "Scheduler") -> None:
    """Have the scheduler forget runs, whoever wanted them: it would keep them for nodes that are not there."""
    for key in keys:
        task = dask_scheduler.tasks.get(key)
        for client in [] if task is None else list(task.who_wants or ()):
            dask_scheduler.client_releases_keys([key], client.client_key)


def perform(cargo: dict[str, Any]) -> dict[str, Any] | None:
    """Do a run, in a thread of a node, and return how it ended; None when the node left the scheduler before."""
    from distributed import Status, get_worker

    worker = get_worker()
    node = getattr(worker, NODE)
    node.expects(cargo)
    ended: dict[str, Any] | None = node.ledger.perform(
        cargo, node.vitals.facts(), lambda: worker.status in (Status.running, Status.paused)
    )
    return ended


def on_ledger(verb: str, identity: str, arguments: Sequence[Any], dask_worker: "Worker") -> Any:
    """Ask the ledger of a node, if it is still the one that is meant; None when it is another."""
    ledger = getattr(dask_worker, NODE).ledger
    if ledger.identity != identity:
        return None
    return getattr(ledger, verb)(*arguments)
