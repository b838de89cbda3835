"""Fifty lessons at once: what a cycle spares itself changes no number, and hides no damage."""

import random
from array import array
from dataclasses import replace
from math import ceil, inf

import pytest

from adaptive_scheduler import lessons, notation
from adaptive_scheduler.rhythm import SLOWEST_LEARNED, Stair, Staircase
from adaptive_scheduler.rhythm import learned as stairs_of
from adaptive_scheduler.rolling import FILLED, Percents, Rolling, step_of
from adaptive_scheduler.settings import Rhythm, Rules
from adaptive_scheduler.signals import FEATURES, Present
from adaptive_scheduler.staircases import Learned, Table
from tests.builders import NOW, task
from tests.tables import ALWAYS, TICK, lesson, load, rhythm, table

EVERY = (60, 120, 125, 360, 1440)
RUNS = (1, 1, 2, 12, 144)
ACCOUNTS = (-99.0, -12.0, -0.4, 0.0, 3.0, 9.0)
DICE = random.Random(1)


def any_table(number: int) -> Table:
    """One of fifty: many have equal ceilings, none equal weights."""
    every, run = EVERY[number % len(EVERY)], RUNS[number // len(EVERY) % len(RUNS)]
    weights = tuple(round(DICE.uniform(-0.2, 0.2), 6) for _ in range(FEATURES))
    low = tuple(round(DICE.uniform(-20, 0), 2) for _ in weights)
    high = tuple(round(value + DICE.uniform(0, 20), 2) for value in low)
    one = table(
        every, lambda slot, age, level: (slot * 5 + age * 3 + level) % (ALWAYS + 1), stride=1 + 2 * (every > 60)
    )
    return replace(one, run=run, weights=weights, low=low, high=high) if number % 7 else replace(one, run=run)


TABLES = {f"task_{number}": any_table(number) for number in range(50)}
FOLLOWED = {name: task(name, one.interval_s / 60) for name, one in TABLES.items()}


def noisy_load() -> Rolling:
    calm = load(NOW, days=28)
    cells = array("H", [DICE.randrange(10_001) | (FILLED if DICE.random() < 0.1 else 0) for _ in calm.cells])
    return replace(calm, cells=cells)


LOAD = noisy_load()


def at_length(name: str) -> Learned:
    """What one lesson says of the present, worked out for itself alone and as its definition reads."""
    one, cpu = TABLES[name], [(cell & ~FILLED) / 100 for cell in LOAD.cells]
    present = Present(cpu, LOAD.grid)
    features = present.features(one.run)
    parts = zip(features, one.low, one.high, one.weights, strict=False)
    signal = sum(min(max(value, low), high) * weight for value, low, high, weight in parts)
    slot = (step_of(NOW - TICK / 2, LOAD.grid) + 1) % LOAD.grid.day // one.stride
    level = sum(cpu[-7 * 288 :]) / (7 * 288)
    return Learned(one, slot, level, level + (signal if one.weights else features[0]))


def stairs_at_length(now: Learned, behind: float) -> Staircase:
    """The staircase, every age of the table asked for its ceiling."""
    one, rule, found, top = now.table, Rhythm(), [], -inf
    unit = one.step_s / one.interval_s
    earliest = ceil(rule.faster / unit - 1e-9) * unit
    for number in range(one.ages):
        ceiling = now.level + one.ceiling(now.slot, number, one.account(behind))
        if ceiling > top:
            age = ((one.first + number) * one.stride - (one.stride - 1) / 2) * unit
            found.append(Stair(max(earliest, age) if number else earliest, ceiling, inclusive=False))
            top = ceiling
    last = min(rule.slower, SLOWEST_LEARNED)
    return (*(stair for stair in found if stair.age < last), Stair(last, inf))


def told(of: dict[str, Table]) -> tuple[dict[str, Learned], dict[str, str]]:
    knowledge = lessons.decode({**rhythm(), "tasks": {name: lesson(one) for name, one in of.items()}})
    return lessons.standing(FOLLOWED, knowledge, LOAD, NOW, Rules(tick=TICK), 2.0)


def test_fifty_lessons_at_once_say_to_the_last_bit_what_each_says_alone() -> None:
    usable, why = told(TABLES)
    assert why == {}
    assert usable == {name: at_length(name) for name in TABLES}


@pytest.mark.parametrize("behind", ACCOUNTS)
def test_their_staircases_are_those_of_every_age_asked_one_by_one(behind: float) -> None:
    for now in told(TABLES)[0].values():
        assert stairs_of(now, Rhythm(), behind) == stairs_at_length(now, behind)


def test_a_column_is_the_ceilings_of_all_ages() -> None:
    one = TABLES["task_3"]
    for slot, level in ((0, 0), (7, 4), (one.slots - 1, one.levels - 1)):
        wanted = [one.ceiling(slot, age, level) for age in range(one.ages)]
        assert [one.edge(number) for number in one.column(slot, level)] == wanted


def test_ceilings_that_fit_one_task_are_damage_where_another_has_fewer_edges() -> None:
    fewer = replace(TABLES["task_5"], edges=TABLES["task_5"].edges[:-1])
    usable, why = told({**TABLES, "task_5": fewer})
    assert "task_0" in usable
    assert "damaged (its ceilings do not fit its edges)" in why["task_5"]


def test_ceilings_that_fit_one_task_are_damage_where_another_has_more_ages() -> None:
    _, why = told({**TABLES, "task_5": replace(TABLES["task_5"], ages=9)})
    assert list(why) == ["task_5"]
    assert "damaged (its ceilings do not fit its slots, ages and levels)" in why["task_5"]


def test_damage_is_damage_however_often_it_is_read() -> None:
    plain = {**notation.encode(TABLES["task_1"]), "ceilings": "AAA="}
    for _ in range(3):
        with pytest.raises(ValueError, match="cannot be unpacked"):
            notation.decode(plain)


def test_cells_are_per_cent_wherever_they_are_looked_at() -> None:
    seen, wanted = Percents(LOAD.cells), LOAD.values()
    assert len(seen) == len(wanted)
    assert [seen[place] for place in (0, 5, -1, -288)] == [wanted[place] for place in (0, 5, -1, -288)]
    assert seen[-3::-288] == wanted[-3::-288]
    assert list(seen) == wanted
    assert max(wanted) <= 100
