"""Take what waits in an outbox to its addresses: a process of its own, for which no cycle waits.

`outbox.SENDER` is its command line. There is one of it at a time. Each address has a thread, so that a slow
one holds up no other, and is tried once a life: what could not be delivered waits for the next sender, which the
next cycle starts. An address that cannot be reached leaves one line in the log, and one when it can be again. Exit
code 0: all is delivered, or waits for the next; 3: there was no order; 4: out of time, whatever hangs.
"""

import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import apprising, envfile, files, locks, outbox, pinging, wording
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.durations import words
from adaptive_scheduler.journal import SCHEDULER, Journal, Line
from adaptive_scheduler.notify import Notice, Ping, Signal
from adaptive_scheduler.outbox import Order, Trouble
from adaptive_scheduler.output import decode, read_from

LIFE_S = 60.0
"""How long an address may take for everything that waits for it."""

PINGS_KEPT, NOTICES_KEPT = timedelta(hours=1), timedelta(days=3)
"""An old ping would be a lie, an old notice is history."""

MOST_WAITING = 1000
"""How much waits for one address; the oldest goes first."""

TAIL_BYTES = 16_384

FINE, NO_ORDER, OUT_OF_TIME = 0, 3, 4


class Sender:
    """One life of a sender: its order, and the lines that it has for the log."""

    def __init__(self, folder: Path, order: Order, environ: Mapping[str, str], clock: Clock) -> None:
        """Know where everything is; the folder is the outbox."""
        self.folder, self.order, self.environ, self.clock = folder, order, environ, clock
        self.tried: set[str] = set()
        self.stuck: set[str] = set()
        self._lines: list[Line] = []

    def drain(self) -> None:
        """Deliver all that waits, each address once; gives up on those that take too long."""
        while todo := {name: one for name, one in outbox.waiting(self.folder).items() if name not in self.tried}:
            threads = {
                name: threading.Thread(target=self._deliver, args=(name, items), daemon=True)
                for name, items in todo.items()
            }
            for thread in threads.values():
                thread.start()
            give_up_at_s = self.clock.monotonic() + LIFE_S
            for name, thread in threads.items():
                thread.join(max(0.0, give_up_at_s - self.clock.monotonic()))
                if thread.is_alive():
                    self.tried.add(name)
                    self.stuck.add(name)
                    self._troubled(name, f"no answer within {LIFE_S:g} s")
            self._log()

    def _deliver(self, name: str, items: Sequence[Path]) -> None:
        """Deliver what waits for one address, up to the first failure."""
        try:
            problem = self._delivered(name, items)
        except Exception as error:  # the others shall be told all the same
            problem = f"{type(error).__name__}: {error}"
        if problem:
            self.tried.add(name)
        if name not in self.stuck:
            self._troubled(name, problem)

    def _delivered(self, name: str, items: Sequence[Path]) -> str:
        """Return what went wrong; what is delivered, too old, or for nobody any more is removed."""
        now = self.clock.now()
        fresh = self._fresh(name, items, now)
        if name not in self.order.names:
            for path in [*fresh, self.folder / name / outbox.TROUBLE]:
                files.remove(path)
            with suppress(OSError):  # something has come meanwhile
                (self.folder / name).rmdir()
            return ""
        address, problem = envfile.lookup(name, self.environ, self.order.secrets) if fresh else ("", "")
        notices = {path: one for path, one in fresh.items() if isinstance(one, Notice)}
        if notices and not problem:
            problem = self._tell(address, list(notices.values()))
            if not problem:
                _remove(notices)
        for path, one in fresh.items():
            if isinstance(one, Ping) and not problem:
                problem = pinging.ping(address, one, self._said(one))
                if not problem:
                    _remove([path])
        return wording.redacted(problem, address) if address else problem

    def _fresh(self, name: str, items: Sequence[Path], now: datetime) -> dict[Path, Notice | Ping]:
        """Return what can be read and is not too old; removes the rest."""
        found, old = dict[Path, Notice | Ping](), 0
        for number, path in enumerate(reversed(items)):
            try:
                one = outbox.read(path)
            except (OSError, ValueError, KeyError, TypeError):
                files.remove(path)
                continue
            if number >= MOST_WAITING or now - one.at > (PINGS_KEPT if isinstance(one, Ping) else NOTICES_KEPT):
                files.remove(path)
                old += 1
            else:
                found[path] = one
        if old and name in self.order.names:
            self._say("WARNING", f"{old} messages to '{name}' were given up: they are too old, or too many")
        return dict(reversed(found.items()))

    def _tell(self, address: str, notices: Sequence[Notice]) -> str:
        title = wording.title(notices, socket.gethostname())
        tails = {one.run_id: self._output(one.task, one.run_id) for one in notices if one.run_id}
        return apprising.send(address, title, wording.body(notices, tails, self.order.config), wording.tone(notices))

    def _said(self, one: Ping) -> str:
        """Return what a ping carries: why, and where a run failed how its output ended."""
        if one.signal is not Signal.FAIL or not one.task:
            return one.reason
        return f"{one.reason}\n{wording.tail(self._output(one.task, one.run_id))}".strip()

    def _output(self, task: str, run_id: str) -> str:
        """Return the end of what a run printed, empty where there is nothing."""
        path = self.folder.parent / "runs" / task / run_id / "output.log"
        try:
            content, _ = read_from(path, max(0, path.stat().st_size - TAIL_BYTES))
        except OSError:
            return ""
        return decode(content)

    def _troubled(self, name: str, problem: str) -> None:
        """Remember how it stands with an address, and tell the log where that has changed."""
        folder = self.folder / name
        known = outbox.read_trouble(folder)
        with suppress(OSError):
            if problem and known is None:
                outbox.write_trouble(folder, Trouble(self.clock.now(), problem))
            elif not problem and known is not None:
                outbox.write_trouble(folder, None)
        if problem and known is None:
            self._say("WARNING", f"'{name}' cannot be told: {problem}; what waits is tried again at each cycle")
        elif not problem and known is not None:
            self._say("INFO", f"'{name}' can be told again, after {words(self.clock.now() - known.since)}")

    def _say(self, level: str, text: str) -> None:
        self._lines.append(Line(self.clock.now(), level, SCHEDULER, text))

    def _log(self) -> None:
        lines, self._lines = self._lines, []
        form, max_bytes, keep = self.order.log
        with suppress(OSError, TimeoutError):  # nobody is left to be told
            Journal(self.folder.parent, form, max_bytes, keep).write(lines)


def _remove(paths: Sequence[Path] | Mapping[Path, object]) -> None:
    for path in paths:
        files.remove(path)


def main(path: str, *, leave: Callable[[int], object] = os._exit) -> int:
    """Deliver what waits in a folder and return the exit code; `leave` ends the process at once."""
    folder, clock = Path(path), Clock()
    tried: set[str] = set()
    while True:
        try:
            with locks.hold(folder / outbox.LOCK, timeout_s=0):
                sender = Sender(folder, outbox.read_order(folder), os.environ, clock)
                sender.tried = tried
                sender.drain()
        except TimeoutError:
            return FINE
        except (OSError, ValueError, KeyError, TypeError):
            return NO_ORDER
        if sender.stuck:
            leave(OUT_OF_TIME)
        # What came between the last look and the end of the lock had nobody: whoever put it there saw the lock.
        if not outbox.waiting(folder).keys() - tried:
            return FINE


def start() -> None:
    """Be the process that outbox.py starts: the folder is the one argument, the exit code says how it went."""
    sys.exit(main(sys.argv[1]))
