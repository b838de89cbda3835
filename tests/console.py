"""The program inside this process: the same words in, the same words out, without the price of a process."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from adaptive_scheduler import cli
from tests.program import Answer, Program


class Stream(io.TextIOWrapper):
    """A standard stream with an encoding; it may claim to be a terminal."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        self.raw_bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.raw_bytes, encoding=encoding, newline="", write_through=True)

    def isatty(self) -> bool:
        return self.terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.raw_bytes.getvalue().decode(self.encoding)


@contextmanager
def environment(wanted: dict[str, str]) -> Iterator[None]:
    """Be in an environment for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def streams(out: Stream, err: Stream) -> Iterator[None]:
    """Print to these for a while."""
    with redirect_stdout(out), redirect_stderr(err):
        yield


class Inside(Program):
    """`Program` whose calls happen in this process; `start` still makes real ones."""

    encoding = "utf-8"
    terminal = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environ |= {"TERM": "xterm-256color"}
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "PYTHONUNBUFFERED"):
            self.environ.pop(name, None)

    def __call__(self, *words: str) -> Answer:
        return self.bare("--config", str(self.folder / "tasks.toml"), *words)

    def bare(self, *words: str) -> Answer:
        """Call it without naming the configuration."""
        out, err = (Stream(self.encoding, terminal=self.terminal) for _ in range(2))
        with environment(self.environ), streams(out, err):
            try:
                code = cli.app(args=list(words), prog_name="adaptive-scheduler")
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return Answer(code, out.text, err.text)


def python() -> list[str]:
    """Return the words that start this Python with the program."""
    return [sys.executable, "-m", "adaptive_scheduler"]
