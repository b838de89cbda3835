"""The ticks of a day, as a calendar says them and as cron and systemd read them."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.backends import BACKENDS, cron, grid
from adaptive_scheduler.backends.base import Write
from adaptive_scheduler.errors import UsageError
from tests.backends.golden import example

DAY = timedelta(days=1)
TICKS = st.integers(1, 60)


@st.composite
def ticks_and_offsets(draw: st.DrawFn) -> tuple[int, int]:
    minutes = draw(TICKS)
    return minutes, draw(st.integers(0, minutes - 1))


def field(text: str, last: int) -> list[int]:
    """Read one field of a crontab line, as crontab(5) describes it."""
    if text == "*":
        return list(range(last + 1))
    if "/" in text:
        span, step = text.split("/")
        first, end = map(int, span.split("-"))
        return list(range(first, end + 1, int(step)))
    return [int(one) for one in text.split(",")]


def calls(lines: list[str]) -> list[int]:
    """The minutes of a day at which cron starts these lines."""
    found = []
    for line in lines:
        minutes, hours, *rest = line.split(maxsplit=5)
        assert rest[:3] == ["*", "*", "*"]
        found += [60 * hour + minute for hour in field(hours, 23) for minute in field(minutes, 59)]
    return sorted(found)


@given(ticks_and_offsets())
def test_cron_calls_every_tick_from_the_offset_on_and_nothing_between(chosen: tuple[int, int]) -> None:
    minutes, first = chosen
    wish = example(every=timedelta(minutes=minutes), offset=timedelta(minutes=first))
    found = calls(cron._lines(wish)[0])
    assert found == list(range(found[0], 1440, minutes))
    rest = 1440 % minutes
    assert found[0] == first if not rest or first < rest else found[0] < rest
    assert found[0] > 0 or first == 0 or rest == 1


@given(ticks_and_offsets())
def test_the_only_shorter_step_is_over_midnight_and_is_remarked_upon(chosen: tuple[int, int]) -> None:
    minutes, first = chosen
    times = [
        60 * hour + minute
        for within, hours in grid.lines(minutes, first)
        for hour in hours or range(24)
        for minute in within
    ]
    steps = [later - earlier for earlier, later in pairwise([*sorted(times), 1440 + min(times)])]
    assert set(steps[:-1]) <= {minutes}
    assert steps[-1] == (1440 % minutes or minutes)
    assert (grid.remark(minutes) is None) == (1440 % minutes == 0)


@pytest.mark.parametrize(
    ("minutes", "first", "expected"),
    [
        (5, 2, ["2-59/5 *"]),
        (1, 0, ["* *"]),
        (60, 17, ["17 *"]),
        (30, 4, ["4-59/30 *"]),
        (7, 3, None),
        (45, 1, ["1-59/45 0,3,6,9,12,15,18,21", "31 1,4,7,10,13,16,19,22", "16 2,5,8,11,14,17,20,23"]),
    ],
)
def test_a_tick_takes_as_few_lines_as_it_can(minutes: int, first: int, expected: list[str] | None) -> None:
    wish = example(every=timedelta(minutes=minutes), offset=timedelta(minutes=first))
    lines = [" ".join(line.split()[:2]) for line in cron._lines(wish)[0]]
    if expected is None:
        assert len(lines) == minutes, "seven kinds of hours, not 206 times"
    else:
        assert lines == expected


@pytest.mark.parametrize("seconds", [61, 90, 3599])
@pytest.mark.parametrize("backend", ["cron", "systemd"])
def test_a_tick_of_no_whole_minutes_is_refused_with_the_nearest_ones(backend: str, seconds: int) -> None:
    with pytest.raises(UsageError, match=rf'such as "{seconds // 60}m" or "{seconds // 60 + 1}m"'):
        BACKENDS[backend].install(example(every=timedelta(seconds=seconds)), {})


@given(st.text(), st.text(), st.integers(60, 3600))
def test_a_host_keeps_its_offset_which_spares_the_first_minute(host: str, name: str, seconds: int) -> None:
    every = timedelta(seconds=seconds)
    offset = grid.offset(host, name, every)
    assert offset == grid.offset(host, name, every)
    assert timedelta(0) <= offset < every
    assert seconds == 60 or offset >= timedelta(minutes=1)


def test_many_hosts_spread_over_the_tick() -> None:
    minutes = [
        grid.offset(f"host{n}", "AdaptiveScheduler", timedelta(minutes=5)) // timedelta(minutes=1) for n in range(400)
    ]
    assert all(minutes.count(one) > 60 for one in (1, 2, 3, 4))


def test_two_projects_of_a_host_do_not_call_at_once() -> None:
    assert grid.offset("host", "one", DAY) != grid.offset("host", "two", DAY)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    ("minutes", "first"), [(1, 0), (5, 2), (7, 3), (17, 12), (20, 19), (45, 1), (59, 58), (60, 17)]
)
def test_systemd_itself_reads_the_calendar_as_this_grid(minutes: int, first: int) -> None:
    wish = example(every=timedelta(minutes=minutes), offset=timedelta(minutes=first, seconds=17))
    timer = next(
        one
        for one in BACKENDS["systemd"].install(wish, {}).actions
        if isinstance(one, Write) and one.path.endswith(".timer")
    )
    midnight = datetime(2025, 11, 3, tzinfo=UTC)
    first = calls(cron._lines(wish)[0])[0]
    expected = [midnight + timedelta(minutes=one, seconds=17) for one in range(first, 1440, minutes)]
    found = []
    for line in timer.content.decode().splitlines():
        key, _, expression = line.partition("=")
        if key == "OnCalendar":
            told = subprocess.run(
                ["systemd-analyze", "calendar", "--base-time=2025-11-02 23:59:59 UTC", "--iterations=1441", expression],
                env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            times = [
                part.split(": ", 1)[1]
                for part in told.splitlines()
                if ": " in part and part.strip().startswith(("Next", "Iter"))
            ]
            found += [datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for text in times]
    assert sorted(one for one in found if one < midnight + DAY) == expected
    assert Path(timer.path).name == "AdaptiveScheduler.timer"
