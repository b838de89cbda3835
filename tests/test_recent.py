"""The last 24 samples: what is kept, and what a damaged or hand-edited file becomes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adaptive_scheduler import recent
from adaptive_scheduler.machine import Sample
from tests.builders import NOW, minutes, sample


def content(folder: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((folder / recent.NAME).read_text(encoding="utf-8"))
    return entries


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    wanted = [replace(sample(18, 45.9, NOW), foreign_cpu=3.5), sample(None, None, NOW + minutes(5))]
    for one in wanted:
        recent.write(tmp_path, [one])
    assert recent.read(tmp_path) == wanted


def test_the_oldest_beyond_24_are_dropped(tmp_path: Path) -> None:
    for number in range(30):
        recent.write(tmp_path, [sample(number, 40, NOW + number * minutes(5))])
    assert [one.cpu for one in recent.read(tmp_path)] == list(range(6, 30))


def test_an_entry_has_the_documented_keys_and_the_pressures(tmp_path: Path) -> None:
    recent.write(tmp_path, [replace(sample(18, 45.9), pressure={"cpu": 1.5})])
    assert content(tmp_path) == [
        {
            "cpu_load": 18,
            "memory_usage": 45.9,
            "timestamp": "2025-11-02T22:30:00+00:00",
            "foreign_cpu": None,
            "source": "counters",
            "pressure_cpu": 1.5,
        }
    ]


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\0" * 40, b"{", b"7", b'{"cpu_load": 1}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "NUL", "cut", "a number", "an object", "no text", "deeply nested"],
)
def test_a_damaged_file_reads_as_nothing_and_is_begun_anew(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / recent.NAME).write_bytes(damaged)
    assert recent.read(tmp_path) == []
    recent.write(tmp_path, [sample()])
    assert recent.read(tmp_path) == [sample()]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        "text",
        {"timestamp": "2025-11-02T22:30:00"},
        {"timestamp": "soon"},
        {"timestamp": 7},
        {"timestamp": "2025-11-02T22:30:00+00:00", "cpu_load": "hot"},
        {"timestamp": "2025-11-02T22:30:00+00:00", "cpu_load": float("nan")},
        {"timestamp": "2025-11-02T22:30:00+00:00", "memory_usage": True},
        {"timestamp": "2025-11-02T22:30:00+00:00", "foreign_cpu": [1]},
        {"timestamp": "2025-11-02T22:30:00+00:00", "cpu_load": -3},
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense_is_left_out(tmp_path: Path, entry: object) -> None:
    good = {"timestamp": "2025-11-02T22:30:00+00:00", "cpu_load": 50, "memory_usage": 40}
    (tmp_path / recent.NAME).write_text(json.dumps([entry, good]), encoding="utf-8")
    assert recent.read(tmp_path) == [Sample(NOW, 50, 40, source="")]


def test_a_missing_file_reads_as_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert recent.read(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
