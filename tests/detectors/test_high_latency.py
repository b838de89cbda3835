"""high_latency: loud where answers take far longer than usual, on fine steps only beyond the host's own tail."""

import json
from random import Random

import pytest

from adaptive_scheduler.detectors.high_latency import HighLatency
from adaptive_scheduler.events import HIGH_LATENCY, Level
from adaptive_scheduler.series import latency_cell, latency_of
from tests.detectors.lives import Life, Values, host, lived, on_days, place

LATENCY = HighLatency()
HOUR = 60


def service(days: float, minutes: int = HOUR) -> Values:
    return host(days, minutes, base=40, noise=3)


def slowed(values: Values, day: float, hours: float, times: float, minutes: int = HOUR) -> Values:
    """The same with answers that take so many times as long for some hours from a day on."""
    begin, last = place(day, minutes), place(day, minutes) + max(1, round(hours * 60 / minutes))
    return [value and value * (times if begin <= number < last else 1) for number, value in enumerate(values)]


def life_of(values: Values, minutes: int = HOUR, level: Level = Level.CALM) -> Life:
    return lived(LATENCY, values, minutes, level, latency_cell)


def fired(values: Values, minutes: int = HOUR, level: Level = Level.CALM) -> list[int]:
    return list(life_of(values, minutes, level).fired)


def test_it_is_called_as_in_tasks_toml() -> None:
    assert LATENCY.kind == HIGH_LATENCY


@pytest.mark.parametrize("level", [Level.CALM, Level.KEEN])
@pytest.mark.parametrize("minutes", [5, 10, 30, 60])
def test_answers_three_times_as_slow_fire_once_at_the_first_step(minutes: int, level: Level) -> None:
    assert fired(slowed(service(5, minutes), 4.5, 3, 3, minutes), minutes, level) == [place(4.5, minutes)]
    assert fired(service(5, minutes), minutes, level) == []


@pytest.mark.parametrize(
    ("times", "level", "fires"),
    [(1.3, Level.CALM, False), (1.45, Level.KEEN, True), (1.45, Level.CALM, False), (1.6, Level.CALM, True)],
)
def test_how_many_times_the_usual_is_too_much_depends_on_the_level(times: float, level: Level, fires: bool) -> None:
    assert bool(fired(slowed(service(5), 4.5, 1, times), level=level)) is fires


def test_the_verdict_says_what_is_usual() -> None:
    verdict = life_of(slowed(service(5), 4.5, 1, 3)).verdicts[place(4.5, HOUR)]
    assert verdict is not None
    assert latency_of(verdict.expected) == pytest.approx(42, abs=2)
    assert latency_of(verdict.value) == pytest.approx(120, abs=10)
    assert verdict.steps == 1


def test_nothing_fires_in_the_first_two_days() -> None:
    life = life_of(slowed(service(2), 1.5, 2, 3))
    assert max(life.excesses) > 1
    assert life.fired == []


def test_slow_answers_at_the_same_hour_each_night_are_no_news() -> None:
    nightly = service(6)
    for day in range(6):
        nightly = slowed(nightly, day + 3 / 24, 1, 3)
    assert fired(nightly) == []
    assert list(on_days(fired(slowed(nightly, 5.5, 1, 4)), HOUR)) == [5]


def test_slow_answers_a_few_minutes_earlier_than_on_other_nights_are_no_news_either() -> None:
    nightly = service(6, 5)
    for day in range(5):
        nightly = slowed(nightly, day + 3 / 24, 1, 3, 5)
    assert fired(slowed(nightly, 5 + 2.75 / 24, 1, 3, 5), 5) == []
    assert fired(slowed(nightly, 5 + 2.5 / 24, 1, 3, 5), 5) == [place(5 + 2.5 / 24)]


def test_what_was_slow_this_morning_does_not_deafen_the_evening() -> None:
    values = service(8, 10)
    for day in (3.5, 7.2, 7.8):
        values = slowed(values, day, 1 / 6, 4, 10)
    assert fired(values, 10) == [place(day, 10) for day in (3.5, 7.2, 7.8)]


def test_slow_answers_a_week_and_two_weeks_ago_are_no_news() -> None:
    weekly = slowed(slowed(service(18), 3.5, 2, 3), 10.5, 2, 3)
    assert list(on_days(fired(slowed(weekly, 17.5, 2, 3)), HOUR)) == [3]
    assert list(on_days(fired(slowed(weekly, 16.5, 2, 3)), HOUR)) == [3, 16]


def test_one_bad_day_does_not_deafen() -> None:
    bad = slowed(service(9), 3.2, 14, 6)
    assert fired(slowed(bad, 7.5, 1, 2))[-1] == place(7.5, HOUR)


def single_slow_answers(days: int, minutes: int) -> Values:
    """Twice a day a single step, at any hour, is twice as slow."""
    random, values = Random(4), service(days, minutes)
    for day in range(days - 1):
        for _ in range(2):
            values = slowed(values, day + random.random(), minutes / 60, 2, minutes)
    return values


def test_single_slow_answers_on_fine_steps_raise_the_limit_of_that_host() -> None:
    values = single_slow_answers(12, 10)
    assert max(on_days(fired(values, 10)), default=0) < 5
    assert fired(slowed(values, 11.5, 1, 3, 10), 10) == fired(values, 10)
    assert fired(slowed(values, 11.5, 1, 8, 10), 10)[-1] == place(11.5, 10)


def test_on_long_steps_the_record_does_not_deafen_beyond_its_median() -> None:
    values = single_slow_answers(12, HOUR)
    assert fired(slowed(values, 11.5, 1, 3))[-1] == place(11.5, HOUR)


def test_what_is_said_of_a_step_does_not_depend_on_later_ones() -> None:
    whole = slowed(slowed(service(8), 4.5, 2, 3), 6.1, 2, 2)
    life = life_of(whole)
    for cut in (place(4.5, HOUR) + 1, place(6, HOUR)):
        assert life_of(whole[:cut]).verdicts == life.verdicts[:cut]


def test_a_step_without_an_answer_has_no_verdict() -> None:
    assert life_of([*service(3), None]).verdicts[-1] is None


def test_after_a_gap_of_days_it_is_silent_until_a_quarter_of_two_days_is_known() -> None:
    life = life_of([*service(4), *[None] * 72, *service(1)])
    back = place(7, HOUR)
    assert [verdict is not None for verdict in life.verdicts[back : back + 13]] == [False] * 12 + [True]
    assert life.fired == []


def test_it_remembers_two_weeks_that_json_can_hold() -> None:
    life = life_of(slowed(service(18), 4.5, 2, 3))
    today = life.series.end // 24
    assert json.loads(json.dumps(life.memory)) == life.memory
    assert [day for day, _ in life.memory["tops"]] == [*range(today - 14, today + 1)]
