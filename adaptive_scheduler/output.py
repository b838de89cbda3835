"""What scripts print: straight into a file, with its head and its tail kept and the middle cut and marked.

No pipe stands between a script and its file, so nobody waits for a grandchild that holds the pipe open.
While the script writes, the middle is given back to the disk: a hole is punched where the file system can
do that, which races with no writer; elsewhere the tail is moved forward, and what arrives in that moment
is lost. Standard library only.
"""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from adaptive_scheduler import files

MARK_BYTES = 96
"""The mark has a fixed length, so that its numbers can be brought up to date in place."""

TRIM_STEP_BYTES = 1_000_000
"""The middle is given back in pieces of at least this size; the exact cut is made at the end."""

COPY_BYTES = 1 << 18
BLOCK_BYTES = 4096

KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, linux/falloc.h."""


class Output:
    """The output file of a run: opened once for the scripts, watched and cut by their supervisor."""

    def __init__(self, path: Path, cap_bytes: int, *, punch: bool = sys.platform == "linux") -> None:
        """Make or open the file, mode 0600; raises OSError."""
        self.script_fd = open_for_append(path)
        self.file = os.fdopen(files.open_to_write(path, os.O_RDWR), "r+b", buffering=0)
        self.head = self.tail = max(cap_bytes, 2) // 2
        self.punch = punch
        self.punched_to = self.head
        self.headers = 0
        self.cut = 0
        self.grown_to = self._size()

    def header(self, text: str) -> None:
        """Write a line of ours between those of the scripts; a full disk is no reason to stop."""
        line = f"{text}\n".encode(errors="replace")
        with suppress(OSError):
            self.headers += os.write(self.script_fd, line)

    def trim(self) -> int:
        """Give the middle back when there is enough of it; returns how many bytes came since the last call."""
        size = self._size()
        grown, self.grown_to = max(0, size - self.grown_to), size
        # Whole blocks only: a part of one would not be freed, it would be overwritten with zeros.
        start, end = -(-self.punched_to // BLOCK_BYTES), (size - self.tail) // BLOCK_BYTES
        if (end - start) * BLOCK_BYTES < TRIM_STEP_BYTES:
            return grown
        if self.punch:
            self.punch = _punch(self.file.fileno(), start * BLOCK_BYTES, (end - start) * BLOCK_BYTES)
            if self.punch:
                self.punched_to = end * BLOCK_BYTES
                return grown
        self._drop(size)
        return grown

    def finish(self) -> int | None:
        """Cut what is above the cap, close the file and return how many bytes the scripts wrote in all.

        None when a broken disk cannot say it: that changes nothing about how they ended.
        """
        written = None
        with suppress(OSError):
            size = self._size()
            written = size - self._mark + self.cut - self.headers
            if size - self.head - self.tail > MARK_BYTES:
                self._drop(size)
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.close(self.script_fd)
        return written

    @property
    def _mark(self) -> int:
        return MARK_BYTES if self.cut else 0

    def _size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def _drop(self, size: int) -> None:
        """Move the tail behind the head and the mark, and shorten the file."""
        source, target = size - self.tail, self.head + MARK_BYTES
        cut = self.cut + source - (target if self.cut else self.head)
        with suppress(OSError):
            while source < size:
                self.file.seek(source)
                piece = self.file.read(min(COPY_BYTES, size - source))
                if not piece:
                    break
                self.file.seek(target)
                self.file.write(piece)
                source, target = source + len(piece), target + len(piece)
            self.file.truncate(target)
            self.cut, self.grown_to = cut, target
            self.file.seek(self.head)
            self.file.write(mark(cut, self.head, self.tail))


def decode(data: bytes) -> str:
    """Return the text that a script printed, whatever its encoding; never raises.

    A UTF-16 mark decides; else it is UTF-8. Lines that are not are in the console's code page, and what
    is no text at all is replaced.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Line by line: one step may print another encoding, and the cut may split a character.
        return "".join(_decode_line(line) for line in data.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True))


def read_from(path: Path, offset: int = 0, limit: int = 4_000_000) -> tuple[bytes, int]:
    """Return what stands in an output file from an offset on, and the offset behind it.

    At most `limit` bytes; the hole that a live run's cut leaves is passed over. Raises OSError.
    """
    with open(os.open(path, os.O_RDONLY | files.AS_IT_IS), "rb") as file:  # noqa: PTH123  # an opened file, not a path
        if sys.platform == "linux":
            try:
                offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)
            except OSError:
                return b"", offset  # nothing behind it
            hole = os.lseek(file.fileno(), offset, os.SEEK_HOLE)
            limit = min(limit, hole - offset)
        file.seek(offset)
        content = file.read(limit)
    return content, offset + len(content)


def mark(cut: int, head: int, tail: int) -> bytes:
    """Return what stands where a middle was cut: always MARK_BYTES long."""
    text = f"[... {_words(cut)} cut: output.log keeps the first {_words(head)} and the last {_words(tail)} ...]"
    return f"\n{text}".ljust(MARK_BYTES - 1).encode() + b"\n"


def _decode_line(line: bytes) -> str:
    import locale

    for encoding in ("utf-8", "oem" if sys.platform == "win32" else locale.getencoding()):
        with suppress(UnicodeError, LookupError):
            return line.decode(encoding)
    return line.decode("utf-8", errors="replace")


def _words(count: int) -> str:
    """Return bytes for people: '998.7 MB', '500 kB'."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def _punch(fd: int, start: int, length: int) -> bool:
    """Give the blocks of a range back to the disk, the file's length unchanged; False when that fails."""
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if fallocate is None:
        return False
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(fd, KEEP_SIZE_AND_PUNCH_HOLE, start, length) == 0)


if sys.platform == "win32":

    def open_for_append(path: Path) -> int:
        """Open with the right to append and no other: then every write goes to the end, whoever truncates."""
        import msvcrt
        from ctypes import wintypes

        append_data, read_attributes, synchronize = 0x0004, 0x0080, 0x0010_0000
        share_all, open_always, normal = 0x7, 4, 0x80
        create = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
        create.restype = wintypes.HANDLE
        create.argtypes = (
            wintypes.LPCWSTR,
            wintypes.DWORD,
            wintypes.DWORD,
            wintypes.LPVOID,
            wintypes.DWORD,
            wintypes.DWORD,
            wintypes.HANDLE,
        )
        access = append_data | read_attributes | synchronize
        handle = create(str(path), access, share_all, None, open_always, normal, None)
        if handle is None or handle == wintypes.HANDLE(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_APPEND)

else:

    def open_for_append(path: Path) -> int:
        """Open so that every write goes to the end, whoever truncates."""
        return files.open_to_write(path, os.O_WRONLY | os.O_APPEND)
