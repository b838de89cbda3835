"""Latency probes beside the cycle: start a prober that nobody waits for, take in what the one before found."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler import files, probefiles
from adaptive_scheduler.events import Answer, Probe

PROBER = Path(__file__).resolve().parent / "prober.py"


def start(
    folder: Path,
    probes: Iterable[Probe],
    budget: timedelta,
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    python: str = "",
) -> None:
    """Start a prober for the state folder and do not wait for it; without probes or time nothing is started.

    It lives no longer than `budget`. Commands start in `cwd`, the state folder unless given. Raises OSError.
    """
    asked = tuple(probes)
    if not asked or budget <= timedelta(0):
        return
    # Few cycles start anything, and what can do so takes long to load.
    from adaptive_scheduler.runners.spawn import NOWHERE, PYTHON, detached

    files.private_folder(folder)
    probefiles.write_order(folder, probefiles.Order(asked, budget, str((cwd or folder).absolute())))
    # Inside a run of another scheduler it is not that run's leftover.
    env = {name: value for name, value in environ.items() if name != "ADAPTIVE_RUN_ID"}
    detached(
        args=[python or PYTHON, "-I", "-S", str(PROBER), str(folder.absolute())],
        **NOWHERE,
        close_fds=True,
        cwd=folder.absolute().anchor,
        env={**env, "PYTHONUTF8": "1"},
    )


def take_in(folder: Path, now: datetime, max_age: timedelta) -> dict[str, Answer]:
    """Return the answers that are there, by probe: none that is older than `max_age`, or later than `now`.

    They are there until the next ones come, so two cycles in a row may meet the same: `at` tells. Never raises.
    """
    answers = probefiles.read_answers(folder)
    return {name: one for name, one in answers.items() if timedelta(0) <= now - one.at <= max_age}
