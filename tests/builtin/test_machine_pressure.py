"""What makes a machine slow stands first, and what this system does not tell is a line and no failure."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adaptive_scheduler.builtin import machine_pressure
from adaptive_scheduler.builtin.machine_pressure import Moment
from tests.builtin.scripts import run
from tests.platforms import linux_only


def test_it_looks_at_every_part_of_the_machine(tmp_path: Path) -> None:
    ran = run("machine_pressure", "--seconds", "0.1", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    first, *rest = ran.out.splitlines()
    assert "stand" in first
    for part in ("CPU: ", "waiting for io: ", "memory: ", "swapping: ", "disk", "network: ", "connections: "):
        assert any(line[2:].startswith(part) for line in rest), part
    assert all(line[0] in "! " for line in rest)
    assert [line[0] for line in rest] == sorted((line[0] for line in rest), reverse=True)


def test_an_odd_time_is_brought_to_a_sane_one(tmp_path: Path) -> None:
    assert run("machine_pressure", "--seconds", "-5", cwd=tmp_path).code == 0
    assert run("machine_pressure", "--seconds", "nan", cwd=tmp_path).code == 0


def pressed(root: Path, **some: str) -> list[machine_pressure.Line]:
    (root / "pressure").mkdir()
    for kind, content in some.items():
        (root / "pressure" / kind).write_text(content, encoding="ascii")
    return list(machine_pressure.pressure(root))


def test_pressure_stands_out_from_its_limit(tmp_path: Path) -> None:
    calm = "some avg10=9.99 avg60=0.00 avg300=50.00 total=1\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=1\n"
    cpu, memory, io = pressed(tmp_path, cpu=calm, memory=calm.replace("9.99", "10.00"), io="some avg10=1\n")
    assert (cpu.stands_out, memory.stands_out, io.stands_out) == (False, True, False)
    assert cpu.text == "waiting for cpu: 10 % of 10 s, 0 % of 1 min, 50 % of 5 min"
    assert io.text == "waiting for io: this system does not tell"


def test_without_pressure_each_kind_says_so(tmp_path: Path) -> None:
    assert [line.text for line in pressed(tmp_path)] == [
        f"waiting for {kind}: this system does not tell" for kind in ("cpu", "memory", "io")
    ]


def disk(**more: int) -> Any:
    zero = dict.fromkeys(("read_bytes", "write_bytes", "read_count", "write_count", "read_time", "write_time"), 0)
    return SimpleNamespace(**zero | more)


@pytest.mark.parametrize(
    ("now", "told", "stands_out"),
    [
        pytest.param(disk(), "disk 'a': 0.0 MB/s read, 0.0 MB/s written, 0 requests/s", False, id="idle"),
        pytest.param(
            disk(write_bytes=40_000_000, write_count=400, write_time=800, busy_time=600),
            "disk 'a': 0.0 MB/s read, 20.0 MB/s written, 200 requests/s, 2.0 ms each, 30 % busy",
            False,
            id="at work",
        ),
        pytest.param(disk(busy_time=1600), "80 % busy", True, id="busy all the time"),
        pytest.param(disk(read_count=2, read_time=100), "50.0 ms each", True, id="slow to answer"),
    ],
)
def test_a_disk_stands_out_when_it_is_busy_or_slow(now: Any, told: str, stands_out: bool) -> None:
    then = disk(busy_time=0) if hasattr(now, "busy_time") else disk()
    line = machine_pressure.disk("a", then, now, 2.0)
    assert line.text.endswith(told)
    assert line.stands_out is stands_out


def at(at_s: float, **more: Any) -> Moment:
    return Moment(**{"at_s": at_s, "swapped": 0.0, "disks": {}, "nics": {}, "tcp": {}, "moved": {}, **more})


def nic(**more: int) -> Any:
    names = ("bytes_sent", "bytes_recv", "packets_sent", "packets_recv", "errin", "errout", "dropin", "dropout")
    values = dict.fromkeys(names, 0) | more
    return SimpleNamespace(**values, _asdict=lambda: values)


@pytest.mark.parametrize(
    ("dropped", "stands_out"), [(0, False), (9, False), (20, False), (21, True)], ids=["none", "few", "at", "beyond"]
)
def test_lost_packets_stand_out_when_they_are_many(dropped: int, stands_out: bool) -> None:
    now = at(2.0, nics={"eth0": nic(packets_recv=1000, bytes_recv=2_000_000, dropin=dropped), "new0": nic(errin=999)})
    (line,) = machine_pressure.network(at(0.0, nics={"eth0": nic()}), now)
    assert line.text == f"network: 1.0 MB/s in, 0.0 MB/s out, {dropped} of 1000 packets faulty or dropped"
    assert line.stands_out is stands_out


def test_segments_that_are_sent_again_stand_out() -> None:
    then, now = at(0.0, tcp={"RetransSegs": 5, "OutSegs": 100}), at(1.0, tcp={"RetransSegs": 35, "OutSegs": 600})
    nobody, line = machine_pressure.network(then, now)
    assert nobody.text == "network: no card is known"
    assert line == (True, "TCP: 30 of 500 segments were sent again")


def test_who_reads_and_writes_most_is_named_and_idle_disks_do_not_hide_the_busy_one() -> None:
    disks = {name: disk(read_bytes=10**6 * number) for number, name in enumerate("abcde")}
    then = at(0.0, disks=dict.fromkeys(disks, disk()), moved={(5, 1.0): 0, (6, 1.0): 0, (7, 1.0): 0})
    now = at(1.0, disks=disks, moved={(5, 1.0): 10**6, (6, 1.0): 10**7, (7, 1.0): 9, (8, 1.0): 9})
    told = [line.text.partition(" MB/s")[0] for line in machine_pressure.busiest(then, now)]
    assert told == [
        "disk 'e': 4.0",
        "disk 'd': 3.0",
        "disk 'c': 2.0",
        "reads and writes: 10.0",
        "reads and writes: 1.0",
    ]


def test_disks_without_any_work_are_one_line() -> None:
    idle = {name: disk() for name in "abc"}
    told = [line.text[:8] for line in machine_pressure.busiest(at(0.0, disks=idle), at(1.0, disks=idle))]
    assert told == ["disk 'a'", "who read"]


def test_without_counters_the_disks_say_so() -> None:
    told = [line.text for line in machine_pressure.busiest(at(0.0), at(1.0))]
    assert told == ["disks: this system does not tell", "who reads and writes: this system does not tell"]


def test_swapping_stands_out() -> None:
    assert machine_pressure.SWAP_MB_S == 1
    assert [line.stands_out for line in machine_pressure.memory(2e6, 2.0)][1] is True
    assert [line.stands_out for line in machine_pressure.memory(1.9e6, 2.0)][1] is False


@linux_only
def test_connections_are_counted_by_their_state(tmp_path: Path) -> None:
    row = "   0: 0100007F:1F90 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0\n"
    (tmp_path / "net").mkdir()
    rows = "header\n" + row.format("0A") + row.format("02") * 10 + row.format("FF") + "cut off"
    (tmp_path / "net/tcp").write_text(rows, encoding="ascii")
    (line,) = machine_pressure.connections(tmp_path)
    assert line == (True, "connections: 10 SYN_SENT, 1 LISTEN, 1 other")


@pytest.mark.skipif(sys.platform == "linux", reason="Linux reads its own tables")
def test_connections_that_may_not_be_counted_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    (line,) = machine_pressure.connections()
    assert line.text == "connections: this user may not count them"


def test_what_tcp_counts_is_read_by_its_names(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/snmp").write_text("Ip: a\nIp: 1\nTcp: OutSegs RetransSegs\nTcp: 10 3\n", encoding="ascii")
    assert machine_pressure.tcp(tmp_path) == {"OutSegs": 10, "RetransSegs": 3}
    (tmp_path / "net/snmp").write_text("Tcp: OutSegs RetransSegs\nTcp: 10\n", encoding="ascii")
    assert machine_pressure.tcp(tmp_path) == {}
    assert machine_pressure.tcp(tmp_path / "none") == {}
