"""What the commands of a cluster say about themselves before they start."""

import os
from pathlib import Path

import pytest

from tests.console import Inside
from tests.platforms import posix_only

pytest.importorskip("distributed")

MASTER = ["--master", "tcp://127.0.0.1:8786"]


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
