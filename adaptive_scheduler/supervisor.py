"""One run: claim it, start its steps one after the other, watch them, write down what became of it.

Started by the path of this file as `python -I -S supervisor.py RUN_FOLDER`, for every run, anywhere. It
knows nothing of scheduling, needs nothing but the standard library, and holds the lock of the claim as
long as it lives. The scripts inherit its environment, which so never stands in a file. The timeout covers
all steps together; the run stops at the first step that fails, unless it is to keep going. Exit code 0:
done.json is written, or the run is somebody else's; 3: it could not be.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

if not __package__:
    # At the end, so that no file of site-packages can stand in for a module of the standard library.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from adaptive_scheduler import trees, trust, verdict
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.durations import words
from adaptive_scheduler.output import Output
from adaptive_scheduler.runfolder import VERSION, DamagedError, Plain, RunFolder
from adaptive_scheduler.times import iso
from adaptive_scheduler.trees.cmdline import command_line
from adaptive_scheduler.verdict import StepEnd
from adaptive_scheduler.wakeups import Wakeups

LOOK_FIRST_S, LOOK_LONGEST_S = 0.01, 0.25
"""How often the output is looked at: often while much of it comes, seldom while little does."""

MEASURE_FIRST_S, MEASURE_LONGEST_S = 0.01, 1.0
"""How often memory is measured: soon, because most scripts are short, then every second."""

MUCH_OUTPUT_BYTES = 1_000_000

SETTLE_S = 0.1
"""What a script has just ended may need this long to go; what still lives then was left behind."""

WRITE_PATIENCE_S = 600.0
WRITE_PAUSE_S, WRITE_PAUSE_LONGEST_S = 0.5, 5.0
"""How long a result waits for a full disk: without it the run would count as interrupted, and be tried again."""

FINE, NOT_WRITTEN = 0, 3


class Run:
    """One run and all that is known of it so far."""

    def __init__(self, folder: RunFolder, spec: Plain, wakeups: Wakeups, script_umask: int) -> None:
        """Read what is to be done; KeyError when the spec lacks something."""
        self.spec, self.wakeups, self.script_umask = spec, wakeups, script_umask
        self.tree = trees.of_this_system()
        self.tree.prepare(background=spec["background"])
        self.output = Output(folder.output, spec["output_max_bytes"])
        self.began_s = time.monotonic()
        self.deadline_s = self.began_s + spec["timeout_s"]
        self.steps: list[StepEnd] = []
        self.peak_bytes = 0
        self.measure_at_s = self.measure_pause_s = 0.0
        self.left_behind = 0

    def all_steps(self) -> None:
        """Run the steps in order."""
        over = False
        for step in self.spec["steps"]:
            end = StepEnd(step["name"], "not_run", "not run, for an earlier step failed") if over else self._step(step)
            self.steps.append(end)
            over = over or self._is_over(end)
        self.left_behind = self._settle()

    def report(self) -> Plain:
        """Return what became of the run, but for its identity and its times."""
        _, cpu_s = self.tree.measure()
        status, exit_code, signal_name, cause = verdict.of_run(self.steps)
        return {
            "status": status,
            "exit_code": exit_code,
            "signal": signal_name,
            "cause": cause,
            "cpu_s": round(cpu_s, 3),
            "peak_memory_bytes": max(self.peak_bytes, self.tree.peak_bytes()),
            "output_bytes": self.output.finish(),
            "steps": [step.as_plain() for step in self.steps],
            "left_behind": self.left_behind,
            "background_took": self.tree.background_took(),
        }

    def _is_over(self, end: StepEnd) -> bool:
        if end.status in ("timeout", "interrupted"):
            return True
        return end.status in ("failed", "error") and not self.spec["keep_going"]

    def _step(self, step: Plain) -> StepEnd:
        name, offset_s = step["name"], self._elapsed_s()
        if step["skip"] is not None:
            return StepEnd(name, "skipped", step["skip"], offset_s=offset_s)
        if step["error"] is not None:
            return StepEnd(name, "error", step["error"], offset_s=offset_s)
        # The cycle has looked, but that may be a while ago.
        if problem := trust.refusal(step.get("guarded", ()), os.environ):
            return StepEnd(name, "error", problem, offset_s=offset_s)
        if len(self.spec["steps"]) > 1:
            self.output.header(f"--- {name} ---")
        try:
            process = self._start(step["argv"])
        except (OSError, ValueError) as error:
            return StepEnd(name, "error", _why_not(step["argv"], self.spec["cwd"], error), offset_s=offset_s)
        status, exit_code, signal_name, cause = self._watch(process)
        duration_s = round(self._elapsed_s() - offset_s, 3)
        return StepEnd(name, status, cause, exit_code, signal_name, offset_s, duration_s)

    def _start(self, argv: list[str]) -> "subprocess.Popen[bytes]":
        options: dict[str, Any] = self.tree.popen_options()
        if os.name == "posix":
            options["umask"] = self.script_umask
        process = subprocess.Popen(
            argv if os.name == "posix" else command_line(argv),
            stdin=subprocess.DEVNULL,
            stdout=self.output.script_fd,
            stderr=self.output.script_fd,
            cwd=self.spec["cwd"],
            close_fds=True,
            **options,
        )
        self.tree.started(process)
        self.measure_at_s, self.measure_pause_s = time.monotonic(), MEASURE_FIRST_S
        return process

    def _watch(self, process: "subprocess.Popen[bytes]") -> tuple[str, int | None, str | None, str]:
        """Wait for the end of a step, or bring it about; returns status, exit code, signal name and cause."""
        pause_s = LOOK_FIRST_S
        while process.poll() is None:
            now_s = time.monotonic()
            if self.wakeups.stopped_by is not None:
                self._end_tree(process)
                return (
                    "interrupted",
                    None,
                    None,
                    f"the supervisor was told to stop ({self.wakeups.stopped_by})",
                )
            if now_s >= self.deadline_s:
                ended = self._end_tree(process)
                limit = words(timedelta(seconds=self.spec["timeout_s"]))
                limit += f" ({source})" if (source := self.spec.get("timeout_source")) else ""
                return "timeout", None, None, f"timed out after {limit}; {ended}"
            grown = self.output.trim()
            pause_s = pause_s / 2 if grown > MUCH_OUTPUT_BYTES else pause_s * 2
            pause_s = min(max(pause_s, LOOK_FIRST_S), LOOK_LONGEST_S)
            if now_s >= self.measure_at_s:
                self._measure(now_s)
            wake_s = min(now_s + pause_s, self.measure_at_s, self.deadline_s)
            self.wakeups.wait(process, max(0.001, wake_s - time.monotonic()))
            self.tree.reap(process.pid)
        self.tree.reap(process.pid)
        return verdict.judge(process.returncode, self.spec["success_codes"], self.spec["warning_codes"])

    def _measure(self, now_s: float) -> None:
        memory_bytes, _ = self.tree.measure()
        self.peak_bytes = max(self.peak_bytes, memory_bytes)
        self.measure_at_s = now_s + self.measure_pause_s
        self.measure_pause_s = min(2 * self.measure_pause_s, MEASURE_LONGEST_S)

    def _end_tree(self, process: "subprocess.Popen[bytes]") -> str:
        """End the whole tree and say how that went."""
        ended, stubborn = self.tree.kill(self.spec["grace_s"], self.output.trim)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        self.tree.reap(process.pid)
        text = f"{ended} process{'' if ended == 1 else 'es'} ended"
        return f"{text}, {stubborn} could not be ended" if stubborn else text

    def _settle(self) -> int:
        """Return how many processes were left behind; they are left alone, as cron does."""
        until_s = time.monotonic() + SETTLE_S
        while (alive := len(self.tree.descendants())) and time.monotonic() < until_s:
            time.sleep(LOOK_FIRST_S)
            self.tree.reap(0)
        return alive

    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self.began_s, 3)


def supervise(folder: RunFolder, wakeups: Wakeups, script_umask: int, clock: Clock) -> Plain:
    """Do the run of a claimed folder and return what became of it; a fault of ours is a result too."""
    began, began_s = clock.now(), time.monotonic()
    run: Run | None = None
    run_id = folder.path.name
    try:
        spec = folder.read_spec()
        run_id = spec["run_id"]
        run = Run(folder, spec, wakeups, script_umask)
        run.all_steps()
        report = run.report()
    except Exception as error:  # whatever it is: nothing may live on unwatched, and the run needs an end
        if run is not None:
            run.tree.kill(run.spec["grace_s"])
        report = _failure(error)
    duration_s = round(time.monotonic() - began_s, 3)
    # A machine that slept ends late by its clock only; a clock that was set back cannot be asked.
    ended = max(clock.now(), began + timedelta(seconds=duration_s))
    times = {"started_at": iso(began), "ended_at": iso(ended), "duration_s": duration_s}
    return {"version": VERSION, "run_id": run_id, **times, **report}


def write_done(folder: RunFolder, done: Plain, *, patience_s: float = WRITE_PATIENCE_S) -> bool:
    """Write done.json, waiting for a full disk to get room again; False when it could not be written."""
    give_up_at_s = time.monotonic() + patience_s
    pause_s = WRITE_PAUSE_S
    while True:
        try:
            folder.write_done(done)
        except OSError as error:
            if not folder.path.is_dir() or time.monotonic() + pause_s > give_up_at_s:
                complain(f"cannot write '{folder.done}': {error}")
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, WRITE_PAUSE_LONGEST_S)
        else:
            return True


def complain(text: str) -> None:
    """Write a line into the supervisor's log, if it has one (pythonw may have none)."""
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")


def main(path: str) -> int:
    """Supervise the run in a folder and return the exit code."""
    script_umask = os.umask(0o077)
    clock = Clock()
    folder = RunFolder(Path(path))
    wakeups = Wakeups(folder.stop)
    try:
        claim = folder.take_claim({"pid": os.getpid(), "started": iso(clock.now())})
    except OSError as error:
        complain(f"cannot claim '{folder.path}': {error}")
        return NOT_WRITTEN
    if claim is None:
        return FINE
    written = write_done(folder, supervise(folder, wakeups, script_umask, clock))
    with suppress(OSError):
        if folder.supervisor_log.stat().st_size == 0:
            folder.supervisor_log.unlink()
    return FINE if written else NOT_WRITTEN


def _failure(error: Exception) -> Plain:
    """Return the report of a run that could not be set up, or could not be watched to its end."""
    if isinstance(error, OSError | DamagedError | KeyError):
        cause = f"it could not be set up: {_in_words(error)}"
    else:
        import traceback

        traceback.print_exc()
        cause = f"a fault of the supervisor: {type(error).__name__}: {error}"
    unknown: Plain = dict.fromkeys(("exit_code", "signal", "cpu_s", "peak_memory_bytes", "output_bytes"))
    return {
        "status": "error",
        **unknown,
        "cause": cause,
        "steps": [],
        "left_behind": 0,
        "background_took": None,
    }


def _why_not(argv: list[str], cwd: str, error: OSError | ValueError) -> str:
    """Say why a command did not start; the system names the folder when it is to blame."""
    if isinstance(error, OSError) and not Path(cwd).is_dir():
        return f"cannot start in '{cwd}': {error.strerror}; make that folder or correct `cwd`"
    return f"cannot start '{argv[0]}': {_in_words(error)}"


def _in_words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"its spec.json lacks {error}"
    return getattr(error, "strerror", None) or str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
