"""What became of a harmed project: cycles until it is quiet, then what must be so, and the outcome in few words."""

import re
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from fault_project import KILLED, Answer, Place
from fault_waits import HUNG, until

from adaptive_scheduler.store import Store

MOST_CYCLES = 8
MUCH_LATER = 24
"""Where something was left behind, a cycle two hours later finds it old enough to be taken away."""

TASKS = ("settled", "earlier", "quick", "failing")


OUTCOMES = {
    "on": "carried on; nothing was lost, so nothing is said",
    "said": "carried on, and said what could not be done",
    "log": "carried on; lines for the log could not be written, and that was said",
    "later": "a start was put off to the next cycle, and that was said",
    "refused": "the cycle refused to begin or to go on, with the file and the way out; the next one carried on",
    "next": "the process was gone; the next cycle carried on",
    "again": "a run was reported as interrupted, once, and tried again",
    "error": "a run was reported as an error, once",
    "anew": "a damaged file was set aside, the copy before it used or a new one begun, and that was said",
}


class Verdict(NamedTuple):
    """The outcome in few words, and what should not be."""

    outcome: str
    troubles: tuple[str, ...] = ()
    runs: int = 0
    interrupted: int = 0


def settle(place: Place, after: int) -> list[Answer]:
    """Call cycles until nothing is left to do, and perhaps one much later; returns what they said."""
    answers = []
    for number in range(after + 1, after + MOST_CYCLES):
        with suppress(TimeoutError):
            until(place.is_idle)  # a supervisor may be waiting for a disk to get room
        answers.append(place.cycle(number))
        if is_quiet(place):
            left = leftovers(place, history(place)) or answers[-1].code
            return [*answers, place.cycle(MUCH_LATER)] if left else answers
    return [*answers, Answer(HUNG >> 8, "it does not become quiet")]


def is_quiet(place: Place) -> bool:
    """Whether nothing runs, waits to be tried again or to be recorded."""
    state = Store(place.outputs).read().state
    waits = any(mine.live or mine.retry_at for mine in state.tasks.values())
    return not waits and not state.unrecorded and len(state.tasks) == len(TASKS)


def judge(place: Place, first: Answer | None, *, killed: bool = False, after: int = 0) -> Verdict:
    """Let the project come to rest after a cycle and judge it; `first` is the cycle that a fault met."""
    later = settle(place, after)
    troubles = _words(place, [*([first] if first else []), *later])
    if first and killed and first.code != KILLED:
        troubles.append(f"a cycle that was killed ended with {first.code}")
    if Store(place.outputs).read().damaged:
        troubles.append("the state is not readable")
    rows = history(place)
    troubles += _runs(place, rows)
    troubles += [f"left behind: {name}" for name in leftovers(place, rows)]
    try:
        until(place.is_idle)
    except TimeoutError:
        troubles.append("a process is left")
    interrupted = sum(status == "interrupted" for _, status in rows.values())
    outcome = _outcome(first, later, rows, killed=killed)
    return Verdict(outcome, tuple(troubles), len(place.starts()), interrupted)


def history(place: Place) -> dict[str, tuple[str, str]]:
    """Return task and status of each run in the history, by its id."""
    with closing(sqlite3.connect(f"file:{place.outputs}/history.sqlite3?mode=ro", uri=True)) as database:
        return {row[0]: (row[1], row[2]) for row in database.execute("select run_id, task, status from runs")}


def leftovers(place: Place, rows: dict[str, tuple[str, str]]) -> list[str]:
    """Return files that should have been cleaned up, and run folders that belong to no run."""
    found = [path for pattern in (".*.tmp", "*.bak.tmp", "*-journal") for path in place.outputs.rglob(pattern)]
    found += [path for path in place.outputs.glob("runs/*/*") if path.name not in rows]
    return sorted(str(path.relative_to(place.outputs)) for path in found)


def _words(place: Place, answers: list[Answer]) -> list[str]:
    troubles = []
    for one in answers:
        if "Traceback" in one.said or "a fault of the program" in one.said:
            troubles.append(f"a fault of the program: {_traced(one.said)}")
        if one.code not in (0, 1, 2, 3, KILLED):
            troubles.append(f"exit code {one.code}: {one.said[-400:]}")
        if one.code in (2, 3) and str(place.folder) not in one.said and "tasks.toml" not in one.said:
            troubles.append(f"exit code {one.code} without a file: {one.said[-400:]}")
    if answers[-1].code:
        troubles.append(f"the last cycle ends with {answers[-1].code}: {answers[-1].said[-400:]}")
    return troubles


def _traced(said: str) -> str:
    """Return what was said, with the traceback that was kept."""
    kept = re.search(r"details in '(.*)'", said)
    if kept is None or not (path := Path(kept[1])).exists():
        return said[-1000:]
    trace = path.read_text(encoding="utf-8", errors="replace")
    path.unlink()
    return trace[-1000:]


def _runs(place: Place, rows: dict[str, tuple[str, str]]) -> list[str]:
    starts = place.starts()
    troubles = [f"started twice: {one}" for one, count in Counter(starts).items() if count > 1]
    troubles += [f"lost: {one}" for one in starts if one[1] not in rows]
    for task in TASKS:
        ends = [status for name, status in rows.values() if name == task]
        cut = ends.count("interrupted")
        if ends == ["interrupted"] and not place.tries_again:
            continue
        if len(ends) - cut != 1 or cut > 1 or sum(name == task for name, _ in starts) > 1 + cut:
            troubles.append(f"'{task}' ended as {ends} and was started as {[one for one in starts if one[0] == task]}")
    return troubles


def _outcome(first: Answer | None, later: list[Answer], rows: dict[str, tuple[str, str]], *, killed: bool) -> str:
    states = {status for _, status in rows.values()}
    said = (first.said if first else "") + later[0].said
    if "interrupted" in states:
        return "again"
    if "error" in states:
        return "error"
    if killed or first is None:
        return "next"
    if first.code == 2 or "cannot use the state" in first.said:
        return "refused"
    if "is damaged" in said or "are missing" in said or "is missing" in said:
        return "anew"
    if "cannot write the log" in first.said:
        return "log"
    if "could not start" in first.said:
        return "later"
    return "said" if "continuing" in first.said else "on"
