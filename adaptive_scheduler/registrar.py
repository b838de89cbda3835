"""The one place that reads and changes what a backend decided to read and change."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from adaptive_scheduler import files
from adaptive_scheduler.backends.base import (
    FORGETS_WITHIN_S,
    Action,
    Answer,
    Answers,
    File,
    Look,
    Registered,
    Remove,
    Run,
    Write,
)
from adaptive_scheduler.errors import RegistrationError

PATIENCE_S = 60.0
RETRY_PAUSE_S = 0.5
NO_WINDOW = 0x0800_0000
"""Units and property lists hold no secrets, and other users' managers may have to read them."""

Done = Callable[[Action], None]


def ask(looks: Iterable[Look]) -> Answers:
    """Return what the files hold and the commands tell; what cannot be had is an answer too."""
    return {look: _read(look) if isinstance(look, File) else _told(look.argv) for look in looks}


def carry_out(actions: Iterable[Action], done: Done) -> None:
    """Do everything in order, telling `done` of each; RegistrationError names what failed, and nothing follows it."""
    for action in actions:
        if isinstance(action, Write):
            _write(action)
        elif isinstance(action, Remove):
            _remove(action)
        else:
            _run(action)
        done(action)


def wait_until_gone(left: Callable[[], Registered | None]) -> None:
    """Ask until nothing is left of a registration; RegistrationError when the system does not let go of it."""
    give_up_at_s = time.monotonic() + FORGETS_WITHIN_S
    while (found := left()) is not None:
        if time.monotonic() >= give_up_at_s:
            raise RegistrationError(f"{found.summary} is still there")
        time.sleep(RETRY_PAUSE_S)


def _read(file: File) -> Answer:
    try:
        return Answer(0, Path(file.path).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Answer(None)
    except OSError as error:
        return Answer(1, b"", error.strerror or str(error))


def _told(argv: tuple[str, ...], content: bytes | None = None) -> Answer:
    import subprocess  # loaded where something is asked: `status` of a project that nobody registered asks nothing
    import tempfile

    # Files, no pipes: what a tool leaves behind in the background would hold a pipe open for ever.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(content or b"")
        given.seek(0)
        try:
            code = subprocess.run(
                argv,
                stdin=given,
                stdout=out,
                stderr=err,
                timeout=PATIENCE_S,
                env=_environment(),
                creationflags=NO_WINDOW if sys.platform == "win32" else 0,
            ).returncode
        except FileNotFoundError:
            return Answer(None, b"", f"no '{argv[0]}' on PATH")
        except subprocess.TimeoutExpired:
            return Answer(1, b"", f"no answer within {PATIENCE_S:g} s")
        except OSError as error:
            return Answer(1, b"", error.strerror or str(error))
        told, complained = _content(out), _content(err)
    complaint = " ".join((complained or told).decode(errors="replace").split()) if code else ""
    return Answer(code, told, complaint)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _environment() -> dict[str, str] | None:
    """Return what the system's own tools are called with; None on Windows, where ours will do.

    Complaints are compared with what is known of them, so they must come in English. A user's systemd is
    found by a variable that a login sets, and that sudo, su and cron do not pass on.
    """
    if sys.platform == "win32":
        return None
    runtime = f"/run/user/{os.getuid()}"
    found = {"XDG_RUNTIME_DIR": runtime} if Path(runtime).is_dir() else {}
    return {**found, **os.environ, "LC_ALL": "C"}


def _write(action: Write) -> None:
    path = Path(action.path)
    try:
        if action.private:
            files.private_folder(path.parent)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        files.replace_file(path, action.content, mode=files.PRIVATE if action.private else files.FOR_ALL_TO_READ)
    except OSError as error:
        raise RegistrationError(f"cannot write '{path}': {error.strerror or error}{_as_root(error)}") from error


def _remove(action: Remove) -> None:
    try:
        Path(action.path).unlink(missing_ok=True)
    except OSError as error:
        problem = f"cannot remove '{action.path}': {error.strerror or error}{_as_root(error)}"
        raise RegistrationError(problem) from error


def _run(action: Run) -> None:
    give_up_at_s = time.monotonic() + action.retry_s
    while (answer := _told(action.argv, action.content)).code != 0:
        if (answer.code is None and action.optional) or not action.must:
            return
        if time.monotonic() >= give_up_at_s:
            words = " ".join(action.argv)
            raise RegistrationError(f"'{words}' fails: {answer.complaint or f'exit code {answer.code}'}")
        time.sleep(RETRY_PAUSE_S)


def _as_root(error: OSError) -> str:
    who = "an administrator" if sys.platform == "win32" else "root"
    return f"; do it as {who}" if isinstance(error, PermissionError) else ""
