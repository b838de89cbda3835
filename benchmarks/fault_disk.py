"""A state folder on a file system of 256 KiB: filled to the last byte, filled up to some room, and read-only.

It is mounted in a namespace of its own, which takes root, and goes with the process.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fault_project import Answer, Place
from fault_verdict import Verdict, judge

SIZE = 256 * 1024
BLOCK = 4096
ROOMS = (0, 1, 2, 4, 7, 9, 12, 16, 20, 28)
"""How many blocks are left: a cycle with two starts finds its end somewhere among these."""
CLONE_NEWNS = 0x20000


class Step(NamedTuple):
    """What was done to the disk, what the cycle said, and what became of the project when the disk was whole again."""

    what: str
    said: Answer
    verdict: Verdict


def can_mount() -> bool:
    """Whether this process may have mounts of its own; from then on it has."""
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
        return False
    return _mount("--make-rprivate", "/")


def steps(place: Place) -> Iterator[Step]:
    """Go through it; the process must be one that `can_mount`."""
    for room in ROOMS:
        with_disk(place)
        fill(place.outputs / "filler", room)
        first = place.cycle(0)
        (place.outputs / "filler").unlink()
        yield Step(f"{room * BLOCK // 1024} KiB left", first, finish(place, first))
    with_disk(place)
    fill(place.outputs / "filler", 0)
    twice = [place.cycle(0), place.cycle(0)]
    (place.outputs / "filler").unlink()
    yield Step("full for two cycles", twice[-1], finish(place, twice[-1]))
    with_disk(place)
    _mount("-o", "remount,ro", str(place.outputs))
    first = place.cycle(0)
    _mount("-o", "remount,rw", str(place.outputs))
    yield Step("read-only", first, finish(place, first))


def with_disk(place: Place) -> None:
    """Put the project back, its state folder on a small file system."""
    place.put_back("used")
    aside = place.root / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    place.outputs.rename(aside)
    place.outputs.mkdir(mode=0o700)
    _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", str(place.outputs))
    shutil.copytree(aside, place.outputs, dirs_exist_ok=True)


def finish(place: Place, first: Answer) -> Verdict:
    """Judge what became of it, and take the file system away."""
    verdict = judge(place, first)
    subprocess.run(["umount", "--lazy", str(place.outputs)], check=True)
    return verdict


def fill(path: Path, room: int) -> None:
    """Fill the file system but for some blocks."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(BLOCK))
        except OSError:
            file.truncate(max(0, (file.tell() // BLOCK - room) * BLOCK))


def _mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0
