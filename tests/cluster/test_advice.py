"""What the commands of a cluster say about themselves before they start."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cluster.machines import free_port
from tests.cluster.making import make
from tests.console import Inside
from tests.platforms import posix_only

pytest.importorskip("distributed")

MASTER = ["--master", "tcp://127.0.0.1:8786"]


def test_a_node_says_at_its_start_that_its_certificate_expires_soon(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    for days, is_soon in ((20, True), (400, False)):
        make(tmp_path / str(days), "box1", life=timedelta(days=days))
        options = ["--master", "tls://127.0.0.1:8786", "--certificates", str(tmp_path / str(days) / "box1"), "--check"]
        answer = Inside(tmp_path).bare("cluster", "node", *options)
        assert answer.code == 0
        assert ("expires on" in answer.err) == is_soon


def test_check_says_that_the_certificate_of_the_master_expires_soon(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    make(tmp_path / "tls", "master", life=timedelta(days=20))
    program = Inside(tmp_path).script("job.py", "")
    program.config(
        f'[cluster]\nmaster = "tls://127.0.0.1:{free_port()}"\ncertificates = "tls/master"\n'
        '[tasks.job]\ninterval = "1h"\nscript = "job.py"\nwhere = "any"\n'
    )
    found = [one["message"] for one in program("check", "--json").json["findings"] if one["where"] == "cluster"]
    assert [message for message in found if "expires on" in message] != []


@posix_only("root")
@pytest.mark.parametrize(("role", "options"), [("scheduler", []), ("node", MASTER)])
@pytest.mark.parametrize("who", [0, 1000], ids=["root", "somebody"])
def test_root_is_told_what_that_means_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, options: list[str], who: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: who)
    answer = Inside(tmp_path).bare("cluster", role, *options, "--check")
    assert answer.code == 0
    assert ("runs as root" in answer.err) == (who == 0)
    assert (f"'adaptive-scheduler install --system --user NAME {role} -- OPTIONS'" in answer.err) == (who == 0)
