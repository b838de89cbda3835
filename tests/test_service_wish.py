"""As whom a service runs: never as root, and with the machine only as somebody who was named."""

import os
import sys

import pytest

from adaptive_scheduler import service_wish
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.service_wish import Account

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows runs a service as who installs it")


@posix_only
def test_root_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"must not run as root.*: --system --user NAME"):
        service_wish.account(user=None, system=False, me=0)


@posix_only
@pytest.mark.parametrize(
    ("user", "words"),
    [
        (None, "--system needs --user NAME: the service must not run as root"),
        ("root", "--user 'root' is root; name a user without rights"),
        ("no-such-user", "--user 'no-such-user': there is no such user; make one: useradd --system no-such-user"),
    ],
)
def test_a_service_of_the_machine_needs_a_user_without_rights(user: str | None, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        service_wish.account(user=user, system=True)
    assert words in str(refused.value)


@posix_only
def test_a_user_is_looked_up() -> None:
    import pwd

    other = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
    found = Account(other.pw_name, other.pw_dir, other.pw_uid)
    assert service_wish.account(user=other.pw_name, system=True) == found
    assert service_wish.account(user=None, system=False, me=other.pw_uid) == found
    assert service_wish.account(user=other.pw_name, system=False, me=other.pw_uid) == found
    with pytest.raises(UsageError, match=f"--user 'ada' goes with --system; without it .* as you, '{other.pw_name}'"):
        service_wish.account(user="ada", system=False, me=other.pw_uid)


@posix_only
def test_whoever_runs_as_root_already_can_be_removed() -> None:
    assert service_wish.myself().uid == os.geteuid()


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere a service of the machine is somebody else's")
def test_on_windows_it_is_who_installs_it() -> None:
    assert service_wish.account(user=None, system=True) == service_wish.myself()
    with pytest.raises(UsageError, match="--user: Windows runs a service as who installs it; log in as that user"):
        service_wish.account(user="ada", system=True)
