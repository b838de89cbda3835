"""Who is to blame for the CPU, and who is largest: a table of what was and what is."""

import json
from datetime import timedelta
from typing import Any

import pytest

from adaptive_scheduler import consumers
from adaptive_scheduler.consumers import Tally, busiest, decode, encode, largest, tally
from adaptive_scheduler.events import Culprit, Process
from tests.builders import NOW

BIRTH = NOW.timestamp() - 3600
SINCE = 300.0


def process(pid: int, name: str, cpu_s: float = 0.0, **more: Any) -> Process:
    return Process(**{"pid": pid, "name": name, "created": BIRTH, "rss": 1000, "cpu_s": cpu_s, **more})


INIT = process(1, "init", 5)


def blamed(before: list[Process], now: list[Process], cpus: float = 2, kept: int = consumers.KEPT) -> Culprit | None:
    was = tally([INIT, *before], NOW - timedelta(seconds=SINCE), kept)
    return busiest([INIT, *now], decode(json.loads(json.dumps(encode(was)))), SINCE, cpus)


def told(before: list[Process], now: list[Process], **more: Any) -> tuple[str, int, float | None, int] | None:
    found = blamed(before, now, **more)
    return None if found is None else (found.name, found.pid, found.cpu_percent, found.processes)


def test_the_largest_come_first_and_those_without_memory_not_at_all() -> None:
    some = [process(pid, "x", rss=pid % 7 * 100) for pid in range(1, 40)]
    found = largest(some)
    assert [one.rss for one in found] == [600] * 5 + [500] * 5
    assert [one.pid for one in found[:5]] == [6, 13, 20, 27, 34]
    assert [one.pid for one in largest(some, 2)] == [6, 13]
    assert largest([process(2, "kthreadd", rss=0)]) == ()


NEW = {"created": NOW.timestamp() - 60}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(
            [process(7, "db", 900), process(8, "burn", 10)],
            [process(7, "db", 903), process(8, "burn", 310)],
            ("burn", 8, 50.0, 1),
            id="what it used before is not held against it",
        ),
        pytest.param([], [process(9, "burn", 60, **NEW)], ("burn", 9, 10.0, 1), id="a new one counts with all"),
        pytest.param(
            [process(9, "editor", 500)],
            [process(9, "burn", 60, **NEW)],
            ("burn", 9, 10.0, 1),
            id="its number was another's",
        ),
        pytest.param(
            [process(9, "editor", 500)],
            [process(9, "burn", 60, created=BIRTH + 1)],
            ("burn", 9, 10.0, 1),
            id="its number was another's born in the same second",
        ),
        pytest.param(
            [process(9, "burn", 500)],
            [process(9, "burn", 560, created=BIRTH + 1)],
            ("burn", 9, 10.0, 1),
            id="a birth that wobbles is one birth",
        ),
        pytest.param(
            [process(9, "db", 100), *(process(pid, "cc1plus", 1) for pid in range(20, 28))],
            [process(9, "db", 160), *(process(pid, "cc1plus", 31 + pid % 2) for pid in range(20, 28))],
            ("cc1plus", 21, 40.7, 8),
            id="siblings share the blame",
        ),
        pytest.param(
            [process(pid, "python", 1) for pid in range(20, 28)],
            [process(20, "python", 301), *(process(pid, "python", 3) for pid in range(21, 28))],
            ("python", 20, 50.0, 1),
            id="among namesakes one alone is to blame",
        ),
        pytest.param(
            [process(pid, "python", 1) for pid in range(20, 28)],
            [*(process(pid, "python", 101) for pid in (20, 21)), *(process(pid, "python", 1.5) for pid in (22, 23))],
            ("python", 20, 33.5, 2),
            id="idle namesakes are not counted",
        ),
        pytest.param(
            [process(30, "make", 1)],
            [process(30, "make", 2, ended_children_s=240), process(31, "cc1plus", 2, parent=30, **NEW)],
            ("make", 30, 40.2, 1),
            id="the parent of short lives",
        ),
        pytest.param(
            [process(40, "bash", 1), process(41, "server", 7200, parent=40), process(9, "db", 1)],
            [process(40, "bash", 1, ended_children_s=7203), process(9, "db", 61)],
            ("db", 9, 10.0, 1),
            id="a child's long life is not its parent's burst",
        ),
        pytest.param(
            [
                process(40, "bash", 1),
                process(41, "make", 1, parent=40, ended_children_s=400),
                process(42, "cc1plus", 90, parent=41),
                process(9, "db", 1),
            ],
            [process(40, "bash", 1, ended_children_s=500), process(9, "db", 61)],
            ("db", 9, 10.0, 1),
            id="nor is a grandchild's",
        ),
        pytest.param(
            [process(50, "a", 90, parent=51), process(51, "b", 90, parent=50), process(9, "db", 1)],
            [process(9, "db", 61)],
            ("db", 9, 10.0, 1),
            id="parents in a ring are nobody's",
        ),
        pytest.param([process(9, "db", 5)], [process(9, "db", 5)], None, id="nobody did anything"),
        pytest.param([], [process(9, "burn", 5000, **NEW)], ("burn", 9, 100.0, 1), id="never more than all"),
    ],
)
def test_the_culprit_is_who_used_most_since_then(
    before: list[Process], now: list[Process], expected: tuple[str, int, float, int] | None
) -> None:
    assert told(before, now) == expected


def test_a_culprit_brings_its_birth_its_memory_and_its_run() -> None:
    now = [process(pid, "burn", 60, rss=500, run_id="r1", **NEW) for pid in (9, 8)]
    found = blamed([], now)
    assert found == Culprit(
        name="burn", pid=9, created=NEW["created"], rss=1000, cpu_percent=20.0, run_id="r1", processes=2
    )


def test_where_nothing_was_there_before_nobody_is_blamed() -> None:
    another_boot = tally([process(1, "init", 5, created=BIRTH - 1e6)], NOW)
    assert busiest([INIT, process(9, "burn", 60)], another_boot, SINCE, 2) is None


@pytest.mark.parametrize(("seconds", "cpus"), [(0.0, 2.0), (-5.0, 2.0), (300.0, 0.0)])
def test_without_time_or_cpus_there_is_no_share(seconds: float, cpus: float) -> None:
    assert busiest([process(1, "init", 9)], tally([INIT], NOW), seconds, cpus) is None


def test_who_was_left_out_for_having_used_little_is_not_taken_for_new() -> None:
    crowd = [process(pid, f"p{pid}", 100 + pid) for pid in range(2, 12)]
    old = process(90, "old", 100)
    assert told([*crowd, old], [*crowd, process(90, "old", 130)], kept=11) == ("old", 90, 5.0, 1)
    many = tally([INIT, *crowd, old], NOW - timedelta(seconds=SINCE), kept=9)
    assert (len(many.used), many.floor_s) == (9, 102)
    found = busiest([INIT, *crowd, process(90, "old", 130)], many, SINCE, 2)
    assert found is not None
    assert (found.name, found.cpu_percent) == ("old", 4.7)


def test_what_is_kept_is_bounded_and_small() -> None:
    was = tally([process(pid, "x", pid / 3) for pid in range(5000)], NOW)
    assert len(was.used) == consumers.KEPT
    assert min(was.used) == 5000 - consumers.KEPT
    assert len(json.dumps(encode(was))) < 20_000


GOOD = encode(tally([INIT], NOW))


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {**GOOD, "at": "noon"},
        {**GOOD, "at": None},
        {**GOOD, "floor_s": "much"},
        {**GOOD, "floor_s": float("nan")},
        {**GOOD, "floor_s": True},
        {**GOOD, "processes": None},
        {**GOOD, "processes": [[1, 2.0]]},
        {**GOOD, "processes": [["1", 2.0, 0, 1.0, 1.0]]},
        {**GOOD, "processes": [[True, 2.0, 0, 1.0, 1.0]]},
        {**GOOD, "processes": [[-1, 2.0, 0, 1.0, 1.0]]},
        {**GOOD, "processes": [[1, 2.0, 0, -1.0, 1.0]]},
        {**GOOD, "processes": [[1, float("inf"), 0, 1.0, 1.0]]},
    ],
)
def test_what_is_no_tally_is_refused(plain: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(plain)


def test_a_tally_survives_the_way_to_disk() -> None:
    was = tally([INIT, process(9, "x", 1.25, parent=1, ended_children_s=2.5)], NOW)
    assert decode(json.loads(json.dumps(encode(was)))) == was
    assert isinstance(was, Tally)
