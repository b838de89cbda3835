"""Learning as time goes by on made-up hosts: the rate is kept, the law holds, and calm is found where there is some."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("numpy", reason="learning needs numpy")

from adaptive_scheduler import trace
from adaptive_scheduler.lessons import LEAST_DAYS
from adaptive_scheduler.model import Window
from adaptive_scheduler.simulate import Policy, Tally
from tests.builders import minutes, task, tasks
from tests.hosts import START, Host, calm_nights, off_at_night, wave
from tests.platforms import posix_only

HOSTS = {
    "calm nights": Host(calm_nights, 35),
    "a wave": Host(wave, 35),
    "calm, then busy": Host(lambda day, hour: 10.0 if day < 28 else 85.0, 49),
    "busy, then calm": Host(lambda day, hour: 85.0 if day < 28 else 10.0, 49),
    "always busy": Host(lambda day, hour: 97.0, 35),
    "always at the top": Host(lambda day, hour: 100.0, 28, noise=0.0),
    "always idle": Host(lambda day, hour: 0.0, 28, noise=0.0),
    "always the same": Host(lambda day, hour: 7.0, 28, noise=0.0),
    "off at night": Host(off_at_night, 42),
    "a hole of two weeks": Host(lambda day, hour: None if 21 <= day < 35 else calm_nights(day, hour), 56),
    "a hole of two days each week": Host(lambda day, hour: None if day % 7 > 5 else calm_nights(day, hour), 35),
    "ticks of 7 minutes": Host(calm_nights, 24, minutes(7), tasks(task("job", 60))),
    "ticks of 10 minutes": Host(calm_nights, 28, minutes(10), tasks(task("job", 60))),
    "ticks of an hour": Host(calm_nights, 42, minutes(60), tasks(task("job", 360))),
}


def excused_of(host: Host, since: float = 14) -> timedelta:
    """For how long at a time the machine may have been off."""
    off = longest = timedelta(0)
    for row in host.rows():
        off = off + host.tick if row is None else timedelta(0)
        longest = max(longest, off)
    return longest


def law_holds(host: Host, learned: Tally, interval: timedelta) -> None:
    gaps = learned.gaps()
    early = min(host.tick / 2, interval * 0.1)
    assert min(gaps) >= 0.8 * interval - early
    assert max(gaps) <= 1.5 * interval + host.tick + excused_of(host)


@pytest.mark.parametrize("name", HOSTS)
def test_the_rate_is_kept_and_no_gap_breaks_the_law(name: str) -> None:
    host = HOSTS[name]
    (interval,) = (one.interval for one in host.wanted.values())
    learned, fixed = host.under(Policy.LEARNED)["job"], host.under(Policy.FIXED)["job"]
    law_holds(host, learned, interval)
    assert len(learned.starts) >= 0.97 * len(fixed.starts) - 1
    assert learned.mean_cpu is not None
    assert fixed.mean_cpu is not None
    # The sun of a made-up host does not set twice: what it learned never costs it much.
    assert learned.mean_cpu <= fixed.mean_cpu * 1.05 + 1


@pytest.mark.parametrize("name", ["calm nights", "a wave"])
def test_where_there_is_calm_it_is_found(name: str) -> None:
    host = HOSTS[name]
    learned = replace(host, wanted=tasks(task("job", 360))).under(Policy.LEARNED)["job"].mean_cpu
    any_time = fmean(row.cpu for row in host.rows()[14 * 96 :] if row is not None and row.cpu is not None)
    assert learned is not None
    assert learned < any_time - 5


@pytest.mark.parametrize(
    ("every_h", "spans"),
    [
        pytest.param(24, [(130, 145)], id="a quarter of an hour inside a slot"),
        pytest.param(24, [(1415, 1439)], id="before midnight"),
        pytest.param(6, [(5, 14), (365, 374), (725, 734), (1085, 1094)], id="four short ones"),
    ],
)
def test_windows_shorter_than_a_slot_are_used_every_time(every_h: int, spans: list[tuple[int, int]]) -> None:
    one = task("job", every_h * 60, windows=tuple(Window(*span) for span in spans))
    host = Host(wave, 28, tick=minutes(5), wanted=tasks(one))
    ran = host.under(Policy.LEARNED)["job"].starts
    assert len(ran) >= 0.97 * 14 * 24 / every_h - 1
    assert max(b - a for a, b in pairwise(ran)) <= timedelta(hours=every_h) + minutes(30)


def test_a_task_with_a_window_starts_in_it_and_keeps_its_rate() -> None:
    nightly = task("job", 1440, windows=(Window(20 * 60, 6 * 60),))
    host = Host(wave, 42, wanted=tasks(nightly))
    learned, fixed = host.under(Policy.LEARNED)["job"], host.under(Policy.FIXED)["job"]
    assert all(not 6 <= start.hour < 20 for start in learned.starts)
    assert len(learned.starts) >= len(fixed.starts) - 2
    assert max(learned.gaps()) <= timedelta(hours=48)


def test_ticks_of_a_minute_are_learned_on_steps_of_five() -> None:
    host = Host(calm_nights, 15, minutes(1), tasks(task("job", 60)))
    learned = host.under(Policy.LEARNED, since=14)["job"]
    law_holds(host, learned, minutes(60))
    assert len(learned.starts) >= 0.9 * 24


# -- summer time ---------------------------------------------------------------------------------------


@contextmanager
def zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@posix_only("zones that a test can set")
@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_the_days_on_which_the_clocks_change_are_days_like_others(change: str) -> None:
    with zone("Europe/Berlin"):
        start = START.fromisoformat(f"{change}T00:00:00+00:00") - timedelta(days=21)
        host = Host(calm_nights, 28, start=start)
        learned, fixed = host.under(Policy.LEARNED)["job"], host.under(Policy.FIXED)["job"]
        law_holds(host, learned, minutes(120))
        assert len(learned.starts) >= 0.97 * len(fixed.starts) - 1
        assert learned.mean_cpu is not None
        assert fixed.mean_cpu is not None
        assert learned.mean_cpu < fixed.mean_cpu


# -- the past alone ------------------------------------------------------------------------------------


def test_nothing_is_learned_in_the_first_two_weeks() -> None:
    host = HOSTS["calm nights"]
    rows = host.rows()
    tutor = host.tutor(rows)
    assert tutor.learned(START) == {}
    assert tutor.learned(START + timedelta(days=LEAST_DAYS - 0.1)) == {}
    found = tutor.learned(START + timedelta(days=LEAST_DAYS))
    assert set(found) == {"job"}
    verdict = tutor.pupils["job"].verdict
    assert verdict is not None
    assert verdict.days == 7
    assert 0 < verdict.learned < 100
    assert verdict.runs > 0


def test_what_comes_later_changes_nothing_that_was_learned_before() -> None:
    host = HOSTS["calm nights"]
    rows = host.rows()
    cut = 28 * 96
    other = [row if row is None or place < cut else replace(row, cpu=99.0) for place, row in enumerate(rows)]
    said: list[Any] = []
    for known in (rows, other):
        tutor = host.tutor(known)
        moments = [START + number * host.tick for number in range(13 * 96, cut + 1)]
        found = [one for moment in moments for one in tutor.learned(moment).values()]
        said.append([(one.table, one.slot, round(one.expected, 6)) for one in found])
    assert said[0] == said[1]
    assert len(said[0]) > 1000


def test_outside_of_what_is_known_nothing_is_learned() -> None:
    host = HOSTS["calm nights"]
    tutor = host.tutor(host.rows())
    assert tutor.learned(START - timedelta(days=400)) == {}
    assert tutor.learned(START + timedelta(days=400)) == {}


def test_a_hole_of_more_than_four_weeks_begins_anew() -> None:
    host = Host(lambda day, hour: None if 3 <= day < 40 else calm_nights(day, hour), 60)
    learned = host.under(Policy.LEARNED)["job"]
    law_holds(host, learned, minutes(120))


def test_of_a_history_with_too_many_holes_nothing_is_learned() -> None:
    thin = Host(lambda day, hour: 20.0 if day < 1 or day > 19 else None, 20)
    tutor = thin.tutor(thin.rows())
    assert tutor.learned(START + timedelta(days=20)) == {}


def test_tasks_that_cannot_be_learned_have_no_pupil() -> None:
    wanted = tasks(task("job", 120), task("plain", 120, adaptive=False), task("short", 15), task("long", 20_000))
    host = Host(calm_nights, 20, wanted=wanted)
    assert set(host.tutor(host.rows()).pupils) == {"job"}


def test_a_table_that_stops_being_good_is_dropped() -> None:
    host = Host(calm_nights, 21)
    tutor = host.tutor(host.rows())
    assert tutor.learned(START + timedelta(days=14))
    pupil = tutor.pupils["job"]
    dearer = replace(pupil.verdict, learned=99.0, error=0.0)
    assert not dearer.holds
    assert not dearer.better
    assert replace(pupil.verdict, classic=0.0).holds
    assert not replace(pupil.verdict, classic=0.0).better


def test_simulated_ticks_of_the_helper_are_those_of_the_trace() -> None:
    host = Host(calm_nights, 2)
    assert len(list(trace.samples(START, host.rows(), host.tick))) == 2 * 96 - 1


def test_the_cycle_needs_no_numpy() -> None:
    code = "import sys, adaptive_scheduler.cycle, adaptive_scheduler.preview; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_gaps_of_a_tally_are_those_of_its_starts() -> None:
    tally = Tally(starts=[START, START + minutes(5), START + minutes(15)])
    assert tally.gaps() == [b - a for a, b in pairwise(tally.starts)]
