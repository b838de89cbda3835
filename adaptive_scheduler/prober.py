"""Ask all probes at once, and leave their answers for the next cycle.

Started by the path of this file as `python -I -S prober.py FOLDER`, and waited for by nobody. It needs nothing
but the standard library, holds a lock while it lives, so that there is one of it, and ends when its budget is
used up, whatever hangs. Exit code 0: the answers are there, or another prober is at it; 3: they could not be
written or there was nothing to ask; 4: the budget was used up.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

if not __package__:
    # At the end, so that no file of site-packages can stand in for a module of the standard library.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from adaptive_scheduler import locks, probefiles, probes
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.events import Answer, Probe
from adaptive_scheduler.probes.base import in_words, no_answer

SLACK = timedelta(seconds=2)
"""An answer may be this much on its way to us, as a command's is, after it came in time."""

SLACK_SHARE = 4
"""Of a short budget the slack is at most this part: all probes, the slack and the writing fit into it."""

FINE, NOT_WRITTEN, OUT_OF_TIME = 0, 3, 4


def ask_all(order: probefiles.Order, clock: Clock) -> dict[str, Answer]:
    """Ask all probes at once; returns an answer of each, within the longest timeout and a little slack."""
    slack = min(SLACK, order.budget / SLACK_SHARE)
    asked = [replace(one, timeout=min(one.timeout, order.budget - 2 * slack)) for one in order.probes]
    began, began_s = clock.now(), clock.monotonic()
    answers: dict[str, Answer] = {}

    def ask(probe: Probe) -> None:
        try:
            ms, problem = probes.way(probe.way)(probe, order.cwd)
        except BaseException as error:  # whatever it is, it is an answer, and nobody else's business
            answers[probe.name] = Answer(began, None, in_words(error, probe.timeout))
        else:
            answers[probe.name] = Answer(began, round(ms, 3), problem)

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in asked]
    for thread in threads:
        thread.start()
    for probe, thread in zip(asked, threads, strict=True):
        thread.join(max(0.0, began_s + (probe.timeout + slack).total_seconds() - clock.monotonic()))
    return {
        one.name: _in_time(answers.get(one.name), one, Answer(began, None, no_answer(one.timeout))) for one in asked
    }


def _in_time(answer: Answer | None, probe: Probe, silence: Answer) -> Answer:
    """Return the answer, or silence where it did not come in time: each part of it may have, not the whole."""
    late = answer is not None and answer.ms is not None and answer.ms > 1000 * probe.timeout.total_seconds()
    return silence if answer is None or late else answer


def main(path: str, *, leave: Callable[[int], object] = os._exit) -> int:
    """Do what the order in a folder says and return the exit code; `leave` ends the process at once."""
    folder, began_s = Path(path), time.monotonic()
    try:
        with locks.hold(folder / probefiles.LOCK, timeout_s=0):
            order = probefiles.read_order(folder)
            left_s = order.budget.total_seconds() - (time.monotonic() - began_s)
            watchdog = threading.Timer(max(0.0, left_s), leave, (OUT_OF_TIME,))
            watchdog.daemon = True
            watchdog.start()
            try:
                probefiles.write_answers(folder, ask_all(order, Clock()))
            finally:
                watchdog.cancel()
    except TimeoutError:
        return FINE
    except (OSError, ValueError, KeyError, TypeError):
        return NOT_WRITTEN
    return FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
