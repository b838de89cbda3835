"""A learned table as data: what is written is read again, and what no table can be is damage."""

import json
import sys
from array import array
from base64 import b64decode, b64encode
from dataclasses import replace
from math import inf
from typing import Any
from zlib import compress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptive_scheduler import notation
from adaptive_scheduler.notation import decode, encode
from adaptive_scheduler.rhythm import Stair
from adaptive_scheduler.rhythm import learned as stairs_of
from adaptive_scheduler.settings import Rhythm
from adaptive_scheduler.signals import FEATURES
from adaptive_scheduler.staircases import Table, hundredths
from tests.tables import ALWAYS, EDGES, NEVER, learned, table
from tests.test_rolling import JSON

DAMAGED = (ValueError, KeyError, TypeError)
WEIGHTS: dict[str, Any] = {"weights": (0.5, -0.25), "low": (-10.0, -5.0), "high": (10.0, 5.0)}


@pytest.mark.parametrize(("every", "stride"), [(20, 1), (25, 1), (60, 1), (125, 3), (360, 3), (1440, 6), (2880, 12)])
def test_what_is_written_is_read_again(every: int, stride: int) -> None:
    wanted = table(every, lambda slot, age, level: (slot * 7 + age * 3 + level) % (ALWAYS + 1), stride=stride)
    assert decode(json.loads(json.dumps(encode(wanted)))) == wanted
    heavier = replace(wanted, **WEIGHTS)
    assert decode(json.loads(json.dumps(encode(heavier)))) == heavier


GOOD = encode(table(**WEIGHTS))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("interval_s", 0, "no number"),
        ("interval_s", float("nan"), "no number"),
        ("interval_s", 10**400, "no number"),
        ("interval_s", True, "no number"),
        ("step_s", 0, "no whole number"),
        ("step_s", 300.0, "no whole number"),
        ("step_s", 420, "do not fill a day"),
        ("slot_steps", 10**400, "no whole number"),
        ("slot_steps", 1000, "do not fill a day"),
        ("first_age", 10**5, "begin after its interval"),
        ("ages", 9, "do not fit"),
        ("levels", 1, "no whole number"),
        ("credit_runs", -1, "no number"),
        ("credit_runs", 1e308, "no number"),
        ("cap_runs", 0, "no number"),
        ("edges", [], "do not rise"),
        ("edges", [1, 0], "do not rise"),
        ("edges", [0, float("nan")], "not all of them"),
        ("edges", [0, float("inf")], "not all of them"),
        ("edges", [0, 10**400], "not all of them"),
        ("edges", [False, True], "not all of them"),
        ("edges", list(range(300)), "must be in range"),
        ("weights", [1.0], "belong together"),
        ("low", [1.0], "belong together"),
        ("usual", "AAA=", "do not fill a day"),
        ("usual", "AAAA", "multiple"),
        ("ceilings", "AAA=", "cannot be unpacked"),
        ("ceilings", "?", "base64|padding"),
        ("ceilings", b64encode(compress(bytes(10))).decode(), "do not fit"),
        ("ceilings", b64encode(compress(bytes([ALWAYS + 1]) * 288 * 8 * 9)).decode(), "do not fit"),
        ("ceilings", b64encode(compress(bytes(50_000_000))).decode(), "do not fit"),
    ],
)
def test_what_no_table_can_be_is_damage(key: str, value: Any, says: str) -> None:
    with pytest.raises(DAMAGED, match=says):
        decode({**GOOD, key: value})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON, st.booleans(), st.floats(-1e9, 1e9), st.floats(0, 100))
def test_a_table_that_is_read_can_be_applied(key: str, value: Any, drop: bool, behind: float, level: float) -> None:
    plain = {name: one for name, one in GOOD.items() if name != key} if drop else {**GOOD, key: value}
    try:
        found = decode(plain)
    except DAMAGED:
        return
    stairs = stairs_of(learned(found, 50, level), Rhythm(), behind)
    assert [stair.age for stair in stairs] == sorted(stair.age for stair in stairs)
    assert [stair.ceiling for stair in stairs] == sorted(stair.ceiling for stair in stairs)


def test_a_signal_without_weights_is_the_first_feature() -> None:
    assert table().signal(tuple(range(FEATURES))) == 0


def test_a_weighted_signal_believes_features_within_bounds() -> None:
    one = table(**WEIGHTS)
    assert one.signal((4.0, 2.0)) == 1.5
    assert one.signal((400.0, -400.0)) == 10 * 0.5 + 5 * 0.25
    with pytest.raises(ValueError):
        one.signal((4.0,))


@pytest.mark.parametrize(
    ("behind", "level"), [(-99, 0), (-12, 0), (-10.7, 0), (-10.6, 1), (-1.5, 4), (9, 8), (7.6, 7), (7.8, 8), (99, 8)]
)
def test_the_account_is_the_nearest_level(behind: float, level: int) -> None:
    assert table().account(behind) == level


def test_the_number_of_a_ceiling_is_that_of_its_edge() -> None:
    ceilings = [table(60, number).ceiling(5, 3, 4) for number in range(ALWAYS + 1)]
    assert ceilings == [-inf, *EDGES, inf]


def test_the_usual_signal_is_kept_in_hundredths_within_what_two_bytes_hold() -> None:
    assert list(hundredths([1.234, -1000, 1000])) == [123, -10_000, 10_000]


# -- applied by the one law --------------------------------------------------------------------------


def steps(one: Table, behind: float = -1.5, rhythm: Rhythm | None = None) -> list[tuple[float, float]]:
    found = stairs_of(learned(one, 50, 50), rhythm or Rhythm(), behind)
    assert all(not stair.inclusive for stair in found[:-1])
    return [(round(stair.age, 3), stair.ceiling) for stair in found]


def test_a_learned_staircase_rises_from_the_level_and_ends_always() -> None:
    one = table(60, lambda slot, age, level: min(ALWAYS, age))
    assert steps(one) == [(0.917, 30), (1.0, 40), (1.083, 50), (1.167, 60), (1.25, inf), (1.5, inf)]


def test_it_begins_at_the_first_whole_step_not_before_the_earliest_age() -> None:
    assert steps(table(120, 2))[0] == (0.833, 40)
    assert steps(table(20, 2))[0] == (1.0, 40)
    assert steps(table(125, 2, stride=3))[0] == (0.8, 40)


def test_slots_of_several_steps_begin_half_a_slot_early_but_never_before_the_earliest_age() -> None:
    one = table(360, lambda slot, age, level: 1 + (age > 0), stride=3)
    assert steps(one)[:2] == [(round(58 / 72, 3), 30), (round(62 / 72, 3), 40)]


def test_ceilings_that_fall_with_age_do_not_take_back_what_was_allowed() -> None:
    one = table(60, lambda slot, age, level: 3 if age == 1 else 1)
    assert [ceiling for _, ceiling in steps(one)] == [30, 50, inf]


@pytest.mark.parametrize(("slower", "end"), [(1.2, 1.2), (1.5, 1.5), (4.0, 1.5)])
def test_it_starts_by_one_and_a_half_intervals_whatever_slower_allows(slower: float, end: float) -> None:
    assert stairs_of(learned(table(60, NEVER), 50), Rhythm(slower=slower), 0.0) == (Stair(end, inf),)


def test_at_the_top_account_everything_starts_at_the_earliest_age_and_at_the_bottom_nothing_before_its_time() -> None:
    assert steps(table(60, NEVER), behind=9)[0] == (0.833, inf)
    assert steps(table(60, ALWAYS), behind=-12)[0] == (1.0, inf)


def test_tables_are_equal_by_what_they_hold() -> None:
    assert table() == table()
    assert table() != table(usual=array("h", [1] * 288))


def test_the_usual_signal_is_little_endian_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    one = table(usual=array("h", [0x0102] * 288))
    assert b64decode(encode(one)["usual"])[:2] == b"\x02\x01"
    monkeypatch.setattr(notation, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert b64decode(encode(one)["usual"])[:2] == b"\x01\x02"
    assert decode(encode(one)) == one


def test_the_format_says_its_units() -> None:
    assert {"interval_s", "step_s", "cap_runs", "credit_runs"} <= notation.encode(table()).keys()
