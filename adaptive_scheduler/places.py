"""Where tasks.toml and its state folder may be, found without understanding the file; cheap, since every cycle does."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

FILE_NAME = "tasks.toml"
VARIABLE = "ADAPTIVE_SCHEDULER_CONFIG"
DEFAULT_STATE_DIR = "outputs"

_STATE_DIR = re.compile(r"""state_dir["']?[ \t]*=[ \t]*(?:"([^"\\\n]+)"|'([^'\n]+)')""")


def absolute(config_path: Path, written: str) -> str:
    """Return the absolute path that the file at an absolute path means by a relative one, or by one with ~."""
    return os.path.abspath(config_path.parent / os.path.expanduser(written))  # noqa: PTH100, PTH111  # never raises, and follows no link


def state_folders(path: Path, content: bytes) -> Iterator[Path]:
    """Yield each folder that the text of a tasks.toml seems to name as its state_dir, then the default one."""
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    named = [double or single for double, single in _STATE_DIR.findall(text)]
    where = path.absolute()
    for written in dict.fromkeys([*named, DEFAULT_STATE_DIR]):
        yield Path(absolute(where, written))
