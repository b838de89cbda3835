"""Faults of [cluster] and of tasks that go elsewhere, each at its line and with the way out."""

from pathlib import Path

import pytest

from adaptive_scheduler import config
from adaptive_scheduler.errors import ConfigError
from adaptive_scheduler.fleet import Cluster, Deploy, OnLoss, Unreachable, Where
from adaptive_scheduler.settings import Config

TASK = '[tasks.a]\ninterval = "1h"\nscript = "a.py"\n'


def read(text: str) -> Config:
    return config.read(text, Path("/x/tasks.toml"), platform="linux")


@pytest.mark.parametrize(
    ("cluster", "task", "fault"),
    [
        ("", 'where = "any"', "4: tasks.a.where: needs a table [cluster] that names the scheduler: master ="),
        ("timeout = '1s'", "", '1: cluster.master: is missing; add master = "tls://master.example:8786"'),
        ('master = "tls://m"', "", "1: cluster.certificates: is missing; tls:// needs the folder of this machine"),
        ('master = "tcp://m"', "", "2: cluster.master: 'tcp://m' leaves this machine without TLS"),
        ('master = "tcp://localhost"\ncertificates = "c"', "", "3: cluster.certificates: tcp:// uses none"),
        ('master = "m"', "", "2: cluster.master: must be an address such as"),
        ("master = 5", "", "2: cluster.master: '5' is not text"),
        ('master = "tcp://localhost"', 'where = "gpu"', "6: tasks.a.where: the text 'gpu' is no place; write where"),
        ('master = "tcp://localhost"', 'where = { labels = ["a b"] }', "'a b' can be no node or label"),
        ('master = "tcp://localhost"', 'where = { label = "a" }', "unknown key 'label'; did you mean 'labels'?"),
        ('master = "tcp://localhost"', 'where = "any"\nos = "linux"', "the node's system goes into where"),
        ('master = "tcp://localhost"', 'deploy = "path"', "tasks.a.deploy: means nothing without where"),
        ('master = "tcp://localhost"', 'on_loss = "rerun"', "tasks.a.on_loss: means nothing without where"),
    ],
)
def test_a_fault_is_named_with_the_way_out(cluster: str, task: str, fault: str) -> None:
    with pytest.raises(ConfigError) as found:
        read(f"[cluster]\n{cluster}\n{TASK}{task}\n" if cluster else f"{TASK}{task}\n")
    assert any(fault.replace("place; write", "place: write") in one for one in found.value.faults)


def test_a_cluster_and_what_goes_there_become_values() -> None:
    known = read(
        '[cluster]\nmaster = "tls://M"\ncertificates = "c"\ntimeout = "500ms"\nlost_after = "2h"\n'
        'on_loss = "rerun"\nwhen_unreachable = "local"\n'
        f'{TASK}where = {{ labels = ["gpu"], os = "windows", node = "n1" }}\ndeploy = "path"\non_loss = "report"\n'
    )
    assert known.cluster is not None
    assert (known.cluster.master, known.cluster.certificates) == ("tls://m:8786", str(Path("/x/c").absolute()))
    assert known.cluster.timeout.total_seconds() == 0.5
    assert known.cluster.on_loss is OnLoss.RERUN
    assert known.rules.when_unreachable is Unreachable.LOCAL
    task = known.tasks["a"]
    assert (task.where, task.deploy, task.on_loss) == (
        *(Where(("gpu",), "windows", "n1"), Deploy.PATH),
        OnLoss.REPORT,
    )


def test_a_cluster_on_this_machine_needs_no_certificates() -> None:
    assert read(f'[cluster]\nmaster = "tcp://127.0.0.1"\n{TASK}').cluster == Cluster("tcp://127.0.0.1:8786")
