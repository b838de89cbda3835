"""How much memory is in use: /proc/meminfo as it is, as it should not be, and as psutil has it."""

from pathlib import Path

import psutil
import pytest

from adaptive_scheduler import memory
from tests.platforms import linux_only

KIB = 1024


def meminfo(root: Path, text: str) -> Path:
    (root / "proc").mkdir()
    (root / "proc/meminfo").write_text(text)
    return root


def test_what_the_kernel_says_is_used(tmp_path: Path) -> None:
    root = meminfo(tmp_path, "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n")
    assert memory.used(root) == (60.0, 400 * KIB, 1000 * KIB)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("MemTotal:       1000 kB\n", id="a kernel that does not know what is available"),
        pytest.param("MemTotal:       1000 kB\nMemAvailable:   1001 kB\n", id="more available than there is"),
        pytest.param("MemTotal:          0 kB\nMemAvailable:      0 kB\n", id="none at all"),
        pytest.param("MemTotal:\nMemAvailable: x kB\n", id="no numbers"),
    ],
)
def test_where_the_kernel_makes_no_sense_psutil_is_asked(tmp_path: Path, text: str) -> None:
    assert memory.used(meminfo(tmp_path, text))[2] == psutil.virtual_memory().total


@linux_only
def test_the_kernel_and_psutil_say_the_same() -> None:
    assert memory.used()[2] == psutil.virtual_memory().total
    assert memory.used()[0] == pytest.approx(psutil.virtual_memory().percent, abs=5.0)
