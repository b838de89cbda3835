"""What a supervisor asks of a process tree, and the one way to end a tree: ask, wait, kill, look again.

The tree is everything that descends from the calling process. Looking again until nothing is left is what
catches a process that was forked while its siblings were being ended.
"""

import subprocess
import time
from collections.abc import Callable
from typing import Any, Protocol

POLL_S = 0.02
KILL_PATIENCE_S = 10.0
"""A process in an uninterruptible wait outlives SIGKILL; after this long it is given up."""

BACKGROUND_NICE = 10
"""Niceness of background runs: they get about a tenth of what a normal process gets when both want all."""


class Tree(Protocol):
    """The processes of one run."""

    def prepare(self, *, background: bool) -> None:
        """Make this process the head of the tree, before anything is started; never raises."""

    def popen_options(self) -> dict[str, Any]:
        """Return the keywords with which subprocess starts a step."""

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        """Hear of a step that has just been started."""

    def background_took(self) -> bool | None:
        """Say whether the lower priority was seen in force; None when it was not asked or not seen."""

    def descendants(self) -> set[int]:
        """Return the ids of all living processes below this one."""

    def measure(self) -> tuple[int, float]:
        """Return resident bytes of what lives, and CPU seconds of all that has run so far."""

    def peak_bytes(self) -> int:
        """Return the most resident bytes of any one process that ended, as far as the system tells."""

    def reap(self, but: int) -> None:
        """Collect the dead that were inherited, all but the process `but`."""

    def kill(self, grace_s: float, meanwhile: Callable[[], object] = ...) -> tuple[int, int]:
        """End the tree, politely at first; returns how many processes ended and how many would not.

        `meanwhile` is called again and again while that takes.
        """


def nothing() -> None:
    """Do nothing meanwhile."""


def end_all(
    alive: Callable[[], set[int]],
    ask: Callable[[int], None] | None,
    kill: Callable[[int], None],
    grace_s: float,
    meanwhile: Callable[[], object] = nothing,
    *,
    patience_s: float = KILL_PATIENCE_S,
) -> tuple[int, int]:
    """End all that `alive` reports, for as long as it reports something.

    Each process is asked once and has `grace_s` in all; returns how many ended and how many would not.
    """
    seen: set[int] = set()
    asked: set[int] = set()
    began = time.monotonic()
    polite_until = began + grace_s if ask is not None else began
    # Twice, because a process that forks and ends during one look hides its child from it.
    while left := alive() or alive():
        seen |= left
        now = time.monotonic()
        if now >= polite_until + patience_s:
            return len(seen - left), len(left)
        for pid in sorted(left):
            if now >= polite_until or ask is None:
                kill(pid)
            elif pid not in asked:
                asked.add(pid)
                ask(pid)
        meanwhile()
        time.sleep(POLL_S)
    return len(seen), 0
