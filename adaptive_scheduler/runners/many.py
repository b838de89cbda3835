"""Start the supervisors of a cycle or a node: a few one by one, and when there are more, by a process that forks them.

Python takes most of what a short run costs to start, so the nursery starts it once for all of them. It is only
faster: where it cannot be had, and for what it will not take, a supervisor is started as ever.
"""

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_scheduler.runfolder import RunFolder

if TYPE_CHECKING:
    from adaptive_scheduler.runners.spawn import Detached

FEW = 2
"""So many are started one by one in every cycle: most cycles start no more, and a nursery costs as much as one."""


class Starter:
    """Starts supervisors as `spawn` does, which it counts, from any thread; `close` lets the nursery go."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.count = 0
        self.nursery: Nursery | None = None
        self._one_letter = threading.Lock()

    def __call__(self, folder: RunFolder, spec_fd: int, env: Mapping[str, str]) -> "Detached":
        """Start the supervisor of a prepared run folder; raises OSError or ValueError."""
        from adaptive_scheduler.runners.spawn import spawn

        self.count += 1
        if sys.platform == "linux" and self.count > FEW:
            with self._one_letter:
                with suppress(OSError):
                    self.nursery = self.nursery or Nursery()
                    return self.nursery.bear(folder, spec_fd, env)
                self.close()
        return spawn(folder, spec_fd, env)

    def __del__(self) -> None:
        """Be closed by being dropped, too: that is no mistake to be warned of."""
        self.close()

    def close(self) -> None:
        """Let the nursery end; what it has begun lives on."""
        if self.nursery is not None:
            self.nursery.line.close()
            self.nursery = None


class Nursery:
    """The process that forks supervisors, and the line to it."""

    def __init__(self) -> None:
        """Start it; raises OSError."""
        import socket

        from adaptive_scheduler.runners.spawn import PYTHON, detached

        self.line, theirs = socket.socketpair()
        # It is no part of the run that may have called this cycle.
        env = {name: value for name, value in os.environ.items() if name != "ADAPTIVE_RUN_ID"}
        with theirs, Path(os.devnull).open("wb") as nowhere:
            program = Path(__file__).resolve().parent.parent / "nursery.py"
            argv = [PYTHON, "-I", "-S", str(program)]
            out = {"stdin": theirs.fileno(), "stdout": nowhere, "stderr": nowhere}
            self.process = detached(args=argv, env=env, cwd=program.anchor, close_fds=True, **out)

    def bear(self, folder: RunFolder, spec_fd: int, env: Mapping[str, str]) -> "Detached":
        """Have a supervisor forked, and return the process that has it; raises OSError or ValueError."""
        from adaptive_scheduler import nursery
        from adaptive_scheduler.output import open_for_append

        log_fd = open_for_append(folder.supervisor_log)
        try:
            nursery.send(self.line, folder.path, list(env.items()), (spec_fd, log_fd))
        finally:
            os.close(log_fd)
        return self.process
