"""The master's own folder of a run elsewhere: what was intended, and at last what became of it.

`intent.json` is there before the run is claimed; the claim, in the state, is what survives a power cut, and says
the same. When the run has ended, its output and its done.json come to lie beside it, the latter last: from then on
the folder is like that of any run. Once durable, the node may forget.
"""

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adaptive_scheduler import events, files
from adaptive_scheduler.events import Event
from adaptive_scheduler.runfolder import DamagedError, RunFolder
from adaptive_scheduler.runners import fate
from adaptive_scheduler.runners.base import Finished
from adaptive_scheduler.strict import text
from adaptive_scheduler.times import from_iso, iso


@dataclass(frozen=True)
class Intent:
    """Which node a run was given to, known by the identity of its ledger, when, and for which event."""

    node: str
    ledger: str
    at: datetime
    event: Event | None = None

    def age(self, now: datetime) -> timedelta:
        """Return how long ago that was; never negative."""
        return max(timedelta(0), now - self.at)


@dataclass(frozen=True)
class Mirror:
    """The folder of one run on the master."""

    folder: RunFolder

    @property
    def is_ours(self) -> bool:
        """Whether this is the folder of a run elsewhere, as far as that can be seen."""
        return self.folder.is_elsewhere

    @property
    def has_ended(self) -> bool:
        """Whether how it ended lies here, as far as that can be seen."""
        try:
            return self.folder.done.exists()
        except OSError:
            return False

    def write_intent(self, intent: Intent) -> None:
        """Make the folder and write what is intended; raises OSError."""
        files.private_folder(self.folder.path)
        files.sweep(self.folder.path, math.inf)  # of a cycle that was killed while it prepared the same run
        plain: dict[str, Any] = {"node": intent.node, "ledger": intent.ledger, "at": iso(intent.at)}
        if intent.event is not None:
            plain["event"] = events.encode(intent.event)
        files.replace_file(self.folder.intent, json.dumps(plain).encode(), durable=False)

    def intent(self) -> Intent | None:
        """Return what was intended, None when that cannot be read."""
        try:
            plain = files.read_json(self.folder.intent)
            intent = Intent(text(plain["node"]), text(plain["ledger"]), from_iso(plain["at"]))
            event = plain.get("event")
            return intent if event is None else replace(intent, event=events.decode(event))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def outcome(self) -> Finished | None:
        """Return how the run ended, None while that is not known here; damage counts as not known."""
        try:
            return fate.outcome(self.folder)
        except DamagedError:
            return None

    def take_in(self, done: dict[str, Any], output: bytes) -> Finished | None:
        """Write down how a run ended and what it printed; raises OSError, and nothing is lost then.

        It is made durable later, for many runs at once (`keep`): until then the node knows it too.
        """
        if (known := self.outcome()) is not None:
            return known  # by another cycle, which told the node to forget what was printed: it may be gone there
        files.sweep(self.folder.path, math.inf)  # of a cycle that was killed here; one that is at it takes it in again
        files.replace_file(self.folder.output, output, durable=False)
        self.folder.write_done(done, durable=False)
        return self.outcome()

    def take_in_output(self, output: bytes, size: int) -> int:
        """Write down what a run printed before it was cut off, and return how much that was; raises OSError."""
        if not output and self.folder.output.exists():
            return self.folder.output.stat().st_size  # taken in before, and forgotten there since
        files.replace_file(self.folder.output, output, durable=False)
        return size

    def keep(self) -> bool:
        """Make what was taken in durable; False when that cannot be, so that the node goes on remembering."""
        try:
            for file in (self.folder.output, self.folder.done):
                if file.exists():
                    files.sync(file)
        except OSError:
            return False
        return True
