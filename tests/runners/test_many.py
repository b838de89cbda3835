"""Many runs of one cycle: what the process that forks their supervisors must not change for any of them."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from adaptive_scheduler import locks
from adaptive_scheduler.model import Status
from adaptive_scheduler.runners.base import Finished, Lost, Order, Running
from adaptive_scheduler.runners.many import FEW
from tests.processes import kill_all, until
from tests.runners.test_local import WAIT, Bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands open files on to a nursery here")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench whose cycle has started a few runs already: the next one is born in the nursery."""
    made = Bench(tmp_path)
    made.runner.starter.count = FEW
    yield made
    (tmp_path / "go").touch()
    for run_id in made.run_ids:
        kill_all(run_id)
    made.runner.close()
    until(made.all_reaped, "the end of the nursery")


def nursery(bench: Bench) -> psutil.Process:
    assert bench.runner.starter.nursery is not None
    return psutil.Process(bench.runner.starter.nursery.process.pid)


def ended(bench: Bench, order: Order) -> Finished:
    state = until(lambda: one if isinstance(one := bench.states(order), Finished) else None, "the end of the run")
    assert isinstance(state, Finished)
    return state


def test_a_cycle_starts_a_few_supervisors_itself_and_has_the_others_forked(tmp_path: Path, bench: Bench) -> None:
    bench.runner.starter.count = 0
    orders = [bench.start(WAIT, name=f"job{number}") for number in range(FEW + 2)]
    parents = [psutil.Process(bench.supervisor(order)).ppid() for order in orders]
    assert parents == [os.getpid()] * FEW + [nursery(bench).pid] * 2
    (tmp_path / "go").touch()
    assert [ended(bench, order).outcome.status for order in orders] == [Status.OK] * len(orders)


def test_a_forked_supervisor_is_the_leader_of_its_session_and_holds_its_spec(bench: Bench) -> None:
    order = bench.start(WAIT)
    supervisor = bench.supervisor(order)
    assert os.getsid(supervisor) == supervisor
    assert locks.is_held(bench.at(order).spec)
    held = [str(one.readlink()) for one in Path(f"/proc/{supervisor}/fd").iterdir()]
    assert str(bench.at(order).spec) in held
    assert not [one for one in held if one.startswith("socket:")], "the line to the cycle is the nursery's alone"


def test_each_script_has_the_environment_of_its_own_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os\nprint(os.environ['ADAPTIVE_RUN_ID'], os.environ['MINE'], os.environ.get('ONCE'))"
    monkeypatch.setenv("ONCE", "was there")
    first = bench.start(code, name="a", env={"MINE": "eins=1\nzwei"})
    monkeypatch.delenv("ONCE")
    second = bench.start(code, name="b", env={"MINE": "한글"})
    for order in (first, second):
        ended(bench, order)
    assert bench.text(first, "a").split() == [first.run_id, "eins=1", "zwei", "was", "there"]
    assert bench.text(second, "b").split() == [second.run_id, "한글", "None"]


@pytest.mark.parametrize("env", [{"A": "b\0c"}, {"A=B": "c"}], ids=["a null byte", "an equals sign"])
def test_an_environment_that_no_process_can_have_is_an_error_of_the_run_alone(
    bench: Bench, env: dict[str, str]
) -> None:
    refused, fine = bench.start(env=env), bench.start(name="other")
    assert ended(bench, refused).outcome.status is Status.ERROR
    assert "cannot be started" in ended(bench, refused).outcome.cause
    assert ended(bench, fine).outcome.status is Status.OK


def test_runs_live_on_when_the_nursery_dies_and_later_ones_start_without_it(tmp_path: Path, bench: Bench) -> None:
    order = bench.start(WAIT)
    bench.supervisor(order)
    first = nursery(bench)
    first.kill()
    first.wait()
    later = bench.start(WAIT, name="later")
    assert psutil.Process(bench.supervisor(later)).ppid() == os.getpid()
    again = bench.start(WAIT, name="again")
    assert psutil.Process(bench.supervisor(again)).ppid() == nursery(bench).pid != first.pid
    (tmp_path / "go").touch()
    assert [ended(bench, one).outcome.status for one in (order, later, again)] == [Status.OK] * 3


def test_a_run_that_dies_with_the_nursery_before_its_birth_is_lost_and_never_starts(bench: Bench) -> None:
    bench.run()
    going = nursery(bench)
    going.send_signal(signal.SIGSTOP)
    order = bench.start("open('started', 'w')")
    assert isinstance(bench.states(order), Running), "what is on its way is alive"
    going.kill()
    going.wait()
    state = until(lambda: one if isinstance(one := bench.states(order), Lost) else None, "the loss")
    assert isinstance(state, Lost)
    assert "it never started" in state.cause
    assert not (bench.folder / "started").exists()


def test_the_nursery_ends_with_its_cycle_collects_its_dead_and_leaves_the_living(tmp_path: Path, bench: Bench) -> None:
    bench.run()
    going = nursery(bench)
    until(lambda: not going.children(), "the collection of the dead")
    order = bench.start(WAIT, name="lasting")
    supervisor = psutil.Process(bench.supervisor(order))
    bench.runner.close()
    until(bench.all_reaped, "the end of the nursery")
    assert supervisor.is_running()
    (tmp_path / "go").touch()
    assert ended(bench, order).outcome.status is Status.OK


def test_the_nursery_is_no_part_of_the_run_that_called_its_cycle(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTIVE_RUN_ID", "of-another-scheduler")
    bench.run()
    assert "ADAPTIVE_RUN_ID" not in nursery(bench).environ()
