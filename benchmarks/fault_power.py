"""The worst that a power cut may leave of a project, for every moment of what was done to it.

All that the cycle, its supervisors and scripts do is recorded in its order. A file's content is safe when the file was
fsynced, a name when its folder was. At each moment the names that are not safe are there or not (those of the state's
folder and those of the runs apart), and content that is not safe is the older one, is there, or is NUL.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import NamedTuple

from fault_project import Place
from fault_sites import lines_of, role

TRACED = (
    "openat,write,pwrite64,ftruncate,fsync,fdatasync,?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat,"
    "?mkdir,?mkdirat,?rmdir"
)
OPTIONS = ["-f", "-xx", "-s", "4000000", "-e", f"trace={TRACED}"]

_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (\d+)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPEN = re.compile(r"^\d+<([^>]*)>")


@dataclass
class Inode:
    """A file's content, and the part of it that is safe."""

    content: bytes
    safe: bytes = b""


@dataclass
class Folder:
    """Names as they are, and as they are safe; a folder in it is its path."""

    names: dict[str, "Inode | str"] = field(default_factory=dict)
    safe: dict[str, "Inode | str"] = field(default_factory=dict)


class Cut(NamedTuple):
    """What a power cut leaves: which call was the last, how bad it is, the files, and how many starts there were."""

    after: str
    names: str
    content: str
    files: dict[str, bytes | None]
    marks: bytes


class Disk:
    """The folders of a project as a disk sees them."""

    def __init__(self, root: Path, marks: Path) -> None:
        """Read what is there: all of it is safe."""
        self.root, self.marks_path = str(root), str(marks)
        self.marks = marks.read_bytes()
        self.folders = {self.root: Folder()}
        for path in sorted(root.rglob("*")):
            new: Inode | str = str(path)
            if path.is_dir():
                self.folders[str(path)] = Folder()
            else:
                new = Inode(path.read_bytes(), path.read_bytes())
            parent = self.folders[str(path.parent)]
            parent.names[path.name] = parent.safe[path.name] = new
        self.places: dict[tuple[str, str], int] = {}

    def apply(self, call: str, texts: list[bytes], opened: str, line: str) -> bool:
        """Do what a call did; says whether it was about the project."""
        paths = [text.decode(errors="replace") for text in texts]
        path = opened or (paths[0] if paths else "")
        if path == self.marks_path and call == "write":
            self.marks += texts[0]
            return True
        if not path.startswith(self.root):
            return False
        folder, name = self.folders.get(str(Path(path).parent), Folder()), Path(path).name
        if call == "openat":
            return self._open(folder, name, line)
        if call in ("write", "pwrite64"):
            self._write(folder.names[name], texts[0], line, call)
        elif call == "ftruncate":
            inode = folder.names[name]
            assert isinstance(inode, Inode)
            size = int(line.rpartition(", ")[2].partition(")")[0])
            inode.content = inode.content[:size].ljust(size, b"\0")
        elif call in ("fsync", "fdatasync"):
            self._sync(path, folder.names.get(name))
        elif call.startswith("rename"):
            self.folders[str(Path(paths[-1]).parent)].names[Path(paths[-1]).name] = folder.names.pop(name)
        elif call.startswith("link"):
            self.folders[str(Path(paths[-1]).parent)].names[Path(paths[-1]).name] = folder.names[name]
        elif call.startswith("mkdir"):
            folder.names[name] = path
            self.folders[path] = Folder()
        else:
            del folder.names[name]
        return True

    def _open(self, folder: Folder, name: str, line: str) -> bool:
        known = folder.names.get(name)
        if known is None and "O_CREAT" in line:
            folder.names[name] = Inode(b"")
            return True
        if isinstance(known, Inode) and "O_TRUNC" in line:
            known.content = b""
        return False

    def _write(self, inode: "Inode | str", data: bytes, line: str, call: str) -> None:
        assert isinstance(inode, Inode)
        # Whatever writes with `write` here appends, or writes a new file from its beginning.
        at = int(line.rpartition(", ")[2].partition(")")[0]) if call == "pwrite64" else len(inode.content)
        inode.content = inode.content[:at].ljust(at, b"\0") + data + inode.content[at + len(data) :]

    def _sync(self, path: str, inode: "Inode | str | None") -> None:
        if path in self.folders:
            self.folders[path].safe = dict(self.folders[path].names)
        elif isinstance(inode, Inode):
            inode.safe = inode.content

    def left(self, state_done: bool, runs_done: bool, content: str) -> dict[str, bytes | None]:
        """Return the files, None for a folder, that are found after a power cut."""
        found: dict[str, bytes | None] = {}

        def enter(path: str) -> None:
            is_run = "/runs/" in f"{path}/"
            names = self.folders[path].names if (runs_done if is_run else state_done) else self.folders[path].safe
            for name, one in names.items():
                where = f"{path}/{name}"
                if isinstance(one, str):
                    found[where.removeprefix(f"{self.root}/")] = None
                    enter(one)
                else:
                    found[where.removeprefix(f"{self.root}/")] = _content(one, content)

        enter(self.root)
        return found


def _content(one: Inode, content: str) -> bytes:
    if content == "there":
        return one.content
    if content == "older":
        return one.safe
    return one.safe[: len(one.content)].ljust(len(one.content), b"\0")


def cuts(disk: Disk, log: str) -> Iterator[Cut]:
    """Yield what a power cut leaves at every moment of a trace; the disk is as it was before."""
    seen: set[int] = set()
    for line in lines_of(log):
        told = _LINE.match(line)
        if told is None:
            continue
        texts = [_bytes(text) for text in _TEXT.findall(told[2])]
        opened = _OPEN.match(told[2])
        where = _bytes(opened[1]).decode(errors="replace") if opened else ""
        if not disk.apply(told[1], texts, where, line):
            continue
        about = where or (texts[-1].decode(errors="replace") if texts else "")
        for state_done, runs_done, content in product((False, True), (False, True), ("older", "there", "NUL")):
            files = disk.left(state_done, runs_done, content)
            key = hash((tuple(sorted(files.items(), key=lambda one: one[0])), disk.marks))
            if key not in seen:
                seen.add(key)
                yield Cut(
                    f"{told[1]} {role(about, Path(disk.root))}",
                    _names(state_done, runs_done),
                    content,
                    files,
                    disk.marks,
                )


def chosen(disk: Disk, log: str, most: int) -> list[Cut]:
    """Return one cut for each kind of moment and of damage, at most so many, from the beginning to the end."""
    first: dict[tuple[str, str, str], Cut] = {}
    for cut in cuts(disk, log):
        first.setdefault((cut.after, cut.names, cut.content), cut)
    kinds = list(first.values())
    return kinds[:: -(-len(kinds) // most)] if kinds else []


def lay_out(place: Place, cut: Cut) -> None:
    """Make the project what the power cut left of it."""
    shutil.rmtree(place.outputs, ignore_errors=True)
    for name, content in cut.files.items():
        path = place.folder / name
        if content is None:
            path.mkdir(mode=0o700)
        else:
            path.write_bytes(content)
    place.marks.write_bytes(cut.marks)


def _names(state_done: bool, runs_done: bool) -> str:
    if state_done == runs_done:
        return "there" if state_done else "not there"
    return "those of the runs not there" if state_done else "those of the runs there alone"


def _bytes(text: str) -> bytes:
    return re.sub(rb"\\x([0-9a-f]{2})", lambda code: bytes([int(code[1], 16)]), text.encode())
