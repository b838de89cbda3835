"""Look for a second at what makes a machine answer late: CPU, memory, disks, processes at the disk, network.

What stands out is printed first. It only reads, needs no rights beyond its user's, and shows no arguments of
programs, which may hold secrets; what this system does not tell is said in a line. Exit code 0.
"""

import argparse
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

PROC = Path("/proc")
ROWS = 3
SHORTEST_S, LONGEST_S = 0.1, 30.0
# From here on a thing stands out.
PRESSURE_PERCENT = 10
BUSY_CPU_PERCENT = 90
BUSY_DISK_PERCENT = 80
SLOW_REQUEST_MS = 50
MEMORY_PERCENT = 90
SWAP_MB_S = 1
LOST_SHARE = 0.02
LEAST_LOST = 10
UNANSWERED = 10
LEFT_OPEN = 100
# A table of connections longer than this is not read to its end.
MOST_BYTES = 4_000_000
# The numbers that Linux writes for the states of a connection (include/net/tcp_states.h).
STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "06": "TIME_WAIT", "08": "CLOSE_WAIT", "0A": "LISTEN"}


class Line(NamedTuple):
    """One thing looked at, in words."""

    stands_out: bool
    text: str


class Moment(NamedTuple):
    """What the system counts, at one moment; what it does not count is None or empty."""

    at_s: float
    swapped: float
    disks: Mapping[str, Any]
    nics: Mapping[str, Any]
    tcp: Mapping[str, int]
    moved: Mapping[tuple[int, float], int]


def count() -> Moment:
    """Read all counters."""
    return Moment(time.perf_counter(), swapped(), disks(), nics(), tcp(), moved())


def swapped() -> float:
    """Return the bytes swapped in and out since boot; a Windows without performance counters has none."""
    try:
        swap = psutil.swap_memory()
    except (OSError, RuntimeError):
        return 0.0
    return float(swap.sin + swap.sout)


def disks(blocks: Path = Path("/sys/block")) -> Mapping[str, Any]:
    """Return the counters of each whole disk; those of partitions are in them."""
    try:
        known: Mapping[str, Any] = psutil.disk_io_counters(perdisk=True) or {}
    except (OSError, RuntimeError, NotImplementedError):
        return {}
    whole = {path.name for path in blocks.iterdir()} if blocks.is_dir() else set(known)
    return {name: counters for name, counters in known.items() if name in whole}


def nics() -> Mapping[str, Any]:
    """Return the counters of each network card, the machine's talks to itself left out."""
    try:
        known: Mapping[str, Any] = psutil.net_io_counters(pernic=True)
    except (OSError, RuntimeError):
        return {}
    return {name: counters for name, counters in known.items() if not name.lower().startswith(("lo", "isatap"))}


def tcp(root: Path = PROC) -> Mapping[str, int]:
    """Return what Linux counts of TCP: segments sent, and those sent again."""
    try:
        rows = [line.split()[1:] for line in (root / "net/snmp").read_text().splitlines() if line.startswith("Tcp:")]
        return dict(zip(rows[0], map(int, rows[1]), strict=True))
    except (OSError, ValueError, IndexError):
        return {}


def moved() -> Mapping[tuple[int, float], int]:
    """Return the bytes that each process read and wrote, of those that this user may ask."""
    if not hasattr(psutil.Process, "io_counters"):
        return {}
    found = {}
    for one in psutil.process_iter(["create_time", "io_counters"]):
        if (counters := one.info["io_counters"]) is not None and one.pid != os.getpid():
            found[one.pid, one.info["create_time"] or 0.0] = counters.read_bytes + counters.write_bytes
    return found


def named(pid: int) -> str:
    """Return a process by name, where the system tells it, and by number."""
    try:
        name = "".join(char if char.isprintable() else " " for char in psutil.Process(pid).name())[:40]
    except (OSError, psutil.Error):
        name = "?"
    return f"{name} (pid {pid})"


def pressure(root: Path = PROC) -> Iterator[Line]:
    """Tell for how long somebody waited for CPU, memory and disks."""
    for kind in ("cpu", "memory", "io"):
        try:
            some = (root / "pressure" / kind).read_text(encoding="ascii").splitlines()[0]
            shares = [float(field.partition("=")[2]) for field in some.split()[1:4]]
            shown = "{:.0f} % of 10 s, {:.0f} % of 1 min, {:.0f} % of 5 min".format(*shares)
        except (OSError, ValueError, IndexError):
            yield Line(False, f"waiting for {kind}: this system does not tell")
            continue
        yield Line(max(shares[:2]) >= PRESSURE_PERCENT, f"waiting for {kind}: {shown}")


def cpu() -> Iterator[Line]:
    """Tell how busy the CPUs were since they were asked last."""
    busy = psutil.cpu_percent()
    text = f"CPU: {busy:.0f} % of {psutil.cpu_count()} CPUs busy"
    if sys.platform != "win32":
        text += "; load {:.1f}, {:.1f}, {:.1f}".format(*os.getloadavg())
    yield Line(busy >= BUSY_CPU_PERCENT, text)


def memory(swapped_bytes: float, seconds: float) -> Iterator[Line]:
    """Tell the memory in use, and whether the machine swaps."""
    now = psutil.virtual_memory()
    yield Line(
        now.percent >= MEMORY_PERCENT, f"memory: {now.percent:.0f} % used, {now.available / 1e9:.1f} GB available"
    )
    rate = swapped_bytes / 1e6 / seconds
    yield Line(rate >= SWAP_MB_S, f"swapping: {rate:.1f} MB/s")


def disk(name: str, then: Any, now: Any, seconds: float) -> Line:
    """Tell what one disk did."""
    read, written = ((getattr(now, key) - getattr(then, key)) / 1e6 / seconds for key in ("read_bytes", "write_bytes"))
    requests = now.read_count - then.read_count + now.write_count - then.write_count
    spent_ms = now.read_time - then.read_time + now.write_time - then.write_time
    each_ms = spent_ms / requests if requests else 0.0
    text = f"disk '{name}': {read:.1f} MB/s read, {written:.1f} MB/s written, {requests / seconds:.0f} requests/s"
    text += f", {each_ms:.1f} ms each" if requests else ""
    busy = 0.0
    if hasattr(now, "busy_time"):
        busy = min(100.0, (now.busy_time - then.busy_time) / 10 / seconds)
        text += f", {busy:.0f} % busy"
    return Line(busy >= BUSY_DISK_PERCENT or each_ms >= SLOW_REQUEST_MS, text)


def busiest(then: Moment, now: Moment) -> Iterator[Line]:
    """Tell what the busiest disks did, and who read and wrote most."""
    seconds = now.at_s - then.at_s
    pairs = [(name, then.disks[name], counters) for name, counters in now.disks.items() if name in then.disks]
    pairs.sort(key=lambda one: -(one[2].read_bytes + one[2].write_bytes - one[1].read_bytes - one[1].write_bytes))
    for place, (name, before, after) in enumerate(pairs[:ROWS]):
        # The first of them in any case: that no disk has anything to do is worth a line, too.
        if place == 0 or before != after:
            yield disk(name, before, after, seconds)
    if not pairs:
        yield Line(False, "disks: this system does not tell")
    rates = {key: (total - then.moved[key]) / 1e6 / seconds for key, total in now.moved.items() if key in then.moved}
    for (pid, _), rate in sorted(rates.items(), key=lambda one: -one[1])[:ROWS]:
        if rate >= 0.1:
            yield Line(False, f"reads and writes: {rate:.1f} MB/s {named(pid)}")
    if not now.moved:
        yield Line(False, "who reads and writes: this system does not tell")


def stuck() -> Iterator[Line]:
    """Name the processes that can do nothing but wait for a disk at this moment, which only Linux tells."""
    pids = [one.pid for one in psutil.process_iter(["status"]) if one.info["status"] == psutil.STATUS_DISK_SLEEP]
    more = f", and {len(pids) - ROWS} more" if len(pids) > ROWS else ""
    nobody = "nobody" if sys.platform == "linux" else "this system does not tell"
    yield Line(bool(pids), f"stuck at a disk: {', '.join(map(named, pids[:ROWS])) or nobody}{more}")


def network(then: Moment, now: Moment) -> Iterator[Line]:
    """Tell the traffic, what of it was lost, and what had to be sent again."""
    seconds = now.at_s - then.at_s
    total = Counter[str]()
    for name in now.nics.keys() & then.nics.keys():
        for key, value in now.nics[name]._asdict().items():
            total[key] += value - getattr(then.nics[name], key)
    lost, packets = (
        sum(total[key] for key in keys)
        for keys in (("errin", "errout", "dropin", "dropout"), ("packets_recv", "packets_sent"))
    )
    received, sent = total["bytes_recv"] / 1e6 / seconds, total["bytes_sent"] / 1e6 / seconds
    text = f"network: {received:.1f} MB/s in, {sent:.1f} MB/s out, {lost} of {packets} packets faulty or dropped"
    yield Line(lost >= LEAST_LOST and lost > LOST_SHARE * packets, text if now.nics else "network: no card is known")
    if now.tcp and then.tcp:
        again, out = (now.tcp.get(key, 0) - then.tcp.get(key, 0) for key in ("RetransSegs", "OutSegs"))
        text = f"TCP: {again} of {out} segments were sent again"
        yield Line(again >= LEAST_LOST and again > LOST_SHARE * out, text)


def connections(root: Path = PROC) -> Iterator[Line]:
    """Count the connections by their state."""
    found = Counter[str]()
    if sys.platform == "linux":
        for name in ("tcp", "tcp6"):
            try:
                with (root / "net" / name).open("rb") as file:
                    rows = file.read(MOST_BYTES).decode("ascii", "replace").splitlines()[1:]
            except OSError:
                continue
            found.update(STATES.get(fields[3], "other") for row in rows if len(fields := row.split()) > 3)
    else:
        try:
            found.update(one.status for one in psutil.net_connections("tcp"))
        except (OSError, psutil.Error):
            yield Line(False, "connections: this user may not count them")
            return
    told = ", ".join(f"{number} {state}" for state, number in found.most_common()) or "none"
    yield Line(found["SYN_SENT"] >= UNANSWERED or found["CLOSE_WAIT"] >= LEFT_OPEN, f"connections: {told}")


def main(argv: list[str] | None = None) -> int:
    """Look for a second, tell what stands out before the rest, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = arguments().parse_args(argv)
    psutil.cpu_percent()
    then = count()
    time.sleep(min(LONGEST_S, max(SHORTEST_S, options.seconds)))
    busy, now = [*cpu()], count()
    seconds = now.at_s - then.at_s
    looks: tuple[Callable[[], Iterator[Line]], ...] = (
        pressure,
        lambda: memory(now.swapped - then.swapped, seconds),
        lambda: busiest(then, now),
        stuck,
        lambda: network(then, now),
        connections,
    )
    lines = [*busy, *(line for look in looks for line in look())]
    loud = [line.text for line in lines if line.stands_out]
    print(f"{len(loud) or 'nothing'} of {len(lines)} looks over {seconds:.1f} s stand{'s'[len(loud) > 1 :]} out")
    for mark, wanted in (("!", True), (" ", False)):
        for line in lines:
            if line.stands_out is wanted:
                print(f"{mark} {line.text}")
    return 0


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        description="What makes this machine answer late, over a second.", epilog="Exit: 0."
    )
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="how long to look (1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
