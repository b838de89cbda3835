"""The page of `cluster status`: who is there, how busy, and why one gets no work."""

from adaptive_scheduler.case import percent
from adaptive_scheduler.fleet import Fleet, Node
from adaptive_scheduler.render.base import WARN, columns
from adaptive_scheduler.sizes import spoken
from adaptive_scheduler.terminal import Text, console


def cluster(master: str, fleet: Fleet) -> None:
    """Print the nodes of a cluster, after one line on how it stands."""
    out = console()
    if fleet.problem:
        out.print(Text(fleet.problem, WARN))
        return
    usable = [node for node in fleet.nodes if not node.unusable]
    free = sum(max(0, node.slots - len(node.runs)) for node in usable)
    slots = sum(node.slots for node in usable)
    out.print(f"{master}: {len(usable)} of {len(fleet.nodes)} nodes usable, {free} of {slots} slots free")
    if not fleet.nodes:
        out.print("none has joined; on each machine: adaptive-scheduler cluster node --master ...")
        return
    table = columns("Node", "CPU", "Memory", "Runs", "Has", "Stands")
    for node in fleet.nodes:
        stands = Text(node.unusable, WARN) if node.unusable else Text("ready")
        table.add_row(
            node.name, percent(node.cpu), _memory(node), f"{len(node.runs)} of {node.slots}", _has(node), stands
        )
    out.print(table)


def _memory(node: Node) -> str:
    left = "" if node.available_bytes is None else f", {spoken(node.available_bytes)} free"
    return f"{percent(node.memory)}{left}"


def _has(node: Node) -> str:
    return ", ".join([node.os, *sorted(node.labels), *sorted(node.suffixes)])
