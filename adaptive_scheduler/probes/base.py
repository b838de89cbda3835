"""What a way of asking does, and the words for what may come of it."""

import socket
from datetime import timedelta
from typing import Protocol

from adaptive_scheduler.durations import words as duration_words
from adaptive_scheduler.events import Probe

NOT_KNOWN = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)}
LONGEST = 200
"""Characters of a problem: it is one short sentence for people."""


class ProbeError(Exception):
    """There was no answer, and this short sentence says why."""


class Ask(Protocol):
    """One way of asking."""

    def __call__(self, probe: Probe, cwd: str, /) -> tuple[float, str]:
        """Return how many milliseconds the answer took, and what is wrong with it (empty: nothing).

        Any exception means that there was no answer; `in_words` says it. It may take longer than the probe's
        timeout: whoever calls does not wait for it. Commands start in the folder `cwd`.
        """


def in_words(error: BaseException, timeout: timedelta) -> str:
    """Return why there was no answer, in a short sentence."""
    return _in_words(error, timeout).replace("\n", " ")[:LONGEST]


def no_answer(timeout: timedelta) -> str:
    """Return what is said of somebody who keeps silent."""
    return f"no answer within {duration_words(timeout)}"


def _in_words(error: BaseException, timeout: timedelta) -> str:
    if isinstance(error, ProbeError):
        return str(error)
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return no_answer(timeout)
    # A name that is too long or empty in parts is refused by the codec before anybody is asked.
    if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno in NOT_KNOWN):
        return "name not known"
    if isinstance(error, ConnectionError):
        return "the connection was broken off"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"
