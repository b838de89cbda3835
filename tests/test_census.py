"""The census of this machine: real processes, and lines of /proc as nobody would wish them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from adaptive_scheduler import census
from adaptive_scheduler.consumers import busiest, tally
from adaptive_scheduler.events import Process
from tests.platforms import beyond_wine, linux_only
from tests.processes import SLEEP, until

NAMED = beyond_wine("it tells no names of processes")
WAYS = [
    pytest.param(lambda: census._from_proc(census.ROOT), id="proc", marks=linux_only),
    pytest.param(census._from_psutil, id="psutil"),
]


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    code = "import time; sum(range(3_000_000)); x = b'x' * 40_000_000; print('ready', flush=True); time.sleep(600)"
    env = {**os.environ, "ADAPTIVE_RUN_ID": "run-7"}
    process = subprocess.Popen([sys.executable, "-S", "-E", "-c", code], env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@NAMED
@pytest.mark.parametrize("way", WAYS)
def test_a_process_is_found_with_what_it_is_and_uses(
    way: Callable[[], Iterator[Process]], child: "subprocess.Popen[bytes]"
) -> None:
    (mine,) = [one for one in way() if one.pid == child.pid]
    known = psutil.Process(child.pid)
    assert mine.name == known.name()
    assert mine.created == pytest.approx(known.create_time(), abs=0.02)
    assert mine.rss > 40_000_000
    assert 0.01 <= mine.cpu_s < 60
    assert (mine.parent, mine.run_id) == (os.getpid(), "")


@NAMED
def test_the_census_holds_this_process_and_its_parent() -> None:
    found = {one.pid for one in census.take()}
    assert {os.getpid(), os.getppid()} <= found


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(lambda pid: census._marked_in_proc(pid, census.ROOT), id="proc", marks=linux_only),
        pytest.param(census._marked_in_psutil, id="psutil"),
        pytest.param(census.run_id_of, id="here"),
    ],
)
def test_the_run_of_a_process_is_known_by_its_environment(
    way: Callable[[int], str], child: "subprocess.Popen[bytes]"
) -> None:
    assert way(child.pid) == "run-7"
    env = {name: value for name, value in os.environ.items() if name != "ADAPTIVE_RUN_ID"}
    other = subprocess.Popen(SLEEP, env=env)
    try:
        assert way(other.pid) == ""
    finally:
        other.kill()
        other.wait()
    assert way(2**22 + 1) == ""


@NAMED
def test_only_who_is_asked_about_gets_its_run(child: "subprocess.Popen[bytes]") -> None:
    (mine,) = census.claimed([one for one in census.take() if one.pid == child.pid])
    assert mine.run_id == "run-7"


@linux_only
def test_cpu_of_ended_children_is_their_parent_s() -> None:
    burn = [sys.executable, "-S", "-E", "-c", "sum(range(20_000_000))"]
    code = f"import subprocess, time; subprocess.run({burn!r}); print('ready', flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-S", "-E", "-c", code], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        parent.stdout.readline()
        (mine,) = [one for one in census.take() if one.pid == parent.pid]
        assert mine.ended_children_s >= 0.05
    finally:
        parent.kill()
        parent.communicate()


# -- lines of /proc --------------------------------------------------------------------------------------

TICK, PAGE = (100, 4096) if sys.platform == "win32" else (os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"))


def line(comm: bytes, rss: int = 5) -> bytes:
    fields = f"S 1 7 7 0 -1 4194560 1 1 0 0 {3 * TICK} {TICK} {2 * TICK} {TICK} 20 0 1 0 {10 * TICK} 9999 {rss} 1 1"
    return b"7 (" + comm + b") " + fields.encode() + b"\n"


def seen(root: Path, stat: bytes, cmdline: bytes = b"") -> list[Process]:
    folder = root / "proc/7"
    folder.mkdir(parents=True)
    (folder / "stat").write_bytes(stat)
    (folder / "cmdline").write_bytes(cmdline)
    (root / "proc/self").mkdir()
    (root / "proc/stat").write_bytes(b"cpu 1 2 3\nbtime 1700000000\nprocesses 5\n")
    return list(census._from_proc(root))


@linux_only
@pytest.mark.parametrize(
    ("comm", "cmdline", "name"),
    [
        pytest.param(b"bash", b"", "bash", id="plain"),
        pytest.param(b"a b) S 1 (c", b"", "a b) S 1 (c", id="blanks and parentheses"),
        pytest.param(b"(sd-pam)", b"", "(sd-pam)", id="in parentheses of its own"),
        pytest.param(b"\xff\n", b"", "\ufffd\n", id="any bytes"),
        pytest.param(b"", b"", "", id="nameless"),
        pytest.param(b"performance-ana", b"/opt/performance-analyser\0-x\0", "performance-analyser", id="cut"),
        pytest.param(b"performance-ana", b"python3\0-x\0", "performance-ana", id="renamed"),
        pytest.param(b"worker --db=abc", b"worker --db=abcdef --password=xyz\0", "worker --db=abcdef", id="a title"),
        pytest.param(b"performance-ana", b"performance-ana" + 99 * b"x", "performance-ana" + 49 * "x", id="endless"),
    ],
)
def test_the_name_may_hold_anything(tmp_path: Path, comm: bytes, cmdline: bytes, name: str) -> None:
    (found,) = seen(tmp_path, line(comm), cmdline)
    assert found == Process(
        pid=7, name=name, created=1700000010.0, rss=5 * PAGE, cpu_s=4.0, parent=1, ended_children_s=3.0
    )


@linux_only
def test_a_kernel_thread_is_not_asked_for_its_command_line(tmp_path: Path) -> None:
    (found,) = seen(tmp_path, line(b"kworker/u8:long-name", rss=0), b"kworker/u8:long-name-and-more\0")
    assert (found.name, found.rss) == ("kworker/u8:long-name", 0)


@linux_only
@pytest.mark.parametrize("stat", [b"", b"7 (x", b"7 (x) S 1", line(b"x").replace(b" 1 7 7", b" one 7 7")])
def test_a_line_that_makes_no_sense_is_left_out(tmp_path: Path, stat: bytes) -> None:
    assert seen(tmp_path, stat) == []


@linux_only
def test_a_process_that_vanishes_is_left_out(tmp_path: Path) -> None:
    seen(tmp_path, line(b"x"))
    (tmp_path / "proc/8").mkdir()
    (tmp_path / "proc/9/stat").mkdir(parents=True)
    assert [one.pid for one in census._from_proc(tmp_path)] == [7]
    (tmp_path / "proc/stat").write_bytes(b"cpu 1\n")
    assert [one.created for one in census._from_proc(tmp_path)] == [10.0]


@linux_only
def test_where_the_system_shows_nothing_there_is_nobody(tmp_path: Path) -> None:
    assert list(census._from_proc(tmp_path)) == []
    assert census._marked_in_proc(7, tmp_path) == ""


@NAMED
def test_who_burns_the_cpu_is_found_for_real() -> None:
    burn = [sys.executable, "-S", "-E", "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(2)]
    idle = subprocess.Popen(SLEEP)
    try:
        ours = {idle.pid, *(one.pid for one in burners)}

        def look() -> list[Process]:  # the machine may have others that burn
            return [one for one in census.take() if one.pid in ours]

        first = look()
        before = tally(first, datetime.now(UTC))
        used = {one.pid: one.cpu_s for one in first}
        until(lambda: all(one.cpu_s >= used[one.pid] + 0.3 for one in look() if one.pid != idle.pid))
        found = busiest(look(), before, 1.0, 1.0)
    finally:
        for one in (idle, *burners):
            one.kill()
            one.wait()
    assert found is not None
    assert found.pid in {one.pid for one in burners}
    assert found.processes == 2
    assert (found.cpu_percent or 0) >= 60


def test_a_process_that_ends_while_it_is_looked_at_is_no_error() -> None:
    short = [subprocess.Popen([sys.executable, "-S", "-E", "-c", ""]) for _ in range(3)]

    def ended() -> bool:
        census.take()
        return all(one.poll() is not None for one in short)

    until(ended)


def test_a_name_that_is_no_text_can_be_written_all_the_same() -> None:
    assert census._clean("a\udcff작업") == "a?작업"
