"""What a service is to us: one of the two commands that never end, and whose file of a system is ours."""

from dataclasses import dataclass

from adaptive_scheduler.backends.base import Wish

DEFAULT_NAMES = {"scheduler": "AdaptiveSchedulerMaster", "node": "AdaptiveSchedulerNode"}
"""The roles, each with the name that it is registered under unless another is given."""

SAID = {
    "scheduler": "The scheduler of many machines that adaptive-scheduler sends runs to",
    "node": "A node that runs what adaptive-scheduler sends it",
}

STOPS_WITHIN_S = 10
"""How long a service may take to end: one was seen to hang in its shutdown, so that it is killed then."""

CALL = ("-m", "adaptive_scheduler", "cluster")
"""What stands between the interpreter and the role, in every command of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Wish):
    """A command that never ends, kept alive; its `role` is the word that says which."""

    role: str


def described(wish: Service) -> str:
    """Return what a service is, by which a system's own list shows it."""
    return f"{SAID[wish.role]} ({wish.name})"


def calls(role: str, argv: list[str]) -> bool:
    """Say whether a command is that of a role, whatever its options and interpreter are."""
    wanted = [*CALL, role]
    return any(argv[at : at + len(wanted)] == wanted for at in range(len(argv)))
