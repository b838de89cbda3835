"""What a run on a node printed, on its way home: piece by piece, so that no heartbeat waits for a large one.

A finished run has been cut to `output_max` by its supervisor; one that was cut off has not, and may have left
anything: of that the master fetches the head and the tail, and never more than it would keep itself.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from adaptive_scheduler.output import MARK_BYTES, mark, read_from
from adaptive_scheduler.runfolder import RunFolder

PIECE = 1 << 20
"""The largest answer to one question: read and sent in milliseconds, where heartbeats are answered."""

INLINE = 1 << 16
"""What a run printed travels with its end up to this size, for many may end at once; more is asked for."""


class Piece(NamedTuple):
    """A part of an output, the offset behind it, how large it is in all, and whether its run has ended."""

    content: bytes
    end: int
    size: int
    over: bool = False


Ask = Callable[[int, int], Piece | None]
"""Asks for what stands from an offset on, so many bytes at most; None when nobody answers."""


def piece(folder: RunFolder, offset: int, limit: int) -> Piece:
    """Return a piece of an output as it lies here; of what cannot be read there is nothing."""
    try:
        size = folder.output.stat().st_size
        content, end = read_from(folder.output, max(0, offset), max(0, min(limit, PIECE)))
    except OSError:
        return Piece(b"", offset, 0)
    return Piece(content, end, size)


def understood(answer: Any, limit: int) -> Piece | None:
    """Return a piece as another machine told it, None when that is none."""
    try:
        content, end, size, over = answer
    except (TypeError, ValueError):
        return None
    if not (isinstance(content, bytes) and isinstance(end, int) and isinstance(size, int)) or len(content) > limit:
        return None
    return Piece(content, end, size, bool(over))


def whole(begun: bytes, size: int, cap: int, ask: Ask) -> bytes | None:
    """Return an output of so many bytes that begins like this, its middle cut where it is above the cap.

    None when somebody does not answer: it is fetched another time. What cannot be read there is missing.
    """
    parts = [begun]
    half = max(cap, 2) // 2
    spans = [(len(begun), size)]
    if size > 2 * half + MARK_BYTES:
        spans = [(len(begun), half), (max(len(begun), size - half), size)]
    for number, (start, end) in enumerate(spans):
        if number:
            parts.append(mark(size - 2 * half, half, half))
        for part in _span(start, end, ask):
            if part is None:
                return None
            parts.append(part)
    return b"".join(parts)


def _span(offset: int, end: int, ask: Ask) -> Iterator[bytes | None]:
    while offset < end:
        found = ask(offset, min(PIECE, end - offset))
        if found is None:
            yield None
            return
        if not found.content or found.end <= offset:
            return
        yield found.content
        offset = found.end
