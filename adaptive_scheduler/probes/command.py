"""Does a command end well? The time until it exits; what it prints goes nowhere.

A keeper of its own, this very file as a process, heads the command's process tree: so at its timeout the whole
tree can be ended and no other probe's, and that happens even when the prober is gone.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

from adaptive_scheduler import trees, trust, verdict
from adaptive_scheduler.events import Probe
from adaptive_scheduler.probes.base import ProbeError, in_words, no_answer
from adaptive_scheduler.trees.cmdline import command_line

GRACE_S = 0.5
"""How long a command has between being asked to end and being killed."""

CREATE_NO_WINDOW = 0x0800_0000


def ask(probe: Probe, cwd: str) -> tuple[float, str]:
    """Have a keeper run the command, and wait for what it says."""
    order = {"argv": list(probe.target), "cwd": cwd, "timeout_s": probe.timeout.total_seconds()}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    ) as keeper:
        said, _ = keeper.communicate(json.dumps(order).encode())
    try:
        ms, problem = json.loads(said)
    except (ValueError, TypeError) as error:
        raise ProbeError("could not be watched") from error
    if ms is None:
        raise ProbeError(problem)
    return float(ms), str(problem)


def keep(order: dict[str, Any]) -> tuple[float | None, str]:
    """Run a command to its end or its timeout; returns milliseconds, None without an answer, and the problem."""
    timeout = timedelta(seconds=order["timeout_s"])
    if problem := _distrusted(order["argv"][0], order["cwd"]):
        return None, problem
    tree = trees.of_this_system()
    tree.prepare(background=False)
    began_s = time.perf_counter()
    try:
        process = subprocess.Popen(
            command_line(order["argv"]) if sys.platform == "win32" else order["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=order["cwd"],
            **tree.popen_options(),
        )
    except (OSError, ValueError) as error:
        return None, f"cannot start '{order['argv'][0]}': {in_words(error, timeout)}"
    tree.started(process)
    ended_s: list[float] = []

    def wait() -> None:
        process.wait()
        ended_s.append(time.perf_counter())

    # Not wait(timeout), which looks 20 times a second: that is no way to measure milliseconds.
    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    waiter.join(timeout.total_seconds())
    if not ended_s:
        tree.kill(GRACE_S)
        return None, no_answer(timeout)
    status, _, _, cause = verdict.judge(process.returncode, [0], [])
    return 1000 * (ended_s[0] - began_s), "" if status == "ok" else cause


def _distrusted(program: str, cwd: str) -> str:
    """Say who else could change a program, found as the system will find it; of one that is gone the system tells."""
    found = shutil.which(os.path.join(cwd, program) if os.sep in program else program)  # noqa: PTH118  # links stay
    return "" if found is None else trust.refusal([found], os.environ)


def main() -> int:
    """Be the keeper of the command on our standard input, and say on our output what became of it."""
    answer = keep(json.load(sys.stdin))
    try:
        os.write(1, json.dumps(answer).encode())
    except OSError:  # nobody waits for it any more
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
