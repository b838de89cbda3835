"""What has become of a run, from its folder alone: the files and their locks are the truth.

`done.json` comes first; then whether anybody holds the claim; a claim that nobody holds, with still no
`done.json`, is a run that was lost. Recovery writes its own mark into the claim before it says so, so a
supervisor that is late exits without starting anything.
"""

import math
import os
from contextlib import suppress
from datetime import timedelta
from typing import Any

from adaptive_scheduler import files, locks
from adaptive_scheduler.codec import decode_result
from adaptive_scheduler.runfolder import DamagedError, RunFolder, write_mark
from adaptive_scheduler.runners.base import Finished, Lost, Running, RunState, StepResult

MARK = {"recovered": True}


def outcome(folder: RunFolder) -> Finished | None:
    """Return how a run ended, None while it has not; raises DamagedError when that was written but is lost."""
    try:
        done = folder.read_done()
    except OSError as error:
        raise DamagedError(f"its done.json cannot be read ({error.strerror or error})") from error
    if done is None:
        return None
    try:
        return _finished(done)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedError(f"its done.json is damaged ({type(error).__name__}: {error})") from error


def look(folder: RunFolder, run_id: str) -> RunState:
    """Return the state of a run and touch nothing."""
    damage = ""
    try:
        if (finished := outcome(folder)) is not None:
            return finished
    except DamagedError as error:
        damage = str(error)
    try:
        alive = folder.is_alive()
    except OSError:
        alive = True  # who cannot ask must not start it a second time
    if alive:
        return Running(run_id, folder.claimed_by())
    # The supervisor may have ended between our two looks.
    try:
        return outcome(folder) or Lost(run_id, damage or _cause(folder))
    except DamagedError as error:
        return Lost(run_id, str(error))


def recover(folder: RunFolder, run_id: str) -> RunState:
    """Return the state of a run; when it is lost, decide its claim and end what it left running."""
    state = look(folder, run_id)
    if not isinstance(state, Lost):
        return state
    try:
        fd = _decide(folder)
    except OSError:
        # Without a mark a late supervisor could still start; a gone folder it cannot claim.
        if folder.path.exists():
            return Running(run_id)
        fd = None
    else:
        if fd is None:
            return Running(run_id)
    try:
        state = look_again(folder, state)
        if isinstance(state, Lost):
            from adaptive_scheduler import trees

            # What its supervisor was writing when it died; no new one can come now.
            with suppress(OSError):
                files.sweep(folder.path, math.inf)
            ended = trees.end_leftovers(run_id)
            if ended:
                leftovers = "1 leftover process" if ended == 1 else f"{ended} leftover processes"
                state = Lost(run_id, f"{state.cause}; {leftovers} ended")
        return state
    finally:
        if fd is not None:
            os.close(fd)


def look_again(folder: RunFolder, lost: Lost) -> Finished | Lost:
    """Return the outcome if there is one after all: with the claim in our hands nobody can write one now."""
    try:
        return outcome(folder) or lost
    except DamagedError as error:
        return Lost(lost.run_id, str(error))


def _decide(folder: RunFolder) -> int | None:
    """Return the locked claim with our mark in it, None when somebody is at it; raises OSError."""
    try:
        fd = locks.open_lockable(folder.claim, os.O_APPEND)
    except FileNotFoundError:
        return folder.take_claim(MARK)
    if not locks.try_lock(fd):
        os.close(fd)
        return None
    try:
        write_mark(fd, MARK)
    except OSError:
        os.close(fd)
        raise
    return fd


def _cause(folder: RunFolder) -> str:
    if not folder.path.exists():
        return "its run folder is gone"
    return "it never started" if folder.claimed_by() is None else "its supervisor died"


def _finished(done: dict[str, Any]) -> Finished:
    result, took = decode_result(done), done["background_took"]
    left_behind = done["left_behind"]
    if not isinstance(left_behind, int) or not isinstance(took, bool | None):
        raise TypeError(f"{left_behind!r} and {took!r} say nothing of its processes")
    return Finished(result.run_id, result, tuple(_step(step) for step in done["steps"]), left_behind, took)


def _step(plain: dict[str, Any]) -> StepResult:
    step = StepResult(**plain)
    texts = (step.name, step.status, step.cause, step.signal or "")
    whole = (int, type(None))
    if not all(isinstance(text, str) for text in texts) or not isinstance(step.exit_code, whole):
        raise TypeError(f"{plain!r} is no step")
    for seconds in (step.offset_s, step.duration_s):
        timedelta(seconds=seconds)
    return step
