"""cpu_spike: loud where CPU is far above its usual, silent where it only does what it did before."""

import json
from random import Random

import pytest

from adaptive_scheduler.detectors.cpu_spike import CpuSpike
from adaptive_scheduler.events import CPU_SPIKE, Level
from adaptive_scheduler.series import percent_of
from tests.detectors.lives import Life, Values, host, lived, on_days, place, put

SPIKE = CpuSpike()
GRIDS = [5, 10, 30, 60]
NOON, ONE_STEP = 0.5, 1 / 12


def fired(values: Values, minutes: int = 5, level: Level = Level.CALM) -> list[int]:
    return list(lived(SPIKE, values, minutes, level).fired)


def nightly(values: Values, days: range, minutes: int = 5) -> Values:
    for day in days:
        values = put(values, day + 2 / 24, 1, 60, minutes)
    return values


def test_it_is_called_as_in_tasks_toml() -> None:
    assert SPIKE.kind == CPU_SPIKE


@pytest.mark.parametrize("level", [Level.CALM, Level.KEEN])
@pytest.mark.parametrize("minutes", GRIDS)
def test_a_plain_spike_fires_once_at_its_first_step(minutes: int, level: Level) -> None:
    spike = put(host(4, minutes), 3 + NOON, 1, 40, minutes)
    assert fired(spike, minutes, level) == [place(3 + NOON, minutes)]
    assert fired(host(4, minutes), minutes, level) == []


def test_the_verdict_says_what_is_usual_and_since_when_it_is_more() -> None:
    begin = place(3 + NOON)
    first, second, third = lived(SPIKE, put(host(4), 3 + NOON, 2, 40)[: begin + 3]).verdicts[begin:]
    assert first is not None
    assert second is not None
    assert third is not None
    assert percent_of(first.expected) == pytest.approx(21, abs=1)
    assert percent_of(first.value) == pytest.approx(60, abs=1)
    assert first.excess == pytest.approx(39 / 8, abs=0.3)
    assert [first.steps, second.steps, third.steps] == [1, 2, 3]


def test_nothing_fires_in_the_first_two_days() -> None:
    life = lived(SPIKE, put(host(2), 1 + NOON, 1, 40))
    assert max(life.excesses) > 1
    assert life.fired == []


def test_a_spike_within_the_cool_down_of_another_is_the_same_event() -> None:
    twice = put(put(host(4), 3 + NOON, ONE_STEP, 40), 3.55, ONE_STEP, 40)
    assert fired(twice) == [place(3 + NOON)]
    assert len(fired(put(twice, 3.7, ONE_STEP, 60))) == 2


@pytest.mark.parametrize("minutes", GRIDS)
def test_a_nightly_job_that_was_seen_before_is_no_news(minutes: int) -> None:
    assert fired(nightly(host(6, minutes), range(6), minutes), minutes) == []


def test_a_new_nightly_job_is_news_once() -> None:
    assert list(on_days(fired(nightly(host(8), range(3, 8))))) == [3]


def test_a_job_at_another_hour_than_always_is_news() -> None:
    moved = put(nightly(host(6), range(5)), 5 + 14 / 24, 1, 60)
    assert list(on_days(fired(moved))) == [5]


def test_a_weekly_job_that_was_seen_once_is_no_news() -> None:
    weekly = put(put(host(18, 30), 3.5, 2, 50, 30), 10.5, 2, 50, 30)
    assert list(on_days(fired(weekly, 30), 30)) == [3]
    assert list(on_days(fired(put(weekly, 17.5, 2, 50, 30), 30), 30)) == [3]
    assert list(on_days(fired(put(weekly, 9.5, 2, 50, 30), 30), 30)) == [3, 9]


def test_one_odd_day_does_not_deafen() -> None:
    random, values = Random(1), host(8)
    for _ in range(12):
        values = put(values, 3 + random.random(), ONE_STEP, 70)
    assert fired(put(values, 6.5, 0.5, 20))[-1] == place(6.5)


def test_a_host_that_spikes_every_day_is_only_heard_when_it_spikes_twice_as_high() -> None:
    random, values = Random(2), host(12, 10)
    for day in range(11):
        values = put(values, day + random.uniform(0.1, 0.9), 1 / 6, 20, 10)
    low, high = (fired(put(values, 11.5, 1 / 6, height, 10), 10) for height in (30, 60))
    assert [day for day in on_days(low, 10) if day == 11] == []
    assert high[-1] == place(11.5, 10)


def test_the_mean_of_half_an_hour_sees_a_rise_that_no_single_step_shows() -> None:
    """Steps that swing by 12 points have their busy end up there; their mean does not swing."""
    swinging: Values = [14.0 if number % 2 else 26.0 for number in range(4 * 288)]
    life = lived(SPIKE, put(swinging, 3 + NOON, 3, 7.5))
    assert life.fired == [place(3 + NOON) + 5]
    verdict = life.verdicts[life.fired[0]]
    assert verdict is not None
    assert percent_of(verdict.value) == pytest.approx(27.5)
    assert percent_of(max(life.series.cells)) - 26 < 8  # which is the least limit of a single step


def test_keen_hears_what_calm_does_not() -> None:
    rise = put(host(4, noise=0.1), 3 + NOON, 3, 6.5)
    assert [fired(rise, level=level) for level in (Level.CALM, Level.KEEN)] == [[], [place(3 + NOON) + 5]]


def test_what_is_said_of_a_step_does_not_depend_on_later_ones() -> None:
    whole = put(nightly(host(6), range(6)), 4.7, 1, 30)
    life = lived(SPIKE, whole)
    for cut in (place(2.3), place(4.7) + 1, place(5)):
        assert lived(SPIKE, whole[:cut]).verdicts == life.verdicts[:cut]


# -- gaps ------------------------------------------------------------------------------------------


def test_a_step_that_was_not_measured_has_no_verdict() -> None:
    life = lived(SPIKE, [*host(3), None])
    assert life.verdicts[-1] is None


def test_after_a_gap_of_days_it_is_silent_until_some_of_the_present_is_known_and_then_hears_again() -> None:
    after: Values = [*host(5), *[None] * 3 * 288, *host(1)]
    life = lived(SPIKE, put(after, 8.5, 1, 40))
    back = place(8)
    assert life.verdicts[back : back + 6] == [None] * 6
    assert life.verdicts[back + 6] is not None
    assert life.fired == [place(8.5)]


def test_a_load_back_from_a_gap_is_not_compared_with_zeros() -> None:
    assert fired([*host(5, base=60), *[None] * 288, *host(1, base=60)]) == []


# -- what it remembers -----------------------------------------------------------------------------


def steps_told(life: Life, values: Values) -> list[bool]:
    return [verdict is not None for verdict in lived(SPIKE, values, life=life).verdicts[len(life.verdicts) :]]


def test_what_was_forgotten_is_looked_at_again_one_day_a_look_and_nothing_is_said_until_then() -> None:
    life = lived(SPIKE, host(6))
    robbed = Life(life.series, at=life.at)
    assert steps_told(robbed, host(0.1)[:6]) == [False] * 4 + [True] * 2
    assert lived(SPIKE, host(1), life=robbed).memory == lived(SPIKE, host(1), life=life).memory


def test_days_that_teach_nothing_are_found_at_once() -> None:
    life = lived(SPIKE, [*host(3), *[None] * 288 * 3, *host(0.5)])
    assert steps_told(Life(life.series, at=life.at), host(0.1)[:3]) == [False, True, True]


def test_it_remembers_what_json_can_hold() -> None:
    memory = lived(SPIKE, host(4)).memory
    assert json.loads(json.dumps(memory)) == memory
    assert set(memory) == {"5", "30"}
