"""What the scheduler knows of a run x what the ledger of its node says -> what to do about it. A table, pure.

The scheduler forgets everything when it dies, a node nothing: its ledger is the truth about what was started.
So a run is given to a node again only when that node itself has said, with a mark in its ledger that no late
start can pass, that it never began. Where the node cannot be asked, nobody knows, and the run is unreachable.
"""

from datetime import timedelta
from enum import StrEnum

SETTLING = timedelta(seconds=60)
"""A submit may still be under way for so long after it was claimed: until then silence means nothing."""


REMEMBERED = timedelta(days=14)
"""How long a ledger remembers a run that nobody took in; what it does not know after that may have run."""


class Word(StrEnum):
    """What the scheduler says of a run."""

    PROCESSING = "processing"
    """Handed to its node, or about to be."""
    NO_WORKER = "no-worker"
    """Kept for a node that is not there."""
    GONE = "gone"
    """Unknown, failed or over: it will not start it any more."""
    SILENT = "silent"
    """Nobody answers."""


class Entry(StrEnum):
    """What the ledger of its node says of a run."""

    DONE = "done"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"
    VOID = "void"
    """Marked as never to be started."""
    SILENT = "silent"
    """The node is not there, does not answer, or has lost its ledger."""


class Action(StrEnum):
    """What to do."""

    RECORD = "record"
    LEAVE = "leave"
    INTERRUPTED = "interrupted"
    VOID = "void"
    """Have its node mark it as never to be started; then it comes back."""
    COMES_BACK = "comes back"
    """It never began: due again, and no failure."""
    UNREACHABLE = "unreachable"


TABLE: dict[Entry, dict[Word, Action]] = {
    Entry.DONE: dict.fromkeys(Word, Action.RECORD),
    Entry.RUNNING: dict.fromkeys(Word, Action.LEAVE),
    Entry.INTERRUPTED: dict.fromkeys(Word, Action.INTERRUPTED),
    Entry.VOID: dict.fromkeys(Word, Action.COMES_BACK),
    Entry.UNKNOWN: {
        Word.PROCESSING: Action.LEAVE,
        Word.NO_WORKER: Action.VOID,
        Word.GONE: Action.VOID,
        Word.SILENT: Action.LEAVE,
    },
    Entry.SILENT: dict.fromkeys(Word, Action.UNREACHABLE),
}


def action(word: Word, entry: Entry, age: timedelta) -> Action:
    """Return what to do about a run that was claimed so long ago."""
    if entry is Entry.UNKNOWN and age >= REMEMBERED:
        return Action.UNREACHABLE
    chosen = TABLE[entry][word]
    return Action.LEAVE if chosen is Action.VOID and age < SETTLING else chosen
