"""`import`: what cron or the Task Scheduler runs, as tasks; printed, or merged into tasks.toml."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from adaptive_scheduler import taskfile, toml_edit
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.imports import page
from adaptive_scheduler.imports.base import Piece

STDIN = "-"
LARGEST = 8_000_000
"""Bytes of an input: far above any crontab, and above the tasks of a whole Windows."""

SYSTEM_FILES, SYSTEM_FOLDER = ("/etc/crontab",), "/etc/cron.d"


def crontab(config: str | None, file: str | None, *, system: bool, write: bool) -> int:
    """Import a crontab: a file, stdin for '-', or this user's own one."""
    from adaptive_scheduler.imports import crontab as reading

    data, origin = _crontab() if file is None else _content(file)
    text, whole = reading.decoded(data)
    user, home = _me()
    tab = reading.Tab(user, home, system or _is_system(file), _home_of)
    pieces = reading.pieces(text, tab, _look)
    return _finish(config, pieces, whole, origin, "crontab", write=write)


def task_scheduler(config: str | None, file: str, *, write: bool) -> int:
    """Import tasks of the Windows Task Scheduler from a file of XML, or from stdin for '-'."""
    from adaptive_scheduler.imports import taskxml

    data, origin = _content(file)
    name = "task" if file == STDIN else Path(file).stem
    pieces = taskxml.pieces(data, name, os.environ)
    return _finish(config, pieces, (), origin, "task-scheduler", write=write)


def _finish(
    config: str | None, pieces: Sequence[Piece], whole: Sequence[str], origin: str, verb: str, *, write: bool
) -> int:
    """Print the tasks, or write them; what could not be kept goes to stderr as well."""
    if write:
        path = taskfile.find(config, os.environ, Path.cwd())
        file = taskfile.read(path, make=True)
        found = page.named(pieces, file.tasks)
        _write(file, found)
    else:
        found = page.named(pieces, {})
        tasks = sum(one.new for one in found)
        heading = [f"Made of {origin} by 'adaptive-scheduler import {verb}'; tasks: {tasks}"]
        heading += [f"  note: {remark}" for remark in whole]
        output.line(page.text(found, heading).rstrip("\n"))
    remarks = [*whole, *(f"{_where(one)}: {remark}" for one in found for remark in one.remarks)]
    for remark in remarks:
        output.problem(remark)
    return 0


def _write(file: taskfile.TaskFile, found: Sequence[page.Named]) -> None:
    new = [one for one in found if one.new]
    if not new:
        output.line(f"nothing new for '{file.path}'")
        return
    text = file.text
    for one in new:
        text = toml_edit.added(text, page.block(one))
    taskfile.write(file, text)
    before = "" if file.before is None else f"; what it was before is in '{file.path.name}{taskfile.BACKUP}'"
    output.line(f"wrote {len(new)} task{'s' * (len(new) > 1)} into '{file.path}'{before}")
    output.line(
        f"next: adaptive-scheduler --config {file.path} check; then take out of the other scheduler what runs here"
    )


def _where(one: page.Named) -> str:
    return f"line {one.piece.line}" + (f", '{one.name}'" if one.name else "")


def _content(file: str) -> tuple[bytes, str]:
    """Return the content of a file or of stdin, and how it is called; UsageError when it cannot be had."""
    try:
        if file == STDIN:
            data, origin = sys.stdin.buffer.read(LARGEST + 1), "standard input"
        else:
            with Path(file).open("rb") as stream:
                data, origin = stream.read(LARGEST + 1), f"'{file}'"
    except OSError as error:
        raise UsageError(
            f"'{file}' cannot be read ({error.strerror or error}); name another file, or - for stdin"
        ) from error
    if len(data) > LARGEST:
        raise UsageError(f"{origin} is larger than {LARGEST // 1_000_000} MB: that is nothing to import")
    return data, origin


def _crontab() -> tuple[bytes, str]:
    """Return this user's own crontab; UsageError when there is none."""
    from adaptive_scheduler import registrar
    from adaptive_scheduler.backends import cron

    answer = registrar.ask([cron.LIST])[cron.LIST]
    if answer.code != 0:
        raise UsageError(
            f"'crontab -l' fails: {answer.complaint or 'it does not say why'}; name a FILE, or - for stdin"
        )
    output.problem("no FILE was named: this is the user's own crontab ('crontab -l')")
    return answer.content, "'crontab -l'"


def _is_system(file: str | None) -> bool:
    """Say whether a file has a column of users, by its place."""
    if file in (None, STDIN):
        return False
    path = Path(str(file)).absolute()
    return str(path) in SYSTEM_FILES or str(path.parent) == SYSTEM_FOLDER


def _look(name: str, path: str) -> str | None:
    """Return where a program is on cron's PATH; a Windows has no such folders."""
    return None if sys.platform == "win32" else shutil.which(name, path=path)


def _me() -> tuple[str, str]:
    """Return the user whose rights the tasks will have, and their home."""
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "you"), str(Path.home())
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return str(os.getuid()), os.environ.get("HOME", "/")
    return entry.pw_name, entry.pw_dir


def _home_of(user: str) -> str | None:
    """Return the home of a user of this machine, None for one that it does not know."""
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return None
