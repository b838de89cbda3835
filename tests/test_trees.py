"""Process trees: each sibling that can run here finds, measures and ends what descends from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler import trees
from adaptive_scheduler.trees import base, elsewhere
from tests.platforms import WINDOWS, linux_only, posix_only
from tests.processes import alive_in, until

HERE = {"linux": ["posix", "linux"], "win32": ["windows"]}.get(sys.platform, ["posix"])
ps = posix_only("ps")
BELOW_NORMAL = 0x4000
ROOT = str(Path(trees.__file__).parent.parent.parent)

HEAD = """
import importlib, json, subprocess, sys, time
room, name = sys.argv[1].split(".")
tree = getattr(importlib.import_module("adaptive_scheduler.trees." + room), name)()
tree.prepare(background=bool(int(sys.argv[2])))
step = subprocess.Popen([sys.executable, "-S", "-E", "-c", sys.argv[3]], **tree.popen_options())
tree.started(step)
def say(**what):
    print(json.dumps(what), flush=True)
"""
"""A process that heads a tree of the given kind and runs one step in it; `say` tells the test."""

FAMILY = """
import subprocess, sys, time
code = "import time; x = b'x' * 30_000_000; time.sleep(600)"
subprocess.Popen([sys.executable, "-S", "-c", code])
time.sleep(600)
"""


def head(kind: str, body: str, step: str, *, background: bool = False, run_id: str = "none") -> list[dict[str, Any]]:
    """Run a head of a tree to its end and return what it said."""
    name = f"{kind}.{kind.capitalize()}Tree"
    argv = [sys.executable, "-c", HEAD + body, name, str(int(background)), step]
    env = {**os.environ, "ADAPTIVE_RUN_ID": run_id}
    text = subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("kind", HERE)
def test_a_tree_measures_its_grandchildren_and_ends_them(kind: str) -> None:
    body = """
tree.measure()
while tree.measure()[0] < 30_000_000:
    time.sleep(0.01)
before = len(tree.descendants())
ended, stubborn = tree.kill(5.0)
step.wait()
say(before=before, ended=ended, stubborn=stubborn, after=len(tree.descendants()), peak=tree.peak_bytes())
"""
    (said,) = head(kind, body, FAMILY)
    assert said["before"] == said["ended"] == 2
    assert (said["stubborn"], said["after"]) == (0, 0)


@pytest.mark.parametrize("kind", HERE)
def test_the_background_priority_is_read_back(kind: str) -> None:
    body = """
import psutil
for _ in range(500):
    tree.measure()
    if tree.background_took() is not None:
        break
    time.sleep(0.01)
say(took=tree.background_took(), nice=psutil.Process(step.pid).nice())
tree.kill(1.0)
step.wait()
"""
    (said,) = head(kind, body, "import time; time.sleep(600)", background=True)
    assert said["took"] is True
    if WINDOWS:
        assert said["nice"] == BELOW_NORMAL
    else:
        assert said["nice"] >= base.BACKGROUND_NICE


@pytest.mark.parametrize("kind", HERE)
def test_a_step_that_ended_too_soon_says_nothing_about_its_priority(kind: str) -> None:
    body = """
step.wait()
class Ended:
    pid = step.pid
fresh = type(tree)()
fresh.background = True
fresh.started(Ended)
say(took=fresh.background_took())
"""
    assert head(kind, body, "pass") == [{"took": None}]


@linux_only
def test_linux_lowers_the_io_priority_too() -> None:
    body = """
import ctypes, os
from adaptive_scheduler.trees import linux
number = linux.IOPRIO_SET[os.uname().machine] + 1
say(io=ctypes.CDLL(None).syscall(number, linux.IOPRIO_WHO_PROCESS, step.pid))
tree.kill(1.0)
step.wait()
"""
    (said,) = head("linux", body, "import time; time.sleep(600)", background=True)
    assert said["io"] == 2 << 13 | 7


@linux_only
def test_a_chain_of_forking_and_ending_processes_cannot_slip_away() -> None:
    step = """
import os, time
for _ in range(1000):
    if os.fork():
        os._exit(0)
time.sleep(600)
"""
    body = """
step.wait()
looks = []
for _ in range(50):
    looks.append(len(tree.descendants()))
    tree.reap(0)
say(least=min(looks), ended=tree.kill(0.0)[0] > 0, left=len(tree.descendants()))
"""
    assert head("linux", body, step) == [{"least": 1, "ended": True, "left": 0}]


@linux_only
def test_who_has_no_children_looks_at_no_other_process_to_know_that_nothing_lives_below() -> None:
    body = """
from adaptive_scheduler.trees import procfs
looks, everybody = [], procfs.everybody
procfs.everybody = lambda: (looks.append(1), everybody())[1]
alive = len(tree.descendants())
step.kill()
step.wait()
say(alive=alive, looked=bool(looks), left=(looks.clear(), len(tree.descendants()))[1], looked_again=bool(looks))
"""
    step = "import time; time.sleep(600)"
    assert head("linux", body, step) == [{"alive": 1, "looked": True, "left": 0, "looked_again": False}]


@linux_only
def test_a_double_fork_into_another_session_stays_in_the_tree() -> None:
    step = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
"""
    body = """
step.wait()
while len(tree.descendants()) != 1:
    tree.reap(0)
    time.sleep(0.01)
say(ended=tree.kill(5.0)[0], left=len(tree.descendants()))
"""
    assert head("linux", body, step) == [{"ended": 1, "left": 0}]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(trees.end_leftovers, id="this system"),
        pytest.param(elsewhere.end_leftovers, id="elsewhere"),
    ],
)
def test_leftovers_are_found_by_their_environment_with_all_that_they_started(end: Any) -> None:
    run_id = f"left-{os.urandom(6).hex()}"
    env = {**os.environ, "ADAPTIVE_RUN_ID": run_id}
    code = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], env={}, start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-S", "-c", code], env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end(run_id) == 2
    assert not alive_in(run_id)
    assert end(run_id) == 0


def test_who_looks_for_leftovers_spares_itself_and_its_parents() -> None:
    run_id = f"mine-{os.urandom(6).hex()}"
    code = f"from adaptive_scheduler import trees; print(trees.end_leftovers({run_id!r}))"
    env = {**os.environ, "ADAPTIVE_RUN_ID": run_id}
    outer = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
    ended = subprocess.run(
        [sys.executable, "-c", outer], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, timeout=60
    )
    assert ended.stdout.strip() == b"0"


def test_a_process_that_nothing_ends_is_given_up() -> None:
    killed: list[int] = []
    meanwhile: list[int] = []

    def alive() -> set[int]:
        return {1, 2} if len(killed) < 3 else {2}

    ended = base.end_all(alive, None, killed.append, 0.0, lambda: meanwhile.append(1), patience_s=0.2)
    assert ended == (1, 1)
    assert {1, 2} == set(killed)
    assert meanwhile


def test_a_polite_request_comes_once_and_before_the_kill() -> None:
    calls: list[str] = []
    left = [{7}, {7}, set(), {7}, set(), set()]
    ended = base.end_all(lambda: left.pop(0), lambda _: calls.append("ask"), lambda _: calls.append("kill"), 60.0)
    assert ended == (1, 0)
    assert calls == ["ask"]


@ps
@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:00.05", 0.05), ("12:34.50", 754.5), ("00:01:02", 62), ("1-02:03:04", 93784)],
)
def test_the_times_of_ps_are_read(text: str, seconds: float) -> None:
    from adaptive_scheduler.trees import posix

    assert posix.seconds(text) == pytest.approx(seconds)


@ps
def test_a_tree_without_ps_is_empty_and_no_traceback() -> None:
    from adaptive_scheduler.trees import posix

    assert posix.everybody(("/nowhere/ps",)) == {}


def test_this_system_has_a_tree() -> None:
    tree = trees.of_this_system()
    until(lambda: tree.measure()[1] >= 0)
    assert tree.background_took() is None
