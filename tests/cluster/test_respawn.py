"""What keeps a scheduler or a node going, in a process of its own: only a main thread may take signals."""

import subprocess
import sys

import pytest

from adaptive_scheduler.cluster.respawn import PAUSE_LONGEST_S, pauses
from tests.platforms import windows_only

KEEPER = """
import _thread, signal, sys, threading
from adaptive_scheduler.cluster import respawn

said = []

def tell_to_stop():
    threading.Timer(0.2, _thread.interrupt_main, (signal.SIGTERM,)).start()

def keep(argv, stop_after, pause_s=0.0):
    respawn.PAUSE_FIRST_S = respawn.PAUSE_LONGEST_S = pause_s
    def say(text):
        said.append(text)
        if len(said) == stop_after:
            tell_to_stop()
    return respawn.keep_going(argv, say)
"""


def keeper(code: str) -> str:
    """Run code after KEEPER and return what it printed; it must end by itself."""
    argv = [sys.executable, "-P", "-c", KEEPER + code]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("lived_s", "before_s", "pause_s"),
    [
        pytest.param(0.1, 0.0, 1.0, id="the first end"),
        pytest.param(0.1, 4.0, 8.0, id="again and again"),
        pytest.param(0.1, 28.0, PAUSE_LONGEST_S, id="for long"),
        pytest.param(60.0, 28.0, 1.0, id="after a steady life"),
    ],
)
def test_pauses_grow_until_a_child_has_lived_for_a_while(lived_s: float, before_s: float, pause_s: float) -> None:
    assert pauses(lived_s, before_s) == pause_s


def test_who_is_told_to_stop_amid_a_pause_ends_at_once() -> None:
    assert keeper("print(keep([sys.executable, '-c', ''], 1, pause_s=3600.0))").split() == ["0"]


def test_what_cannot_be_started_is_tried_again() -> None:
    lines = keeper("keep(['no-such-program-here'], 2); print(*said[:2], sep='\\n')").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["cannot be started"] * 2
    assert all(line.endswith("; started again in 0 s") for line in lines)


@windows_only
def test_a_child_of_who_has_no_streams_may_print_all_the_same() -> None:
    """As pythonw has none, by which the Task Scheduler keeps a node: its first word was its last."""
    code = """
import ctypes, os
from ctypes import wintypes
child = "import sys; print('joined', flush=True); print('oh', file=sys.stderr, flush=True); sys.exit(7)"
report = os.dup(1)
SetStdHandle = ctypes.WinDLL("kernel32").SetStdHandle
SetStdHandle.argtypes = [wintypes.DWORD, wintypes.HANDLE]
for number in (-11, -12):  # STD_OUTPUT_HANDLE, STD_ERROR_HANDLE
    SetStdHandle(number & 0xFFFFFFFF, None)
sys.stdout = sys.stderr = None
keep([sys.executable, "-c", child], 1)
os.write(report, said[0].encode())
"""
    assert keeper(code).startswith("ended with exit code 7;")
