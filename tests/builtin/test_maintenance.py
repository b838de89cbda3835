"""Maintenance removes old regular files of the named folders, and nothing else whatever stands in the way."""

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from adaptive_scheduler.builtin import maintenance
from tests.builtin.scripts import run
from tests.platforms import beyond_wine

DAYS_40 = 40 * 86_400
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs POSIX links, pipes or permissions")
both_walks = pytest.mark.parametrize(
    "by_descriptor",
    [
        pytest.param(True, id="by descriptor", marks=posix_only),
        pytest.param(False, id="by path"),
    ],
)


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for name in ("a.log", "b.txt", "deep/c.log", "deep/deeper/d.bin"):
        (folder / name).write_bytes(b"x" * 1000)
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Return a file outside the named folder that must survive everything."""
    file = tmp_path / "precious" / "thesis.txt"
    file.parent.mkdir()
    file.write_text("years of work", encoding="utf-8")
    return file


def clean(*args: str | Path, by_descriptor: bool, later: float = DAYS_40) -> int:
    """Clean for real, as if `later` seconds had passed since the files were made."""
    return maintenance.main(["--delete", *map(str, args)], now=time.time() + later, by_descriptor=by_descriptor)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@both_walks
def test_old_files_go_and_folders_stay(scratch: Path, by_descriptor: bool) -> None:
    assert clean("--folder", scratch, by_descriptor=by_descriptor) == 0
    assert files(scratch) == set()
    assert (scratch / "deep" / "deeper").is_dir()


@both_walks
def test_young_files_stay(scratch: Path, by_descriptor: bool) -> None:
    assert clean("--folder", scratch, by_descriptor=by_descriptor, later=29 * 86_400) == 0
    assert len(files(scratch)) == 4


@beyond_wine("it keeps no time of creation")
@both_walks
def test_a_file_unpacked_today_is_young_whatever_its_date_says(scratch: Path, by_descriptor: bool) -> None:
    os.utime(scratch / "a.log", (0, 0))
    assert clean("--folder", scratch, by_descriptor=by_descriptor, later=0) == 0
    assert "a.log" in files(scratch)


@both_walks
def test_only_the_named_pattern_goes(scratch: Path, by_descriptor: bool) -> None:
    assert clean("--folder", scratch, "--only", "*.log", by_descriptor=by_descriptor) == 0
    assert files(scratch) == {"b.txt", "deep/deeper/d.bin"}


def test_without_delete_nothing_goes_and_every_file_is_listed(scratch: Path, tmp_path: Path) -> None:
    ran = run("maintenance", "--folder", scratch, "--older-than", "0s", cwd=tmp_path / "project")
    assert ran.code == 0
    assert "would remove 4 of 4 files, 4.0 kB" in ran.out
    assert "a.log" in ran.out
    assert "add --delete" in ran.out
    assert len(files(scratch)) == 4


def test_the_program_itself_removes_with_delete(scratch: Path, precious: Path, tmp_path: Path) -> None:
    ran = run("maintenance", "--folder", "../scratch", "--older-than", "0s", "--delete", cwd=tmp_path / "project")
    assert ran.code == 0
    assert "removed 4 of 4 files" in ran.out
    assert files(scratch) == set()
    assert precious.exists()


def test_no_folder_named_means_nothing_to_do(tmp_path: Path) -> None:
    ran = run("maintenance", "--delete", "--older-than", "0s", cwd=tmp_path / "project")
    assert ran.code == 0
    assert "no folder named" in ran.out


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(50):
        (tmp_path / "many" / f"{number}.tmp").touch()
    ran = run("maintenance", "--folder", "../many", "--older-than", "0s", cwd=tmp_path / "project")
    assert ran.out.count(".tmp") == maintenance.SHOWN_FILES
    assert "would remove 50 of 50" in ran.out


@posix_only
@both_walks
def test_links_are_neither_followed_nor_removed(scratch: Path, precious: Path, by_descriptor: bool) -> None:
    (scratch / "to_folder").symlink_to(precious.parent)
    (scratch / "deep" / "to_file").symlink_to(precious)
    (scratch / "deep" / "up").symlink_to("../..")
    (scratch / "dangling").symlink_to("nowhere")
    assert clean("--folder", scratch, by_descriptor=by_descriptor) == 0
    assert precious.read_text(encoding="utf-8") == "years of work"
    left = {path.name for path in scratch.rglob("*") if path.is_symlink()}
    assert left == {"to_folder", "to_file", "up", "dangling"}


@posix_only
@both_walks
def test_a_folder_swapped_for_a_link_during_the_walk_leads_nowhere(
    scratch: Path, precious: Path, by_descriptor: bool
) -> None:
    """Removing a file is the moment at which an attacker swaps the next folder."""
    os.utime(precious, (0, 0))
    walk = maintenance.walk(scratch, set(), lambda _: None, by_descriptor)
    seen = []
    for found in walk:
        seen.append(found.path.name)
        if found.path.parent == scratch and (scratch / "deep").is_dir() and not (scratch / "deep").is_symlink():
            (scratch / "deep").rename(scratch.parent / "moved")
            (scratch / "deep").symlink_to(precious.parent)
    assert seen
    assert precious.name not in seen


@posix_only
def test_a_removal_hits_the_folder_that_was_looked_at(scratch: Path, precious: Path) -> None:
    decoy = precious.parent / "c.log"
    decoy.write_text("not yours", encoding="utf-8")
    for found in maintenance.walk(scratch, set(), lambda _: None, by_descriptor=True):
        if found.path.name == "c.log":
            (scratch / "deep").rename(scratch / "was_deep")
            (scratch / "deep").symlink_to(precious.parent)
            found.remove()
            break
    assert decoy.exists()
    assert not (scratch / "was_deep" / "c.log").exists()


@posix_only
@both_walks
def test_pipes_are_no_files(scratch: Path, by_descriptor: bool) -> None:
    os.mkfifo(scratch / "pipe")
    assert clean("--folder", scratch, by_descriptor=by_descriptor) == 0
    assert stat.S_ISFIFO((scratch / "pipe").lstat().st_mode)


@both_walks
def test_a_mount_below_the_folder_is_not_entered(scratch: Path, by_descriptor: bool) -> None:
    mounts = {scratch / "deep"}
    seen = {found.path.name for found in maintenance.walk(scratch, mounts, lambda _: None, by_descriptor)}
    assert seen >= {"a.log", "b.txt"}
    assert not seen & {"c.log", "d.bin"}


@both_walks
def test_the_schedulers_own_folder_below_is_left_alone(scratch: Path, by_descriptor: bool) -> None:
    (scratch / "deep" / maintenance.OWN_FILE).touch()
    assert clean("--folder", scratch, by_descriptor=by_descriptor) == 0
    assert files(scratch) == {"deep/c.log", "deep/deeper/d.bin", f"deep/{maintenance.OWN_FILE}"}


def refused(scratch: Path, tmp_path: Path, folder: str, *options: str, **env: str) -> str:
    """Ask to clean a good folder and a bad one; return what was said of the bad one."""
    folders = ("--folder", str(scratch), "--folder", folder)
    ran = run("maintenance", "--older-than", "0s", *options, *folders, cwd=tmp_path / "project", env=env)
    assert ran.code == 2
    assert "nothing was removed anywhere" in ran.out
    assert len(files(scratch)) == 4
    return ran.out.splitlines()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="names the folders of Linux")
@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param("/", "root of a drive", id="root"),
        pytest.param("/tmp/../..", "root of a drive", id="root by traversal"),
        pytest.param("../" * 40, "root of a drive", id="root by relative traversal"),
        pytest.param("", "names no folder", id="empty"),
        pytest.param(" ", "names no folder", id="blank"),
        pytest.param("/proc", "mount point", id="mount point"),
        pytest.param("/etc", "belongs to the system", id="system folder"),
        pytest.param("/usr/lib", "belongs to the system", id="within a system folder"),
        pytest.param("/var", "belongs to the system", id="var"),
    ],
)
def test_a_dangerous_folder_is_refused_before_anything_is_touched(
    folder: str, reason: str, scratch: Path, tmp_path: Path
) -> None:
    # Real folders of this machine: never with --delete in a test, which is there to find the check broken.
    said = refused(scratch, tmp_path, folder, "--only", "no such name")
    assert said.startswith(f"refused: '{folder}' ")
    assert reason in said


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param(".", "the tasks run in", id="working folder"),
        pytest.param("..", "the tasks run in", id="above it"),
        pytest.param("../scratch/../project", "the tasks run in", id="by traversal"),
        pytest.param("../scratch/deep/../../precious/thesis.txt", "not a folder", id="file"),
    ],
)
def test_delete_is_refused_as_a_whole_when_one_folder_is_bad(
    folder: str, reason: str, scratch: Path, precious: Path, tmp_path: Path
) -> None:
    assert reason in refused(scratch, tmp_path, folder, "--delete")
    assert precious.exists()


@posix_only
@pytest.mark.parametrize("folder", ["../link", "../link/", "../scratch/../link"])
def test_delete_does_not_go_through_a_link_that_is_named(
    folder: str, scratch: Path, precious: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(precious.parent)
    assert "is a link" in refused(scratch, tmp_path, folder, "--delete")
    assert precious.exists()


@posix_only
@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param("~", "is a home folder", id="tilde"),
        pytest.param("../people/kim", "is a home folder", id="path"),
        pytest.param("../people", "holds home folders", id="above"),
    ],
)
def test_a_home_folder_is_refused(folder: str, reason: str, scratch: Path, tmp_path: Path) -> None:
    home = tmp_path / "people" / "kim"
    home.mkdir(parents=True)
    assert reason in refused(scratch, tmp_path, folder, "--delete", HOME=str(home))


@pytest.mark.parametrize("folder", ["../state", "../state/runs"])
def test_the_schedulers_own_folder_is_refused(folder: str, scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "state" / "runs").mkdir(parents=True)
    (tmp_path / "state" / maintenance.OWN_FILE).touch()
    assert "belongs to the scheduler" in refused(scratch, tmp_path, folder, "--delete")


def test_a_folder_that_is_not_there_spoils_nothing(scratch: Path, tmp_path: Path) -> None:
    ran = run(
        *("maintenance", "--folder", "../nowhere", "--folder", scratch, "--older-than", "0s", "--delete"),
        cwd=tmp_path / "project",
    )
    assert ran.code == 0
    assert "'../nowhere' is not there: skipped" in ran.out
    assert files(scratch) == set()


@both_walks
def test_trouble_with_one_file_is_said_and_the_others_still_go(
    scratch: Path, by_descriptor: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = maintenance.arguments().parse_args(["--delete", "--older-than", "0s"])

    def gone_wrong() -> None:
        raise PermissionError(13, "Permission denied", "a.log")

    tally = maintenance.Tally()
    names = maintenance.walk(scratch, set(), tally.note, by_descriptor)
    one_fails = (one._replace(remove=gone_wrong) if one.path.name == "a.log" else one for one in names)
    maintenance.clean(one_fails, options, time.time() + 1, tally)
    assert (tally.seen, tally.old, tally.trouble) == (4, 3, 1)
    assert "left as it is: 'a.log': Permission denied" in capsys.readouterr().out
    assert files(scratch) == {"a.log"}


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1.5d", "30 d", "30y", "", "9999999d"])
def test_an_age_that_is_none_is_refused_by_name(text: str, tmp_path: Path) -> None:
    ran = run("maintenance", f"--older-than={text}", cwd=tmp_path / "project")
    assert ran.code == 2
    assert f"'{text}' is no duration" in ran.err


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_400_000, "3.4 MB"), (2e15, "2000.0 TB")]
)
def test_sizes_are_written_for_people(count: float, text: str) -> None:
    assert maintenance.size(count) == text
