"""The folder of one run: the meeting place of a launcher, a supervisor and whoever recovers.

`spec.json` says what to run, its lock says that the launcher lives. `claim` is made by exclusive create:
whoever makes it decides what becomes of the run; its lock says that the supervisor lives. A claim with a
line in it is decided for good. `done.json` is the truth about the run. Standard library only.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from adaptive_scheduler import files, locks

Plain = dict[str, Any]

VERSION = 1


class DamagedError(Exception):
    """A file of the folder is there and cannot be understood; its text says which."""


class RunFolder(NamedTuple):  # a dataclass would cost every supervisor 6 ms to import
    """One run's folder and the files in it."""

    path: Path

    @property
    def spec(self) -> Path:
        """What to run."""
        return self.path / "spec.json"

    @property
    def claim(self) -> Path:
        """Who decides what becomes of the run."""
        return self.path / "claim"

    @property
    def output(self) -> Path:
        """What the scripts printed."""
        return self.path / "output.log"

    @property
    def done(self) -> Path:
        """What became of the run."""
        return self.path / "done.json"

    @property
    def intent(self) -> Path:
        """Which node has the run; only there where the run is not."""
        return self.path / "intent.json"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the run is on a node, as far as that can be seen."""
        try:
            return self.intent.exists()
        except OSError:
            return False

    @property
    def stop(self) -> Path:
        """Made by whoever wants the run to end, where no signal can say so."""
        return self.path / "stop"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor had to complain about; removed when that was nothing."""
        return self.path / "supervisor.log"

    def write_spec(self, spec: Plain) -> None:
        """Write what to run, for its owner's eyes only. Raises OSError."""
        files.replace_file(self.spec, _encoded(spec), durable=False)

    def read_spec(self) -> Plain:
        """Return what to run; raises OSError or DamagedError."""
        return _decoded(self.spec)

    def write_done(self, done: Plain, *, durable: bool = True) -> None:
        """Write what became of the run in one piece, and durably where nobody else knows it; raises OSError."""
        files.replace_file(self.done, _encoded(done), durable=durable)

    def read_done(self) -> Plain | None:
        """Return what became of the run, None while there is nothing; raises OSError or DamagedError."""
        try:
            return _decoded(self.done)
        except FileNotFoundError:
            return None

    def take_claim(self, mark: Plain) -> int | None:
        """Make the claim, lock it and write the mark into it; returns the descriptor that holds the lock.

        None when somebody else made it, or decided it between our create and our lock. Raises OSError.
        """
        try:
            fd = locks.open_lockable(self.claim, os.O_CREAT | os.O_EXCL | os.O_APPEND)
        except FileExistsError:
            return None
        locks.lock(fd)
        if os.fstat(fd).st_size:
            os.close(fd)
            return None
        write_mark(fd, mark)
        return fd

    def is_alive(self) -> bool:
        """Say whether a launcher or a supervisor is at it.

        The claim twice: where a supervisor does not inherit the spec's lock it takes the claim meanwhile.
        """
        return any(locks.is_held(file) for file in (self.claim, self.spec, self.claim))

    def claimed_by(self) -> int | None:
        """Return the process id of the supervisor that took the claim, None when that is not known."""
        try:
            first = self.claim.read_bytes().split(b"\n", 1)[0]
            pid = json.loads(first)["pid"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return pid if isinstance(pid, int) else None


def write_mark(fd: int, mark: Plain) -> None:
    """Append a line to a claim; raises OSError when the claim cannot even be made longer."""
    try:
        os.write(fd, json.dumps(mark).encode() + b"\n")
    except OSError:
        # Any length above zero decides the claim, and a hole needs no room on a full disk.
        os.ftruncate(fd, os.fstat(fd).st_size + 1)


def _encoded(plain: Plain) -> bytes:
    return json.dumps(plain, separators=(",", ":")).encode()


def _decoded(path: Path) -> Plain:
    content = files.read_bytes(path)
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"its {path.name} is damaged ({error})") from error
    if not isinstance(plain, dict):
        raise DamagedError(f"its {path.name} is damaged (no JSON object)")
    if plain.get("version") != VERSION:
        raise DamagedError(f"its {path.name} has version {plain.get('version')!r}, this program knows {VERSION}")
    return plain
