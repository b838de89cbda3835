"""What a process must have before it does anything, however it was started: streams, a folder, its own rights."""

import os
from pathlib import Path

OTHERS = 0o077
"""What a umask may take away: the rights of other users. It never takes the owner's own."""


def find() -> None:
    """Put right what the starter of this process left wrong."""
    _fill_closed_descriptors()
    _leave_a_removed_folder()
    os.umask(os.umask(OTHERS) & OTHERS)


def _fill_closed_descriptors() -> None:
    """Put something harmless where stdin, stdout or stderr was closed, or the next file opened would stand there."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _leave_a_removed_folder() -> None:
    """Stand in the root folder where the present one is gone: there is no path that could name it."""
    try:
        Path.cwd()
    except OSError:
        os.chdir(os.path.abspath(os.sep))  # noqa: PTH100  # Path.absolute asks for the folder that is gone
