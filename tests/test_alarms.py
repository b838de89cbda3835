"""What of all that was seen becomes an event: once, not too often, not while learning, and a leak not twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from adaptive_scheduler.alarms import FORGOTTEN, happened
from adaptive_scheduler.events import Culprit, Event, Level, Watch
from adaptive_scheduler.sightings import Sighting
from tests.builders import NOW, minutes
from tests.sights import CALM, sighting, watches

TICK = minutes(5)
DAY = timedelta(days=1)
LEAKER = Culprit(name="leaker", pid=8, created=1.0)


class Latched:
    """Cycles, one after the other, that see what a test says; the latches go from one to the next."""

    def __init__(self, **built_in: Any) -> None:
        self.now, self.text = NOW, ""
        self.watches = watches(**built_in)

    def own(self, **more: Any) -> "Latched":
        self.watches["mine"] = Watch(name="mine", when="cpu_load > 1", **more)
        return self

    def at(self, now: datetime, *found: Sighting) -> list[Event]:
        self.now = now
        self.text, events = happened(self.text, found, self.watches, now, TICK)
        return events

    def after(self, gap: timedelta, *found: Sighting) -> list[str]:
        """Let a cycle come after a while; returns the names of what fires."""
        return [":".join(filter(None, (one.name, one.source))) for one in self.at(self.now + gap, *found)]

    def cycles(self, count: int, *found: Sighting, gap: timedelta = TICK) -> int:
        """Let so many cycles come; returns how often anything fires."""
        return sum(len(self.after(gap, *found)) for _ in range(count))


def leak(excess: float = 2.0, who: str = "leaker", **more: Any) -> Sighting:
    culprit = Culprit(name=who, pid=8, created=1.0)
    return sighting("memory_leak", excess, source=who, culprit=culprit, **more)


def whole(excess: float | None = 2.0, culprit: Culprit | None = None) -> Sighting:
    return sighting("memory_leak", excess, culprit=culprit)


def held(holds: bool | None, cycles: int = 3) -> Sighting:
    excess = None if holds is None else float(holds)
    return sighting("mine", excess, cycles=cycles)


def test_an_event_has_all_that_was_seen() -> None:
    seen = sighting(value=91.0, expected=40.0, unit="percent", since=NOW - TICK, culprit=LEAKER, caused_by="r1")
    (event,) = Latched().at(NOW, seen)
    assert event == Event(
        name="cpu_spike",
        at=NOW,
        value=91.0,
        expected=40.0,
        unit="percent",
        since=NOW - TICK,
        reason="it is so",
        culprit=LEAKER,
        caused_by="r1",
    )
    assert Latched().at(NOW, sighting(source="db", name="high_latency"))[0].source == "db"
    assert Latched().at(NOW, sighting())[0].since == NOW


def test_what_stays_is_one_event_and_what_comes_again_another() -> None:
    latched = Latched()
    assert latched.after(TICK, sighting()) == ["cpu_spike"]
    assert latched.cycles(100, sighting()) == 0
    assert latched.cycles(7, sighting(excess=0.1)) == 0
    assert latched.after(TICK, sighting()) == ["cpu_spike"]


def test_what_flaps_around_its_limit_for_a_day_fires_once_per_cool_down_at_most() -> None:
    latched, fired = Latched(), []
    for number in range(288):
        excess = 2.0 if number % 8 == 0 else 0.1
        fired += [NOW + number * TICK] * len(latched.at(NOW + number * TICK, sighting(excess=excess)))
    assert 1 < len(fired) <= 12
    assert all(b - a >= CALM.cool_down for a, b in pairwise(fired))


def test_while_it_learns_it_is_silent() -> None:
    latched = Latched()
    assert latched.cycles(5, sighting(learning=timedelta(hours=1))) == 0
    assert latched.after(TICK, sighting(learning=timedelta(0))) == ["cpu_spike"]


def test_without_a_verdict_nothing_changes() -> None:
    latched = Latched()
    latched.after(TICK, sighting())
    before = latched.text
    assert latched.cycles(20, sighting(excess=None)) == 0
    assert latched.text == before


def test_the_cool_down_of_the_user_holds() -> None:
    latched = Latched(cpu_spike={"cool_down": timedelta(hours=10)})
    latched.after(TICK, sighting())
    latched.cycles(60, sighting(excess=0.1))
    assert latched.after(TICK, sighting()) == []
    latched.cycles(60, sighting(excess=0.1))
    assert latched.after(TICK, sighting()) == ["cpu_spike"]


@pytest.mark.parametrize("most", [1, 2, 4])
def test_an_event_fires_so_often_within_an_hour_and_not_more_whatever_its_source(most: int) -> None:
    latched = Latched(high_latency={"max_per_hour": most})
    fired = [latched.after(minutes(1), sighting("high_latency", source=f"probe{number}")) for number in range(6)]
    assert [len(one) for one in fired] == [1] * most + [0] * (6 - most)
    assert latched.after(minutes(1), sighting("cpu_spike")) == ["cpu_spike"]
    assert latched.after(minutes(60), sighting("high_latency", source="probe5")) == ["high_latency:probe5"]


def test_sources_that_fire_together_count_once() -> None:
    latched = Latched(high_latency={"max_per_hour": 1})
    together: Sequence[Sighting] = [sighting("high_latency", source=f"probe{number}") for number in range(3)]
    assert len(latched.after(TICK, *together)) == 3
    assert latched.after(TICK, sighting("high_latency", source="another")) == []


# -- conditions ------------------------------------------------------------------------------------


def test_a_condition_fires_once_at_the_third_cycle_in_a_row() -> None:
    latched = Latched().own()
    assert [latched.after(TICK, held(True)) for _ in range(5)] == [[], [], ["mine"], [], []]


def test_a_condition_began_when_it_was_first_met() -> None:
    latched = Latched().own()
    latched.cycles(2, held(True))
    (event,) = latched.at(latched.now + TICK, held(True))
    assert event.since == event.at - 2 * TICK


def test_cycles_by_hand_in_between_do_not_count() -> None:
    latched = Latched().own()
    assert latched.cycles(5, held(True), gap=timedelta(seconds=20)) == 0
    assert latched.after(TICK, held(True)) == []
    assert latched.after(timedelta(seconds=20), held(True)) == []
    assert latched.after(TICK, held(True)) == ["mine"]


@pytest.mark.parametrize(("gap", "holds"), [(minutes(30), True), (TICK, False)], ids=["a gap", "it did not hold"])
def test_a_condition_begins_anew_after_a_gap_or_when_it_did_not_hold(gap: timedelta, holds: bool) -> None:
    latched = Latched().own()
    latched.cycles(2, held(True))
    assert latched.after(gap, held(holds)) == []
    assert latched.after(TICK, held(True)) == []


def test_what_is_not_known_neither_counts_nor_begins_anew() -> None:
    latched = Latched().own()
    latched.cycles(2, held(True))
    assert latched.after(TICK, held(None)) == []
    assert latched.after(TICK, held(True)) == ["mine"]


def test_a_condition_is_armed_again_when_it_was_calm_as_long_and_the_cool_down_is_over() -> None:
    latched = Latched().own(cool_down=minutes(60))
    latched.cycles(3, held(True))
    latched.cycles(11, held(False))
    assert latched.cycles(3, held(True)) == 1
    latched.cycles(8, held(False))
    assert latched.cycles(2, held(True)) == 0


# -- leaks -----------------------------------------------------------------------------------------


def test_a_process_and_the_total_do_not_tell_the_same_twice() -> None:
    latched = Latched()
    assert latched.after(TICK, whole(None), leak()) == ["memory_leak:leaker"]
    assert latched.cycles(10, whole(), leak(0.9)) == 0
    other = Latched()
    assert other.after(TICK, whole(culprit=LEAKER)) == ["memory_leak"]
    assert other.cycles(10, whole(None), leak()) == 0


def test_a_total_without_a_culprit_and_then_a_process_are_two_things() -> None:
    latched = Latched()
    assert latched.after(TICK, whole()) == ["memory_leak"]
    assert latched.after(TICK, whole(None), leak()) == ["memory_leak:leaker"]


def test_another_process_that_leaks_is_another_event() -> None:
    latched = Latched()
    latched.after(TICK, leak())
    assert latched.after(TICK, leak(), leak(who="other")) == ["memory_leak:other"]


def test_a_process_that_is_not_blamed_any_more_is_calm_and_may_fire_again() -> None:
    latched = Latched()
    latched.after(TICK, whole(None), leak())
    latched.cycles(288, whole(0.0))
    assert latched.after(TICK, whole(None), leak()) == []
    latched.cycles(2 * 288, whole(0.0))
    assert latched.after(TICK, whole(None), leak()) == ["memory_leak:leaker"]


def test_the_cool_down_of_the_user_holds_for_a_process_that_is_gone() -> None:
    latched = Latched(memory_leak={"cool_down": timedelta(days=3)})
    latched.after(TICK, whole(None), leak())
    latched.cycles(2 * 288, whole(0.0))
    assert latched.after(TICK, whole(None), leak()) == []


def test_where_nobody_has_looked_a_process_is_not_calm() -> None:
    latched = Latched()
    latched.after(TICK, whole(None), leak())
    latched.cycles(3 * 288)
    assert latched.after(TICK, whole(None), leak()) == []


# -- what is remembered ----------------------------------------------------------------------------


def test_latches_of_events_that_are_off_or_gone_are_dropped() -> None:
    latched = Latched().own()
    latched.after(TICK, sighting(), sighting("mine"))
    latched.watches["cpu_spike"] = Watch(name="cpu_spike", level=Level.OFF)
    del latched.watches["mine"]
    assert latched.after(TICK) == []
    assert latched.text == ""


def test_a_latch_without_a_word_for_two_months_is_dropped() -> None:
    latched = Latched()
    latched.after(TICK, sighting())
    latched.after(FORGOTTEN - TICK)
    assert "cpu_spike" in latched.text
    latched.after(TICK)
    assert latched.text == ""


def test_latches_that_were_never_turned_are_not_written() -> None:
    latched = Latched()
    latched.after(TICK, sighting(excess=None))
    assert latched.text == ""
    assert happened('{"cpu_spike":{"disarmed":true}}', (), latched.watches, NOW, TICK) == ("", [])


@pytest.mark.parametrize("by", [timedelta(hours=-1), -DAY, DAY, -400 * DAY])
def test_a_clock_that_was_set_fires_nothing_of_what_is_still_so(by: timedelta) -> None:
    latched = Latched().own()
    latched.cycles(3, sighting(), held(True), leak())
    fired = latched.after(by, sighting(), held(True), leak())
    assert fired == []
    assert latched.cycles(20, sighting(), held(True), leak()) == 0
