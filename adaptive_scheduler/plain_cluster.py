"""A fleet -> plain JSON values."""

from typing import Any

from adaptive_scheduler.fleet import Fleet, Node


def cluster(master: str, fleet: Fleet) -> dict[str, Any]:
    """Return how a cluster stands."""
    return {"master": master, "problem": fleet.problem or None, "nodes": [_node(one) for one in fleet.nodes]}


def _node(one: Node) -> dict[str, Any]:
    return {
        "name": one.name,
        "usable": not one.unusable,
        "problem": one.unusable or None,
        "os": one.os,
        "labels": sorted(one.labels),
        "slots": one.slots,
        "runs": sorted(one.runs),
        "cpu_percent": one.cpu,
        "memory_percent": one.memory,
        "memory_available_bytes": one.available_bytes,
        "memory_total_bytes": one.total_bytes,
        "script_types": sorted(one.suffixes),
        "versions": dict(one.versions),
    }
