"""Locks of the kernel: one holder, free when the holder dies, never inherited."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adaptive_scheduler import locks
from tests.platforms import is_private, links
from tests.processes import SLEEP, kill, until

HOLDER = """
import sys, time
from pathlib import Path
from adaptive_scheduler import locks
with locks.hold(Path(sys.argv[1])):
    print("held", flush=True)
    {then}
"""


def holder(path: Path, then: str = "time.sleep(60)") -> subprocess.Popen[bytes]:
    """Start a process that holds the lock of a file, and wait until it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(then=then), str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(locks.__file__).parent.parent,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it; its children may go on holding its output."""
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_held_lock_cannot_be_had_by_another_process(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    try:
        assert locks.is_held(tmp_path / "lock")
        with pytest.raises(TimeoutError, match="'.*lock' stays locked"), locks.hold(tmp_path / "lock", 0.05):
            raise AssertionError("two holders")
    finally:
        end(process)


def test_the_kernel_frees_the_lock_of_a_killed_holder(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    end(process)
    assert not locks.is_held(tmp_path / "lock")
    with locks.hold(tmp_path / "lock", 0.0):
        pass


def test_a_child_of_the_holder_does_not_inherit_the_lock(tmp_path: Path) -> None:
    call = f"subprocess.Popen({SLEEP}, stdout=subprocess.DEVNULL, close_fds=False)"
    start = f"import subprocess; child = {call}; print(child.pid, flush=True)"
    process = holder(tmp_path / "lock", f"{start}; time.sleep(60)")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    end(process)
    try:
        assert not locks.is_held(tmp_path / "lock")
    finally:
        kill(child)


def test_a_lock_is_seen_through_a_second_descriptor_of_the_same_process(tmp_path: Path) -> None:
    with locks.hold(tmp_path / "lock"):
        assert locks.is_held(tmp_path / "lock")
    assert not locks.is_held(tmp_path / "lock")


def test_waiting_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock", "time.sleep(0.1)")
    with locks.hold(tmp_path / "lock", 30.0):
        assert until(lambda: process.poll() is not None)
    process.communicate()


def test_a_missing_file_is_held_by_nobody_and_not_made(tmp_path: Path) -> None:
    assert not locks.is_held(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_lock_file_is_private_and_stays_where_it_is(tmp_path: Path) -> None:
    with locks.hold(tmp_path / "lock"):
        pass
    assert is_private(tmp_path / "lock")


@links
def test_a_link_in_place_of_a_lock_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), locks.hold(tmp_path / "lock"):
        raise AssertionError("followed")
    assert not (tmp_path / "elsewhere").exists()


def test_a_blocking_lock_waits_and_unlock_gives_it_back(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock", "time.sleep(0.1)")
    fd = locks.open_lockable(tmp_path / "lock")
    try:
        locks.lock(fd)
        assert locks.is_held(tmp_path / "lock")
        locks.unlock(fd)
        assert not locks.is_held(tmp_path / "lock")
    finally:
        os.close(fd)
        process.communicate()
