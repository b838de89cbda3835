"""The id of a run that goes to another machine: one for each beat, whoever counts it. Pure.

It is made of the beat that the run answers and of the run before it, and not of the moment of its start: a
state that was restored from an old copy gives the same id again, and the node knows that it has run. The
form is that of a local run's id, and they sort together by time.
"""

import hashlib
from datetime import UTC, datetime

from adaptive_scheduler.model import TaskState

DIGITS = 16
"""Tasks that began together have their beats together, and a node takes two orders of one id for the same run."""


def of_beat(place: str, name: str, mine: TaskState) -> str:
    """Return the id of the next run of a task in this state; `place` is where that is kept, and tells copies apart.

    A copy has the same past: where both give work to one node, its run would be taken for that of the other.
    """
    last, event = mine.last, mine.event
    moments = [mine.anchor or mine.first_seen, mine.retry_at, None if last is None else last.ended_at]
    beat = max(moment for moment in moments if moment is not None).astimezone(UTC)
    parts = (
        place,
        name,
        _text(mine.first_seen),
        _text(mine.anchor),
        _text(mine.retry_at),
        "" if last is None else last.run_id,
        "" if event is None else event.id,
    )
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{beat:%Y%m%dT%H%M%S}.{beat.microsecond // 1000:03d}Z-{digest[:DIGITS]}"


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat()
