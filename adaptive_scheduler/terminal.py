"""The terminal: rich's console, live lines and progress, made safe for what users wrote.

With render the only importer of rich. Results go to stdout, what is only progress to stderr.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live as LiveDisplay
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text as RichText

from adaptive_scheduler.edges import Watcher
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Result
from adaptive_scheduler.printable import one_line

BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-:=+*#"


class Text(RichText):
    """Text whose escapes and control characters are shown, never obeyed."""

    def __init__(self, text: str = "", style: str = "") -> None:
        super().__init__(one_line(text), style)

    def append(self, text: RichText | str, style: Any = None) -> "Text":
        """Add to the text, as safely."""
        super().append(one_line(text) if isinstance(text, str) else text, style)
        return self


class SafeConsole(Console):
    """A console that takes what users wrote for text, and leaves a broken pipe to the command line."""

    def render_str(self, text: str, **options: Any) -> RichText:
        """Return a string as text, without markup, emoji or escapes."""
        return super().render_str(one_line(text), **options)

    def on_broken_pipe(self) -> None:
        """Go on raising: rich would end the program here with an exit code of its own."""
        raise


def console(*, stderr: bool = False) -> Console:
    """Return a console that never guesses markup, emoji or highlights in what users wrote."""
    stream = sys.stderr if stderr else sys.stdout
    # Where it is no terminal rich takes it for an old Windows console, whose last column cannot be used.
    old_console = None if stream is not None and stream.isatty() else False
    return SafeConsole(stderr=stderr, markup=False, emoji=False, highlight=False, legacy_windows=old_console)


def blocks(encoding: str) -> str:
    """Return eight signs that rise, plain characters where the encoding cannot say blocks."""
    try:
        BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BLOCKS
    return BLOCKS


def sparkline(samples: Sequence[Sample], encoding: str) -> str:
    """Return CPU over the last samples as a row of blocks, or of plain characters where need be."""
    signs = blocks(encoding)
    known = (sample.cpu for sample in samples)
    return "".join(" " if cpu is None else signs[min(7, int(cpu * 8 / 100))] for cpu in known)


class LiveWatcher(Watcher):
    """A live line on stderr for every running task."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console(stderr=True),
            transient=True,
        )
        self._lines: dict[str, Any] = {}

    def __enter__(self) -> "LiveWatcher":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, decision: Decision) -> None:
        """Show a line."""
        self._lines[decision.task] = self._progress.add_task(decision.task, total=None)

    def ended(self, task: str, result: Result) -> None:  # noqa: ARG002 - the Watcher says so
        """Take the line away."""
        if task in self._lines:
            self._progress.remove_task(self._lines.pop(task))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr; yields a function that advances it by one."""
    with Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def screen() -> Iterator[Callable[[RenderableType], None]]:
    """Show pages that replace one another."""
    with LiveDisplay(console=console(), auto_refresh=False) as live:
        yield lambda page: live.update(page, refresh=True)
