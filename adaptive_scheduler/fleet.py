"""The machines that a cycle may give work to, what a task wants of them, and why one cannot take it. Values, pure.

A node tells of itself with every heartbeat (cluster/vitals.py writes it, `node` here reads it); the scheduler
adds what it has handed to it. A task without `where` knows nothing of all this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

PROTOCOL = 2
"""What master, scheduler and nodes say to each other; raised when one of them would misunderstand the other."""

SILENT_AFTER = timedelta(seconds=30)
"""A node whose heartbeat is this old gets no work: the engine itself waits for minutes."""


class Unreachable(StrEnum):
    """What becomes of due tasks while the cluster cannot be reached."""

    DEFER = "defer"
    LOCAL = "local"


class OnLoss(StrEnum):
    """What becomes of a run that was cut off, or whose node is gone: `rerun` may run it twice."""

    REPORT = "report"
    RERUN = "rerun"


class Deploy(StrEnum):
    """How scripts get to a node: with the task, or by hand, and only their content is compared."""

    CONTENT = "content"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Where:
    """What a task wants of the node that runs it; nothing at all is any node."""

    labels: tuple[str, ...] = ()
    os: str | None = None
    node: str | None = None

    def __str__(self) -> str:
        """Return the wish for a sentence: "windows with label 'gpu'"."""
        names = ", ".join(f"'{label}'" for label in self.labels)
        parts = [f"named '{self.node}'"] if self.node else []
        parts += [f"under {self.os}"] if self.os else []
        parts += [f"with label{'s' * (len(self.labels) > 1)} {names}"] if names else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The [cluster] table: whom to ask, as whom, and what to do without an answer."""

    master: str
    certificates: str = ""
    """The folder with ca.pem, cert.pem and key.pem; empty on loopback without TLS."""
    timeout: timedelta = timedelta(seconds=3)
    lost_after: timedelta | None = None
    on_loss: OnLoss = OnLoss.REPORT


@dataclass(frozen=True, slots=True)
class Node:
    """A machine as it was seen last; CPU and memory are per cent of what it may use, None where unknown.

    `runs` holds the live runs by id with the bytes that each uses now, None where that is not known yet.
    """

    name: str
    slots: int
    os: str = "linux"
    labels: frozenset[str] = frozenset()
    cpu: float | None = None
    memory: float | None = None
    available_bytes: int | None = None
    total_bytes: int | None = None
    runs: Mapping[str, int | None] = field(default_factory=dict)
    suffixes: frozenset[str] = frozenset()
    ledger: str = ""
    """The identity of its ledger: a node that lost it knows nothing of what it ran."""
    versions: Mapping[str, str] = field(default_factory=dict)
    unusable: str = ""
    """Why it gets no work, empty when it may."""

    def lacks(self, where: Where, suffixes: Iterable[str]) -> str:
        """Return what it lacks of what a task wants, empty when nothing."""
        if where.node not in (None, self.name):
            return f"it is not '{where.node}'"
        if where.os not in (None, self.os):
            return f"runs {self.os}, not {where.os}"
        if missing := [f"'{label}'" for label in where.labels if label not in self.labels]:
            return f"has no label {', '.join(missing)}"
        if unknown := sorted(set(suffixes) - self.suffixes):
            return f"has nothing that runs {', '.join(unknown)}"
        return ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """All nodes at one moment, or why nothing is known of them: `asked` says whether anybody asked."""

    nodes: tuple[Node, ...] = ()
    problem: str = ""
    asked: bool = False

    def __getitem__(self, name: str) -> Node | None:
        """Return a node by its name, None when there is none."""
        return next((node for node in self.nodes if node.name == name), None)

    def ledger_of(self, name: str) -> str:
        """Return the identity of a node's ledger, empty where there is no such node."""
        known = self[name]
        return "" if known is None else known.ledger


NOBODY = Fleet()
"""The fleet of a cycle that asked nobody, for nothing that could go elsewhere was due."""


def node(
    name: str, vitals: Mapping[str, Any], *, silent_s: float, handed: Iterable[str], ours: Mapping[str, str]
) -> Node:
    """Return a node from its heartbeat; `handed` are the runs that the scheduler gave it, `ours` our versions by part.

    What makes no sense makes it unusable and is no error: nodes are other people's machines.
    """
    try:
        runs: dict[str, int | None] = dict.fromkeys(handed)
        runs |= {str(run): None if rss is None else int(rss) for run, rss in dict(vitals["runs"]).items()}
        versions = {str(part): str(version) for part, version in dict(vitals["versions"]).items()}
        seen = Node(
            name,
            int(vitals["slots"]),
            str(vitals["os"]),
            frozenset(str(label) for label in vitals["labels"]),
            _number(vitals["cpu"]),
            _number(vitals["memory"]),
            _whole(vitals["available_bytes"]),
            _whole(vitals["total_bytes"]),
            runs,
            frozenset(str(suffix) for suffix in vitals["suffixes"]),
            str(vitals["ledger"]),
            versions,
            _refused(versions, ours, int(vitals["protocol"]), silent_s, str(vitals["trouble"])),
        )
    except (KeyError, TypeError, ValueError):
        return Node(
            name, 0, unusable="is no node of adaptive-scheduler; start it with 'adaptive-scheduler cluster node'"
        )
    return seen


def mismatch(theirs: Mapping[str, str], ours: Mapping[str, str], protocol: int) -> str:
    """Return what differs from our own versions in a few words, empty when nothing."""
    if protocol != PROTOCOL:
        return f"speaks protocol {protocol}, this is {PROTOCOL}; install the same version on both"
    for part, version in ours.items():
        if theirs.get(part) != version:
            return f"has {part} {theirs.get(part, 'unknown')}, this is {version}; install the same on both"
    return ""


def _refused(versions: Mapping[str, str], ours: Mapping[str, str], protocol: int, silent_s: float, trouble: str) -> str:
    if differs := mismatch(versions, ours, protocol):
        return differs
    if silent_s > SILENT_AFTER.total_seconds():
        return f"has been silent for {silent_s:.0f} s"
    return trouble


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]  # what is no number raises


def _whole(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]  # what is no number raises
