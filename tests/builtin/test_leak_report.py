"""The report on a leak: how the process is now, how long the memory lasts, and a sentence for all that is not known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adaptive_scheduler.builtin import leak_report
from tests.builtin.leakers import blaming, is_alive, leaker, name_of
from tests.builtin.scripts import run


def test_a_process_that_is_there_is_told_and_lives_on(tmp_path: Path) -> None:
    with leaker() as process:
        ran = run("leak_report", cwd=tmp_path, env=blaming(process))
        assert (ran.code, ran.err) == (10, "")
        assert ran.out.startswith(f"memory_leak: {name_of(process)} grows\n  5.0 GB, expected 2.0 GB, since ")
        assert "Now it is still there\n  holds " in ran.out
        assert "\n  held 40 MB at the event\n" in ran.out
        assert f"(pid {process.ppid()})\n" in ran.out
        assert "it grows by 120 MB an hour; " in ran.out
        assert f'args = ["--may-end", "{name_of(process)}"]' in ran.out
        assert is_alive(process)


def test_a_process_that_is_gone_is_no_warning(tmp_path: Path) -> None:
    with leaker() as process:
        env = blaming(process)
    ran = run("leak_report", cwd=tmp_path, env=env)
    assert (ran.code, ran.err) == (0, "")
    assert "Now it is gone: nothing is left to do\nThis machine\n" in ran.out


def test_a_process_that_only_has_the_number_is_not_taken_for_it(tmp_path: Path) -> None:
    with leaker() as process:
        ran = run("leak_report", cwd=tmp_path, env=blaming(process, created=process.create_time() + 100))
        assert (ran.code, "Now it is gone" in ran.out) == (0, True)


def test_without_an_event_the_machine_is_told(tmp_path: Path) -> None:
    ran = run("leak_report", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    head, machine, *largest = ran.out.splitlines()[0:1] + ran.out.splitlines()[2:]
    assert head == "no event started this"
    assert machine.startswith("  memory: ")
    assert 0 < len(largest) <= leak_report.LARGEST


class Guarded:
    """A process that tells nothing but its number."""

    pid = 2**30

    def __getattr__(self, name: str) -> Any:
        def denied() -> None:
            raise psutil.AccessDenied(self.pid)

        return denied


def test_what_may_not_be_known_is_said_in_its_place() -> None:
    process: Any = Guarded()
    lines = list(leak_report.state(process, {"culprit": {"rss_bytes": 5e9}}, 0.0))
    assert lines[0] == "its memory may not be known (access denied)"
    assert lines[1] == "held 5.0 GB at the event"
    assert all(line.endswith("may not be known (access denied)") for line in lines[2:])
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        pytest.param(
            10**9, "it grows by 1.0 GB an hour; the machine has 4.0 GB left: full in 4.0 h, about ", id="hours"
        ),
        pytest.param(10**12, "full in 14.4 s, about ", id="seconds"),
        pytest.param(10**5, "full in more than a year", id="a trickle"),
        pytest.param(0, "the machine has 4.0 GB left; how fast it grows is not known", id="no growth"),
        pytest.param(None, "how fast it grows is not known", id="unknown"),
    ],
)
def test_how_long_the_memory_lasts(rate: int | None, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_report, "room", lambda _: (4e9, "the machine"))
    process: Any = SimpleNamespace(pid=5)
    (line,) = leak_report.outlook({"culprit": {"growth_bytes_per_hour": rate}}, process, 1.7e9)
    assert told in line


def control_group(root: Path, name: str, **files: str) -> None:
    folder = root / "sys/fs/cgroup" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file.replace("_", ".", 1)).write_text(content, encoding="ascii")


def in_group(root: Path, name: str) -> None:
    (root / "proc/5").mkdir(parents=True)
    (root / "proc/5/cgroup").write_text(f"0::/{name}\n", encoding="ascii")


def test_the_tightest_control_group_is_what_fills_up(tmp_path: Path) -> None:
    in_group(tmp_path, "web.slice/my-server.service")
    stat = "anon 5\ninactive_file 100000\n"
    control_group(tmp_path, "web.slice", memory_max="900000\n", memory_current="500000\n", memory_stat=stat)
    control_group(tmp_path, "web.slice/my-server.service", memory_max="max\n", memory_current="1\n", memory_stat=stat)
    assert leak_report.room(5, tmp_path) == (500_000, "its group 'web.slice'")


def test_without_a_limit_the_machine_is_what_fills_up(tmp_path: Path) -> None:
    in_group(tmp_path, "web.slice")
    assert leak_report.room(5, tmp_path)[1] == "the machine"
    assert leak_report.room(6, tmp_path)[1] == "the machine"


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("system.slice/my-server.service", "belongs to my-server.service"),
        ("system.slice/my-server.service/worker", "belongs to my-server.service"),
        ("user.slice/user@1000.service/app.slice/tmux.scope", "belongs to tmux.scope"),
        ("system.slice", ""),
        ("", ""),
    ],
)
def test_the_unit_of_a_process_is_what_can_be_restarted(group: str, told: str, tmp_path: Path) -> None:
    in_group(tmp_path, group)
    assert leak_report.unit(5, tmp_path) == told
    assert leak_report.unit(6, tmp_path) == ""
