"""What [cluster] and the tasks that go elsewhere say about each other.

As in crosschecks.py, values come as TOML gave them, and a fault is the path of a key and a sentence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adaptive_scheduler import addresses

Fault = tuple[tuple[str | int, ...], str]
Raw = Mapping[str, Any]

ELSEWHERE_ONLY = ("deploy", "on_loss")


def clusterchecks(cluster: Any, tasks: Mapping[str, Raw]) -> Iterator[Fault]:
    """Yield every fault in how the cluster is reached, and in who goes there."""
    if isinstance(cluster, dict):
        yield from _cluster(cluster)
    for name, task in tasks.items():
        if "where" not in task:
            for key in (key for key in ELSEWHERE_ONLY if key in task):
                yield ("tasks", name, key), 'means nothing without where; leave it out, or add where = "any"'
            continue
        if cluster is None:
            example = 'master = "tls://master.example:8786"'
            yield ("tasks", name, "where"), f"needs a table [cluster] that names the scheduler: {example}"
        if "os" in task:
            yield ("tasks", name, "os"), f'the node\'s system goes into where: where = {{ os = "{task["os"]}" }}'


def _cluster(cluster: Raw) -> Iterator[Fault]:
    master = cluster.get("master")
    if master is None:
        yield ("cluster", "master"), 'is missing; add master = "tls://master.example:8786"'
        return
    try:
        address = addresses.parse(master)
    except (ValueError, TypeError):
        return  # the model says so
    if address.is_encrypted and "certificates" not in cluster:
        made = "made by 'adaptive-scheduler cluster certs'"
        yield ("cluster", "certificates"), f"is missing; tls:// needs the folder of this machine, {made}"
    if not address.is_encrypted and not address.is_loopback:
        yield ("cluster", "master"), f"'{master}' leaves this machine without TLS; use tls:// and certificates"
    if not address.is_encrypted and "certificates" in cluster:
        yield ("cluster", "certificates"), "tcp:// uses none; use tls://, or leave it out"
