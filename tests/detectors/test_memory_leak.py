"""memory_leak: loud where memory creeps up and does not come back, silent where it always comes and goes."""

import json
from math import exp
from random import Random

import pytest

from adaptive_scheduler.detectors.memory_leak import MemoryLeak
from adaptive_scheduler.events import MEMORY_LEAK, Level
from adaptive_scheduler.series import percent_of
from tests.detectors.lives import Values, host, lived, on_days, place

LEAK = MemoryLeak()
POINTS = 30


def machine(days: float, minutes: int = 5) -> Values:
    return host(days, minutes, base=30, noise=0.3)


def leaking(values: Values, day: float, rate: float, minutes: int = 5, points: float = POINTS) -> Values:
    """The same with a leak of so many points an hour from a day on, up to so many points."""
    a_step, begin = rate * minutes / 60, place(day, minutes)
    leaked = [min(points, max(0, number + 1 - begin) * a_step) for number in range(len(values))]
    return [None if value is None else value + more for value, more in zip(values, leaked, strict=True)]


def fired(values: Values, minutes: int = 5, level: Level = Level.CALM) -> list[int]:
    return list(lived(LEAK, values, minutes, level).fired)


def test_it_is_called_as_in_tasks_toml() -> None:
    assert LEAK.kind == MEMORY_LEAK


@pytest.mark.parametrize(
    ("minutes", "rate", "leaked"),
    [
        pytest.param(5, 0.4, 5, id="slow"),
        pytest.param(5, 1, 5, id="usual"),
        pytest.param(5, 3, 5, id="fast"),
        pytest.param(5, 10, 10, id="within hours"),
        pytest.param(10, 1, 5, id="10-minute steps"),
        pytest.param(30, 1, 10, id="half-hour steps"),
        pytest.param(60, 1, 10, id="hourly steps"),
    ],
)
def test_a_leak_fires_once_before_much_is_lost_and_not_again_while_it_goes_on(
    minutes: int, rate: float, leaked: float
) -> None:
    steps = fired(leaking(machine(9, minutes), 5, rate, minutes), minutes)
    assert len(steps) == 1
    assert 3 <= (steps[0] + 1 - place(5, minutes)) * rate * minutes / 60 <= leaked


@pytest.mark.parametrize("level", [Level.CALM, Level.KEEN])
def test_a_machine_that_does_nothing_special_is_silent(level: Level) -> None:
    assert fired(machine(8), level=level) == []


def test_nothing_fires_in_the_first_two_days() -> None:
    assert fired(leaking(machine(2), 0.5, 1)) == []


def test_nothing_is_a_leak_before_two_days_at_this_hour_are_known() -> None:
    life = lived(LEAK, leaking(machine(1.9), 1, 1))
    assert max(life.excesses) == 0


def test_the_verdict_says_what_is_usual_and_since_when_it_creeps() -> None:
    life = lived(LEAK, leaking(machine(6), 5, 1))
    (step,) = life.fired
    verdict = life.verdicts[step]
    assert verdict is not None
    assert percent_of(verdict.expected) == pytest.approx(30, abs=0.5)
    assert percent_of(verdict.value) == pytest.approx(34, abs=0.5)
    assert verdict.steps == 12 * 6  # half-hour blocks


def test_a_new_process_is_one_step_and_no_leak() -> None:
    stays: Values = [value + 20 * (number >= place(5)) for number, value in enumerate(machine(8)) if value is not None]
    assert fired(stays) == []


@pytest.mark.parametrize(
    ("heights", "leaks"),
    [
        pytest.param([number * 0.8 for number in range(12)], True, id="steady"),
        pytest.param([0, 2, 0, -1, -1, -2, -2, 0, 3, 6, 6, 9], False, id="wavers: no trend"),
        pytest.param([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 1.9, 3.6, 5.3], False, id="late: no slope"),
        pytest.param([0, 0.2, 0.4, 0.6, 0.8, 1, 6, 6.2, 6.4, 6.6, 6.8, 7], False, id="a step that is most of it"),
        pytest.param([number * 0.25 for number in range(12)], False, id="too little"),
    ],
)
def test_only_a_steady_rise_is_a_leak(heights: list[float], leaks: bool) -> None:
    """The heights are those of blocks of half an hour, three steps each."""
    rise = [30 + height for height in heights for _ in range(3)]
    last = lived(LEAK, [*host(5, 10, base=30, noise=0), *rise], 10).excesses[-1]
    assert (last >= 1) is leaks
    assert leaks or last == 0


def test_bursts_do_not_hide_a_leak() -> None:
    random = Random(3)
    bursting = [value + 15 * (random.random() < 0.1) for value in machine(6) if value is not None]
    (step,) = fired(leaking([*bursting], 5, 1))
    assert step - place(5) <= 12 * 6


def test_a_restart_resets_it() -> None:
    leaks = leaking(machine(7.1), 5, 1, points=20)
    restarted: Values = [v - 20 if v is not None and n >= place(6) else v for n, v in enumerate(leaks)]
    life = lived(LEAK, restarted)
    assert list(on_days(life.fired)) == [5]
    assert max(life.excesses[place(6.6) :]) == 0
    assert life.latch.armed


def filling(days: float, restart: float, after: float = 1.0) -> Values:
    """A page cache on steps of 10 minutes that fills within a day, and after a restart so many times as high."""
    random, values = Random(5), list[float | None]()
    for step in range(place(days, 10)):
        since, height = (step, 1.0) if step < place(restart, 10) else (step - place(restart, 10), after)
        values.append(15 + 30 * height * (1 - exp(-since / 58)) + random.uniform(-0.3, 0.3))
    return values


def test_a_refill_up_to_the_old_height_is_no_leak_and_one_above_it_is() -> None:
    assert fired(filling(8, 6), 10) == []
    assert list(on_days(fired(filling(8, 6, after=1.3), 10), 10)) == [6]


def test_memory_that_always_fills_and_falls_is_silent_after_the_first_times() -> None:
    random, saw = Random(5), list[float | None]()
    while len(saw) < place(18, 10):
        steps = round(180 * random.uniform(0.8, 1.2))
        saw += [25 + 18 * step / steps + random.uniform(-0.3, 0.3) for step in range(steps)]
    days = list(on_days(fired(saw, 10), 10))
    assert 1 <= len(days) <= 3
    assert max(days) < 9


def test_a_leak_that_came_and_went_twice_must_be_larger_to_be_news_again() -> None:
    """Two days of it are remembered, and what is usual at that hour is their height."""
    values = machine(8, 10)
    for day in (2.5, 3.5):
        begin = place(day, 10)
        for step in range(72):
            values[begin + step] = (values[begin + step] or 0) + step / 72 * 8
    life = lived(LEAK, values, 10)
    grown = lived(LEAK, leaking(machine(2, 10), 0.2, 1, 10, points=4.5), 10, life=life)
    larger = lived(LEAK, leaking(machine(2, 10), 0.2, 1, 10), 10, life=life)
    assert [len(one.fired) - len(life.fired) for one in (grown, larger)] == [0, 1]


def test_what_is_said_of_a_step_does_not_depend_on_later_ones() -> None:
    whole = leaking(machine(7, 10), 5, 1, 10)
    life = lived(LEAK, whole, 10)
    for cut in (place(4.1, 10), life.fired[0] + 1, place(6, 10)):
        assert lived(LEAK, whole[:cut], 10).verdicts == life.verdicts[:cut]


def test_a_step_that_was_not_measured_has_no_verdict_and_a_gap_is_no_zero() -> None:
    life = lived(LEAK, [*machine(4), *[None] * 288, *machine(2)])
    assert set(life.verdicts[place(4) : place(5)]) == {None}
    assert life.fired == []


def test_a_leak_is_seen_through_holes() -> None:
    holey: Values = [value if number % 3 else None for number, value in enumerate(leaking(machine(7), 5, 1))]
    assert list(on_days(fired(holey))) == [5]


def test_it_remembers_what_json_can_hold() -> None:
    memory = lived(LEAK, leaking(machine(6), 5, 1)).memory
    assert json.loads(json.dumps(memory)) == memory
    assert set(memory) == {"10", "30", "120", "360"}
    assert any(memory.values())
