"""The way to a file, folder by folder and link by link: who could change where it leads."""

import os
import struct
import sys
from pathlib import Path

import pytest

from adaptive_scheduler import short_cycle, standing, trust
from adaptive_scheduler.starter import write_starter
from tests.platforms import links, linux_only, modes

pytestmark = modes

STRANGER = 65_534
OFF = {trust.VARIABLE: "1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "above" / "project"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "tasks.toml").write_text("")
    for one in (tmp_path / "above", folder, folder / "tasks.toml"):
        one.chmod(0o755)
    return folder


def objection(path: Path, *, runs: bool = False) -> str:
    return trust.objection(str(path), {}, runs=runs)


def given_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, STRANGER, -1, follow_symlinks=False)


def test_what_is_mine_or_root_s_is_trusted(project: Path) -> None:
    assert objection(project / "tasks.toml") == ""
    assert objection(Path(sys.executable), runs=True) == ""


@pytest.mark.parametrize("step", ["tasks.toml", "", ".."])
def test_a_step_that_everybody_can_write_is_named_with_the_way_out(project: Path, step: str) -> None:
    open_one = (project / step).resolve()
    open_one.chmod(0o757)
    way_out = f"chmod o-w '{open_one}', or set ADAPTIVE_TRUST_WRITABLE=1 where that is meant"
    assert objection(project / "tasks.toml") == f"'{open_one}' can be written by everybody (mode 0757): {way_out}"
    assert trust.objection(str(project / "tasks.toml"), OFF) == ""


@pytest.mark.parametrize("step", ["tasks.toml", "", ".."])
def test_a_step_of_somebody_else_is_named_with_its_owner(project: Path, step: str) -> None:
    path = (project / step).resolve()
    given_away(path)
    assert objection(project / "tasks.toml").startswith(f"'{path}' belongs to ")
    assert f", not to root: chown '{path}', or set" in objection(project / "tasks.toml")


def test_a_user_whom_nobody_knows_is_named_by_number(project: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(project, 4_000_123, -1)
    assert "user number 4000123" in objection(project / "tasks.toml")


def test_a_sticky_folder_will_do_on_the_way_and_not_beside_what_runs(project: Path) -> None:
    project.chmod(0o1777)
    assert objection(project / "tasks.toml") == ""
    assert "can be written by everybody (mode 1777)" in objection(project / "tasks.toml", runs=True)
    project.chmod(0o755)
    project.parent.chmod(0o1777)
    assert objection(project / "tasks.toml", runs=True) == ""


@links
def test_a_link_is_looked_at_where_it_lies_and_where_it_leads(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "link").symlink_to("../above/project/../project/./tasks.toml")
    assert objection(elsewhere / "link") == ""
    project.chmod(0o757)
    assert f"'{project}' can be written" in objection(elsewhere / "link")
    project.chmod(0o755)
    elsewhere.chmod(0o757)
    assert f"'{elsewhere}' can be written" in objection(elsewhere / "link")


@links
def test_somebody_else_s_link_is_not_followed(project: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    given_away(link)
    assert objection(link / "tasks.toml").startswith(f"'{link}' belongs to ")


@links
def test_dots_are_followed_as_the_kernel_does(project: Path, tmp_path: Path) -> None:
    # `link/..` is the folder above what the link leads to, which a tidy path would forget.
    (tmp_path / "link").symlink_to(project)
    (project.parent / "tasks.toml").write_text("")
    project.parent.chmod(0o757)
    assert f"'{project.parent}' can be written" in objection(tmp_path / "link" / ".." / "tasks.toml")


@links
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="leads round in circles"):
        objection(tmp_path / "a")
    assert "who may write it cannot be seen ('" in trust.refusal([str(tmp_path / "a")], {})


def test_a_file_that_is_not_there_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        objection(tmp_path / "tasks.toml")
    refused = trust.refusal([str(tmp_path / "gone.py")], {})
    assert (
        refused == f"'{tmp_path / 'gone.py'}' is not run: who may write it cannot be seen (No such file or directory)"
    )


def test_a_relative_path_begins_where_we_stand(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert objection(Path("tasks.toml")) == ""
    project.chmod(0o757)
    assert objection(Path("tasks.toml")).startswith(f"'{project}' can be written")


def test_a_state_folder_may_be_made_beside_others_and_must_not_be_shared(project: Path) -> None:
    state = project / "outputs"
    project.chmod(0o1777)
    assert trust.objection_to_folder(str(state), {}) == ""
    state.mkdir(mode=0o700)
    assert trust.objection_to_folder(str(state), {}) == ""
    state.chmod(0o1777)
    assert f"'{state}' can be written by everybody" in trust.objection_to_folder(str(state), {})
    assert trust.objection_to_folder(str(state), OFF) == ""


def test_a_state_folder_is_not_made_where_anybody_could_replace_it(project: Path) -> None:
    project.chmod(0o777)
    assert f"'{project}' can be written" in trust.objection_to_folder(str(project / "outputs"), {})
    assert f"'{project}' can be written" in trust.objection_to_folder(str(project / "outputs" / "deeper"), {})


# -- groups and lists of access ------------------------------------------------------------------------


def test_a_group_of_root_alone_may_write(project: Path) -> None:
    import grp
    import pwd

    if os.geteuid() != 0:
        pytest.skip("only root can give a file to any group")
    used = {one.pw_gid for one in pwd.getpwall()}
    empty = next((one for one in grp.getgrall() if not one.gr_mem and one.gr_gid not in used), None)
    if empty is None:
        pytest.skip("this system has no empty group")
    os.chown(project, -1, empty.gr_gid)
    project.chmod(0o775)
    assert objection(project / "tasks.toml") == ""


@pytest.mark.parametrize("group", [STRANGER, 4_000_123])
def test_a_group_with_others_in_it_or_that_nobody_knows_may_not(project: Path, group: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to any group")
    os.chown(project, -1, group)
    project.chmod(0o775)
    told = f"'{project}' can be written by others of its group (mode 0775): chmod g-w '{project}'"
    assert objection(project / "tasks.toml").startswith(told)


@linux_only
def test_who_may_write_by_a_list_of_access_shows_in_the_bits_of_the_group(project: Path) -> None:
    # As setfacl -m u:65534:rwx writes it: version 2, then tag, rights and id of each line.
    lines = [(0x01, 7, -1), (0x02, 7, STRANGER), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)]
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *line) for line in lines)
    try:
        os.setxattr(project, trust.ACCESS_LIST, content)
    except OSError as error:
        pytest.skip(f"no lists of access in this file system ({error.strerror})")
    assert project.stat().st_mode & 0o777 == 0o775
    assert f"'{project}' can be written by others of its group" in objection(project / "tasks.toml")


@pytest.mark.parametrize("open_one", ["project", "outputs", None])
def test_a_short_cycle_leaves_what_is_doubtful_to_a_whole_one(project: Path, open_one: str | None) -> None:
    state = project / "outputs"
    state.mkdir(mode=0o700)
    standing.write(state, {"path": str(project / "tasks.toml")})
    if open_one is not None:
        {"project": project, "outputs": state}[open_one].chmod(0o777)
    assert not short_cycle.attempt(["--config", str(project / "tasks.toml"), "run", "--quiet"], {})
    # Its note lacks all the rest, so it goes no further than to the lock.
    assert (state / standing.LOCK).exists() is (open_one is None)


def test_what_init_writes_is_followed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        written = write_starter(tmp_path)
    finally:
        os.umask(before)
    assert objection(written) == ""
