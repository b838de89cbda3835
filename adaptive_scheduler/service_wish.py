"""What a service is to be: as whom, with what command and around it; tried as that user before anything is written.

Whoever holds a certificate of a cluster can have anything run by its scheduler and its nodes, so neither runs as root.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from adaptive_scheduler import whoami
from adaptive_scheduler.backends.services.base import CALL, Service
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.extras import way_out

NEVER_STORED = ("--check", "--help")
"""Options with which a command ends at once."""


class Account(NamedTuple):
    """The user that a service runs as."""

    name: str
    home: str
    uid: int | None


def account(*, user: str | None, system: bool, me: int | None = None) -> Account:
    """Return the user that a service is to run as; UsageError for one that it must not."""
    if sys.platform == "win32":
        if user is not None:
            raise UsageError("--user: Windows runs a service as who installs it; log in as that user")
        return Account(*whoami.user_of())
    if not system:
        return _of_oneself(user, os.geteuid() if me is None else me)
    if user is None:
        raise UsageError(
            "--system needs --user NAME: the service must not run as root, "
            "for whoever holds a certificate of the cluster can have anything run by it"
        )
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"--user '{user}': there is no such user; make one: useradd --system {user}") from None
    if entry.pw_uid == 0:
        raise UsageError(f"--user '{user}' is root; name a user without rights of its own")
    return Account(entry.pw_name, entry.pw_dir, entry.pw_uid)


def myself() -> Account:
    """Return the present user, whoever that is: what runs as root already can be removed as root."""
    return Account(*whoami.user_of())


def service(
    role: str,
    options: Sequence[str],
    name: str,
    *,
    who: Account,
    system: bool,
    environ: Mapping[str, str] = os.environ,
    python: str = sys.executable,
) -> Service:
    """Return what is to be kept alive, the options just as they were written."""
    return Service(
        role=role,
        name=name,
        argv=(python, "-P", "-X", "utf8", *CALL, role, *options),
        folder=tempfile.gettempdir(),
        user=who.name,
        home=who.home,
        uid=who.uid,
        system=system,
        environment=whoami.environment_of(environ),
        windowless=whoami.windowless(Path(python)),
    )


def try_out(wish: Service) -> None:
    """See that its user finds the program and dask, and that the options are taken; UsageError says what not."""
    stored = wish.argv[wish.argv.index(wish.role) + 1 :]
    for option in NEVER_STORED:
        if option in stored:
            raise UsageError(f"'{option}' would end the service at once; leave it out")
    whoami.try_out(wish)
    python = wish.argv[: wish.argv.index("-m")]
    code, complaint = _trial(wish, *python, "-c", "import distributed")
    if code != 0:
        raise UsageError(f"'{wish.argv[0]}' cannot load dask ({_last(complaint)}); {way_out('dask')}")
    code, complaint = _trial(wish, *wish.argv, "--check")
    if code != 0:
        raise UsageError(
            f"nothing is registered, for 'cluster {wish.role}' refuses its options: "
            f"{_last(complaint) or f'exit code {code}'}"
        )


def _of_oneself(user: str | None, me: int) -> Account:
    who = Account(*whoami.user_of(me))
    if user not in (None, who.name):
        raise UsageError(f"--user '{user}' goes with --system; without it the service runs as you, '{who.name}'")
    if me == 0:
        raise UsageError(
            "the service must not run as root, for whoever holds a certificate of the cluster can have anything run "
            "by it; do this as another user, or register with the machine: --system --user NAME"
        )
    return who


def _trial(wish: Service, *words: str) -> tuple[int, str]:
    """Run words as the service will be: its user with all groups, its home, its environment."""
    groups: list[int] = []
    if sys.platform != "win32" and wish.uid is not None:
        import pwd

        groups = os.getgrouplist(wish.user, pwd.getpwuid(wish.uid).pw_gid)
    home = wish.home if Path(wish.home).is_dir() else Path(sys.executable).anchor
    around = {**wish.environment, **({} if sys.platform == "win32" else _login(wish))}
    return whoami.trial(words, wish.uid, folder=home, environment=around, groups=groups)


def _login(wish: Service) -> dict[str, str]:
    return {"HOME": wish.home, "USER": wish.user, "LOGNAME": wish.user}


def _last(complaint: str) -> str:
    """Return the last line of a complaint: the one that says what is wrong, after usage or traceback."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return lines[-1].removeprefix("adaptive-scheduler: ").removeprefix("Error: ") if lines else ""
