"""End the process that a memory_leak event names, where the user allowed that by its name; otherwise nothing.

`--may-end NAME` takes the exact name of a program, as the event tells it, and no pattern. Only the very process
that the event means is touched, by number and birth; `refusal` has the list of what is spared all the same. It is
asked to end, killed when it does not within `--grace`, and looked for again. Exit code 0: nothing to do, or not
allowed; 10: it was ended, or spared though allowed; 1: it could not be ended.
"""

import argparse
import io
import json
import math
import os
import signal
import sys
import time
from typing import Any, NamedTuple

import psutil

TOLD = 10
BROKEN = 1
EVENT = "ADAPTIVE_EVENT"
RUN_ID = "ADAPTIVE_RUN_ID"
# Two stamps of one birth differ by this at most.
SAME_S = 2.0
# A process that holds less leaks nothing worth its end, whatever `--least-mb` says.
LEAST_MB = 10
KILLED_WITHIN_S = 10
LOOK_EVERY_S = 0.05
SYSTEM_PIDS = (0, 4) if sys.platform == "win32" else (0, 1)
# Without these there is no system any more.
VITAL = (
    "csrss.exe", "dwm.exe", "init", "kernel_task", "launchd", "lsass.exe", "memory compression", "registry",
    "services.exe", "smss.exe", "svchost.exe", "system", "systemd", "wininit.exe", "winlogon.exe",
)  # fmt: skip

Fields = dict[str, Any]


class Blamed(NamedTuple):
    """The process that the event names, and the run of the scheduler it belongs to, if any."""

    name: str
    pid: int
    created: float
    run_id: str


def blamed_of(event: Fields) -> Blamed | None:
    """Return the process that the event names, None when it names none that can be told from all others."""
    plain = event.get("culprit")
    if event.get("kind") != "memory_leak" or not isinstance(plain, dict):
        return None
    pid, created, name = number(plain.get("pid")), number(plain.get("created")), shown(plain.get("name"))
    if pid is None or created is None or not name or not 0 < pid < 2**31 or pid != int(pid):
        return None
    return Blamed(name, int(pid), created, shown(plain.get("run_id")))


def found(blamed: Blamed) -> psutil.Process | None:
    """Return the very process that is blamed, None when it ended. Raises AccessDenied."""
    try:
        process = psutil.Process(blamed.pid)
        return process if abs(process.create_time() - blamed.created) <= SAME_S and is_there(process) else None
    except psutil.NoSuchProcess:
        return None


def refusal(process: psutil.Process, blamed: Blamed, least_mb: float) -> str:
    """Say why this process is spared though its name is allowed; empty when it may be ended. Raises psutil.Error."""
    name = process.name()
    if name != blamed.name:
        return f"its name is {shown(name)!r} by now"
    if process.pid in SYSTEM_PIDS or name.casefold() in VITAL:
        return "the system does not live without it"
    if process.pid in {os.getpid(), os.getppid(), *(one.pid for one in psutil.Process().parents())}:
        return "this script was started by it"
    if not is_ours(process):
        return "it belongs to another user"
    if run_id := blamed.run_id or run_of(process):
        return f"it belongs to a run of the scheduler, {run_id!r}, which has a timeout"
    held_mb, least_mb = process.memory_info().rss / 1e6, max(LEAST_MB, least_mb)
    return f"it holds {held_mb:.0f} MB, less than {least_mb:g} MB" if held_mb < least_mb else ""


def is_ours(process: psutil.Process) -> bool:
    """Say whether a process is of the user that this runs as; to root it is, whoever's it is."""
    if sys.platform == "win32":
        return process.username() == psutil.Process().username()
    return os.geteuid() == 0 or set(process.uids()) == {os.geteuid()}


def run_of(process: psutil.Process) -> str:
    """Return the run of the scheduler that a process belongs to; one that does not tell is none of this user's."""
    try:
        return shown(process.environ().get(RUN_ID))
    except (OSError, psutil.AccessDenied):
        return ""


def end(process: psutil.Process, grip: int | None, grace_s: float) -> str:
    """End exactly this process, gently first; return how, empty when it outlives that. Raises OSError, psutil.Error."""
    for hard, patience_s, how in ((False, grace_s, "ended when asked to"), (True, KILLED_WITHIN_S, "killed")):
        try:
            # Asked after the grip was taken: what still has this birth is what the grip holds.
            if not is_there(process):
                return "ended by itself"
            send(process, grip, hard=hard)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return "ended by itself"
        give_up_at_s = time.monotonic() + patience_s
        while time.monotonic() < give_up_at_s:
            if not is_there(process):
                return how
            time.sleep(LOOK_EVERY_S)
    return ""


def gripped(pid: int) -> int | None:
    """Return a descriptor that never comes to mean another process with this number; None where there is none."""
    if sys.platform == "linux":
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None
    return None


def send(process: psutil.Process, grip: int | None, *, hard: bool) -> None:
    """Ask a process to end, or kill it; Windows knows no difference. Raises OSError, psutil.Error."""
    if sys.platform == "linux" and grip is not None:
        signal.pidfd_send_signal(grip, signal.SIGKILL if hard else signal.SIGTERM)
    elif hard:
        process.kill()
    else:
        process.terminate()


def is_there(process: psutil.Process) -> bool:
    """Say whether a process lives; one that only waits for its parent to notice its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def respond(blamed: Blamed, options: argparse.Namespace) -> int:
    """End the process, or say why it is spared; return the exit code."""
    who, grip = f"{blamed.name} (pid {blamed.pid})", None
    try:
        process = found(blamed)
        if process is None:
            print(f"{who} is gone: nothing to end")
            return 0
        grip = gripped(process.pid)
        why_not = refusal(process, blamed, options.least_mb)
        if why_not:
            print(f"{who} is spared: {why_not}")
            return TOLD
        print(f"{who} is ended now, holding {process.memory_info().rss / 1e6:.0f} MB")
        how = end(process, grip, options.grace)
    except psutil.NoSuchProcess:
        print(f"{who} is gone: nothing to end")
        return 0
    except (OSError, psutil.AccessDenied) as error:
        print(f"{who} cannot be ended: {getattr(error, 'strerror', None) or 'access denied'}")
        return BROKEN
    finally:
        if grip is not None:
            os.close(grip)
    if not how:
        print(f"{who} is still there, {KILLED_WITHIN_S} s after it was killed")
        return BROKEN
    print(f"{who} {how}; {psutil.virtual_memory().available / 1e9:.1f} GB of memory are available now")
    return TOLD


# -- the same lines in each script that an event may start, for each stands alone: what an event says --


def told(text: str | None) -> tuple[Fields, str]:
    """Read an event; where it is missing, damaged or none of ours, return no fields and the reason."""
    if not text:
        return {}, "no event started this"
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return {}, f"{EVENT} is damaged: no JSON"
    if not isinstance(fields, dict) or not shown(fields.get("kind")):
        return {}, f"{EVENT} tells of no event"
    return fields, ""


def shown(value: object, most: int = 300) -> str:
    """Return a text as one printable line, empty where it is none."""
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:most]


def number(value: object) -> float | None:
    """Return a number that can be reckoned with, None where it is none."""
    try:
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if known and isinstance(value, int | float) else None
    except OverflowError:
        return None


# ----------------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """End what may be ended, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    event, trouble = told(os.environ.get(EVENT))
    blamed = blamed_of(event)
    if trouble:
        print(f"{trouble}: nothing to end")
    elif blamed is None:
        print("the event names no process that leaks: nothing to end")
    elif blamed.name not in options.may_end:
        print(f"{blamed.name} (pid {blamed.pid}) is left alone: no --may-end allows {blamed.name!r}")
    else:
        return respond(blamed, options)
    return 0


def exact(name: str) -> str:
    """Return the name of a program. Raises ArgumentTypeError for a pattern or a path."""
    if not name.strip() or set(name) & set("*?/\\"):
        raise argparse.ArgumentTypeError(f"'{name}' is no name; write it as the event does, no pattern and no path")
    return name


def patience(text: str) -> float:
    """Return seconds to wait. Raises ArgumentTypeError where that would be no number, or too long for a run."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 30:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from 0 to 30")
    return seconds


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        description="End the process that leaks, if you allow its name.",
        epilog="Exit: 0 nothing to do or not allowed, 10 ended, or spared though allowed, 1 could not be ended.",
    )
    add = parser.add_argument
    add("--may-end", type=exact, action="append", default=[], metavar="NAME", help="a name to allow; repeatable")
    add("--least-mb", type=float, default=100, metavar="MB", help=f"spared below this size (100; {LEAST_MB} at least)")
    add("--grace", type=patience, default=10, metavar="S", help="from asking it to killing it (10, at most 30)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
