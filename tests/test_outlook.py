"""The CPU that is expected of the hours to come, and what will probably run when."""

import random
import re
import subprocess
import sys
from array import array
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler import prospects
from adaptive_scheduler.almanac import Almanac
from adaptive_scheduler.codes import Code
from adaptive_scheduler.history import History
from adaptive_scheduler.horizon import Present, first_tick
from adaptive_scheduler.machine import Sample
from adaptive_scheduler.model import Decision, Live, Task, TaskState, Window
from adaptive_scheduler.outlook import Expected, Outlook, quantile
from adaptive_scheduler.prospects import Forecast, Hour, Prospect
from adaptive_scheduler.render import ahead as page
from adaptive_scheduler.rolling import FILLED, HUNDREDTHS, Rolling, step_of
from adaptive_scheduler.settings import Config, Rules
from adaptive_scheduler.signals import Grid
from adaptive_scheduler.staircases import Learned, Table
from tests.builders import event, footprint, minutes, sample, state, task, tasks
from tests.console import Inside
from tests.test_render import shown

GRID = Grid(30)
NOW = datetime(2025, 11, 3, 14, 15, tzinfo=UTC)  # a Monday
TICK = minutes(30)
END = step_of(NOW - TICK / 2, GRID)

Shape = Callable[[int], float]
"""CPU of a step, by its number."""


def load(days: float, shape: Shape, *, end: int = END, filled: Callable[[int], bool] = lambda _: False) -> Rolling:
    steps = range(end - int(days * GRID.day) + 1, end + 1)
    cells = array("H", [round(shape(step) * HUNDREDTHS) | (FILLED if filled(step) else 0) for step in steps])
    return Rolling(GRID, end, cells, 0.0, 1)


def hour_of(step: int) -> int:
    return step % GRID.day // 2


def weekday_of(step: int) -> int:
    return (step // GRID.day + 3) % 7  # 1970 began with a Thursday


def office(step: int) -> float:
    return 75.0 if 9 <= hour_of(step) < 18 else 10.0 if hour_of(step) < 5 else 40.0


def week(step: int) -> float:
    return office(step) if weekday_of(step) < 5 else 5.0


def noisy(shape: Shape, spread: float) -> Shape:
    def value(step: int) -> float:
        return min(100.0, max(0.0, shape(step) + random.Random(step).gauss(0, spread)))

    return value


def ahead(outlook: Outlook, hours: int) -> Expected:
    """What is expected of an hour that ends so many hours from the present."""
    return outlook.over([END + 2 * hours - 1, END + 2 * hours])


# -- the load ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpu", [0.0, 37.5, 100.0])
@pytest.mark.parametrize("days", [0.03, 0.5, 1.0, 1.5, 3.0, 28.0])
@pytest.mark.parametrize("hours", [1, 24, 25, 168])
def test_constant_load_is_expected_to_stay(cpu: float, days: float, hours: int) -> None:
    assert ahead(Outlook(load(days, lambda _: cpu)), hours).cpu == pytest.approx(cpu)


@pytest.mark.parametrize("days", [3, 14, 28])
def test_a_clean_day_is_expected_again(days: int) -> None:
    outlook = Outlook(load(days, office))
    assert [outlook.cpu(END + n) for n in range(1, 337)] == pytest.approx([office(END + n) for n in range(1, 337)])
    one = ahead(outlook, 5)
    assert (one.low, one.high) == pytest.approx((40.0, 40.0))


def test_a_clean_week_is_expected_again_once_it_was_seen_often_enough() -> None:
    saturday = next(n for n in range(1, 500) if weekday_of(END + n) == 5 and hour_of(END + n) == 12)
    assert Outlook(load(28, week)).cpu(END + saturday) == pytest.approx(week(END + saturday), abs=2.0)
    assert Outlook(load(10, week)).cpu(END + saturday) > 40.0


def test_what_is_away_from_usual_now_fades_as_it_did_before() -> None:
    dice, away, drifting = random.Random(1), 0.0, dict[int, float]()
    for step in range(END - 28 * GRID.day, END - 1):
        away = 0.9 * away + dice.gauss(0, 3)
        drifting[step] = 40.0 + away
    outlook = Outlook(load(28, lambda step: drifting.get(step, 80.0)))
    near, later, far = (ahead(outlook, hours).cpu - 40.0 for hours in (1, 3, 12))
    assert 40.0 > near > later > far > -3.0
    assert near > 15.0
    assert far < 8.0
    restless = Outlook(load(28, lambda step: 80.0 if step > END - 2 else noisy(lambda _: 40.0, 5.0)(step)))
    assert abs(ahead(restless, 1).cpu - 40.0) < 6.0


def test_a_level_that_moved_for_a_day_lasts() -> None:
    outlook = Outlook(load(28, noisy(lambda step: 20.0 + 40.0 * (step > END - GRID.day), 1.0)))
    assert [ahead(outlook, hours).cpu > 50.0 for hours in (1, 6, 20)] == [True] * 3


def test_the_past_is_what_it_was() -> None:
    outlook = Outlook(load(3, office))
    assert (outlook.cpu(END), outlook.cpu(END - 12), outlook.cpu(END - 10_000)) == (75.0, 40.0, 75.0)
    assert Outlook(load(1, lambda _: 100.4)).cpu(END) == 100.0


def test_without_any_load_there_is_no_outlook() -> None:
    with pytest.raises(ValueError, match="no load is known"):
        Outlook(Rolling(GRID))


def test_the_days_are_those_that_were_measured() -> None:
    outlook = Outlook(load(10, office, filled=lambda step: step <= END - 4 * GRID.day))
    assert outlook.days == 4.0
    assert ahead(outlook, 1).low is not None
    assert Outlook(load(10, office, filled=lambda _: True)).edges(END + 1) is None


def test_weeks_that_were_made_up_teach_nothing_about_weekdays() -> None:
    weekend = next(n for n in range(1, 500) if weekday_of(END + n) == 5 and hour_of(END + n) == 12)
    known = Outlook(load(28, week)).cpu(END + weekend)
    assert Outlook(load(28, week, filled=lambda _: True)).cpu(END + weekend) > known + 10.0


# -- the band ----------------------------------------------------------------------------------------


def test_the_band_is_unknown_until_enough_errors_are() -> None:
    few, enough = Outlook(load(1.5, office)), Outlook(load(2.5, office))
    unknown = ahead(few, 24)
    assert unknown.cpu == pytest.approx(office(END + 48))
    assert (unknown.low, unknown.high) == (None, None)
    assert ahead(enough, 1).low is not None
    assert ahead(enough, 24).low is None
    assert ahead(Outlook(load(28, office)), 168).low is not None


def test_the_band_holds_four_of_five_hours_to_come() -> None:
    shape = noisy(office, 8.0)
    held = []
    for number in range(1, 60):
        origin = END + 7 * number
        outlook = Outlook(load(28, shape, end=origin))
        for hours in (1, 6, 24):
            steps = [origin + 2 * hours - 1, origin + 2 * hours]
            one = outlook.over(steps)
            assert one.low is not None
            assert one.high is not None
            held.append(one.low <= sum(map(shape, steps)) / 2 <= one.high)
    assert 0.72 < sum(held) / len(held) < 0.92


def test_the_band_of_a_day_far_ahead_knows_nothing_of_the_days_between() -> None:
    """Two days at 10 %, then two at 50 %: two days before, nobody could know of any of that."""
    outlook = Outlook(load(4, lambda step: 50.0 if step > END - 2 * GRID.day else 10.0))
    assert outlook.edges(END + 2 * GRID.day) == pytest.approx((0.0, 40.0))


def test_more_noise_is_a_wider_band() -> None:
    def width(spread: float) -> float:
        one = ahead(Outlook(load(28, noisy(office, spread))), 3)
        return (one.high or 0.0) - (one.low or 0.0)

    assert 0.0 < width(1.0) < width(4.0) < width(12.0)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.1, 1.4), (0.25, 2.0), (0.5, 3.0), (0.9, 4.6), (1.0, 5.0)])
def test_a_quantile_lies_between_its_neighbours(share: float, value: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(value)
    assert quantile([], share) == 0.0


CELLS = st.lists(st.tuples(st.integers(0, 10_040), st.booleans()), min_size=1, max_size=200)


@given(cells=CELLS, repeated=st.integers(1, 8), hours=st.integers(1, 168))
def test_whatever_was_it_stays_between_0_and_100_and_inside_its_band(
    cells: list[tuple[int, bool]], repeated: int, hours: int
) -> None:
    packed = array("H", [cpu | (FILLED if filled else 0) for cpu, filled in cells] * repeated)
    one = ahead(Outlook(Rolling(GRID, END, packed, 0.0, 1)), hours)
    assert 0.0 <= one.cpu <= 100.0
    if one.low is not None and one.high is not None:
        assert 0.0 <= one.low <= one.cpu <= one.high <= 100.0
    assert (one.low is None) == (one.high is None)


# -- what will probably run --------------------------------------------------------------------------


def at(moment: datetime) -> datetime:
    return moment


def looking(
    *wanted: Task, rules: Rules | None = None, known: dict[str, TaskState] | None = None, **more: Any
) -> Present:
    rules = rules or Rules(tick=TICK)
    config = Config(path="tasks.toml", state_dir="outputs", rules=rules, tasks=tasks(*wanted))
    had = {one.name: TaskState(first_seen=NOW, anchor=NOW - minutes(30)) for one in wanted} | (known or {})
    decided = {one.name: Decision(one.name, Code.NOT_DUE, "not yet", None) for one in wanted}
    present = Present(
        NOW, config, replace(state(**had), nominal_at=NOW - minutes(10)), sample(at=NOW), decided, 0.0, at
    )
    return replace(present, **more)


def foreseen(now: Present, outlook: Outlook | None = None, hours: int = 24) -> dict[str, Prospect]:
    told = prospects.forecast(now, outlook or Outlook(load(28, office)), timedelta(hours=hours))
    return {one.name: one for one in told.tasks}


def oclock(hour: int, minute: int, day: int = 3) -> datetime:
    return datetime(2025, 11, day, hour, minute, tzinfo=UTC)


def test_the_hours_begin_with_the_present_one_and_are_as_many_as_asked() -> None:
    told = prospects.forecast(looking(task()), Outlook(load(28, office)), timedelta(hours=30))
    assert [one.begins for one in told.hours] == [oclock(14, 0) + n * timedelta(hours=1) for n in range(30)]
    assert [round(one.expected.cpu) for one in told.hours[3:5]] == [75, 40]
    assert (told.days, told.whose, told.until) == (28.0, "total", NOW + timedelta(hours=30))


def test_of_the_present_hour_only_what_is_left_is_told() -> None:
    now = NOW + TICK
    known = load(3, lambda step: 10.0 if step == END else 75.0, end=END + 1)
    (hour,) = prospects.forecast(replace(looking(task()), at=now), Outlook(known), timedelta(hours=1)).hours
    assert (hour.begins, hour.expected.cpu) == (oclock(14, 0), 75.0)


def test_the_starts_are_those_of_the_classic_rule_at_the_expected_load() -> None:
    """At 75 % CPU every 1.5 h until 18:00, at 40 % every hour, at 10 % every 48 min."""
    (one,) = foreseen(looking(task(every=60))).values()
    assert (one.next_start, one.earliest, one.latest) == (oclock(15, 35), oclock(15, 35), oclock(15, 35))
    assert one.rhythm == "classic"
    assert one.runs == one.fewest == one.most
    calm, busy = Outlook(load(28, lambda _: 10.0)), Outlook(load(28, lambda _: 90.0))
    now = looking(task(every=60))
    assert (foreseen(now, calm)["job"].runs, foreseen(now, busy)["job"].runs) == (30, 16)


def test_our_own_load_counts_for_the_classic_rule() -> None:
    quiet = Outlook(load(28, lambda _: 15.0))
    assert foreseen(looking(task(every=60)), quiet)["job"].runs == 30
    assert foreseen(looking(task(every=60), own_cpu=10.0), quiet)["job"].runs == 24


def test_the_edges_of_the_band_say_how_early_and_how_late() -> None:
    outlook = Outlook(load(28, noisy(lambda _: 70.0, 8.0)))
    (one,) = foreseen(looking(task(every=120)), outlook).values()
    assert one.earliest is not None
    assert one.latest is not None
    assert one.latest - one.earliest == minutes(60)
    assert one.fewest is not None
    assert one.most is not None
    assert one.fewest < one.most


def test_without_a_band_nothing_is_said_about_its_edges() -> None:
    (one,) = foreseen(looking(task(every=60)), Outlook(load(1, office))).values()
    assert one.next_start is not None
    assert (one.earliest, one.latest, one.fewest, one.most) == (None, None, None, None)


def test_what_is_held_now_is_held_in_the_story_too() -> None:
    going = Live("r1", NOW - minutes(20))
    known = {
        "held": TaskState(first_seen=NOW, anchor=NOW, paused=True),
        "resting": TaskState(first_seen=NOW, anchor=NOW, paused=True, paused_until=oclock(20, 0)),
        "live": TaskState(first_seen=NOW, anchor=NOW - minutes(20), live=going),
    }
    found = foreseen(
        looking(
            task("off", 60, enabled=False),
            task("held", 60),
            task("resting", 60),
            task("night", 60, windows=(Window(120, 180),)),
            task("live", 60, expected_duration=timedelta(hours=5)),
            known=known | {"gone": TaskState(first_seen=NOW, live=Live("r2", NOW))},
        )
    )
    assert (found["off"].runs, found["held"].runs, found["off"].next_start) == (0, 0, None)
    assert found["resting"].next_start == oclock(20, 5)
    assert found["night"].next_start == oclock(2, 5, day=4)
    assert found["live"].next_start == oclock(19, 5)


def test_windows_are_of_local_time() -> None:
    seoul = timezone(timedelta(hours=9))
    night = task("night", 60, windows=(Window(120, 180),))
    (one,) = foreseen(looking(night, local=lambda moment: moment.astimezone(seoul))).values()
    assert one.next_start == oclock(17, 5)


def test_a_run_takes_what_runs_usually_take() -> None:
    long = footprint(*[(3 * 3600.0, None)] * 5)
    since = TaskState(first_seen=NOW, anchor=NOW - minutes(1200))
    known = {"a": replace(since, footprint=long), "b": since}
    waits = replace(
        looking(task("a", 600), task("b", 600, depends_on=("a",)), known=known), sample=sample(50.0, at=NOW)
    )
    first, second = foreseen(waits).values()
    assert first.next_start == oclock(14, 35)
    assert second.next_start == oclock(17, 35)


def test_full_memory_is_expected_to_stay_full() -> None:
    full = replace(looking(task(every=60)), sample=sample(memory=65.0, at=NOW))
    (one,) = foreseen(full).values()
    assert one.next_start == oclock(19, 5)  # after its max_defer
    assert "memory is 65 %, as now" in prospects.conditions(full)
    assert "memory is unknown, as now" in prospects.conditions(replace(full, sample=sample(memory=None, at=NOW)))


def staircase(**more: Any) -> Learned:
    """A table for a task a day whose ceiling is 25 points below the level of 45 %, whatever the hour and age."""
    table = Table(
        interval_s=86_400.0,
        step_s=1800,
        run=2,
        stride=1,
        first=24,
        ages=48,
        levels=2,
        credit=0.5,
        cap=0.5,
        edges=(-25.0,),
        weights=(),
        low=(),
        high=(),
        usual=array("h", [0] * 48),
        ceilings=bytes([1, 1]) * (48 * 48),
    )
    return Learned(replace(table, **more), 0, 45.0, 75.0)


def test_a_learned_staircase_is_asked_about_the_expected_load() -> None:
    """Only the night is as calm as its ceiling."""
    rules = Rules(tick=TICK, learned={"job": staircase()})
    known = {"job": TaskState(first_seen=NOW, anchor=NOW - timedelta(hours=20))}
    (one,) = foreseen(looking(task(every=1440), rules=rules, known=known)).values()
    assert (one.next_start, one.rhythm) == (oclock(0, 5, day=4), "learned")
    (plain,) = foreseen(looking(task(every=1440, adaptive=False), rules=rules, known=known)).values()
    assert (plain.next_start, plain.rhythm) == (oclock(18, 5), "plain")


def test_the_hour_of_a_learned_ceiling_is_that_of_the_start() -> None:
    """Without any ceiling but at 20:00."""
    ceilings = bytearray(48 * 48 * 2)
    ceilings[40 * 96 : 41 * 96] = bytes([2]) * 96
    rules = Rules(tick=TICK, learned={"job": staircase(ceilings=bytes(ceilings))})
    known = {"job": TaskState(first_seen=NOW, anchor=NOW - timedelta(hours=22))}
    (one,) = foreseen(looking(task(every=1440), rules=rules, known=known)).values()
    assert one.next_start == oclock(20, 5)


def test_the_time_since_the_last_cycle_is_excused_once() -> None:
    """Who looks at the present has left it out of the account; a task that is behind starts as soon as it may."""
    rules = Rules(tick=TICK, learned={"job": staircase(ceilings=bytes([0, 2]) * (48 * 48))})
    known = {"job": TaskState(first_seen=NOW, anchor=NOW - timedelta(hours=35))}
    now = looking(task(every=1440), rules=rules, known=known)
    late = replace(now, state=replace(now.state, last_cycle_at=NOW - timedelta(hours=30)))
    assert [foreseen(one, hours=72)["job"].runs for one in (now, late)] == [4, 4]


def test_without_load_only_the_present_is_told() -> None:
    told = prospects.forecast(looking(task()), None, timedelta(hours=24))
    assert (told.hours, told.conditions, told.days) == ([], [], 0.0)
    assert told.tasks[0].runs is None


def test_it_is_played_once_for_each_edge() -> None:
    played = []
    prospects.forecast(looking(task()), Outlook(load(28, office)), timedelta(hours=2), lambda: played.append(1))
    assert len(played) == len(prospects.EDGES)


@pytest.mark.parametrize(
    ("nominal", "first"),
    [(None, NOW), (NOW, NOW + TICK), (NOW - minutes(10), NOW + minutes(20)), (NOW - 4 * TICK, NOW + TICK)],
)
def test_cycles_go_on_in_their_beat(nominal: datetime | None, first: datetime) -> None:
    expected = NOW if nominal == NOW - 4 * TICK else first
    assert first_tick(nominal, NOW, TICK) == expected


def test_the_hour_that_comes_twice_is_an_hour_of_the_day_like_others() -> None:
    """On 2 November 2025 clocks in New York went from 02:00 back to 01:00."""
    now = datetime(2025, 11, 1, 14, 15, tzinfo=UTC)

    def local(moment: datetime) -> datetime:
        hours = -4 if moment < datetime(2025, 11, 2, 6, tzinfo=UTC) else -5
        return (moment.astimezone(UTC) + timedelta(hours=hours)).replace(tzinfo=UTC)

    end = step_of(local(now), GRID)
    outlook = Outlook(load(28, office, end=end))
    told = prospects.forecast(replace(looking(task(every=60)), at=now, local=local), outlook, timedelta(hours=36))
    walls = [(one.begins.hour, round(one.expected.cpu)) for one in told.hours]
    assert [hour for hour, _ in walls[14:18]] == [0, 1, 1, 2]
    assert all(cpu == round(office(2 * hour)) for hour, cpu in walls)


# -- the page ----------------------------------------------------------------------------------------


def view(*found: Prospect, days: float = 28.0, whose: str = "foreign", band: bool = True) -> Forecast:
    hours = []
    for number in range(24):
        cpu = 4.0 * number
        edges = (max(0.0, cpu - 5.0), min(100.0, cpu + 10.0)) if band else (None, None)
        hours.append(Hour(oclock(14, 0) + timedelta(hours=number), Expected(cpu, *edges)))
    conditions = ["CPU is as expected", "a cycle comes every 5 min"]
    return Forecast(NOW, NOW + timedelta(hours=24), days, whose, hours, found, conditions)


def prospect(name: str = "job", **more: Any) -> Prospect:
    decided = Decision(name, Code.PAUSED, "paused until 'resume job'", None)
    return replace(Prospect(name, "classic", decided, runs=0, fewest=0, most=0), **more)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949", "cp1252"])
@pytest.mark.parametrize("band", [True, False])
def test_the_page_fits_into_80_columns_of_any_console(encoding: str, band: bool) -> None:
    text = shown(lambda: page.forecast(view(prospect(), band=band), ["a note"]), encoding=encoding)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "?" not in text
    assert ("█" in text) == (encoding == "utf-8")
    assert text.isascii() or encoding == "utf-8"
    row = next(line for line in text.splitlines() if line.startswith("00:00") or "11-04 00:00" in line)
    full, middle, light = "█▓░" if encoding == "utf-8" else "#=-"
    assert row.split()[:4] == ["11-04", "00:00", "40", "%"]
    if band:
        assert row.endswith(f"35-50 %    {full * 14}{middle * 2}{light * 4}")
        assert "four of five hours should end in the band" in " ".join(text.split())
    else:
        assert re.search(f"-  +{full}+$", row)
        assert "four of five" not in text


@pytest.mark.parametrize(
    ("one", "row"),
    [
        (prospect(), r"job +- +PAUSED: paused until 'resume job' +0 +classic"),
        (
            prospect(
                next_start=oclock(15, 0), earliest=oclock(14, 35), latest=oclock(3, 0, 4), runs=3, fewest=2, most=4
            ),
            r"job +about 15:00 +14:35 and 11-04 03:00 +3 \(2-4\) +classic",
        ),
        (
            prospect(next_start=oclock(15, 0), earliest=oclock(15, 0), latest=oclock(15, 0), runs=3, fewest=3, most=3),
            r"job +about 15:00 +15:00 +3 +classic",
        ),
        (
            prospect(earliest=oclock(1, 0, 4), most=1),
            r"job +- +11-04 01:00 at the earliest +0 \(0-1\) +classic",
        ),
        (
            prospect(next_start=oclock(1, 0, 4), runs=1, fewest=None, most=None),
            r"job +about 11-04 01:00 +unknown +1 +classic",
        ),
        (
            prospect(
                earliest=oclock(1, 0, 4), latest=oclock(2, 0, 4), next_start=oclock(1, 30, 4), runs=1, fewest=1, most=1
            ),
            r"job +about 11-04 01:30 +11-04 01:00 and 02:00 +1 +classic",
        ),
    ],
    ids=["held", "spread", "sure", "perhaps", "no band", "tomorrow"],
)
def test_each_task_has_its_words(one: Prospect, row: str) -> None:
    text = shown(lambda: page.forecast(view(one), []))
    assert re.search(row, text), text


def test_the_conditions_stand_beside_it() -> None:
    text = " ".join(shown(lambda: page.forecast(view(prospect()), [])).split())
    assert (
        "That is if CPU is as expected; a cycle comes every 5 min. No promise: 'why TASK' says what holds now." in text
    )
    assert text.startswith("CPU that is not ours expected, from 28.0 days of load from ")
    assert "What will probably run in the next 24 h" in text


@pytest.mark.parametrize(("band", "words"), [(True, "the band is wide"), (False, "the band is unknown where")])
def test_less_than_two_weeks_are_called_a_glimpse(band: bool, words: str) -> None:
    text = " ".join(shown(lambda: page.forecast(view(days=13.9, whose="total", band=band), [])).split())
    assert text.startswith(
        f"CPU expected, from 13.9 days of load less than 14 days: a glimpse, not a habit yet; {words}"
    )
    assert "glimpse" not in shown(lambda: page.forecast(view(days=14.0), []))


# -- the command -------------------------------------------------------------------------------------

TOML = '[scheduler]\ntick = "30m"\n[tasks.backup]\ninterval = "6h"\nscript = "b.py"\n[tasks.off]\nenabled = false\n'


def record(folder: Path, days: int, shape: Shape, own: float | None) -> None:
    """Leave a history as cycles would have, up to the present."""
    folder.mkdir(exist_ok=True)
    with History(folder).writing() as database:
        for number in range(days * GRID.day):
            moment = NOW - number * TICK
            foreign = shape(step_of(moment - TICK / 2, GRID))
            row = (moment.isoformat(), number, foreign + (own or 0.0), 40.0, foreign if own is not None else None)
            database.execute("insert into samples values(?, ?, ?, ?, ?, 1, 1, 1, 'counters')", row)


@pytest.fixture
def program(tmp_path: Path) -> Inside:
    inside = Inside(tmp_path)
    inside.config(TOML + 'interval = "1h"\nscript = "b.py"\n').at(NOW)
    return inside


def test_the_json_has_its_keys_and_its_numbers(program: Inside) -> None:
    record(program.outputs, 28, office, None)
    before = program.files()
    told = program("forecast", "--json").json
    assert program.files() == before
    assert told.keys() == {"at", "until", "days", "whose_cpu", "hours", "tasks", "conditions", "notes"}
    assert (told["at"], told["until"]) == ("2025-11-03T14:15:00+00:00", "2025-11-04T14:15:00+00:00")
    assert (told["days"], told["whose_cpu"], len(told["hours"])) == (28.0, "total", 24)
    assert told["hours"][5] == {"from": "2025-11-03T19:00:00+00:00", "cpu": 40.0, "low": 40.0, "high": 40.0}
    backup, off = told["tasks"]
    assert backup == {
        **{"name": "backup", "next_start": "2025-11-03T14:15:00+00:00", "earliest": "2025-11-03T14:15:00+00:00"},
        **{"latest": "2025-11-03T14:15:00+00:00", "runs": 4, "fewest_runs": 4, "most_runs": 4, "rhythm": "classic"},
        **{"code": "RUN", "reason": "it has never run"},
    }
    assert (off["next_start"], off["runs"], off["code"]) == (None, 0, "DISABLED")
    assert told["conditions"][0] == "CPU is as expected"


def test_it_looks_ahead_as_far_as_it_is_told(program: Inside) -> None:
    record(program.outputs, 3, office, None)
    assert len(program("forecast", "--hours", "168", "--json").json["hours"]) == 168
    assert len(program("forecast", "--hours", "1", "--json").json["hours"]) == 1
    assert [program("forecast", "--hours", wrong).code for wrong in ("0", "169", "x")] == [2, 2, 2]


def test_the_load_that_is_not_ours_counts_where_it_is_known(program: Inside) -> None:
    record(program.outputs, 3, lambda _: 30.0, 12.0)
    told = program("forecast", "--json").json
    assert {one["cpu"] for one in told["hours"]} == {30.0}


def test_the_rolling_load_takes_the_place_of_a_history_that_is_lost(program: Inside) -> None:
    program.outputs.mkdir()
    Almanac(program.outputs).keep(load(3, office))
    told = program("forecast", "--json").json
    assert (told["days"], told["hours"][5]["cpu"]) == (3.0, 40.0)
    assert told["hours"][5]["low"] is not None


def test_the_page_of_a_few_days_says_so(program: Inside) -> None:
    record(program.outputs, 2, office, None)
    answer = program("forecast")
    assert (answer.code, answer.err) == (0, "")
    assert "from 2.0 days of load\nless than 14 days: a glimpse" in answer.out
    assert "DISABLED: enabled =" in answer.out


def test_without_any_load_it_says_so_and_creates_nothing(program: Inside) -> None:
    before = program.files()
    answer = program("forecast")
    assert (answer.code, answer.err) == (0, "")
    assert "no load is known yet" in answer.out
    told = program("forecast", "--json").json
    assert (told["days"], told["hours"], told["tasks"][0]["next_start"]) == (0.0, [], None)
    assert program.files() == before


def test_a_terminal_sees_how_far_it_is(program: Inside) -> None:
    record(program.outputs, 3, office, None)
    program.terminal = True
    answer = program("forecast")
    assert answer.code == 0
    assert "looking ahead" in answer.err


@pytest.mark.parametrize(
    "words", [["forecast"], ["forecast", "--json"], ["status"], ["run", "--dry-run"], ["why", "backup"]]
)
def test_no_command_but_those_that_learn_pays_for_numpy(program: Inside, words: list[str]) -> None:
    record(program.outputs, 3, office, None)
    look = (
        "import sys; from adaptive_scheduler import cli\n"
        f"sys.argv = {['x', '--config', str(program.folder / 'tasks.toml'), *words]!r}\n"
        "try: cli.main()\n"
        "except SystemExit as end: code = end.code\n"
        "sys.exit('loads numpy' if 'numpy' in sys.modules else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], env=program.environ, cwd=program.folder, capture_output=True, text=True
    )
    assert (done.stderr, done.returncode) == ("", 0 if words[0] != "status" else 1)


def test_samples_without_cpu_are_no_load(program: Inside) -> None:
    program.outputs.mkdir()
    History(program.outputs).record(NOW, 1, sample(None, at=NOW), [], TICK)
    assert program("forecast", "--json").json["hours"] == []


def test_what_a_cycle_keeps_and_has_learned_is_what_it_rests_on(program: Inside) -> None:
    """A pretended sample of 50 % is no part of it."""
    pytest.importorskip("numpy", reason="learning needs numpy")
    record(program.outputs, 28, office, None)
    assert program("learn").code == 0
    program.at(NOW + TICK)
    told = program("forecast", "--json").json
    assert (told["days"], told["tasks"][0]["rhythm"]) == (28.0, "learned")
    assert told["hours"][0]["cpu"] == 75.0


def test_what_our_own_tasks_used_lately_is_a_mean_of_the_samples_that_know_it() -> None:
    from adaptive_scheduler.commands.ahead import _own_cpu

    known = [Sample(NOW, 30.0, 40.0, 20.0), Sample(NOW, 40.0, 40.0, 20.0), Sample(NOW, 90.0, 40.0), sample(None)]
    assert _own_cpu(known) == 15.0
    assert _own_cpu([]) == _own_cpu([Sample(NOW, 10.0, 40.0, 12.0)]) == 0.0


def test_a_task_that_only_events_start_is_expected_at_no_time() -> None:
    now = looking(task("only", None), task("job", 60))
    told = foreseen(now)
    assert (told["only"].rhythm, told["only"].next_start, told["only"].runs, told["only"].most) == (
        "events",
        None,
        0,
        0,
    )
    assert told["job"].runs
    assert "no event fires" in prospects.conditions(now)
    assert "no event fires" not in prospects.conditions(looking(task("job", 60)))


def test_an_event_that_is_pending_is_expected_to_start_its_task() -> None:
    its = TaskState(first_seen=NOW, event=event(at=NOW))
    told = foreseen(looking(task("only", None), known={"only": its}))
    assert told["only"].runs == told["only"].most == 1
