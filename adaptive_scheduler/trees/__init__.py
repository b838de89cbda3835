"""The process tree of a run, one sibling per operating system behind the Protocol in base.py.

`of_this_system()` picks the sibling; only that one is imported. Standard library only, but for
`end_leftovers` outside Linux, which recovery calls and no supervisor.
"""

import sys
from importlib import import_module

from adaptive_scheduler.trees.base import Tree

KINDS = {"linux": "linux.LinuxTree", "win32": "windows.WindowsTree"}
"""sys.platform -> sibling; every other system is POSIX."""


def of_this_system() -> Tree:
    """Return the tree of the calling process, of the kind that this system needs."""
    room, _, name = KINDS.get(sys.platform, "posix.PosixTree").partition(".")
    tree: Tree = getattr(import_module(f"{__name__}.{room}"), name)()
    return tree


def end_leftovers(run_id: str) -> int:
    """End every process of the machine that a dead supervisor's run left behind; returns how many ended."""
    room = "linux" if sys.platform == "linux" else "elsewhere"
    ended: int = import_module(f"{__name__}.{room}").end_leftovers(run_id)
    return ended
