"""When a task has gone too long without a start."""

import pytest

from adaptive_scheduler.codes import Code
from adaptive_scheduler.lateness import HELD_ON_PURPOSE, is_overdue
from adaptive_scheduler.model import Window
from adaptive_scheduler.settings import Rhythm, Rules
from tests.builders import NOW, RULES, ago, ended, live, mine, task


@pytest.mark.parametrize(
    ("minutes_ago", "late"), [(24, False), (25, False), (26, True)], ids=["1.4 B and 2 ticks", "the limit", "beyond"]
)
def test_a_task_is_overdue_after_one_and_a_half_intervals_and_two_ticks(minutes_ago: float, late: bool) -> None:
    assert is_overdue(task(), mine(10, last=ended(minutes_ago)), Code.CPU_CEILING, NOW, RULES) is late


@pytest.mark.parametrize("code", HELD_ON_PURPOSE)
def test_what_is_held_on_purpose_is_never_overdue(code: Code) -> None:
    assert not is_overdue(task(), mine(1000, last=ended(1000)), code, NOW, RULES)


def test_a_live_run_counts_as_the_last_start() -> None:
    assert not is_overdue(task(), mine(1000, last=ended(1000), live=live(5)), Code.NO_SLOT, NOW, RULES)


def test_what_never_ran_is_late_since_it_was_first_seen() -> None:
    assert is_overdue(task(), mine(first_seen=ago(60)), Code.MEMORY_GATE, NOW, RULES)
    assert not is_overdue(task(), mine(first_seen=NOW), Code.MEMORY_GATE, NOW, RULES)


def test_a_task_with_a_window_may_rest_a_day_longer() -> None:
    nightly = task(windows=(Window(0, 60),))
    assert not is_overdue(nightly, mine(last=ended(60 * 24)), Code.NOT_DUE, NOW, RULES)
    assert is_overdue(nightly, mine(last=ended(60 * 25)), Code.NOT_DUE, NOW, RULES)


def test_a_longer_stretching_makes_a_longer_limit() -> None:
    slow = Rules(rhythm=Rhythm(slower=4.0))
    assert not is_overdue(task(), mine(10, last=ended(45)), Code.CPU_CEILING, NOW, slow)
    assert is_overdue(task(), mine(10, last=ended(51)), Code.CPU_CEILING, NOW, slow)
