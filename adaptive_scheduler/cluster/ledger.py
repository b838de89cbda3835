"""What a node knows of the runs it was given: one folder a run, whoever asked for it, and never a second start.

A run's folder is made by exclusive create, so the same order twice, from whichever scheduler and however late,
is one run. What never began can be marked as void, by the same create: no late start passes that. Runs outlive
the engine, this process and the scheduler; they are told of until they are taken in, or two weeks old.
"""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from adaptive_scheduler import envfile, files
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster.cargo import Hold, Plain, spoilt
from adaptive_scheduler.cluster.printed import INLINE, Piece, piece
from adaptive_scheduler.reconcile import REMEMBERED, Entry
from adaptive_scheduler.runfolder import DamagedError, RunFolder
from adaptive_scheduler.runners import fate, launch, prune
from adaptive_scheduler.runners.base import Finished, Lost, Running
from adaptive_scheduler.runners.local import rss_of_each
from adaptive_scheduler.runners.many import Starter
from adaptive_scheduler.runners.spawn import Detached
from adaptive_scheduler.runners.spec import merged

POLL_FIRST_S, POLL_LONGEST_S = 0.02, 0.05

ALIVE_EVERY_S = 0.5
"""A run that ends leaves its done.json; whether one died without is asked more seldom, for it costs more."""

WEIGH_S = 5.0
"""How often the memory of runs is looked at: that is a look at every process of the machine."""
VOID = {"void": True}
TAKEN_IN = "taken-in"

Words = dict[str, Any]


class Ledger:
    """The runs of one node; safe to use from several threads of one process."""

    def __init__(
        self, folder: Path, hold: Hold, *, env_file: Path | None = None, start: launch.Spawn | None = None
    ) -> None:
        """Open or make the ledger in a folder; raises OSError."""
        self.runs, self.hold, self.env_file, self.start = folder / "runs", hold, env_file, start or Starter()
        self.clock = Clock()
        self._opening, self._reaping = threading.Lock(), threading.Lock()
        self._children: set[Detached] = set()
        self._weights: dict[str, int | None] = {}
        self._weighed_at_s = -WEIGH_S
        files.private_folder(self.runs)
        self.identity = _identity(folder / "ledger.id")
        self._live = {one for one in prune.run_ids(self.runs) if isinstance(self._look(one), Running)}

    # -- doing a run -------------------------------------------------------------------------------

    def perform(self, cargo: Plain, facts: Mapping[str, str], goes_on: Callable[[], bool]) -> Words | None:
        """Do the run of an order and return how it ended; None when `goes_on` says no before: the run lives on."""
        run_id = str(cargo["run_id"])
        self.begin(cargo, facts)
        done, pause_s, ask_s = self._folder(run_id).done, POLL_FIRST_S, time.monotonic()
        while not done.exists():
            if time.monotonic() >= ask_s:
                self.reap()
                if not isinstance(self._look(run_id), Running):
                    break
                ask_s = time.monotonic() + ALIVE_EVERY_S
            if not goes_on():
                return None
            time.sleep(pause_s)
            pause_s = min(1.5 * pause_s, POLL_LONGEST_S)
        return self.fetch(run_id)

    def begin(self, cargo: Plain, facts: Mapping[str, str]) -> bool:
        """Start the run of an order unless it is known already; `facts` go over its environment.

        What cannot be set up is a run that fails; raises OSError when not even its folder can be made.
        """
        folder, told = self._folder(str(cargo["run_id"])), {**cargo["env"], **facts}
        try:
            env = merged({**os.environ, **(envfile.read(self.env_file) if self.env_file else {})}, told)
            spec = self.hold.spec(cargo, env)
        except (OSError, ValueError) as error:  # a run that fails is seen; an order that is refused comes for ever
            env = merged(os.environ, told)
            spec = spoilt(cargo, f"this node cannot set it up: {error}")
        with self._opening:
            try:
                folder.path.mkdir(mode=0o700)
            except FileExistsError:
                return False
            fd = launch.prepare(folder, spec)
            self._live.add(folder.path.name)
        supervisor = launch.launch(self.start, folder, fd, env, self.clock.now())
        if supervisor is not None:
            with self._reaping:
                self._children.add(supervisor)  # one process may be that of many: what forks them
        return True

    def reap(self) -> None:
        """Collect supervisors that have ended, so that they leave no zombies."""
        with self._reaping:  # each thread that waits for a run reaps: a list lost between two would leave zombies
            self._children = {child for child in self._children if child.poll() is None}

    # -- telling of runs ---------------------------------------------------------------------------

    def entries(self, run_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return for each run what is known of it, and why where it was cut off; what was cut off is cleaned up."""
        with self._opening:
            return {run_id: self._entry(run_id) for run_id in run_ids}

    def void(self, run_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Mark the runs that never began here, so that they never will, and return what is known of all."""
        with self._opening:
            for run_id in run_ids:
                folder = self._folder(run_id)
                with suppress(FileExistsError):
                    folder.path.mkdir(mode=0o700)
                    self._mark_void(folder)
            return {run_id: self._entry(run_id) for run_id in run_ids}

    def fetch(self, run_id: str) -> Words | None:
        """Return how a run ended and what it printed, None when it has not ended; of a large output only its size."""
        folder = self._folder(run_id)
        try:
            done = folder.read_done()
        except (OSError, DamagedError):
            return None
        if done is None:
            return None
        self._live.discard(run_id)
        found = piece(folder, 0, INLINE)
        return {"done": done, "output": found.content if found.size <= INLINE else b"", "bytes": found.size}

    def fetch_all(self, run_ids: Iterable[str]) -> dict[str, Words | None]:
        """Return the same of many runs."""
        return {run_id: self.fetch(run_id) for run_id in run_ids}

    def printed(self, run_id: str, offset: int, limit: int) -> Piece:
        """Return a piece of what a run has printed so far, and whether that is all there will be."""
        is_over = not isinstance(self._look(run_id), Running)  # first: what it prints until then is in the piece
        return piece(self._folder(run_id), offset, limit)._replace(over=is_over)

    def kill(self, run_id: str) -> bool:
        """Tell a run to stop; False when it does not run."""
        folder, state = self._folder(run_id), self._look(run_id)
        if not isinstance(state, Running) or state.pid is None:
            return False
        if sys.platform == "win32":  # os.kill would end the supervisor and leave the script
            folder.stop.touch()
        else:
            with suppress(ProcessLookupError):
                os.kill(state.pid, signal.SIGTERM)
        return True

    def live(self) -> dict[str, int | None]:
        """Return the live runs with the bytes that each uses now."""
        pids: dict[str, int | None] = {}
        for run_id in sorted(self._live):
            state = self._look(run_id)
            if isinstance(state, Running):
                pids[run_id] = state.pid
            else:
                self._live.discard(run_id)
        if self.clock.monotonic() - self._weighed_at_s >= WEIGH_S:
            each = rss_of_each([pid for pid in pids.values() if pid is not None]) if pids else {}
            self._weights = {run_id: each.get(pid) for run_id, pid in pids.items() if pid is not None}
            self._weighed_at_s = self.clock.monotonic()
        return {run_id: self._weights.get(run_id) for run_id in pids}

    # -- forgetting --------------------------------------------------------------------------------

    def ack(self, run_ids: Iterable[str]) -> None:
        """Drop what runs printed that the master has taken in; that they ran is kept for two weeks."""
        for run_id in run_ids:
            folder = self._folder(run_id)
            if folder.done.exists() or isinstance(self._look(run_id), Lost):
                with suppress(OSError):
                    (folder.path / TAKEN_IN).touch()
                    folder.output.unlink(missing_ok=True)

    def forget(self, now: datetime) -> int:
        """Remove runs that ended, or were voided, two weeks ago, and scripts unused since; returns how many runs."""
        removed = 0
        for run_id in prune.run_ids(self.runs):
            folder = self._folder(run_id)
            try:
                age = now - datetime.fromtimestamp(folder.path.stat().st_mtime, now.tzinfo)
            except OSError:
                continue
            if age > REMEMBERED and run_id not in self._live and not isinstance(self._look(run_id), Running):
                shutil.rmtree(folder.path, ignore_errors=True)
                removed += 1
        with suppress(OSError, DamagedError):  # who needs what is not known then
            self.hold.forget(now, [self._folder(run_id).read_spec() for run_id in list(self._live)])
        return removed

    def _entry(self, run_id: str) -> tuple[str, str]:
        folder = self._folder(run_id)
        if not folder.path.exists():
            return Entry.UNKNOWN.value, ""
        if isinstance(self._look(run_id), Lost) and not folder.claim.exists():
            # We died between folder and supervisor: without a claim nothing began, and with this one nothing will.
            self._mark_void(folder)
        if VOID_MARK in _first_line(folder.claim):
            return Entry.VOID.value, ""
        state = fate.recover(folder, run_id)
        if isinstance(state, Running):
            return Entry.RUNNING.value, ""
        self._live.discard(run_id)
        return (Entry.DONE.value, "") if isinstance(state, Finished) else (Entry.INTERRUPTED.value, _cause(state))

    def _mark_void(self, folder: RunFolder) -> None:
        if (claim := folder.take_claim(VOID)) is not None:
            os.close(claim)

    def _look(self, run_id: str) -> object:
        return fate.look(self._folder(run_id), run_id)

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.runs / Path(run_id).name)


VOID_MARK = b'"void"'


def _cause(state: object) -> str:
    return str(getattr(state, "cause", ""))


def _first_line(path: Path) -> bytes:
    try:
        return path.read_bytes().split(b"\n", 1)[0]
    except OSError:
        return b""


def _identity(path: Path) -> str:
    """Return what tells this ledger from any other, made at its first opening."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        files.replace_file(path, os.urandom(8).hex().encode())
        return path.read_text(encoding="ascii").strip()
