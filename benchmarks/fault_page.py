"""The page that says what became of each fault: Markdown, made from what was found."""

import platform
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fault_disk import Step
from fault_sites import KILL, Fault
from fault_verdict import OUTCOMES, Verdict

COLUMNS = (KILL, "ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS", "EINTR")

HEAD = """# Faults

What becomes of a project when any of the calls that touch its files is the last one of its process, or fails. This
page is written by

```sh
{command}
```

on {system}, Python {python}, {date}, as {user}.

A project has four tasks: one has ended long ago, one waits to be collected, two are due, and one of these fails. A
cycle (and the very first one of a new project, one whose runs go to a node, and the supervisor of a run) is watched
by strace, which shows each call that touches a file of the project. Then the same is done again and again, and each
time one call meets a fault: SIGKILL before it takes effect, or an error of the disk, once or from then on. Plain
cycles follow, five minutes apart by their clock, until nothing is left to do. Then this must be so: the state is
readable; every start of a script, as the scripts themselves wrote it down outside of the project, has exactly one
result in the history, and every task exactly one end; nothing was started that had run before; no traceback was
printed, and an exit code of 2 or 3 came with the file; no process, no half-written file and no half-made run folder
is left.

| faults | runs started | lost | doubled | interrupted | left behind | tracebacks | met nothing |
|---|---|---|---|---|---|---|---|
| {totals} |

The words in the tables:

{words}

A kill before a call is a kill after the one before it. An error comes once for EIO, EDQUOT and EINTR, and from then
on for ENOSPC, EACCES and EROFS (of a supervisor three times: it waits ten minutes for a disk). An empty cell was
not tried: the error cannot come from that call, or the call only closes or reads again.

{sampled}
"""


class Tried(NamedTuple):
    """A fault, what the file is to the program, and what became of the project; None when it met nothing."""

    fault: Fault
    role: str
    verdict: Verdict | None


class Lost(NamedTuple):
    """A power cut and what became of the project."""

    who: str
    names: str
    content: str
    verdict: Verdict


def page(
    tried: Sequence[Tried], power: Sequence[Lost], disk: Sequence[Step], about: dict[str, str], sampled: str
) -> str:
    """Return the page."""
    verdicts = [one.verdict for one in tried if one.verdict] + [one.verdict for one in power]
    verdicts += [one.verdict for one in disk]
    words = "\n".join(f"- `{word}`: {meaning}" for word, meaning in OUTCOMES.items())
    missed = sum(one.verdict is None for one in tried)
    parts = [HEAD.format(totals=_totals(verdicts, missed), words=words, sampled=sampled, **about)]
    parts += [
        f"## The {who}\n\n" + "\n".join(_matrix([one for one in tried if one.fault.who == who])) + "\n"
        for who in dict.fromkeys(one.fault.who for one in tried)
    ]
    if power:
        parts.append("\n".join(_power(power)) + "\n")
    if disk:
        parts.append("\n".join(_disk(disk)) + "\n")
    return "\n".join(parts)


def _totals(verdicts: Sequence[Verdict], missed: int) -> str:
    troubles = [trouble for one in verdicts for trouble in one.troubles]

    def counted(*words: str) -> int:
        return sum(trouble.startswith(words) for trouble in troubles)

    figures = [len(verdicts), sum(one.runs for one in verdicts), counted("lost"), counted("started twice", "'")]
    figures += [sum(one.interrupted for one in verdicts), counted("left behind", "a process")]
    figures += [counted("a fault of the program"), missed]
    return " | ".join(f"{figure:,}" for figure in figures)


def _matrix(tried: Sequence[Tried]) -> Iterator[str]:
    cells: dict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for one in sorted(tried, key=lambda one: (one.role, one.fault.call)):
        if one.verdict is not None:
            outcome = "**fault**" if one.verdict.troubles else one.verdict.outcome
            cells[one.role, one.fault.call][one.fault.what][outcome] += 1
    columns = [one for one in COLUMNS if any(one in row for row in cells.values())]
    yield f"| file | call | {' | '.join('killed' if one == KILL else one for one in columns)} |"
    yield f"|---|---|{'---|' * len(columns)}"
    for (role, call), row in cells.items():
        yield f"| `{role}` | {call} | {' | '.join(_counted(row[one]) for one in columns)} |"


def _counted(outcomes: Counter[str]) -> str:
    return ", ".join(word if count == 1 else f"{word} ({count})" for word, count in sorted(outcomes.items()))


def _power(power: Sequence[Lost]) -> Iterator[str]:
    yield "## A power cut\n"
    yield "All that a cycle, its supervisors and scripts do is recorded in its order. At each moment the worst is laid"
    yield "out that a journalling file system may leave: names whose folder was not fsynced are there or not (those of"
    yield "the runs apart from the rest), and content that was not fsynced is the older one, is there, or is NUL. Names"
    yield "within one folder come and go in their order. Then cycles follow as above. Where runs go to a node, that"
    yield "knows of all orders, or of none that had not come home.\n"
    yield "| what | names not yet safe | content not yet safe | moments | outcomes |"
    yield "|---|---|---|---|---|"
    kinds: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for one in power:
        kinds[one.who, one.names, one.content]["**fault**" if one.verdict.troubles else one.verdict.outcome] += 1
    for (who, names, content), outcomes in sorted(kinds.items()):
        yield f"| {who} | {names} | {content} | {sum(outcomes.values())} | {_counted(outcomes)} |"


def _disk(disk: Iterable[Step]) -> Iterator[str]:
    yield "## A disk of 256 KiB\n"
    yield "The state folder is on a file system of its own (tmpfs), filled up but for some room; a cycle comes, the"
    yield "room is given back, and cycles follow as above.\n"
    yield "| disk | exit code | what the cycle said | outcome |"
    yield "|---|---|---|---|"
    for one in disk:
        said = re.sub(r"'/[^']*/([^'/]+)'", r"'\1'", one.said.said).replace("adaptive-scheduler: ", "")
        told = "; ".join(line for line in said.strip().splitlines() if "task 'failing' failed" not in line)
        outcome = "**fault**" if one.verdict.troubles else one.verdict.outcome
        yield f"| {one.what} | {one.said.code} | {told or 'nothing'} | {outcome} |"


def about_here(command: str, date: str, user: str) -> dict[str, str]:
    """Return what the page says of the machine."""
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return {"command": command, "system": system, "python": platform.python_version(), "date": date, "user": user}
