"""Traces: what is read, what is refused, and that a tick knows only the past."""

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adaptive_scheduler import trace
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.trace import Row
from tests.builders import NOW, minutes

TICK = minutes(5)
HEAD = "timestamp,cpu_percent,memory_percent\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text)
    return path


def test_plain_and_packed_traces_read_the_same(tmp_path: Path) -> None:
    text = HEAD + "2024-01-01T00:00:00Z,13.5,\n2024-01-01T00:05:00Z,,40\n"
    packed = tmp_path / "trace.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    rows = trace.read(written(tmp_path, text))
    assert rows == trace.read(packed)
    assert [(row.cpu, row.memory) for row in rows] == [(13.5, None), (None, 40.0)]


def test_a_trace_without_memory_and_with_naive_times_is_local(tmp_path: Path) -> None:
    (row,) = trace.read(written(tmp_path, "timestamp,cpu_percent\n2024-01-01T00:00:00,13.5\n"))
    assert row.at == datetime.fromisoformat("2024-01-01T00:00:00").astimezone()
    assert row.memory is None


def test_short_and_empty_lines_say_what_they_have(tmp_path: Path) -> None:
    rows = trace.read(written(tmp_path, HEAD + "2024-01-01T00:00:00Z,13.5\n\n2024-01-01T00:05:00Z\n"))
    assert [(row.cpu, row.memory) for row in rows] == [(13.5, None), (None, None)]
    with pytest.raises(UsageError, match="line 2: 'None' is no ISO 8601 time"):
        trace.read(written(tmp_path, "cpu_percent,timestamp\n1\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'timestamp'"),
        ("timestamp,cpu\n", "no column 'cpu_percent'"),
        (HEAD, "no CPU value at all"),
        (HEAD + "2024-01-01T00:00:00Z,,\n", "no CPU value at all"),
        (HEAD + "yesterday,1,\n", "line 2: 'yesterday' is no ISO 8601 time"),
        (HEAD + "2024-01-01T00:00:00Z,much,\n", "line 2: 'much' is no number"),
        (HEAD + "2024-01-01T00:00:00Z,101,\n", "line 2: '101' is not between 0 and 100"),
        (HEAD + "2024-01-01T00:00:00Z,nan,\n", "line 2: 'nan' is no number that can be measured"),
        (HEAD + "0001-01-01T00:00:00,1,\n", "line 2: '0001-01-01T00:00:00' is not of the years 1971 to 2999"),
        (HEAD + "9999-12-31T23:59:59-14:00,1,\n", "is not of the years"),
        (HEAD + "2024-01-01T00:05:00Z,1,\n2024-01-01T00:00:00Z,1,\n", "line 3: '2024-01-01T00:00:00Z' is earlier"),
    ],
)
def test_a_bad_trace_is_refused_by_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match="trace.csv") as caught:
        trace.read(written(tmp_path, text))
    assert words in str(caught.value)


def test_a_missing_a_damaged_and_a_binary_trace_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.csv.gz"
    damaged.write_bytes(gzip.compress(HEAD.encode() * 99)[:40])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.csv", damaged, binary):
        with pytest.raises(UsageError, match="cannot read the trace"):
            trace.read(path)


def test_rows_that_are_centuries_apart_have_a_wrong_date_and_cost_no_memory() -> None:
    with pytest.raises(UsageError, match="from 1999-11-02 to 2999-11-02, which is .* is one of its dates wrong"):
        trace.slots([Row(NOW.replace(year=1999), 1, 1), Row(NOW.replace(year=2999), 1, 1)], TICK)


def test_a_trace_that_unpacks_to_more_than_any_real_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "LARGEST", 2 * trace.PIECE)
    packed = tmp_path / "bomb.csv.gz"
    packed.write_bytes(gzip.compress(b"0" * (5 * trace.PIECE)))
    with pytest.raises(UsageError, match="is larger than 2 MB"):
        trace.read(packed)


def test_a_tick_knows_only_the_rows_before_it_and_holds_the_last_known() -> None:
    rows = [Row(NOW, 10, 50), Row(NOW + TICK, 20, None), Row(NOW + 3 * TICK, 40, 60), Row(NOW + 4 * TICK, 9, 9)]
    start, known = trace.slots(rows, TICK)
    found = [((one.at - NOW) // TICK, one.cpu, one.memory) for one in trace.samples(start, known, TICK)]
    assert found == [(1, 10, 50), (2, 20, 50), (3, 20, 50), (4, 40, 60)]


def test_rows_closer_than_a_tick_are_averaged() -> None:
    rows = [Row(NOW + timedelta(minutes=n), n, None if n % 2 else 2.0 * n) for n in range(10)]
    _, known = trace.slots(rows, TICK)
    assert [(row.cpu, row.memory) for row in known if row is not None] == [(2.0, 4.0), (7.0, 14.0)]


def test_nothing_ticks_before_some_cpu_is_known() -> None:
    start, known = trace.slots([Row(NOW, None, 50), Row(NOW + TICK, 7, None), Row(NOW + 2 * TICK, 8, 1)], TICK)
    assert [(one.cpu, one.memory) for one in trace.samples(start, known, TICK)] == [(7, 50)]
