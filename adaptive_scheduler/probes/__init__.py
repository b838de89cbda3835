"""Ways to ask something for a sign of life, one sibling each behind the Protocol in base.py.

Standard library only: the prober that uses them runs without packages. A sibling is imported when it is used.
"""

from importlib import import_module

from adaptive_scheduler.probes.base import Ask

WAYS = ("tcp", "http", "command")
"""What a Probe's `way` may be: the name of the sibling."""


def way(name: str) -> Ask:
    """Return what asks in this way; ValueError when there is no such way."""
    if name not in WAYS:
        raise ValueError(f"'{name}' is none of {', '.join(WAYS)}")
    ask: Ask = import_module(f"{__name__}.{name}").ask
    return ask
