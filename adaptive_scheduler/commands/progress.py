"""A progress bar for verbs that may take more than a second: on a terminal alone, and never beside JSON."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Yield a function that advances the bar by one; without a terminal, or `quiet`, it does nothing."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    # rich is loaded only where there is something to show.
    from adaptive_scheduler import terminal

    with terminal.progress(what, total) as advance:
        yield advance
