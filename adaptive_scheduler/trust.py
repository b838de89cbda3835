"""Whether somebody else could change what is about to be believed or run: its file, and every folder above it.

Each name on the way is looked at from the root folder on, links in both senses: the folder that holds one, and the
way of what it points to. A way found sound stays so, for each step of it lies in a folder that nobody else may
write. What holds for one mode is in rights.py. Standard library only, and light: every cycle and every supervisor
asks. Windows has no modes; there nothing is looked at.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping

from adaptive_scheduler import rights

VARIABLE = "ADAPTIVE_TRUST_WRITABLE"
"""Set to 1 in the environment of a cycle, or in `env` of a task, it has everything taken as it is."""

MOST_LINKS = 40
"""As the kernel has it: more is a loop."""

ACCESS_LIST = "system.posix_acl_access"

Step = tuple[str, os.stat_result]


def is_off(environ: Mapping[str, str]) -> bool:
    """Say whether the user vouches for whatever others may write."""
    return environ.get(VARIABLE) == "1"


def objection(path: str, environ: Mapping[str, str], *, runs: bool = False) -> str:
    """Return why a file is not to be trusted, with the way out; empty when it is. OSError when it is not there.

    Into the folder of a file that `runs` nobody may put a thing: interpreters look there for modules.
    """
    if sys.platform == "win32" or is_off(environ):
        return ""
    *above, last = _way(path)
    folder = os.path.dirname(last[0])  # noqa: PTH120  # as the steps have it
    for place, there in above:
        if problem := _problem(place, there, sticky_will_do=not (runs and place == folder)):
            return problem
    return _problem(*last, sticky_will_do=True)


def refusal(paths: Iterable[str], environ: Mapping[str, str]) -> str:
    """Return in a sentence which of the files that are to be run somebody else could change, empty when none."""
    for path in paths:
        try:
            problem = objection(path, environ, runs=True)
        except OSError as error:
            problem = f"who may write it cannot be seen ({error.strerror or error})"
        if problem:
            return f"'{path}' is not run: {problem}"
    return ""


def objection_to_folder(path: str, environ: Mapping[str, str]) -> str:
    """Return why nothing of ours should lie in a folder, empty when it may; it need not be there yet."""
    if sys.platform == "win32" or is_off(environ):
        return ""
    last: Step | None = None
    try:
        for step in _way(path):
            if last is not None and (problem := _problem(*last, sticky_will_do=True)):
                return problem
            last = step
    except OSError:
        return "" if last is None else _problem(*last, sticky_will_do=True)
    return "" if last is None else _problem(*last, sticky_will_do=False)


def _way(path: str) -> Iterator[Step]:
    """Yield every folder, link and file by which a path leads to its end, the root folder first; raises OSError."""
    at, links = os.sep, 0
    yield at, os.lstat(at)
    absolute = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118  # abspath would take a/../b for b, the kernel does not
    names = _names(absolute)
    while names:
        name = names.pop()
        if name == os.pardir:
            at = os.path.dirname(at)  # noqa: PTH120
            continue
        here = os.path.join(at, name)  # noqa: PTH118
        there = os.lstat(here)
        yield here, there
        if not stat.S_ISLNK(there.st_mode):
            at = here
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(f"'{path}' leads round in circles")
        target = os.readlink(here)  # noqa: PTH115
        at = os.sep if target.startswith(os.sep) else at
        names += _names(target)


def _names(path: str) -> list[str]:
    """Return the names in a path, the last one first."""
    return [name for name in reversed(path.split(os.sep)) if name not in ("", os.curdir)]  # noqa: PTH206  # Path.parts is four times as slow


def _problem(place: str, there: os.stat_result, *, sticky_will_do: bool) -> str:
    """Return whose right makes one step doubtful, in a sentence with the way out."""
    me = _me()
    doubt = rights.doubt(
        there.st_mode, there.st_uid, me, lambda: _is_mine_alone(place, there.st_gid, me), sticky_will_do=sticky_will_do
    )
    if not doubt:
        return ""
    us = "not to root" if me == rights.ROOT else f"neither to root nor to {_user(me)}"
    mode = f"mode {stat.S_IMODE(there.st_mode):04o}"
    told = {
        rights.OWNER: f"'{place}' belongs to {_user(there.st_uid)}, {us}: chown '{place}'",
        rights.GROUP: f"'{place}' can be written by others of its group ({mode}): chmod g-w '{place}'",
        rights.EVERYBODY: f"'{place}' can be written by everybody ({mode}): chmod o-w '{place}'",
    }
    if there.st_mode & stat.S_ISVTX:  # nobody wants to hear `chmod /tmp`
        told[rights.EVERYBODY] = f"'{place}' can be written by everybody ({mode}): take a folder of your own"
    return f"{told[doubt]}, or set {VARIABLE}=1 where that is meant"


def _me() -> int:
    if sys.platform == "win32":  # it has no such numbers, and nobody asks there
        return rights.ROOT
    return os.geteuid()


def _is_mine_alone(place: str, group: int, me: int) -> bool:
    """Say whether a group has no members but root and me, as the one has that is made with each user.

    Behind a list of access the bits of the group stand for everybody on the list.
    """
    if sys.platform == "win32" or _has_access_list(place):
        return False
    import grp
    import pwd

    mine = (rights.ROOT, me)
    try:
        members = [pwd.getpwnam(name).pw_uid for name in grp.getgrgid(group).gr_mem]
    except KeyError:  # a group or a member that nobody knows
        return False
    members += [one.pw_uid for one in pwd.getpwall() if one.pw_gid == group]
    return all(one in mine for one in members)


def _has_access_list(place: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(os.getxattr(place, ACCESS_LIST, follow_symlinks=False))
    except OSError:
        return False


def _user(number: int) -> str:
    if sys.platform == "win32":
        return f"user number {number}"
    import pwd

    try:
        return f"'{pwd.getpwuid(number).pw_name}'"
    except KeyError:
        return f"user number {number}"
