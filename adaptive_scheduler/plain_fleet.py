"""A story about many machines -> the JSON of `simulate --nodes`; the keys are a contract, as in plain.py."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from adaptive_scheduler.fleetbook import Book
from adaptive_scheduler.hosts import Machines
from adaptive_scheduler.plain import moment, rounded
from adaptive_scheduler.settings import Config


def story(book: Book, config: Config, machines: Machines, policy: str, notes: list[str]) -> dict[str, Any]:
    """Return the summary: what was asked, then the figures of all nodes, then each node's."""
    figures = asdict(book.close())
    nodes = figures.pop("nodes")
    return {
        "policy": policy,
        "from": moment(book.begins),
        "until": moment(book.until),
        "days": round((book.until - book.begins) / timedelta(days=1), 3),
        "slots": machines.slots,
        "cores": machines.cores,
        "node_memory_bytes": machines.memory,
        "tasks": len(config.tasks),
        "placed_by": ANY,
        "notes": notes,
        **_rounded(figures),
        "nodes": [_rounded(one) for one in nodes],
    }


ANY = 'every task counts as where = "any": labels, systems and names of nodes are not looked at'
"""What the summary says of the tasks' wishes."""


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return rounded(value) if isinstance(value, float) else value
