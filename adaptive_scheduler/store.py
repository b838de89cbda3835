"""The JSON state: one lock, one transaction at a time, and never a false first run.

A transaction takes the file lock, reads the state afresh, changes it and writes it back: milliseconds,
never while a task runs. An unreadable state is set aside as `*.corrupt-TIME` and the copy before it
(`.bak`) is used; a state of a newer version is refused.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import beatfile, codec, files, locks, standing
from adaptive_scheduler import state as folds
from adaptive_scheduler.beats import Beat, decoded
from adaptive_scheduler.errors import StateError
from adaptive_scheduler.model import State

NAME = standing.STATE
LOCK_WAIT_S = 60.0
"""Transactions last milliseconds; a minute of waiting means that something is stuck."""

LEFT_AFTER = timedelta(hours=1)
"""A file that is written takes milliseconds; one that is so old was left behind."""


@dataclass
class Transaction:
    """The state as read under the lock; assign `state` to change it.

    `damaged` says that the file was unreadable and an older copy, or nothing, stands in for it. `beats` are the short
    cycles since it was written; `state` has them in it. `write_s` is how many seconds the durable write took, None as
    long as there was none.
    """

    state: State
    damaged: bool = False
    beats: tuple[Beat, ...] = ()
    notes: list[str] = field(default_factory=list)
    write_s: float | None = None


@dataclass(frozen=True)
class Store:
    """The state file of one state folder."""

    folder: Path
    known: dict[Path, tuple[bytes, State]] = field(default_factory=dict, compare=False, repr=False)
    """What each file held when it was last understood: a cycle reads it twice a round, and mostly its own words."""

    @property
    def path(self) -> Path:
        """Where the state is kept."""
        return self.folder / NAME

    @property
    def backup(self) -> Path:
        """The copy before the present one."""
        return self.path.with_suffix(".json.bak")

    def read(self) -> Transaction:
        """Return the state without locking, creating or mending anything: for readers and dry runs.

        Raises StateError when it is of a newer version or cannot be reached.
        """
        found, notes, candidates = None, [], (self.path, self.backup)
        for path in candidates:
            try:
                found = self._load(path)
            except _DamagedError as damage:
                notes.append(str(damage))
            except OSError as error:
                raise self._unusable(error) from error
            if found is not None:
                break
        if found is not None and path == self.backup:
            # A missing state beside its copy is a lost one.
            notes.append(f"the copy before it, '{path.name}', is used")
        try:
            if found is None and not notes and self._has_a_past():
                notes.append(f"'{self.path}' and its copy are missing beside earlier runs")
        except OSError as error:
            raise self._unusable(error) from error
        written = found or State()
        beats = decoded(beatfile.lines(self.folder)) if found else ()
        new = tuple(one for one in beats if one.cycle > written.cycle)
        return Transaction(folds.rested(written, new), damaged=bool(notes), beats=new, notes=notes)

    def _has_a_past(self) -> bool:
        """Whether there were runs, or a state that was set aside, although no state is there."""
        patterns = (f"{NAME}*.corrupt-*", "runs/*/*/claim")
        return any(next(self.folder.glob(pattern), None) is not None for pattern in patterns)

    @contextmanager
    def transaction(self, now: datetime) -> Iterator[Transaction]:
        """Hold the lock, yield the fresh state, and write it back when it was changed.

        Raises StateError when the folder cannot be used, the lock stays taken, the state is of a newer
        version, or writing fails; whatever was on disk before is then still there.
        """
        try:
            files.private_folder(self.folder, durable=True)
            with locks.hold(self.folder / standing.LOCK, timeout_s=LOCK_WAIT_S):
                transaction = self.read()
                if transaction.damaged:
                    self._set_aside(transaction, now)
                before = transaction.state
                yield transaction
                if transaction.state is not before:
                    transaction.write_s = self._save(transaction.state)
        except TimeoutError as error:
            raise StateError(f"the state in '{self.folder}' stays locked by another process: {error}") from error
        except OSError as error:
            raise self._unusable(error) from error

    def sweep(self, now: datetime) -> None:
        """Remove what writers that were killed have left in the folder; raises OSError."""
        files.sweep(self.folder, (now - LEFT_AFTER).timestamp())

    def _unusable(self, error: OSError) -> StateError:
        return StateError(
            f"cannot use the state in '{self.folder}': {error.strerror or error}; "
            "free the disk, mend its permissions or set scheduler.state_dir"
        )

    def _save(self, state: State) -> float:
        """Write the state durably; returns how many seconds the disk took for it."""
        content = json.dumps(codec.encode_state(state), separators=(",", ":")).encode()
        if self.path.exists():
            # A hard link costs nothing and leaves no moment without a readable state.
            spare = self.backup.with_suffix(".bak.tmp")
            files.remove(spare)
            try:
                os.link(self.path, spare)
            except OSError:
                files.replace_file(spare, files.read_bytes(self.path), durable=False)
            files.replace(spare, self.backup)
        began_s = time.monotonic()
        files.replace_file(self.path, content)
        self.known[self.path] = content, state
        return time.monotonic() - began_s

    def _load(self, path: Path) -> State | None:
        """Return the state in a file, None when there is no file; raises _DamagedError, StateError or OSError."""
        try:
            content = files.read_bytes(path)
        except FileNotFoundError:
            return None
        known = self.known.get(path)
        if known is None or known[0] != content:
            self.known[path] = known = content, _understood(path, content)
        return known[1]

    def _set_aside(self, transaction: Transaction, now: datetime) -> None:
        for path in (self.path, self.backup):
            with suppress(_DamagedError):
                self._load(path)
                continue
            transaction.notes.append(f"kept as '{files.set_aside(path, now).name}' for a look")


class _DamagedError(Exception):
    """The file is there and cannot be understood."""


def _understood(path: Path, content: bytes) -> State:
    """Return the state that a file holds; raises _DamagedError or StateError."""
    try:
        plain = json.loads(content)
        version = plain["version"]
        if isinstance(version, int) and version > codec.VERSION:
            raise StateError(
                f"'{path}' has version {version}, this program knows {codec.VERSION}: "
                "a newer adaptive-scheduler wrote it; upgrade this one, or set another scheduler.state_dir"
            )
        return codec.decode_state(plain)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _DamagedError(f"'{path}' is damaged ({type(error).__name__}: {error})") from error
