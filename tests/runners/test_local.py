"""Runs on this machine from order to outcome, and what becomes of those whose supervisor dies."""

import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from adaptive_scheduler import dispatch, locks
from adaptive_scheduler.model import Live, Priority, Status, Step, Task
from adaptive_scheduler.notify import Notify
from adaptive_scheduler.runfolder import DamagedError, RunFolder, write_mark
from adaptive_scheduler.runners import fate
from adaptive_scheduler.runners import spawn as spawning
from adaptive_scheduler.runners.base import Finished, Lost, Order, Running, Unreachable
from adaptive_scheduler.runners.local import LocalRunner
from adaptive_scheduler.runners.spawn import Detached, detached, spawn, wait_for_claim
from adaptive_scheduler.runners.spec import environment
from adaptive_scheduler.settings import Config, Rules
from tests.builders import event
from tests.platforms import WINDOWS, is_private, modes
from tests.processes import SLEEP, alive_in, kill, kill_all, until

NOW = datetime(2025, 11, 2, 22, 30, 0, 123_456, tzinfo=UTC)
WAIT = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"


class Bench:
    """A folder with scripts, a runner over it, and what was started."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.folder = folder
        rules = Rules(platform=dispatch.PLATFORM)
        settings: dict[str, Any] = {"rules": rules, "tasks": {}} | config
        self.config = Config(path=str(folder / "tasks.toml"), state_dir=str(folder / "outputs"), **settings)
        self.runner = self.new_runner()
        self.run_ids: list[str] = []

    def new_runner(self, **seams: Any) -> LocalRunner:
        """Return a runner as another cycle has it."""
        return LocalRunner(self.folder / "outputs" / "runs", self.config, **seams)

    def order(self, code: str = "pass", *, name: str = "job", steps: tuple[Step, ...] = (), **task: Any) -> Order:
        """Return an order that runs this code."""
        (self.folder / f"{name}.py").write_text(code, encoding="utf-8")
        task.setdefault("interval", timedelta(minutes=10))
        made = Task(name=name, steps=steps or (Step(f"{name}.py", f"{name}.py"),), **task)
        run_id = self.runner.new_id(NOW)
        self.run_ids.append(run_id)
        return Order(made, run_id, "it is due", 18.0, 45.9)

    def start(self, code: str = "pass", **task: Any) -> Order:
        """Prepare and submit."""
        order = self.order(code, **task)
        self.runner.prepare(order)
        self.runner.submit(order)
        return order

    def run(self, code: str = "pass", **task: Any) -> Finished:
        """Run to the end."""
        order = self.start(code, **task)
        live = {order.task.name: order.run_id}
        assert self.runner.wait(live, 30.0)
        state = until(lambda: one if isinstance(one := self.states(order), Finished) else None, "the outcome")
        assert isinstance(state, Finished)
        return state

    def states(self, order: Order, runner: LocalRunner | None = None) -> Any:
        """Return what a cycle sees of a run."""
        return (runner or self.runner).states({order.task.name: order.run_id})[order.task.name]

    def peek(self, order: Order) -> Any:
        return self.runner.peek({order.task.name: order.run_id})[order.task.name]

    def at(self, order: Order) -> RunFolder:
        return RunFolder(self.folder / "outputs" / "runs" / order.task.name / order.run_id)

    def text(self, order_or_end: Any, name: str = "job") -> str:
        return self.runner.output_path(name, order_or_end.run_id).read_text(encoding="utf-8")

    def all_reaped(self) -> bool:
        self.runner.reap()
        return not self.runner.started

    def supervisor(self, order: Order) -> int:
        """Return the process id of a run's supervisor as soon as the script runs."""
        return int(until(lambda: alive_in(order.run_id) and self.at(order).claimed_by(), "the script"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    (tmp_path / "go").touch()
    for run_id in made.run_ids:
        kill_all(run_id)
    made.runner.close()
    until(made.all_reaped, "the end of the supervisors")


# -- an ordinary run -----------------------------------------------------------------------------------


def test_a_run_goes_from_order_to_outcome(bench: Bench) -> None:
    end = bench.run("print('hello'); raise SystemExit(10)", warning_codes=(10,))
    assert end.outcome.status is Status.WARNING
    assert (end.outcome.exit_code, end.outcome.cause, end.outcome.output_bytes) == (
        10,
        "exit code 10",
        len(f"hello{os.linesep}"),
    )
    assert end.outcome.cpu_s is not None
    assert end.cpu_s == end.outcome.cpu_s
    assert end.background_took is True
    assert end.notes == ()
    assert [(step.name, step.status) for step in end.steps] == [("job.py", "warning")]
    assert bench.text(end) == "hello\n"


def test_a_script_knows_the_decision_and_its_environment(bench: Bench) -> None:
    names = ["TASK", "REASON", "CPU", "MEMORY", "RUN_ID"]
    show = "for n in {names}: print(os.environ['ADAPTIVE_' + n])"
    code = f"import os\n{show.format(names=names)}\nprint(os.environ['PYTHONUTF8'], os.environ['MINE'], os.getcwd())"
    end = bench.run(code, env={"MINE": "grün"})
    folder = bench.folder.resolve()
    assert bench.text(end).split("\n")[:-1] == ["job", "it is due", "18", "45.9", end.run_id, f"1 grün {folder}"]


def test_unknown_load_is_empty_text_for_the_script(bench: Bench) -> None:
    order = bench.order()
    env = environment(Order(order.task, order.run_id, "forced"), bench.config)
    assert (env["ADAPTIVE_CPU"], env["ADAPTIVE_MEMORY"]) == ("", "")


def test_no_file_of_a_run_holds_the_environment(bench: Bench) -> None:
    end = bench.run("print('hello')", env={"TOKEN": "s3cret-value"})
    files = [path for path in bench.runner.runs_dir.rglob("*") if path.is_file()]
    assert end.outcome.status is Status.OK
    assert [path.name for path in files if b"s3cret-value" in path.read_bytes()] == []


def test_an_environment_that_the_system_refuses_is_an_error_of_the_run(bench: Bench) -> None:
    end = bench.run("print('hello')", env={"BAD": "a\0b"})
    assert (end.outcome.status, end.outcome.cause) == (
        Status.ERROR,
        f"its supervisor cannot be started: embedded null {'character' if WINDOWS else 'byte'}",
    )


def test_the_working_folder_of_a_task_is_relative_to_tasks_toml(bench: Bench) -> None:
    (bench.folder / "there").mkdir()
    end = bench.run("import os; print(os.path.basename(os.getcwd()))", cwd="there")
    assert bench.text(end) == "there\n"


@pytest.mark.parametrize("name", ["job", "Größe 測試", "a.b-c_d"])
def test_task_names_may_be_any_words(bench: Bench, name: str) -> None:
    end = bench.run("print('hello')", name=name)
    assert end.outcome.status is Status.OK
    assert bench.text(end, name) == "hello\n"


def test_a_critical_task_runs_in_the_foreground(bench: Bench) -> None:
    assert bench.run(priority=Priority.CRITICAL).background_took is None


@pytest.mark.parametrize(
    ("script", "cause"),
    [("none.py", "script 'none.py' not found"), ("job.xyz", "unknown script type '.xyz' of 'job.xyz'")],
    ids=["missing script", "unknown type"],
)
def test_a_step_that_cannot_be_run_fails_its_task_alone(bench: Bench, script: str, cause: str) -> None:
    (bench.folder / "job.xyz").touch()
    end = bench.run(steps=(Step("one", script),))
    assert end.outcome.status is Status.ERROR
    assert end.outcome.cause.startswith(cause)


def test_a_step_for_another_system_is_skipped(bench: Bench) -> None:
    other = "linux" if WINDOWS else "windows"
    steps = (Step("theirs", "x.ps1", os=other), Step("ours", "job.py"))
    end = bench.run("print('hello')", steps=steps)
    assert [step.status for step in end.steps] == ["skipped", "ok"]
    order = bench.order(steps=steps)
    assert bench.runner.first_step(order.task) == "ours"
    assert bench.runner.first_step(bench.order(steps=steps[:1]).task) is None


def test_left_processes_are_told_of(bench: Bench) -> None:
    end = bench.run("import subprocess; subprocess.Popen(" + repr(SLEEP) + ")")
    assert end.outcome.status is Status.OK
    assert end.notes == ("left 1 process behind that still runs",)


def test_files_and_folders_are_private_and_a_fine_run_leaves_four(bench: Bench) -> None:
    order = bench.start()
    until(lambda: isinstance(bench.states(order), Finished) and not locks.is_held(bench.at(order).claim))
    files = sorted(bench.at(order).path.iterdir())
    assert [one.name for one in files] == ["claim", "done.json", "output.log", "spec.json"]
    assert all(is_private(one) for one in (*files, bench.at(order).path))


# -- live runs -----------------------------------------------------------------------------------------


def test_a_prepared_run_counts_as_running_until_its_launcher_dies(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    assert bench.states(order, bench.new_runner()) == Running(order.run_id, None)
    os.close(bench.runner.prepared.pop(order.run_id))
    state = bench.states(order, bench.new_runner())
    assert state == Lost(order.run_id, "it never started")
    assert bench.states(order) == state


def test_a_live_run_has_a_supervisor_and_uses_cpu(bench: Bench) -> None:
    order = bench.start("while True: pass")
    pid = bench.supervisor(order)
    assert bench.states(order) == bench.peek(order) == Running(order.run_id, pid)
    until(lambda: (bench.runner.usage("job", order.run_id) or 0) > 0.2, "its CPU time")
    assert bench.runner.kill("job", order.run_id)
    end = until(lambda: one if isinstance(one := bench.states(order), Finished) else None)
    assert end.outcome.status is Status.INTERRUPTED
    assert bench.runner.usage("job", order.run_id) is None
    assert bench.runner.memory("job", order.run_id) is None
    assert not bench.runner.kill("job", order.run_id)


def test_the_memory_of_a_live_run_is_that_of_its_scripts_and_not_of_its_supervisor(bench: Bench) -> None:
    order = bench.start(f"held = bytearray(80_000_000)\n{WAIT}")
    bench.supervisor(order)
    until(lambda: (bench.runner.memory("job", order.run_id) or 0) > 80_000_000, "its memory")
    assert (bench.runner.memory("job", order.run_id) or 0) < 160_000_000


def test_waiting_ends_at_once_when_any_run_has_ended_and_with_the_time(bench: Bench) -> None:
    slow, quick = bench.start(WAIT, name="slow"), bench.start(name="quick")
    assert bench.runner.wait({"slow": slow.run_id, "quick": quick.run_id}, 30.0)
    assert not bench.runner.wait({"slow": slow.run_id}, 0.05)
    assert not bench.runner.wait({}, 30.0)


def test_a_launcher_that_ends_first_leaves_the_run_alive_and_no_warning(bench: Bench) -> None:
    order = bench.start(WAIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench.runner.started.clear()
        gc.collect()
    assert isinstance(bench.states(order, bench.new_runner()), Running)
    (bench.folder / "go").touch()
    end = until(lambda: one if isinstance(one := bench.states(order), Finished) else None)
    assert end.outcome.status is Status.OK


def test_a_run_looks_alive_from_submit_on_without_a_gap(bench: Bench) -> None:
    for number in range(10):
        order = bench.start(name=f"job{number}")
        other = bench.new_runner()
        seen: list[Any] = []
        while not seen or isinstance(seen[-1], Running):
            seen.append(bench.states(order, other))
        assert isinstance(seen[-1], Finished)


def test_an_empty_claim_is_waited_for_until_there_is_a_mark_in_it_or_nobody_left_to_write_one(bench: Bench) -> None:
    class Starting:
        looks = 0

        def poll(self) -> int | None:
            self.looks += 1
            if self.looks == 3:
                write_mark(claim, {"pid": 1})
            return None

    order = bench.order()
    bench.runner.prepare(order)
    folder = bench.at(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    claim = os.open(folder.claim, os.O_WRONLY | os.O_CREAT)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not wait_for_claim(folder, ended)  # type: ignore[arg-type]  # any process that can be polled
    assert wait_for_claim(folder, Starting())  # type: ignore[arg-type]
    os.close(claim)


# -- lost runs -----------------------------------------------------------------------------------------


def test_the_death_of_a_supervisor_is_seen_and_its_leftovers_ended(bench: Bench) -> None:
    order = bench.start("import subprocess, time; subprocess.run(" + repr(SLEEP) + "); time.sleep(600)")
    pid = bench.supervisor(order)
    until(lambda: len(alive_in(order.run_id)) == 3, "the supervisor, the script and its child")
    kill(pid)
    until(lambda: not locks.is_held(bench.at(order).claim), "the death")
    before = {one.name: one.stat().st_mtime_ns for one in bench.at(order).path.iterdir()}
    assert bench.peek(order) == Lost(order.run_id, "its supervisor died")
    assert {one.name: one.stat().st_mtime_ns for one in bench.at(order).path.iterdir()} == before
    assert len(alive_in(order.run_id)) == 2
    assert bench.states(order) == Lost(order.run_id, "its supervisor died; 2 leftover processes ended")
    assert not alive_in(order.run_id)
    assert bench.runner.wait({"job": order.run_id}, 30.0)


def test_recovery_decides_before_a_late_supervisor_can_start(bench: Bench) -> None:
    order = bench.order("open('ran', 'w').close()")
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    assert isinstance(bench.states(order), Lost)
    bench.runner.prepared[order.run_id] = locks.open_lockable(bench.at(order).spec)
    bench.runner.submit(order)
    until(bench.all_reaped, "its end")
    assert not (bench.folder / "ran").exists()
    assert isinstance(bench.states(order), Lost)


def test_an_empty_claim_that_nobody_holds_is_marked_before_the_run_is_given_up(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    bench.at(order).claim.touch(0o600)
    assert bench.states(order) == Lost(order.run_id, "it never started")
    assert json.loads(bench.at(order).claim.read_bytes()) == fate.MARK


def test_a_run_that_another_cycle_recovers_counts_as_running_meanwhile(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    claim = bench.at(order).take_claim(fate.MARK)
    assert claim is not None
    assert isinstance(bench.states(order), Running)
    os.close(claim)
    assert isinstance(bench.states(order), Lost)


def test_a_run_whose_claim_cannot_be_asked_counts_as_running(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    bench.at(order).claim.mkdir()
    assert bench.states(order) == Running(order.run_id, None)


def test_waiting_for_a_run_that_cannot_be_asked_ends_with_the_time(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    bench.at(order).claim.mkdir()
    assert not bench.runner.wait({"job": order.run_id}, 0.01)


def test_what_a_dead_supervisor_was_writing_goes_with_the_finding_of_its_death(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    half = bench.at(order).path / ".done.json.1234.tmp"
    half.write_text("{")
    assert isinstance(bench.peek(order), Lost)
    assert half.exists()
    assert isinstance(bench.states(order), Lost)
    assert not half.exists()


def test_a_claim_that_cannot_be_marked_is_not_given_up(bench: Bench) -> None:
    order = bench.order()
    bench.runner.prepare(order)
    os.close(bench.runner.prepared.pop(order.run_id))
    fd = os.open(bench.at(order).claim, os.O_RDONLY | os.O_CREAT, 0o600)
    with pytest.raises(OSError):
        write_mark(fd, fate.MARK)
    os.close(fd)
    assert bench.at(order).claim.stat().st_size == 0


OUTCOME = (
    b'{"version":1,"run_id":"r","status":"ok","started_at":"2025-11-02T22:20:00+00:00","duration_s":1.0,"cause":"",'
    b'"ended_at":"2025-11-02T22:21:00+00:00","exit_code":0,"signal":null,"cpu_s":1.0,"peak_memory_bytes":1,'
    b'"output_bytes":1,"left_behind":0,"background_took":true,"steps":[{"name":"a","status":"ok","offset_s":0.0}]}'
)


def test_an_outcome_as_the_supervisor_writes_it_is_one(tmp_path: Path) -> None:
    RunFolder(tmp_path).done.write_bytes(OUTCOME)
    assert fate.outcome(RunFolder(tmp_path))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"cpu_s":1.0', b'"cpu_s":"1.0"'),
        (b'"cpu_s":1.0', b'"cpu_s":1e999'),
        (b'"duration_s":1.0', b'"duration_s":NaN'),
        (b'"duration_s":1.0', b'"duration_s":1e300'),
        (b'"exit_code":0', b'"exit_code":"0"'),
        (b'"exit_code":0', b'"exit_code":99999999999999999999'),
        (b'"peak_memory_bytes":1', b'"peak_memory_bytes":[1]'),
        (b"2025-11-02T22:21:00+00:00", b"9999-12-31T23:59:59-14:00"),
        (b'"left_behind":0', b'"left_behind":1e999'),
        (b'"background_took":true', b'"background_took":"yes"'),
        (b'"offset_s":0.0', b'"offset_s":1e300'),
        (b'"offset_s":0.0', b'"offset_s":"0"'),
        (b'"name":"a"', b'"name":7'),
        (b'"status":"ok","offset', b'"status":"ok","exit_code":"0","offset'),
    ],
)
def test_an_outcome_with_a_value_that_no_run_has_is_damaged(tmp_path: Path, good: bytes, bad: bytes) -> None:
    assert OUTCOME.count(good) >= 1
    RunFolder(tmp_path).done.write_bytes(OUTCOME.replace(good, bad))
    with pytest.raises(DamagedError):
        fate.outcome(RunFolder(tmp_path))


def test_a_claim_that_is_nested_too_deeply_names_nobody(tmp_path: Path) -> None:
    RunFolder(tmp_path).claim.write_bytes(b"[" * 100_000)
    assert RunFolder(tmp_path).claimed_by() is None


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"{}", b'{"version":1}', b"[1]"], ids=["empty", "NUL", "no version", "bare", "list"]
)
def test_a_damaged_outcome_is_a_lost_run(bench: Bench, content: bytes) -> None:
    end = bench.run()
    folder = RunFolder(bench.runner.output_path("job", end.run_id).parent)
    until(lambda: not folder.is_alive())
    folder.done.write_bytes(content)
    state = bench.runner.states({"job": end.run_id})["job"]
    assert isinstance(state, Lost)
    assert state.cause.startswith("its done.json ")
    assert bench.runner.outcome("job", end.run_id) is None


def test_a_run_that_is_on_a_node_is_out_of_reach_and_nothing_of_it_is_ended(bench: Bench) -> None:
    folder = RunFolder(bench.runner.runs_dir / "job" / "r1")
    folder.path.mkdir(parents=True)
    folder.intent.write_text("{}")
    environ = {**os.environ, "ADAPTIVE_RUN_ID": "r1"}
    with subprocess.Popen(SLEEP, env=environ) as its_own:  # where the node is this very machine
        state = bench.runner.states({"job": "r1"})["job"]
        assert isinstance(state, Unreachable)
        assert "tasks.toml has no [cluster] any more" in state.cause
        assert bench.runner.peek({"job": "r1"}) == {"job": state}
        assert not bench.runner.wait({"job": "r1"}, 600)
        assert its_own.poll() is None
        its_own.kill()
    assert list(folder.path.iterdir()) == [folder.intent]


def test_a_run_without_a_folder_is_lost(bench: Bench) -> None:
    assert bench.runner.states({"job": "r1"}) == {"job": Lost("r1", "its run folder is gone")}
    assert not bench.runner.runs_dir.exists()


def test_a_supervisor_that_cannot_be_started_is_an_error_of_the_run(bench: Bench) -> None:
    def refuse(folder: RunFolder, fd: int, env: Mapping[str, str]) -> Any:
        raise OSError(11, "Resource temporarily unavailable")

    runner = bench.new_runner(start=refuse)
    order = bench.order()
    runner.prepare(order)
    runner.submit(order)
    state = bench.states(order, runner)
    assert isinstance(state, Finished)
    assert state.outcome.status is Status.ERROR
    assert state.outcome.cause == "its supervisor cannot be started: Resource temporarily unavailable"


def test_a_supervisor_at_work_is_not_given_up_because_its_spec_cannot_be_closed(bench: Bench) -> None:
    def start(folder: RunFolder, fd: int, env: Mapping[str, str]) -> Detached:
        supervisor = spawn(folder, fd, env)
        os.close(fd)  # as a broken disk refuses it
        return supervisor

    bench.runner = bench.new_runner(start=start)
    assert bench.run().outcome.status is Status.OK


def test_a_supervisor_at_work_is_not_given_up_because_its_log_cannot_be_closed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(**options: Any) -> Detached:
        supervisor = detached(**options)
        os.close(options["stderr"])  # as a broken disk refuses it
        return supervisor

    monkeypatch.setattr(spawning, "detached", start)
    assert bench.run().outcome.status is Status.OK


def test_a_run_that_cannot_be_prepared_raises(bench: Bench) -> None:
    (bench.folder / "outputs").mkdir()
    (bench.folder / "outputs" / "runs").write_text("in the way")
    with pytest.raises(OSError):
        bench.runner.prepare(bench.order())


# -- ids, times and pruning ----------------------------------------------------------------------------


def test_ids_sort_by_time_tell_it_and_never_repeat(bench: Bench) -> None:
    moments = [NOW + timedelta(milliseconds=1) * number for number in range(20)]
    ids = [bench.runner.new_id(moment) for moment in moments]
    assert ids == sorted(ids)
    assert len({bench.runner.new_id(NOW) for _ in range(50)}) == 50
    assert bench.runner.started_at(ids[0]) == NOW.replace(microsecond=123_000)
    assert bench.runner.started_at("something else") is None


def test_old_runs_are_pruned_by_count_and_never_the_protected_or_the_live(bench: Bench) -> None:
    ids = [bench.run().run_id for _ in range(5)]
    live = bench.start(WAIT)
    bench.supervisor(live)
    ids.sort()
    bench.runner.ack("job", 2, 10**9, {ids[0]})
    kept = bench.runner.scan("job")
    assert ids[0] in kept
    assert live.run_id in kept
    assert len(kept) <= 4
    bench.runner.ack("job", 0, 0, ())
    assert bench.runner.scan("job") == [live.run_id]
    assert bench.runner.scan("nobody") == []


def test_old_runs_are_pruned_by_bytes_the_oldest_first(bench: Bench) -> None:
    ids = []
    for number in range(3):
        run_id = bench.runner.new_id(NOW + timedelta(seconds=number))
        folder = bench.runner.runs_dir / "job" / run_id
        folder.mkdir(parents=True)
        (folder / "output.log").write_bytes(b"x" * 1000)
        ids.append(run_id)
    bench.runner.ack("job", 50, 2500, ())
    assert bench.runner.scan("job") == ids[1:]


def test_what_an_earlier_pruning_left_is_removed_and_no_run(bench: Bench) -> None:
    remains = bench.runner.runs_dir / "job" / ".old"
    remains.mkdir(parents=True)
    (remains / "spec.json").touch()
    assert bench.runner.scan("job") == []
    bench.runner.ack("job", 50, 10**9, ())
    assert not remains.exists()


def test_what_was_prepared_and_never_became_a_run_is_removed_once_a_newer_one_has_been(bench: Bench) -> None:
    ids = [bench.runner.new_id(NOW + timedelta(seconds=number)) for number in range(5)]
    _prepared, guarded, being_made, run, newest = ids
    folders = {run_id: RunFolder(bench.runner.runs_dir / "job" / run_id) for run_id in ids}
    for run_id in ids:
        folders[run_id].path.mkdir(parents=True)
        (folders[run_id].path / ".spec.json.77.tmp").touch()
        folders[run_id].spec.touch()
    folders[run].claim.touch()
    lock = locks.open_lockable(folders[being_made].spec)
    assert locks.try_lock(lock)
    bench.runner.ack("job", 1, 10**9, {guarded})
    os.close(lock)
    assert bench.runner.scan("job") == [guarded, being_made, run, newest]


@pytest.mark.parametrize(
    ("shift", "kept"),
    [
        pytest.param(timedelta(0), True, id="same clock"),
        pytest.param(timedelta(days=400), False, id="cycle with a clock of its own"),
        pytest.param(timedelta(days=-400), False, id="clock set back"),
    ],
)
def test_the_times_of_a_result_lie_between_its_stamp_and_now(bench: Bench, shift: timedelta, kept: bool) -> None:
    end = bench.run("import time; time.sleep(0.05)")
    stamp = end.outcome.started_at - timedelta(seconds=1) + shift
    now = end.outcome.ended_at + timedelta(seconds=1) + shift
    result = end.result(Live(end.run_id, stamp, reason="it is due"), now)
    assert stamp <= result.started_at <= result.ended_at <= now
    assert (result.started_at == end.outcome.started_at) is kept
    assert result.duration_s == end.outcome.duration_s
    assert result.reason == "it is due"
    assert end.recorded() == end.outcome


def test_a_lost_run_ends_when_it_is_found(bench: Bench) -> None:
    lost = Lost("r1", "its supervisor died")
    result = lost.result(Live("r1", NOW, reason="it is due"), NOW + timedelta(minutes=5))
    assert (result.status, result.duration_s, result.cause) == (Status.INTERRUPTED, 300.0, "its supervisor died")
    assert lost.result(Live("r1", NOW), NOW - timedelta(days=1)).duration_s == 0


def test_a_scheduler_inside_a_run_is_not_mistaken_for_its_leftover(bench: Bench) -> None:
    """The supervisor of an inner scheduler carries its own run's id, not the outer one's."""
    order = bench.start(WAIT)
    pid = bench.supervisor(order)
    assert psutil.Process(pid).environ()["ADAPTIVE_RUN_ID"] == order.run_id


# -- events --------------------------------------------------------------------------------------------


def test_a_script_finds_the_event_that_started_it(bench: Bench) -> None:
    order = replace(
        bench.order("import os; print(os.environ['ADAPTIVE_EVENT'])"), event=event(reason="CPU 91 %, grün\nx")
    )
    bench.runner.prepare(order)
    bench.runner.submit(order)
    assert bench.runner.wait({order.task.name: order.run_id}, 30.0)
    until(lambda: isinstance(bench.states(order), Finished), "the outcome")
    printed = json.loads(bench.text(order))
    assert printed == {
        **{"kind": "cpu_spike", "at": "2025-11-02T22:30:00+00:00", "since": "2025-11-02T22:30:00+00:00"},
        **{"value": 91.0, "expected": 40.0, "unit": "percent", "reason": "CPU 91 %, grün\nx"},
        **{"source": None, "culprit": None, "caused_by": None},
    }


def test_without_an_event_there_is_none_even_when_a_script_called_the_cycle(bench: Bench) -> None:
    order = bench.order()
    given = {"ADAPTIVE_EVENT": "that of the script", "OTHER": "kept"}
    assert "ADAPTIVE_EVENT" not in environment(order, bench.config, given)
    assert environment(order, bench.config, given)["OTHER"] == "kept"
    mine = environment(replace(order, event=event()), bench.config, given)["ADAPTIVE_EVENT"]
    assert json.loads(mine)["kind"] == "cpu_spike"


def test_the_addresses_that_people_are_told_at_are_not_for_scripts(bench: Bench) -> None:
    order = bench.order()
    beats = replace(order.task, ping="BEATS")
    told = replace(bench.config, notify=Notify(("OPS_CHAT",), ping="SWITCH"), tasks={"job": beats})
    given = {"OPS_CHAT": "slack://x", "SWITCH": "https://a", "BEATS": "https://b", "OTHER": "kept"}
    left = environment(order, told, given)
    assert not left.keys() & {"OPS_CHAT", "SWITCH", "BEATS"}
    assert left["OTHER"] == "kept"
    mine = replace(order.task, env={"OPS_CHAT": "what the task says"})
    assert environment(replace(order, task=mine), told, given)["OPS_CHAT"] == "what the task says"


@modes
def test_a_script_that_others_can_write_is_an_error_and_does_not_run(bench: Bench) -> None:
    order = bench.order("open('ran', 'w')")
    (bench.folder / "job.py").chmod(0o602)
    bench.runner.prepare(order)
    bench.runner.submit(order)
    assert bench.runner.wait({"job": order.run_id}, 30.0)
    until(lambda: isinstance(bench.states(order), Finished), "the outcome")
    end = bench.states(order)
    assert isinstance(end, Finished)
    assert end.outcome.cause.startswith(f"'{bench.folder / 'job.py'}' is not run: ")
    assert not (bench.folder / "ran").exists()
