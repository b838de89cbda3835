"""How the runs of a cycle come home from their nodes: taken in, made durable, and only then forgotten there."""

from collections.abc import Mapping
from typing import Any

from adaptive_scheduler.cluster.link import Link, LinkDownError
from adaptive_scheduler.cluster.mirror import Intent, Mirror
from adaptive_scheduler.cluster.printed import INLINE, Piece, understood, whole
from adaptive_scheduler.runners.base import Finished

KEEPERS = 8
"""So many runs that were taken in are made durable at once."""

Acks = dict[str, tuple[str, tuple[list[str]]]]


class Homecoming:
    """What came home in one cycle; `cap` is how much of an output is kept here."""

    def __init__(self, cap: int) -> None:
        """Begin with nothing."""
        self.cap = cap
        self._collected: list[tuple[Mirror, Intent]] = []

    def ended(self, link: Link | None, mirror: Mirror, told: Mapping[str, Any]) -> Finished | None:
        """Take in how a run ended and what it printed; None when that cannot be done now: its node remembers it."""
        intent = mirror.intent()
        if (known := mirror.outcome()) is None:
            output = told["output"]
            if told["bytes"] > len(output):
                output = self._rest(link, mirror, intent, output, told["bytes"])
            if output is None:
                return None
            try:
                known = mirror.take_in(told["done"], output)
            except OSError:
                return None  # it is fetched when there is room
        if known is not None and intent is not None:
            self._collected.append((mirror, intent))
        return known

    def cut_off(self, link: Link | None, mirror: Mirror, intent: Intent) -> int | None:
        """Take in what a run printed that was cut off, and return how many bytes that were; None as above."""
        if link is None:
            return None
        run_id, most = mirror.folder.path.name, min(INLINE, max(1, self.cap // 2))
        begun = printed(link, intent, run_id, 0, most)
        if begun is None:
            return None
        output = self._rest(link, mirror, intent, begun.content, begun.size)
        if output is None:
            return None
        try:
            size = mirror.take_in_output(output, begun.size)
        except OSError:
            return None
        self._collected.append((mirror, intent))
        return size

    def acks(self) -> Acks:
        """Return for each node the runs that it may forget, for what we took in of them is durable."""
        from concurrent.futures import ThreadPoolExecutor

        acks: Acks = {}
        with ThreadPoolExecutor(KEEPERS) as keepers:  # the disk takes many at once in hardly longer than one
            kept = list(keepers.map(lambda collected: collected[0].keep(), self._collected))
        for (mirror, intent), is_kept in zip(self._collected, kept, strict=True):
            if is_kept:
                acks.setdefault(intent.node, (intent.ledger, ([],)))[1][0].append(mirror.folder.path.name)
        return acks

    def _rest(self, link: Link | None, mirror: Mirror, intent: Intent | None, begun: bytes, size: int) -> bytes | None:
        if link is None or intent is None:
            return None
        run_id = mirror.folder.path.name
        return whole(begun, size, self.cap, lambda offset, limit: printed(link, intent, run_id, offset, limit))


def printed(link: Link, intent: Intent, run_id: str, offset: int, limit: int = INLINE) -> Piece | None:
    """Return a piece of what a run has printed on its node, None when that does not answer."""
    question = {intent.node: (intent.ledger, (run_id, offset, limit))}
    try:
        return understood(link.ask("printed", question).get(intent.node), limit)
    except LinkDownError:
        return None
