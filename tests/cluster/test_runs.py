"""Runs on real nodes, whatever is killed meanwhile: each is started once, and what became of it is known."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from adaptive_scheduler.cluster.link import Link
from adaptive_scheduler.fleet import Cluster as Wanted
from adaptive_scheduler.model import TaskState
from adaptive_scheduler.store import Store
from tests.builders import event
from tests.cluster.machines import Cluster, at_work, begun, cluster, collected, cycle, decision, until_go
from tests.processes import kill, until
from tests.program import Program

pytest.importorskip("distributed")

NOW = datetime.now().astimezone()

ANY = '[tasks.job]\ninterval = "1h"\nscript = "job.py"\nwhere = "any"\n'
ON_N1 = ANY.replace('"any"', '{ node = "n1" }')

QUIET = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
"""For the engine's own commands: no listener but the one of its protocol, and on loopback."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and the node n1, which nobody kills; it has scripts and secrets of its own."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "scripts").mkdir()
    secrets = folder / "secrets.env"
    secrets.write_text("# of this node alone\nexport TOKEN='s3cret-of-the-node'\n")
    secrets.chmod(0o600)
    with cluster(folder) as made:
        made.scheduler().start()
        made.node("n1", "--scripts", str(folder / "scripts"), "--env-file", str(secrets)).up()
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of the test's own, with nothing started."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with cluster(folder) as made:
        yield made


def waiting(made: Cluster, folder: Path, text: str = ON_N1) -> tuple[Program, Path]:
    """A project whose job runs until the file that is returned with it is there."""
    go = folder / "go"
    return made.project(folder / "project", text).script("job.py", until_go(go)), go


def ended(made: Cluster, run_id: str, node: str = "n1") -> None:
    """Wait until the ledger of the node has the end of a run."""
    until((made.dir_of(node) / "runs" / run_id / "done.json").exists, f"the end of {run_id}")


def supervisor_of(made: Cluster, run_id: str, node: str = "n1") -> int:
    claim = made.dir_of(node) / "runs" / run_id / "claim"
    return int(json.loads(claim.read_text().splitlines()[0])["pid"])


def claimed_by_a_cycle_that_dies(program: Program) -> dict[str, Any]:
    """One cycle that is killed between claim and submit; returns the live run that it leaves."""
    dying = (
        "import os; from adaptive_scheduler.cluster import runner; runner.ClusterRunner.submit = lambda *_: os._exit(9)"
    )
    argv = [sys.executable, "-c", f"{dying}; from adaptive_scheduler.cli import main; main()", *program.argv("run")[3:]]
    assert subprocess.run(argv, env=program.environ, cwd=program.folder, check=False).returncode == 9
    live: dict[str, Any] = program.state["tasks"]["job"]["live"]
    return live


# -- where all goes well -------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["gone", "empty"])
def test_what_a_power_cut_took_of_an_intent_is_known_from_the_state(shared: Cluster, tmp_path: Path, harm: str) -> None:
    program, go = waiting(shared, tmp_path)
    run_id = begun(program)
    intent = program.outputs / "runs" / "job" / run_id / "intent.json"
    intent.unlink() if harm == "gone" else intent.write_bytes(b"")
    go.touch()
    ended(shared, run_id)
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]


def test_a_short_run_is_taken_in_by_the_cycle_that_started_it(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ON_N1).script("job.py", "print('hello from', os.environ['ADAPTIVE_TASK'])\n")
    answer = cycle(program)
    (run,) = answer.json["runs"]
    assert (run["status"], run["node"], answer.err) == ("ok", "n1", "")
    assert program.starts("job.py") == [run["run_id"]]
    assert "hello from job" in program("logs", "job").out
    assert program.history()[0]["node"] == "n1"


def test_a_long_run_is_taken_in_by_a_later_cycle(shared: Cluster, tmp_path: Path) -> None:
    program, go = waiting(shared, tmp_path)
    run_id = begun(program)
    assert decision(program)["code"] == "RUNNING"
    go.touch()
    ended(shared, run_id)
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]


def test_logs_of_a_run_that_lives_on_a_node_show_what_it_printed_so_far(shared: Cluster, tmp_path: Path) -> None:
    program, go = waiting(shared, tmp_path)
    program.script("job.py", "print('halfway', flush=True)\n" + until_go(go))
    run_id = begun(program)
    until(lambda: program("logs", "job").out == "halfway\n", "what it prints")
    with program.start("logs", "job", "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "halfway\n"
        go.touch()
        out, err = following.communicate()  # no cycle has taken it in
    assert (out, err, following.returncode) == ("over\n", "", 0)
    assert collected(program) == [(run_id, "ok")]
    assert program("logs", "job").out == "halfway\nover\n"


def test_logs_of_a_run_whose_node_cannot_be_asked_say_where_it_is(own: Cluster, tmp_path: Path) -> None:
    scheduler, node = own.scheduler().start(), own.node("n1").up()
    program, _ = waiting(own, tmp_path)
    begun(program)
    node.kill()
    scheduler.stop()
    answer = program("logs", "job")
    assert (answer.code, answer.out) == (1, "")
    assert "'job' is on node 'n1': nobody listens at" in answer.err
    assert answer.err.endswith("what it printed comes here with its end\n")


def test_new_tasks_wait_for_the_calm_node_and_leave_the_busy_one_alone(own: Cluster, tmp_path: Path) -> None:
    own.scheduler().start()
    for name, cpu in (("busy", 95), ("calm", 5)):
        own.environ["ADAPTIVE_FAKE_SAMPLE"] = f"cpu={cpu},memory=10"
        own.node(name, "--slots", "2").up()
    names = [f"job{number}" for number in range(6)]
    tables = [ANY.replace("tasks.job", f"tasks.{name}") for name in names]
    program = own.project(tmp_path / "p", "".join(tables)).script("job.py", "")
    runs = cycle(program, wait="30s").json["runs"]
    assert sorted((run["task"], run["node"], run["status"]) for run in runs) == [(name, "calm", "ok") for name in names]
    assert own.runs_of("busy") == []


def test_a_copy_of_a_project_does_its_own_runs(shared: Cluster, tmp_path: Path) -> None:
    for name in ("one", "other"):  # with the same past: both see their task first at the same moment
        program = shared.project(tmp_path / name, ON_N1).script("job.py", f"print({name!r})\n").at(NOW)
        assert [run["status"] for run in cycle(program).json["runs"]] == ["ok"]
        assert program("logs", "job").out.split() == [name]
    assert len(program.starts("job.py")) == 1


def test_a_megabyte_of_output_comes_home_and_leaves_the_node(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ON_N1).script("job.py", "print('x' * 990_000, 'the end')\n")
    (run,) = cycle(program).json["runs"]
    log = program.outputs / "runs" / "job" / run["run_id"] / "output.log"
    assert log.stat().st_size > 990_000
    assert log.read_bytes().endswith(b"the end\n")
    assert not (shared.dir_of("n1") / "runs" / run["run_id"] / "output.log").exists()


def test_a_script_of_more_than_a_mebibyte_is_refused_with_the_way_out(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ON_N1).script("job.py", "#" * (1 << 20))
    (run,) = cycle(program).json["runs"]
    assert run["status"] == "error"
    assert 'larger than 1 MiB; put it on the nodes: deploy = "path"' in run["cause"]


def test_a_script_that_was_deployed_by_hand_runs_only_as_the_master_knows_it(shared: Cluster, tmp_path: Path) -> None:
    text = ON_N1.replace("job.py", f"{tmp_path.name}.py") + 'deploy = "path"\n'
    program = shared.project(tmp_path, text).script(f"{tmp_path.name}.py", "print('deployed')\n")
    deployed = shared.folder / "scripts" / f"{tmp_path.name}.py"
    (run,) = cycle(program).json["runs"]
    assert "is not deployed here" in run["cause"]
    deployed.write_bytes((tmp_path / f"{tmp_path.name}.py").read_bytes())
    (run,) = cycle(program, "--force", "--task", "job").json["runs"]
    assert run["status"] == "ok"
    deployed.write_bytes(deployed.read_bytes() + b"# changed there\n")
    (run,) = cycle(program, "--force", "--task", "job").json["runs"]
    assert "is another one than the master's; deploy it anew" in run["cause"]
    assert len(program.starts(f"{tmp_path.name}.py")) == 1


def test_the_secrets_of_a_node_reach_its_scripts_and_no_file(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ON_N1).script("job.py", "print(len(os.environ['TOKEN']))\n")
    (run,) = cycle(program).json["runs"]
    assert (program.outputs / "runs" / "job" / run["run_id"] / "output.log").read_bytes().split() == [b"18"]
    places = [program.outputs, shared.dir_of("n1") / "runs" / run["run_id"]]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if b"s3cret-of-the-node" in file.read_bytes()] == []


# -- who gets work -------------------------------------------------------------------------------------


def test_a_task_waits_for_a_node_with_its_label(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ANY.replace('"any"', '{ labels = ["gpu"] }')).script("job.py", "")
    told = decision(program)
    assert (told["code"], "'n1': has no label 'gpu'" in told["reason"]) == ("NO_NODE", True)
    node = shared.node("painter", "--label", "gpu").up()
    (run,) = cycle(program).json["runs"]
    assert (run["status"], run["node"]) == ("ok", "painter")
    node.stop()


def test_a_worker_of_the_engine_alone_gets_nothing(shared: Cluster, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "distributed.cli.dask_worker", shared.address, "--name", "stranger", "--no-nanny"]
    worker = shared.other([*argv, *QUIET, "--local-directory", str(tmp_path)], "stranger", "Registered to:").up()
    program = shared.project(tmp_path / "p", ANY.replace('"any"', '{ node = "stranger" }')).script("job.py", "")
    told = decision(program)
    assert (told["code"], "'stranger': is no node of adaptive-scheduler" in told["reason"]) == ("NO_NODE", True)
    worker.stop()
    assert program.starts("job.py") == []


def test_a_node_of_another_version_gets_nothing(shared: Cluster, tmp_path: Path) -> None:
    pretending = "import adaptive_scheduler as us; us.__version__ = '0.0.1'; from adaptive_scheduler.cli import main"
    options = ["--master", shared.address, "--name", "elder", "--dir", str(tmp_path / "elder"), "--child"]
    argv = [sys.executable, "-c", f"{pretending}; main()", "cluster", "node", *options]
    node = shared.other(argv, "elder", "node 'elder' joined", is_child=True).up()
    program = shared.project(tmp_path / "p", ANY.replace('"any"', '{ node = "elder" }')).script("job.py", "")
    told = decision(program)
    assert (told["code"], "'elder': has adaptive-scheduler 0.0.1" in told["reason"]) == ("NO_NODE", True)
    elder = shared.status()["elder"]
    assert (elder["usable"], "has adaptive-scheduler 0.0.1" in elder["problem"]) == (False, True)
    node.stop()
    assert program.starts("job.py") == []


def test_a_scheduler_that_would_start_runs_again_is_refused(own: Cluster, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", str(own.port)]
    own.other([*argv, *QUIET], "dask", "Scheduler at:").up()
    program = own.project(tmp_path / "p", ANY).script("job.py", "")
    told = decision(program)
    assert told["code"] == "NO_NODE"
    assert "would start runs twice (allowed-failures is 3)" in told["reason"]


def test_while_nobody_answers_local_tasks_run_and_others_wait(own: Cluster, tmp_path: Path) -> None:
    local = '[tasks.local]\ninterval = "1h"\nscript = "local.py"\n'
    program = own.project(tmp_path / "p", ANY + local).script("job.py", "").script("local.py", "")
    answer = cycle(program)
    assert answer.err == ""
    assert [(run["task"], run["status"]) for run in answer.json["runs"]] == [("local", "ok")]
    told = decision(program)
    assert told["code"] == "NO_NODE"
    assert f"nobody listens at 127.0.0.1, port {own.port}" in told["reason"]


def test_a_task_for_any_node_may_fall_back_on_this_machine(own: Cluster, tmp_path: Path) -> None:
    text = f"{ANY}{ANY.replace('tasks.job', 'tasks.named')}".replace('"any"', '{ node = "n1" }')
    text = text.replace('{ node = "n1" }', '"any"', 1)
    program = own.project(tmp_path / "p", text, cluster='when_unreachable = "local"').script("job.py", "")
    answer = cycle(program)
    assert [(run["task"], run["status"], run.get("node")) for run in answer.json["runs"]] == [("job", "ok", None)]
    assert decision(program, "named")["code"] == "NO_NODE"


def test_nobody_listens_but_on_loopback_and_only_where_needed(shared: Cluster) -> None:
    listening = []
    for process in shared.alive():
        listening += [one.laddr for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert shared.port in {address.port for address in listening}
    assert len(listening) == 2  # the scheduler and n1


def test_a_folder_that_another_node_uses_is_refused(shared: Cluster) -> None:
    second = shared.node("second", folder=shared.dir_of("n1")).start()
    until(lambda: "another node uses" in second.said(), second.said())
    assert second.stop() == 0
    assert "second" not in shared.status()


def test_a_second_node_of_a_name_is_told_so_in_one_sentence(shared: Cluster, tmp_path: Path) -> None:
    twin = shared.node("n1", folder=tmp_path / "twin")
    twin.log = tmp_path / "twin.log"
    twin.start()
    until(lambda: "started again in" in twin.said(), twin.said())
    assert "has a node of this name; give one of them another --name" in twin.said()
    assert "a fault of the program" not in twin.said()
    twin.stop()


def test_a_node_without_a_scheduler_says_so_in_one_line_and_tries_again(own: Cluster) -> None:
    node = own.node("n1").start()
    until(lambda: node.said().count("started again in") == 2)
    assert "nobody listens at" in node.said()
    assert "Fatal" not in node.said()
    assert "exit code -" not in node.said()
    assert node.stop() == 0


# -- what is killed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False], ids=["both processes", "the working one"])
def test_a_run_lives_through_the_death_of_its_node(shared: Cluster, tmp_path: Path, whole: bool) -> None:
    name = "mortal" if whole else "wounded"
    node = shared.node(name).up()
    program, go = waiting(shared, tmp_path, ON_N1.replace("n1", name))
    run_id = begun(program)
    if whole:
        node.kill()
        assert decision(program)["code"] == "RUNNING"
        assert "node 'mortal' does not answer" in program.log
        node.start()
    else:
        node.kill_child()
    node.back()
    assert decision(program)["code"] == "RUNNING"
    go.touch()
    ended(shared, run_id, name)
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]
    node.stop()


def test_a_run_lives_through_the_death_of_the_scheduler_and_the_cycle_says_nothing(
    own: Cluster, tmp_path: Path
) -> None:
    scheduler, node = own.scheduler().start(), own.node("n1").up()
    go = tmp_path / "go"
    program = own.project(tmp_path / "project", ON_N1, cluster='timeout = "1s"')
    program.script("job.py", until_go(go))
    with program.start("run", "--wait", "4s", "--json") as under_way:
        run_id = at_work(program)
        scheduler.kill_child()
        out, err = under_way.communicate()
    assert (err, under_way.returncode) == ("", 0)
    assert [run["status"] for run in json.loads(out)["runs"]] == ["running"]
    go.touch()
    ended(own, run_id)
    node.back()
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]


def test_a_run_lives_through_the_death_of_its_cycle(shared: Cluster, tmp_path: Path) -> None:
    program, go = waiting(shared, tmp_path)
    with program.start("run", "--wait", "30s") as under_way:
        run_id = at_work(program)
        under_way.kill()
    assert decision(program)["code"] == "RUNNING"
    go.touch()
    ended(shared, run_id)
    assert collected(program) == [(run_id, "ok")]
    assert program.starts("job.py") == [run_id]


def test_a_run_that_was_claimed_and_never_submitted_comes_back_and_runs_once(shared: Cluster, tmp_path: Path) -> None:
    program = shared.project(tmp_path, ON_N1).script("job.py", "").at(NOW)
    claimed = claimed_by_a_cycle_that_dies(program)["run_id"]
    program.at(NOW + timedelta(seconds=30))
    assert cycle(program).json["decisions"][0]["code"] == "RUNNING"
    program.at(NOW + timedelta(minutes=3))
    assert [status for _, status in collected(program)] == ["ok"]
    assert len(program.starts("job.py")) == 1
    assert program.starts("job.py") != [claimed]
    assert b'"void"' in (shared.dir_of("n1") / "runs" / claimed / "claim").read_bytes()


def test_a_run_for_an_event_that_never_began_is_told_of_it_when_it_begins(shared: Cluster, tmp_path: Path) -> None:
    text = '[events.full]\nwhen = "memory_usage > 60"\n' + ON_N1.replace('interval = "1h"', 'on = ["full"]')
    program = shared.project(tmp_path, text).script("job.py", "print(os.environ['ADAPTIVE_EVENT'])\n")
    with Store(program.outputs).transaction(NOW) as transaction:
        happened = {"job": TaskState(first_seen=NOW, event=event("full", at=NOW))}
        transaction.state = replace(transaction.state, tasks=happened)
    assert claimed_by_a_cycle_that_dies(program.at(NOW))["code"] == "EVENT"
    assert [status for _, status in collected(program.at(NOW + timedelta(minutes=3)))] == ["ok"]
    assert json.loads(program("logs", "job").out.splitlines()[-1])["kind"] == "full"
    assert program.history()[0]["event"]


def test_a_node_that_can_write_nothing_down_gets_nothing_and_its_run_is_out_of_reach(
    shared: Cluster, tmp_path: Path
) -> None:
    node = shared.node("sealed").up()
    program = shared.project(tmp_path, ON_N1.replace("n1", "sealed")).script("job.py", "").at(NOW)
    run_id = claimed_by_a_cycle_that_dies(program)["run_id"]
    runs = shared.dir_of("sealed") / "runs"
    runs.rename(runs.with_name("aside"))
    until(lambda: "is gone or cannot be written" in (shared.status()["sealed"]["problem"] or ""), "its trouble")
    cycle(program.at(NOW + timedelta(minutes=3)))
    live = program.state["tasks"]["job"]["live"]
    assert (live["run_id"], "unreachable_since" in live) == (run_id, True)
    assert "node 'sealed' cannot write down that it will not begin it" in program.log
    runs.with_name("aside").rename(runs)
    until(lambda: shared.status()["sealed"]["usable"], "its recovery")
    assert [status for _, status in collected(program.at(NOW + timedelta(minutes=4)))] == ["ok"]
    assert len(program.starts("job.py")) == 1
    node.stop()


@pytest.mark.parametrize("policy", ["report", "rerun"])
def test_a_run_whose_supervisor_was_killed_is_interrupted(shared: Cluster, tmp_path: Path, policy: str) -> None:
    program, go = waiting(shared, tmp_path, f'{ON_N1}on_loss = "{policy}"\n')
    run_id = begun(program)
    kill(supervisor_of(shared, run_id))
    go.touch()
    first, *others = collected(program)
    assert first == (run_id, "interrupted")
    assert [status for _, status in others] == ({"report": [], "rerun": ["ok"]}[policy])
    assert len(program.starts("job.py")) == {"report": 1, "rerun": 2}[policy]
    assert collected(program) == []


def test_what_a_run_printed_that_was_cut_off_comes_home_and_leaves_the_node(shared: Cluster, tmp_path: Path) -> None:
    program, _ = waiting(shared, tmp_path)
    program.script("job.py", "print('halfway', flush=True)\n" + until_go(tmp_path / "go"))
    run_id = begun(program)
    there = shared.dir_of("n1") / "runs" / run_id / "output.log"
    until(lambda: there.exists() and b"halfway" in there.read_bytes(), "what it prints")
    kill(supervisor_of(shared, run_id))
    assert collected(program) == [(run_id, "interrupted")]
    assert program("logs", "job").out.splitlines() == ["halfway"]
    assert program.history()[0]["output_bytes"] == len("halfway\n")
    assert not there.exists()
    assert collected(program) == []


@pytest.mark.parametrize("what", ["where", "where and [cluster]", "the task"])
def test_a_run_lives_through_a_change_of_tasks_toml(shared: Cluster, tmp_path: Path, what: str) -> None:
    program, go = waiting(shared, tmp_path)
    text = (program.folder / "tasks.toml").read_text()
    run_id = begun(program.at(NOW))
    without = text.replace('where = { node = "n1" }\n', "")
    if what == "where and [cluster]":
        without = without.replace(f'[cluster]\nmaster = "{shared.address}"\n', "")
    if what == "the task":
        without = without.replace("tasks.job", "tasks.other") + "enabled = false\n"
    assert without != text
    program.config(without)
    assert "never started" not in program("status").out
    told = cycle(program.at(NOW + timedelta(seconds=10)), "--task", "other" if what == "the task" else "job")
    assert [run["status"] for run in told.json["runs"] if run["run_id"] == run_id] in ([], ["running"])
    assert program.starts("job.py") == [run_id]
    program.config(text)
    go.touch()
    ended(shared, run_id)
    assert (run_id, "ok") in collected(program.at(NOW + timedelta(seconds=20)))
    assert program.starts("job.py").count(run_id) == 1


def test_a_run_that_is_cut_off_a_second_time_is_not_run_again(shared: Cluster, tmp_path: Path) -> None:
    program, _ = waiting(shared, tmp_path, f'{ON_N1}on_loss = "rerun"\n')
    run_id = begun(program)
    kill(supervisor_of(shared, run_id))
    assert cycle(program, wait="0s").json["runs"][0]["status"] == "interrupted"
    until(lambda: len(program.starts("job.py")) == 2, "the second start")
    kill(supervisor_of(shared, program.starts("job.py")[-1]))
    assert [status for _, status in collected(program)] == ["interrupted"]
    assert len(program.starts("job.py")) == 2


def test_a_frozen_node_is_waited_for_once_and_asked_again_when_its_heart_beats(shared: Cluster) -> None:
    node = shared.node("sleeper").up()
    link = Link(Wanted(shared.address))
    question = {"sleeper": (link.fleet().ledger_of("sleeper"), (["no-such-run"],))}
    answer = {"sleeper": {"no-such-run": ("unknown", "")}}
    assert link.ask("entries", question) == answer
    node.freeze()
    assert link.ask("entries", question) == {}
    link.look(())
    assert (link.ask("entries", question), link.mute) == ({}, {"sleeper"})
    node.thaw()
    until(lambda: link.look(()) and link.ask("entries", question) == answer, "its answer")
    assert link.mute == set()
    link.close()
    node.stop()


@pytest.mark.parametrize("policy", ["report", "rerun"])
def test_a_run_whose_node_stays_away_is_lost_and_runs_elsewhere_only_with_leave(
    shared: Cluster, tmp_path: Path, policy: str
) -> None:
    name = f"gone-{policy}"
    node = shared.node(name, "--label", name).up()
    program, go = waiting(shared, tmp_path, ANY.replace('"any"', f'{{ labels = ["{name}"] }}\non_loss = "{policy}"'))
    program.config((tmp_path / "project" / "tasks.toml").read_text().replace("[tasks", 'lost_after = "1m"\n[tasks', 1))
    run_id = begun(program.at(NOW))
    node.kill()
    assert [run["status"] for run in cycle(program.at(NOW + timedelta(seconds=10))).json["runs"]] == ["running"]
    assert "lost" not in program.log
    other = shared.node(f"{name}-2", "--label", name).up()
    go.touch()
    taken_in = collected(program.at(NOW + timedelta(minutes=5)))
    assert taken_in[0] == (run_id, "lost")
    assert [status for _, status in taken_in[1:]] == {"report": [], "rerun": ["ok"]}[policy]
    assert len(program.starts("job.py")) == {"report": 1, "rerun": 2}[policy]
    node.start()
    node.back()
    assert collected(program.at(NOW + timedelta(minutes=6))) == []
    node.stop()
    other.stop()


def test_a_run_can_be_told_to_stop_from_here_and_is_not_run_again(shared: Cluster, tmp_path: Path) -> None:
    program, _ = waiting(shared, tmp_path, f'{ON_N1}on_loss = "rerun"\n')
    run_id = begun(program)
    told = program("stop", "job")
    assert (told.code, told.out) == (
        0,
        "the run of 'job' on node 'n1' is told to end; the next cycle takes that in\n",
    )
    ended(shared, run_id)
    assert collected(program) == [(run_id, "interrupted")]
    assert decision(program)["code"] == "NOT_DUE"
    assert program.starts("job.py") == [run_id]


def test_a_run_whose_node_cannot_be_asked_goes_on_and_its_loss_is_tried_again_as_ever(
    own: Cluster, tmp_path: Path
) -> None:
    scheduler = own.scheduler().up()
    own.node("n1").up()
    program, _ = waiting(own, tmp_path, f'{ON_N1}on_loss = "rerun"\n')
    run_id = begun(program)
    scheduler.kill()
    told = program("stop", "job")
    assert (told.code, told.out) == (1, "")
    assert "node 'n1' cannot be asked now, and the run there goes on" in told.err
    scheduler.start()
    until(lambda: own.status().get("n1", {}).get("usable"), "the node")
    kill(supervisor_of(own, run_id))
    until(lambda: (run_id, "interrupted") in collected(program), "the interruption")
    until(lambda: len(program.starts("job.py")) == 2, "the second start")
