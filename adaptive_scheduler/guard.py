"""The one place that turns errors into one line and an exit code."""

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from adaptive_scheduler import __version__
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import SchedulerError

OUR_FAULT, INTERRUPTED = 3, 130


def verb(body: Callable[..., int]) -> Callable[..., None]:
    """Make a function that returns an exit code into a command of typer."""

    @wraps(body)
    def command(*args: Any, **options: Any) -> None:
        import typer

        raise typer.Exit(outcome(body, *args, **options))

    return command


def outcome(body: Callable[..., int], *args: Any, **options: Any) -> int:
    """Call a function and return its exit code; every error becomes one line and a code."""
    output.survive_any_console()
    try:
        code = body(*args, **options)
    except SchedulerError as error:
        output.problem(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        output.problem("interrupted")
        code = INTERRUPTED
    except Exception as error:
        if output.reader_has_gone(error):  # `status | head`: that is its right
            output.give_up_stdout()
            return 0
        code = OUR_FAULT
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            output.problem(f"{error.strerror}; make room where the output and scheduler.state_dir are")
        else:
            output.problem(f"a fault of the program: {type(error).__name__}: {error}; details in '{_keep_trace()}'")
    return _printed(code)


def _printed(code: int) -> int:
    """Print what is still buffered while its failure can still be told; returns the exit code."""
    try:
        output.flush()
    except OSError as error:
        gone = output.reader_has_gone(error)
        output.give_up_stdout()
        if gone:
            return code
        if code != OUR_FAULT:  # else it has been told
            output.problem(f"the output could not be printed: {error.strerror or error}")
        return OUR_FAULT
    return code


def _keep_trace() -> str:
    """Write the traceback where it can be sent from, and return that place."""
    import tempfile
    import traceback

    text = f"adaptive-scheduler {__version__}, Python {sys.version}, {sys.platform}\n{traceback.format_exc()}"
    descriptor, path = tempfile.mkstemp(prefix="adaptive-scheduler-fault-", suffix=".log", text=True)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
