"""Waiting of a supervisor: until a child ends, somebody tells us to stop, or it is time to look.

On POSIX every signal writes a byte into a pipe, so the end of a child and a request to stop wake at once,
without polling and without a race. Handlers, not SIG_IGN, for what is to be survived: an ignored signal
would stay ignored in the scripts.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

STOPPING = ("SIGTERM", "SIGINT", "SIGBREAK")
SURVIVED = ("SIGHUP", "SIGCHLD")


class Wakeups:
    """The signals of this process; `stopped_by` is the name of the one that told it to stop."""

    def __init__(self, stop_file: Path) -> None:
        """Take over the signals; only the main thread may. Windows has none: there a file asks to stop."""
        self.stop_file = stop_file
        self.stopped_by: str | None = None
        self.pipe: tuple[int, int] | None = None
        for name in STOPPING + SURVIVED:
            number = getattr(signal, name, None)
            # Who was started with nohup keeps its SIGHUP ignored, and so do its scripts.
            if number is not None and (name in STOPPING or signal.getsignal(number) is not signal.SIG_IGN):
                signal.signal(number, self._stop if name in STOPPING else _survive)
        if sys.platform != "win32":
            self.pipe = os.pipe()
            for end in self.pipe:
                os.set_blocking(end, False)
            signal.set_wakeup_fd(self.pipe[1], warn_on_full_buffer=False)

    def wait(self, process: "subprocess.Popen[bytes]", timeout_s: float) -> None:
        """Return when a signal came, the process ended or the time is up, whichever is first."""
        if self.pipe is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout_s)
            if self.stop_file.exists():
                self.stopped_by = f"'{self.stop_file.name}'"
            return
        if select.select([self.pipe[0]], [], [], timeout_s)[0]:
            with suppress(BlockingIOError):
                os.read(self.pipe[0], 4096)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stopped_by = signal.Signals(number).name


def _survive(_number: int, _frame: FrameType | None) -> None:
    return
