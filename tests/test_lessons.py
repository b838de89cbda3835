"""When a lesson is used and when not: each reason, and one sentence that says it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler import lessons, notation
from adaptive_scheduler.lessons import Knowledge, Learning, in_short, rhythm_of
from adaptive_scheduler.model import Window
from adaptive_scheduler.rolling import Rolling, added, step_of
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.signals import FEATURES
from tests.builders import NOW, minutes, task, tasks
from tests.tables import TICK, Plain, hourly, lesson, load, rhythm, table

CPUS = 2.0
GOOD = rhythm(job=lesson(table()), other=lesson(table()))
FOLLOWED = tasks(hourly("job"), hourly("other"))


def judged(
    plain: Plain | None = None, of_load: Rolling | None = None, cpus: float | None = CPUS, wanted: Any = None
) -> tuple[set[str], dict[str, str]]:
    """The tasks that follow what was learned, and why the others do not."""
    knowledge = lessons.decode(GOOD if plain is None else plain)
    usable, why = lessons.standing(wanted or FOLLOWED, knowledge, of_load or load(), NOW, Rules(tick=TICK), cpus)
    return set(usable), why


def test_a_good_lesson_is_used() -> None:
    assert judged() == ({"job", "other"}, {})


def made(ago: timedelta) -> Plain:
    return {**GOOD, "made_at": lessons_time(ago)}


def lessons_time(ago: timedelta) -> str:
    return (NOW - ago).isoformat()


@pytest.mark.parametrize(
    ("plain", "cpus", "says"),
    [
        pytest.param({**GOOD, "version": 2}, CPUS, "version 2, this program knows 1", id="newer"),
        pytest.param(made(timedelta(days=22)), CPUS, "learned 22 d ago: 'adaptive-scheduler learn'", id="stale"),
        pytest.param(made(timedelta(days=-2)), CPUS, "learned in the future", id="of the future"),
        pytest.param(GOOD, 4.0, "with 2 CPUs, now there are 4", id="more CPUs"),
    ],
)
def test_what_makes_all_lessons_useless(plain: Plain, cpus: float, says: str) -> None:
    used, why = judged(plain, cpus=cpus)
    assert not used
    assert set(why) == {"job", "other"}
    assert all(says in one and "\n" not in one for one in why.values())


@pytest.mark.parametrize(
    ("plain", "cpus"),
    [
        pytest.param(made(timedelta(days=20.9)), CPUS, id="almost stale"),
        pytest.param(made(timedelta(days=-0.5)), CPUS, id="a clock a little wrong"),
        pytest.param(GOOD, None, id="unknown CPUs"),
        pytest.param(rhythm(cpus=None, job=lesson(table()), other=lesson(table())), CPUS, id="CPUs unknown then"),
    ],
)
def test_what_does_not(plain: Plain, cpus: float | None) -> None:
    assert judged(plain, cpus=cpus)[0] == {"job", "other"}


def test_nothing_learned_yet_is_a_reason_of_its_own() -> None:
    assert lessons.standing(FOLLOWED, Knowledge(), None, NOW, Rules(tick=TICK), CPUS)[1]["job"].startswith(
        "nothing has been learn"
    )


@pytest.mark.parametrize(
    ("of_load", "says"),
    [
        (None, "not at hand"),
        (Rolling(load().grid), "not at hand"),
        (load(NOW - timedelta(days=7, minutes=10)), "only 0.0 of the last 7 days of load are known"),
    ],
)
def test_without_the_load_of_the_last_week_no_lesson_is_used(of_load: Rolling | None, says: str) -> None:
    usable, why = lessons.standing(FOLLOWED, lessons.decode(GOOD), of_load, NOW, Rules(tick=TICK), CPUS)
    assert not usable
    assert says in why["job"]


@pytest.mark.parametrize("changed", [Rhythm(slower=1.2), Rhythm(low_cpu=10), Rhythm(faster=0.9), Rhythm(high_cpu=90)])
def test_a_changed_rule_makes_the_lessons_useless(changed: Rhythm) -> None:
    usable, why = lessons.standing(FOLLOWED, lessons.decode(GOOD), load(), NOW, Rules(tick=TICK, rhythm=changed), CPUS)
    assert (usable, why["job"]) == ({}, "[rhythm] in tasks.toml changed since it was learned")


def test_a_changed_tick_makes_the_lessons_useless() -> None:
    _, why = lessons.standing(FOLLOWED, lessons.decode(GOOD), load(), NOW, Rules(tick=minutes(30)), CPUS)
    assert why["job"] == "the tick changed since it was learned"


def test_one_sample_after_a_long_hole_is_no_week() -> None:
    after = added(load(NOW - timedelta(days=9)), NOW, TICK, 50.0)
    assert "of the last 7 days of load are known" in judged(of_load=after)[1]["job"]


def test_a_hole_of_five_days_does_not_matter() -> None:
    assert judged(of_load=load(NOW - timedelta(days=5)))[0] == {"job", "other"}


NIGHT = (Window(60, 300),)


@pytest.mark.parametrize(
    ("mine", "now", "says"),
    [
        pytest.param(lesson(table()), task("job", 90), "its interval changed from 1 h", id="interval"),
        pytest.param(lesson(table()), hourly(windows=NIGHT), "its window changed", id="a window came"),
        pytest.param(lesson(table(), windows=[[60, 300]]), hourly(), "its window changed", id="a window went"),
        pytest.param(lesson(table(60, step=10)), hourly(), "the tick changed", id="tick"),
        pytest.param(lesson(table(90), interval_s=3600), hourly(), "the tick changed", id="table of another interval"),
        pytest.param(lesson(None, refused="its back-test is no better"), hourly(), "its back-test", id="refused"),
        pytest.param(lesson(None), hourly(), "damaged (there is none)", id="no table"),
        pytest.param(lesson(table()) | {"table": {"step_s": 300}}, hourly(), "is damaged ('interval_s')", id="part"),
        pytest.param(lesson(table(run=1000)), hourly(), "other features", id="a run of days"),
        pytest.param(
            lesson(table(weights=(1.0,), low=(0.0,), high=(1.0,))), hourly(), "other features", id="other features"
        ),
    ],
)
def test_what_makes_one_lesson_useless_leaves_the_others_alone(mine: Plain, now: Any, says: str) -> None:
    used, why = judged(rhythm(job=mine, other=lesson(table())), wanted=tasks(now, hourly("other")))
    assert used == {"other"}
    assert says in why["job"]
    assert list(why) == ["job"]


def test_a_new_task_has_to_wait_for_the_next_lesson() -> None:
    used, why = judged(wanted=tasks(hourly("job"), hourly("new")))
    assert used == {"job"}
    assert why == {"new": "it was not in tasks.toml when 'learn' ran last"}


def test_a_task_with_the_window_it_was_learned_with_follows_it() -> None:
    plain = rhythm(job=lesson(table(), windows=[[60, 300]]))
    assert judged(plain, wanted=tasks(hourly(windows=NIGHT)))[0] == {"job"}


def test_a_task_that_is_not_adaptive_is_not_asked() -> None:
    assert judged(wanted=tasks(hourly("job", adaptive=False), hourly("new", adaptive=False))) == (set(), {})


Change = Callable[[Plain], Any]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda one: [], id="a list"),
        pytest.param(lambda one: {}, id="foreign JSON"),
        pytest.param(lambda one: {**one, "tasks": []}, id="no tasks"),
        pytest.param(lambda one: {**one, "tasks": {"job": {}}}, id="an empty lesson"),
        pytest.param(lambda one: {**one, "made_at": "2025-11-02T22:30:00"}, id="a time without offset"),
        pytest.param(lambda one: {**one, "made_at": 5}, id="a time that is a number"),
        pytest.param(lambda one: {**one, "rests_on": None}, id="resting on nothing"),
        pytest.param(lambda one: {**one, "heavy_pairs": [["a"]]}, id="half a pair"),
        pytest.param(lambda one: {**one, "version": "x"}, id="a version that is none"),
        pytest.param(lambda one: {**one, "rests_on": {**one["rests_on"], "days": float("nan")}}, id="NaN days"),
        pytest.param(lambda one: {**one, "tasks": {"job": lesson(None, interval_s=float("nan"))}}, id="NaN seconds"),
        pytest.param(lambda one: {**one, "tasks": {"job": lesson(None, interval_s=1e300)}}, id="endless seconds"),
        pytest.param(lambda one: {**one, "tasks": {"job": lesson(None, refused=1)}}, id="a refusal that is none"),
        pytest.param(lambda one: {**one, "tasks": {"job": lesson(None) | {"table": 3}}}, id="a table that is none"),
        pytest.param(lambda one: {**one, "tasks": {"job": lesson(None, windows=[[1]])}}, id="half a window"),
    ],
)
def test_damage_is_told_as_damage(damage: Change) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError, OverflowError)):
        lessons.decode(damage(GOOD))


def test_why_a_lesson_is_not_used_is_told_in_one_line() -> None:
    told = {**GOOD, "tasks": {"job": lesson(None, refused="no\r\nbetter\nthan before")}}
    assert lessons.decode(told).lessons["job"].refused == "no better than before"


def test_heavy_pairs_are_read() -> None:
    assert lessons.decode({**GOOD, "heavy_pairs": [["a", "b"]]}).heavy_pairs == {frozenset(("a", "b"))}


# -- what is asked of the present --------------------------------------------------------------------


def test_the_signal_is_that_of_the_load_up_to_now() -> None:
    busy = load(cpu=30)
    usable, _ = lessons.standing(FOLLOWED, lessons.decode(GOOD), busy, NOW, Rules(tick=TICK), CPUS)
    assert usable["job"].level == pytest.approx(30)
    assert usable["job"].expected == pytest.approx(30)
    assert usable["job"].slot == step_of(NOW, busy.grid) % 288


def test_the_slot_is_that_of_now_though_the_load_of_the_last_hour_is_missing() -> None:
    usable, _ = lessons.standing(FOLLOWED, lessons.decode(GOOD), load(NOW - minutes(60)), NOW, Rules(tick=TICK), CPUS)
    assert usable["job"].slot == 22 * 12 + 6


def test_a_prediction_out_of_range_is_kept_for_the_ceilings_and_shown_within_it() -> None:
    weights = (-3.0, *[0.0] * (FEATURES - 1))
    one = table(weights=weights, low=(-100.0,) * FEATURES, high=(100.0,) * FEATURES)
    sunk = load(cpu=10)
    sunk = replace(sunk, cells=[*sunk.cells[:-1], 3000])
    usable, _ = lessons.standing(FOLLOWED, lessons.decode(rhythm(job=lesson(one))), sunk, NOW, Rules(tick=TICK), CPUS)
    assert usable["job"].expected < 0
    assert usable["job"].shown == 0


# -- and said of it ------------------------------------------------------------------------------------


def learning(**rules: Any) -> Learning:
    knowledge = lessons.decode(GOOD)
    usable, why = lessons.standing(FOLLOWED, knowledge, load(), NOW, Rules(tick=TICK), CPUS)
    return Learning(Rules(learned=usable, **rules), knowledge, why)


def test_the_rhythm_of_a_task_says_which_and_why() -> None:
    assert rhythm_of(hourly(adaptive=False), learning())[0] == "plain"
    assert rhythm_of(hourly("job"), learning()) == (
        "learned",
        "from 28.0 days of load; its runs would have met 20.0 % CPU, 30.0 % under the classic rule, 40.0 % plain",
    )
    off = Learning(Rules(rhythm=Rhythm(learned="off")), Knowledge(), {})
    assert rhythm_of(hourly("job"), off) == ("classic", 'learned = "off" in tasks.toml')
    assert rhythm_of(hourly("job"), Learning(Rules(), Knowledge(), {"job": "because"})) == ("classic", "because")


def test_a_back_test_that_lacks_numbers_is_not_told() -> None:
    of = learning()
    plain = rhythm(job=lesson(table()) | {"backtest": None})
    assert rhythm_of(hourly("job"), replace(of, knowledge=lessons.decode(plain)))[1] == "from 28.0 days of load"


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (learning(), "2 of 2 tasks follow what was learned 1 d ago"),
        (Learning(Rules(rhythm=Rhythm(learned="off")), Knowledge(), {}), 'the classic rule; learned = "off"'),
        (Learning(Rules(), Knowledge(), {"a": "x", "b": "x"}), "the classic rule; x"),
        (Learning(Rules(), Knowledge(), {"a": "x", "b": "y"}), "the classic rule; why TASK says of each why"),
        (Learning(Rules(), Knowledge(), {}), ""),
    ],
)
def test_one_line_says_how_far_it_is_in_force(of: Learning, says: str) -> None:
    assert in_short(FOLLOWED, of, NOW).startswith(says)
    assert bool(in_short(FOLLOWED, of, NOW)) == bool(says)


def test_the_table_of_a_lesson_is_read_once() -> None:
    mine = lessons.decode(GOOD).lessons["job"]
    assert mine.table is mine.table
    assert notation.encode(mine.table) == GOOD["tasks"]["job"]["table"]


@pytest.mark.parametrize(
    ("measured", "reached", "says"),
    [
        (14, 14, ""),
        (7, 14, ""),
        (28, 56, ""),
        (6.9, 40, "the history knows 6.9 days of load and reaches back 40.0; learning takes 14, half of them measured"),
        (
            13.9,
            13.9,
            "the history knows 13.9 days of load and reaches back 13.9; learning takes 14, half of them measured",
        ),
        (0, 0, "the history knows 0.0 days of load and reaches back 0.0; learning takes 14, half of them measured"),
    ],
)
def test_two_weeks_of_which_half_was_measured_are_enough(measured: float, reached: float, says: str) -> None:
    assert lessons.too_little(measured, reached) == says


def test_a_task_that_only_events_start_follows_no_rhythm() -> None:
    only = task("job", None)
    assert rhythm_of(only, learning()) == ("events", "no interval in tasks.toml: only events start it")
