"""How a process ended -> what became of the step, and of the steps -> what became of the run; pure.

The exit code decides and nothing else: words on stderr are no failure. A run is as bad as its worst step.
"""

import signal
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

GRAVITY = ("ok", "warning", "failed", "error", "timeout", "interrupted")
"""What counts as worse when a run has several steps; `skipped` and `not_run` do not count."""

IDLE = ("skipped", "not_run")

WINDOWS_STATUS = 0xC000_0000
"""Exit codes from here up are NTSTATUS values, known by their hexadecimal form."""


class StepEnd(NamedTuple):  # not a dataclass, as RunFolder
    """What became of one step; `cause` is a sentence without the step's name."""

    name: str
    status: str
    cause: str
    exit_code: int | None = None
    signal: str | None = None
    offset_s: float = 0.0
    duration_s: float = 0.0

    def as_plain(self) -> dict[str, Any]:
        """Return the step as done.json holds it."""
        return self._asdict()


def judge(
    returncode: int, success: Collection[int], warning: Collection[int]
) -> tuple[str, int | None, str | None, str]:
    """Return status, exit code, signal name and cause of a process that ended by itself.

    A negative `returncode` is a signal, as subprocess has it.
    """
    if returncode < 0:
        name = signal_name(-returncode)
        return "failed", None, name, f"killed by {name}"
    cause = f"exit code {returncode}"
    if returncode >= WINDOWS_STATUS:
        cause += f" (0x{returncode:08X})"
    if returncode in success:
        return "ok", returncode, None, cause
    return ("warning" if returncode in warning else "failed"), returncode, None, cause


def signal_name(number: int) -> str:
    """Return the name of a signal, 'signal 40' when it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def of_run(steps: Sequence[StepEnd]) -> tuple[str, int | None, str | None, str]:
    """Return status, exit code, signal name and cause of a whole run; the first of the worst steps decides."""
    ran = [step for step in steps if step.status not in IDLE]
    if not ran:
        causes = sorted({step.cause for step in steps if step.status == "skipped"})
        return "ok", None, None, f"nothing to run here: {'; '.join(causes)}" if causes else "nothing to run"
    worst = max(ran, key=lambda step: GRAVITY.index(step.status))
    cause = worst.cause if len(steps) == 1 else f"step '{worst.name}': {worst.cause}"
    return worst.status, worst.exit_code, worst.signal, cause
