"""Only the very process of the event is ended, only where its name is allowed, and for real."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adaptive_scheduler.builtin import end_leaker
from adaptive_scheduler.builtin.end_leaker import Blamed
from tests.builtin.leakers import DEAF, blaming, is_alive, leaker, name_of, wait_for_end
from tests.builtin.scripts import Ran, run
from tests.platforms import linux_only, posix_only, signals


@pytest.fixture
def victim() -> Iterator[psutil.Process]:
    with leaker() as process:
        yield process


def respond(process: psutil.Process, cwd: Path, *args: str, **more: Any) -> Ran:
    ran = run("end_leaker", "--least-mb", "20", *args, cwd=cwd, env=blaming(process, **more))
    assert ran.err == ""
    return ran


def allowed(process: psutil.Process) -> tuple[str, str]:
    return "--may-end", name_of(process)


def test_nothing_is_ended_by_default(victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path)
    assert ran.code == 0
    assert f"no --may-end allows {name_of(victim)!r}" in ran.out
    assert is_alive(victim)


def test_a_process_that_is_allowed_by_name_is_ended(victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path, "--may-end", "another", *allowed(victim))
    assert ran.code == 10
    assert f"{name_of(victim)} (pid {victim.pid}) ended when asked to" in ran.out
    assert not is_alive(victim)


@signals
def test_a_process_that_is_deaf_to_being_asked_is_killed(tmp_path: Path) -> None:
    with leaker(DEAF) as process:
        ran = respond(process, tmp_path, *allowed(process), "--grace", "0.2")
        assert ran.code == 10
        assert f"(pid {process.pid}) killed" in ran.out
        assert not is_alive(process)


def test_another_process_of_the_same_name_stays(victim: psutil.Process, tmp_path: Path) -> None:
    with leaker() as other:
        assert name_of(other) == name_of(victim)
        respond(victim, tmp_path, *allowed(victim), processes=2)
        wait_for_end(victim)
        assert is_alive(other)


def test_a_process_that_only_got_the_number_stays(victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path, *allowed(victim), created=victim.create_time() - 100)
    assert (ran.code, ran.out) == (0, f"{name_of(victim)} (pid {victim.pid}) is gone: nothing to end\n")
    assert is_alive(victim)


@pytest.mark.parametrize("name", ["x", "{}x", "{:.3}", ""], ids=["another", "longer", "shorter", "none at all"])
def test_only_the_exact_name_allows(name: str, victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path, *(["--may-end", name.format(name_of(victim))] if name else []))
    assert ran.code == 0
    assert is_alive(victim)


@pytest.mark.parametrize("name", ["*", "py*", "python?", "", " ", "/usr/bin/python3"])
def test_a_pattern_or_a_path_is_refused(name: str, tmp_path: Path) -> None:
    ran = run("end_leaker", "--may-end", name, cwd=tmp_path)
    assert ran.code == 2
    assert "no pattern and no path" in ran.err


@pytest.mark.parametrize("grace", ["-1", "31", "nan", "soon"])
def test_a_grace_that_outlasts_a_run_is_refused(grace: str, tmp_path: Path) -> None:
    assert run("end_leaker", "--grace", grace, cwd=tmp_path).code == 2


def test_a_small_process_is_spared(victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path, *allowed(victim), "--least-mb", "5000")
    assert ran.code == 10
    assert "less than 5000 MB" in ran.out
    assert is_alive(victim)


def test_who_started_the_script_is_spared(tmp_path: Path) -> None:
    me = psutil.Process()
    ran = respond(me, tmp_path, *allowed(me))
    assert ran.code == 10
    assert "this script was started by it" in ran.out


def test_what_belongs_to_a_run_of_the_scheduler_is_spared(tmp_path: Path) -> None:
    with leaker(ADAPTIVE_RUN_ID="r7") as process:
        ran = respond(process, tmp_path, *allowed(process))
        assert ran.code == 10
        assert "it belongs to a run of the scheduler, 'r7'" in ran.out
        assert is_alive(process)


def test_an_event_that_names_a_run_ends_nothing(victim: psutil.Process, tmp_path: Path) -> None:
    assert "'r8'" in respond(victim, tmp_path, *allowed(victim), run_id="r8").out
    assert is_alive(victim)


@pytest.mark.parametrize("kind", ["cpu_spike", "memory_full"])
def test_only_a_memory_leak_is_a_reason(kind: str, victim: psutil.Process, tmp_path: Path) -> None:
    ran = respond(victim, tmp_path, *allowed(victim), kind=kind)
    assert (ran.code, ran.out) == (0, "the event names no process that leaks: nothing to end\n")
    assert is_alive(victim)


def stand_in(name: str = "server", pid: int = 99_999, mb: float = 500, uid: int | None = None) -> Any:
    me = psutil.Process()
    uids: Any = (uid,) * 3
    if sys.platform != "win32" and uid is None:
        uids = me.uids()
    return SimpleNamespace(
        pid=pid,
        name=lambda: name,
        uids=lambda: uids,
        username=me.username,
        environ=lambda: {},
        memory_info=lambda: SimpleNamespace(rss=mb * 1e6),
    )


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        pytest.param(stand_in(), "", id="nothing speaks for it"),
        pytest.param(stand_in("svr"), "its name is 'svr' by now", id="it became another program"),
        pytest.param(stand_in(pid=end_leaker.SYSTEM_PIDS[1]), "the system does not live", id="the first process"),
        pytest.param(stand_in(pid=os.getppid()), "started by it", id="the parent"),
        pytest.param(stand_in(mb=9.9), "holds 10 MB, less than 10 MB", id="nothing is small enough to be fair game"),
    ],
)
def test_what_is_spared_has_its_reason(process: Any, reason: str) -> None:
    said = end_leaker.refusal(process, Blamed("server", process.pid, 1.0, ""), 0.0)
    assert reason in said
    assert bool(said) == bool(reason)


@pytest.mark.parametrize("name", ["systemd", "launchd", "lsass.exe", "LSASS.EXE", "System"])
def test_without_some_there_is_no_system(name: str) -> None:
    process = stand_in(name)
    assert "does not live" in end_leaker.refusal(process, Blamed(name, process.pid, 1.0, ""), 0.0)


@posix_only("numbers of users")
def test_a_process_of_another_user_is_spared_by_all_but_root(monkeypatch: pytest.MonkeyPatch) -> None:
    process = stand_in(uid=1001)
    monkeypatch.setattr(os, "geteuid", lambda: 1002)
    assert end_leaker.refusal(process, Blamed("server", 99_999, 1.0, ""), 0.0) == "it belongs to another user"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert end_leaker.refusal(process, Blamed("server", 99_999, 1.0, ""), 0.0) == ""


@pytest.mark.parametrize(
    "culprit",
    [
        None,
        "python",
        {},
        {"name": "a", "pid": 5},
        {"name": "a", "pid": "5", "created": 1.0},
        {"name": "a", "pid": True, "created": 1.0},
        {"name": "a", "pid": 5.5, "created": 1.0},
        {"name": "a", "pid": -5, "created": 1.0},
        {"name": "a", "pid": 0, "created": 1.0},
        {"name": "a", "pid": 2**40, "created": 1.0},
        {"name": "a", "pid": 10**400, "created": 1.0},
        {"name": "a", "pid": 5, "created": float("nan")},
        {"name": "", "pid": 5, "created": 1.0},
        {"name": 7, "pid": 5, "created": 1.0},
    ],
)
def test_a_culprit_that_cannot_be_told_from_others_is_none(culprit: object) -> None:
    assert end_leaker.blamed_of({"kind": "memory_leak", "culprit": culprit}) is None


def test_a_whole_culprit_is_one() -> None:
    culprit = {"name": "a", "pid": 5, "created": 1.5, "run_id": None}
    assert end_leaker.blamed_of({"kind": "memory_leak", "culprit": culprit}) == Blamed("a", 5, 1.5, "")


def test_without_a_descriptor_of_the_process_its_birth_is_compared(victim: psutil.Process) -> None:
    assert end_leaker.end(victim, None, 20) == "ended when asked to"
    assert not is_alive(victim)


@linux_only
def test_a_descriptor_never_means_another_process_with_the_same_number(victim: psutil.Process) -> None:
    grip = end_leaker.gripped(victim.pid)
    assert grip is not None
    try:
        victim.kill()
        wait_for_end(victim)
        with pytest.raises(ProcessLookupError):
            until_reaped(victim)
            end_leaker.send(victim, grip, hard=False)
    finally:
        os.close(grip)


def until_reaped(process: psutil.Process) -> None:
    """A process that nobody has asked after yet still takes signals, to no effect."""
    if sys.platform != "win32":
        os.waitpid(process.pid, 0)


def test_what_ends_meanwhile_is_no_trouble(victim: psutil.Process) -> None:
    victim.kill()
    wait_for_end(victim)
    assert end_leaker.end(victim, None, 1) == "ended by itself"


def test_what_ends_while_it_is_asked_to_is_no_trouble() -> None:
    def gone() -> None:
        raise psutil.NoSuchProcess(99_999)

    process = stand_in()
    process.terminate, process.is_running, process.status = gone, lambda: True, lambda: psutil.STATUS_RUNNING
    assert end_leaker.end(process, None, 1) == "ended by itself"


def test_a_process_that_may_not_be_ended_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied() -> None:
        raise psutil.AccessDenied(99_999)

    process = stand_in()
    process.terminate, process.is_running, process.status = denied, lambda: True, lambda: psutil.STATUS_RUNNING
    monkeypatch.setattr(end_leaker, "found", lambda _: process)
    monkeypatch.setattr(end_leaker, "gripped", lambda _: None)
    options = end_leaker.arguments().parse_args(["--may-end", "server"])
    assert end_leaker.respond(Blamed("server", 99_999, 1.0, ""), options) == 1
    assert capsys.readouterr().out.endswith("cannot be ended: access denied\n")


def test_a_process_that_outlives_being_killed_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = stand_in()
    process.terminate = process.kill = lambda: None
    process.is_running, process.status = lambda: True, lambda: psutil.STATUS_RUNNING
    monkeypatch.setattr(end_leaker, "found", lambda _: process)
    monkeypatch.setattr(end_leaker, "gripped", lambda _: None)
    monkeypatch.setattr(end_leaker, "KILLED_WITHIN_S", 0.1)
    options = end_leaker.arguments().parse_args(["--may-end", "server", "--grace", "0"])
    assert end_leaker.respond(Blamed("server", 99_999, 1.0, ""), options) == 1
    assert "still there" in capsys.readouterr().out


@signals
def test_a_stopped_process_is_ended_too(victim: psutil.Process, tmp_path: Path) -> None:
    victim.suspend()
    ran = respond(victim, tmp_path, *allowed(victim), "--grace", "0.2")
    assert ran.code == 10
    assert not is_alive(victim)
