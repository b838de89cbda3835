"""The next six hours: when tasks will probably start, and how that is shown."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from adaptive_scheduler import rolling
from adaptive_scheduler.codes import Code
from adaptive_scheduler.horizon import Horizon, Present
from adaptive_scheduler.model import Decision, Task, Window
from adaptive_scheduler.prospects import _starts
from adaptive_scheduler.render.upcoming import MOST_ROWS, strips
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.upcoming import _Steady, upcoming
from tests.builders import NOW, live, mine, minutes, sample, state, task, tasks


def starts(*after: float) -> list[datetime]:
    return [NOW + minutes(count) for count in after]


def present(*wanted: Task, cpu: float | None = 50.0, own: float = 0.0) -> Present:
    known = state(**{one.name: mine(0, last=None) for one in wanted})
    decisions = {one.name: Decision(one.name, Code.NOT_DUE, "", None) for one in wanted}
    config = Config(path="t", state_dir="s", rules=Rules(), tasks=tasks(*wanted))
    return Present(NOW, config, known, sample(cpu), decisions, own, lambda moment: moment)


@pytest.mark.parametrize(
    ("cpu", "own", "gap"),
    [
        (50.0, 0.0, 10.0),
        (10.0, 0.0, 8.0),
        (90.0, 0.0, 15.0),
        (None, 0.0, 10.0),
        (90.0, 80.0, 15.0),
        (75.0, 100.0, 15.0),
    ],
)
def test_with_nothing_known_the_load_stays_as_it_is(cpu: float | None, own: float, gap: float) -> None:
    found = upcoming(present(task("a", 10), cpu=cpu, own=own), None, timedelta(hours=6))["a"]
    assert len(found) == pytest.approx(360 / gap, abs=1)


@given(
    every=st.integers(3, 400),
    age=st.integers(0, 500),
    cpu=st.floats(0, 100),
    more=st.fixed_dictionaries(
        {},
        optional={
            "windows": st.just((Window(60, 150),)),
            "adaptive": st.booleans(),
            "enabled": st.booleans(),
            "expected_duration": st.sampled_from([minutes(1), minutes(17), minutes(90)]),
        },
    ),
    before=st.sampled_from([{}, {"paused": True}, {"retry_at": NOW + minutes(21)}, {"live": live(3)}]),
)
@settings(deadline=None)
def test_a_task_alone_starts_when_the_whole_story_says_so(
    every: int, age: int, cpu: float, more: dict[str, Any], before: dict[str, Any]
) -> None:
    now = present(task("a", every, **more), cpu=cpu)
    now = replace(now, state=replace(now.state, tasks={"a": mine(age, last=None, **before)}))
    told = upcoming(now, None, timedelta(hours=6))["a"]
    story = _starts(Horizon(now, _Steady(now), 0), now, NOW + timedelta(hours=6))["a"]
    assert told == story


def test_with_a_load_known_what_is_expected_counts() -> None:
    calm = rolling.Rolling(rolling.grid_for(minutes(5)))
    for tick in range(12 * 24 * 3):
        calm = rolling.added(calm, NOW - timedelta(days=3) + minutes(5 * tick), minutes(5), 5.0)
    found = upcoming(present(task("a", 10), cpu=90.0), calm, timedelta(hours=6))["a"]
    assert len(found) > 40


def test_a_strip_has_a_sign_for_each_ten_minutes_under_the_hours() -> None:
    rows = [row.plain for row in strips({"a": starts(0, 9, 30, 359), "backup": starts(95)}, "luck", NOW, "ascii")]
    assert rows == [
        "Next 6 h, by luck, each task alone",
        "           23:00 00:00 01:00 02:00 03:00 04:00",
        "a       #..#...............................#   4, first 22:30",
        "backup  .........#..........................   1, first 00:05",
    ]
    assert rows[1].index("23:00") == rows[2].index("#") + 3


def test_names_of_wide_letters_are_aligned_and_long_ones_cut() -> None:
    ahead = {"상태_점검": starts(5), "n" * 64: starts(7), "일" * 30: starts(8)}
    rows = [row.plain for row in strips(ahead, "luck", NOW, "utf-8")][2:]
    assert len({cell_len(row) for row in rows}) == 1
    assert all("\u25aa" in row for row in rows)


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "no-such-encoding"])
def test_signs_are_such_as_the_console_has(encoding: str) -> None:
    row = strips({"a": starts(5)}, "luck", NOW, encoding)[2].plain
    try:
        row.encode(encoding)
    except LookupError:
        assert row.isascii()


def test_tasks_that_do_not_start_are_left_out_and_nothing_is_said_of_nothing() -> None:
    assert strips({}, "luck", NOW, "ascii") == []
    [row] = strips({"a": []}, "luck", NOW, "ascii")
    assert row.plain == "Next 6 h, by luck, each task alone: nothing is expected to start"
    many = {f"task{number:03}": starts(number) for number in range(MOST_ROWS + 5)} | {"never": []}
    rows = [row.plain for row in strips(many, "luck", NOW, "ascii")]
    assert len(rows) == MOST_ROWS + 3
    assert rows[2].startswith("task000")
    assert rows[-1] == "and 5 more"


def test_what_a_name_holds_is_shown_and_never_obeyed() -> None:
    row = strips({"a\x1b[31mb": starts(5)}, "luck", NOW, "ascii")[2].plain
    assert "\x1b" not in row
