"""Many cycles in one process, so that what one of them leaks can be seen: one line in, one line out for each.

A line in is `NOW SECONDS LOAD`: when the cycle pretends to be, how long it may wait, and which load it pretends to see,
`-` for none; a line out is its exit code, whether it was a short one, and the resident kilobytes, descriptors and
threads of this process after it.
"""

import gc
import os
import sys
import threading
import traceback
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler import short_cycle
from adaptive_scheduler.commands.run import run
from adaptive_scheduler.errors import SchedulerError

FAKE_SAMPLE = "ADAPTIVE_FAKE_SAMPLE"
BUG = 99


def main(config: str) -> None:
    """Run cycles until there are no more lines."""
    for line in sys.stdin:
        now, seconds, load = line.split()
        os.environ.pop(FAKE_SAMPLE, None)
        os.environ |= {"ADAPTIVE_FAKE_NOW": now} | ({} if load == "-" else {FAKE_SAMPLE: load})
        short = short_cycle.attempt(["--config", config, "run", "--quiet"], os.environ)
        code = 0 if short else cycle(config, timedelta(seconds=float(seconds)))
        print(code, int(short), *held(), flush=True)


def cycle(config: str, wait: timedelta) -> int:
    """Run one cycle as the command does and return its exit code; what is no error of ours to tell is a bug."""
    try:
        code = run(config, tasks=[], dry_run=False, force=False, wait=wait, as_json=False, quiet=True)
    except SchedulerError as error:
        code = error.exit_code
    except Exception:
        traceback.print_exc()
        code = BUG
    collect_the_dead()
    forget()
    return code


def collect_the_dead() -> None:
    """Do what the system does when a cycle ends: supervisors of ours that have ended leave nothing."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def forget() -> None:
    """Do what the end of a process does: what is remembered of footprints and the like is remembered for a cycle."""
    for name, room in list(sys.modules.items()):
        if name.startswith("adaptive_scheduler"):
            for one in list(vars(room).values()):
                if callable(clear := getattr(one, "cache_clear", None)):
                    clear()


def held() -> tuple[int, int, int]:
    """Return what this process holds now."""
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    resident = next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS"))
    return resident, len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


if __name__ == "__main__":
    main(sys.argv[1])
