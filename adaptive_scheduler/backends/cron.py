"""cron: a marked block in the user's crontab; every other byte stays as it is.

The block stands at the end and sets nothing that lines after it would inherit: what a cycle needs goes
through `env` into its own line, which any SHELL that the crontab names can read. cron takes `%` for the end of
the command, so it is escaped. cron mails what a job prints, so a cycle prints faults of the program only;
everything else is in the log.
"""

import re
import shlex
from collections.abc import Mapping

from adaptive_scheduler.backends import grid
from adaptive_scheduler.backends.base import (
    UNKNOWN,
    Answer,
    Answers,
    Look,
    Plan,
    Question,
    Registered,
    Registration,
    Run,
    Write,
)
from adaptive_scheduler.durations import words
from adaptive_scheduler.errors import RegistrationError, UsageError

LIST = Question(("crontab", "-l"))
DAEMON = Question(("pgrep", "-x", "cron|crond|fcron|dcron"))
IDLE = "no cron daemon was seen running: unless something starts one, nothing will be called"

LONGEST_LINE = 998
"""Debian's cron cuts commands off after this many bytes, without a word."""

FRESH = ", which this block began"
NO_CRONTAB = ("no crontab", "no such file")
"""What `crontab -l` says where there is none: cronie and Debian, then BusyBox."""


def looks(wish: Registration) -> tuple[Look, ...]:  # noqa: ARG001  # the siblings need it
    """Read the crontab, and see whether anybody else does."""
    return (LIST, DAEMON)


def missing(wish: Registration, answers: Answers) -> str | None:
    """There must be a crontab command that serves this user."""
    answer = answers.get(LIST, UNKNOWN)
    if wish.system:
        return "cron runs a user's crontab whether or not they are logged in: leave --system out"
    if answer.code is None:
        return "no 'crontab' on PATH; install the package 'cron' or 'cronie'"
    if answer.code != 0 and not _is_absent(answer):
        return f"'crontab -l' fails: {answer.complaint or 'it does not say why'}"
    return None


def registered(wish: Registration, answers: Answers) -> Registered | None:
    """Compare the block in the crontab with the wish."""
    block = _block(wish.name, _crontab(answers))
    if block is None:
        return None
    found = block["body"].decode(errors="replace")
    ours = _escaped(f" --config {shlex.quote(wish.config)} run ") in found
    summary = f"in the crontab of '{wish.user}', every {words(wish.every)}"
    edited = ours and found.splitlines() != _lines(wish)[0]
    faults = ("its lines in the crontab are not those that 'install' wrote",) if edited else ()
    return Registered(ours, summary, faults, _notes(answers))


def install(wish: Registration, answers: Answers) -> Plan:
    """Put the block at the end of the crontab, or in the place of an older one; keep a copy of what was."""
    before = _crontab(answers)
    old = _block(wish.name, before)
    fresh = old["fresh"] is not None if old else answers.get(LIST, UNKNOWN).code != 0
    lines, remarks = _lines(wish)
    block = "\n".join([_begin(wish.name, fresh=fresh), *lines, _end(wish.name), ""]).encode()
    notes = (*remarks, *_notes(answers))
    if old:
        after = before[: old.start()] + block + before[old.end() :]
    else:
        after = before + (b"\n" if before and not before.endswith(b"\n") else b"") + block
    if after == before:
        return Plan((), notes)
    return Plan((*_backup(wish, before), Run(("crontab", "-"), after)), notes)


def uninstall(wish: Registration, answers: Answers) -> Plan:
    """Cut the block out; a crontab that it began goes with it."""
    before = _crontab(answers)
    old = _block(wish.name, before)
    if old is None:
        return Plan()
    after = before[: old.start()] + before[old.end() :]
    change = Run(("crontab", "-r")) if not after and old["fresh"] else Run(("crontab", "-"), after)
    return Plan((*_backup(wish, before), change))


def _notes(answers: Answers) -> tuple[str, ...]:
    """Return what to know of the daemon; a system without pgrep leaves that open."""
    return (IDLE,) if answers.get(DAEMON, UNKNOWN).code == 1 else ()


def _backup(wish: Registration, crontab: bytes) -> tuple[Write, ...]:
    """Keep the crontab as it was before the latest change of ours."""
    return (Write(f"{wish.folder}/crontab.backup-{wish.name}", crontab, private=True),) if crontab else ()


def _lines(wish: Registration) -> tuple[list[str], list[str]]:
    """Return the crontab lines of a wish, without the marks around them, and what to know of them."""
    minutes = grid.whole_minutes(wish.every, "cron")
    remark = grid.remark(minutes)
    remarks = [remark] if remark else []
    command, left_out = _fitting(wish)
    if left_out:
        remarks.append(f"cron takes {LONGEST_LINE} bytes a line, so PATH goes without {':'.join(left_out)}")
    first = int(wish.offset.total_seconds()) // 60
    lines = [f"{_minutes(within)} {_hours(hours)} * * * {command}" for within, hours in grid.lines(minutes, first)]
    return lines, remarks


def _fitting(wish: Registration) -> tuple[str, list[str]]:
    """Return the command with as much of the search path as cron takes, and what was left out at its end."""
    entries = wish.environment.get("PATH", "").split(":")
    kept = len(entries)
    while True:
        environment = {**wish.environment, "PATH": ":".join(entries[:kept])} if "PATH" in wish.environment else {}
        command = _command(wish, environment)
        length = len(command.encode())
        if length <= LONGEST_LINE:
            return command, entries[kept:]
        if kept <= 1:
            raise UsageError(f"cron takes {LONGEST_LINE} bytes a line, and this cycle needs {length}")
        kept -= 1


def _command(wish: Registration, environment: Mapping[str, str]) -> str:
    settings = [f"{name}={value}" for name, value in sorted(environment.items())]
    line = shlex.join(["/usr/bin/env", *settings, *wish.argv, "--faults-only"])
    if re.search(r"[\n\r\0]", line):
        raise UsageError(f"cron cannot say the line break in {line!r}")
    return _escaped(line)


def _escaped(text: str) -> str:
    return text.replace("%", r"\%")


def _minutes(values: tuple[int, ...]) -> str:
    last = grid.MINUTES_AN_HOUR - 1
    even = grid.steps(values, last)
    if even is None:
        return ",".join(map(str, values))
    first, step = even
    return "*" if step == 1 else f"{first}-{last}/{step}"


def _hours(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values)) or "*"


def _crontab(answers: Answers) -> bytes:
    """Return the crontab; raises RegistrationError rather than taking one that cannot be read for an empty one."""
    answer = answers.get(LIST, UNKNOWN)
    if answer.code == 0:
        return answer.content
    if answer.code is None or _is_absent(answer):
        return b""
    raise RegistrationError(f"'crontab -l' fails, so nothing is changed: {answer.complaint or 'it does not say why'}")


def _is_absent(answer: Answer) -> bool:
    return any(words in answer.complaint.lower() for words in NO_CRONTAB)


def _begin(name: str, *, fresh: bool) -> str:
    return f"# BEGIN adaptive-scheduler '{name}'{FRESH if fresh else ''} ('uninstall' removes it)"


def _end(name: str) -> str:
    return f"# END adaptive-scheduler '{name}'"


def _block(name: str, crontab: bytes) -> re.Match[bytes] | None:
    """Return the block of a name; raises RegistrationError where its marks do not make one block.

    What stands between a mark and the next one of another pair need not be ours, so nothing is guessed.
    """
    begin = re.escape(f"# BEGIN adaptive-scheduler '{name}'").encode()
    fresh, end = re.escape(FRESH).encode(), re.escape(_end(name)).encode()
    body = rb"(?P<body>(?:(?!# (?:BEGIN|END) adaptive-scheduler )[^\n]*\n)*)"
    whole = rb"^%b(?P<fresh>%b)? \([^\n]*\n%b%b\r?(?:\n|\Z)" % (begin, fresh, body, end)
    blocks = list(re.finditer(whole, crontab, re.MULTILINE))
    begun = re.findall(rb"^%b" % begin, crontab, re.MULTILINE)
    if len(begun) > 1 or len(begun) != len(blocks):
        raise RegistrationError(
            f"the marks around '{name}' in the crontab are damaged, so nothing is changed: remove what lies between "
            "its BEGIN and END by hand (crontab -e), marks included"
        )
    return blocks[0] if blocks else None
