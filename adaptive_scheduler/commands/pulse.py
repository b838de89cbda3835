"""The dead-man's switch of the cycles: pinged when one begins and ends, whatever becomes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adaptive_scheduler.edges import Wish, World
from adaptive_scheduler.journal import SCHEDULER, Line
from adaptive_scheduler.notify import Ping, Signal


@dataclass
class Beat:
    """What is said of a cycle when it ends; with faults of the program or its files it has failed."""

    faults: list[str] = field(default_factory=list)


@contextmanager
def of(world: World, wish: Wish) -> Iterator[Beat]:
    """Ping around a cycle, and have sent what waits in the outbox; a failure to do so leaves one line in the log.

    A cycle of some tasks alone is somebody at the keyboard: it says nothing of whether cycles come.
    """
    beat = Beat()
    _ping(world, wish, Signal.START)
    try:
        yield beat
    except Exception as error:
        _ping(world, wish, Signal.FAIL, f"{type(error).__name__}: {error}")
        _send(world)
        raise
    _ping(world, wish, Signal.FAIL if beat.faults else Signal.SUCCESS, "\n".join(beat.faults))
    _send(world)


def _ping(world: World, wish: Wish, signal: Signal, reason: str = "") -> None:
    name = world.config.notify.ping
    if not name or wish.only is not None:
        return
    try:
        world.outbox.ping(Ping(name, signal, world.clock.now(), reason))
    except OSError as error:
        _complain(world, error)


def _send(world: World) -> None:
    try:
        world.outbox.send()
    except OSError as error:
        _complain(world, error)


def _complain(world: World, error: OSError) -> None:
    line = Line(world.clock.now(), "WARNING", SCHEDULER, f"nobody can be told: {error}, continuing")
    try:
        world.journal.write([line])
    except (OSError, TimeoutError):
        return  # a full disk: the cycle has said so
