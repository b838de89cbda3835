"""Who else could change a file or a folder, by its owner and its mode. Pure.

Trusted are root and the user whose process this is. In a sticky folder, as /tmp is one, everybody may make
files and nobody can touch another one's: that will do on the way to a file, and not for the folder it lies in.
"""

import stat
from collections.abc import Callable

ROOT = 0

OWNER, GROUP, EVERYBODY = "owner", "group", "everybody"
"""Whose right it is that makes a file doubtful."""


def doubt(mode: int, owner: int, me: int, group_is_mine: Callable[[], bool], *, sticky_will_do: bool) -> str:
    """Return whose right lets somebody else change it, empty when nobody but root and `me` can.

    `group_is_mine` is asked only where the group may write: whether it has no other members, and no list of access
    stands behind the bits of the mode.
    """
    if owner not in (ROOT, me):
        return OWNER
    if stat.S_ISLNK(mode):  # its mode says nothing: who may replace it is a matter of its folder
        return ""
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX and sticky_will_do:
        return ""
    if mode & stat.S_IWOTH:
        return EVERYBODY
    return GROUP if mode & stat.S_IWGRP and not group_is_mine() else ""
