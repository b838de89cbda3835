"""What a real second user tries, and that SECURITY.md says what comes of it, word for word."""

import os
import re
import stat
from pathlib import Path

import pytest

from adaptive_scheduler import trust
from tests.attempts import ATTEMPTS
from tests.strangers import STRANGER, Ground, ground, problem

SECURITY = Path(__file__).parent.parent / "SECURITY.md"

needs_a_second_user = pytest.mark.skipif(bool(problem()), reason=problem())


def rows() -> dict[str, str]:
    """The table of attempts: kind -> line."""
    text = SECURITY.read_text(encoding="utf-8").partition("## What was tried")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    table = {kind: line.removeprefix("`").removesuffix("`") for kind, line in lines}
    return {kind: line for kind, line in table.items() if kind not in ("Attempt", "---")}


def test_the_table_has_every_attempt_and_no_other() -> None:
    assert list(rows()) == list(ATTEMPTS)


@needs_a_second_user
@pytest.mark.parametrize("kind", ATTEMPTS)
def test_what_a_second_user_tries_is_refused_as_the_table_says(kind: str) -> None:
    with ground() as at:
        assert at.shown(ATTEMPTS[kind](at)) == rows()[kind]


@needs_a_second_user
def test_without_a_stranger_the_same_project_runs() -> None:
    with ground() as at:
        assert (at.run().code, at.ran()) == (0, ["a.py", "b.py"])


@needs_a_second_user
def test_who_vouches_for_it_runs_what_others_can_write() -> None:
    with ground() as at:
        _open_to_all(at)
        at.program.environ["ADAPTIVE_TRUST_WRITABLE"] = "1"
        assert (at.run().code, at.ran()) == (0, ["a.py", "b.py"])
        told = [one for one in at.run("check", "--json").json["findings"] if one["where"] == "environment"]
        assert [one["severity"] for one in told] == ["warning"]


@needs_a_second_user
def test_a_task_can_be_vouched_for_alone() -> None:
    with ground() as at:
        for name in ("a.py", "b.py"):
            (at.folder / name).chmod(0o666)
        at.program.config(
            '[tasks.a]\ninterval = "10m"\nscript = "a.py"\nenv = { ADAPTIVE_TRUST_WRITABLE = "1" }\n'
            '[tasks.b]\ninterval = "10m"\nscript = "b.py"\n'
        )
        assert (at.run().code, at.ran()) == (1, ["a.py"])


@needs_a_second_user
def test_check_explains_every_refusal_at_once() -> None:
    with ground() as at:
        for name in ("a.py", "b.py"):
            (at.folder / name).chmod(0o666)
        answer = at.run("check", "--json")
        told = {one["where"]: one["message"] for one in answer.json["findings"] if one["severity"] == "error"}
        assert answer.code == 1
        assert told.keys() == {"tasks.a", "tasks.b"}
        assert all("can be written by everybody (mode 0666): chmod o-w" in one for one in told.values())
        at.folder.chmod(0o777)
        answer = at.run("check", "--json")
        assert (answer.code, len(answer.json["findings"])) == (2, 1)
        assert "'/srv/project' can be written by everybody" in at.shown(answer.json["findings"][0]["message"])


@needs_a_second_user
def test_a_broken_file_of_somebody_else_is_not_outlived_by_its_last_good_copy() -> None:
    with ground() as at:
        assert at.run().code == 0
        (at.folder / "tasks.toml").chmod(0o666)
        at.stranger(f"echo broken > {at.folder}/tasks.toml")
        answer = at.run()
        assert answer.code == 2
        assert "is not followed" in answer.err
        assert "last good copy" not in answer.err
        assert at.program.state["cycle"] == 1


@needs_a_second_user
def test_a_user_with_a_group_of_its_own_may_leave_it_the_right_to_write() -> None:
    with ground() as at:
        for one in (at.folder, at.folder / "tasks.toml", at.folder / "a.py"):
            one.chmod(one.stat().st_mode | 0o020)
        assert (at.run().code, at.ran()) == (0, ["a.py", "b.py"])


@pytest.mark.skipif(os.name != "posix", reason="POSIX alone has modes of files")
def test_whatever_the_umask_nothing_in_the_state_folder_is_for_others(tmp_path: Path) -> None:
    # As a starter leaves it that has no umask at all; the scripts keep it, for what they make is theirs.
    with_all = Ground(tmp_path)
    head = '[metrics]\ntextfile = "a.prom"\n[probes.p]\ntcp = "127.0.0.1:9"\n[events.e]\nwhen = "probes.p > 1"\n'
    with_all.tasks("a.py", head=head)
    before = os.umask(0)
    try:
        for _ in range(2):
            assert with_all.run().code == 0
        assert with_all.run("pause", "a").code == 0
    finally:
        os.umask(before)
    found = [with_all.program.outputs, *with_all.program.outputs.rglob("*")]
    assert {"history.sqlite3", "adaptive_scheduler.log", "done.json", "output.log"} < {one.name for one in found}
    assert {one for one in found if stat.S_IMODE(one.stat().st_mode) & 0o077} == set()


def _open_to_all(at: Ground) -> None:
    at.folder.chmod(0o777)
    for one in at.folder.iterdir():
        one.chmod(0o666)


@needs_a_second_user
def test_a_user_who_is_not_root_trusts_root_and_itself_and_nobody_else() -> None:
    with ground() as at:
        me, script = 12_345, at.folder / "a.py"
        os.seteuid(me)
        try:
            assert trust.refusal([str(script)], {}) == ""
            os.seteuid(0)
            os.chown(script, me, -1)
            os.seteuid(me)
            assert trust.refusal([str(script)], {}) == ""
            os.seteuid(0)
            os.chown(script, STRANGER, -1)
            os.seteuid(me)
            told = f"'{script}' belongs to 'nobody', neither to root nor to user number {me}: chown '{script}'"
            assert told in trust.refusal([str(script)], {})
            # In a folder as /tmp the state may be made by anybody first.
            assert trust.objection_to_folder(str(at.shared / "outputs"), {}) == ""
            (at.shared / "outputs").mkdir(mode=0o700)
            assert trust.objection_to_folder(str(at.shared / "outputs"), {}) == ""
        finally:
            os.seteuid(0)
        assert "belongs to user number 12345, not to root" in trust.objection_to_folder(str(at.shared / "outputs"), {})
