"""Look at disks, memory, swap, load, temperatures and services; print what is beyond its limit first.

Exit code 0: healthy. 10: findings (name it in `warning_codes`). 1: nothing could be looked at.
It only reads. What this system does not have is said in a line and counts for nothing.
"""

import argparse
import fnmatch
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import psutil

FINDINGS = 10
BROKEN = 1
GB = 1e9
COMMAND_TIMEOUT_S = 20
# Sensors that are not wired read as 0, -128 or 255; such a chip is not on fire.
PLAUSIBLE_CELSIUS = (1.0, 150.0)
# Windows starts these by itself, lets them end, and still calls them automatic.
STOP_BY_DESIGN = (
    "edgeupdate", "gupdate", "GoogleUpdater*", "MapsBroker", "sppsvc", "RemoteRegistry", "BITS", "WbioSrvc",
    "TrustedInstaller", "ShellHWDetection", "CDPSvc", "CDPUserSvc*", "OneSyncSvc*", "tiledatamodelsvc",
)  # fmt: skip


class Verdict(StrEnum):
    """What one look found."""

    FINDING = "FINDING"
    OK = "ok"
    SKIPPED = "skipped"


class Look(NamedTuple):
    """One thing looked at, in words."""

    verdict: Verdict
    text: str


Limits = argparse.Namespace


def judged(beyond: bool, text: str) -> Look:
    """Return a finding when the value is beyond its limit."""
    return Look(Verdict.FINDING if beyond else Verdict.OK, text)


def disks(limits: Limits) -> Iterator[Look]:
    """Look at the space of every real disk, and at its inodes where it has a fixed number of them."""
    for mount in real_mounts():
        try:
            usage = psutil.disk_usage(mount)
        except OSError as error:
            yield Look(Verdict.SKIPPED, f"disk '{mount}': {error.strerror}")
            continue
        if usage.total == 0:
            continue
        yield disk(mount, usage.percent, usage.free / GB, limits)
        if sys.platform != "win32":
            nodes = os.statvfs(mount)
            if nodes.f_files > 0:
                used = 100 * (1 - nodes.f_ffree / nodes.f_files)
                if used >= limits.disk_percent:
                    yield judged(True, f"inodes of '{mount}': {used:.1f} % used, limit {limits.disk_percent:g} %")


def disk(mount: str, used_percent: float, free_gb: float, limits: Limits) -> Look:
    """Judge one disk: 95 % of 20 GB is full, 95 % of 20 TB is not."""
    full = used_percent >= limits.disk_percent and free_gb < limits.disk_enough_gb
    limit = f"limit {limits.disk_percent:g} % with less than {limits.disk_enough_gb:g} GB free"
    return judged(full, f"disk '{mount}': {used_percent:.1f} % used, {free_gb:.1f} GB free; {limit}")


def real_mounts() -> list[str]:
    """Return one mount point for each device that can fill up, the system's own first."""
    mounts: dict[str, str] = {}
    for part in sorted(psutil.disk_partitions(all=False), key=lambda part: len(part.mountpoint)):
        options = part.opts.split(",")
        # Images, CDs and snaps are read-only and always full; the parts of an APFS disk share one space;
        # a container sees single files of its host as mounts.
        image = "ro" in options or "cdrom" in options
        if not image and not part.mountpoint.startswith("/System/Volumes/") and Path(part.mountpoint).is_dir():
            mounts.setdefault(part.device, part.mountpoint)
    found = list(mounts.values())
    return found if sys.platform == "win32" or "/" in found else ["/", *found]


def memory(limits: Limits) -> Iterator[Look]:
    """Look at the memory that programs cannot get any more."""
    now = psutil.virtual_memory()
    text = f"memory: {now.percent:.1f} % used, {now.available / GB:.1f} GB available"
    yield judged(now.percent >= limits.memory_percent, f"{text}; limit {limits.memory_percent:g} %")


def swap(limits: Limits) -> Iterator[Look]:
    """Look at the swap space, where there is any."""
    now = psutil.swap_memory()
    if now.total == 0:
        yield Look(Verdict.SKIPPED, "swap: none configured")
        return
    text = f"swap: {now.percent:.1f} % of {now.total / GB:.1f} GB used; limit {limits.swap_percent:g} %"
    yield judged(now.percent >= limits.swap_percent, text)


def load(limits: Limits) -> Iterator[Look]:
    """Look at the 5-minute load for each CPU; Windows keeps no such average."""
    if sys.platform == "win32":
        yield Look(Verdict.SKIPPED, "load: Windows keeps no load average")
        return
    usable = getattr(os, "sched_getaffinity", None)  # Linux alone tells how many it may use
    cpus = len(usable(0)) if usable else os.cpu_count() or 1
    each = os.getloadavg()[1] / cpus
    yield judged(each >= limits.load, f"load: {each:.2f} for each of {cpus} CPUs; limit {limits.load:g}")


def temperatures(limits: Limits) -> Iterator[Look]:
    """Look at the hottest sensor of each chip."""
    read = getattr(psutil, "sensors_temperatures", None)  # Linux and FreeBSD only
    low, high = PLAUSIBLE_CELSIUS
    chips = {
        name: max((one.current for one in sensors if low <= one.current <= high), default=None)
        for name, sensors in (read() if read else {}).items()
    }
    known = {name: value for name, value in chips.items() if value is not None}
    if not known:
        yield Look(Verdict.SKIPPED, "temperature: no sensor known")
    for name, value in known.items():
        text = f"temperature of '{name}': {value:.0f} C; limit {limits.celsius:g} C"
        yield judged(value >= limits.celsius, text)


def services(limits: Limits) -> Iterator[Look]:
    """Look for services that should run and do not. Raises OSError where nobody can be asked."""
    bad = [name for name in idle_services() if not any(fnmatch.fnmatch(name, one) for one in limits.ignore_service)]
    named = ": " + ", ".join(f"'{name}'" for name in bad) if bad else ""
    yield judged(bool(bad), f"services: {len(bad)} that should run and do not{named}; limit 0")


def idle_services() -> Iterable[str]:
    """Name the systemd units that failed, or the automatic Windows services that stand still."""
    if sys.platform == "win32":
        return stopped_on_windows()
    if shutil.which("systemctl") is None:
        raise FileNotFoundError("systemctl not found")
    command = ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"]
    done = subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise OSError(f"systemctl: {said[0]}")
    rows = map(str.split, done.stdout.decode(errors="replace").splitlines())
    return [row[0] for row in rows if row]


def stopped_on_windows() -> list[str]:
    """Name the services that are set to start by themselves and are not running."""
    stopped: list[str] = []
    if sys.platform == "win32":
        for service in psutil.win_service_iter():
            try:
                name, start, status = service.name(), service.start_type(), service.status()
            except (OSError, psutil.Error):
                continue  # it was removed meanwhile, or is closed to this user
            by_design = any(fnmatch.fnmatch(name, pattern) for pattern in STOP_BY_DESIGN)
            if start == "automatic" and status == "stopped" and not by_design:
                stopped.append(name)
    return stopped


LOOKS: tuple[Callable[[Limits], Iterator[Look]], ...] = (disks, memory, swap, load, temperatures, services)


def look_everywhere(limits: Limits) -> list[Look]:
    """Take every look; one that this machine does not allow is skipped with the system's own words."""
    found: list[Look] = []
    for look in LOOKS:
        try:
            found += look(limits)
        # psutil has only a RuntimeError for a Windows whose performance counters are switched off.
        except (OSError, RuntimeError, psutil.Error, subprocess.SubprocessError) as error:
            found.append(Look(Verdict.SKIPPED, f"{look.__name__}: {error}"))
    return found


def main(argv: list[str] | None = None) -> int:
    """Print findings first, then the rest, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    limits = arguments().parse_args(argv)
    looks = look_everywhere(limits)
    count = {verdict: sum(look.verdict is verdict for look in looks) for verdict in Verdict}
    if count[Verdict.FINDING]:
        print(f"{count[Verdict.FINDING]} of {len(looks) - count[Verdict.SKIPPED]} looks are beyond their limit")
    elif count[Verdict.OK]:
        print(f"healthy: {count[Verdict.OK]} looks within their limits")
    else:
        print("nothing could be looked at")
    for verdict in Verdict:
        for look in looks:
            if look.verdict is verdict:
                print(f"{verdict.value:8} {look.text}")
    return FINDINGS if count[Verdict.FINDING] else 0 if count[Verdict.OK] else BROKEN


def arguments() -> argparse.ArgumentParser:
    """Describe the command line: the limits, all of them with a default."""
    parser = argparse.ArgumentParser(description="Is this machine healthy?", epilog="Exit: 0 yes, 10 no.")
    limit = parser.add_argument
    limit("--disk-percent", type=float, default=90, metavar="N", help="a disk is full from here (90)")
    limit("--disk-enough-gb", type=float, default=50, metavar="GB", help="unless this much is free (50)")
    limit("--memory-percent", type=float, default=90, metavar="N", help="memory in use (90)")
    limit("--swap-percent", type=float, default=80, metavar="N", help="swap in use (80)")
    limit("--load", type=float, default=2, metavar="N", help="5-minute load for each CPU (2)")
    limit("--celsius", type=float, default=90, metavar="N", help="hottest sensor of a chip (90)")
    limit(
        "--ignore-service",
        action="append",
        default=[],
        metavar="PATTERN",
        help="a service that may be down; repeatable",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
